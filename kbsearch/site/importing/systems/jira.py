"""Jira Service Management: a folder with the pages of its REST API, version 2 or 3."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from kbsearch import tickets
from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut, adf, pages
from kbsearch.site.importing.systems.attachments import path_of
from kbsearch.site.importing.systems.desk import Desk, laid_out
from kbsearch.site.importing.systems.things import (
    Company,
    DeskRequest,
    Group,
    Somebody,
    SourceFile,
    Thing,
    Utterance,
)
from kbsearch.site.importing.systems.values import (
    Values,
    code,
    identity,
    inner,
    items,
    text,
    texts,
)

# By its name where it is one that a service desk has from the start, otherwise by its category.
STATUSES = {"waiting for customer": "pending", "pending": "pending", "closed": "closed"}
STATUSES |= {"resolved": "solved", "done": "solved", "canceled": "closed"}
CATEGORIES = {"new": "new", "indeterminate": "open", "done": "solved"}
SEVERITIES = {"highest": "blocking", "blocker": "blocking", "critical": "blocking"}
SEVERITIES |= {"high": "major", "major": "major"}
NOTE = "sd.public.comment"
_OF_ISSUE = re.compile(r"(?:^|/)issue/([A-Za-z0-9_]{1,60}-?\d{0,15})/")
_OF_ORGANIZATION = re.compile(r"(?:^|/)organization/(\d{1,30})/")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,59}-(\d{1,12})")


def opened(folder: Path, since: str = "") -> AbstractContextManager[Desk]:
    """The site in a folder, of its requests those changed from a moment on; gone afterwards."""
    return laid_out(folder, JiraFolder, since)


class JiraFolder:
    """What the files of a folder say."""

    def __init__(self, folder: Path, left_out: LeftOut) -> None:
        self.folder = folder
        self.left_out = left_out
        self._people: dict[str, Values] = {}  # as they were met last
        self._companies: dict[str, list[str]] = {}  # of people, by their id
        self._names: dict[str, str] = {}  # of projects, by their key
        self._agents: dict[str, set[str]] = {}  # who is assigned, by project
        self._keys: dict[str, str] = {}  # of issues: their id

    def things(self) -> Iterator[Thing]:
        """Everything in it; people come last: who answers is known by then."""
        for _, value in pages.values_in(self.folder, LeftOut()):
            for issue in _issues(value):
                self._meet(issue)
        for path, value in pages.values_in(self.folder, self.left_out):
            yield from self._things(path.relative_to(self.folder).as_posix(), value)
        for key, agents in self._agents.items():
            yield Group(key, self._names[key], tuple(sorted(agents)))
        yield from (self._somebody(person_id) for person_id in self._people)

    def _meet(self, issue: Values) -> None:
        """Learn of which project an issue is, and who does it."""
        fields = inner(issue, "fields")
        project = inner(fields, "project")
        key = text(project, "key") or text(issue, "key").rpartition("-")[0]
        self._keys[text(issue, "key")] = str(issue["id"])
        self._names[key] = text(project, "name") or key
        agents = self._agents.setdefault(key, set())
        if assignee := self._person(inner(fields, "assignee")):
            agents.add(assignee)

    def _things(self, name: str, value: object) -> Iterator[Thing]:
        issues = _issues(value)
        of_issue, of_organization = _OF_ISSUE.search(name), _OF_ORGANIZATION.search(name)
        if issues:
            for issue in issues:
                yield from self._issue(issue)
        elif of_issue is not None and isinstance(value, dict):
            request_id = self._keys.get(of_issue[1], of_issue[1])
            for comment in items(value, "comments"):
                yield self._comment(comment, request_id, "")
        elif of_organization is not None and isinstance(value, dict):
            for person in items(value, "values"):
                self._companies.setdefault(self._person(person), []).append(of_organization[1])
        elif name.rpartition("/")[2].startswith("organization") and isinstance(value, dict):
            for company in items(value, "values"):
                yield Company(identity(company, "id"), text(company, "name"))
        else:
            self._rest(name, value)

    def _rest(self, name: str, value: object) -> None:
        """People; anything else is said by its name."""
        kind = name.rpartition("/")[2].partition(".")[0]
        for one in value if isinstance(value, list) else [value]:
            for thing in (items(one, "values") or [one]) if isinstance(one, dict) else ():
                if not self._person(thing) and (title := text(thing, "name", "key")):
                    self.left_out.name(kind, title)

    def _issue(self, issue: Values) -> Iterator[Thing]:
        fields, shown = inner(issue, "fields"), inner(issue, "renderedFields")
        request_id, key = str(issue["id"]), text(issue, "key")
        project = text(inner(fields, "project"), "key") or key.rpartition("-")[0]
        reporter = self._person(inner(fields, "reporter"))
        own_fields = [name for name in fields if name.startswith("customfield_")]
        companies = [one for name in own_fields for one in _organizations(fields, name)]
        html, words = _words(fields.get("description"), text(shown, "description"))
        status, is_private = inner(fields, "status"), isinstance(fields.get("security"), dict)
        if is_private:
            self.left_out.add(Invalid("import.ticket_private"))
        for tie in items(fields, "issuelinks"):
            self.left_out.name("links", f"{key} {text(inner(tie, 'type'), 'name')}")
        files = list(self._files(fields))
        yield DeskRequest(
            id=request_id,
            number=self._number(issue),
            status=self._status(status),
            created_at=text(fields, "created"),
            updated_at=text(fields, "updated"),
            solved_at=text(fields, "resolutiondate"),
            subject=text(fields, "summary"),
            requester_id=reporter,
            company_id=identity(companies[0], "id") if companies else "",
            assignee_id=self._person(inner(fields, "assignee")),
            group_id=project,
            severity=SEVERITIES.get(text(inner(fields, "priority"), "name").lower(), "minor"),
            tags=texts(fields, "labels"),
            is_private=is_private,
            html=html,
            text=words,
            files=tuple(file for author, _, file in files if author == reporter),
            answers={"key": key} if len(self._names) > 1 else {},
        )
        # Who else may see a file is not said: what agents added is for them.
        for author, attachment, file in files:
            if author != reporter:
                at = text(attachment, "created") or text(fields, "created")
                note = f"file-{identity(attachment, 'id')}"
                yield Utterance(note, request_id, at, author_id=author, files=(file,))
        rendered = {
            identity(one, "id"): text(one, "body")
            for one in items(inner(shown, "comment"), "comments")
        }
        for comment in items(inner(fields, "comment"), "comments"):
            yield self._comment(comment, request_id, rendered.get(identity(comment, "id"), ""))

    def _number(self, issue: Values) -> object:
        """Its number; where several projects count from 1, one that no request here can have."""
        match = _KEY.fullmatch(text(issue, "key"))
        if match and len(self._names) == 1:
            return int(match[1])
        return tickets.FIRST_FOREIGN_NUMBER + code(issue, "id")

    def _status(self, status: Values) -> str:
        own = STATUSES.get(text(status, "name").lower())
        status_here = own or CATEGORIES.get(text(inner(status, "statusCategory"), "key"))
        if status_here is None:
            self.left_out.add(Invalid("import.status_unknown"))
        return status_here or "open"

    def _comment(self, comment: Values, request_id: str, rendered: str) -> Utterance:
        """A note, unless it says that it is for the customer."""
        html, words = _words(comment.get("body"), rendered or text(comment, "renderedBody"))
        return Utterance(
            id=identity(comment, "id"),
            request_id=request_id,
            at=text(comment, "created"),
            html=html,
            text=words,
            author_id=self._person(inner(comment, "author")),
            is_public=_is_public(comment),
        )

    def _files(self, fields: Values) -> Iterator[tuple[str, Values, SourceFile]]:
        """The attachments whose bytes are in the folder, each with who added it."""
        for attachment in items(fields, "attachment"):
            name = text(attachment, "filename") or "file"
            path = path_of(self.folder, identity(attachment, "id"), name, self.left_out)
            if path:
                marks = tuple(filter(None, (text(attachment, "content"),)))
                author = self._person(inner(attachment, "author"))
                yield author, attachment, SourceFile(name, path, marks)

    def _person(self, values: Values) -> str:
        """The id of somebody who was met; empty for what is nobody."""
        person_id = identity(values, "accountId", "name")
        is_person = "displayName" in values or "emailAddress" in values
        if not person_id or not is_person:
            return ""
        before = self._people.get(person_id, {})
        self._people[person_id] = before | {k: v for k, v in values.items() if v is not None}
        return person_id

    def _somebody(self, person_id: str) -> Somebody:
        """An agent who does not answer in every project comes with a closed account."""
        values = self._people[person_id]
        is_agent = any(person_id in agents for agents in self._agents.values())
        is_restricted = is_agent and not all(person_id in a for a in self._agents.values())
        if is_restricted:
            self.left_out.add(Invalid("import.agent_restricted"))
        return Somebody(
            id=person_id,
            email=text(values, "emailAddress"),
            name=text(values, "displayName"),
            role="agent" if is_agent else "customer",
            language=text(values, "locale"),
            company_ids=tuple(dict.fromkeys(self._companies.get(person_id, ()))),
            is_suspended=is_restricted or values.get("active") is False,
            is_deleted=text(values, "accountType") == "app",
        )


def _issues(value: object) -> list[Values]:
    """The issues of a page, or one alone."""
    if not isinstance(value, dict):
        return []
    found = items(value, "issues") or ([value] if isinstance(value.get("fields"), dict) else [])
    return [one for one in found if identity(one, "id") and text(one, "key")]


def _organizations(fields: Values, name: str) -> list[Values]:
    """The organisations in a field: it is one of the account's own, known by what is in it."""
    return [one for one in items(fields, name) if identity(one, "id") and "uuid" in one]


def _words(body: object, rendered: str) -> tuple[str, str]:
    """HTML and plain text of a body: a document, or the text of an older version."""
    if rendered:
        return rendered, ""
    if isinstance(body, dict):
        return adf.html_of(body), ""
    return "", body if isinstance(body, str) else ""


def _is_public(comment: Values) -> bool:
    if isinstance(comment.get("visibility"), dict) or comment.get("jsdPublic") is False:
        return False
    notes = [inner(p, "value") for p in items(comment, "properties") if text(p, "key") == NOTE]
    if notes:
        return notes[0].get("internal") is False
    return comment.get("jsdPublic") is True
