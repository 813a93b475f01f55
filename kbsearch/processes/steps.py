"""What the worker does again and again, each step in its time; some by one worker of all hosts."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from kbsearch.errors import Problem
from kbsearch.i18n import explain, terminal_language
from kbsearch.processes.parent_pipe import PATIENCE

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 60.0
LOOK_SECONDS = 1.0  # how long a leader goes on before it looks whether it still is
UNLED_SECONDS = 5.0  # the rest of a step that another host's worker takes


class Leader:
    """Whether this worker is the one of all hosts that does what is done once for all.

    `leads` asks the database, which has others lead as soon as this worker's connection has ended.
    A step that is under way then overlaps with theirs: each of them is safe to repeat.
    """

    def __init__(self, leads: Callable[[], bool]) -> None:
        self._leads = leads
        self._is_leading: bool | None = None
        self._due_at = 0.0

    def leads(self) -> bool:
        """Whether it is; a database that does not answer has nobody lead."""
        if time.monotonic() >= self._due_at:
            is_leading = self._leads()
            self._due_at = time.monotonic() + LOOK_SECONDS
            if is_leading != self._is_leading and (self._is_leading is not None or not is_leading):
                log.info("leading from now on" if is_leading else "another host's worker leads")
            self._is_leading = is_leading
        return bool(self._is_leading)

    def only(self, step: Callable[[], float]) -> Callable[[], float]:
        """The step of a sender, taken only while this worker leads."""
        return lambda: step() if self.leads() else UNLED_SECONDS


def everybody() -> bool:
    """Of a step that the worker of each host takes."""
    return True


@dataclass
class Step:
    """Something done again and again; `act` says whether it did anything."""

    name: str
    act: Callable[[], bool]
    every: float = 0.0  # seconds
    patience: float = PATIENCE  # seconds that it may take
    due_at: float = 0.0
    whose: Callable[[], bool] = everybody
    failures: int = 0

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self.due_at and self.whose()

    def attempt(self) -> bool:
        """Act if it is due. A failure is logged and tried again later; it ends nothing."""
        if not self.is_due:
            return False
        try:
            acted = self.act()
        except Exception as problem:
            pause = min(LONGEST_PAUSE_SECONDS, 2.0**self.failures)
            self.failures += 1
            self.due_at = time.monotonic() + pause
            if isinstance(problem, Problem):  # it has words: nobody needs its trace
                reason = explain(problem, terminal_language())
                log.error("%s failed, tried again in %d s: %s", self.name, pause, reason)
            else:
                log.exception("%s failed, tried again in %d s", self.name, pause)
            return False
        self.failures = 0
        self.due_at = time.monotonic() + self.every
        return acted
