"""What programs read and write of the time spent on a ticket; agents."""

from kbsearch import timekeeping
from kbsearch.timekeeping import MAX_NOTE, TimeFields
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller
from kbsearch.web.api.fields import Text, Values
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.api.tickets import NUMBER, ticket_of
from kbsearch.web.render import db

ENTRIES = shapes.record({"time": shapes.several(shapes.TIME)})


@offer(Operation("GET", f"/tickets/{NUMBER}/time", ENTRIES))
def list_time(arguments: Values, number: int) -> ApiAnswer:
    """Time spent on a ticket, the last first; agents"""
    entries = timekeeping.list_of(db(), caller(), ticket_of(number))
    return ApiAnswer({"time": [shapes.values(entry, shapes.TIME) for entry in entries]})


@offer(
    Operation(
        "POST",
        f"/tickets/{NUMBER}/time",
        shapes.TIME,
        body={
            "spent": Text(40, shortest=1, required=True),
            "day": Text(10),
            "note": Text(MAX_NOTE),
        },
        status=201,
    )
)
def record_time(arguments: Values, number: int) -> ApiAnswer:
    """Write time down as one's own: `1h30`, `45 min`; `day` is today without it; agents"""
    ticket = ticket_of(number)
    fields = TimeFields(arguments["spent"], arguments.get("day", ""), arguments.get("note", ""))
    entry_id = timekeeping.record(db(), caller(), ticket, fields)
    entries = timekeeping.list_of(db(), caller(), ticket)
    kept = next(entry for entry in entries if entry.id == entry_id)
    return ApiAnswer(shapes.values(kept, shapes.TIME), f"/api/v1/tickets/{ticket.number}/time")


@offer(Operation("DELETE", f"/tickets/{NUMBER}/time/<id>", ENTRIES))
def remove_time(arguments: Values, number: int, id: str) -> ApiAnswer:
    """Take back what one wrote down; administrators, what anybody did"""
    timekeeping.remove(db(), caller(), ticket_of(number), id)
    return list_time(arguments, number)
