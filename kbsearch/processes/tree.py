"""The process tree of `kbsearch serve`: children are started, restarted, drained and ended.

A child that hangs is killed and started again: it has fallen silent for longer than it asked for.
Silence is counted in the time that this process lived through, so that nobody is late after the
machine slept.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kbsearch.errors import Problem
from kbsearch.processes import service_manager
from kbsearch.processes.parent_pipe import DRAIN_SECONDS, PATIENCE, READY

log = logging.getLogger(__name__)

KILL_SECONDS = DRAIN_SECONDS + 2  # what has not ended by itself by then is killed
STEADY_SECONDS = 10.0  # a child that lived this long is restarted at once
LONGEST_PAUSE_SECONDS = 30.0
LOOK_SECONDS = 1.0  # how often it is seen who has fallen silent
STARTING = 20  # times the patience that a child has until its first sign of life


class CannotListen(Problem):
    """The address or the port cannot be had."""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket that the web processes share; port 0 picks a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise CannotListen("serve.cannot_listen", host=host, port=port, reason=reason) from None


@dataclass
class Child:
    """A process to keep alive: how it is called, how it is started, how it fares."""

    name: str
    command: Sequence[str]
    inherits: Sequence[int] = ()  # descriptors it keeps
    heeds_hup: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    pipe: socket.socket | None = None
    is_ready: bool = False
    started_at: float = 0.0
    silent_until: float = 0.0  # in the time of the parent's loop
    restart_at: float | None = None
    failures: int = 0


class ProcessTree:
    """A parent and its children; `run` is their whole life."""

    def __init__(
        self,
        children: Sequence[Child],
        environment: Mapping[str, str],
        listener: socket.socket | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.children = children
        self.environment = environment
        self.listener = listener
        self.patience = patience
        self.leaving_seconds = 0  # that they serve on once they are told to stop
        self._lived = 0.0  # seconds, none of those for which the machine or this process stood
        self._looked_at = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._announced = False
        self._kill_at: float | None = None  # known once it stops
        self._status = 0

    def run(self, announce: Callable[[], None]) -> int:
        """Start all, `announce` when all are ready, go on until a signal; the exit status.

        A child that ends before that ends everything: what cannot start must say so.
        """
        self._hear_signals()
        for child in self.children:
            self._start(child)
        while self._kill_at is None or any(child.process for child in self.children):
            events = self._selector.select(self._pause())
            self._live()
            for key, _ in events:  # before anybody is judged: beats may have waited long
                key.data()
            if not self._announced and all(child.is_ready for child in self.children):
                self._announced = True
                announce()
                service_manager.notify(service_manager.READY)
            self._do_what_is_due()
        return self._status

    def _start(self, child: Child) -> None:
        parent_end, child_end = socket.socketpair()
        with child_end:
            child.process = subprocess.Popen(
                [*child.command, "--parent-pipe", str(child_end.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(*child.inherits, child_end.fileno()),
                env=dict(self.environment),
                start_new_session=True,  # Ctrl-C in a terminal reaches the parent alone
            )
        parent_end.setblocking(False)
        child.pipe, child.is_ready, child.restart_at = parent_end, False, None
        child.started_at = time.monotonic()
        child.silent_until = self._lived + STARTING * self.patience
        self._selector.register(parent_end, selectors.EVENT_READ, lambda: self._follow(child))

    def _follow(self, child: Child) -> None:
        assert child.pipe is not None
        try:
            beats = child.pipe.recv(4096)
        except ConnectionResetError:
            beats = b""
        if not beats:  # its end was closed
            self._bury(child)
            return
        child.is_ready = child.is_ready or READY in beats
        child.silent_until = self._lived + max(1, beats[-1]) * self.patience

    def _bury(self, child: Child) -> None:
        assert child.process is not None and child.pipe is not None
        self._selector.unregister(child.pipe)
        child.pipe.close()
        try:
            status = child.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            child.process.kill()
            status = child.process.wait()
        child.process, child.pipe, child.is_ready = None, None, False
        if self._kill_at is not None:
            return
        if not self._announced:
            log.error("%s could not start (status %d)", child.name, status)
            self._status = 1
            self._stop()
            return
        now = time.monotonic()
        child.failures = 0 if now - child.started_at > STEADY_SECONDS else child.failures + 1
        pause = min(LONGEST_PAUSE_SECONDS, 2.0**child.failures - 1)
        child.restart_at = now + pause
        log.warning("%s ended (status %d), starting again in %d s", child.name, status, pause)

    def _hear_signals(self) -> None:
        ears, mouth = socket.socketpair()
        for end in (ears, mouth):
            end.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # its number arrives in the socket
        signal.set_wakeup_fd(mouth.fileno())
        self._mouth = mouth  # closed with the process

        def heed() -> None:
            for number in ears.recv(64):
                self._heed(number)

        self._selector.register(ears, selectors.EVENT_READ, heed)

    def _heed(self, number: int) -> None:
        if number == signal.SIGHUP and not _in_terminal():
            for child in self.children:
                if child.heeds_hup and child.process and child.is_ready:
                    child.process.send_signal(signal.SIGHUP)
        elif self._kill_at is None:
            log.info("stopping: running requests have %d s to finish", DRAIN_SECONDS)
            self._stop()
        else:
            self._send_all(signal.SIGKILL)

    def _stop(self) -> None:
        self._kill_at = time.monotonic() + self.leaving_seconds + KILL_SECONDS
        service_manager.notify(service_manager.STOPPING)
        if self.listener is not None:
            self.listener.close()
        self._send_all(signal.SIGTERM)

    def _send_all(self, number: int) -> None:
        for child in self.children:
            if child.process:
                child.process.send_signal(number)

    def _pause(self) -> float:
        now = time.monotonic()
        moments = [child.restart_at for child in self.children] + [self._kill_at]
        due = [moment for moment in moments if moment is not None]
        return max(0.0, min([now + LOOK_SECONDS, *due]) - now)

    def _live(self) -> None:
        """Count the time since the last look; a long absence counts as a short one."""
        now = time.monotonic()
        self._lived += min(now - self._looked_at, LOOK_SECONDS)
        self._looked_at = now
        service_manager.notify(service_manager.ALIVE)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                self._send_all(signal.SIGKILL)
                self._kill_at = now + 1
            return
        for child in self.children:
            if child.restart_at is not None and now >= child.restart_at:
                self._start(child)
            elif child.process and self._lived >= child.silent_until:
                self._kill_hanging(child)

    def _kill_hanging(self, child: Child) -> None:
        """End a child and what it started; its pipe ends with it, and it is started again."""
        assert child.process is not None
        log.error("%s hangs: it gave no sign of life in time and is killed", child.name)
        child.silent_until = self._lived + self.patience
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)  # it has a session of its own


def _in_terminal() -> bool:
    """HUP is what a closing terminal sends; it means "publish now" only away from one."""
    return sys.stdin is not None and sys.stdin.isatty()
