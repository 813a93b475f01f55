"""Known problems and notices as those they concern read them: the list, one, following it."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import announcements
from kbsearch.announcements import Announcement, following
from kbsearch.errors import Invalid
from kbsearch.text import markup
from kbsearch.web.render import db, go_to, hidden_or_missing, language, person, render, viewer
from kbsearch.web.tickets import filing
from kbsearch.web.tickets.form import values_of

WAYS = {"me_too": following.say_me_too, "follows": following.follow, "none": following.leave}

bp = Blueprint("announcements", __name__)


@bp.get("/announcements")
def index() -> Response:
    person()
    published = announcements.list_published(db(), viewer())
    return render("help/announcements.html", announcements=published)


@bp.get("/announcements/<id>")
def show(id: str) -> Response:
    announcement = find(id)
    spoken = announcement.spoken(language())
    return render(
        "help/announcement.html",
        announcement=announcement,
        html=markup.message(announcement.text(language()), spoken),
        done=request.args.get("done", ""),
        draft=request.args.get("draft", ""),
    )


@bp.post("/announcements/<id>/following")
def follow(id: str) -> Response:
    """`me_too`, `follows` or `none`; out of the form of a request, what was typed is kept."""
    person()
    announcement, way = find(id), request.form.get("following", "")
    if way not in WAYS:
        raise Invalid("announcement.following_unknown")
    draft = draft_of_form()
    WAYS[way](db(), viewer(), announcement)
    return go_to(f"/{language()}/announcements/{id}?done={way}{draft}")


def draft_of_form() -> str:
    """Where what was typed into the form of a request is found again, as a part of an address."""
    key = request.form.get("key", "")
    if not key:
        return ""
    filing.take_files(key, request.files.getlist("files"))
    draft = filing.keep(key, values_of(request.form))
    return f"&draft={draft.key}" if draft else ""


def find(id: str) -> Announcement:
    if not viewer().is_signed_in:
        raise hidden_or_missing()
    return announcements.find(db(), viewer(), id)
