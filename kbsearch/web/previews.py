"""A branch as it would be published, for those who write: nobody else knows that it is there."""

from typing import Literal, get_args

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch.errors import NotFound
from kbsearch.publishing import branches, previews
from kbsearch.publishing.branches import Branch
from kbsearch.publishing.previews import Preview
from kbsearch.web.render import db, language, person, render, site

View = Literal["rendered", "differences", "source", "ranks"]
VIEWS: tuple[View, ...] = get_args(View)

bp = Blueprint("previews", __name__)


@bp.get("/preview/<path:address>")
def show(address: str) -> Response:
    """`/preview/<branch>/<article>`: the article as the branch has it; without one, its first."""
    if not person().is_staff:
        raise NotFound("web.not_found")
    settings = site().settings
    branch, path = branches.split(settings, address)
    files = branches.changed(settings, branch)
    preview = previews.of_branch(db(), settings, branch)
    file = chosen(files, path)
    view: View = next((each for each in VIEWS if each == request.args.get("view")), "rendered")
    own = previews.article_of(file)
    found = preview.new_findings(files)
    shown = preview.article(own)
    before, after = previews.source_of(settings, branch, file) if file else ("", "")
    return render(
        "desk/preview.html",
        branch=branch,
        files=[(each, address_of(branch, each)) for each in files],
        file=file,
        here_is=address_of(branch, file) if file else root_of(branch),
        view=view,
        shown=shown,
        html=Markup(shown.html) if shown else None,  # safe: it left markup.clean
        findings=found,
        errors=sum(each.severity == "error" for each in found),
        lines=previews.differences(before, after) if view == "differences" else [],
        source=after.splitlines() if view == "source" else [],
        is_gone=bool(file) and not after,
        ranks=ranks(preview, own) if view == "ranks" else [],
        is_proposed="proposed" in request.args,
        address_of=lambda each: address_of(branch, each),
    )


def chosen(files: list[str], path: str) -> str:
    """The file that an address asks for: an article by its path, any file by its own."""
    if not path:
        own = [each for each in files if previews.article_of(each)]
        return next(iter(own or files), "")
    for each in files:
        if path in (each, previews.article_of(each)):
            return each
    raise NotFound("branch.file_not_found")


def ranks(preview: Preview, path: str) -> list[previews.Rank]:
    """For the phrases that an article says it is found by."""
    shown = preview.article(path)
    return preview.ranks(path, shown.source.front.found_by) if shown else []


def address_of(branch: Branch, file: str) -> str:
    return f"{root_of(branch)}{previews.article_of(file) or file}"


def root_of(branch: Branch) -> str:
    return f"/{language()}/preview/{branch.name}/"
