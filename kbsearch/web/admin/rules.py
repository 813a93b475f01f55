"""Rules: their list in the order that counts, the form of one, and trying it before it is on."""

from functools import partial

from flask import request
from werkzeug.wrappers import Response

from kbsearch import i18n, people, revisions, rules
from kbsearch.errors import InvalidForm
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.promises import calendars
from kbsearch.rules import (
    MOMENTS,
    Rule,
    RuleFields,
    conditions,
    effects,
    trials,
)
from kbsearch.rules.conditions import IF, NO, NONE, YES
from kbsearch.tickets import teams
from kbsearch.tickets.codes import CHANNELS, SEVERITIES, SEVERITY_NAMES, STATUSES
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.actions import OFFERED_STATUSES, THEN
from kbsearch.web import prepared
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, render_form, revision, text, texts
from kbsearch.web.render import db, go_to, language, render, spoken_language, viewer
from kbsearch.web.vendor_fields import definitions, shown_fields, typed_fields

TYPED = ("words", "tags", "without_tags", "add_tags", "remove_tags", "note")  # not chosen


@bp.get("/rules")
def list_rules() -> Response:
    return render(
        "admin/rules.html",
        rules=rules.list_all(db(), viewer()),
        moment_name=prepared.moment_name,
        told=prepared.told,
        done=request.args.get("done", ""),
    )


@bp.get("/rules/new")
def new_rule() -> Response:
    return form(None, Form({"moment": "opened"}))


@bp.post("/rules")
def add_rule() -> Response:
    fields = sent()
    try:
        added = rules.add(db(), viewer(), typed())
    except InvalidForm as refusal:
        return form(None, refused(fields, refusal))
    return go_to(f"/{language()}/admin/rules/{added.id}/trial?done=saved")


@bp.get("/rules/<id>")
def show_rule(id: str) -> Response:
    rule = rule_of(id)
    there = rules.texts(rule)
    shown = {name: shown_value(name, value) for name, value in there.items()}
    for part in (IF, THEN):
        shown |= shown_fields(part, there[f"{part}fields"].splitlines())
    return form(rule, Form({**shown, "revision": revisions.of(there)}))


@bp.post("/rules/<id>")
def save_rule(id: str) -> Response:
    rule, fields = rule_of(id), sent()
    try:
        rules.edit(db(), viewer(), rule, typed(), revision=revision())
    except InvalidForm as refusal:
        return form(rule, refused(fields, refusal))
    return go_to(f"/{language()}/admin/rules/{id}/trial?done=saved")


@bp.get("/rules/<id>/trial")
def try_rule(id: str) -> Response:
    rule = rule_of(id)
    return render(
        "admin/rule_trial.html",
        rule=rule,
        trial=trials.run(db(), viewer(), rule),
        told=prepared.told,
        done=request.args.get("done", ""),
    )


@bp.post("/rules/<id>/state")
def switch_rule(id: str) -> Response:
    is_on = text("state") == "on"
    rules.switch(db(), viewer(), rule_of(id), is_on=is_on)
    return go_to(f"/{language()}/admin/rules?done={'on' if is_on else 'off'}")


@bp.post("/rules/<id>/place")
def move_rule(id: str) -> Response:
    rules.move(db(), viewer(), rule_of(id), "up" if text("direction") == "up" else "down")
    return go_to(f"/{language()}/admin/rules?done=moved#{id}")


@bp.post("/rules/<id>/remove")
def remove_rule(id: str) -> Response:
    rules.remove(db(), viewer(), rule_of(id))
    return go_to(f"/{language()}/admin/rules?done=removed")


@names_a_page()
def rule_of(id: str) -> Rule:
    return rules.find(db(), viewer(), id)


def shown_value(name: str, text: str) -> str | list[str]:
    """A value of a rule as its field shows it: what is chosen as a list, tags on one line."""
    if is_chosen(name):
        return text.splitlines()
    return " ".join(text.split()) if name.endswith("tags") else text


def is_chosen(name: str) -> bool:
    """Whether a field has several values to choose from, or one."""
    is_about_requests = name.startswith((IF, THEN))
    return is_about_requests and name.split("_", 1)[1] not in TYPED


def typed() -> RuleFields:
    return RuleFields(
        text("name"),
        text("moment"),
        text("hours"),
        {kind: texts(IF + kind) for kind in conditions.CHECKS} | {"fields": typed_fields(IF)},
        {kind: texts(THEN + kind) for kind in effects.CHECKS} | {"fields": typed_fields(THEN)},
    )


def sent() -> Form:
    names = ("name", "moment", "hours", "revision", *rules.field_names())
    values = {name: texts(name) if is_chosen(name) else text(name) for name in names}
    for part in (IF, THEN):
        values |= shown_fields(part, typed_fields(part))
    return Form(values)


def refused(fields: Form, refusal: InvalidForm) -> Form:
    """What was sent, with the first thing that is wrong beside its field."""
    name, problem = next(iter(refusal.problems.items()))
    return Form(fields.values, name, i18n.explain(problem, language()))


def form(rule: Rule | None, fields: Form) -> Response:
    spoken = spoken_language()
    _ = spoken.translate
    named_teams = [(team.id, team.name) for team in teams.list_active(db(), viewer())]
    agents = people.list_answering(db())
    sold = [(product.slug, product.name) for product in products.list_all(db())]
    hours = [(calendar.id, calendar.name) for calendar in calendars.list_all(db())]
    severities = [(severity, spoken.named(SEVERITY_NAMES, severity)) for severity in SEVERITIES]
    return render_form(
        "admin/rule.html",
        form=fields,
        shown=rule,
        fields=definitions(),
        moments=MOMENTS,
        moment_name=prepared.moment_name,
        condition_name=prepared.condition_name,
        action_name=prepared.action_name,
        conditions={
            "status": [(status, spoken.staff_status(status)) for status in STATUSES],
            "severity": severities,
            "channel": [(channel, prepared.way_in(channel)) for channel in CHANNELS],
            "product": sold,
            "organisation": [(each.slug, each.name) for each in organisations.list_all(db())],
            "team": [(NONE, _("No team")), *named_teams],
            "looked_after": [(YES, _("yes")), (NO, _("no"))],
            "open": hours,
            "closed": hours,
        },
        actions={
            "product": sold,
            "severity": severities,
            "team": named_teams,
            "assignee": [(ownership.NEXT, _("The next of the team")), *agents],
            "status": [(status, spoken.staff_status(status)) for status in OFFERED_STATUSES],
            "tell_people": agents,
            "tell_teams": named_teams,
        },
        replies=partial(replies_in, saved_replies.list_all(db(), viewer())),
    )


def replies_in(
    replies: list[saved_replies.SavedReply], language: str
) -> list[saved_replies.SavedReply]:
    """The saved replies of a language."""
    return [reply for reply in replies if reply.language == language]
