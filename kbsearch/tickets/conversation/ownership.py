"""Whose a request is: the team it belongs to, and the next of that team who is free."""

from datetime import datetime

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket, events, teams
from kbsearch.tickets.conversation import lifecycle

NEXT = "next"  # in the place of an assignee: the next of the team


def assign(
    db: Database, viewer: Viewer, ticket: Ticket, choice: str, *, at: datetime | None = None
) -> None:
    """Have somebody look after a request: an id, `NEXT` of its team, or nothing for nobody."""
    if choice == NEXT:
        hand_out(db, viewer, ticket, at=at)
    else:
        lifecycle.assign(db, viewer, ticket, choice or None, at=at)


def give(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    team_id: str | None,
    *,
    at: datetime | None = None,
) -> None:
    """Say whose a request is, or that it is no team's; customers notice nothing of it."""
    with db.atomic():
        there = lifecycle.for_agents(db, viewer, ticket)
        if there.team_id == team_id:
            return
        if team_id is not None and teams.find(db, viewer, team_id).archived_at:
            raise NotFound("team.not_found")
        db.execute(
            "UPDATE tickets SET team_id = :team WHERE id = :id",
            {"team": team_id, "id": there.id},
        )
        events.record(
            db,
            viewer,
            there.id,
            events.NewEvent(
                "ticket.changed",
                stored(at or utc_now()),
                field="team",
                before=there.team_id,
                after=team_id,
            ),
        )


def hand_out(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Have the next of its team who is free look after a request.

    One that was given to somebody since it was read stays theirs. Raises Invalid where it has no
    team, or nobody of it is free.
    """
    with db.atomic():
        there = lifecycle.for_agents(db, viewer, ticket)
        if there.assignee_id != ticket.assignee_id:
            return
        if there.team_id is None:
            raise Invalid("ticket.no_team", number=there.number)
        team = teams.find(db, viewer, there.team_id)
        next_one = teams.take_turn(db, viewer, team, but=there.assignee_id, at=at)
        if next_one is None:
            raise Invalid("team.nobody_free", name=team.name)
        lifecycle.assign(db, viewer, ticket, next_one, at=at)
