"""The sender of webhooks: takes deliveries to their addresses, several at a time.

Whoever answers slowly keeps one thread waiting on a socket, which costs no processor time and
holds no lock of the interpreter; the loop that writes the index never waits for it. Only the
sender's own thread speaks to the database: those on the road carry bytes and nothing else.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

from kbsearch import request_ids
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import senders
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, HttpAnswer, NoAnswer
from kbsearch.messages.webhooks import deliveries, rooms, signing
from kbsearch.messages.webhooks.deliveries import Outcome
from kbsearch.outbox import Share, Task, claims, running

log = logging.getLogger(__name__)

# An address that keeps failing rests, so that those on the road are the slow and the new: more
# of them than this at the same time make the others wait.
ON_THE_ROAD = 16


class WebhookSender:
    """Deliveries on the road, and what came back."""

    def __init__(
        self, settings: Settings, db: Database, worker: str, guard: Guard | None = None
    ) -> None:
        self.settings = settings
        self.db = db
        self.share = Share(worker, "webhook")
        self.guard = guard or Guard(Exceptions.of(settings.webhook_private_targets))
        self._on_the_road = 0
        self._back: queue.SimpleQueue[tuple[Task, Outcome]] = queue.SimpleQueue()

    def send(self, over: threading.Event) -> None:
        """Go on until that, then wait for those on the road."""
        senders.keep_on(self.step, over)
        while self._on_the_road:
            self._take_back()

    def step(self) -> float:
        """Send off what is due, then wait a moment for who comes back."""
        for _ in range(ON_THE_ROAD - self._on_the_road):
            task = deliveries.claim(self.db, self.share)
            if task is None:
                break
            with request_ids.under(task.request_id):
                self._send_off(task)
        self._take_back()
        return 0.0

    def _take_back(self) -> None:
        try:
            task, outcome = self._back.get(timeout=senders.POLL_SECONDS)
        except queue.Empty:
            return
        self._on_the_road -= 1
        with request_ids.under(task.request_id):
            deliveries.record(self.db, task, outcome)
            if outcome.problem is None:
                running.note_departure(task)
            log.info("%s to webhook %s: %s", task.subject, task.thread, _told(outcome))

    def _send_off(self, task: Task) -> None:
        parcel = deliveries.parcel_of(self.db, task)
        if parcel.is_disabled:
            claims.give_up(self.db, task, "disabled")
            return
        if rooms.is_room(parcel.url):
            text = rooms.sentence(self.settings.languages[0], parcel.body)
            self._depart(task, lambda: rooms.post(self.guard, parcel.url, text))
            return
        at, body = utc_now(), parcel.body.encode()
        secrets = webhooks.signers(self.db, self.settings, task.thread or "", at)
        if not secrets:  # the key of the site has changed: nothing leaves without a signature
            deliveries.record(self.db, task, Outcome(None, problem="unsigned"))
            return
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "kbsearch-webhooks",
            **({request_ids.HEADER: task.request_id} if task.request_id else {}),
            **signing.headers(task.subject, at, body, secrets),
        }
        self._depart(task, lambda: self.guard.send(parcel.url, body, headers))

    def _depart(self, task: Task, post: Callable[[], HttpAnswer]) -> None:
        def go() -> None:
            with running.span_of(task):
                self._back.put((task, _attempt(post)))

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
