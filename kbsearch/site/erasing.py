"""Erasing a person: what is only theirs goes, what belongs to a request stays without them.

Their account is deleted, so that the database itself refuses while any row still leads to it. A
nameless account of the same role takes their place as the author of what requests are made of;
their name, addresses and numbers are masked in all that was written.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from kbsearch import access, audit, outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.articles.gaps import counts
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, Values, new_id, one_of
from kbsearch.errors import NotFound
from kbsearch.files import places
from kbsearch.files.trash import owner_of
from kbsearch.i18n import gettext
from kbsearch.people import Person
from kbsearch.search.learning import lessons, visits
from kbsearch.search.ranking import indexing
from kbsearch.site import erasure_certificates, erasure_ledger
from kbsearch.site.erasure_ledger import Erasure
from kbsearch.text.masking.one_person import OnePerson
from kbsearch.tickets import tags

BATCH = 1000
Column = tuple[str, str]

# What keeps an author, a requester, an owner: the nameless account takes their place.
KEPT: tuple[Column, ...] = (
    ("attachments", "person_id"),
    ("messages", "author_id"),
    ("satisfaction", "person_id"),
    ("ticket_events", "actor_id"),
    ("tickets", "filed_by_id"),
    ("tickets", "requester_id"),
    ("webhook_endpoints", "owner_id"),
)
# What stays without them.
CLEARED: tuple[Column, ...] = (("tickets", "assignee_id"),)
# What was only theirs; where the schema says so itself (CASCADE, SET NULL) it is not listed.
REMOVED = (
    "agent_products",
    "agent_teams",
    "application_codes",
    "authenticator_offers",
    "authenticators",
    "drafts",
    "identities",
    "invitations",
    "kept_answers",
    "kept_forms",
    "known_browsers",
    "memberships",
    "mobile_requests",
    "notification_choices",
    "organisation_followers",
    "pending_sign_ins",
    "personal_tokens",
    "recovery_codes",
    "sessions",
    "ticket_copies",
    "ticket_visits",
    "tokens",
    "trusted_devices",
)
# An article may be made of several requests: one of them says whose they are.
_OF_DRAFT = """
    (SELECT MIN(l.ticket_id) FROM article_draft_tickets l
     WHERE l.person_id = article_drafts.person_id AND l.form_key = article_drafts.form_key)
"""


class TextColumns(NamedTuple):
    """Where people write, or what is written about it."""

    table: str
    key: str
    ticket: str  # the id of the ticket that a row belongs to
    columns: tuple[str, ...]


TEXTS = tuple(
    TextColumns(*row)
    for row in (
        ("tickets", "id", "id", ("subject", "description", "fields")),
        ("ticket_field_lines", "ticket_id || ' ' || name || ' ' || place", "ticket_id", ("line",)),
        ("messages", "id", "ticket_id", ("body",)),
        ("ticket_events", "id", "ticket_id", ("before", "after")),
        ("attachments", "id", "ticket_id", ("name",)),
        ("satisfaction", "ticket_id || person_id", "ticket_id", ("why",)),
        ("drafts", "person_id || form_key", "ticket_id", ("fields",)),
        ("article_drafts", "person_id || form_key", _OF_DRAFT, ("fields", "hidden")),
        ("mails", "id", "ticket_id", ("sender", "subject", "recipients", "left_out")),
        ("bounces", "mail_id", "NULL", ("recipient", "reason")),
        ("branch_comments", "id", "NULL", ("body",)),
        ("article_votes", "id", "NULL", ("words",)),
        ("gaps", "id", "NULL", ("title", "reason")),
        ("gap_signals", "id", "ticket_id", ("text",)),
        ("problems", "id", "NULL", ("title",)),
        ("ticket_times", "id", "ticket_id", ("note",)),
        ("announcements", "id", "NULL", ("title_fr", "title_en", "text_fr", "text_en")),
        ("visit_events", "id", "ticket_id", ("text",)),
        ("lessons", "id", "ticket_id", ("wording",)),
        ("saved_replies", "id", "NULL", ("name", "body", "actions")),
        ("rules", "id", "NULL", ("name", "conditions", "actions")),
        ("rule_runs", "id", "ticket_id", ("rule_name", "actions")),
        ("saved_views", "id", "NULL", ("name", "query")),
        ("outbox", "id", "NULL", ("problem",)),
    )
)
JSON_COLUMNS = {"fields", "hidden", "recipients", "left_out", "conditions", "actions"}
# Tickets somebody had a part in: there, any part of their name means them.
THEIRS = """
    t.requester_id = :id OR t.filed_by_id = :id OR t.assignee_id = :id
    OR t.requester_email = :email
    OR EXISTS (SELECT 1 FROM messages m WHERE m.ticket_id = t.id
               AND (m.author_id = :id OR m.author_email = :email))
    OR EXISTS (SELECT 1 FROM ticket_copies c WHERE c.ticket_id = t.id
               AND (c.person_id = :id OR c.email = :email))
