"""Who may read a ticket: this is the one place that says so, of one and of many.

Its customers are words beside it (`ticket_readers`). Who answers is asked of the ticket as it
stands: `desk` reads every one; an agent who is limited, what is of their teams or products, what
they look after and what they filed themselves.
"""

from collections.abc import Iterable
from dataclasses import replace

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database, Values, one_of

TICKET = "t.id"  # of tickets `t`


def condition(viewer: Viewer, column: str = TICKET) -> tuple[str, Values]:
    """Which tickets the viewer reads, as a condition on the column of their ids, and its values.

    No SQL elsewhere says who reads a ticket. Whoever reads all is not asked about each. A column
    called `id` is that of tickets themselves.
    """
    if viewer.sees_all_tickets:
        return ("1 = 1" if column == TICKET else f"{column} IS NOT NULL"), {}
    if not viewer.is_agent:
        return access.visible(viewer, "ticket_readers", "ticket_id", column)
    named = replace(viewer, principals=(f"user:{viewer.person_id}",))
    is_named, values = access.visible(named, "ticket_readers", "ticket_id", column)
    is_theirs, limits = _limited(viewer, column)
    held = {"held_ticket": viewer.held_ticket}
    return f"({is_theirs} OR {column} = :held_ticket OR {is_named})", {**values, **limits, **held}


def _limited(viewer: Viewer, column: str) -> tuple[str, Values]:
    """Which tickets an agent answers who is limited, as such a condition."""
    tickets, _, name = column.partition(".")
    its = tickets if name == "id" else "its"
    teams, team_ids = one_of("limit_team", viewer.limits.teams)
    products, product_ids = one_of("limit_product", viewer.limits.products)
    condition = f"""
        {its}.team_id IN ({teams}) OR {its}.product_id IN ({products})
        OR {its}.assignee_id = :limited_to OR {its}.filed_by_id = :limited_to
    """
    if name != "id":
        condition = f"EXISTS (SELECT 1 FROM tickets its WHERE its.id = {column} AND ({condition}))"  # noqa: S608
    return condition, {**team_ids, **product_ids, "limited_to": viewer.person_id}


def words(db: Database, ticket_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The principals that read each of some tickets, but for `desk`: what the index filters by."""
    places, values = one_of("ticket", list(ticket_ids))
    readers: dict[str, set[str]] = {}
    for row in db.query(
        f"""
        SELECT id, team_id, product_id, assignee_id, filed_by_id FROM tickets
        WHERE id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        readers[row["id"]] = access.desk_words(
            filter(None, [row["team_id"]]),
            filter(None, [row["product_id"]]),
            filter(None, [row["assignee_id"], row["filed_by_id"]]),
        )
    for row in db.query(
        f"SELECT ticket_id, word FROM ticket_readers WHERE ticket_id IN ({places})",  # noqa: S608
        values,
    ):
        readers.setdefault(row["ticket_id"], set()).add(row["word"])
    return {ticket_id: tuple(sorted(own)) for ticket_id, own in readers.items()}
