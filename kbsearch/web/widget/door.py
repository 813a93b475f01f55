"""The door of the widget: who looks is whom a pass is for, and never whoever a cookie names."""

from flask import Flask, abort, g, request

from kbsearch.access import ANONYMOUS
from kbsearch.people.accounts import widget_passes
from kbsearch.web.api.door import secret_of
from kbsearch.web.render import db, site


def watch(app: Flask) -> None:
    """Take the pass and the language of every request of the widget."""

    @app.before_request
    def take_pass() -> None:
        if request.blueprint != "widget":
            return
        if request.args.get("lang") in site().settings.languages:
            g.language = request.args["lang"]
        g.viewer = ANONYMOUS
        secret = secret_of(request.headers.get("Authorization", ""))
        if secret:
            g.viewer = widget_passes.viewer_of(db(), site().settings, secret) or abort(401)
