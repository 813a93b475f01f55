"""What the last upgrades changed, for those who run the site."""

from flask import redirect
from werkzeug.wrappers import Response

from kbsearch.site import upgrades
from kbsearch.web.admin.door import bp
from kbsearch.web.render import db, language, render, viewer


@bp.get("/news")
def show_news() -> Response:
    return render(
        "admin/news.html",
        sections=upgrades.sections(language()),
        is_new=upgrades.has_news(db(), viewer()),
    )


@bp.post("/news/read")
def dismiss_news() -> Response:
    upgrades.dismiss(db(), viewer())
    return redirect(f"/{language()}/admin", 303)
