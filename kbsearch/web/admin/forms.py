"""What a form shows again: every value that was sent, and what is wrong with one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from kbsearch import i18n, revisions
from kbsearch.errors import Problem
from kbsearch.web.render import language, render

ON = "yes"  # the value of a box that is ticked


@dataclass(frozen=True)
class Form:
    """The values of the fields by name, and the field that was refused with its reason."""

    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""
    reason: str = ""

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Form":
        """What can be edited as it is kept, at the revision that saving it is held against."""
        return cls({**texts, "revision": revisions.of(texts)})

    def refused(self, problem: Problem, fields: Mapping[str, str]) -> "Form":
        """The same form, saying what is wrong; `fields` tells which field a problem is about."""
        return Form(self.values, fields[problem.key], i18n.explain(problem, language()))


def render_form(template: str, *, form: Form, **context: Any) -> Response:
    """The page of a form; 422 where something in it was refused."""
    response = render(template, form=form, **context)
    response.status_code = 422 if form.wrong else 200
    return response


def text(name: str) -> str:
    """What was typed into a field."""
    return request.form.get(name, "")


def revision() -> str | None:
    """The one that the page showed; none when whoever sends it has seen no page."""
    return text("revision") or None


def texts(name: str) -> list[str]:
    """What was chosen among several."""
    return request.form.getlist(name)


def is_on(name: str) -> bool:
    return text(name) == ON
