"""For the vendor's own application: /widget.js in its pages, and /widget in the frame it opens."""

from flask import Blueprint, Flask

from kbsearch.config import Settings
from kbsearch.web.help import pages
from kbsearch.web.widget import door, panel, requests, script

__all__ = ["offer"]


def offer(app: Flask, settings: Settings) -> None:
    """Let the pages of `widget_origins` show it."""
    bp = Blueprint("widget", __name__)
    bp.add_url_rule("/widget.js", view_func=script.script)
    bp.add_url_rule("/widget", view_func=panel.shell)
    bp.add_url_rule("/widget/search", view_func=panel.search)
    bp.add_url_rule("/widget/articles/<language>/<slug>", view_func=panel.article)
    bp.add_url_rule("/widget/media/<digest>/<name>", view_func=pages.media)
    bp.add_url_rule("/widget/requests/new", view_func=requests.new)
    bp.add_url_rule("/widget/announcements", view_func=requests.announced)
    bp.add_url_rule(
        "/widget/announcements/<id>/following", view_func=requests.follow, methods=["POST"]
    )
    bp.add_url_rule("/widget/requests", view_func=requests.send, methods=["POST"])
    if settings.jwt_shared_secret:
        from kbsearch.web.widget import identity  # needs the extra [sso], as handovers does

        bp.add_url_rule("/widget/identity", view_func=identity.identify, methods=["POST"])
    door.watch(app)
    app.register_blueprint(bp)
