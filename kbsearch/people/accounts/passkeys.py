"""Passkeys: keys that people's devices hold, and of which only the public half is kept here.

Each is asked to sign a challenge that is good once, for minutes, in the browser it was given to.
What a device signs names this site's own address, so that no other site can ask for it.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from kbsearch import audit, outbox, randomness
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person
from kbsearch.people.accounts.sessions import hash_token

if TYPE_CHECKING:
    from webauthn.helpers import structs

# add: a new one; sign_in: instead of a password; factor: after a password
ChallengePurpose = Literal["add", "sign_in", "factor"]

LIFETIME = timedelta(minutes=5)
CHALLENGE_BYTES = 32
MAX_NAME = 60
MOST = 20  # of a person
MAX_ANSWER = 20_000  # letters of JSON
MAX_TRANSPORTS = 6
ADDED = outbox.declare("passkey.added", "mail")
REMOVED = outbox.declare("passkey.removed", "mail")


@dataclass(frozen=True)
class Passkey:
    """One of somebody's, as its owner sees it."""

    id: str
    name: str
    created_at: str
    used_at: str | None


@dataclass(frozen=True)
class Challenge:
    """What a browser is to do, as JSON for its script, and the token that it keeps meanwhile."""

    options: str
    token: str


@dataclass(frozen=True)
class DeviceAnswer:
    """What a device signed, as its browser sent it, with the token of the challenge."""

    token: str
    content: str  # JSON
    network: str = ""  # where it came from


def are_possible(settings: Settings) -> bool:
    """Whether browsers take passkeys for the site: its address has a name, and is encrypted."""
    url = urlsplit(settings.base_url)
    host = url.hostname or ""
    return (url.scheme == "https" or host == "localhost") and not _is_number(host)


def has_any(db: Database, person_id: str) -> bool:
    """Whether a person has one."""
    return bool(db.query("SELECT 1 FROM passkeys WHERE person_id = :id LIMIT 1", {"id": person_id}))


def list_of(db: Database, person_id: str) -> list[Passkey]:
    """Those of a person, the oldest first."""
    rows = db.query(
        """
        SELECT id, name, created_at, used_at FROM passkeys
        WHERE person_id = :id ORDER BY created_at, id
        """,
        {"id": person_id},
    )
    return [Passkey(**row) for row in rows]


def find(db: Database, person_id: str, passkey_id: str) -> Passkey:
    """One of this person's; raises NotFound."""
    for passkey in list_of(db, person_id):
        if passkey.id == passkey_id:
            return passkey
    raise NotFound("passkey.not_found")


def offer(
    db: Database, settings: Settings, person: Person, *, at: datetime | None = None
) -> Challenge:
    """Ask a browser to make one for this person."""
    import webauthn  # heavy, and a few pages need it
    from webauthn.helpers import structs

    _only_where_possible(settings)
    if len(list_of(db, person.id)) >= MOST:
        raise Invalid("passkey.too_many")
    challenge, token = _begin(db, "add", person.id, at)
    options = webauthn.generate_registration_options(
        rp_id=_host(settings),
        rp_name=settings.site_name,
        user_id=person.id.encode(),
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(db, person.id),
    )
    return Challenge(webauthn.options_to_json(options), token)


