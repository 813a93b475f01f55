"""How long the writes of a process wait for their turn."""

import time

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
