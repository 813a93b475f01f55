"""Long lists page by page: by cursor where one asks so, else by number; and those of a moment."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request

from kbsearch.clock import parsed, stored
from kbsearch.errors import Invalid
from kbsearch.web import numbers
from kbsearch.web.zendesk.answers import Values, url

Thing = TypeVar("Thing")
MOST = 100
MOST_EXPORTED = 1000
FARTHEST = 10**9


@dataclass(frozen=True)
class PagedList(Generic[Thing]):
    """Something that can be cut: how many there are, and those from one place on."""

    count: Callable[[], int]
    cut: Callable[[int, int], Sequence[Thing]]  # offset, limit

    @classmethod
    def of(cls, things: Sequence[Thing]) -> "PagedList[Thing]":
        return cls(lambda: len(things), lambda offset, limit: things[offset : offset + limit])


def page(
    name: str,
    listing: PagedList[Thing],
    written: Callable[[Sequence[Thing]], Sequence[Values]],
    *,
    per_page: int = MOST,
    most: int = MOST,
) -> dict[str, Any]:
    """The page that the address asks for."""
    args = request.args
    if "page[size]" in args or "page[after]" in args or "page[before]" in args:
        return _by_cursor(name, listing, written, most)
    size = _size("per_page", per_page, most)
    number = max(numbers.whole(args.get("page", "")) or 1, 1)
    offset, count = min((number - 1) * size, FARTHEST), listing.count()
    return {
        name: list(written(listing.cut(offset, size))),
        "next_page": _here(page=number + 1, per_page=size) if offset + size < count else None,
        "previous_page": _here(page=number - 1, per_page=size) if number > 1 else None,
        "count": count,
        "page": number,
        "per_page": size,
        "page_count": -(-count // size),
    }


def since() -> str:
    """The moment from which changes are wanted: seconds, with a point or none, or ISO 8601."""
    text = request.args.get("start_time", "0")
    try:
        seconds = float(text)
        moment = datetime.fromtimestamp(min(max(seconds, 0), 253402300799), UTC)
    except (ValueError, OverflowError):
        try:
            moment = parsed(text)
        except ValueError:
            raise Invalid("zendesk.start_time_invalid") from None
    return stored(moment)


def of_moment(
    name: str, things: Sequence[Values], *, last: str, is_whole: bool, ends: bool = True
) -> dict[str, Any]:
    """A page of changes; the next one begins after the last second that this one has whole."""
    end = int((parsed(last) + timedelta(seconds=1)).timestamp()) if things else seconds(since())
    following = _here(start_time=end) if things else None
    return {
        name: list(things),
        "count": len(things),
        "end_time": end,
        "next_page": following,
        **({"end_of_stream": is_whole} if ends else {}),
    }


def by_cursor_of(
    name: str, things: Sequence[Values], cursor: str, *, is_whole: bool
) -> dict[str, Any]:
    """A page of changes, and the cursor after it, which stays good at the end too."""
    return {
        name: list(things),
        "after_url": _here(cursor=cursor, start_time=None),
        "after_cursor": cursor,
        "before_url": None,
        "before_cursor": None,
        "end_of_stream": is_whole,
    }


def export_size() -> int:
    return _size("per_page", MOST_EXPORTED, MOST_EXPORTED)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def decoded(text: str) -> str:
    """What a cursor says; raises Invalid."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (ValueError, binascii.Error):
        raise Invalid("api.cursor_invalid") from None


def _by_cursor(
    name: str,
    listing: PagedList[Thing],
    written: Callable[[Sequence[Thing]], Sequence[Values]],
    most: int,
) -> dict[str, Any]:
    size, after = _size("page[size]", MOST, most), request.args.get("page[after]", "")
    offset = numbers.whole(decoded(after)) if after else 0
    if offset is None or offset > FARTHEST:
        raise Invalid("api.cursor_invalid")
    things = listing.cut(offset, size + 1)
    further = len(things) > size
    end = encoded(str(offset + min(len(things), size)))
    return {
        name: list(written(things[:size])),
        "meta": {
            "has_more": further,
            "after_cursor": end,
            "before_cursor": encoded(str(offset)),
        },
        "links": {"prev": None, "next": _here(**{"page[after]": end}) if further else None},
    }


def _size(name: str, usual: int, most: int) -> int:
    return min(max(numbers.whole(request.args.get(name, "")) or usual, 1), most)


def _here(**changes: object) -> str:
    """This address with some of its query changed."""
    query = {**request.args.to_dict(), **changes}
    text = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{url(request.path)}?{text}"


def seconds(moment: str) -> int:
    return int(parsed(moment).timestamp())
