"""What happened, for receivers of webhooks that were away, and for whoever asks now and then."""

from kbsearch.messages.webhooks import journal
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, token
from kbsearch.web.api.fields import Text, Values, Whole
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.render import db, site

LIMIT = 100


@offer(
    Operation(
        "GET",
        "/events",
        shapes.record({"events": shapes.several(shapes.EVENT), "next": shapes.TEXT}),
        query={"after": Text(40), "limit": Whole(1, LIMIT)},
    )
)
def list_events(arguments: Values) -> ApiAnswer:
    """What webhooks are sent, in order, after a cursor; `next` is good until it is asked again"""
    events, cursor = journal.since(
        db(),
        caller(),
        site().settings,
        journal.read_cursor(arguments.get("after", "")),
        limit=arguments.get("limit", LIMIT),
        product=token().product,
    )
    return ApiAnswer({"events": [vars(event) for event in events], "next": str(cursor)})
