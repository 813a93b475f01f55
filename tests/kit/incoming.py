"""What the tests of incoming mail share: a mail in a line, and a site that trusts its server."""

import dataclasses
from typing import Any

from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.incoming import taking
from kbsearch.messages.incoming.taking import Envelope, Taken
from tests.kit.requests import MORNING

SERVER = "mx.support.example"


def receiving(settings: Settings, **changes: str) -> Settings:
    """The settings of a site that receives mail."""
    usual: dict[str, Any] = {
        "base_url": "https://help.support.example",
        "mail_from": "Support <support@support.example>",
        "mail_authserv_id": SERVER,
    }
    return dataclasses.replace(settings, **{**usual, **changes})


def proof(domain: str, *, dkim: str = "pass", spf: str = "pass", dmarc: str = "pass") -> str:
    """What our own mail server writes on top of a mail it checked."""
    return (
        f"Authentication-Results: {SERVER};\n dkim={dkim} (2048-bit key) header.d={domain};\n"
        f" spf={spf} smtp.mailfrom=bounce@{domain};\n dmarc={dmarc} header.from={domain}"
    )


def letter(
    sender: str = "Alice Martin <alice@acme.example>",
    to: str = "support@support.example",
    body: str = "The collar is back.",
    *lines: str,
    subject: str = "Collar",
    proved: str | None = "",
    message_id: str = "1@acme.example",
) -> bytes:
    """A mail as it comes in; `proved` is what is on top of it, by default that it is genuine."""
    domain = sender.rpartition("@")[2].rstrip(">")
    top = proof(domain) if proved == "" else proved
    fields = [
        *([top] if top else []),
        "Return-Path: <someone@acme.example>",
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Message-ID: <{message_id}>",
        *lines,
    ]
    return "\n".join([*fields, "", body]).encode()


def take(
    settings: Settings, db: Database, raw: bytes, envelope: Envelope = taking.NO_ENVELOPE
) -> Taken:
    return taking.take(db, settings, raw, envelope, at=MORNING)
