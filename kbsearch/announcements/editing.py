"""What agents do with announcements: write, publish, end them, and see whom they reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbsearch import access, announcements, outbox, revisions
from kbsearch.access import Viewer
from kbsearch.announcements import KINDS, Announcement, version_ranges
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.webhooks import events
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import MAX_VERSION
from kbsearch.text import plain_text

MAX_TITLE = 250
MAX_TEXT = 20_000
MOST_ORGANISATIONS = 200
PUBLISHED = outbox.declare("announcement.letters_published", "inside")  # by mail as well
ENDED = outbox.declare("announcement.letters_ended", "inside")


@dataclass(frozen=True)
class AnnouncementFields:
    """What an agent typed: the slug of a product, names or slugs of organisations."""

    kind: str = "problem"
    title_fr: str = ""
    title_en: str = ""
    text_fr: str = ""
    text_en: str = ""
    product: str = ""
    version_from: str = ""
    version_to: str = ""
    organisations: str = ""  # one a line
    problem_id: str = ""  # the incident it tells of; it stays what it was


def add(db: Database, viewer: Viewer, fields: AnnouncementFields) -> Announcement:
    """Write one that agents alone read until it is published."""
    access.only_agents(viewer, "announcement.not_found")
    announcement_id, moment = new_id(), now()
    with db.atomic():
        columns, concerned = _checked(db, fields)
        row = {**columns, "problem_id": _problem(db, fields.problem_id), "created_at": moment}
        db.insert("announcements", {"id": announcement_id, **row, "updated_at": moment})
        _name(db, announcement_id, concerned)
        return announcements.find(db, viewer, announcement_id)


def edit(
    db: Database,
    viewer: Viewer,
    announcement: Announcement,
    fields: AnnouncementFields,
    *,
    revision: str | None = None,
) -> None:
    """Change it, published or not; nobody is told of that.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    access.only_agents(viewer, "announcement.not_found")
    with db.atomic():
        old = announcements.find(db, viewer, announcement.id)
        before = texts(db, viewer, old)
        revisions.check(revision, before, {name: getattr(fields, name) for name in before})
        columns, concerned = _checked(db, fields)
        db.execute(
            """
            UPDATE announcements SET kind = :kind, title_fr = :title_fr, title_en = :title_en,
              text_fr = :text_fr, text_en = :text_en, product_id = :product_id,
              version_from = :version_from, version_to = :version_to, updated_at = :now
            WHERE id = :id
            """,
            {**columns, "id": old.id, "now": now()},
        )
        _name(db, old.id, concerned)


def publish(db: Database, viewer: Viewer, announcement: Announcement, *, by_mail: bool) -> bool:
    """Show it to those it concerns; by mail too, to those who take such letters.

    Whether it did: somebody else may have been first. So do the three below.
    """
    access.only_agents(viewer, "announcement.not_found")
    with db.atomic():
        moment = {"id": announcement.id, "now": now()}
        changed = db.execute(
            """
            UPDATE announcements SET published_at = :now, updated_at = :now
            WHERE id = :id AND published_at IS NULL
            """,
            moment,
        )
        if changed:
            events.tell(db, "announcement.published", announcement.id)
        if changed and by_mail:
            outbox.add(db, PUBLISHED, announcement.id)
    return bool(changed)


def withdraw(db: Database, viewer: Viewer, announcement: Announcement) -> bool:
    """Show it to nobody any more but agents; who follows it is kept.

    Whom its letter has not reached gets one when it is published by mail again.
    """
    access.only_agents(viewer, "announcement.not_found")
    moment = {"id": announcement.id, "now": now()}
    with db.atomic():
        changed = db.execute(
            """
            UPDATE announcements SET published_at = NULL, updated_at = :now
            WHERE id = :id AND published_at IS NOT NULL AND ended_at IS NULL
            """,
            moment,
        )
        if changed:
            db.execute(
                """
                DELETE FROM announcement_letters WHERE announcement_id = :id
                AND stage = 'published' AND COALESCE(outcome, '') <> 'sent'
                """,
                moment,
            )
    return bool(changed)


def end(db: Database, viewer: Viewer, announcement: Announcement, *, fixed_in: str = "") -> bool:
    """Fixed, or over: whoever follows it, said "me too" or reported it is told, once."""
    access.only_agents(viewer, "announcement.not_found")
    version = _version(fixed_in)
    with db.atomic():
        changed = db.execute(
            """
            UPDATE announcements SET ended_at = :now, updated_at = :now, fixed_in = :fixed
            WHERE id = :id AND ended_at IS NULL AND published_at IS NOT NULL
            """,
            {"id": announcement.id, "now": now(), "fixed": version},
        )
        if changed:
            events.tell(db, "announcement.ended", announcement.id)
            outbox.add(db, ENDED, announcement.id)
    return bool(changed)