"""

ErasingProgress = Callable[[str], object]  # is told which table is looked through


@dataclass(frozen=True)
class Erased:
    """What was done: rows whose text was masked, mails and files removed, and who certifies it."""

    had_account: bool
    requests: int  # they had a part in
    masked: int
    mails: int
    files: int
    certificate: str = ""  # its id
    sha256: str = ""


def erase(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    email: str,
    *,
    with_files: bool = False,
    tell: ErasingProgress = lambda _: None,
) -> Erased:
    """Erase the person of an address, with or without an account; all of it or nothing.

    `with_files` removes what they attached to requests as well. Raises NotFound for an address
    that nothing knows, Invalid for the last administrator. The index of requests is built anew.
    """
    access.only_administrators(viewer)
    erased = _erase(db, viewer, settings, email, with_files=with_files, tell=tell)
    db.compact()
    return erased


def replay(db: Database, settings: Settings, erasures: Sequence[Erasure]) -> int:
    """Erase again who came back with a backup made before, the last administrator too; how many."""
    count = 0
    for address, erasure in list(erasure_ledger.returned(db, erasures)):
        with suppress(NotFound):  # gone with another of their addresses
            _erase(db, OPERATOR, settings, address, with_files=erasure.with_files, is_again=True)
            count += 1
    if count:
        db.compact()
    return count


def _erase(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    email: str,
    *,
    with_files: bool,
    is_again: bool = False,
    tell: ErasingProgress = lambda _: None,
) -> Erased:
    places.storage(settings).check()  # what it has of them goes after the rows
    address = people.fold_email(email)
    with db.atomic():
        person = _find(db, address)
        values = {"id": person.id if person else "", "email": address}
        rows = db.query(f"SELECT t.id FROM tickets t WHERE {THEIRS}", values)  # noqa: S608
        ticket_ids = {row["id"] for row in rows}
        contents = _mails_of(db, values)
        if not (person or ticket_ids or contents):
            raise NotFound("person.not_found", email=email)
        masks = OnePerson(
            [person.name] if person else [],
            [address],
            _mobiles(db, values),
            settings.languages[0],
        )
        files = _drop_files(db, values, with_files=with_files)
        counts.erase_person(db, values["id"])
        removed = {"visits": visits.erase_person(db, values["id"])}
        db.execute("DELETE FROM site_events WHERE subject = :id", {"id": values["id"]})
        db.execute("UPDATE satisfaction SET why = '' WHERE person_id = :id", {"id": values["id"]})
        counts.forget_words(db, lambda text: masks.text(text, is_theirs=False) != text)
        masked = 0
        for texts in TEXTS:
            tell(texts.table)
            masked += _mask(db, masks, ticket_ids, texts)
        masked += tags.forget(db, lambda text: masks.text(text, is_theirs=False) != text)
        if person:
            if not is_again:
                people.keep_an_administrator(db, person)
            removed |= _replace(db, settings, person)
        _forget_address(db, values)
        lessons.changed(db)
        audit.act(db, viewer, "person.erased", had_account=person is not None)
        outbox.add_once(db, indexing.REBUILD, "tickets")
        certificate = erasure_certificates.issue(
            db,
            viewer,
            address,
            {
                "people": int(person is not None),
                "tickets": len(ticket_ids),
                "texts": masked,
                "mails": len(contents),
                "attachments": len(files),
                **removed,
            },
        )
        if not is_again:
            person_id = person.id if person else ""
            erasure_ledger.add(settings, certificate.at, address, person_id, with_files=with_files)
    owners = [owner_of(address), *([person.id] if person else [])]
    for store, digests in (
        (places.mails(settings), set(contents) - _named(db, "mails", contents)),
        (places.attached(settings), set(files) - _named(db, "attachments", files)),
    ):
        for digest in digests:
            store.remove(digest)
        places.trash(settings).erase(store.name, digests, owners)
    return Erased(
        person is not None,
        len(ticket_ids),
        masked,
        len(contents),
        len(files),
        certificate.id,
        certificate.sha256,
    )


def _mask(db: Database, masks: OnePerson, ticket_ids: set[str], texts: TextColumns) -> int:
    """Mask a table's texts, a batch at a time; how many rows changed."""
    changed, last = 0, ""
    table, key, ticket, columns = texts
    while rows := db.query(
        f"""
        SELECT {key} AS key, {ticket} AS ticket, {", ".join(columns)} FROM {table}
        WHERE {key} > :last ORDER BY {key} LIMIT {BATCH}
        """,  # noqa: S608 (constants of this module)
        {"last": last},
    ):
        last = rows[-1]["key"]
        for row in rows:
            written = {name: row[name] for name in columns if row[name]}
            is_theirs = row["ticket"] in ticket_ids
            masked = {
                name: _without(masks, name, text, is_theirs) for name, text in written.items()
            }
            if masked != written:
                changed += 1
                _write(db, table, key, row["key"], masked)
    return changed


