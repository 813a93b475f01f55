"""Targets: within how long a request is answered and solved, as `[[targets]]` of kbsearch.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["minor", "major", "blocking"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
KEYS = {"severity", "organisation", "first_answer", "solution"}
MAX_TARGETS = 500
MAX_HOURS = 24 * 366


@dataclass(frozen=True)
class Target:
    """Hours, for a severity and an organisation (a slug); empty: for any."""

    severity: str = ""
    organisation: str = ""
    first_answer: float | None = None
    solution: float | None = None

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.severity, self.organisation))) or "any"


def of(targets: Sequence[Target], severity: str, organisation: str | None) -> Target:
    """The target of a request: the organisation's own before everybody's, each time the severity's
    own before any; first answer and solution apart.
    """
    fitting = [
        target
        for target in targets
        if target.severity in ("", severity) and target.organisation in ("", organisation or "")
    ]
    fitting.sort(key=lambda target: (not target.organisation, not target.severity))
    return Target(
        severity,
        organisation or "",
        next((t.first_answer for t in fitting if t.first_answer is not None), None),
        next((t.solution for t in fitting if t.solution is not None), None),
    )


def parse(tables: Any) -> tuple[Target, ...]:
    """The targets that tables of TOML describe; raises ValueError with the target's place."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("write each target as a [[targets]] table of kbsearch.toml")
    if len(tables) > MAX_TARGETS:
        raise ValueError(f"more than {MAX_TARGETS} targets")
    return tuple(_target(place, table) for place, table in enumerate(tables, 1))


def _target(place: int, table: Mapping[str, Any]) -> Target:
    unknown = set(table) - KEYS
    if unknown:
        names = ", ".join(sorted(KEYS))
        raise ValueError(f"target {place}: there is no '{min(unknown)}'; pick from {names}")
    severity, organisation = table.get("severity", ""), table.get("organisation", "")
    if severity not in ("", *SEVERITIES):
        raise ValueError(f"target {place}: severity: pick from {', '.join(SEVERITIES)}")
    if not isinstance(organisation, str):
        raise ValueError(f"target {place}: organisation: a slug")
    hours = {name: _hours(place, name, table.get(name)) for name in ("first_answer", "solution")}
    if not any(hours.values()):
        raise ValueError(f"target {place}: first_answer or solution: a number of hours")
    return Target(severity, organisation, **hours)


def _hours(place: int, name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_HOURS:
        raise ValueError(f"target {place}: {name}: a number of hours")
    return float(value)
