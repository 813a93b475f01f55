"""Proving again that it is you: the password and a code, asked before what guards an account.

An unlocked computer, or a stolen cookie, must not be enough to change the locks.
"""

from dataclasses import dataclass
from datetime import datetime

from kbsearch import audit, limits, people
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.accounts import passwords, sessions, sign_ins_under_way, signing_in
from kbsearch.people.accounts.sign_ins_under_way import Errand, Pending
from kbsearch.people.accounts.signing_in import Caller, TypedCode


@dataclass(frozen=True)
class Proof:
    """The token that the browser keeps from now on, and where its person was going."""

    session: str
    destination: str


def begin(
    db: Database,
    viewer: Viewer,
    caller: Caller,
    password: str,
    destination: str,
    *,
    at: datetime | None = None,
) -> str:
    """Take the password, and ask for a code; the token the browser keeps meanwhile."""
    moment = at or utc_now()
    person = people.find_id(db, viewer.person_id or "")
    charge = (limits.SIGN_INS_OF_ACCOUNT, f"{person.id} proof")
    signing_in.charge(db, caller, person, [charge], at=moment)
    if not passwords.verify(db, person.id, password):
        audit.record(db, "proof.failed", person_id=person.id, network=caller.network, at=moment)
        raise Invalid("password.wrong")
    with db.atomic():
        limits.give_back(db, *charge)
        return signing_in.ask(db, caller, person, Errand("proof", destination), at=moment).token


def find(db: Database, viewer: Viewer, token: str, *, at: datetime | None = None) -> Pending:
    """The proof this browser has under way, if it is the viewer's."""
    waiting = sign_ins_under_way.find(db, token, "proof", at=at)
    if waiting.person_id != viewer.person_id:
        raise NotFound("sign_in.expired")
    return waiting


def finish(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    caller: Caller,
    token: str,
    code: TypedCode,
    *,
    at: datetime | None = None,
) -> Proof:
    """Take the code; the session counts as proved, under a new token."""
    moment = at or utc_now()
    waiting = find(db, viewer, token, at=moment)
    factor = signing_in.check_code(db, settings, caller, waiting, code, at=moment)
    with db.atomic():
        sign_ins_under_way.end(db, waiting)
        session = sessions.prove(db, caller.session, at=moment)
        audit.record(
            db,
            "proof.given",
            person_id=waiting.person_id,
            network=caller.network,
            at=moment,
            factor=factor,
        )
    return Proof(session, waiting.destination)
