"""The door of the administration: for whom its pages exist."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch.errors import NotFound
from kbsearch.web.render import viewer

View = TypeVar("View", bound=Callable[..., Response])

bp = Blueprint("admin", __name__)
shared: set[str] = set()


def for_agents(view: View) -> View:
    """Open a page to agents as well; one without this is the administrators' alone."""
    shared.add(f"admin.{view.__name__}")
    return view


@contextmanager
def names_a_page() -> Iterator[None]:
    """Around the search for what an address names: where there is none, there is no page."""
    try:
        yield
    except NotFound:
        raise NotFound("web.not_found") from None


@bp.before_request
def keep_out() -> None:
    """For everybody else these pages do not exist."""
    if not viewer().is_administrator and not (viewer().is_agent and request.endpoint in shared):
        raise NotFound("web.not_found")
