"""The fields of a letter that hold no words: as they are, never as encoded words (RFC 2047, 5).

The standard library encodes what does not fit into a line. A program that reads an address or an
id there finds none then: no button to unsubscribe (RFC 2369, RFC 8058), no thread.
"""

from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import EmailPolicy, Policy
from typing import Any

from kbsearch import request_ids

LINE = 78  # characters, where there is a space to fold at
MAX_ID = 900  # characters: a line has 998 at most
NAMES = (
    *("Message-ID", "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Auto-Submitted", "X-Auto-Response-Suppress", "X-MS-Reactions", "Content-Language"),
    request_ids.HEADER,
)


class RawField(UnstructuredHeader, BaseHeader):
    """A field that is folded at its spaces and nowhere else."""

    def fold(self, *, policy: "Policy[Any]") -> str:
        first, *words = str(self).split()
        lines = [f"{self.name}: {first}"]
        for word in words:
            if len(lines[-1]) + 1 + len(word) > LINE:
                lines.append("")
            lines[-1] += f" {word}"
        return policy.linesep.join(lines) + policy.linesep


def is_usable(message_id: str) -> bool:
    """Whether an id of others, without its angle brackets, may stand in a letter of ours."""
    return len(message_id) <= MAX_ID and message_id.isascii() and message_id.isprintable()


def _policy() -> "EmailPolicy[Any]":
    registry = HeaderRegistry()
    for name in NAMES:
        registry.map_to_type(name, RawField)
    return EmailPolicy(header_factory=registry)


POLICY = _policy()
