"""Lanes: what leaves by mail or text message has threads of its own beside the worker's loop.

Each lane takes its kinds of tasks from the outbox, one at a time. A mail server that hangs holds up
neither the index nor what leaves by another lane; where it is away, the lane rests and tries again,
and no task loses its turn or an attempt by it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kbsearch import outbox
from kbsearch.database import Database
from kbsearch.messages.delivery import channels
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.outbox import Handlers, Hopeless, Unavailable
from kbsearch.processes.parent_pipe import DRAIN_SECONDS

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
AFTER_A_DEFECT = 5.0  # seconds
RESTS = (1.0, 5.0, 15.0, 30.0, 60.0)  # seconds, while nothing of the lane gets out


def hand_over(send: Callable[[], None]) -> None:
    """Send something by a channel, and tell the outbox what a failure means for it."""
    try:
        send()
    except ChannelError as problem:
        if problem.permanent:
            raise Hopeless(str(problem)) from problem
        if problem.is_general:
            raise Unavailable(str(problem)) from problem
        raise


@contextmanager
def at_work(db: Database, lanes: Mapping[str, Handlers]) -> Iterator[None]:
    """Empty the lanes until the end of the context; what is on its way then may still arrive."""
    over = threading.Event()
    threads = [
        threading.Thread(target=_run, args=(db, handlers, over), name=name, daemon=True)
        for name, handlers in lanes.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(DRAIN_SECONDS - 2)


def _run(db: Database, handlers: Handlers, over: threading.Event) -> None:
    rests = 0
    with channels.kept_open() as close:
        while not over.is_set():
            try:
                outcome = outbox.run_one(db, handlers, only=handlers)
            except Exception:
                log.exception("a lane failed, and goes on in %d s", AFTER_A_DEFECT)
                over.wait(AFTER_A_DEFECT)
                continue
            if outcome == "unavailable":
                over.wait(RESTS[min(rests, len(RESTS) - 1)])
                rests += 1
            elif outcome:
                rests = 0
            else:
                close()
                over.wait(POLL_SECONDS)