def add(
    db: Database,
    settings: Settings,
    person: Person,
    answer: DeviceAnswer,
    name: str,
    *,
    at: datetime | None = None,
) -> Passkey:
    """Keep the one that a browser made for this person, under a name; they are told by mail."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    moment = at or utc_now()
    title = _named(name)
    challenge = _take(db, "add", answer.token, person.id, moment)
    content = _read(answer.content)
    try:
        made = webauthn.verify_registration_response(
            credential=content,
            expected_challenge=challenge,
            expected_rp_id=_host(settings),
            expected_origin=_origin(settings),
        )
    except WebAuthnException as problem:
        raise Invalid("passkey.refused") from problem
    passkey = Passkey(new_id(), title, stored(moment), None)
    with db.atomic():
        is_new = db.execute(
            """
            INSERT INTO passkeys (id, credential_id, person_id, public_key, sign_count, transports,
              name, created_at)
            VALUES (:id, :credential, :person, :key, :count, :transports, :name, :now)
            ON CONFLICT (credential_id) DO NOTHING
            """,
            {
                "id": passkey.id,
                "credential": _text(made.credential_id),
                "person": person.id,
                "key": _text(made.credential_public_key),
                "count": made.sign_count,
                "transports": " ".join(_transports(content)),
                "name": title,
                "now": passkey.created_at,
            },
        )
        if not is_new:
            raise Invalid("passkey.refused")
        _tell(db, ADDED, person.id, person.id, answer.network, moment)
    return passkey


def ask(
    db: Database,
    settings: Settings,
    *,
    person_id: str | None = None,
    at: datetime | None = None,
) -> Challenge:
    """Ask a browser for a signature: of this person's, or of whoever's it finds on the device.

    Where it stands alone, the device has to be sure of its owner: by a PIN, a finger, a face.
    """
    import webauthn
    from webauthn.helpers import structs

    _only_where_possible(settings)
    purpose: ChallengePurpose = "factor" if person_id else "sign_in"
    challenge, token = _begin(db, purpose, person_id, at)
    requirement = structs.UserVerificationRequirement
    options = webauthn.generate_authentication_options(
        rp_id=_host(settings),
        challenge=challenge,
        allow_credentials=_descriptors(db, person_id) if person_id else None,
        user_verification=requirement.PREFERRED if person_id else requirement.REQUIRED,
    )
    return Challenge(webauthn.options_to_json(options), token)


def check(
    db: Database,
    settings: Settings,
    answer: DeviceAnswer,
    *,
    person_id: str | None = None,
    at: datetime | None = None,
) -> str:
    """Whose passkey signed, of this person's or of anybody's; raises Invalid.

    The challenge is used up by this, whatever comes of it. A device that counts and has counted
    no further than before may be a copy: it is refused, and the log says so.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    moment = at or utc_now()
    purpose: ChallengePurpose = "factor" if person_id else "sign_in"
    challenge = _take(db, purpose, answer.token, person_id, moment)
    content = _read(answer.content)
    row = _find(db, content, person_id)
    try:
        shown = webauthn.verify_authentication_response(
            credential=content,
            expected_challenge=challenge,
            expected_rp_id=_host(settings),
            expected_origin=_origin(settings),
            credential_public_key=_bytes(row["public_key"]),
            credential_current_sign_count=0,  # it is looked at below, where a copy is told apart
            require_user_verification=person_id is None,
        )
    except WebAuthnException as problem:
        _refuse(db, row, answer.network, moment, "not_verified")
        raise Invalid("passkey.refused") from problem
    # in one statement: of two that show the same count at once, one is the copy
    is_counted = db.execute(
        """
        UPDATE passkeys SET sign_count = :count, used_at = :now
        WHERE id = :id AND (sign_count < :count OR (sign_count = 0 AND :count = 0))
        """,
        {"id": row["id"], "count": shown.new_sign_count, "now": stored(moment)},
    )
    if not is_counted:
        _refuse(db, row, answer.network, moment, "copied")
        raise Invalid("passkey.refused")
    owner: str = row["person_id"]
    return owner


def rename(db: Database, person_id: str, passkey_id: str, name: str, *, network: str = "") -> None:
    """Give one of this person's another name."""
    title = _named(name)
    with db.atomic():
        find(db, person_id, passkey_id)
        values = {"name": title, "id": passkey_id}
        db.execute("UPDATE passkeys SET name = :name WHERE id = :id", values)
        audit.record(
            db, "passkey.renamed", person_id=person_id, actor_id=person_id, network=network
        )


def remove(
    db: Database,
    person_id: str,
    passkey_id: str,
    *,
    network: str = "",
    at: datetime | None = None,
) -> None:
    """Take one of this person's away; they are told by mail."""
    with db.atomic():
        find(db, person_id, passkey_id)
        db.execute("DELETE FROM passkeys WHERE id = :id", {"id": passkey_id})
        _tell(db, REMOVED, person_id, person_id, network, at or utc_now())


