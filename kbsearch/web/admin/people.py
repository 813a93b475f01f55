"""People: the list, the form, and what else can be done to an account."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import access, people, revisions
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import (
    MAX_EMAIL,
    Person,
    PersonFields,
    agent_limits,
    organisations,
    undeliverable,
)
from kbsearch.people.accounts import addresses, choosing, directory, personal_tokens
from kbsearch.people.accounts.directory import AccountState, PeopleFilter
from kbsearch.people.accounts.personal_tokens import PersonalToken
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import products
from kbsearch.tickets import teams
from kbsearch.web import numbers
from kbsearch.web.admin.door import bp, for_agents, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, revision, text, texts
from kbsearch.web.render import db, language, render, viewer

MAX_TEXT = 200
MAX_PAGE = 2000
FIELDS = {  # of the form, by what can be wrong with them
    "person.email_taken": "email",
    "person.email_invalid": "email",
    "person.name_invalid": "name",
    "person.role_unknown": "role",
    "person.last_administrator": "role",
    "person.language_unknown": "language",
    "organisation.not_found": "organisations",
}
DONE = (
    *("added", "added-invited", "saved", "invited", "closed", "opened"),
    *("signed-out", "revoked", "reset", "reached", "address", "limited"),
)
LIMITS = {
    "person.limits_of_agents": "limit_teams",
    "person.limit_team_unknown": "limit_teams",
    "person.limit_product_unknown": "limit_products",
}


@bp.get("/people")
@for_agents
def list_people() -> Response:
    query = read_query()
    return render(
        "admin/people.html",
        "admin/_people.html",
        asked=query,
        found=directory.search(db(), viewer(), query),
        roles=access.ROLES,
        organisations=names(),
    )


def read_query() -> PeopleFilter:
    """The people an address asks for; whatever makes no sense in it is left out."""
    args = request.args
    return PeopleFilter(
        args.get("q", "")[:MAX_TEXT],
        role=args.get("role") or None,
        organisation=args.get("organisation") or None,
        state=cast(AccountState, args["state"])
        if args.get("state") in ("open", "closed")
        else None,
        page=numbers.page(args, MAX_PAGE),
    )


@bp.get("/people/new")
@for_agents
def new_person() -> Response:
    organisation = request.args.get("organisation")
    values = {
        "role": "customer",
        "invited": True,
        "organisations": [organisation] if organisation else [],
    }
    return form(None, Form(values))


@bp.post("/people")
@for_agents
def add_person() -> Response:
    fields = sent()
    try:
        role = text("role") if viewer().is_administrator else "customer"
        account = replace(typed(), email=text("email"), role=role)
        added = directory.add(db(), viewer(), account, invited=is_on("invited"))
    except (Invalid, NotFound) as problem:
        return form(None, fields.refused(problem, FIELDS))
    return done(added.id, "added-invited" if is_on("invited") else "added")


@bp.get("/people/<id>")
@for_agents
def show_person(id: str) -> Response:
    person = person_of(id)
    return form(person, shown(person))


@bp.post("/people/<id>")
def save_person(id: str) -> Response:
    person, fields = person_of(id), sent()
    try:
        people.edit(db(), viewer(), person, typed(), revision=revision())
    except (Invalid, NotFound) as problem:
        return form(person, fields.refused(problem, FIELDS))
    return done(id, "saved")


@bp.post("/people/<id>/invitation")
@for_agents
def invite_person(id: str) -> Response:
    return act(id, choosing.invite, "invited")


@bp.post("/people/<id>/address")
def enter_address(id: str) -> Response:
    """Another address, which whoever reads it has to confirm."""
    person, typed_address = person_of(id), text("new_email")[:MAX_EMAIL]
    try:
        addresses.enter(db(), viewer(), person, typed_address)
    except Invalid as problem:
        values = Form({**shown(person).values, "new_email": typed_address})
        return form(person, values.refused(problem, {problem.key: "new_email"}))
    return done(id, "address")


@bp.post("/people/<id>/limits")
def limit_person(id: str) -> Response:
    """Which requests an agent answers: of which teams, of which products."""
    person = person_of(id)
    limits = AgentLimits(tuple(texts("limit_teams")), tuple(texts("limit_products")))
    try:
        agent_limits.edit(db(), viewer(), person, limits, revision=text("limits_revision") or None)
    except Invalid as problem:
        values = {"limit_teams": limits.teams, "limit_products": limits.products}
        return form(person, Form({**shown(person).values, **values}).refused(problem, LIMITS))
    return done(id, "limited")


@bp.post("/people/<id>/state")
def open_or_close(id: str) -> Response:
    if text("state") == "closed":
        return act(id, people.disable, "closed")
    return act(id, people.enable, "opened")


@bp.post("/people/<id>/sessions")
def end_sessions(id: str) -> Response:
    return act(id, directory.end_sessions, "signed-out")


@bp.post("/people/<id>/tokens/<token>/removal")
def revoke_token(id: str, token: str) -> Response:
    person = person_of(id)
    if token not in {listed.id for listed in tokens_of(person)}:
        raise NotFound("web.not_found")
    personal_tokens.revoke(db(), viewer(), token)
    return done(id, "revoked")


@bp.post("/people/<id>/mail")
@for_agents
def reach_person_again(id: str) -> Response:
    return act(id, directory.reach_again, "reached")


@bp.post("/people/<id>/second-factor")
def reset_second_factor(id: str) -> Response:
    return act(id, directory.reset_second_factor, "reset")


def act(id: str, verb: Callable[..., object], outcome: str) -> Response:
    """Do it and come back to the person, or say there why it cannot be done."""
    person = person_of(id)
    try:
        verb(db(), viewer(), person)
    except Invalid as problem:
        return form(person, shown(person).refused(problem, {problem.key: "account"}))
    return done(id, outcome)


def done(id: str, outcome: str) -> Response:
    return redirect(f"/{language()}/admin/people/{id}?done={outcome}", 303)


def shown(person: Person) -> Form:
    return Form({**vars(person), "revision": revisions.of(people.texts(person))})


def typed() -> PersonFields:
    return PersonFields(
        name=text("name"),
        role=text("role"),
        organisations=texts("organisations"),
        language=text("language"),
    )


def sent() -> Form:
    values = {name: text(name) for name in ("email", "name", "role", "language", "revision")}
    boxes = {"invited": is_on("invited"), "organisations": texts("organisations")}
    return Form({**values, **boxes})


def form(person: Person | None, fields: Form) -> Response:
    return render_form(
        "admin/person.html",
        form=fields,
        shown=person,
        tokens=tokens_of(person) if person else (),
        unreached=undeliverable.find(db(), person.id) if person else None,
        roles=access.ROLES if viewer().is_administrator else ("customer",),
        organisations=names().items(),
        **limits_of(person, fields),
        done=next((outcome for outcome in DONE if outcome == request.args.get("done")), None),
    )


def limits_of(person: Person | None, sent: Form) -> dict[str, Any]:
    """What an agent is limited to and may be, for administrators."""
    if person is None or person.role != "agent" or not viewer().is_administrator:
        return {"limits": None}
    limits = agent_limits.find(db(), viewer(), person)
    there = Form({"limit_teams": limits.teams, "limit_products": limits.products})
    return {
        "limits": sent if sent.wrong in LIMITS.values() else there,
        "is_limited": bool(limits.teams or limits.products),
        "limits_revision": revisions.of(agent_limits.texts(limits)),
        "teams": [(team.id, team.name) for team in teams.list_all(db(), viewer())],
        "products": [(product.slug, product.name) for product in products.list_all(db())],
    }


def tokens_of(person: Person) -> list[PersonalToken]:
    """What acts as somebody, for administrators to revoke."""
    return personal_tokens.list_of(db(), person.id) if viewer().is_administrator else []


def names() -> dict[str, str]:
    """The names of organisations by slug."""
    return {organisation.slug: organisation.name for organisation in organisations.list_all(db())}


@names_a_page()
def person_of(id: str) -> Person:
    return directory.find(db(), viewer(), id)
