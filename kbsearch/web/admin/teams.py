"""Teams: who is of them, what they look after, how the next of one is chosen."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import people, revisions
from kbsearch.errors import Invalid
from kbsearch.people.organisations import products
from kbsearch.tickets import teams
from kbsearch.tickets.teams import Team, TeamFields
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, render_form, revision, text, texts
from kbsearch.web.render import db, language, render, spoken_language, viewer

FIELDS = {  # of the form, by what can be wrong with them
    "team.name_invalid": "name",
    "team.name_taken": "name",
    "team.too_many": "name",
    "team.way_unknown": "way",
    "team.member_unknown": "members",
    "team.product_unknown": "products",
}


@bp.get("/teams")
def list_teams() -> Response:
    return render(
        "admin/teams.html",
        teams=teams.list_all(db(), viewer()),
        names=dict(people.list_answering(db())),
        products={product.slug: product.name for product in products.list_all(db())},
    )


@bp.get("/teams/new")
def new_team() -> Response:
    return form(None, Form({"way": "in_turn"}))


@bp.post("/teams")
def add_team() -> Response:
    fields = sent()
    try:
        added = teams.add(db(), viewer(), typed())
    except Invalid as problem:
        return form(None, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/teams/{added.id}?done=saved", 303)


@bp.get("/teams/<id>")
def show_team(id: str) -> Response:
    team = team_of(id)
    there = {"name": team.name, "way": team.way, "members": team.members, "products": team.products}
    return form(team, Form({**there, "revision": revisions.of(teams.texts(team))}))


@bp.post("/teams/<id>")
def save_team(id: str) -> Response:
    team, fields = team_of(id), sent()
    try:
        teams.edit(db(), viewer(), team, typed(), revision=revision())
    except Invalid as problem:
        return form(team, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/teams/{id}?done=saved", 303)


@bp.post("/teams/<id>/state")
def archive_or_restore_team(id: str) -> Response:
    change = teams.archive if text("state") == "archived" else teams.restore
    changed = change(db(), viewer(), team_of(id))
    done = "archived" if changed.archived_at else "restored"
    return redirect(f"/{language()}/admin/teams/{id}?done={done}", 303)


def typed() -> TeamFields:
    return TeamFields(text("name"), text("way"), texts("members"), texts("products"))


def sent() -> Form:
    chosen = {"members": texts("members"), "products": texts("products")}
    return Form({**{name: text(name) for name in ("name", "way", "revision")}, **chosen})


def form(team: Team | None, fields: Form) -> Response:
    return render_form(
        "admin/team.html",
        form=fields,
        shown=team,
        ways=teams.WAYS,
        agents=spoken_language().with_absences(
            people.list_answering(db()), teams.list_away(db(), viewer())
        ),
        products=[(product.slug, product.name) for product in products.list_all(db())],
        done=request.args.get("done", ""),
    )


@names_a_page()
def team_of(id: str) -> Team:
    return teams.find(db(), viewer(), id)
