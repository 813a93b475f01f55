"""A live Zendesk account, asked with care: it is waited for when it says so, and asked again."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode, urljoin, urlsplit

from kbsearch.errors import Invalid, NotFound, Unavailable
from kbsearch.messages.delivery.guarded_http import PORTS, Guard, HttpAnswer, NoAnswer
from kbsearch.site.importing.systems.values import Values, inner, text

TRIES = 10  # of one question
FILE_TRIES = 3
FIRST_WAIT = 1.0  # seconds, doubled each time, where the account does not say how long
LONGEST_WAIT = 3600
MAX_PAGE = 64 * 1024 * 1024
MAX_REDIRECTS = 5
PAGE_SIZE = 100
NOT_THERE = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
OVERLOADED = {HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}


class NotServed(NotFound):
    """The account does not hand this out: it is not there, or not for the holder of the token."""


class PlaceLost(NotServed):
    """It does not know the place to go on from any more."""


class _Overloaded(Exception):
    """Not now; perhaps it says when."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(f"status {answer.status}")
        self.header = answer.headers.get("retry-after", "")

    def seconds_or(self, otherwise: float) -> float:
        return _seconds(self.header, otherwise)


@dataclass(frozen=True)
class LiveAccount:
    """An account at its address; `token` opens it, and goes nowhere else."""

    url: str
    token: str = field(repr=False)
    guard: Guard
    wait: Callable[[float], None] = time.sleep

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def page(self, path: str, query: str) -> Values:
        """A page of the API; raises NotServed, PlaceLost, Invalid, Unavailable."""
        address = urljoin(self.url, f"/api/v2/{path}.json")
        return self._page(f"{address}?{query}" if query else address)

    def pages(self, path: str, **query: object) -> Iterator[Values]:
        """A whole list, page after page."""
        page = self.page(path, urlencode({**query, "page[size]": PAGE_SIZE}))
        asked: set[str] = set()
        while True:
            yield page
            following = _following(page)
            if not following or following in asked:
                return
            asked.add(following)
            page = self.page(path, following)

    def file(self, url: str, size: int, most: int) -> bytes:
        """The bytes of an attachment, all of them; raises NotServed for what never comes.

        Another host that it lies on is not told the token. A `size` of 0 is not known.
        """
        for _ in range(MAX_REDIRECTS):
            answer = self._ask(url, lambda answer: _check_size(answer, size), most + 1, FILE_TRIES)
            target = answer.headers.get("location", "")
            if not HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
                return answer.body
            following = urljoin(url, target)
            if not target or urlsplit(url).scheme == "https" != urlsplit(following).scheme:
                break
            url = following
        raise NotServed("import.file_not_served", name=urlsplit(url).netloc)

    def _page(self, url: str) -> Values:
        pages: list[Values] = []

        def read(answer: HttpAnswer) -> None:
            page = json.loads(answer.body)
            if not isinstance(page, dict):
                raise ValueError("not an object")
            pages.append(page)

        answer = self._ask(url, read, MAX_PAGE, TRIES)
        if not pages:
            raise Unavailable("import.account_silent", host=self.host, reason=str(answer.status))
        return pages[-1]

    def _ask(
        self, url: str, read: Callable[[HttpAnswer], None], most: int, tries: int
    ) -> HttpAnswer:
        """An answer that `read` makes sense of, or a redirect; asked again as often as may be."""
        reason = ""
        for place in range(tries):
            patience = FIRST_WAIT * 2**place
            try:
                answer = self.guard.send(url, b"", self._headers(url), method="GET", most=most)
                if answer.status in OVERLOADED:
                    raise _Overloaded(answer)
                self._refuse(answer, url)
                if answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    read(answer)
                self._pause(answer)
                return answer
            except _Overloaded as problem:
                reason, patience = str(problem), problem.seconds_or(patience)
            except NoAnswer as problem:
                if problem.reason == "blocked":
                    raise NotServed("import.url_refused", reason=str(problem)) from None
                reason = str(problem) or problem.reason
            except (ValueError, RecursionError) as problem:
                reason = str(problem)[:100]
            if place + 1 == tries:
                break
            self._wait(patience)
        raise Unavailable("import.account_silent", host=urlsplit(url).netloc, reason=reason[:200])

    def _headers(self, url: str) -> dict[str, str]:
        headers = {"Accept": "*/*", "User-Agent": "kbsearch"}
        return (
            {**headers, "Authorization": _credentials(self.token)}
            if self._is_ours(url)
            else headers
        )

    def _is_ours(self, url: str) -> bool:
        """Whether an address is the account's own: scheme, host and port."""
        own, other = urlsplit(self.url), urlsplit(url)
        return (own.scheme, own.hostname, own.port or PORTS.get(own.scheme)) == (
            other.scheme,
            other.hostname,
            other.port or PORTS.get(other.scheme),
        )

    def _refuse(self, answer: HttpAnswer, url: str) -> None:
        if answer.status < HTTPStatus.BAD_REQUEST:
            return
        if answer.status == HTTPStatus.UNAUTHORIZED and self._is_ours(url):
            raise Invalid("import.token_refused", host=self.host)
        if answer.status in NOT_THERE or not self._is_ours(url):
            raise NotServed("import.not_served", url=urlsplit(url).path[:200])
        raise PlaceLost("import.not_served", url=urlsplit(url).path[:200])

    def _pause(self, answer: HttpAnswer) -> None:
        """Wait before the limit is reached rather than run into it."""
        names = ("ratelimit-remaining", "x-rate-limit-remaining")
        left = next((answer.headers[name] for name in names if name in answer.headers), "")
        if left == "0":
            self._wait(_seconds(answer.headers.get("ratelimit-reset", ""), 0))

    def _wait(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT:
            raise Unavailable("import.account_waits", host=self.host, seconds=int(seconds))
        self.wait(seconds)


def origin(url: str, guard: Guard) -> str:
    """The address of an account without path: https, a host of the internet, no password in it."""
    written = url.strip() if "://" in url else f"https://{url.strip()}"
    try:
        guard.check(written)
        parts = urlsplit(written)
    except NoAnswer as problem:
        raise Invalid("import.url_refused", reason=str(problem)) from None
    return f"{parts.scheme}://{parts.netloc}"


def _credentials(token: str) -> str:
    """`ADDRESS/token:TOKEN` is an API token of somebody; anything else goes by itself."""
    if ":" not in token:
        return f"Bearer {token}"
    name, _, secret = token.partition(":")
    name = name if name.endswith("/token") else f"{name}/token"
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode('ascii')}"


def _following(page: Values) -> str:
    """The query of the page after this one: its host is not looked at, nobody else is told."""
    meta = inner(page, "meta")
    if "has_more" in meta and meta["has_more"] is not True:
        return ""
    return urlsplit(text(inner(page, "links"), "next") or text(page, "next_page")).query


def _check_size(answer: HttpAnswer, size: int) -> None:
    """Raise ValueError for a file that was cut, or is another than was announced."""
    announced = size or int(_seconds(answer.headers.get("content-length", ""), 0))
    if announced and len(answer.body) != announced:
        raise ValueError(f"{len(answer.body)} bytes instead of {announced}")


def _seconds(header: str, otherwise: float) -> float:
    return (
        float(header) if header.isascii() and header.isdecimal() and len(header) < 9 else otherwise
    )
