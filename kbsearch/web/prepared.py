"""Words for what is prepared to be done with requests: by rules, and with saved replies."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from flask import g
from markupsafe import Markup

from kbsearch import people
from kbsearch.tickets import teams
from kbsearch.tickets.codes import SEVERITY_NAMES
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk import field_values, saved_replies
from kbsearch.tickets.desk.actions import Action
from kbsearch.web.render import db, spoken_language, viewer
from kbsearch.web.vendor_fields import definitions

LONGEST_NOTE = 80  # characters of it that are shown


class MacroShown(NamedTuple):
    """What is done when an answer is sent: the id of its saved reply, and in words what."""

    id: str
    actions: list[Markup]


def told(actions: Iterable[Action]) -> list[Markup]:
    """What actions do, each in a few words."""
    return [_told(action, _names()) for action in actions]


def action_name(kind: str) -> Markup:
    """What a form calls a kind of action."""
    _ = spoken_language().translate
    names = {
        "product": _("Software"),
        "severity": _("Severity"),
        "team": _("Team"),
        "assignee": _("Looked after by"),
        "add_tags": _("Add tags"),
        "remove_tags": _("Take tags off"),
        "fields": _("Fields of ours"),
        "note": _("Leave an internal note"),
        "reply": _("Answer with a saved reply"),
        "status": _("Status"),
        "tell_people": _("Send an e-mail to"),
        "tell_teams": _("Send an e-mail to the members of"),
        "webhook": _("Tell webhooks"),
    }
    return names[kind]


def condition_name(kind: str) -> Markup:
    """What a form calls a kind of condition."""
    _ = spoken_language().translate
    names = {
        "words": _("Subject or description has one of these"),
        "tags": _("It has all these tags"),
        "without_tags": _("It has none of these tags"),
        "status": _("Status"),
        "severity": _("Severity"),
        "channel": _("It came by"),
        "product": _("Software"),
        "organisation": _("Organisation"),
        "team": _("Team"),
        "fields": _("Fields of ours"),
        "looked_after": _("It is assigned to somebody"),
        "open": _("Inside the hours of"),
        "closed": _("Outside the hours of"),
    }
    return names[kind]


def moment_name(moment: str) -> Markup:
    """When a rule is asked."""
    _ = spoken_language().translate
    names = {
        "opened": _("A request is opened"),
        "customer_wrote": _("A customer writes"),
        "answered": _("An agent answers"),
        "changed": _("Somebody changes a request"),
        "unanswered": _("A request awaits our answer for so long"),
        "unchanged": _("Nothing changes in a request for so long"),
    }
    return names[moment]


def way_in(channel: str) -> Markup:
    """By which way a request came."""
    _ = spoken_language().translate
    names = {
        "web": _("the form"),
        "email": _("e-mail"),
        "phone": _("telephone"),
        "api": _("a program"),
    }
    return names[channel]


def _names() -> dict[str, str]:
    """What people, teams and saved replies are called, by their ids; read once a request."""
    if "prepared_names" not in g:
        names = dict(people.list_answering(db()))
        names |= {team.id: team.name for team in teams.list_all(db(), viewer())}
        names |= {reply.id: reply.name for reply in saved_replies.list_all(db(), viewer())}
        g.prepared_names = names
    kept: dict[str, str] = g.prepared_names
    return kept


def _answers(values: Iterable[str]) -> str:
    """What fields are set to, each with what it is called."""
    spoken, fields = spoken_language(), {field.name: field for field in definitions()}
    return ", ".join(
        f"{fields[name].told(spoken.code)} → {spoken.answer_text(fields[name], line)}"
        if name in fields
        else f"{name} {line}"
        for name, lines in field_values.parted(values).items()
        for line in ["\n".join(lines)]
    )


def _told(action: Action, names: Mapping[str, str]) -> Markup:
    spoken = spoken_language()
    _ = spoken.translate
    text = ", ".join(names.get(value, value) for value in action.values)
    if action.kind == "assignee" and action.values[0] == ownership.NEXT:
        return _("Assigned to the next of the team")
    if action.kind == "note" and len(text) > LONGEST_NOTE:
        text = f"{text[:LONGEST_NOTE]}…"
    spellings: dict[str, Callable[[str], str]] = {
        "product": spoken.product_name,
        "severity": lambda code: spoken.named(SEVERITY_NAMES, code),
        "status": spoken.staff_status,
    }
    if action.kind == "fields":
        return _("Set: %(value)s", value=_answers(action.values))
    value = spellings[action.kind](text) if action.kind in spellings else text
    sentences = {
        "product": _("Software: %(value)s", value=value),
        "severity": _("Severity: %(value)s", value=value),
        "team": _("Team: %(value)s", value=value),
        "assignee": _("Assigned to %(value)s", value=value),
        "add_tags": _("Tags added: %(value)s", value=value),
        "remove_tags": _("Tags taken off: %(value)s", value=value),
        "note": _("Internal note: %(value)s", value=value),
        "reply": _("Answer: %(value)s", value=value),
        "status": _("Status: %(value)s", value=value),
        "tell_people": _("E-mail to %(value)s", value=value),
        "tell_teams": _("E-mail to the members of %(value)s", value=value),
        "webhook": _("Webhooks are told"),
    }
    return sentences[action.kind]