def reopen(db: Database, viewer: Viewer, announcement: Announcement) -> bool:
    """It is not over after all; whoever was told is told again when it is."""
    access.only_agents(viewer, "announcement.not_found")
    values = {"id": announcement.id, "now": now()}
    with db.atomic():
        changed = db.execute(
            """
            UPDATE announcements SET ended_at = NULL, fixed_in = '', updated_at = :now
            WHERE id = :id AND ended_at IS NOT NULL
            """,
            values,
        )
        if changed:
            db.execute(
                "DELETE FROM announcement_letters WHERE announcement_id = :id AND stage = 'ended'",
                values,
            )
    return bool(changed)


def organisations_of(db: Database, viewer: Viewer, announcement: Announcement) -> tuple[str, ...]:
    """The slugs of the organisations it names; for agents alone."""
    access.only_agents(viewer, "announcement.not_found")
    rows = db.query(
        """
        SELECT o.slug FROM announcement_organisations c
        JOIN organisations o ON o.id = c.organisation_id
        WHERE c.announcement_id = :id ORDER BY o.slug
        """,
        {"id": announcement.id},
    )
    return tuple(row["slug"] for row in rows)


def texts(db: Database, viewer: Viewer, announcement: Announcement) -> dict[str, str]:
    """What can be edited of an announcement, as its form shows it."""
    return {
        "kind": announcement.kind,
        "title_fr": announcement.title_fr,
        "title_en": announcement.title_en,
        "text_fr": announcement.text_fr,
        "text_en": announcement.text_en,
        "product": announcement.product or "",
        "version_from": announcement.version_from,
        "version_to": announcement.version_to,
        "organisations": "\n".join(organisations_of(db, viewer, announcement)),
    }


def _checked(db: Database, fields: AnnouncementFields) -> tuple[Row, Sequence[str]]:
    """What is kept of what was typed, and the ids of organisations; raises Invalid."""
    if fields.kind not in KINDS:
        raise Invalid("announcement.kind_unknown")
    titles = {
        name: plain_text.line_within(MAX_TITLE, text, "announcement.title_too_long")
        for name, text in (("title_fr", fields.title_fr), ("title_en", fields.title_en))
    }
    if not any(titles.values()):
        raise Invalid("announcement.title_required")
    return {
        "kind": fields.kind,
        **titles,
        "text_fr": plain_text.block_within(MAX_TEXT, fields.text_fr, "announcement.text_too_long"),
        "text_en": plain_text.block_within(MAX_TEXT, fields.text_en, "announcement.text_too_long"),
        **_range(fields),
        "product_id": _product(db, fields),
    }, _organisations(db, fields.organisations)


def _range(fields: AnnouncementFields) -> Mapping[str, str]:
    first, last = _version(fields.version_from), _version(fields.version_to)
    if version_ranges.is_turned(first, last):
        raise Invalid("announcement.range_turned")
    return {"version_from": first, "version_to": last}


def _version(text: str) -> str:
    return plain_text.line_within(MAX_VERSION, text, "announcement.version_too_long")


def _product(db: Database, fields: AnnouncementFields) -> str | None:
    if fields.product:
        try:
            return products.find(db, fields.product).id
        except NotFound:
            raise Invalid("announcement.product_unknown") from None
    if fields.version_from or fields.version_to:
        raise Invalid("announcement.product_required")
    return None


def _problem(db: Database, problem_id: str) -> str | None:
    rows = db.query("SELECT id FROM problems WHERE id = :id", {"id": problem_id})
    return str(rows[0]["id"]) if rows else None


def _organisations(db: Database, text: str) -> list[str]:
    """The ids of the organisations that lines name, by slug or name; raises Invalid for others."""
    names = list(dict.fromkeys(filter(None, map(plain_text.line, text.split("\n")))))
    if len(names) > MOST_ORGANISATIONS:
        raise Invalid("announcement.too_many_organisations", limit=MOST_ORGANISATIONS)
    ids: dict[str, str] = {}
    for row in db.query("SELECT id, slug, name FROM organisations") if names else ():
        ids |= {row["slug"]: row["id"], row["name"].casefold(): row["id"]}
    for name in names:
        if name.casefold() not in ids:
            raise Invalid("announcement.organisation_unknown", name=name[:80])
    return list(dict.fromkeys(ids[name.casefold()] for name in names))


def _name(db: Database, announcement_id: str, organisation_ids: Sequence[str]) -> None:
    db.execute(
        "DELETE FROM announcement_organisations WHERE announcement_id = :id",
        {"id": announcement_id},
    )
    db.insert_many(
        "announcement_organisations",
        [
            {"announcement_id": announcement_id, "organisation_id": organisation_id}
            for organisation_id in organisation_ids
        ],
    )
