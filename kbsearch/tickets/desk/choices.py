"""How somebody who answers wants to work, as they last said."""

from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database

AfterAnswer = Literal["stay", "next", "back"]
AFTER_ANSWER: tuple[AfterAnswer, ...] = get_args(AfterAnswer)


@dataclass(frozen=True)
class DeskChoices:
    """What is shown once a request is answered or solved: it, the next of the view, or the view."""

    after_answer: AfterAnswer = "stay"


def find(db: Database, viewer: Viewer) -> DeskChoices:
    """The viewer's."""
    rows = db.query(
        "SELECT after_answer FROM desk_choices WHERE person_id = :me", {"me": viewer.person_id}
    )
    return DeskChoices(**rows[0]) if rows else DeskChoices()


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
