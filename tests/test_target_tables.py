"""Targets of earlier releases in kbsearch.toml: read, or refused with their place."""

import pytest

from kbsearch import config_sources
from kbsearch.config import ConfigError
from kbsearch.target_tables import TargetTable


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "a number of hours"),
        ({"first_answer": 0}, "a number of hours"),
        ({"first_answer": True}, "a number of hours"),
        ({"solution": "4h"}, "a number of hours"),
        ({"severity": "huge", "solution": 4}, "severity"),
        ({"organisation": 4, "solution": 4}, "organisation"),
        ({"within": 4}, "no 'within'"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, table: dict[str, object], told: str):
    lines = [
        "[[targets]]",
        *(f"{name} = {value!r}".replace("True", "true") for name, value in table.items()),
    ]
    path = tmp_path / "kbsearch.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=told):
        config_sources.load(path)


def test_tables_are_read(tmp_path):
    path = tmp_path / "kbsearch.toml"
    path.write_text('[[targets]]\nseverity = "blocking"\nfirst_answer = 1.5\n')
    assert config_sources.load(path).settings.targets == (TargetTable("blocking", "", 90, None),)
