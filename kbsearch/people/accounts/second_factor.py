"""The second factor: authenticator codes, recovery codes, and devices trusted for a month.

The secret of an authenticator is sealed with a key of the site; of recovery codes and of device
tokens only a hash is kept. Reading the database lets nobody in.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import audit, outbox, randomness, sealing
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound

STEP = 30  # seconds a code of an authenticator lasts
DIGITS = 6
SECRET_BYTES = 20
OFFER_LIFETIME = timedelta(minutes=30)
RECOVERY_CODES = 10
RECOVERY_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letter reads as a digit
RECOVERY_LENGTH = 16  # 80 bits
MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None, "\u00a0": None})
MAX_TYPED = 64
DEVICE_LIFETIME = timedelta(days=30)
MAX_USER_AGENT = 300
ADDED = outbox.declare("authenticator.added", "mail")
REMOVED = outbox.declare("authenticator.removed", "mail")
CODES_MADE = outbox.declare("recovery_codes.made", "mail")
CODE_USED = outbox.declare("recovery_code.used", "mail")


@dataclass(frozen=True)
class Device:
    """A browser that is not asked for the second factor until `expires_at`."""

    id: str
    created_at: str
    seen_at: str
    expires_at: str
    user_agent: str


def has_totp(db: Database, person_id: str) -> bool:
    """Whether a person has an authenticator that counts."""
    return bool(db.query("SELECT 1 FROM authenticators WHERE person_id = :id", {"id": person_id}))


def list_staff_without(db: Database) -> list[str]:
    """The addresses of those whose role asks for an authenticator and who have none yet."""
    rows = db.query(
        """
        SELECT email FROM people
        WHERE role <> 'customer' AND disabled_at IS NULL AND erased_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM authenticators a WHERE a.person_id = people.id)
        ORDER BY email
        """
    )
    return [row["email"] for row in rows]


def offer_totp(
    db: Database, settings: Settings, person_id: str, *, at: datetime | None = None
) -> str:
    """A new secret to put in an authenticator; it counts once a code of it has been given."""
    secret = base64.b32encode(randomness.token_bytes(SECRET_BYTES)).decode()
    with db.atomic():
        _drop_offer(db, person_id)
        db.insert(
            "authenticator_offers",
            {
                "person_id": person_id,
                "secret": sealing.seal(settings, _purpose(person_id), secret),
                "expires_at": stored((at or utc_now()) + OFFER_LIFETIME),
            },
        )
    return secret


def offered_totp(
    db: Database, settings: Settings, person_id: str, *, at: datetime | None = None
) -> str | None:
    """The secret that waits for its first code, if there is one."""
    rows = db.query(
        "SELECT secret FROM authenticator_offers WHERE person_id = :id AND expires_at > :now",
        {"id": person_id, "now": stored(at or utc_now())},
    )
    return sealing.unseal(settings, _purpose(person_id), rows[0]["secret"]) if rows else None


def confirm_totp(
    db: Database,
    settings: Settings,
    person_id: str,
    code: str,
    *,
    network: str = "",
    at: datetime | None = None,
) -> bool:
    """Make the offered secret the one that counts, if the code is of it.

    It takes the place of the one before, and the devices trusted so far are trusted no more.
    """
    moment = at or utc_now()
    secret = offered_totp(db, settings, person_id, at=moment)
    step = _step_of(secret, code, moment) if secret else None
    if secret is None or step is None:
        return False
    with db.atomic():
        _replace_totp(db, settings, person_id, secret, step, moment)
        _tell(db, ADDED, person_id, person_id, network, moment)
    return True


def set_totp(
    db: Database, settings: Settings, person_id: str, secret: str, *, at: datetime | None = None
) -> None:
    """Give a person this secret at once, as whoever lays out a site does."""
    _replace_totp(db, settings, person_id, secret, 0, at or utc_now())


def check_totp(
    db: Database, settings: Settings, person_id: str, code: str, *, at: datetime | None = None
) -> bool:
    """Whether this is a code of now or of the step before, not yet used: it is used up by this.

    RFC 6238 5.2: no code counts twice. Of many who send it at once, one changes the row.
    """
    rows = db.query("SELECT secret FROM authenticators WHERE person_id = :id", {"id": person_id})
    sealed = rows[0]["secret"] if rows else None
    secret = sealing.unseal(settings, _purpose(person_id), sealed) if sealed else None
    step = _step_of(secret, code, at or utc_now()) if secret else None
    if step is None:
        return False
    used = db.execute(
        """
        UPDATE authenticators SET last_step = :step
        WHERE person_id = :id AND secret = :sealed AND last_step < :step
        """,
        {"step": step, "id": person_id, "sealed": sealed},
    )
    return used == 1


def remove_totp(
    db: Database,
    person_id: str,
    *,
    actor_id: str | None = None,
    network: str = "",
    at: datetime | None = None,
) -> bool:
    """Take the authenticator away, with its recovery codes and the trusted devices.

    `actor_id` is the person, or an administrator for somebody that lost everything; the command
    line is nobody.
    """
    with db.atomic():
        _drop_offer(db, person_id)
        forget_devices(db, person_id)
        db.execute("DELETE FROM recovery_codes WHERE person_id = :id", {"id": person_id})
        removed = db.execute("DELETE FROM authenticators WHERE person_id = :id", {"id": person_id})
        if removed:
            moment = at or utc_now()
            _tell(db, REMOVED, person_id, actor_id, network, moment)
    return removed == 1


def reseal(db: Database, resealing: sealing.Resealing) -> None:
    """Seal every secret with today's key; one that waits for its first code is dropped."""
    db.execute("DELETE FROM authenticator_offers")
    for row in db.query("SELECT person_id, secret FROM authenticators"):
        secret = resealing.again(_purpose(row["person_id"]), row["secret"])
        db.execute(
            "UPDATE authenticators SET secret = :secret WHERE person_id = :person_id",
            {**row, "secret": secret},
        )


