"""Mobile numbers: read as people write them, and verified by a code before any use.

The code is drawn from the key of the site and the random id of the request: nothing is kept that
would tell it, and the worker can send it again after a failure.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import audit, keys, limits, outbox
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid
from kbsearch.people import notification_choices, profiles

REGION = "FR"  # of a number written without its country
MAX_TYPED = 40
CODE_MINUTES = 5
CODE_ASKED = outbox.declare("mobile.code_asked", "sms")  # send the code
VERIFIED = outbox.declare("mobile.verified", "mail")
REMOVED = outbox.declare("mobile.removed", "mail")
ATTEMPTS = 5
DIGITS = 6


@dataclass(frozen=True)
class CodeRequest:
    """A number that waits for its code."""

    id: str
    person_id: str
    mobile: str
    expires_at: str


def parse(text: str) -> str:
    """A number as it is dialled from anywhere: `06 12 34 56 78` is `+33612345678`."""
    import phonenumbers  # one page needs it
    from phonenumbers import PhoneNumberType

    if len(text) > MAX_TYPED:
        raise Invalid("mobile.invalid", number=text[:MAX_TYPED])
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        raise Invalid("mobile.invalid", number=text) from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid("mobile.invalid", number=text)
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if phonenumbers.number_type(number) not in kinds:
        raise Invalid("mobile.not_a_mobile", number=text)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def spelt(mobile: str) -> str:
    """A stored number in groups, as its country writes it."""
    import phonenumbers

    number = phonenumbers.parse(mobile)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def ask(db: Database, viewer: Viewer, text: str, *, at: datetime | None = None) -> CodeRequest:
    """Send a code to a number; one sent before, to whatever number, is good no more."""
    moment = at or utc_now()
    mobile = parse(text)
    assert viewer.person_id is not None
    limits.take(db, limits.RESENDS, f"mobile {viewer.person_id}", at=moment)
    request = CodeRequest(
        new_id(), viewer.person_id, mobile, stored(moment + timedelta(minutes=CODE_MINUTES))
    )
    with db.atomic():
        cancel(db, viewer)
        db.insert("mobile_requests", vars(request))
        outbox.add(db, CODE_ASKED, request.id)
    return request


def waiting(db: Database, viewer: Viewer, *, at: datetime | None = None) -> CodeRequest | None:
    """The viewer's number that waits for its code."""
    rows = db.query(
        """
        SELECT id, person_id, mobile, expires_at FROM mobile_requests
        WHERE person_id = :id AND attempts < :attempts AND expires_at > :now
        """,
        {
            "id": viewer.person_id,
            "attempts": ATTEMPTS,
            "now": stored(at or utc_now()),
        },
    )
    return CodeRequest(**rows[0]) if rows else None


def cancel(db: Database, viewer: Viewer) -> None:
    """Wait for no code any more."""
    db.execute("DELETE FROM mobile_requests WHERE person_id = :id", {"id": viewer.person_id})


def verify(
    db: Database, viewer: Viewer, settings: Settings, code: str, *, at: datetime | None = None
) -> None:
    """Keep the number that waits, if this is its code; five tries, then another code is needed.

    A customer's first number is told of their requests from then on.
    """
    moment = stored(at or utc_now())
    tried = db.query(
        """
        UPDATE mobile_requests SET attempts = attempts + 1
        WHERE person_id = :id AND attempts < :attempts AND expires_at > :now
        RETURNING id, person_id, mobile, expires_at
        """,
        {"id": viewer.person_id, "attempts": ATTEMPTS, "now": moment},
    )
    if not tried:
        raise Invalid("mobile.code_over")
    request = CodeRequest(**tried[0])
    digits = "".join(code.split()).encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(code_of(settings, request).encode(), digits):
        raise Invalid("mobile.code_wrong")
    with db.atomic():
        is_first = not profiles.find(db, viewer).mobile_verified_at
        if not db.execute("DELETE FROM mobile_requests WHERE id = :id", {"id": request.id}):
            raise Invalid("mobile.code_over")  # the same code, sent twice at once
        db.execute(
            "UPDATE people SET mobile = :mobile, mobile_verified_at = :now WHERE id = :id",
            {"mobile": request.mobile, "now": moment, "id": request.person_id},
        )
        if is_first and not viewer.is_agent:
            notification_choices.want_texts(db, viewer)
        _tell(db, viewer, VERIFIED)


def remove(db: Database, viewer: Viewer) -> None:
    """Have no number any more; text messages stop with it."""
    with db.atomic():
        cancel(db, viewer)
        removed = db.execute(
            """
            UPDATE people SET mobile = NULL, mobile_verified_at = NULL
            WHERE id = :id AND mobile IS NOT NULL
            """,
            {"id": viewer.person_id},
        )
        if removed:
            _tell(db, viewer, REMOVED)


def find_request(
    db: Database, request_id: str, *, at: datetime | None = None
) -> CodeRequest | None:
    """A request whose code is still worth sending."""
    rows = db.query(
        """
        SELECT id, person_id, mobile, expires_at FROM mobile_requests
        WHERE id = :id AND expires_at > :now
        """,
        {"id": request_id, "now": stored(at or utc_now())},
    )
    return CodeRequest(**rows[0]) if rows else None


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove the requests that are over; how many."""
    moment = {"now": stored(at or utc_now())}
    return db.execute("DELETE FROM mobile_requests WHERE expires_at <= :now", moment)


def code_of(settings: Settings, request: CodeRequest) -> str:
    """The six digits of a request."""
    drawn = hmac.digest(keys.derive(settings, "mobile codes"), request.id.encode(), "sha256")
    return f"{int.from_bytes(drawn) % 10**DIGITS:0{DIGITS}d}"


def _tell(db: Database, viewer: Viewer, kind: str) -> None:
    assert viewer.person_id is not None
    audit.record(db, kind, person_id=viewer.person_id, actor_id=viewer.person_id)
    outbox.add(db, kind, viewer.person_id)