def remove_all(
    db: Database, person_id: str, *, actor_id: str | None = None, at: datetime | None = None
) -> int:
    """Take all of somebody's away who lost them; how many there were."""
    with db.atomic():
        removed = db.execute("DELETE FROM passkeys WHERE person_id = :id", {"id": person_id})
        if removed:
            _tell(db, REMOVED, person_id, actor_id, "", at or utc_now())
    return removed


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove the challenges that nobody answered; how many."""
    return db.execute(
        "DELETE FROM passkey_challenges WHERE expires_at <= :now", {"now": stored(at or utc_now())}
    )


def _begin(
    db: Database, purpose: ChallengePurpose, person_id: str | None, at: datetime | None
) -> tuple[bytes, str]:
    """A new challenge, and the token of the browser that gets it."""
    challenge, token = randomness.token_bytes(CHALLENGE_BYTES), randomness.token()
    db.insert(
        "passkey_challenges",
        {
            "token_hash": hash_token(token),
            "purpose": purpose,
            "person_id": person_id,
            "challenge": _text(challenge),
            "expires_at": stored((at or utc_now()) + LIFETIME),
        },
    )
    return challenge, token


def _take(
    db: Database, purpose: ChallengePurpose, token: str, person_id: str | None, moment: datetime
) -> bytes:
    """The challenge of that browser, which is good no more from now on."""
    rows = db.query(
        """
        DELETE FROM passkey_challenges WHERE token_hash = :hash
        RETURNING purpose, person_id, challenge, expires_at
        """,
        {"hash": hash_token(token)},
    )
    if not rows or (rows[0]["purpose"], rows[0]["person_id"]) != (purpose, person_id):
        raise Invalid("passkey.expired")
    if rows[0]["expires_at"] <= stored(moment):
        raise Invalid("passkey.expired")
    return _bytes(rows[0]["challenge"])


def _find(db: Database, content: dict[str, object], person_id: str | None) -> Row:
    """The passkey that answered: one of this person's, where it is to be theirs."""
    rows: list[Row] = db.query(
        """
        SELECT k.id, k.person_id, k.public_key FROM passkeys k
        JOIN people p ON p.id = k.person_id AND p.disabled_at IS NULL
        WHERE k.credential_id = :id
        """,
        {"id": str(content.get("id", ""))},
    )
    if not rows or person_id not in (None, rows[0]["person_id"]):
        raise Invalid("passkey.unknown")
    return rows[0]


def _refuse(db: Database, row: Row, network: str, moment: datetime, reason: str) -> None:
    audit.record(
        db,
        "passkey.refused",
        person_id=row["person_id"],
        network=network,
        at=moment,
        reason=reason,
    )


def _tell(
    db: Database, kind: str, person_id: str, actor_id: str | None, network: str, moment: datetime
) -> None:
    """Keep a line in the security log, and have the person told by mail."""
    audit.record(db, kind, person_id=person_id, actor_id=actor_id, network=network, at=moment)
    outbox.add(db, kind, person_id)


def _read(answer: str) -> dict[str, object]:
    """What the browser's script sent, as far as it is JSON at all."""
    try:
        content = json.loads(answer) if len(answer) <= MAX_ANSWER else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Invalid("passkey.refused")
    return content


def _descriptors(db: Database, person_id: str) -> "list[structs.PublicKeyCredentialDescriptor]":
    from webauthn.helpers import structs

    rows = db.query(
        "SELECT credential_id, transports FROM passkeys WHERE person_id = :id", {"id": person_id}
    )
    return [
        structs.PublicKeyCredentialDescriptor(
            id=_bytes(row["credential_id"]),
            transports=[structs.AuthenticatorTransport(way) for way in row["transports"].split()],
        )
        for row in rows
    ]


def _transports(content: dict[str, object]) -> Sequence[str]:
    """By which ways the browser says that it reaches the device, of those that are known."""
    from webauthn.helpers import structs

    response = content.get("response")
    ways = response.get("transports") if isinstance(response, dict) else None
    known = {way.value for way in structs.AuthenticatorTransport}
    return [way for way in ways if way in known][:MAX_TRANSPORTS] if isinstance(ways, list) else []


def _named(name: str) -> str:
    title = " ".join(name.split())
    if not title or len(title) > MAX_NAME:
        raise Invalid("passkey.name_invalid")
    return title


def _only_where_possible(settings: Settings) -> None:
    if not are_possible(settings):
        raise NotFound("web.not_found")


def _host(settings: Settings) -> str:
    return urlsplit(settings.base_url).hostname or ""


def _origin(settings: Settings) -> str:
    url = urlsplit(settings.base_url)
    return f"{url.scheme}://{url.netloc}"


def _is_number(host: str) -> bool:
    """Whether it is an IP address, which passkeys cannot be made for."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
