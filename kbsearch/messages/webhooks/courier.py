"""The courier: takes deliveries to their webhooks, several at a time, beside the worker's loop.

Whoever answers slowly keeps one thread waiting on a socket, which costs no processor time and
holds no lock of the interpreter; the loop that writes the index never waits for it. Only the
courier's own thread speaks to the database: those on the road carry bytes and nothing else.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import webhooks
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, HttpAnswer, NoAnswer
from kbsearch.messages.webhooks import deliveries, rooms, signing
from kbsearch.messages.webhooks.deliveries import Due, Outcome
from kbsearch.processes.parent_pipe import DRAIN_SECONDS

log = logging.getLogger(__name__)

# An address that keeps failing rests, so that those on the road are the slow and the new: more
# of them than this at the same time make the others wait.
ON_THE_ROAD = 16
POLL_SECONDS = 0.2
AFTER_A_DEFECT = 5.0  # seconds


@contextmanager
def at_work(settings: Settings, db: Database, guard: Guard | None = None) -> Iterator[None]:
    """Deliver until the end of the context; what is on the road then has a moment to arrive."""
    courier = Courier(settings, db, guard)
    thread = threading.Thread(target=courier.run, name="courier", daemon=True)
    thread.start()
    try:
        yield
    finally:
        courier.over.set()
        thread.join(DRAIN_SECONDS - 2)


class Courier:
    """Deliveries on the road, and what came back."""

    def __init__(self, settings: Settings, db: Database, guard: Guard | None = None) -> None:
        self.settings = settings
        self.db = db
        self.guard = guard or Guard(Exceptions.of(settings.webhook_private_targets))
        self.over = threading.Event()
        self._on_the_road = 0
        self._back: queue.SimpleQueue[tuple[Due, Outcome]] = queue.SimpleQueue()

    def run(self) -> None:
        """Go on until `over`, then wait for those on the road."""
        started = False
        while not self.over.is_set() or self._on_the_road:
            try:
                if not started:
                    deliveries.release_all(self.db)
                    started = True
                self.step()
            except Exception:
                log.exception("the courier failed, and goes on in %d s", AFTER_A_DEFECT)
                self.over.wait(AFTER_A_DEFECT)

    def step(self) -> None:
        """Send off what is due, then wait a moment for who comes back."""
        while self._on_the_road < ON_THE_ROAD and not self.over.is_set():
            due = deliveries.claim(self.db)
            if due is None:
                break
            self._send_off(due)
        try:
            due, outcome = self._back.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return
        self._on_the_road -= 1
        deliveries.record(self.db, due, outcome)
        log.info("%s to webhook %s: %s", due.message_id, due.endpoint_id, _told(outcome))

    def _send_off(self, due: Due) -> None:
        if rooms.is_room(due.url):
            text = rooms.sentence(self.settings.languages[0], due.body)
            self._depart(due, lambda: _attempt(lambda: rooms.post(self.guard, due.url, text)))
            return
        at, body = utc_now(), due.body.encode()
        secrets = webhooks.signers(self.db, self.settings, due.endpoint_id, at)
        if not secrets:  # the key of the site has changed: nothing leaves without a signature
            deliveries.record(self.db, due, Outcome(None, problem="unsigned"))
            return
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "kbsearch-webhooks",
            **signing.headers(due.message_id, at, body, secrets),
        }
        self._depart(due, lambda: _attempt(lambda: self.guard.send(due.url, body, headers)))

    def _depart(self, due: Due, attempt: Callable[[], Outcome]) -> None:
        def go() -> None:
            self._back.put((due, attempt()))

        threading.Thread(target=go, name="delivery", daemon=True).start()
        self._on_the_road += 1


def _attempt(send: Callable[[], HttpAnswer]) -> Outcome:
    begun = time.monotonic()
    try:
        answer = send()
    except NoAnswer as problem:
        return Outcome(None, problem=problem.reason, told=str(problem), duration_ms=_since(begun))
    except Exception as problem:  # a defect of ours must not keep the delivery on the road
        log.exception("a delivery failed in a way nobody thought of")
        details = type(problem).__name__  # its text may hold the address of a room
        return Outcome(None, problem="garbled", told=details, duration_ms=_since(begun))
    return Outcome(
        answer.status,
        response=answer.body.decode("utf-8", "replace"),
        retry_after=answer.headers.get("retry-after"),
        problem=None if 200 <= answer.status < 300 else "status",
        duration_ms=_since(begun),
    )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _told(outcome: Outcome) -> str:
    return str(outcome.status) if outcome.status else f"{outcome.problem}, {outcome.told}"
