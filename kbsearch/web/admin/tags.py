"""The tags that are in use: renamed, merged with one another, removed."""

from flask import redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.tickets import tags
from kbsearch.tickets.tags import TagCount
from kbsearch.web import numbers
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, text
from kbsearch.web.render import db, language, render, viewer

PAGE_SIZE = 100
MAX_PAGE = 1000
FIELDS = {
    "tags.too_long": "new_name",
    "tags.name_missing": "new_name",
    "tags.name_taken": "new_name",
}


@bp.get("/tags")
def list_tags() -> Response:
    typed = request.args.get("q", "")[: tags.MAX_LENGTH]
    matching = [tag for tag in tags.list_all(db(), viewer()) if tags.normal(typed) in tag.name]
    pages = max(1, -(-len(matching) // PAGE_SIZE))
    page = min(numbers.page(request.args, MAX_PAGE), pages)
    return render(
        "admin/tags.html",
        tags=matching[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        total=len(matching),
        text=typed,
        number_of_page=page,
        pages=pages,
        done=request.args.get("done", ""),
    )


@bp.get("/tags/tag")
def show_tag() -> Response:
    return form(tag_of(request.args), Form())


@bp.post("/tags/tag")
def rename_tag() -> Response:
    """Its new name; the two are one where that is in use and the form says that they may be."""
    tag = tag_of(request.form)
    fields = Form({"new_name": text("new_name"), "merge": is_on("merge")})
    try:
        tags.rename(db(), viewer(), tag, text("new_name"), may_merge=is_on("merge"))
    except Invalid as problem:
        return form(tag, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/tags?done=renamed", 303)


@bp.post("/tags/removals")
def remove_tag() -> Response:
    tags.remove(db(), viewer(), tag_of(request.form))
    return redirect(f"/{language()}/admin/tags?done=removed", 303)


def form(tag: TagCount, fields: Form) -> Response:
    return render_form("admin/tag.html", form=fields, tag=tag)


@names_a_page()
def tag_of(values: MultiDict[str, str]) -> TagCount:
    """The tag that is named, which may have any sign in it: no address could."""
    return tags.find(db(), viewer(), values.get("name", ""))
