"""How long the writes of a process wait for their turn."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_WAIT = 10.0  # seconds that a write waits for its turn, where nobody waits for it


class Patience:
    """How long the writes of a process wait for their turn, in seconds.

    Whoever waits in a web process keeps those waiting who only read: there, writes that wait in
    vain have no more than `longest` together in a moment of `moment` seconds. When it is used up,
    the next ones try once, until one gets its turn or the moment is over.
    """

    def __init__(self, longest: float = LONGEST_WAIT, *, moment: float = 0.0) -> None:
        self._longest, self._moment = longest, moment
        self._used, self._over_at = 0.0, 0.0

    def left(self) -> float:
        """What a write may wait that begins now."""
        if time.monotonic() >= self._over_at:
            self._used = 0.0
        return max(0.0, self._longest - self._used)

    def lose(self, waited: float) -> None:
        """A write waited so long in vain."""
        if self._used == 0.0:
            self._over_at = time.monotonic() + self._moment
        self._used += waited

    def win(self) -> None:
        """A write got its turn."""
        self._used = 0.0


class WaitingWrites:
    """The part of a database that says how long its writes wait for their turn."""

    def __init__(self) -> None:
        self.waits = Patience()
        self._of_thread = threading.local()

    def limit_waiting(self, longest: float, *, moment: float) -> None:
        self.waits = Patience(longest, moment=moment)

    @contextmanager
    def waiting_at_most(self, seconds: float) -> Iterator[None]:
        before = self._at_most
        self._of_thread.at_most = min(before, seconds)
        try:
            yield
        finally:
            self._of_thread.at_most = before

    def time_to_wait(self) -> float:
        """What a write of this thread may wait that begins now, in seconds."""
        return min(self.waits.left(), self._at_most)

    @property
    def _at_most(self) -> float:
        return float(getattr(self._of_thread, "at_most", math.inf))
