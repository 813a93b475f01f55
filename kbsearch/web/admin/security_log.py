"""The security log as administrators read it: who changed what, before and after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from kbsearch import audit, people
from kbsearch.audit import Event
from kbsearch.people import organisations
from kbsearch.people.accounts import personal_tokens
from kbsearch.rules.conditions import IF, NONE, YES
from kbsearch.tickets.codes import SEVERITY_NAMES
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk.actions import THEN
from kbsearch.web import code_names, numbers, prepared
from kbsearch.web.admin.door import bp
from kbsearch.web.admin.setting_names import setting_names
from kbsearch.web.render import db, render, spoken_language, viewer

PAGE_LENGTH = 50
MAX_PAGE = 1000
# What administrators and commands did; the rest is what people do to come in.
CHANGES = frozenset(
    {
        *("organisation.added", "organisation.changed", "look.changed", "budget.changed"),
        *("organisation.disabled", "organisation.enabled"),
        *("product.added", "product.changed", "product.disabled", "product.enabled"),
        *("person.added", "person.changed", "person.limited"),
        *("person.disabled", "person.enabled"),
        "address.entered",
        *("person.invited", "person.erased", "ticket.erased", "invitation.printed"),
        *("invitations.planned", "invitations.reminded"),
        *("identity.bound", "identity.unbound", "sessions.ended", "second_factor.reset"),
        *("calendar.added", "calendar.changed", "calendar.archived", "calendar.restored"),
        *("target.added", "target.changed", "target.archived", "target.restored"),
        *("table.uploaded", "table.started", "table.imported", "table.failed", "table.removed"),
        *("tag.renamed", "tag.merged", "tag.removed"),
        "settings.changed",
        *("field.added", "field.changed", "field.archived", "field.restored", "field.moved"),
        *("team.added", "team.changed", "team.archived", "team.restored"),
        *("rule.added", "rule.changed", "rule.switched_on", "rule.switched_off"),
        *("rule.moved", "rule.removed"),
        *("token.added", "token.revoked", "token.returned", "token.misused"),
        *("webhook.added", "webhook.changed", "webhook.secret_changed"),
        *("webhook.disabled", "webhook.enabled"),
        *("mail_access.consented", "lessons.forgotten", "site.restored", "branch.published"),
        "key.changed",
        "branch.approved",
    }
)
# Fields that name people by their ids.
OF_PEOPLE = ("followers", "members", f"{THEN}assignee", f"{THEN}tell_people")


@dataclass(frozen=True)
class FieldChange:
    """A field of what was changed, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class LogLine:
    """An event in words: what was done, to what, by whom."""

    at: str
    kind: str
    subject: str
    actor: str
    changes: tuple[FieldChange, ...]


@bp.get("/log")
def show_log() -> Response:
    is_whole = "all" in request.args
    page = numbers.page(request.args, MAX_PAGE)
    events = audit.list_kinds(
        db(),
        viewer(),
        () if is_whole else CHANGES,
        limit=PAGE_LENGTH + 1,
        offset=(page - 1) * PAGE_LENGTH,
    )
    names = names_of(events[:PAGE_LENGTH])
    return render(
        "admin/security_log.html",
        lines=[line(event, names) for event in events[:PAGE_LENGTH]],
        is_whole=is_whole,
        number_of_page=page,
        has_more=len(events) > PAGE_LENGTH,
    )


def line(event: Event, names: Mapping[str, str]) -> LogLine:
    details = event.details
    before, after = details.get("before", {}), details.get("after", {})
    subject = details.get("subject") or details.get("article", "")
    return LogLine(
        at=event.at,
        kind=kind_name(event.kind),
        subject=name_of(event.person_id, names) if event.person_id else subject,
        actor=actor_of(event, names),
        changes=tuple(
            FieldChange(
                field_name(name),
                value(name, before.get(name, ""), names),
                value(name, text, names),
            )
            for name, text in after.items()
        ),
    )


def names_of(events: Iterable[Event]) -> dict[str, str]:
    """The names of the people in some events, by id."""
    ids: set[str] = set()
    for event in events:
        ids |= {id for id in (event.person_id, event.actor_id) if id}
        for side in ("before", "after"):
            fields = event.details.get(side, {})
            ids |= {id for name in OF_PEOPLE for id in fields.get(name, "").split()}
    return {person.id: person.name for person in people.find_all(db(), sorted(ids))}


def name_of(person_id: str, names: Mapping[str, str]) -> str:
    return names.get(person_id) or spoken_language().translate("Erased account")


def actor_of(event: Event, names: Mapping[str, str]) -> str:
    """Who did it: somebody, a command, or one for the other."""
    _ = spoken_language().translate
    ways = {"command line": _("The command line"), "single sign-on": _("Single sign-on")}
    person = name_of(event.actor_id, names) if event.actor_id else ""
    way = event.details.get("by", "")
    return ", ".join(filter(None, [person, ways.get(way, way)]))


