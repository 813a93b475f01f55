"""What is on its way out, for agents: waiting, failed, given up, why, and sending it again."""

from collections.abc import Collection

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.delivery import departures
from kbsearch.people import profiles
from kbsearch.site import outgoing
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, language, render, viewer

bp = Blueprint("deliveries", __name__)


@bp.get("/desk/deliveries")
def index() -> Response:
    return page()


@bp.get("/desk/deliveries/account")
def account() -> Response:
    """What became of each letter and text message, and whether the sum is right."""
    state = _chosen("state", departures.STATES)
    text = request.args.get("q", "").strip()
    return render(
        "desk/departures.html",
        lines=departures.list_lines(db(), viewer(), state=state, text=text),
        counts=departures.count_by_state(db(), viewer()),
        balance=departures.balance(db()),
        state=state,
        text=text,
        most_listed=departures.MAX_LISTED,
        zone=profiles.find(db(), viewer()).time_zone or profiles.DEFAULT_TIME_ZONE,
    )


@bp.post("/desk/deliveries")
def send_all_again() -> Response:
    """All that was given up, of the channel that is looked at."""
    channel = _chosen("channel", outgoing.CHANNELS)
    try:
        count = outgoing.all_dead_again(db(), viewer(), channel=channel)
    except Invalid as problem:
        return page(i18n.explain(problem, language()))
    return redirect(f"/{language()}/desk/deliveries?done={count}", 303)


@bp.post("/desk/deliveries/<id>")
def send_again(id: str) -> Response:
    try:
        outgoing.again(db(), viewer(), id)
    except Invalid as problem:
        return page(i18n.explain(problem, language()))
    except NotFound as problem:
        if not viewer().is_agent:
            raise
        return page(i18n.explain(problem, language()))
    return redirect(f"/{language()}/desk/deliveries?done=again", 303)


def _chosen(name: str, among: Collection[str]) -> str | None:
    """What the address or the form asks for; what is none of these is nothing."""
    value = request.values.get(name, "")
    return value if value in among else None


def page(wrong: str = "") -> Response:
    channel = _chosen("channel", outgoing.CHANNELS)
    state = _chosen("state", outgoing.STATES)
    outcome = request.args.get("done", "")
    response = render(
        "desk/outgoing.html",
        seen=outgoing.look(db(), viewer(), channel=channel, state=state),
        channel=channel,
        state=state,
        channels=outgoing.CHANNELS,
        states=outgoing.STATES,
        wrong=wrong,
        is_done=outcome == "again",
        count_done=whole(outcome),
    )
    response.status_code = 422 if wrong else 200
    return response
