"""The request form of the widget: what the application knows is filled in, its person reads it."""

from http import HTTPStatus

from flask import abort, request
from werkzeug.wrappers import Response

from kbsearch import announcements, i18n
from kbsearch.announcements import following
from kbsearch.database import new_id
from kbsearch.errors import InvalidForm, Problem
from kbsearch.web.render import db, language, render, viewer
from kbsearch.web.tickets import filing
from kbsearch.web.tickets.form import Filled, key_after, values_of

MAX_PAGE = 1_000


def new() -> Response:
    """The form, or the way to it for somebody whom the application does not name."""
    if not viewer().is_signed_in:
        return render("widget/stranger.html", subject=filing.prefilled()["subject"])
    return _form(Filled(new_id(), filing.prefilled()), _page())


def send() -> Response:
    """File the request; the page it was sent from stands below what was typed."""
    if not viewer().is_signed_in:
        abort(HTTPStatus.UNAUTHORIZED)  # the frame keeps the form
    values, page = values_of(request.form), _page()
    try:
        ticket = filing.file(request.form.get("key") or new_id(), _with_page(values, page))
    except Problem as problem:
        wrong = problem.problems if isinstance(problem, InvalidForm) else {"": problem}
        response = _form(Filled(key_after(problem), values, problems=wrong), page)
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        return response
    return render("widget/sent.html", ticket=ticket)


def announced() -> Response:
    """What is announced of the software and version that are chosen by now."""
    about = filing.announced(Filled("", filing.prefilled()))
    return render("widget/announced.html", announced=about)


def follow(id: str) -> Response:
    """Have a known problem too, in the place of a request; what was typed stays in the form."""
    if not viewer().is_signed_in:
        abort(HTTPStatus.UNAUTHORIZED)
    following.say_me_too(db(), viewer(), announcements.find(db(), viewer(), id))
    key = request.form.get("key") or new_id()
    return _form(Filled(key, values_of(request.form)), _page())


def _form(filled: Filled, page: str) -> Response:
    accepting = filing.accepting()
    if accepting is None:
        return render("widget/closed.html")
    return render(
        "widget/form.html",
        form=filled.shown(accepting),
        came_from=page,
        announced=filing.announced(filled),
    )


def _page() -> str:
    """The address of the page where the widget was opened."""
    return " ".join(filing.clean(request.values.get("page", "")).split())[:MAX_PAGE]


def _with_page(values: dict[str, str], page: str) -> dict[str, str]:
    if not page or not values.get("description", "").strip():
        return values
    line = i18n.gettext(language(), "Page: %(address)s", address=page)
    return {**values, "description": f"{values['description']}\n\n{line}"}