def field_name(name: str) -> str:
    _ = spoken_language().translate
    names = {
        "logo": _("Logo"),
        "favicon": _("Icon of the browser (favicon)"),
        "disabled_at": _("Closed on"),
        "disabled": _("Disabled"),
        "access": _("It may"),
        "only_search": _("Search only"),
        "product": _("Software"),
        "application": _("Application"),
        "resources": _("It comes in by"),
        "expires_at": _("Good until"),
        "requests": _("Requests"),
        "way": _("The next is chosen"),
        "members": _("Members"),
        "limit_teams": _("Limited to the requests of these teams"),
        "limit_products": _("Limited to the requests about these products"),
        "archived_at": _("Archived on"),
        "label_fr": _("Name in French"),
        "label_en": _("Name in English"),
        "hint_fr": _("Explanation in French"),
        "hint_en": _("Explanation in English"),
        "choices": _("Choices"),
        "when_field": _("Only when another field has a value"),
        "when_values": _("Its values"),
        "required": _("Required"),
        "in_form": _("Customers fill it in and read it"),
        "order": _("Order"),
        "position": _("Order"),
        "moment": _("The rule is asked when"),
        "hours": _("For how long, in hours"),
        "budget_hours": _("Hours"),
        "budget_span": _("For"),
        "budget_shown": _("The people named above see what is left"),
    }
    if name.startswith(IF):
        return prepared.condition_name(name.removeprefix(IF))
    if name.startswith(THEN):
        return prepared.action_name(name.removeprefix(THEN))
    settings = setting_names(spoken_language())
    label = settings[name].label if name in settings else ""
    return names.get(name) or label or spoken_language().field_name(name) or name


def value(name: str, text: str, names: Mapping[str, str]) -> str:
    """The value of a field as its form says it."""
    spoken = spoken_language()
    _ = spoken.translate
    if not text:
        return "–"
    if name == "sharing":
        return spoken.named(code_names.SHARINGS, text)
    if name == "role":
        return spoken.named(code_names.ROLES, text)
    if name == "way":
        return spoken.named(code_names.WAYS, text)
    if name == "moment":
        return prepared.moment_name(text)
    if name == f"{THEN}assignee" and text == ownership.NEXT:
        return _("The next of the team")
    if name == "budget_span":
        return _("a month") if text == "month" else _("a year of the contract")
    if name in (
        "budget_shown",
        "trusted_devices",
        "disabled",
        "only_search",
        "required",
        "in_form",
        "with_fields",
    ):
        return _("Yes")
    if name == "access":
        return _("read and write") if text == "write" else _("read")
    if name in ("logo", "favicon"):
        return _("A picture")
    if name.endswith(("_at", "_starts", "_ends")):
        return spoken.date(text)
    parts = text.splitlines()
    if name == "resources":
        ways = {personal_tokens.ASSISTANTS: _("assistants"), personal_tokens.API: _("the API")}
        parts = [ways.get(part, part) for part in parts]
    elif name == "kinds":
        parts = [spoken.named(code_names.EVENTS, kind) for kind in parts]
    elif name in (f"{IF}status", f"{THEN}status"):
        parts = [spoken.staff_status(status) for status in parts]
    elif name in (f"{IF}severity", f"{THEN}severity"):
        parts = [spoken.named(SEVERITY_NAMES, severity) for severity in parts]
    elif name == f"{IF}channel":
        parts = [prepared.way_in(channel) for channel in parts]
    elif name in (f"{IF}looked_after", f"{THEN}webhook"):
        parts = [_("yes") if part == YES else _("no") for part in parts]
    elif name == f"{IF}team":
        parts = [_("No team") if part == NONE else part for part in parts]
    elif name in (f"{IF}product", f"{THEN}product", "limit_products"):
        parts = [spoken.product_name(slug) for slug in parts]
    elif name in OF_PEOPLE:
        parts = [name_of(id, names) for id in parts]
    elif name in ("organisations", f"{IF}organisation"):
        by_slug = {customer.slug: customer.name for customer in organisations.list_all(db())}
        parts = [by_slug.get(slug, slug) for slug in parts]
    return Markup(", ").join(escape(part) for part in parts)


