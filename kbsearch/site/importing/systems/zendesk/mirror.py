"""A live Zendesk account, copied into a folder of exports page by page: it goes on where it was.

A page of tickets is written once what was said in them and their files are there: the last page in
the folder is how far it came, and its cursor is what to go on from, after a kill or a month.
"""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from kbsearch.clock import parsed
from kbsearch.errors import Invalid, NotFound, Unavailable
from kbsearch.files.folder import sync_folder
from kbsearch.files.types import clean_name, true_name
from kbsearch.site.importing.systems.values import Values, code, identity, items, text
from kbsearch.site.importing.systems.zendesk.account import LiveAccount, NotServed, PlaceLost
from kbsearch.tickets.files import MAX_BYTES

PER_PAGE = 100  # of what changed: after a kill, no more than that is asked again
LISTS = ("groups", "group_memberships", "ticket_fields")
NAMED_ONLY = ("macros", "triggers", "views", "automations", "slas/policies", "ticket_forms")
UNFINISHED = "unfinished.txt"  # tickets of which a file, or what was said, did not come whole
_PAGE = re.compile(r"cursor\.page(\d{1,9})\.json")


@dataclass(frozen=True)
class Mirror:
    """The folder of an account; `tell` hears how many tickets have been looked at."""

    folder: Path
    account: LiveAccount
    tell: Callable[[int], None] = lambda count: None

    def fill(self, since: str = "") -> list[str]:
        """Bring the folder up to date; the addresses that this token does not open.

        Since a moment, everything that changed from then on is asked again. Raises Invalid,
        Unavailable; what has come by then stays.
        """
        with self._alone():
            self._finish()
            self._follow("tickets", "include=metric_sets&", since, self._complete)
            self._follow("users", "", since, lambda page: None)
            self._put("incremental/organizations", self._organizations())
            return [name for name in (*LISTS, *NAMED_ONLY) if not self._list(name)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time fills a folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Invalid("import.under_way") from None
            yield

    def _follow(
        self, stream: str, include: str, since: str, take: Callable[[Values], None]
    ) -> None:
        """Pages of what changed, each with its number; those since a moment stand apart."""
        place = self.folder / "api" / "v2" / "incremental" / stream
        start = int(parsed(since).timestamp()) if since else 0
        prefix = f"cursor.since{start}.page" if since else "cursor.page"
        number, question = (0, f"start_time={start}") if since else _resumed(place)
        address, query = f"incremental/{stream}/cursor", f"{include}per_page={PER_PAGE}&"
        try:
            page = self.account.page(address, query + question)
        except PlaceLost:  # what comes twice is there once
            page = self.account.page(address, f"{query}start_time={_latest(place)}")
        while True:
            if not isinstance(page.get(stream), list):
                raise Invalid("import.not_an_account", host=self.account.host)
            if items(page, stream):
                take(page)
                number += 1
                self._put(f"incremental/{stream}/{prefix}{number}", page)
            following = _after(page)
            if page.get("end_of_stream") is not False or following in ("", question):
                return
            question = following
            page = self.account.page(address, query + question)

    def _complete(self, page: Values) -> None:
        """What was said in the tickets of a page, and the files."""
        for count, ticket in enumerate(items(page, "tickets"), 1):
            if text(ticket, "status") != "deleted" and identity(ticket, "id").isdecimal():
                self._converse(identity(ticket, "id"), _edition(ticket))
            if count % 10 == 0:
                self.tell(10)
        self.tell(len(items(page, "tickets")) % 10)

    def _converse(self, ticket_id: str, edition: str) -> None:
        name = f"tickets/{ticket_id}/comments"
        if edition and self._edition_of(name) == edition:
            return
        pages: list[Values] = []
        try:
            pages.extend(self.account.pages(name, include_inline_images="true"))
        except NotServed as problem:
            if pages or isinstance(problem, PlaceLost):
                self._remember(ticket_id, is_whole=False)
                return
            # it was deleted meanwhile
        comments = [comment for page in pages for comment in items(page, "comments")]
        attachments = [file for comment in comments for file in items(comment, "attachments")]
        fetched = [self._fetch(attachment) for attachment in attachments]
        self._remember(ticket_id, is_whole=all(fetched))
        self._put(name, {"comments": comments, "edition": edition})

    def _fetch(self, attachment: Values, among: str = "attachments") -> bool:
        """Have a file in the folder; False where it may come another time."""
        place = self.folder / among / identity(attachment, "id")
        url, size = text(attachment, "content_url"), code(attachment, "size")
        if not place.name.isalnum() or not url or size > MAX_BYTES:
            return True
        if place.is_dir() and any(place.iterdir()):
            return True
        try:
            content = self.account.file(url, size, MAX_BYTES)
        except NotServed:
            return True
        except Unavailable:
            return False
        name = text(attachment, "file_name") or true_name("file", content)
        self._write(place / clean_name(name), content)
        return True

    def _finish(self) -> None:
        """Ask again for what did not come whole the last time."""
        for ticket_id in sorted(self._unfinished()):
            self._converse(ticket_id, "")

    def _unfinished(self) -> set[str]:
        path = self.folder / UNFINISHED
        return set(path.read_text().split()) if path.is_file() else set()

    def _remember(self, ticket_id: str, *, is_whole: bool) -> None:
        unfinished = self._unfinished()
        if is_whole is (ticket_id in unfinished):
            unfinished ^= {ticket_id}
            self._write(self.folder / UNFINISHED, "\n".join(sorted(unfinished)).encode())

    def _edition_of(self, name: str) -> str:
        with suppress(OSError, ValueError):
            written = json.loads(self._file_of(name).read_bytes())
            return text(written, "edition") if isinstance(written, dict) else ""
        return ""

    def _organizations(self) -> Values:
        """All of them, by the pages of what changed since the beginning."""
        rows: list[Values] = []
        start, page = -1, {"end_time": 0}
        while code(page, "end_time") > start:
            start = code(page, "end_time")
            page = self.account.page("incremental/organizations", f"start_time={start}")
            rows += items(page, "organizations")
            if page.get("end_of_stream") is True or not items(page, "organizations"):
                break
        return {"organizations": rows}

    def _list(self, name: str) -> bool:
        """A whole list in one file; False where the token does not open it."""
        key = name.replace("slas/", "sla_")
        try:
            rows = [row for page in self.account.pages(name) for row in items(page, key)]
        except NotFound:
            return False
        self._put(name, {key: rows})
        return True

    def _put(self, name: str, page: Values) -> None:
        self._write(self._file_of(name), json.dumps(page).encode())

    def _file_of(self, name: str) -> Path:
        return self.folder / "api" / "v2" / f"{name}.json"

    def _write(self, path: Path, content: bytes) -> None:
        """A file, whole or not at all."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        incoming = self.folder / "incoming"
        with incoming.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(incoming, path)
        sync_folder(path.parent)


def _resumed(place: Path) -> tuple[int, str]:
    """The number of the last page, and the question after it."""
    number, page = _last(place)
    return number, _after(page) or "start_time=0"


def _after(page: Values) -> str:
    """The question after a page; empty where it does not say."""
    cursor = text(page, "after_cursor")
    return urlencode({"cursor": cursor}) if cursor else ""


def _last(place: Path) -> tuple[int, Values]:
    names = (_PAGE.fullmatch(path.name) for path in place.iterdir()) if place.is_dir() else ()
    number = max((int(name[1]) for name in names if name), default=0)
    page: Values = {}
    with suppress(OSError, ValueError):
        page = json.loads((place / f"cursor.page{number}.json").read_bytes())
    return number, page


def _latest(place: Path) -> int:
    """A second before the last change that the folder has."""
    _, page = _last(place)
    moments = [0]
    for row in (*items(page, "tickets"), *items(page, "users")):
        with suppress(ValueError):
            moments.append(int(parsed(text(row, "updated_at")).timestamp()) - 1)
        moments.append(code(row, "generated_timestamp") - 1)
    return max(moments)


def _edition(ticket: Values) -> str:
    """What changes whenever something is said in a ticket; nothing where it is not known."""
    moments = (text(ticket, "updated_at"), identity(ticket, "generated_timestamp"))
    return " ".join(filter(None, moments))