def _without(masks: OnePerson, column: str, text: str, is_theirs: bool) -> str:
    if column == "query":
        arguments = dict(parse_qsl(text))
        masked = masks.value(arguments, is_theirs=is_theirs)
        return text if masked == arguments else urlencode(masked)
    if column not in JSON_COLUMNS:
        return masks.text(text, is_theirs=is_theirs)
    value = json.loads(text)
    masked = masks.value(value, is_theirs=is_theirs)
    return text if masked == value else json.dumps(masked)


def _write(db: Database, table: str, key: str, value: str, masked: dict[str, str]) -> None:
    for name, text in masked.items():
        db.execute(
            f"UPDATE {table} SET {name} = :new WHERE {key} = :key",  # noqa: S608
            {"new": text, "key": value},
        )


def _find(db: Database, address: str) -> Person | None:
    try:
        return people.find(db, address)
    except NotFound:
        return None


def _mobiles(db: Database, values: Values) -> list[str]:
    rows = db.query(
        """
        SELECT mobile FROM people WHERE id = :id AND mobile IS NOT NULL
        UNION SELECT mobile FROM mobile_requests WHERE person_id = :id
        """,
        {"id": values["id"]},
    )
    return [row["mobile"] for row in rows]


def _replace(db: Database, settings: Settings, person: Person) -> dict[str, int]:
    """A nameless account takes their place, and theirs is deleted; the rows that went by table."""
    stand_in = new_id()
    db.insert(
        "people",
        {
            "id": stand_in,
            "email": f"{stand_in.lower()}@erased.invalid",
            "name": gettext(settings.languages[0], "Erased account"),
            "role": person.role,
            "created_at": person.created_at,
            "disabled_at": now(),
            "erased_at": now(),
        },
    )
    values = {"id": person.id, "stand_in": stand_in}
    for table, column in KEPT:
        db.execute(f"UPDATE {table} SET {column} = :stand_in WHERE {column} = :id", values)  # noqa: S608
    for table, column in CLEARED:
        db.execute(f"UPDATE {table} SET {column} = NULL WHERE {column} = :id", values)  # noqa: S608
    removed = {
        table: db.execute(f"DELETE FROM {table} WHERE person_id = :id", values)  # noqa: S608
        for table in REMOVED
    }
    for column in ("conditions", "actions"):  # of rules: they name people in texts
        db.execute(f"UPDATE rules SET {column} = REPLACE({column}, :id, :stand_in)", values)  # noqa: S608
    db.execute("DELETE FROM integer_ids WHERE key = :id", values)
    db.execute("DELETE FROM ticket_readers WHERE word = 'user:' || :id", values)
    db.execute("DELETE FROM outbox WHERE subject = :id", values)
    db.execute("DELETE FROM people WHERE id = :id", values)
    return removed


def _forget_address(db: Database, values: Values) -> None:
    """What stands for an address without an account."""
    for statement in (
        "UPDATE tickets SET requester_email = NULL WHERE requester_email = :email",
        "UPDATE messages SET author_email = NULL WHERE author_email = :email",
        "DELETE FROM ticket_copies WHERE email = :email",
        "UPDATE departures SET recipient = '', message_id = '' WHERE recipient = :email",
    ):
        db.execute(statement, {"email": values["email"]})


def _mails_of(db: Database, values: Values) -> list[str]:
    """Remove the mails they sent, as they came; the digests of their contents."""
    condition = "sender = :email OR sender LIKE '%<' || :email || '>' OR person_id = :id"
    rows = db.query(f"SELECT sha256 FROM mails WHERE {condition}", values)  # noqa: S608
    lines = f"mail_id IN (SELECT id FROM mails WHERE {condition})"  # noqa: S608
    db.execute(f"UPDATE mail_ledger SET message_id = '' WHERE {lines}", values)  # noqa: S608
    db.execute(f"DELETE FROM mails WHERE {condition}", values)  # noqa: S608
    return [row["sha256"] for row in rows]


def _drop_files(db: Database, values: Values, *, with_files: bool) -> list[str]:
    """Remove what they attached and never sent, or all of it; the digests."""
    condition = "person_id = :id AND (ticket_id IS NULL OR :all = 1)"
    filters = {"id": values["id"], "all": int(with_files)}
    rows = db.query(f"SELECT sha256 FROM attachments WHERE {condition}", filters)  # noqa: S608
    db.execute(f"DELETE FROM attachments WHERE {condition}", filters)  # noqa: S608
    return [row["sha256"] for row in rows]


def _named(db: Database, table: str, digests: Sequence[str]) -> set[str]:
    places, values = one_of("digest", digests)
    rows = db.query(f"SELECT sha256 FROM {table} WHERE sha256 IN ({places})", values)  # noqa: S608
    return {row["sha256"] for row in rows}
