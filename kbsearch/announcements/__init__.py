"""Announcements: known problems and notices, for those who use what they are about.

A customer reads what concerns an organisation of theirs, or a product of its contract, and never
whom else it concerns. Agents read all of them, also those that are not published.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch.access import Viewer
from kbsearch.announcements import version_ranges
from kbsearch.announcements.version_ranges import Newest
from kbsearch.database import Database, Row, Values, one_of
from kbsearch.errors import NotFound

AnnouncementKind = Literal["problem", "notice"]
KINDS: tuple[AnnouncementKind, ...] = get_args(AnnouncementKind)
AnnouncementState = Literal["draft", "current", "ended"]
STATES: tuple[AnnouncementState, ...] = get_args(AnnouncementState)
NAMED = """
    EXISTS (SELECT 1 FROM announcement_organisations c
            JOIN organisations o ON o.id = c.organisation_id
            WHERE c.announcement_id = a.id AND 'org:' || o.slug IN ({places}))
"""
OPEN = """
    NOT EXISTS (SELECT 1 FROM announcement_organisations c WHERE c.announcement_id = a.id)
    AND COALESCE('product:' || p.slug, 'customers') IN ({places})
"""


@dataclass(frozen=True)
class Announcement:
    """A known problem or a notice as its reader sees it."""

    id: str
    kind: AnnouncementKind
    problem_id: str | None  # the incident of agents that it tells of
    title_fr: str
    title_en: str
    text_fr: str
    text_en: str
    product: str | None  # a slug
    version_from: str
    version_to: str
    fixed_in: str
    created_at: str
    updated_at: str
    published_at: str | None
    ended_at: str | None
    follows: bool  # whether the viewer is told how it ends
    is_affected: bool  # whether the viewer said "me too"

    @property
    def state(self) -> AnnouncementState:
        if self.published_at is None:
            return "draft"
        return "ended" if self.ended_at else "current"

    def title(self, language: str) -> str:
        titles = {"fr": self.title_fr, "en": self.title_en}
        return titles[self.spoken(language)]

    def text(self, language: str) -> str:
        """Markdown, in the language of the title."""
        texts = {"fr": self.text_fr, "en": self.text_en}
        return texts[self.spoken(language)]

    def spoken(self, language: str) -> str:
        """The language it is read in, where another one is asked for: it may have one alone."""
        titles = {"fr": self.title_fr, "en": self.title_en}
        return language if titles[language] else next(code for code in titles if titles[code])

    def concerns(self, version: str) -> bool:
        """Whether somebody with that version of its product is meant; one nobody knows may be."""
        return version_ranges.is_within(version, self.version_from, self.version_to)


def find(db: Database, viewer: Viewer, announcement_id: str) -> Announcement:
    """The announcement with that id; raises NotFound where the viewer may not read it."""
    announcements = _read(db, viewer, "a.id = :id", {"id": announcement_id})
    if not announcements:
        raise NotFound("announcement.not_found")
    return announcements[0]


def list_all(db: Database, viewer: Viewer) -> list[Announcement]:
    """Every announcement that the viewer may read: what is not over first, then the newest."""
    return _read(db, viewer, "1 = 1", {})


def list_current(db: Database, viewer: Viewer) -> list[Announcement]:
    """What is not over and concerns the viewer, by the versions their organisations have too."""
    current = _read(db, viewer, "a.published_at IS NOT NULL AND a.ended_at IS NULL", {})
    if viewer.is_agent or not current:
        return current
    products = {announcement.product for announcement in current} - {None}
    newest = version_ranges.of_organisations(db, viewer.organisations, products)
    return [
        announcement
        for announcement in current
        if announcement.follows or _concerns_one(announcement, viewer, newest)
    ]


def list_published(db: Database, viewer: Viewer, *, over_since: str = "") -> list[Announcement]:
    """What is published, but for what was over before a moment."""
    condition = "a.published_at IS NOT NULL AND COALESCE(a.ended_at, :since) >= :since"
    return _read(db, viewer, condition, {"since": over_since})


def list_about(db: Database, viewer: Viewer, product: str, version: str) -> list[Announcement]:
    """What is not over of a product or of all, for whoever has that version of it."""
    condition = """
        a.published_at IS NOT NULL AND a.ended_at IS NULL
        AND (a.product_id IS NULL OR p.slug = :product)
    """
    current = _read(db, viewer, condition, {"product": product})
    return [announcement for announcement in current if announcement.concerns(version)]


def of_problem(db: Database, viewer: Viewer, problem_id: str) -> Announcement | None:
    """What the viewer may read of an incident; the newest of several."""
    announcements = _read(db, viewer, "a.problem_id = :problem", {"problem": problem_id})
    return announcements[0] if announcements else None


def _concerns_one(announcement: Announcement, viewer: Viewer, newest: Newest) -> bool:
    """Whether an organisation of the viewer's has such a version, or none that it named."""
    keys = [(slug, announcement.product) for slug in viewer.organisations]
    return any(map(announcement.concerns, [newest[key] for key in keys if key in newest] or [""]))


def _read(db: Database, viewer: Viewer, condition: str, values: Values) -> list[Announcement]:
    visible, principals = _visible(viewer)
    rows = db.query(
        f"""
        SELECT a.id, a.kind, a.problem_id, a.title_fr, a.title_en, a.text_fr, a.text_en,
               p.slug AS product, a.version_from, a.version_to, a.fixed_in, a.created_at,
               a.updated_at, a.published_at, a.ended_at, f.is_affected
        FROM announcements a LEFT JOIN products p ON p.id = a.product_id
        LEFT JOIN announcement_followers f
          ON f.announcement_id = a.id AND f.person_id = :viewer
        WHERE {condition} AND {visible}
        ORDER BY CASE WHEN a.ended_at IS NULL THEN 0 ELSE 1 END,
                 COALESCE(a.published_at, a.created_at) DESC, a.id
        """,  # noqa: S608 (names of parameters)
        {**values, **principals, "viewer": viewer.person_id},
    )
    return [_announcement(row) for row in rows]


def _visible(viewer: Viewer) -> tuple[str, Values]:
    """An SQL condition: the announcement `a` of the product `p` concerns the viewer."""
    if viewer.is_agent:
        return "1 = 1", {}
    places, principals = one_of("principal", viewer.principals)
    concerned = f"{NAMED} OR {OPEN}".format(places=places)
    return f"a.published_at IS NOT NULL AND ({concerned})", principals


def _announcement(row: Row) -> Announcement:
    is_affected = row.pop("is_affected")
    return Announcement(**row, follows=is_affected is not None, is_affected=bool(is_affected))
