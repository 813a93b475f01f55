"""The addresses of an app, compiled once for all apps of a process.

Werkzeug parses each of two hundred rules and compiles two functions for it. That takes longer than
most tests of a page, and each of these has an app of its own.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

FUNCTIONS = ("_build", "_build_unknown")
MADE = ("_parts", "_trace", "_converters", "arguments", *FUNCTIONS)
_compile: Callable[[Rule], None] = Rule.compile
_compiled: dict[object, dict[str, Any]] = {}


def share() -> None:
    """Take what was compiled for an equal rule from here on."""
    setattr(Rule, "compile", _shared)  # noqa: B010 (mypy takes it for a method of a method)


def _shared(rule: Rule) -> None:
    defaults = tuple(sorted((rule.defaults or {}).items()))
    equal = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, defaults)
    if equal not in _compiled:
        _compile(rule)
        _compiled[equal] = {name: getattr(rule, name) for name in MADE}
    vars(rule).update(_compiled[equal])
    for name in FUNCTIONS:  # bound to the rule that they were compiled for
        setattr(rule, name, getattr(rule, name).__func__.__get__(rule, None))
