"""How somebody who answers wants to work, as they last said."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.tickets import fields
from kbsearch.tickets.fields import OWN

AfterAnswer = Literal["stay", "next", "back"]
AFTER_ANSWER: tuple[AfterAnswer, ...] = get_args(AfterAnswer)
Column = Literal[
    "status",
    "expected",
    "severity",
    "requester",
    "product",
    "team",
    "assignee",
    "opened",
    "updated",
]
COLUMNS: tuple[Column, ...] = get_args(Column)  # in their order
USUAL_COLUMNS: tuple[str, ...] = (
    "status",
    "expected",
    "severity",
    "requester",
    "assignee",
    "opened",
)


@dataclass(frozen=True)
class DeskChoices:
    """What is shown once a request is answered or solved: it, the next of the view, or the view.

    And of the queue, which columns beside the subject.
    """

    after_answer: AfterAnswer = "stay"
    columns: tuple[str, ...] = USUAL_COLUMNS


def find(db: Database, viewer: Viewer) -> DeskChoices:
    """The viewer's."""
    rows = db.query(
        "SELECT after_answer, columns FROM desk_choices WHERE person_id = :me",
        {"me": viewer.person_id},
    )
    if not rows:
        return DeskChoices()
    chosen = rows[0]["columns"].split()
    own = (f"{OWN}{field.name}" for field in fields.definitions(db, viewer))
    columns = tuple(column for column in (*COLUMNS, *own) if column in chosen)
    return DeskChoices(rows[0]["after_answer"], columns or USUAL_COLUMNS)


def keep_after_answer(db: Database, viewer: Viewer, choice: AfterAnswer) -> None:
    """Show that after an answer from now on."""
    access.only_agents(viewer)
    db.execute(
        """
        INSERT INTO desk_choices (person_id, after_answer) VALUES (:me, :choice)
        ON CONFLICT (person_id) DO UPDATE SET after_answer = excluded.after_answer
        """,
        {"me": viewer.person_id, "choice": choice},
    )


def keep_columns(db: Database, viewer: Viewer, names: Iterable[str]) -> None:
    """Show those columns from now on; what is none of them is left out, none are the usual ones."""
    access.only_agents(viewer)
    chosen = set(names)
    own = (f"{OWN}{field.name}" for field in fields.definitions(db, viewer))
    columns = " ".join(column for column in (*COLUMNS, *own) if column in chosen)
    db.execute(
        """
        INSERT INTO desk_choices (person_id, after_answer, columns) VALUES (:me, 'stay', :columns)
        ON CONFLICT (person_id) DO UPDATE SET columns = excluded.columns
        """,
        {"me": viewer.person_id, "columns": columns},
    )
