"""A help desk in plain things, whatever system it was: what `moving_in` takes is made of them.

A module of a source yields things in any order, and as often as it meets them: the later version
of one wins.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from kbsearch.config import LANGUAGES
from kbsearch.errors import Invalid
from kbsearch.people import MAX_NAME
from kbsearch.people.organisations import slugs
from kbsearch.site.importing import fields
from kbsearch.site.importing.systems import (
    CompanyRecord,
    GroupRecord,
    LeftOut,
    NewcomerRecord,
    spool,
)
from kbsearch.site.importing.systems.spool import Spool
from kbsearch.site.importing.systems.things import Thing, Utterance
from kbsearch.text import typed
from kbsearch.text.markup.foreign_html import markdown_of, named_picture
from kbsearch.tickets import teams

Values = dict[str, Any]
AT_ONCE = 2000
MAX_SUBJECT = 80  # of words that stand in for one
MAX_AUTHOR = 254


class DeskSource(Protocol):
    """What reads a system's own shapes."""

    def things(self) -> Iterator[Thing]:
        """Everything that is there, as often as it is met."""


@contextlib.contextmanager
def laid_out(
    folder: Path, source: Callable[[Path, LeftOut], DeskSource], since: str = ""
) -> Iterator["Desk"]:
    """What a source reads in a folder, of its requests those changed from a moment on.

    It is gone afterwards.
    """
    with spool.opened() as spooled:
        left_out = LeftOut()
        desk = Desk(folder, spooled, left_out, since)
        desk.take(source(folder, left_out).things())
        yield desk


class Desk:
    """Things of a source, laid out, as `systems.System`."""

    def __init__(self, folder: Path, spool: Spool, left_out: LeftOut, since: str = "") -> None:
        self.folder = folder
        self.left_out = left_out
        self._spool = spool
        self._since = since

    def take(self, things: Iterable[Thing]) -> None:
        """Lay out what a source says."""
        source = iter(things)
        while batch := list(islice(source, AT_ONCE)):
            with self._spool.db.atomic():
                for thing in batch:
                    self._keep(thing)
        with self._spool.db.atomic():
            self._name_companies()

    def _keep(self, thing: Thing) -> None:
        values = asdict(thing)
        if isinstance(thing, Utterance):
            self._spool.keep_comment(thing.request_id, {**values, "created_at": _moment(thing.at)})
        else:
            updated_at = _moment(values.get("updated_at"))
            self._spool.keep(type(thing).__name__, {**values, "updated_at": updated_at})

    def _name_companies(self) -> None:
        for batch in self._spool.batches("Company"):
            for company in batch:
                slug = slugs.slug_of(company["name"])
                if not self._spool.claim_slug(slug, company["id"]):
                    own = "".join(sign for sign in company["id"].lower() if sign.isalnum())[:40]
                    self._spool.claim_slug(f"{slug[:18].strip('-')}-{own}", company["id"])

    def companies(self) -> Iterator[CompanyRecord]:
        for batch in self._spool.batches("Company"):
            named = self._spool.slugs_of(company["id"] for company in batch)
            for company in batch:
                name = _name(company["name"], slugs.MAX_NAME) or company["id"]
                yield CompanyRecord(
                    slug=named[company["id"]],
                    name=name,
                    is_shared=company["is_shared"],
                    contract_ends=company["contract_ends"],
                    line=company["line"],
                    renews=tuple(company["renews"]),
                )

    def newcomers(self) -> Iterator[NewcomerRecord]:
        for batch in self._spool.batches("Somebody"):
            named = self._spool.slugs_of(c for person in batch for c in person["company_ids"])
            for person in batch:
                if self._may_come(person):
                    yield self._newcomer(person, named)

    def _may_come(self, person: Values) -> bool:
        if person["is_deleted"]:
            self.left_out.add(Invalid("import.person_deleted"))
        elif not person["email"]:
            self.left_out.add(Invalid("import.person_without_address"))
        else:
            return True
        return False

    def _newcomer(self, person: Values, named: Mapping[str, str]) -> NewcomerRecord:
        if person["is_suspended"]:
            self.left_out.add(Invalid("import.person_suspended"))
        language = person["language"][:2].lower()
        return NewcomerRecord(
            email=person["email"].strip(),
            name=_name(person["name"], MAX_NAME) or person["email"].partition("@")[0],
            role=person["role"],
            language=language if language in LANGUAGES else None,
            organisations=tuple(sorted({named[c] for c in person["company_ids"] if c in named})),
            is_suspended=person["is_suspended"],
            line=person["line"],
            renews=tuple(person["renews"]),
        )

    def groups(self) -> Iterator[GroupRecord]:
        names = self._group_names()
        for batch in self._spool.batches("Group"):
            for group in batch:
                people = self._spool.find("Somebody", group["member_ids"]).values()
                members = tuple(filter(None, (_address(person).lower() for person in people)))
                yield GroupRecord(names[group["id"]], members, group["is_archived"])

    def _group_name(self, group: Values, taken: Iterable[str]) -> str:
        """Its name; with the id of the source, where another group has that name."""
        name = _name(group["name"], teams.MAX_NAME) or group["id"][: teams.MAX_NAME]
        if teams.key_of(name) not in taken:
            return name
        return f"{name[: teams.MAX_NAME - 24].strip()} ({group['id'][:20]})"

    def requests(self) -> Iterator[Values]:
        names = self._group_names()
        for batch in self._spool.batches("DeskRequest"):
            requests = [
                request  # one without a date may have changed
                for request in batch
                if not request["updated_at"] or request["updated_at"] >= self._since
            ]
            yield from self._requests(requests, names)

    def count_requests(self) -> int:
        return self._spool.count("DeskRequest")

    def count(self) -> int:
        """How many people and requests there are."""
        return self._spool.count("Somebody") + self.count_requests()

    def _group_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for batch in self._spool.batches("Group"):
            for group in batch:
                taken = {teams.key_of(name) for name in names.values()}
                names[group["id"]] = self._group_name(group, taken)
        return names

    def _requests(self, requests: Sequence[Values], names: Mapping[str, str]) -> Iterator[Values]:
        threads = self._spool.comments([request["id"] for request in requests])
        ids = {
            id for request in requests for id in (request["requester_id"], request["assignee_id"])
        }
        ids |= {id for request in requests for id in request["copy_ids"]}
        ids |= {said.get("author_id") for thread in threads.values() for said in thread}
        people = self._spool.find("Somebody", ids - {None, ""})
        named = self._spool.slugs_of(request["company_id"] for request in requests)
        for request in requests:
            thread = threads.get(request["id"], [])
            yield {
                **_head(request, people),
                **_conversation(request, thread, people),
                "organisation": named.get(request["company_id"], ""),
                "team": self._team(request["group_id"], names),
            }

    def _team(self, group_id: str, names: Mapping[str, str]) -> str:
        if group_id and group_id not in names:
            self.left_out.add(Invalid("import.team_left_out"))
        return names.get(group_id, "")


