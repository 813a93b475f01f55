"""Tags: the words that agents file requests under; for customers there are none.

A tag is in small letters of any script and has no space in it. Those in use are those that there
are: nobody sets one up, and one that no request has is gone.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbsearch import access, audit
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, escape_like, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.text.normal_form import nfc, nfkd
from kbsearch.tickets import changes, events, visibility

MAX_LENGTH = 80
MOST = 100  # of one request
MAX_TYPED = 2 * MOST * (MAX_LENGTH + 1)  # characters of a form, where they are typed as text
NAMED = "tag:"  # before a tag in a search
SEPARATORS = re.compile(r"[\s,;،、]+")


@dataclass(frozen=True)
class TagCount:
    """A tag in use, and how many requests have it."""

    name: str
    tickets: int


def normal(text: str) -> str:
    """A tag as it is kept, whatever its length: small letters, `_` for what parts words.

    Empty where nothing of it can be seen.
    """
    folded = "_".join(filter(None, SEPARATORS.split(nfkd(text))))
    visible = "".join(sign for sign in folded if sign.isprintable())
    return nfc(visible.lower())


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept, each once, in order; raises Invalid for too many or a long one."""
    tags = sorted({normal(name) for name in names} - {""})
    longest = max(tags, key=len, default="")
    if len(longest) > MAX_LENGTH:
        raise Invalid("tags.too_long", limit=MAX_LENGTH, tag=longest[:MAX_LENGTH])
    if len(tags) > MOST:
        raise Invalid("tags.too_many", limit=MOST)
    return tuple(tags)


def parse(text: str) -> tuple[str, ...]:
    """The tags of a text as people type it, parted by spaces or commas; raises Invalid."""
    return checked(SEPARATORS.split(nfkd(text)))


def part_last(text: str) -> tuple[str, str]:
    """What is typed before the last of its words, and that one: empty where it is not begun."""
    last = SEPARATORS.split(text)[-1]
    return text[: len(text) - len(last)], last


def words_apart(text: str) -> tuple[str, str]:
    """The words of a search, and the tags that it names as `tag:vip`."""
    words = text.split()
    names = [word[len(NAMED) :] for word in words if word.lower().startswith(NAMED)]
    others = [word for word in words if not word.lower().startswith(NAMED)]
    return " ".join(others), " ".join(names)


