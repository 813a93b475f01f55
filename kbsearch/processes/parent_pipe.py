"""What ties a child process to its parent: a socket that says "alive", and whose end says "stop".

It needs nothing of the operating system but sockets, and holds when the parent is killed. Each
byte from the child is a sign of life: it says how many times `PATIENCE` the parent may wait for the
next one. The loop that does the work sends it, so that a loop that hangs falls silent.
"""

import contextlib
import math
import os
import signal
import socket
import threading
import time

READY = 0  # the byte that says that the work begins; the next one is due as usual
PATIENCE = 30.0  # seconds until a silent child is taken for one that hangs
BEAT_SECONDS = 1.0
DRAIN_SECONDS = 10.0  # what a process has, once told to stop, to finish what it does


class ParentPipe:
    """The child's end. Without a parent (`fd` is None) nothing happens."""

    def __init__(self, fd: int | None = None) -> None:
        self._socket = None if fd is None else socket.socket(fileno=fd)
        self._next_beat = 0.0
        if self._socket is not None:
            self._socket.set_inheritable(False)
            threading.Thread(target=self._follow, name="parent-pipe", daemon=True).start()

    def ready(self) -> None:
        """Tell the parent that this process does its work from now on."""
        self._say(READY)

    def beat(self, patience: float = PATIENCE) -> None:
        """Tell the parent that all is well, and how many seconds of silence to put up with."""
        now = time.monotonic()
        if patience > PATIENCE or now >= self._next_beat:
            self._next_beat = now + BEAT_SECONDS
            self._say(min(255, math.ceil(patience / PATIENCE)))

    def _say(self, byte: int) -> None:
        if self._socket is not None:
            # The parent may have just died, which _follow knows, or be stopped and read nothing.
            with contextlib.suppress(OSError):
                self._socket.send(bytes([byte]), socket.MSG_DONTWAIT)

    def _follow(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):
            self._socket.recv(1)  # the parent never writes: this returns when it is gone
        os.kill(os.getpid(), signal.SIGTERM)
