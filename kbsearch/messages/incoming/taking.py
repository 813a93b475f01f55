"""Taking a mail in: it joins a request, opens one, is held for an agent, or was a machine's.

A reply joins its request only if its address is one we wrote for this person and this request,
and the sender is proved to be that person. Whatever is in doubt is held: never joined, never lost.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import BytesIO

from kbsearch import i18n, people, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, InvalidForm, NotFound, Problem
from kbsearch.messages.delivery import departures
from kbsearch.messages.incoming import (
    authenticity,
    automatic,
    away,
    correspondents,
    mails,
    parsing,
    reasons,
)
from kbsearch.messages.incoming.authenticity import Lookup, SenderProof
from kbsearch.messages.incoming.mails import State
from kbsearch.messages.incoming.parsing import Incoming
from kbsearch.messages.notifications import answers, reply_addresses, threads
from kbsearch.people import Person, undeliverable, viewers
from kbsearch.text.markup import quotation
from kbsearch.text.markup.quotation import Cut
from kbsearch.tickets import filing
from kbsearch.tickets.conversation import merging, replies, thanks
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing.form import MAX_SUBJECT, FilingTerms, RequestForm


@dataclass(frozen=True)
class Envelope:
    """What the mail system says beside the mail: whom it is from (`""`: nobody) and for."""

    sender: str | None = None
    recipient: str = ""


NO_ENVELOPE = Envelope()


@dataclass(frozen=True)
class Verdict:
    """What is to become of a mail, and why; `number` is of the request that it names."""

    state: State
    reason: str = ""
    person: Person | None = None
    number: int | None = None


@dataclass(frozen=True)
class Taken:
    """What became of a mail; `is_new` unless it had come before."""

    state: State
    reason: str
    is_new: bool = True
    mail_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class _Written:
    """What a mail says: the key of its files, its text in two pieces, the files refused."""

    key: str
    cut: Cut
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """Where in a request a mail ended up."""

    ticket_id: str
    said_id: str | None


def take(
    db: Database,
    settings: Settings,
    raw: bytes,
    envelope: Envelope = NO_ENVELOPE,
    *,
    at: datetime | None = None,
    lookup: Lookup | None = None,
) -> Taken:
    """Take a mail in; the same one again changes nothing. Raises only for want of room or time.

    Its row, what it says in a request and what this asks for are written together.
    """
    moment = at or utc_now()
    incoming = parsing.read(raw)
    proof = authenticity.examine(settings, incoming.fields, raw, lookup)
    fingerprint = _fingerprint(incoming, proof)
    before = _before(db, fingerprint)
    if before is not None:
        return before
    bounce = automatic.bounce(settings, incoming)
    verdict = Verdict("bounced") if bounce else judge(db, settings, incoming, proof, envelope)
    if verdict.state in ("joined", "opened") and _came_before(db, settings, incoming, verdict):
        verdict = Verdict("discarded", "came_again", verdict.person, verdict.number)
    file = mails.store(settings).write(
        BytesIO(raw[: parsing.MAX_BYTES]), parsing.MAX_BYTES, lambda _: None
    )
    written = _Written(new_id(), Cut(incoming.text, ""))
    if verdict.state in ("joined", "opened"):
        written = _written(db, settings, incoming, verdict, moment)
    with db.atomic():
        before = _before(db, fingerprint)  # another process may have been faster
        if before is not None:
            return before
        place = None
        try:
            place = _act(db, settings, incoming, verdict, written, moment)
        except Problem as problem:
            if problem.status >= 500:
                raise  # without room, the transaction may be gone: it is tried again as a whole
            verdict = Verdict("held", _told(problem), verdict.person, verdict.number)
        mail_id = new_id()
        db.insert(
            "mails",
            {
                "id": mail_id,
                "fingerprint": fingerprint,
                "message_id": incoming.fields.message_id,
                "received_at": stored(moment),
                "sender": incoming.fields.sender,
                "subject": incoming.fields.subject[: mails.MAX_SUBJECT],
                "sha256": file.sha256,
                "state": verdict.state,
                "reason": verdict.reason,
                "is_proved": int(proof.is_aligned),
                "suggested_number": verdict.number,
                "left_out": json.dumps(written.left_out),
                "recipients": json.dumps(
                    sorted({address.lower() for address in incoming.fields.recipients})
                ),
                "person_id": verdict.person.id if verdict.person else None,
                "ticket_id": place.ticket_id if place else None,
                "said_id": place.said_id if place else None,
            },
        )
        if bounce:
            db.insert("bounces", {"mail_id": mail_id, "at": stored(moment), **vars(bounce)})
            undeliverable.hear(db, bounce, at=moment)
            why = f"{bounce.status} {bounce.reason}"
            departures.bounced(db, bounce.message_id, bounce.recipient, why)
        if verdict.person and verdict.state in ("joined", "opened"):
            undeliverable.clear(db, verdict.person.id)  # who writes from there reads there
        if verdict.reason == "stranger" and not proof.is_refuted:
            answers.ask(db, incoming.fields.sender, at=moment)
        elif verdict.reason == "encrypted":
            answers.tell(db, answers.ENCRYPTED, mail_id, incoming.fields.sender, at=moment)
        elif written.left_out:
            answers.tell(db, answers.FILES_REFUSED, mail_id, incoming.fields.sender, at=moment)
    return Taken(verdict.state, verdict.reason, mail_id=mail_id)


def judge(
    db: Database,
    settings: Settings,
    incoming: Incoming,
    proof: SenderProof,
    envelope: Envelope = NO_ENVELOPE,
) -> Verdict:
    """What is to become of a mail: every way in asks here, and nowhere else."""
    header = incoming.fields
    machine = automatic.reason(settings, header, envelope.sender)
    person = _person(db, header.sender)
    is_of_list = machine == "list"
    has_account = person or _person(db, automatic.original_sender(header))
    addresses = (envelope.recipient, *header.recipients)
    claims = {reply_addresses.read(settings, address) for address in addresses} - {None}
    number = next(iter(sorted(claim.number for claim in claims if claim)), None)
    number = number or _answered(db, settings, header.references)

    def held(reason: str) -> Verdict:
        return Verdict("held", reason, person, number)

    if machine and not (is_of_list and has_account):
        return Verdict("automatic", machine, person, number)
    if incoming.is_reaction:
        return Verdict("automatic", "reaction", person, number)
    if is_of_list:
        return held("list")
    if not header.sender:
        return held("sender_in_doubt")
    if person is None:
        return held("stranger")
    if person.disabled_at:
        return held("person_disabled")
    if not proof.is_aligned:
        return held("refuted" if proof.is_refuted else "not_proved")
    if person.role != "customer" and not proof.is_signed:
        return held("staff_not_signed")
    if incoming.problem:
        return held(incoming.problem)
    if away.is_worded_so(header.subject):
        return held("looks_away")
    own_claims = [claim for claim in claims if claim and claim.person_id == person.id]
    if len(own_claims) == 1:
        return Verdict("joined", "", person, own_claims[0].number)
    if claims:
        return held("address_of_another")
    earlier = threads.number_elsewhere(db, header.references)
    if earlier is not None and person.role == "customer":
        return Verdict("joined", "", person, earlier)
    if any(map(reply_addresses.is_alike, addresses)):
        return held("address_not_whole")
    if number is not None:
        return held("no_reply_address")
    if person.role != "customer":
        return held("staff")
    return Verdict("opened", "", person)


def _written(
    db: Database, settings: Settings, incoming: Incoming, verdict: Verdict, at: datetime
) -> _Written:
    """Cut a reply from what it quotes, and take its files in; a mail that opens stays whole."""
    author, cut = _author(db, verdict), Cut(incoming.text, "")
    if verdict.number is not None:
        rows = db.query("SELECT id FROM tickets WHERE number = :n", {"n": verdict.number})
        ticket_id = rows[0]["id"] if rows else None
        whose = correspondents.find(db, settings, incoming.fields, ticket_id)
        cut = quotation.cut(incoming.text, incoming.fields.subject, whose)
    files = mails.belonging(incoming.files, cut)
    key, left_out = mails.keep_files(db, author, settings, files, at=at)
    return _Written(key, cut, tuple(left_out))


def _act(
    db: Database,
    settings: Settings,
    incoming: Incoming,
    verdict: Verdict,
    written: _Written,
    at: datetime,
) -> _Place | None:
    """Do what was judged; raises Problem when the request takes nothing more.

    A mail cannot answer what the form asks for a product: a request is opened without.
    """
    if verdict.state not in ("joined", "opened"):
        return None
    author, key = _author(db, verdict), written.key
    language = author.language or settings.languages[0]
    text = mails.mention(written.cut.text, written.left_out, language)
    subject = incoming.fields.subject
    terms = FilingTerms(key, typed=True, rest=written.cut.rest, channel="email")
    if verdict.number is None:
        subject = subject[:MAX_SUBJECT] or i18n.gettext(language, "(no subject)")
        request = RequestForm(subject=subject, description=text or subject)
        return _Place(filing.open(db, author, request, terms, at=at).id, None)
    ticket = merging.goes_on_in(db, author, tickets.find_number(db, author, verdict.number))
    if ticket.status == "closed" and not thanks.is_one(db, ticket.id, text):
        request = RequestForm(subject=subject or ticket.subject, description=text)
        return _Place(filing.follow_up(db, author, ticket, request, terms, at=at).id, None)
    form = ReplyForm(key, text, typed=True, rest=written.cut.rest)
    message = replies.reply(db, author, ticket, form, at=at)
    return _Place(ticket.id, message.message_id)


def _author(db: Database, verdict: Verdict) -> Viewer:
    assert verdict.person is not None, "only a person's mail is joined"
    return viewers.find(db, verdict.person.email)


def _told(problem: Problem) -> str:
    """What stood in the way, in a word; of a form, its first mistake."""
    mistakes = problem.problems.values() if isinstance(problem, InvalidForm) else ()
    return reasons.OF_PROBLEMS.get(
        next((mistake.key for mistake in mistakes), problem.key), "refused"
    )


def _person(db: Database, address: str) -> Person | None:
    try:
        return people.find(db, address)
    except (NotFound, Invalid):
        return None


def _answered(db: Database, settings: Settings, references: tuple[str, ...]) -> int | None:
    """The request that a mail says it answers: a hint for an agent, and no more than that."""
    return next(
        (
            number
            for reference in reversed(references)
            if (number := threads.number_of(db, settings, reference)) is not None
        ),
        None,
    )


def _fingerprint(incoming: Incoming, proof: SenderProof) -> str:
    """What tells a mail from another. A forged copy must not keep the true one out."""
    header = incoming.fields
    parts = (header.message_id, header.sender, str(proof), incoming.digest)
    return sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _came_before(db: Database, settings: Settings, incoming: Incoming, verdict: Verdict) -> bool:
    """Whether this mail of this person is in already, but for what a list or a gateway added."""
    rows = db.query(
        """
        SELECT sha256 FROM mails WHERE message_id = :id AND message_id <> ''
          AND person_id = :person AND is_proved = 1 AND state IN ('joined', 'opened')
        """,
        {
            "id": incoming.fields.message_id,
            "person": verdict.person.id if verdict.person else None,
        },
    )
    words = incoming.text.split()
    for row in rows:
        try:
            with mails.store(settings).open(row["sha256"]) as file:
                there = parsing.read(file.read()).text.split()
        except FileNotFoundError:
            continue
        shorter, longer = sorted((words, there), key=len)
        if shorter and longer[: len(shorter)] == shorter:
            return True
    return False


def _before(db: Database, fingerprint: str) -> Taken | None:
    rows = db.query(
        "SELECT id, state, reason FROM mails WHERE fingerprint = :fingerprint",
        {"fingerprint": fingerprint},
    )
    if not rows:
        return None
    return Taken(rows[0]["state"], rows[0]["reason"], is_new=False, mail_id=rows[0]["id"])
