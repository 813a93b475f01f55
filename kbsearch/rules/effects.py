"""What rules do: all that a macro does, and what is said and told besides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kbsearch import outbox, people
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid
from kbsearch.messages.webhooks import events as site_events
from kbsearch.rules.conditions import choose
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket, teams
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import actions, saved_replies
from kbsearch.tickets.desk.actions import Action, ActionTerms, Checks, Values
from kbsearch.tickets.desk.saved_replies import SavedReply

MAX_NOTE = 4000
MOST_TOLD = 50
ON = "yes"
NOTICE = outbox.declare("rule.notice", "mail")
APPLIED = "rule.applied"  # to webhooks


@dataclass(frozen=True)
class RuleAtWork:
    """A rule at work on a request: the id under which it is kept, as whom, and how."""

    id: str
    viewer: Viewer
    settings: Settings
    terms: ActionTerms


def carry_out(db: Database, run: RuleAtWork, ticket: Ticket, action: Action) -> None:
    """Do one thing; raises what its door raises."""
    if action.kind in actions.DOORS:
        actions.carry_out(db, run.viewer, ticket, [action], run.terms)
    else:
        DOORS[action.kind](db, run, ticket, action.values)


def answer_for(db: Database, viewer: Viewer, values: Values, language: str) -> SavedReply | None:
    """The one of these saved replies that is in a language; None where there is none."""
    there = {reply.id: reply for reply in saved_replies.list_all(db, viewer)}
    fitting = (there[id] for id in values if id in there)
    return next((reply for reply in fitting if reply.language == language), None)


def told(db: Database, viewer: Viewer, action: Action) -> list[str]:
    """The ids of those whom an action tells something, as far as they answer requests."""
    answering = dict(people.list_answering(db))
    ids = list(action.values)
    if action.kind == "tell_teams":
        members = {team.id: team.members for team in teams.list_active(db, viewer)}
        ids = [person_id for team_id in ids for person_id in members.get(team_id, ())]
    return [person_id for person_id in dict.fromkeys(ids) if person_id in answering]


def _note(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    text = plain_text.block_within(MAX_NOTE, values[0])
    return (text,) if text else ()


def _replies(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """One for each language at most."""
    there = {reply.id: reply.language for reply in saved_replies.list_all(db, viewer)}
    languages = [there.get(value) for value in values]
    if None in languages or len(set(languages)) < len(languages):
        raise Invalid("rule.choice_unknown")
    return tuple(values)


def _answering(db: Database, viewer: Viewer) -> list[str]:
    return list(dict(people.list_answering(db)))


def _active_teams(db: Database, viewer: Viewer) -> list[str]:
    return [team.id for team in teams.list_active(db, viewer)]


def _flag(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    return (ON,)


# In the order in which they are done.
CHECKS: Checks = {
    **{kind: check for kind, check in actions.CHECKS.items() if kind != "status"},
    "note": _note,
    "reply": _replies,
    "status": actions.CHECKS["status"],
    "tell_people": partial(choose, _answering, MOST_TOLD),
    "tell_teams": partial(choose, _active_teams, MOST_TOLD),
    "webhook": _flag,
}


def _leave_note(db: Database, run: RuleAtWork, ticket: Ticket, values: Values) -> None:
    replies.note(db, run.viewer, ticket, ReplyForm(new_id(), values[0]), at=run.terms.at)


def _answer(db: Database, run: RuleAtWork, ticket: Ticket, values: Values) -> None:
    reply = answer_for(db, run.viewer, values, ticket.language)
    if reply is not None:
        text = saved_replies.filled(run.settings, run.viewer, ticket, reply)
        replies.reply(db, run.viewer, ticket, ReplyForm(new_id(), text), at=run.terms.at)


def _tell(kind: str, db: Database, run: RuleAtWork, ticket: Ticket, values: Values) -> None:
    for person_id in told(db, run.viewer, Action(kind, values)):
        outbox.add_once(db, NOTICE, f"{run.id} {person_id}")


def _tell_webhooks(db: Database, run: RuleAtWork, ticket: Ticket, values: Values) -> None:
    site_events.tell(db, APPLIED, run.id)


DOORS: Mapping[str, Callable[[Database, RuleAtWork, Ticket, Values], None]] = {
    "note": _leave_note,
    "reply": _answer,
    "tell_people": partial(_tell, "tell_people"),
    "tell_teams": partial(_tell, "tell_teams"),
    "webhook": _tell_webhooks,
}