def totp_uri(secret: str, *, email: str, site_name: str) -> str:
    """What the QR code of a secret says to an authenticator."""
    import pyotp  # a few pages need it

    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=site_name)


def make_recovery_codes(
    db: Database, person_id: str, *, network: str = "", at: datetime | None = None
) -> tuple[str, ...]:
    """Ten codes for a lost phone, each good once; those made before stop working."""
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    moment = at or utc_now()
    with db.atomic():
        db.execute("DELETE FROM recovery_codes WHERE person_id = :id", {"id": person_id})
        db.insert_many(
            "recovery_codes",
            [
                {
                    "code_hash": _hash_recovery(person_id, code),
                    "person_id": person_id,
                    "created_at": stored(moment),
                }
                for code in codes
            ],
        )
        _tell(db, CODES_MADE, person_id, person_id, network, moment)
    return codes


def count_recovery_codes(db: Database, person_id: str) -> int:
    """How many a person has left."""
    rows = db.query(
        "SELECT COUNT(*) AS n FROM recovery_codes WHERE person_id = :id AND used_at IS NULL",
        {"id": person_id},
    )
    return int(rows[0]["n"])


def use_recovery_code(
    db: Database, person_id: str, code: str, *, at: datetime | None = None
) -> bool:
    """Whether this is a code of the person, not yet used: it is used up by this, and they are told.

    Of many who send it at once, one changes the row.
    """
    if len(code) > MAX_TYPED:
        return False
    moment = at or utc_now()
    values = {
        "now": stored(moment),
        "hash": _hash_recovery(person_id, code),
        "id": person_id,
    }
    with db.atomic():
        used = db.execute(
            """
            UPDATE recovery_codes SET used_at = :now
            WHERE code_hash = :hash AND person_id = :id AND used_at IS NULL
            """,
            values,
        )
        if used:
            _tell(db, CODE_USED, person_id, person_id, "", moment)
    return used == 1


def trust_device(
    db: Database, person_id: str, *, user_agent: str = "", at: datetime | None = None
) -> str:
    """Ask this browser for no second factor during a month; the token it keeps."""
    moment = at or utc_now()
    token = randomness.token()
    db.insert(
        "trusted_devices",
        {
            "id": new_id(),
            "token_hash": _hash(token),
            "person_id": person_id,
            "created_at": stored(moment),
            "seen_at": stored(moment),
            "expires_at": stored(moment + DEVICE_LIFETIME),
            "user_agent": user_agent[:MAX_USER_AGENT],
        },
    )
    return token


