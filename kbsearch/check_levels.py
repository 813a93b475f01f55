"""The rules of `kbsearch check`: how bad each is, and what a site says of that."""

from collections.abc import Iterable
from typing import Literal, get_args

FindingSeverity = Literal["error", "warning"]
RuleLevel = Literal["off", "warning", "error"]
LEVELS: tuple[RuleLevel, ...] = get_args(RuleLevel)

ERRORS = frozenset(
    {
        "alias-clash",
        "broken-anchor",
        "broken-image",
        "broken-link",
        "broken-reuse",
        "category",
        "category-audience",
        "empty-section",
        "encoding",
        "file-name",
        "file-size",
        "front-matter",
        "h1-in-body",
        "heading-jump",
        "image-alt",
        "image-external",
        "image-format",
        "image-size",
        "leftover",
        "link-scheme",
        "link-text",
        "name-case",
        "narrower-link",
        "no-articles",
        "not-found-by",
        "placeholder",
        "raw-html",
        "secret",
        "slug-clash",
        "submodule",
        "symlink",
        "table-header",
        "title-missing",
        "unknown-key",
        "unreadable",
        "variables",
    }
)
WARNINGS = frozenset(
    {
        "address-gone",
        "audience-missing",
        "bare-url",
        "draft-folder",
        "external-link",
        "foreign-keys",
        "left-out",
        "misplaced",
        "nbsp",
        "personal-data",
        "shallow-history",
        "stale",
        "translation-behind",
        "twin",
    }
)
# Rules that are no error for one of their reasons.
MILD = frozenset(
    {
        ("broken-reuse", "variable"),
        ("category", "misnamed"),
        ("category", "no-article"),
        ("category-audience", "narrowed"),
        ("leftover", "syntax"),
        ("narrower-link", "link"),
    }
)


def parse(words: Iterable[str]) -> dict[str, RuleLevel]:
    """The levels of rules, each written `rule=level`; raises ValueError with the word."""
    levels: dict[str, RuleLevel] = {}
    for word in words:
        rule, _, name = word.partition("=")
        level = next((each for each in LEVELS if each == name.strip()), None)
        if level is None or rule.strip() not in ERRORS | WARNINGS:
            raise ValueError(
                f"{word!r} is not rule=off, rule=warning or rule=error of a known rule"
            )
        levels[rule.strip()] = level
    return levels
