"""What the rules say of a file: where, which rule, how bad, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kbsearch.check_levels import ERRORS, MILD, WARNINGS, FindingSeverity, RuleLevel
from kbsearch.i18n import gettext, terminal_language


@dataclass(frozen=True, order=True)
class Finding:
    """One remark on one place; `values` fill in the message of the rule."""

    path: str
    line: int
    column: int
    rule: str
    values: Mapping[str, str] = field(default_factory=dict, compare=False)
    level: str = field(default="", compare=False)  # what the site says of it, if anything

    def __post_init__(self) -> None:
        assert self.rule in ERRORS | WARNINGS, self.rule

    @property
    def severity(self) -> FindingSeverity:
        if self.level:
            return "error" if self.level == "error" else "warning"
        is_mild = (self.rule, self.values.get("reason")) in MILD
        return "warning" if self.rule in WARNINGS or is_mild else "error"

    def message(self, language: str) -> str:
        """What is wrong, in words; a rule with several reasons has a message for each."""
        reason = f".{self.values['reason']}" if "reason" in self.values else ""
        return gettext(language, f"lint.{self.rule}{reason}", **self.values)

    def remedy(self, language: str) -> str:
        """What to do about it."""
        return gettext(language, f"lint.{self.rule}.remedy", **self.values)

    def __str__(self) -> str:
        return self.as_text(terminal_language())

    def row(self) -> dict[str, Any]:
        """The finding as it is stored."""
        return asdict(self)

    def as_text(self, language: str) -> str:
        place = f"{self.path}:{self.line}:{self.column}"
        return f"{place} {self.rule} {self.message(language)} {self.remedy(language)}"

    def as_json(self, language: str) -> dict[str, Any]:
        texts = {"message": self.message(language), "remedy": self.remedy(language)}
        place = {"path": self.path, "line": self.line, "column": self.column}
        return {**place, "rule": self.rule, "severity": self.severity, **texts}

    def as_github(self, language: str) -> str:
        """An annotation of GitHub Actions."""
        message = _escaped(f"{self.message(language)} {self.remedy(language)}")
        path = _escaped(self.path, ",:")
        place = f"file={path},line={self.line},col={self.column},title={self.rule}"
        return f"::{self.severity} {place}::{message}"


def leveled(findings: Iterable[Finding], levels: Mapping[str, RuleLevel]) -> list[Finding]:
    """The findings as a site takes them; those of rules that it turned off are left out."""
    return [
        replace(finding, level=levels.get(finding.rule, finding.level))
        for finding in findings
        if levels.get(finding.rule) != "off"
    ]


def has_errors(findings: tuple[Finding, ...]) -> bool:
    """Whether one of them stops a commit."""
    return any(finding.severity == "error" for finding in findings)


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