def _head(request: Values, people: Mapping[str, Values]) -> Values:
    """What a request says of itself, but for what was said in it."""
    is_private = request["is_private"]
    copied = (people[id] for id in request["copy_ids"] if id in people)
    copies = [_address(person) for person in copied if not person["is_suspended"]]
    requester = people.get(request["requester_id"])
    return {
        "number": request["number"],
        "line": request["line"],
        "requester": "" if is_private else _address(requester) or request["requester"],
        "confidential": is_private,
        "cc": [] if is_private else sorted({*copies, *request["copies"]} - {""}),
        "assignee": _address(people.get(request["assignee_id"])) or request["assignee"],
        "product": request["product"],
        "version": request["version"],
        "status": request["status"],
        "severity": request["severity"],
        "channel": request["channel"],
        "tags": request["tags"],
        "fields": request["answers"],
        "created_at": _moment(request["created_at"]),
        "updated_at": _moment(request["updated_at"]),
        "solved_at": _solved_at(request),
        "closed_at": _moment(request["closed_at"]) if request["status"] == "closed" else "",
        "follows": request["follows"],
        "merged_into": request["merged_into"],
    }


def _conversation(
    request: Values, thread: list[Values], people: Mapping[str, Values]
) -> dict[str, Any]:
    """Its words: what describes it, and what was said then."""
    opening = request
    is_mute = not (request["html"].strip() or request["text"].strip() or request["files"])
    if is_mute and thread and _is_public(request, thread[0]):
        opening, thread = thread[0], thread[1:]
    description = _markdown(opening)
    words = " ".join((opening.get("text", "") or description)[: 10 * MAX_SUBJECT].split())
    return {
        "subject": request["subject"].strip() or words[:MAX_SUBJECT] or f"#{request['number']}",
        "description": description,
        "typed": opening.get("is_plain") is True,
        "quoted": opening.get("quoted", ""),
        "message_id": opening.get("message_id", ""),
        "attachments": _files(opening),
        "messages": [_message(request, said, people) for said in thread],
    }


def _message(request: Values, said: Values, people: Mapping[str, Values]) -> Values:
    author = people.get(said.get("author_id", ""), {})
    name = author.get("email") or author.get("name") or said.get("author", "")
    return {
        "author": name.strip()[:MAX_AUTHOR],
        "at": _moment(said.get("at")) or _moment(request["created_at"]),
        "body": _markdown(said),
        "internal": not _is_public(request, said),
        "typed": said.get("is_plain") is True,
        "quoted": said.get("quoted", ""),
        "message_id": said.get("message_id", ""),
        "attachments": _files(said),
    }


def _is_public(request: Values, said: Values) -> bool:
    return said.get("is_public") is True and not request["is_private"]


def _markdown(words: Values) -> str:
    html, text = words.get("html", ""), words.get("text", "")
    if not html.strip():
        return str(text) if words.get("is_plain") else typed.as_markdown(text)
    names = {mark: file["name"] for file in words.get("files") or () for mark in file["marks"]}

    def picture(source: str, alternative: str) -> str:
        return named_picture(source, names.get(source) or alternative)

    return markdown_of(html, picture=picture)


def _files(words: Values) -> list[Values]:
    return [{"name": file["name"], "path": file["path"]} for file in words.get("files") or ()]


def _solved_at(request: Values) -> str | None:
    if request["status"] not in ("solved", "closed"):
        return None
    solved = (
        _moment(request["solved_at"])
        or _moment(request["closed_at"])
        or _moment(request["updated_at"])
    )
    return max(solved, _moment(request["created_at"])) or None


def _address(person: Values | None) -> str:
    """The address of somebody, but for who was deleted."""
    return str(person["email"]).strip() if person and not person["is_deleted"] else ""


def _name(text: object, limit: int) -> str:
    return " ".join(str(text or "").split())[:limit]


def _moment(value: object) -> str:
    """A moment as it is stored, so that texts compare; what is none stays for the report."""
    text = value if isinstance(value, str) else ""
    with contextlib.suppress(Invalid):
        return fields.moment({"at": text}, "at") or ""
    return text
