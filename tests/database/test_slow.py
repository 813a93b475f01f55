"""Slow statements: named in the log, without what was asked for."""

import logging
from collections.abc import Iterator

import pytest

from kbsearch.database import slow
from kbsearch.database.sqlite import SqliteDatabase

COUNTED = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000)
    SELECT COUNT(*) AS n FROM numbers WHERE :secret <> 'x' OR n < 0
"""


@pytest.fixture
def named() -> Iterator[None]:
    """Every statement of a millisecond and more is named."""
    slow.name_from(1)
    yield
    slow.name_from(0)


@pytest.mark.usefixtures("named")
def test_a_slow_statement_is_named_without_its_values(
    db: SqliteDatabase, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        db.query(COUNTED, {"secret": "hunter2"})
    (line,) = [r.getMessage() for r in caplog.records if r.name == "kbsearch.database.slow"]
    assert "ms: WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL" in line
    assert ":secret" in line
    assert "hunter2" not in line


def test_without_a_threshold_none_is_named(db: SqliteDatabase, caplog: pytest.LogCaptureFixture):
    slow.name_from(0)
    with caplog.at_level(logging.WARNING):
        db.query(COUNTED, {"secret": ""})
    assert not caplog.records
