"""Doing what the outbox asks for: handlers by kind, and what a failure of one means."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Literal

from kbsearch import measures, request_ids, tracing
from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database
from kbsearch.outbox import claims
from kbsearch.outbox.claims import EVERYTHING, Share, Task
from kbsearch.outbox.kinds import KINDS

Handlers = Mapping[str, Callable[[Task], None]]
Outcome = Literal["", "done", "failed", "dead", "unavailable"]  # empty: nothing was due


class Hopeless(Exception):
    """Raised by a handler that knows that trying again is of no use."""


class ChannelDown(Exception):
    """Raised by a handler when nothing of its kind gets out at present, whatever it is."""


def run_one(db: Database, handlers: Handlers, share: Share = EVERYTHING) -> Outcome:
    """Claim a task of a share and do it: what became of it. A failure is kept with its reason."""
    task = claims.claim(db, share)
    if task is None:
        return ""
    with request_ids.under(task.request_id), span_of(task):
        return _run(db, handlers, task)


def _run(db: Database, handlers: Handlers, task: Task) -> Outcome:
    try:
        handlers[task.kind](task)
    except Hopeless as problem:
        claims.give_up(db, task, str(problem))
        return "dead"
    except ChannelDown as problem:
        claims.put_back(db, task, str(problem))
        return "unavailable"
    except Exception as problem:
        is_tried_again = claims.fail(db, task, f"{type(problem).__name__}: {problem}")
        return "failed" if is_tried_again else "dead"
    claims.done(db, task)
    note_departure(task)
    return "done"


def span_of(task: Task) -> AbstractContextManager[object]:
    """A context for the work on a task, as traces show it."""
    facts: dict[str, str | int] = {"kbsearch.task": task.kind, "kbsearch.attempt": task.attempts}
    return tracing.span("outbox", {**facts, "kbsearch.request_id": task.request_id})


def note_departure(task: Task) -> None:
    """Count how long it took since a task was asked for."""
    seconds = (utc_now() - parsed(task.began_at)).total_seconds()
    measures.note_departure(KINDS[task.kind].channel if task.kind in KINDS else "", seconds)


def together(*parts: Handlers) -> Handlers:
    """All these handlers as one; where several want the same kind, each does its part in turn.

    One that fails brings the task back to those before it too: they are safe to repeat.
    """
    by_kind: dict[str, list[Callable[[Task], None]]] = {}
    for part in parts:
        for kind, handler in part.items():
            by_kind.setdefault(kind, []).append(handler)

    def all_of(handlers: list[Callable[[Task], None]]) -> Callable[[Task], None]:
        def run(task: Task) -> None:
            for handler in handlers:
                handler(task)

        return run

    return {kind: all_of(handlers) for kind, handlers in by_kind.items()}
