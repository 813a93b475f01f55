"""Targets as `[[targets]]` of kbsearch.toml: how those of earlier releases are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["minor", "major", "blocking"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
KEYS = {"severity", "organisation", "first_answer", "solution"}
MAX_TARGETS = 500
MAX_HOURS = 24 * 366


@dataclass(frozen=True)
class TargetTable:
    """Minutes, for a severity and an organisation (a slug); empty: for any."""

    severity: str = ""
    organisation: str = ""
    first_answer: int | None = None
    solution: int | None = None


def parse(tables: Any) -> tuple[TargetTable, ...]:
    """The targets that tables of TOML describe; raises ValueError with the target's place."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("write each target as a [[targets]] table of kbsearch.toml")
    if len(tables) > MAX_TARGETS:
        raise ValueError(f"more than {MAX_TARGETS} targets")
    return tuple(_target(place, table) for place, table in enumerate(tables, 1))


def minutes_of(hours: float) -> int:
    """So many hours as minutes; raises ValueError for none, or more than a year of them."""
    minutes = round(hours * 60) if 0 < hours <= MAX_HOURS else 0
    if minutes < 1:
        raise ValueError("a number of hours")
    return minutes


def _target(place: int, table: Mapping[str, Any]) -> TargetTable:
    unknown = set(table) - KEYS
    if unknown:
        names = ", ".join(sorted(KEYS))
        raise ValueError(f"target {place}: there is no '{min(unknown)}'; pick from {names}")
    severity, organisation = table.get("severity", ""), table.get("organisation", "")
    if severity not in ("", *SEVERITIES):
        raise ValueError(f"target {place}: severity: pick from {', '.join(SEVERITIES)}")
    if not isinstance(organisation, str):
        raise ValueError(f"target {place}: organisation: a slug")
    spans = {name: _span(place, name, table.get(name)) for name in ("first_answer", "solution")}
    if not any(spans.values()):
        raise ValueError(f"target {place}: first_answer or solution: a number of hours")
    return TargetTable(severity, organisation, **spans)


def _span(place: int, name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number of hours")
        return minutes_of(value)
    except ValueError as problem:
        raise ValueError(f"target {place}: {name}: {problem}") from None
