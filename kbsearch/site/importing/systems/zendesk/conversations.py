"""What was said in a Zendesk ticket: its first public words describe it, its notes stay notes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kbsearch.site.importing.systems import LeftOut
from kbsearch.site.importing.systems.attachments import path_of
from kbsearch.text import typed
from kbsearch.text.markup.foreign_html import markdown_of, named_picture

MAX_SUBJECT = 80  # of words that stand in for one

Values = dict[str, Any]


class Conversation:
    """A ticket's comments, in the order they were written."""

    def __init__(
        self,
        folder: Path,
        left_out: LeftOut,
        ticket: Values,
        comments: list[Values],
        people: Mapping[str, Values],
    ) -> None:
        self.folder = folder
        self.left_out = left_out
        self.ticket = ticket
        self.comments = comments
        self.people = people

    def told(self) -> Values:
        """The fields of a request that are words and files."""
        comments = self.comments
        opening: Values = {}
        if comments and self._is_public(comments[0]):
            opening, comments = comments[0], comments[1:]
        messages = [self._message(comment) for comment in comments]
        description = self._markdown(opening)
        if not self.comments:
            words = typed.as_markdown(_text(self.ticket, "description"))
            if self._was_filed_by_requester():
                description = words
            elif words.strip():  # perhaps a note: nothing else says who may read it
                at = _text(self.ticket, "created_at")
                messages = [{"author": "", "at": at, "body": words, "internal": True}]
        return {
            "subject": self._subject(opening),
            "description": description,
            "messages": messages,
            "message_id": _letter(opening),
            "attachments": list(self._files(opening)),
        }

    def _is_public(self, comment: Values) -> bool:
        """A note unless the comment says otherwise, and nothing is public in a private ticket."""
        return comment.get("public") is True and self.ticket.get("is_public") is not False

    def _was_filed_by_requester(self) -> bool:
        requester = self.ticket.get("requester_id")
        is_theirs = requester is not None and self.ticket.get("submitter_id") == requester
        return is_theirs and self.ticket.get("is_public") is not False

    def _message(self, comment: Values) -> Values:
        return {
            "author": self._author(comment),
            "at": _text(comment, "created_at") or _text(self.ticket, "created_at"),
            "body": self._markdown(comment),
            "internal": not self._is_public(comment),
            "message_id": _letter(comment),
            "attachments": list(self._files(comment)),
        }

    def _author(self, comment: Values) -> str:
        person = self.people.get(str(comment.get("author_id")), {})
        return str(person.get("email") or person.get("name") or "")[:254]

    def _subject(self, opening: Values) -> str:
        own = _text(self.ticket, "subject") or _text(self.ticket, "raw_subject")
        words = _text(opening, "plain_body") or _text(opening, "body")
        return own.strip() or " ".join(words.split())[:MAX_SUBJECT] or f"#{self.ticket['id']}"

    def _markdown(self, comment: Values) -> str:
        html = _text(comment, "html_body")
        if not html.strip():
            return typed.as_markdown(_text(comment, "plain_body") or _text(comment, "body"))
        names = {}
        for attachment in _attachments(comment):
            name = _text(attachment, "file_name")
            for address in ("content_url", "mapped_content_url"):
                names[_text(attachment, address)] = name

        def picture(source: str, alternative: str) -> str:
            return named_picture(source, names.get(source) or alternative)

        return markdown_of(html, picture=picture)

    def _files(self, comment: Values) -> Iterator[Values]:
        """The attachments whose bytes are in the folder."""
        for attachment in _attachments(comment):
            name = _text(attachment, "file_name") or "file"
            path = path_of(self.folder, str(attachment.get("id")), name, self.left_out)
            if path:
                yield {"name": name, "path": path}


def _letter(comment: Values) -> str:
    """The id of the mail that brought a comment, or brought it to its people."""
    metadata = comment.get("metadata")
    system = metadata.get("system") if isinstance(metadata, dict) else None
    return _text(system, "message_id") if isinstance(system, dict) else ""


def _attachments(comment: Values) -> list[Values]:
    attachments = comment.get("attachments")
    return [a for a in attachments if isinstance(a, dict)] if isinstance(attachments, list) else []


def _text(values: Values, field: str) -> str:
    value = values.get(field)
    return value if isinstance(value, str) else ""