def of_tickets(
    db: Database, viewer: Viewer, ticket_ids: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The tags of tickets by their ids, in order; none at all for those who do not answer."""
    if not viewer.is_agent:
        return {}
    places, values = one_of("ticket", ticket_ids)
    tags: dict[str, tuple[str, ...]] = {}
    for row in db.query(
        f"""
        SELECT ticket_id, tag FROM ticket_tags WHERE ticket_id IN ({places})
        ORDER BY ticket_id, tag
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        tags[row["ticket_id"]] = (*tags.get(row["ticket_id"], ()), row["tag"])
    return tags


def narrowed(names: Sequence[str]) -> tuple[list[str], dict[str, object]]:
    """The conditions under which tickets `t` have all of these tags, and their values."""
    conditions = [
        f"t.id IN (SELECT g.ticket_id FROM ticket_tags g WHERE g.tag = :tag{n})"  # noqa: S608
        for n in range(len(names))
    ]
    return conditions, {f"tag{n}": name for n, name in enumerate(names)}


def list_all(db: Database, viewer: Viewer) -> list[TagCount]:
    """Every tag in use by its name; for administrators."""
    access.only_administrators(viewer)
    rows = db.query("SELECT tag AS name, COUNT(*) AS tickets FROM ticket_tags GROUP BY tag")
    return sorted((TagCount(**row) for row in rows), key=lambda tag: tag.name)


def find(db: Database, viewer: Viewer, name: str) -> TagCount:
    """The tag of that name; raises NotFound where no request has it."""
    access.only_administrators(viewer)
    count = _count(db, name)
    if not count:
        raise NotFound("tags.not_found")
    return TagCount(name, count)


def suggest(
    db: Database, viewer: Viewer, text: str, *, but: Sequence[str] = (), limit: int = 8
) -> list[TagCount]:
    """The tags in use that have a text in them, those of most of the viewer's requests first."""
    access.only_agents(viewer)
    visible, principals = visibility.condition(viewer, "g.ticket_id")
    rows = db.query(
        f"""
        SELECT g.tag AS name, COUNT(*) AS tickets FROM ticket_tags g
        WHERE g.tag LIKE :holds ESCAPE '!' AND {visible}
        GROUP BY g.tag ORDER BY tickets DESC, g.tag LIMIT :limit
        """,  # noqa: S608 (names of parameters)
        {
            **principals,
            "holds": f"%{escape_like(normal(text)[:MAX_LENGTH])}%",
            "limit": limit + len(but),
        },
    )
    return [TagCount(**row) for row in rows if row["name"] not in but][:limit]


def change(
    db: Database,
    viewer: Viewer,
    ticket_id: str,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    at: datetime | None = None,
) -> None:
    """Give a request tags and take others off, whatever else it has; also of a closed one.

    Customers notice nothing of it. Raises Invalid for tags that cannot be kept.
    """
    access.only_agents(viewer, "ticket.not_found")
    added, removed = checked(add), {normal(name) for name in remove}
    with db.atomic():
        there = _present(db, viewer, ticket_id)
        _put(db, viewer, ticket_id, there, checked([*(set(there) - removed), *added]), at)


def replace(
    db: Database,
    viewer: Viewer,
    ticket_id: str,
    names: Iterable[str],
    *,
    at: datetime | None = None,
) -> None:
    """Give a request these tags and no others; under the same conditions."""
    access.only_agents(viewer, "ticket.not_found")
    tags = checked(names)
    with db.atomic():
        _put(db, viewer, ticket_id, _present(db, viewer, ticket_id), tags, at)


def rename(
    db: Database, viewer: Viewer, tag: TagCount, name: str, *, may_merge: bool = False
) -> str:
    """Call a tag otherwise on all requests that have it; the new name as it is kept.

    Where the name is in use the two are one from now on, which nothing undoes. Past events keep
    the old name. Raises Invalid for what is no name of a tag, and for one in use unless it
    `may_merge`.
    """
    access.only_administrators(viewer)
    names = checked([name])
    if not names:
        raise Invalid("tags.name_missing")
    (new,) = names
    with db.atomic():
        before = find(db, viewer, tag.name)
        if new == before.name:
            return new
        in_use = _count(db, new)
        if in_use and not may_merge:
            raise Invalid("tags.name_taken", tag=new, number=in_use)
        values = {"old": before.name, "new": new}
        _mark_changed(db, before.name)
        db.execute(
            """
            INSERT INTO ticket_tags (ticket_id, tag)
            SELECT ticket_id, :new FROM ticket_tags WHERE tag = :old
            ON CONFLICT DO NOTHING
            """,
            values,
        )
        db.execute("DELETE FROM ticket_tags WHERE tag = :old", values)
        texts = _texts(before), _texts(TagCount(new, _count(db, new)))
        if in_use:
            audit.change(db, viewer, "tag.merged", before.name, *texts)
        else:
            audit.change(db, viewer, "tag.renamed", before.name, *texts)
    return new


def remove(db: Database, viewer: Viewer, tag: TagCount) -> None:
    """Take a tag off all requests that have it."""
    access.only_administrators(viewer)
    with db.atomic():
        before = find(db, viewer, tag.name)
        _mark_changed(db, before.name)
        db.execute("DELETE FROM ticket_tags WHERE tag = :name", {"name": before.name})
        nothing = dict.fromkeys(_texts(before), "")
        audit.change(db, viewer, "tag.removed", before.name, _texts(before), nothing)


def forget(db: Database, is_about_them: Callable[[str], bool]) -> int:
    """Take off every tag that says something of a person who is erased; how many."""
    rows = db.query("SELECT DISTINCT tag FROM ticket_tags")
    names = [row["tag"] for row in rows if is_about_them(row["tag"].replace("_", " "))]
    for name in names:
        db.execute("DELETE FROM ticket_tags WHERE tag = :name", {"name": name})
    return len(names)


def _present(db: Database, viewer: Viewer, ticket_id: str) -> tuple[str, ...]:
    events.present(db, viewer, ticket_id)
    return of_tickets(db, viewer, [ticket_id]).get(ticket_id, ())


def _put(
    db: Database,
    viewer: Viewer,
    ticket_id: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
    at: datetime | None,
) -> None:
    if before == after:
        return
    places, values = one_of("tag", sorted(set(before) - set(after)))
    db.execute(
        f"DELETE FROM ticket_tags WHERE ticket_id = :ticket AND tag IN ({places})",  # noqa: S608
        {"ticket": ticket_id, **values},
    )
    new = sorted(set(after) - set(before))
    db.insert_many("ticket_tags", [{"ticket_id": ticket_id, "tag": tag} for tag in new])
    events.record(
        db,
        viewer,
        ticket_id,
        events.NewEvent(
            "ticket.changed",
            stored(at or utc_now()),
            field="tags",
            before=" ".join(before),
            after=" ".join(after),
        ),
    )


def _mark_changed(db: Database, name: str) -> None:
    """The index takes in anew what has the tag."""
    its_tickets = "id IN (SELECT g.ticket_id FROM ticket_tags g WHERE g.tag = :name)"
    changes.mark_changed(db, its_tickets, {"name": name})


def _count(db: Database, name: str) -> int:
    rows = db.query("SELECT COUNT(*) AS n FROM ticket_tags WHERE tag = :name", {"name": name})
    return int(rows[0]["n"])


def _texts(tag: TagCount) -> dict[str, str]:
    return {"name": tag.name, "requests": str(tag.tickets)}
