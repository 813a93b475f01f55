"""The addresses of an app, compiled once for all apps of a process.

Werkzeug compiles two functions for each of two hundred rules, which takes longer than most tests
of a page, and each of these has an app of its own.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_compile: Callable[..., Any] = Rule._compile_builder
_compiled: dict[object, Any] = {}


def share() -> None:
    """Take what was compiled for an equal rule from here on."""
    setattr(Rule, "_compile_builder", _shared)  # noqa: B010 (its type has a parameter less)


def _shared(rule: Rule, append_unknown: bool = True) -> Any:
    defaults = tuple(sorted((rule.defaults or {}).items()))
    equal = (rule.rule, rule.subdomain, rule.host, defaults, append_unknown)
    if equal not in _compiled:
        _compiled[equal] = _compile(rule, append_unknown)
    return _compiled[equal]
