"""Waiting for what is to be seen, however long the machine takes to come to it."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

HUNG = 120.0  # seconds: nothing is expected to take so long, it ends a test that hangs
LOOK_SECONDS = 0.01


def until(look: Callable[[], Seen], *, hung: float = HUNG) -> Seen:
    """What is seen at last; fails when it does not come about at all."""
    deadline = time.monotonic() + hung
    while not (seen := look()):
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(LOOK_SECONDS)
    return seen


def listens(port: int) -> bool:
    """Whether somebody on this machine takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
