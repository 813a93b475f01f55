"""What ties a child process to its parent: a socket that says "ready", and whose end says "stop".

It needs nothing of the operating system but sockets, and holds when the parent is killed.
"""

import contextlib
import os
import signal
import socket
import threading

READY = b"!"
DRAIN_SECONDS = 10.0  # what a process has, once told to stop, to finish what it does


class Leash:
    """The child's end. Without a parent (`fd` is None) it is slack and nothing happens."""

    def __init__(self, fd: int | None = None) -> None:
        self._socket = None if fd is None else socket.socket(fileno=fd)
        if self._socket is not None:
            self._socket.set_inheritable(False)
            threading.Thread(target=self._follow, name="leash", daemon=True).start()

    def ready(self) -> None:
        """Tell the parent that this process does its work from now on."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the parent has just died: _follow knows
                self._socket.send(READY)

    def _follow(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):
            self._socket.recv(1)  # the parent never writes: this returns when it is gone
        os.kill(os.getpid(), signal.SIGTERM)
