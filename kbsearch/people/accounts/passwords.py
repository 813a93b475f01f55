"""Passwords: which are accepted, how they are kept, and how one is compared.

They are taken as they are typed: nothing is trimmed, cut or folded. The common ones come from a
list that is installed with kbsearch; nobody is asked.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, Unavailable
from kbsearch.people import Person, organisations
from kbsearch.people.accounts import second_factor
from kbsearch.people.accounts.common_passwords import is_common
from kbsearch.people.organisations import products
from kbsearch.text.normal_form import without_marks

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256
SHORTEST_WORD = 4  # of the words about the person, that a password may not contain
MEMORY_KIB, PASSES, LANES = 47104, 1, 1  # OWASP's first choice: 46 MiB, 46 ms
AT_ONCE = 2  # hashes in one process: each takes its memory
PATIENCE_SECONDS = 2.0
RETRY_AFTER = 2  # seconds

_gate = threading.BoundedSemaphore(AT_ONCE)
_WORD = re.compile(r"[^\W_]+")
# The hash of a random text: an address without account costs as much as one that has one.
_NOBODY = (
    "$argon2id$v=19$m=47104,t=1,p=1$"
    "tJDcgdDEiUIUP32Q5gmxaQ$wZQuadLuElHN0gxshI+8ey1aZcwCrySWRHmKhwvG1bQ"
)


def check(db: Database, settings: Settings, person: Person, password: str) -> None:
    """Raise Invalid when a password is not good enough for this person."""
    if len(password) < SHORTEST:
        raise Invalid("password.too_short", limit=SHORTEST)
    if len(password) > LONGEST:
        raise Invalid("password.too_long", limit=LONGEST)
    if is_common(password) or is_common(password.lower()):
        raise Invalid("password.common")
    folded = _fold(password)
    for word in sorted(words_about(db, settings, person), key=len, reverse=True):
        if word in folded:
            raise Invalid("password.guessable", word=word)


def words_about(db: Database, settings: Settings, person: Person) -> set[str]:
    """What somebody would try first: names of the site, of what it serves, and one's own."""
    local, _, domain = person.email.partition("@")
    names = [settings.site_name, "kbsearch", person.name, local, domain.rpartition(".")[0]]
    names += [product.name for product in products.list_all(db)]
    names += [organisations.find(db, slug).name for slug in person.organisations]
    words = {word for name in names for word in _WORD.findall(_fold(name))}
    return {word for word in words if len(word) >= SHORTEST_WORD}


def prepare(db: Database, settings: Settings, person: Person, password: str) -> str:
    """The hash of a password that is good enough; made before a transaction, as it takes long."""
    check(db, settings, person, password)
    return hash(password)


def replace(db: Database, person: Person, hashed: str) -> None:
    """Keep it. Every session, link, sign-in under way and trusted device of before ends."""
    with db.atomic():
        keep(db, person, hashed)
        for table in ("sessions", "tokens", "pending_sign_ins"):
            db.execute(
                f"DELETE FROM {table} WHERE person_id = :id",  # noqa: S608 (named above)
                {"id": person.id},
            )
        second_factor.forget_devices(db, person.id)


def keep(db: Database, person: Person, hashed: str) -> None:
    """Keep it, and end nothing: for whoever lays out a site."""
    _keep(db, person.id, hashed)


def hash(password: str) -> str:
    """A password as it is kept."""
    with _place():
        return _hasher().hash(_bytes(password))


def verify(db: Database, person_id: str | None, password: str) -> bool:
    """Whether this is the password of the person; nobody's takes as long and is never right.

    One that is kept by older parameters is hashed anew.
    """
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    hashed = _kept(db, person_id)
    if len(password) > LONGEST:
        hashed, password = None, ""
    try:
        with _place():
            right = _hasher().verify(hashed or _NOBODY, _bytes(password))
    except (VerifyMismatchError, InvalidHashError):
        return False
    if hashed is None or person_id is None:
        return False
    if _hasher().check_needs_rehash(hashed):
        _keep(db, person_id, hash(password))
    return right


def _kept(db: Database, person_id: str | None) -> str | None:
    rows = db.query("SELECT password_hash FROM people WHERE id = :id", {"id": person_id or ""})
    hashed: str | None = rows[0]["password_hash"] if rows else None
    return hashed


def _keep(db: Database, person_id: str, hashed: str) -> None:
    db.execute(
        "UPDATE people SET password_hash = :hash WHERE id = :id",
        {"hash": hashed, "id": person_id},
    )


def _fold(text: str) -> str:
    """Lower case without accents: `Éléonore` is `eleonore`."""
    return without_marks(text.casefold())


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # not loaded by the pages that never hash

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@contextmanager
def _place() -> Iterator[None]:
    """One of the places to hash in; whoever waits too long for one is asked to come again."""
    if not _gate.acquire(timeout=PATIENCE_SECONDS):
        raise Unavailable("password.busy", retry_after=RETRY_AFTER)
    try:
        yield
    finally:
        _gate.release()