def is_trusted(db: Database, person_id: str, token: str, *, at: datetime | None = None) -> bool:
    """Whether this browser was trusted by this very person, less than a month ago."""
    moment = stored(at or utc_now())
    updated = db.execute(
        """
        UPDATE trusted_devices SET seen_at = :now
        WHERE token_hash = :hash AND person_id = :id AND expires_at > :now
        """,
        {"now": moment, "hash": _hash(token), "id": person_id},
    )
    return updated == 1


def list_devices(db: Database, person_id: str, *, at: datetime | None = None) -> list[Device]:
    """The devices a person trusts, the last one used first."""
    rows = db.query(
        """
        SELECT id, created_at, seen_at, expires_at, user_agent FROM trusted_devices
        WHERE person_id = :id AND expires_at > :now ORDER BY seen_at DESC, id
        """,
        {"id": person_id, "now": stored(at or utc_now())},
    )
    return [Device(**row) for row in rows]


def forget_device(db: Database, person_id: str, device_id: str, *, network: str = "") -> None:
    """Trust a device of this person no more."""
    with db.atomic():
        removed = db.execute(
            "DELETE FROM trusted_devices WHERE id = :device AND person_id = :id",
            {"device": device_id, "id": person_id},
        )
        if not removed:
            raise NotFound("second_factor.device_not_found")
        audit.record(
            db, "device.forgotten", person_id=person_id, actor_id=person_id, network=network
        )


def forget_devices(db: Database, person_id: str) -> int:
    """Trust no device of this person any more; how many there were."""
    return db.execute("DELETE FROM trusted_devices WHERE person_id = :id", {"id": person_id})


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove offers and devices that are over; how many."""
    moment = {"now": stored(at or utc_now())}
    with db.atomic():
        offers = db.execute("DELETE FROM authenticator_offers WHERE expires_at <= :now", moment)
        return offers + db.execute("DELETE FROM trusted_devices WHERE expires_at <= :now", moment)


def _replace_totp(
    db: Database, settings: Settings, person_id: str, secret: str, step: int, moment: datetime
) -> None:
    with db.atomic():
        _drop_offer(db, person_id)
        forget_devices(db, person_id)
        db.execute("DELETE FROM authenticators WHERE person_id = :id", {"id": person_id})
        db.insert(
            "authenticators",
            {
                "person_id": person_id,
                "secret": sealing.seal(settings, _purpose(person_id), secret),
                "last_step": step,
                "created_at": stored(moment),
            },
        )


def _drop_offer(db: Database, person_id: str) -> None:
    db.execute("DELETE FROM authenticator_offers WHERE person_id = :id", {"id": person_id})


def _tell(
    db: Database, kind: str, person_id: str, actor_id: str | None, network: str, moment: datetime
) -> None:
    """Keep a line in the security log, and have the person told by mail."""
    audit.record(db, kind, person_id=person_id, actor_id=actor_id, network=network, at=moment)
    outbox.add(db, kind, person_id)


def _step_of(secret: str, code: str, moment: datetime) -> int | None:
    """The step whose code this is: the present one, or the one before for who types slowly."""
    import pyotp

    digits = "".join(code.split()) if len(code) <= MAX_TYPED else ""
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdecimal():
        return None
    now = int(moment.timestamp()) // STEP
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP)
    fits = [step for step in (now - 1, now) if _same(totp.generate_otp(step), digits)]
    return fits[-1] if fits else None


def _same(first: str, second: str) -> bool:
    return hmac.compare_digest(first.encode(), second.encode())


def _purpose(person_id: str) -> str:
    """What a secret is sealed for: a row copied to somebody else opens nothing."""
    return f"authenticator:{person_id}"


def _recovery_code() -> str:
    letters = "".join(
        RECOVERY_ALPHABET[randomness.below(len(RECOVERY_ALPHABET))] for _ in range(RECOVERY_LENGTH)
    )
    return "-".join(letters[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4))


def _hash_recovery(person_id: str, code: str) -> str:
    """80 random bits need no slow hash; letters misread as digits are forgiven."""
    return _hash(f"{person_id}:{code.strip().lower().translate(MISREAD)}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
