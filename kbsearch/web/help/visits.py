"""What a visit saw and did, told by the pages once it has settled: no keystroke waits for it.

A page tells with a beacon, which a prefetch or a crawler never sends, so that reading changes
nothing. What changes something anyway (a request that is filed, an answer that helped) is
recorded where it happens, also without JavaScript.
"""

import hmac
from collections.abc import Mapping
from contextlib import suppress

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import keys, limits
from kbsearch.clock import utc_now
from kbsearch.database import if_possible
from kbsearch.errors import TooMany
from kbsearch.search.learning import visits
from kbsearch.tickets import Ticket
from kbsearch.web.account import tokens
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, site, viewer

MAX_TARGET = 200

bp = Blueprint("visits", __name__)


@bp.post("/visits")
def tell() -> Response:
    """Take down a settled search, the results that were shown, or one that was opened."""
    response = Response(status=204)
    with suppress(TooMany), if_possible(db()):  # nobody waits for the answer
        remember(response, _take_down(request.form))
    return response


def _take_down(fields: Mapping[str, str]) -> str | None:
    limits.take(db(), limits.VISITS_FROM_NETWORK, limits.network(request.remote_addr))

    def take_down() -> str | None:
        visit_id = visit()
        if "q" in fields:
            visits.searched(
                db(),
                visit_id,
                fields["q"],
                results=min(whole(fields.get("results", "")) or 0, 1_000_000),
                product=fields.get("product", "")[:MAX_TARGET],
            )
        visits.shown(db(), visit_id, targets("shown"))
        for target in targets("opened")[:1]:
            visits.opened(db(), visit_id, target)
        return visit_id

    return db().retried(take_down)


def targets(name: str) -> list[str]:
    """Paths of articles and numbers of requests; anything else is no result of ours."""
    targets = [text[:MAX_TARGET] for text in request.form.getlist(name)]
    return [text for text in targets if text.isdecimal() or text.count("/") >= 1]


def visit() -> str | None:
    """The visit that this request belongs to; None for what is not counted."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    held = tokens.held(tokens.VISIT)
    is_prefetch = "prefetch" in purpose
    return visits.visit(db(), viewer(), held, network=network(), is_prefetch=is_prefetch)


def network() -> str:
    """The network this request comes from, for a day: no address can be had from it again."""
    near = limits.neighbourhood(request.remote_addr)
    key = keys.derive(site().settings, "networks of guests")
    text = f"{utc_now().date()} {near}".encode()
    return hmac.digest(key, text, "sha256").hex()[:32]


def filed(response: Response, ticket: Ticket) -> None:
    """Take down that a request was filed, which it is whatever becomes of this."""
    with if_possible(db()), db().atomic():
        visit_id = visit()
        visits.filed(db(), visit_id, ticket)
        remember(response, visit_id)


def remember(response: Response, visit_id: str | None) -> None:
    """Let the browser say next time that it is the same visit."""
    if visit_id is not None and visit_id != tokens.held(tokens.VISIT):
        tokens.give(response, tokens.VISIT, visit_id)
