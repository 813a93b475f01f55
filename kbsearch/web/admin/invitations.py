"""Invitations of many: whom, how fast, in which words; a rehearsal; who has come."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import people
from kbsearch.config import LANGUAGES
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.accounts import inviting
from kbsearch.people.accounts.inviting import STATES, WaveTerms
from kbsearch.web import numbers
from kbsearch.web.admin.door import bp
from kbsearch.web.admin.forms import Form, is_on, render_form, text
from kbsearch.web.render import db, language, viewer

MAX_PAGE = 10_000
MAX_SLUG = 100
FIELDS = {
    "invitation.pace_invalid": "per_hour",
    "invitation.words_too_long": "words_fr",
    "organisation.not_found": "organisation",
}
DONE = ("planned", "rehearsed", "reminded")


@bp.get("/invitations")
def list_invitations() -> Response:
    organisation = request.args.get("organisation", "")[:MAX_SLUG]
    return page(Form({"organisation": organisation, "per_hour": str(inviting.USUAL_PACE)}))


@bp.post("/invitations")
def plan_invitations() -> Response:
    try:
        count = inviting.plan(db(), viewer(), typed())
    except (Invalid, NotFound) as problem:
        return page(sent().refused(problem, FIELDS))
    return done("planned", count)


@bp.post("/invitations/rehearsals")
def rehearse_invitations() -> Response:
    """The letter to whoever asks for it: the form stays as it was filled in."""
    person = people.find(db(), viewer().email)
    try:
        inviting.rehearse(db(), viewer(), typed(), person)
    except (Invalid, NotFound) as problem:
        return page(sent().refused(problem, FIELDS))
    return page(sent(), outcome="rehearsed")


@bp.post("/invitations/reminders")
def remind_invited() -> Response:
    terms = typed()
    try:
        count = inviting.remind(db(), viewer(), terms.organisations, terms.per_hour)
    except (Invalid, NotFound) as problem:
        return page(sent().refused(problem, FIELDS))
    return done("reminded", count)


def typed() -> WaveTerms:
    organisation = text("organisation")[:MAX_SLUG]
    return WaveTerms(
        organisations=(organisation,) if organisation else (),
        per_hour=numbers.whole(text("per_hour")) or 0,
        words={tongue: text(f"words_{tongue}") for tongue in LANGUAGES},
        by_sign_on=is_on("by_sign_on"),
    )


def sent() -> Form:
    names = ("organisation", "per_hour", *(f"words_{tongue}" for tongue in LANGUAGES))
    return Form({**{name: text(name) for name in names}, "by_sign_on": is_on("by_sign_on")})


def done(outcome: str, count: int) -> Response:
    target = f"/{language()}/admin/invitations?done={outcome}&count={count}"
    return redirect(target, 303)


def page(fields: Form, *, outcome: str = "") -> Response:
    args = request.args
    names = {each.slug: each.name for each in organisations.list_all(db())}
    chosen = str(fields.values.get("organisation") or "")
    organisation = chosen if chosen in names else ""
    state = next((one for one in STATES if one == args.get("state")), "")
    counts = inviting.count_states(db(), viewer(), organisation)
    total = counts[state] if state else sum(counts.values())
    last = max(1, -(-total // inviting.PAGE_LENGTH))
    number = min(numbers.page(args, MAX_PAGE), last)
    return render_form(
        "admin/invitations.html",
        form=fields,
        organisations=names,
        chosen=organisation,
        counts=counts,
        state=state,
        listed=inviting.list_people(db(), viewer(), organisation, state, page=number),
        page_number=number,
        last=last,
        done=outcome or next((one for one in DONE if one == args.get("done")), ""),
        done_count=numbers.whole(args.get("count", "")) or 0,
    )
