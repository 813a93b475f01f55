"""Branches as they would be published, for those who write: nobody else knows of them."""

from typing import Literal, get_args
from urllib.parse import quote

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import access, articles, i18n
from kbsearch.articles.publishing import branches, previews
from kbsearch.articles.publishing.branches import Branch
from kbsearch.articles.publishing.previews import Preview
from kbsearch.articles.writing import branch_comments, proposals
from kbsearch.articles.writing.branch_comments import VERDICTS
from kbsearch.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from kbsearch.web import patience
from kbsearch.web.render import db, go_to, language, person, render, site, viewer
from kbsearch.web.writing import unpublished

View = Literal["rendered", "differences", "source", "ranks"]
VIEWS: tuple[View, ...] = get_args(View)

bp = Blueprint("previews", __name__)


@bp.before_request
def only_staff() -> None:
    access.only_staff(person(), "branch.not_found")


@bp.get("/preview/<path:address>")
def show(address: str) -> Response:
    """`/preview/<branch>/<article>`: the article as the branch has it; without one, its first."""
    settings = site().settings
    branch, path = branches.split(settings, address)
    file = chosen(branches.changed(settings, branch), path)
    if "raw" in request.args:
        return picture(previews.of_branch(db(), settings, branch), branch, file)
    return page(branch, file)


def page(branch: Branch, file: str, problem: Problem | None = None) -> Response:
    """A file of a branch, and what the rules say of all; `problem` is what stopped it."""
    settings = site().settings
    files = branches.changed(settings, branch)
    preview = previews.of_branch(db(), settings, branch)
    view: View = next((name for name in VIEWS if name == request.args.get("view")), "rendered")
    own = previews.article_of(file)
    findings = preview.new_findings(files)
    review = branch_comments.review_of(db(), viewer(), settings, branch)
    article = preview.article(own)
    source = previews.source_of(settings, branch, file) if file else None
    response = render(
        "writing/preview.html",
        branch=branch,
        problem=i18n.explain(problem, language()) if problem else "",
        may_publish=branch.is_draft and proposals.may_publish_branch(viewer(), settings, review),
        comments=review.comments,
        may_approve=branch_comments.may_approve(viewer(), review.authors),
        needs_approval=settings.article_review,
        is_approved=review.is_approved,
        said=request.form.get("body", "") if problem else "",
        files=[(name, address_of(branch, name)) for name in files],
        file=file,
        here_is=address_of(branch, file) if file else root_of(branch),
        view=view,
        shown=article,
        html=with_pictures(article.html, preview, branch, files) if article else None,
        is_picture=file in preview.edition.addresses.pictures,
        findings=findings,
        errors=sum(finding.severity == "error" for finding in findings),
        lines=previews.differences(branches.difference(settings, branch, file))
        if view == "differences"
        else [],
        source=source.splitlines() if source and view == "source" else [],
        is_gone=bool(file) and source is None,
        ranks=ranks(preview, own) if view == "ranks" else [],
        is_proposed="proposed" in request.args,
    )
    response.status_code = problem.status if problem else 200
    return response


@bp.get("/desk/articles/findings")
def findings() -> Response:
    """How much is to be said of a branch; it takes a moment, and is asked for apart."""
    branch = branches.find(site().settings, request.args.get("branch", ""))
    files = branches.changed(site().settings, branch)
    findings = previews.of_branch(db(), site().settings, branch).new_findings(files)
    errors = sum(finding.severity == "error" for finding in findings)
    return render(
        "writing/branch_findings.html", "writing/_branch_findings.html",
        branch=branch, errors=errors, warnings=len(findings) - errors,
    )  # fmt: skip


@bp.post("/desk/articles/branches/publication")
def publish() -> Response:
    """Put what a branch proposes live, and go to its first article."""
    settings = site().settings
    branch = branches.find(settings, request.form.get("branch", ""))
    file = chosen(branches.changed(settings, branch), "")
    patience.ask_for(patience.EXPORT)
    try:
        check_seen(branch)
        proposals.publish_branch(db(), viewer(), settings, branch)
    except (Conflict, Invalid, Unavailable) as problem:
        return page(branch, file, problem)
    card = articles.find_path(db(), viewer(), previews.article_of(file))
    if card is None:  # it was removed, or its file says that it is not shown
        return go_to(f"/{language()}/desk/articles")
    return go_to(f"/{card.language}/articles/{card.slug}?published=1")


@bp.post("/desk/articles/branches/comments")
def comment() -> Response:
    """Say something of a branch, approve it or ask for changes; who wrote it is told by mail."""
    settings = site().settings
    branch = branches.find(settings, request.form.get("branch", ""))
    verdict = next((each for each in VERDICTS if each == request.form.get("verdict")), VERDICTS[0])
    try:
        check_seen(branch)
        body = request.form.get("body", "")
        branch_comments.comment(db(), viewer(), settings, branch, body, verdict)
    except (Conflict, Invalid) as problem:
        return page(branch, chosen(branches.changed(settings, branch), ""), problem)
    return go_to(f"{root_of(branch)}#comments")


def check_seen(branch: Branch) -> None:
    """Raise Conflict where a branch is not any more what the page showed."""
    if branch.commit != request.form.get("commit"):
        raise Conflict("branch.moved", {})


@bp.post("/desk/articles/branches/discard")
def discard() -> Response:
    """Throw a draft's branch away; it can be brought back."""
    settings = site().settings
    branch = branches.find(settings, request.form.get("branch", ""))
    check_seen(branch)
    branches.discard(settings, branch)
    query = f"?discarded={branch.name}&commit={branch.commit}"
    return go_to(f"/{language()}/desk/articles{query}")


@bp.post("/desk/articles/branches/restore")
def restore() -> Response:
    fields = request.form
    branches.restore(site().settings, fields.get("branch", ""), fields.get("commit", ""))
    return go_to(f"/{language()}/desk/articles")


def chosen(files: list[str], path: str) -> str:
    """The file that an address asks for: an article by its path, any file by its own."""
    if not path:
        own = [file for file in files if previews.article_of(file)]
        return next(iter(own or files), "")
    for file in files:
        if path in (file, previews.article_of(file)):
            return file
    raise NotFound("branch.file_not_found")


def picture(preview: Preview, branch: Branch, file: str) -> Response:
    """An image or a file that the branch brings: nobody is served it until it is live."""
    places = preview.edition.addresses
    media = places.media(file)
    if media is None:
        raise NotFound("branch.file_not_found")
    body = previews.bytes_of(site().settings, branch, file)
    name = file.rpartition("/")[2] if file in places.attachments else ""
    return unpublished.answer(body or b"", media[1], name)


def with_pictures(html: str, preview: Preview, branch: Branch, files: list[str]) -> Markup:
    """The article with the images and files of the branch where it has its own now."""
    media = {file: preview.edition.addresses.media(file) for file in files}
    urls = {own[0]: f"{address_of(branch, file)}?raw=1" for file, own in media.items() if own}
    return unpublished.with_media(html, urls)


def ranks(preview: Preview, path: str) -> list[previews.Rank]:
    """For the phrases that an article says it is found by."""
    article = preview.article(path)
    return preview.ranks(path, article.source.front.found_by) if article else []


def address_of(branch: Branch, file: str) -> str:
    return f"{root_of(branch)}{quote(previews.article_of(file) or file)}"


def root_of(branch: Branch) -> str:
    return f"/{language()}/preview/{branch.name}/"
