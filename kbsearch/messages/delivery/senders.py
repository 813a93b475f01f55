"""Senders: what leaves has threads of its own beside the worker's loop, for each channel.

A mail server that hangs holds up neither the index nor what leaves by another sender; where it is
away, the sender rests and tries again, and no task loses its turn or an attempt by it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kbsearch import outbox
from kbsearch.database import Database
from kbsearch.messages.delivery import channels, departures
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.messages.delivery.departures import Receipt
from kbsearch.outbox import ChannelDown, Handlers, Hopeless, Share, Task
from kbsearch.processes.parent_pipe import DRAIN_SECONDS

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
AFTER_A_DEFECT = 5.0  # seconds
RESTS = (1.0, 5.0, 15.0, 30.0, 60.0)  # seconds, while nothing of the sender's gets out

Sender = Callable[[threading.Event], None]  # goes on until the event, and ends what is under way


@contextmanager
def at_work(senders: Mapping[str, Sender]) -> Iterator[None]:
    """Send until the end of the context; what is on its way then may still arrive."""
    over = threading.Event()
    threads = [
        threading.Thread(target=sender, args=(over,), name=name, daemon=True)
        for name, sender in senders.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(DRAIN_SECONDS - 2)


def one_by_one(db: Database, handlers: Handlers, share: Share) -> Sender:
    """Who does one task of a share after the other, over connections that stay open meanwhile."""

    with_lines = departures.accounted(db, handlers)

    def send(over: threading.Event) -> None:
        rests = 0

        def step() -> float:
            nonlocal rests
            outcome = outbox.run_one(db, with_lines, share)
            if outcome == "unavailable":
                rests += 1
                return RESTS[min(rests, len(RESTS)) - 1]
            rests = 0
            if outcome:
                return 0.0
            close()
            return POLL_SECONDS

        with channels.kept_open() as close:
            keep_on(step, over)

    return send


def keep_on(step: Callable[[], float], over: threading.Event) -> None:
    """Take step after step, with the rest that each asks for; a defect costs one and no more."""
    while not over.is_set():
        try:
            rest = step()
        except Exception:
            log.exception("a sender failed, and goes on in %d s", AFTER_A_DEFECT)
            rest = AFTER_A_DEFECT
        over.wait(rest)


def hand_over(db: Database, task: Task, send: Callable[[], Receipt]) -> None:
    """Send something by a channel and note it, or tell the outbox what a failure means for it."""
    try:
        receipt = send()
    except ChannelError as problem:
        if problem.permanent:
            raise Hopeless(str(problem)) from problem
        if problem.is_general:
            raise ChannelDown(str(problem)) from problem
        raise
    departures.enter(db, task, receipt)
