"""Invitations of many: by organisation, so many an hour, and who has come of those invited.

A letter is asked for once for each person, in the transaction that notes it: nothing that ends in
between sends it twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from kbsearch import audit, outbox
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import LANGUAGES
from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.webhooks import events
from kbsearch.people import Person

PLANNED = outbox.declare("invitation.due", "mail")
REMINDED = outbox.declare("invitation.reminded", "mail")
REHEARSED = outbox.declare("invitation.rehearsed", "mail")
MOST_REMINDERS = 2
PAUSE = timedelta(days=3)  # before somebody is reminded
PACES = range(1, 3601)  # letters an hour
USUAL_PACE = 100
MAX_WORDS = 2000
PAGE_LENGTH = 50

InvitationState = Literal["not_invited", "planned", "invited", "reminded", "come", "unreached"]
STATES: tuple[InvitationState, ...] = get_args(InvitationState)
_STATE = """
    CASE WHEN p.password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM security_log l
           WHERE l.person_id = p.id AND l.kind = 'sign_in.succeeded') THEN 'come'
         WHEN p.undeliverable_at IS NOT NULL THEN 'unreached'
         WHEN i.person_id IS NULL THEN 'not_invited'
         WHEN i.sent_at IS NULL THEN 'planned'
         WHEN i.reminders > 0 THEN 'reminded'
         ELSE 'invited' END
"""
# Customers with an account that is open, in one of some organisations; without any, all of them.
_WHOM = """
    FROM people p LEFT JOIN invitations i ON i.person_id = p.id
    WHERE p.role = 'customer' AND p.disabled_at IS NULL AND p.erased_at IS NULL
    AND (:all = 1 OR EXISTS (SELECT 1 FROM memberships m JOIN organisations o
         ON o.id = m.organisation_id WHERE m.person_id = p.id AND o.slug IN ({slugs})))
