"""Following an article, a category or a product: what somebody wants to hear of, and how.

What is followed is a subject: `fr/account/sign-in`, `fr/account`, `fr/icownect`. It begins with the
language it was followed in, so that nobody is told of the same change in two of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch import articles
from kbsearch.access import Viewer
from kbsearch.articles import Card, categories
from kbsearch.clock import now
from kbsearch.config import LANGUAGES
from kbsearch.database import Database, Row, Values, new_id, one_of
from kbsearch.errors import Invalid, NotFound, SignInNeeded

Kind = Literal["article", "category", "product"]
Way = Literal["mail", "weekly", "feed"]  # at once, a letter a week, nothing but the feed
KINDS: tuple[Kind, ...] = get_args(Kind)
WAYS: tuple[Way, ...] = get_args(Way)  # what says more comes first
MOST_FOLLOWS = 200  # of a person
MAX_SUBJECT = 500
_AT_ONCE = 500  # subjects of a query


@dataclass(frozen=True)
class Follow:
    """Something that somebody follows."""

    id: str
    person_id: str
    kind: Kind
    subject: str
    way: Way
    created_at: str

    @property
    def language(self) -> str:
        return self.subject.partition("/")[0]

    @property
    def name(self) -> str:
        """The path of a category, the slug of a product."""
        return self.subject.partition("/")[2]


Topic = tuple[Kind, str]


def topics_of(card: Card) -> set[Topic]:
    """What one follows to hear of an article: itself, what it lies in, what it is about."""
    topics: set[Topic] = {("article", card.path)}
    topics |= {
        ("category", f"{card.language}/{path}")
        for path in categories.with_outer(card.category)
        if path
    }
    return topics | {("product", f"{card.language}/{product}") for product in card.products}


def find(db: Database, viewer: Viewer, kind: Kind, subject: str) -> Follow | None:
    """Whether and how the viewer follows something."""
    values = {"person": viewer.person_id, "kind": kind, "subject": subject}
    condition = "f.person_id = :person AND f.kind = :kind AND f.subject = :subject"
    return next(iter(_read(db, condition, values)), None)


def list_mine(db: Database, viewer: Viewer) -> list[Follow]:
    """All that the viewer follows, by what it is."""
    return _read(db, "f.person_id = :person", {"person": viewer.person_id})


def list_of_topics(db: Database, topics: Collection[Topic]) -> list[Follow]:
    """Who follows any of these, whether they may still sign in or not."""
    follows: list[Follow] = []
    for kind in KINDS:
        subjects = sorted(subject for each, subject in topics if each == kind)
        for start in range(0, len(subjects), _AT_ONCE):
            places, values = one_of("subject", subjects[start : start + _AT_ONCE])
            condition = f"f.kind = :kind AND f.subject IN ({places})"
            follows += _read(db, condition, {**values, "kind": kind})
    return follows


def follow(db: Database, viewer: Viewer, kind: str, subject: str) -> Follow:
    """Hear of something from now on, by mail; again changes nothing. Raises NotFound, Invalid."""
    if not viewer.is_signed_in:
        raise SignInNeeded("sign_in.needed")
    if kind not in KINDS or not is_there(db, viewer, kind, subject):
        raise NotFound("web.not_found")
    with db.atomic():
        if len(list_mine(db, viewer)) >= MOST_FOLLOWS and not find(db, viewer, kind, subject):
            raise Invalid("follow.too_many", limit=MOST_FOLLOWS)
        db.execute(
            """
            INSERT INTO follows (id, person_id, kind, subject, way, created_at)
            VALUES (:id, :person, :kind, :subject, :way, :now)
            ON CONFLICT (person_id, kind, subject) DO NOTHING
            """,
            {
                "id": new_id(),
                "person": viewer.person_id,
                "kind": kind,
                "subject": subject,
                "way": WAYS[0],
                "now": now(),
            },
        )
        followed = find(db, viewer, kind, subject)
    assert followed is not None
    return followed


def leave(db: Database, viewer: Viewer, follow_id: str) -> None:
    """Hear of it no more; what is not followed is left already."""
    db.execute(
        "DELETE FROM follows WHERE id = :id AND person_id = :person",
        {"id": follow_id, "person": viewer.person_id},
    )


def choose(db: Database, viewer: Viewer, ways: Mapping[str, str]) -> None:
    """Hear of these in other ways: by the ids of what is followed. Raises Invalid."""
    if not set(ways.values()) <= set(WAYS):
        raise Invalid("follow.way_unknown")
    with db.atomic():
        for follow_id, way in ways.items():
            db.execute(
                "UPDATE follows SET way = :way WHERE id = :id AND person_id = :person",
                {"way": way, "id": follow_id, "person": viewer.person_id},
            )


def move(db: Database, moved: Mapping[Topic, str]) -> None:
    """Lead those who follow what moved after it: by what they followed, its new subject."""
    led = [  # read before any is changed: two may have changed places
        (follow, moved[follow.kind, follow.subject]) for follow in list_of_topics(db, moved.keys())
    ]
    for follow, _ in led:
        db.execute("DELETE FROM follows WHERE id = :id", {"id": follow.id})
    for follow, subject in led:
        db.execute(
            """
            INSERT INTO follows (id, person_id, kind, subject, way, created_at)
            VALUES (:id, :person_id, :kind, :subject, :way, :created_at)
            ON CONFLICT (person_id, kind, subject) DO NOTHING
            """,
            {**vars(follow), "subject": subject},
        )


def is_there(db: Database, viewer: Viewer, kind: Kind, subject: str) -> bool:
    """Whether the viewer has something to read there."""
    language, _, name = subject.partition("/")
    if language not in LANGUAGES or not name:
        return False
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        return False
    if kind == "article":
        return articles.find_path(db, viewer, subject) is not None
    if kind == "category":
        return any(each.path == name for each in categories.list_all(db, viewer, language))
    about = articles.list_recent(db, viewer, language, 1, product=name)
    return bool(about) or name in viewer.products


def _read(db: Database, condition: str, values: Values) -> list[Follow]:
    rows: list[Row] = db.query(
        f"""
        SELECT f.id, f.person_id, f.kind, f.subject, f.way, f.created_at FROM follows f
        WHERE {condition} ORDER BY f.kind, f.subject, f.person_id
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    return [Follow(**row) for row in rows]
