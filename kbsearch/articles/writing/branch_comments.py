"""What colleagues say of a branch before it is live: comments, and whether it may go.

What was approved is one commit: whatever is changed afterwards is looked at again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch import access, audit, outbox, people
from kbsearch.access import Viewer
from kbsearch.articles.publishing import branches
from kbsearch.articles.publishing.branches import Branch
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id, one_of
from kbsearch.errors import Forbidden, Invalid
from kbsearch.text import plain_text

Verdict = Literal["comment", "changes", "approved"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COMMENTED = outbox.declare("branch.commented", "mail")  # to one person: "comment person"
MAX_LENGTH = 5_000  # characters


@dataclass(frozen=True)
class BranchComment:
    """What somebody said of a branch, and of which of its commits."""

    id: str
    branch: str
    commit: str
    author: str  # empty for somebody who was erased
    verdict: Verdict
    body: str
    at: str
    person_id: str | None = None


def comment(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    branch: Branch,
    body: str,
    verdict: Verdict = "comment",
) -> None:
    """Say something of a branch as it is; who wrote it is told by mail.

    Raises Invalid for nothing, and Forbidden for an approval of one's own text, or by somebody who
    publishes none.
    """
    access.only_staff(viewer, "branch.not_found")
    text = plain_text.block_within(MAX_LENGTH, body)
    if not text and verdict != "approved":
        raise Invalid("branch_comment.empty")
    authors = branches.authors(settings, branch)
    if verdict == "approved" and not may_approve(viewer, authors):
        raise Forbidden("branch_comment.not_yours_to_approve")
    comment_id = new_id()
    with db.atomic():
        db.insert(
            "branch_comments",
            {
                "id": comment_id,
                "branch": branch.name,
                "commit_id": branch.commit,
                "person_id": viewer.person_id,
                "verdict": verdict,
                "body": text,
                "at": now(),
                "position": _next_position(db, branch),
            },
        )
        if verdict == "approved":
            audit.act(db, viewer, "branch.approved", subject=branch.name, commit=branch.commit)
        for person_id in _people_of(db, authors) - {viewer.person_id}:
            outbox.add(db, COMMENTED, f"{comment_id} {person_id}")


def may_approve(viewer: Viewer, authors: Collection[str]) -> bool:
    """Whether the viewer may say that what these people wrote can go live."""
    return access.may_publish(viewer, authors, is_reviewed=True)


@dataclass(frozen=True)
class BranchReview:
    """Who wrote a branch, and what was said of it, the first first."""

    branch: Branch
    authors: frozenset[str]  # addresses
    comments: tuple[BranchComment, ...]

    @property
    def is_approved(self) -> bool:
        """Whether somebody lets it go as it is, and nobody's last word is another."""
        last: dict[str, str] = {}
        for comment in self.comments:
            if comment.commit == self.branch.commit and comment.verdict != "comment":
                last[comment.person_id or comment.id] = comment.verdict
        return "approved" in last.values() and "changes" not in last.values()


def review_of(db: Database, viewer: Viewer, settings: Settings, branch: Branch) -> BranchReview:
    """What decides whether a branch may go live."""
    comments = tuple(list_all(db, viewer, branch))
    return BranchReview(branch, frozenset(branches.authors(settings, branch)), comments)


def list_all(db: Database, viewer: Viewer, branch: Branch) -> list[BranchComment]:
    """What was said of a branch, the first first."""
    access.only_staff(viewer, "branch.not_found")
    return _read(db, "c.branch = :branch", branch=branch.name)


def find(db: Database, comment_id: str) -> BranchComment | None:
    """A comment by its id, for whoever is told of it."""
    return next(iter(_read(db, "c.id = :id", id=comment_id)), None)


def forget(db: Database, viewer: Viewer, name: str) -> None:
    """Forget what was said of a branch that is live by now, or was another of that name."""
    access.only_staff(viewer, "branch.not_found")
    db.execute("DELETE FROM branch_comments WHERE branch = :name", {"name": name})


def _next_position(db: Database, branch: Branch) -> int:
    sql = "SELECT COALESCE(MAX(position), 0) + 1 AS n FROM branch_comments WHERE branch = :name"
    return int(db.query(sql, {"name": branch.name})[0]["n"])


def _people_of(db: Database, emails: Collection[str]) -> set[str]:
    places, values = one_of("email", sorted({people.fold_email(email) for email in emails}))
    sql = f"SELECT id FROM people WHERE email IN ({places})"  # noqa: S608 (names of parameters)
    return {row["id"] for row in db.query(sql, values)}


def _read(db: Database, condition: str, /, **values: str) -> list[BranchComment]:
    rows = db.query(
        f"""
        SELECT c.id, c.branch, c.commit_id, COALESCE(p.name, '') AS author, c.verdict, c.body, c.at,
               c.person_id
        FROM branch_comments c LEFT JOIN people p ON p.id = c.person_id
        WHERE {condition} ORDER BY c.position
        """,  # noqa: S608 (constants of this module)
        dict(values),
    )
    return [BranchComment(**{"commit": row.pop("commit_id"), **row}) for row in rows]
