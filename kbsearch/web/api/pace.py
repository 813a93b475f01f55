"""How fast a program may ask: so many calls a minute with one token, its share of a process each.

It is counted in memory: a row written at every call would slow down all that is only read.
"""

import math
from collections import deque
from datetime import datetime, timedelta
from threading import Lock

from kbsearch.clock import utc_now
from kbsearch.errors import TooMany

MOST_KEYS = 10_000


class Pace:
    """So many calls in so long, by key; what is refused is not counted."""

    def __init__(self, most: int, window: timedelta = timedelta(minutes=1)) -> None:
        self._most = most
        self._window = window
        self._lock = Lock()
        self._calls: dict[str, deque[datetime]] = {}

    @property
    def most(self) -> int:
        return self._most

    def take(self, key: str, *, at: datetime | None = None) -> int:
        """Count a call and say how many are left; or TooMany with the seconds until one fits."""
        moment = at or utc_now()
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and not moment - self._window < calls[0] <= moment:
                calls.popleft()  # over, or of a clock that was set back since
            if len(calls) >= self._most:
                wait = math.ceil((calls[0] + self._window - moment).total_seconds())
                raise TooMany(
                    "limit.reached", retry_after=wait, minutes=math.ceil(wait / 60), limit="api"
                )
            calls.append(moment)
            if len(self._calls) > MOST_KEYS:
                self._forget(moment)
            return self._most - len(calls)

    def _forget(self, moment: datetime) -> None:
        over = moment - self._window
        self._calls = {key: calls for key, calls in self._calls.items() if calls[-1] > over}
