"""What the rules say of a file: where, which rule, how bad, and what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from kbsearch.i18n import gettext, terminal_language

FindingSeverity = Literal["error", "warning"]

ERRORS = frozenset(
    {"alias-clash", "broken-anchor", "broken-image", "broken-link", "broken-reuse", "category"}
    | {"variables"}
    | {"category-audience", "empty-section", "encoding"}
    | {"file-name", "file-size", "front-matter", "h1-in-body", "heading-jump", "image-alt"}
    | {"image-external", "image-format", "image-size", "leftover", "link-scheme", "link-text"}
    | {"name-case", "narrower-link"}
    | {
        "no-articles",
        "not-found-by",
        "placeholder",
        "raw-html",
        "secret",
        "slug-clash",
        "submodule",
        "symlink",
        "table-header",
    }
    | {"title-missing", "unknown-key", "unreadable"}
)
WARNINGS = frozenset(
    {
        "address-gone",
        "audience-missing",
        "bare-url",
        "draft-folder",
        "foreign-keys",
        "left-out",
        "misplaced",
        "nbsp",
        "personal-data",
        "stale",
        "twin",
    }
    | {"translation-behind"}
)
# Rules that are no error for one of their reasons.
MILD = frozenset(
    {
        ("broken-reuse", "variable"),
        ("leftover", "syntax"),
        ("narrower-link", "link"),
        ("category-audience", "narrowed"),
    }
    | {("category", "misnamed"), ("category", "no-article")}
)


@dataclass(frozen=True, order=True)
class Finding:
    """One remark on one place; `values` fill in the message of the rule."""

    path: str
    line: int
    column: int
    rule: str
    values: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        assert self.rule in ERRORS | WARNINGS, self.rule

    @property
    def severity(self) -> FindingSeverity:
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


def has_errors(findings: tuple[Finding, ...]) -> bool:
    """Whether one of them stops a commit."""
    return any(finding.severity == "error" for finding in findings)


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
