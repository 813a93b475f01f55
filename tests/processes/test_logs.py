"""The log: one line per event, whatever people typed."""

import logging
import sys

from kbsearch.processes.logs import OneLine


def logged(message: str, *values: object, error: BaseException | None = None) -> str:
    problem = (type(error), error, error.__traceback__) if error else None
    return OneLine().format(
        logging.LogRecord("kbsearch.x", logging.INFO, "x.py", 1, message, values, problem)
    )


def test_an_event_has_its_moment_in_utc_its_level_and_its_place():
    record = logging.LogRecord("kbsearch.x", logging.INFO, "x.py", 1, "started", (), None)
    record.created = 0.0
    assert OneLine().format(record) == "1970-01-01T00:00:00Z INFO kbsearch.x started"


def test_what_was_typed_cannot_forge_a_line():
    for end in "\n\r\x0b\x0c\x85\u2028\u2029":
        line = logged("searched %s", f"x{end}2026-01-01T00:00:00Z ERROR forged")
        assert len(line.splitlines()) == 1


def test_what_was_typed_cannot_drive_a_terminal():
    assert "\x1b" not in logged("searched %s", "\x1b[2J")


def test_lines_of_a_traceback_are_indented_even_when_its_text_has_several():
    try:
        raise ValueError("bad\n2026-01-01T00:00:00Z ERROR forged")
    except ValueError:
        told = logged("it failed", error=sys.exception())
    first, *more = told.split("\n")
    assert first.endswith("INFO kbsearch.x it failed")
    assert "ValueError: bad" in told
    assert all(line.startswith("    ") for line in more)
