"""A mail as it came: its header fields, its text and its files, within limits.

Nothing that is sent makes this fail: what cannot be read is left out, and `problem` says so.
"""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from hashlib import sha256

from kbsearch.messages.incoming import charsets, fields, flowed, from_html, smime, tnef
from kbsearch.messages.incoming.fields import Fields

MAX_BYTES = 30_000_000
MAX_PARTS = 50
MAX_DEPTH = 10
MAX_TEXT = 1_000_000  # bytes of one part
MAX_HEADER_BYTES = 256_000
MAX_PARAMETERS = 2_000  # characters of a field about a part: its type, its name
# Beyond these the parser would take minutes, or gigabytes. 30 MB of files have 400,000 lines.
MAX_BOUNDARIES = 2 * MAX_PARTS
MAX_DELIMITERS = 10_000
MAX_LINES = 600_000
_SIGNATURES = frozenset(
    {
        *("application/pkcs7-signature", "application/x-pkcs7-signature"),
        *("application/pgp-signature", "application/pgp-keys"),
    }
)
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_NAMES = {
    "text/calendar": "invitation.ics",
    "text/vcard": "contact.vcf",
    "text/x-vcard": "contact.vcf",
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "image/gif": "image.gif",
    "image/webp": "image.webp",
    "image/svg+xml": "image.svg",
    "message/rfc822": "message.eml",
    "audio/wav": "message.wav",
    "application/pdf": "document.pdf",
}
_PGP = re.compile(r"\s*-----BEGIN PGP MESSAGE-----")
_DELIMITER = re.compile(rb"^--", re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class MailFile:
    """A file in a mail."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    mark: str = ""  # what stands in the text where a picture of its page did


@dataclass(frozen=True)
class Incoming:
    """A mail that was read; `problem` says in a word why it is not whole."""

    fields: Fields
    digest: str  # of all that follows the header
    text: str
    files: tuple[MailFile, ...] = ()
    report: str = ""  # what a delivery report says, as fields of lines
    returned: Fields = Fields(())  # the header of the mail that such a report is about
    problem: str = ""
    is_reaction: bool = False  # a thumb or a heart, and no words


def read(raw: bytes) -> Incoming:
    """The mail in these bytes."""
    problem = _excess(raw)
    header, body = _halves(raw[:MAX_BYTES])
    header_fields, digest = fields.parse(header), sha256(body).hexdigest()
    if not problem:
        try:
            return _MailReader().read(
                message_from_bytes(raw, policy=_POLICY), header_fields, digest
            )
        except Exception:  # the parser recurses into what is sent, and stumbles in places
            problem = "broken"
    return Incoming(header_fields, digest, charsets.decoded(body[:MAX_TEXT]), problem=problem)


def _excess(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        return "too_big"
    if raw.count(b"\n") > MAX_LINES or len(_halves(raw)[0]) > MAX_HEADER_BYTES:
        return "too_many_lines"
    delimiters = sum(1 for _ in _DELIMITER.finditer(raw))
    if raw.lower().count(b"boundary=") > MAX_BOUNDARIES or delimiters > MAX_DELIMITERS:
        return "too_many_parts"
    return ""


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    """The header and what follows it."""
    end = _HEADER_END.search(raw)
    return (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")


class _Short(Compat32):
    """Reads as ever, but for the fields about a part: a thousand semicolons would take seconds.

    Bytes that stand there as they are, in a file's name mostly, are text.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_PARAMETERS] if name.lower().startswith("content-") else value

    def header_fetch_parse(self, name: str, value: str) -> str:
        raw = str(value).encode("ascii", "surrogateescape")
        return value if raw.isascii() else charsets.decoded(raw)


_POLICY = _Short()


class _MailReader:
    """Walks through the parts of a mail and keeps count."""

    def __init__(self) -> None:
        self.parts = 0
        self.problem = ""
        self.files: list[MailFile] = []
        self.report = ""
        self.returned = Fields(())
        self.pictures: dict[str, str] = {}  # names by content id
        self.is_reaction = False

    def read(self, root: "Message", header: Fields, digest: str) -> Incoming:
        self.pictures = _pictures(root)
        text = "\n\n".join(piece for piece in self._texts(root, 0) if piece.strip())
        if _PGP.match(text):
            self.problem = "encrypted"
        return Incoming(
            header,
            digest,
            text,
            tuple(self.files),
            self.report,
            self.returned,
            self.problem,
            self.is_reaction,
        )

    def _texts(self, part: "Message", depth: int) -> Iterator[str]:
        """What a part says to be read, in its order; its files are collected on the way."""
        self.parts += 1
        if self.parts > MAX_PARTS or depth > MAX_DEPTH:
            self.problem = "too_many_parts"
            return
        kind = part.get_content_type()
        if kind == "multipart/encrypted":
            self.problem = "encrypted"
        elif part.is_multipart() and part.get_content_maintype() == "multipart":
            children = [list(self._texts(child, depth + 1)) for child in _children(part)]
            if kind == "multipart/alternative":
                children = [next((texts for texts in children if any(map(str.strip, texts))), [])]
            yield from (text for texts in children for text in texts)
        elif kind == "message/delivery-status":
            self.report += "\n".join(map(_lines, _children(part)))
        elif kind == "text/rfc822-headers":
            self.returned = fields.parse(_content(part))
        elif kind == "text/vnd.google.email-reaction+json":
            self.is_reaction = True
        elif kind in _SIGNATURES or kind == "message/disposition-notification":
            return
        elif kind in _SEALED:
            yield from self._sealed(part, depth)
        elif kind in ("text/plain", "text/html") and not _is_file(part):
            yield self._text(part, kind)
        else:
            self._keep(part, kind)

    def _sealed(self, part: "Message", depth: int) -> Iterator[str]:
        """A part that is signed and can be read, or encrypted for somebody else."""
        within = smime.content_of(_content(part))
        if within is None:
            self.problem = "encrypted"
        else:
            yield from self._texts(message_from_bytes(within, policy=_POLICY), depth + 1)

    def _text(self, part: "Message", kind: str) -> str:
        content = _content(part)
        if len(content) > MAX_TEXT:
            self.problem = "text_too_long"
        text = charsets.decoded(content[:MAX_TEXT], str(part.get_content_charset("") or ""))
        if kind == "text/html":
            return from_html.text_of(text, self.pictures)
        if str(part.get_param("format", "")).lower() == "flowed":
            return flowed.unfold(text, delete_space=part.get_param("delsp", "") == "yes")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _keep(self, part: "Message", kind: str) -> None:
        name = fields.decoded(part.get_filename("") or "")
        if kind == "message/rfc822" and part.is_multipart():
            (within,) = _children(part)[:1] or [part]
            self.returned = self.returned or fields.parse(_lines(within).encode())
            content = within.as_bytes(policy=_POLICY)
            name = name or f"{fields.decoded(str(within.get('subject', ''))) or 'message'}.eml"
        else:
            content = _content(part)
        for file in tnef.files_of(content) if kind in _TNEF else [(name, content)]:
            self._add(MailFile(file[0] or _name_of(kind), kind, file[1], self._mark(part)))

    def _add(self, file: MailFile) -> None:
        """Keep a file; an invitation comes twice in one mail."""
        if file.content and file.content not in (there.content for there in self.files):
            self.files.append(file)

    def _mark(self, part: "Message") -> str:
        picture = self.pictures.get(_content_id(part), "")
        return from_html.mark(picture) if picture else ""


def _pictures(root: "Message") -> dict[str, str]:
    """The names of the parts that a page can show, by their content id."""
    parts = [part for part in root.walk() if part.get_content_maintype() == "image"][:MAX_PARTS]
    return {
        content_id: fields.decoded(part.get_filename("") or "") or _name_of(part.get_content_type())
        for part in parts
        if (content_id := _content_id(part))
    }


def _content_id(part: "Message") -> str:
    return str(part.get("content-id", "")).strip().strip("<>")


def _name_of(kind: str) -> str:
    """The name of a file that has none, by its type."""
    return _NAMES.get(kind) or f"file{mimetypes.guess_extension(kind) or '.bin'}"


def _children(part: "Message") -> list["Message"]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if part.is_multipart() else []


def _is_file(part: "Message") -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _content(part: "Message") -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _lines(part: "Message") -> str:
    return "\n".join(f"{name}: {value}" for name, value in part.items())
