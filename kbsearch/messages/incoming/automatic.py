"""Mail that no person wrote: answering machines, lists, bounces, and our own mail come back."""

import re

from kbsearch.config import Settings
from kbsearch.messages.incoming import fields
from kbsearch.messages.incoming.fields import Fields
from kbsearch.messages.incoming.parsing import Incoming
from kbsearch.messages.notifications import threads
from kbsearch.people.undeliverable import Bounce

BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
SUPPRESSED = re.compile(r"\b(all|oof|autoreply)\b", re.IGNORECASE)
# Wording alone proves nothing: people write of absences too. Such a mail is held, not left out.
AWAY = re.compile(
    r"\s*(?:(?:re|tr|fw|aw)\s?:\s*)?(?:réponse automatique|absence du bureau|absent du bureau|"
    r"message d['’]absence|notification d['’]absence|je suis absente?|"
    r"auto(?:matic)?[ -]?(?:reply|response)|out of (?:the )?office|abwesenheit)",
    re.IGNORECASE,
)
_FAILED = re.compile(r"^action:\s*(failed|delayed)", re.IGNORECASE | re.MULTILINE)


def reason(settings: Settings, header: Fields, envelope_sender: str | None = None) -> str:
    """Why a mail is taken for a machine's, in a word; empty when a person may have written it."""
    submitted = header.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return "auto_submitted"
    if envelope_sender == "" or "<>" in header.every("return-path"):
        return "null_return_path"
    if header.first("precedence").strip().lower() in BULK:
        return "bulk"
    if header.every("list-id"):
        return "list"
    if SUPPRESSED.search(header.first("x-auto-response-suppress")):
        return "suppressed"
    if header.message_id.rpartition("@")[2].lower() == threads.domain(settings):
        return "own"
    return ""


def looks_away(subject: str) -> bool:
    """Whether a subject is worded like an answering machine's."""
    return bool(AWAY.match(subject))


def bounce(settings: Settings, mail: Incoming) -> Bounce | None:
    """What a delivery report says, if it is about a mail of ours: anybody can write one."""
    if not _FAILED.search(mail.report):
        return None
    message_id = mail.returned.message_id
    if message_id.rpartition("@")[2].lower() != threads.domain(settings):
        return None
    report = fields.parse(mail.report.encode())
    recipient = report.first("final-recipient") or report.first("original-recipient")
    return Bounce(
        message_id,
        recipient.partition(";")[2].strip().lower() or recipient.lower(),
        report.first("status").split(" ")[0],
        report.first("diagnostic-code").partition(";")[2].strip()[:500],
    )
