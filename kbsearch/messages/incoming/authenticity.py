"""Whether a mail is of the address it names: what our own mail server found, or its signature.

Only the topmost `Authentication-Results` of our server counts: below it, a sender may have
written another one. Without `mail_authserv_id`, DKIM signatures are verified here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kbsearch.config import Settings
from kbsearch.messages.incoming.fields import Fields

MAX_SIGNATURES = 5
DNS_SECONDS = 5
_PAIR = re.compile(r"(?<![a-z0-9.-])([a-z0-9.-]+)\s*=\s*([^\s;]+)")

Lookup = Callable[..., bytes | None]  # a TXT record by its name


@dataclass(frozen=True)
class SenderProof:
    """What is known of the address in From; nothing of it is taken from the sender."""

    is_signed: bool = False  # by the domain of the address, with DKIM
    is_aligned: bool = False  # signed, or sent by a server that speaks for the domain
    is_refuted: bool = False  # the domain says that this is not of its own


def examine(
    settings: Settings, fields: Fields, raw: bytes, lookup: Lookup | None = None
) -> SenderProof:
    """What speaks for the address of the sender."""
    domain = fields.sender.rpartition("@")[2]
    if not domain:
        return SenderProof()
    if settings.mail_authserv_id:
        return _as_reported(settings.mail_authserv_id, fields, domain)
    is_signed = any(_speaks_for(signer, domain) for signer in _signers(raw, lookup))
    return SenderProof(is_signed=is_signed, is_aligned=is_signed)


def _as_reported(server: str, fields: Fields, domain: str) -> SenderProof:
    for value in fields.every("authentication-results"):
        name, *results = _bare(value).split(";")
        if name.split()[:1] == [server.lower()]:
            return _judged(list(map(_pairs, results)), domain)
    return SenderProof()


def _judged(results: list[list[tuple[str, str]]], domain: str) -> SenderProof:
    def says(method: str, outcome: str, *properties: str) -> bool:
        return any(
            pairs[:1] == [(method, outcome)]
            and any(name in properties and _speaks_for(value, domain) for name, value in pairs[1:])
            for pairs in results
        )

    is_signed = says("dkim", "pass", "header.d", "header.i")
    is_sent = says("spf", "pass", "smtp.mailfrom", "smtp.mail")
    is_refuted = says("dmarc", "fail", "header.from")
    is_aligned = is_signed or is_sent or says("dmarc", "pass", "header.from")
    return SenderProof(is_signed and not is_refuted, is_aligned and not is_refuted, is_refuted)


def _pairs(result: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _PAIR.finditer(result)]


def _speaks_for(value: str, domain: str) -> bool:
    """A domain speaks for itself and for those below it."""
    signer = value.rpartition("@")[2].removesuffix(".")
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def _bare(value: str) -> str:
    """A field without its comments and quoted texts: what a sender chose may stand in them."""
    signs, depth, is_quoted, is_escaped = [], 0, False, False
    for sign in value.lower():
        if is_escaped:
            is_escaped = False
        elif sign == "\\":
            is_escaped = True
        elif is_quoted:
            is_quoted = sign != '"'
        elif sign == '"' and not depth:
            is_quoted = True
        elif sign in "()":
            depth = max(0, depth + (1 if sign == "(" else -1))
        elif not depth:
            signs.append(sign)
    return "".join(signs)


def _signers(raw: bytes, lookup: Lookup | None) -> Iterator[str]:
    """The domains whose signature of this mail is good."""
    try:
        import dkim
    except ImportError:  # the extra `dkim` is not there: nothing is proved
        return
    options = {"dnsfunc": lookup} if lookup else {}
    mail = dkim.DKIM(raw, timeout=DNS_SECONDS)
    count = sum(1 for name, _ in mail.headers if name.lower() == b"dkim-signature")
    for place in range(min(count, MAX_SIGNATURES)):
        try:
            is_good = mail.verify(idx=place, **options)
        except Exception:  # whatever a sender wrote there, or no answer from the DNS
            continue
        if is_good and b"l" not in mail.signature_fields:  # signs a part: more can be added to it
            yield mail.domain.decode("ascii", "replace").lower()