"""


@dataclass(frozen=True)
class WaveTerms:
    """Whom a wave is for, how fast it goes, what its letter says by language, where it leads."""

    organisations: tuple[str, ...] = ()  # slugs; empty: everybody
    per_hour: int = USUAL_PACE
    words: Mapping[str, str] = field(default_factory=dict)
    by_sign_on: bool = False


@dataclass(frozen=True)
class Invited:
    """Somebody who may be invited, and what became of it."""

    person_id: str
    name: str
    email: str
    state: InvitationState
    due_at: str | None
    sent_at: str | None
    reminders: int
    why: str  # their server gave for not taking mail


@dataclass(frozen=True)
class WaveLetter:
    """What a letter needs to be written."""

    person: Person
    paragraphs: Sequence[str]
    by_sign_on: bool


def plan(db: Database, viewer: Viewer, terms: WaveTerms, *, at: datetime | None = None) -> int:
    """Invite whom nobody has invited yet; how many letters will leave."""
    only_administrators(viewer)
    _check(db, terms)
    with db.atomic():
        ids = [row["id"] for row in _rows(db, terms.organisations, "not_invited")]
        if not ids:
            return 0
        wave_id = _keep_wave(db, terms, at)
        for person_id, due in zip(ids, _moments(db, terms.per_hour, len(ids), at), strict=True):
            row = {"person_id": person_id, "wave_id": wave_id, "due_at": stored(due)}
            db.insert("invitations", {**row, "reminders": 0})
            outbox.add(db, PLANNED, person_id, due=due)
            events.tell(db, "user.invited", person_id)
        _note(db, viewer, "invitations.planned", terms.organisations, len(ids))
    return len(ids)


def remind(
    db: Database,
    viewer: Viewer,
    organisations: Sequence[str] = (),
    per_hour: int = USUAL_PACE,
    *,
    at: datetime | None = None,
) -> int:
    """Write again to those who have not come, three days later at the earliest, twice at most."""
    only_administrators(viewer)
    _check(db, WaveTerms(tuple(organisations), per_hour))
    before = stored((at or utc_now()) - PAUSE)
    with db.atomic():
        ids = [
            row["id"]
            for row in _rows(db, organisations, "invited", "reminded")
            if row["reminders"] < MOST_REMINDERS
            and (row["reminded_at"] or row["sent_at"]) <= before
        ]
        for person_id, due in zip(ids, _moments(db, per_hour, len(ids), at), strict=True):
            db.execute(
                """
                UPDATE invitations SET reminders = reminders + 1, reminded_at = :due
                WHERE person_id = :id
                """,
                {"id": person_id, "due": stored(due)},
            )
            outbox.add(db, REMINDED, person_id, due=due)
        if ids:
            _note(db, viewer, "invitations.reminded", organisations, len(ids))
    return len(ids)


def rehearse(db: Database, viewer: Viewer, terms: WaveTerms, person: Person) -> None:
    """Send the letter to one of us first, in every language."""
    only_administrators(viewer)
    _check(db, terms)
    with db.atomic():
        wave_id = _keep_wave(db, terms, None)
        for language in LANGUAGES:
            outbox.add(db, REHEARSED, f"{wave_id} {person.id} {language}")


def count_states(db: Database, viewer: Viewer, organisation: str = "") -> dict[str, int]:
    """How many there are in each state."""
    only_administrators(viewer)
    where, values = _whom([organisation] if organisation else [])
    rows = db.query(
        f"SELECT {_STATE} AS state, COUNT(*) AS n {where} GROUP BY 1",
        values,
    )
    counts = {row["state"]: int(row["n"]) for row in rows}
    return {state: counts.get(state, 0) for state in STATES}


def list_people(
    db: Database,
    viewer: Viewer,
    organisation: str = "",
    state: str = "",
    *,
    page: int = 1,
    size: int = PAGE_LENGTH,
) -> list[Invited]:
    """Those of a state, or all, by name."""
    only_administrators(viewer)
    where, values = _whom([organisation] if organisation else [])
    rows = db.query(
        f"""
        SELECT * FROM (
          SELECT p.id AS person_id, p.name, p.email, {_STATE} AS state, i.due_at, i.sent_at,
                 COALESCE(i.reminders, 0) AS reminders,
                 COALESCE(p.undeliverable_why, '') AS why {where}) q
        WHERE :state = '' OR state = :state
        ORDER BY LOWER(name), email LIMIT :size OFFSET :start
        """,  # noqa: S608 (constants, and names of parameters)
        {**values, "state": state, "size": size, "start": (page - 1) * size},
    )
    return [Invited(**row) for row in rows]


def letter_for(db: Database, person: Person) -> WaveLetter | None:
    """What to write to somebody whose turn it is; None for who came meanwhile."""
    rows = db.query(
        f"""
        SELECT {_STATE} AS state, w.words_fr, w.words_en, w.by_sign_on FROM people p
        JOIN invitations i ON i.person_id = p.id
        JOIN invitation_waves w ON w.id = i.wave_id WHERE p.id = :id
        """,  # noqa: S608 (a constant)
        {"id": person.id},
    )
    if not rows or rows[0]["state"] == "come":
        return None
    return _letter(db, rows[0], person)


def rehearsed_letter(db: Database, wave_id: str, person: Person) -> WaveLetter | None:
    """The same of a wave, for one of us."""
    rows = db.query("SELECT * FROM invitation_waves WHERE id = :id", {"id": wave_id})
    return _letter(db, rows[0], person) if rows else None


def note_sent(db: Database, person_id: str) -> None:
    """That the letter is about to leave."""
    with db.atomic():
        changed = db.execute(
            "UPDATE invitations SET sent_at = :now WHERE person_id = :id AND sent_at IS NULL",
            {"id": person_id, "now": stored(utc_now())},
        )
        if changed:
            audit.record(db, "invitation.sent", person_id=person_id)


def _letter(db: Database, row: Row, person: Person) -> WaveLetter:
    """An account that a provider vouches for has no password to choose."""
    words = row["words_fr"] if person.language == "fr" else row["words_en"]
    identities = db.query(
        "SELECT 1 FROM identities WHERE person_id = :id LIMIT 1", {"id": person.id}
    )
    paragraphs = [part.strip() for part in words.split("\n\n") if part.strip()]
    return WaveLetter(person, paragraphs, bool(row["by_sign_on"] or identities))


def _check(db: Database, terms: WaveTerms) -> None:
    if terms.per_hour not in PACES:
        raise Invalid("invitation.pace_invalid", least=PACES[0], most=PACES[-1])
    if any(len(words) > MAX_WORDS for words in terms.words.values()):
        raise Invalid("invitation.words_too_long", limit=MAX_WORDS)
    places, values = one_of("slug", terms.organisations)
    rows = db.query(f"SELECT slug FROM organisations WHERE slug IN ({places})", values)  # noqa: S608
    slugs = {row["slug"] for row in rows}
    for slug in terms.organisations:
        if slug not in slugs:
            raise NotFound("organisation.not_found", slug=slug)


def _keep_wave(db: Database, terms: WaveTerms, at: datetime | None) -> str:
    wave_id = new_id()
    words = {
        f"words_{language}": terms.words.get(language, "").replace("\r\n", "\n").strip()
        for language in LANGUAGES
    }
    row = {"id": wave_id, "created_at": stored(at or utc_now()), **words}
    db.insert("invitation_waves", {**row, "by_sign_on": int(terms.by_sign_on)})
    return wave_id


def _moments(db: Database, per_hour: int, count: int, at: datetime | None) -> list[datetime]:
    """When each of so many letters leaves: after those that wait already."""
    rows = db.query(
        """
        SELECT MAX(due_at) AS last FROM outbox
        WHERE kind IN (:planned, :reminded) AND done_at IS NULL AND dead_at IS NULL
        """,
        {"planned": PLANNED, "reminded": REMINDED},
    )
    step = timedelta(seconds=3600 / per_hour)
    begin = at or utc_now()
    if rows[0]["last"]:
        begin = max(begin, parsed(rows[0]["last"]) + step)
    return [begin + step * place for place in range(count)]


def _whom(organisations: Sequence[str]) -> tuple[str, dict[str, object]]:
    places, values = one_of("slug", organisations)
    return _WHOM.format(slugs=places), {**values, "all": int(not organisations)}


def _rows(db: Database, organisations: Sequence[str], *states: InvitationState) -> list[Row]:
    """Those of some states, by address."""
    where, values = _whom(organisations)
    places, named = one_of("state", states)
    return db.query(
        f"""
        SELECT * FROM (SELECT p.id, p.email, i.sent_at, i.reminders, i.reminded_at,
                              {_STATE} AS state {where}) q
        WHERE state IN ({places}) ORDER BY email
        """,  # noqa: S608 (constants, and names of parameters)
        {**values, **named},
    )


def _note(
    db: Database, viewer: Viewer, kind: str, organisations: Sequence[str], count: int
) -> None:
    names = ", ".join(organisations)
    audit.act(db, viewer, kind, people=count, organisations=names)