def kind_name(kind: str) -> str:
    """What happened, in words."""
    _ = spoken_language().translate
    names = {
        "organisation.added": _("Organisation added"),
        "organisation.changed": _("Organisation changed"),
        "organisation.disabled": _("Organisation disabled"),
        "organisation.enabled": _("Organisation enabled"),
        "budget.changed": _("Hours of a contract changed"),
        "look.changed": _("Look changed"),
        "product.added": _("Product added"),
        "product.changed": _("Product changed"),
        "product.disabled": _("Product disabled"),
        "product.enabled": _("Product enabled"),
        "person.added": _("Account opened"),
        "person.changed": _("Account changed"),
        "person.limited": _("What an agent sees changed"),
        "person.disabled": _("Account closed"),
        "person.enabled": _("Account opened again"),
        "person.invited": _("Invitation sent"),
        "person.erased": _("Somebody erased"),
        "ticket.erased": _("Request erased"),
        "table.uploaded": _("Table uploaded"),
        "table.started": _("Table: taking over was asked for"),
        "table.imported": _("Table taken over"),
        "table.failed": _("Table not taken over"),
        "table.removed": _("Table removed"),
        "invitations.planned": _("Invitations of many"),
        "invitations.reminded": _("Reminders of invitations"),
        "invitation.sent": _("Invitation e-mailed"),
        "invitation.printed": _("Link of an invitation shown"),
        "invitation.accepted": _("Invitation accepted"),
        "identity.bound": _("Single sign-on allowed"),
        "identity.unbound": _("Single sign-on taken away"),
        "session.ended": _("Session ended"),
        "sessions.ended": _("Sessions ended"),
        "second_factor.reset": _("Second factor reset"),
        "calendar.added": _("Calendar added"),
        "calendar.changed": _("Calendar changed"),
        "calendar.archived": _("Calendar archived"),
        "calendar.restored": _("Calendar no longer archived"),
        "target.added": _("Response target added"),
        "target.changed": _("Response target changed"),
        "target.archived": _("Response target archived"),
        "target.restored": _("Response target no longer archived"),
        "tag.renamed": _("Tag renamed"),
        "tag.merged": _("Tag merged into another"),
        "tag.removed": _("Tag removed"),
        "settings.changed": _("Settings changed"),
        "field.added": _("Field added"),
        "field.changed": _("Field changed"),
        "field.archived": _("Field archived"),
        "field.restored": _("Field restored"),
        "field.moved": _("Fields ordered anew"),
        "team.added": _("Team added"),
        "team.changed": _("Team changed"),
        "team.archived": _("Team archived"),
        "team.restored": _("Team taken up again"),
        "rule.added": _("Rule added"),
        "rule.changed": _("Rule changed"),
        "rule.switched_on": _("Rule switched on"),
        "rule.switched_off": _("Rule switched off"),
        "rule.moved": _("Rule moved"),
        "rule.removed": _("Rule removed"),
        "feed.added": _("Address of a feed made"),
        "feed.revoked": _("Address of a feed revoked"),
        "token.added": _("Token made"),
        "token.revoked": _("Token revoked"),
        "token.returned": _("Token given back by its application"),
        "token.misused": _("Token of an application used by two: ended"),
        "webhook.added": _("Webhook added"),
        "webhook.changed": _("Webhook changed"),
        "webhook.secret_changed": _("Secret of a webhook changed"),
        "webhook.disabled": _("Webhook disabled"),
        "webhook.enabled": _("Webhook enabled"),
        "mail_access.consented": _("Access to mail given"),
        "lessons.forgotten": _("Lessons forgotten"),
        "branch.published": _("Article published in the browser"),
        "branch.approved": _("Article approved in the browser"),
        "site.restored": _("Site restored from an archive"),
        "key.changed": _("Key of the site changed"),
        "sign_in.succeeded": _("Signed in"),
        "sign_in.failed": _("Sign-in failed"),
        "sign_in.refused": _("Sign-in refused"),
        "code.refused": _("Code refused"),
        "limit.reached": _("Limit reached"),
        "proof.given": _("Identity confirmed"),
        "proof.failed": _("Identity not confirmed"),
        "password.changed": _("Password changed"),
        "password.refused": _("Present password refused"),
        "reset.asked": _("New password asked for"),
        "reset.sent": _("Link for a new password sent"),
        "authenticator.added": _("Authenticator added"),
        "authenticator.removed": _("Authenticator removed"),
        "passkey.added": _("Passkey added"),
        "passkey.removed": _("Passkey removed"),
        "passkey.renamed": _("Passkey renamed"),
        "passkey.refused": _("Passkey refused"),
        "recovery_codes.made": _("Recovery codes made"),
        "recovery_code.used": _("Recovery code used"),
        "device.forgotten": _("Device no longer trusted"),
        "address.entered": _("Another address entered"),
        "address.replaced": _("Address replaced"),
        "mobile.verified": _("Mobile number verified"),
        "mobile.removed": _("Mobile number removed"),
        "profile.changed": _("Profile changed"),
        "notifications.chosen": _("Notifications chosen"),
        "notifications.declined": _("Notifications declined"),
        "data.exported": _("Copy of one’s data taken"),
        "address.unreached": _("Mail does not arrive"),
        "file.infected": _("Infected file found"),
        "address.reached": _("Mail arrives again"),
    }
    return names.get(kind, kind)
