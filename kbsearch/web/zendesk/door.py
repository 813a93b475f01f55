"""Who calls: a personal token of ours, as Bearer or as Zendesk's `address/token:TOKEN`."""

from flask import current_app, g, request

from kbsearch import limits
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.errors import Forbidden, SignInNeeded
from kbsearch.web.api.door import PACES, Paces, holder_of, only_unnarrowed
from kbsearch.web.render import db


def let_in(*, writes: bool, open_to_all: bool) -> None:
    """Take the token of the request; raises SignInNeeded, Forbidden, NotFound or TooMany.

    A token narrowed to one product, or to searching, opens nothing here: these shapes have no
    room for that.
    """
    paces: Paces = current_app.extensions[PACES]
    header = request.headers.get("Authorization", "")
    holder = holder_of(db(), header, request.path)
    if holder is None:
        paces.strangers.take(limits.network(request.remote_addr))
        if header or not open_to_all:
            raise SignInNeeded("token.needed")
        g.viewer = ANONYMOUS
        return
    g.viewer, g.token = holder.viewer, holder.token
    if "X-On-Behalf-Of" in request.headers:
        raise Forbidden("zendesk.only_oneself")
    g.calls_left = paces.calls.take(holder.token.id)
    if holder.token.only_search:
        raise Forbidden("token.only_searches")
    only_unnarrowed()
    if writes:
        paces.writes.take(holder.token.id)
        if not holder.token.may_write:
            raise Forbidden("token.only_reads")


def agent() -> Viewer:
    """The caller, who answers requests: the rest of Zendesk's agents' side is for nobody else."""
    viewer: Viewer = g.viewer
    if not viewer.is_signed_in:
        raise SignInNeeded("token.needed")
    if not viewer.is_agent:
        raise Forbidden("ticket.agents_only")
    return viewer
