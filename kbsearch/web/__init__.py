"""The web application: what answers to which address, and how Flask is set up."""

from typing import TYPE_CHECKING

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from kbsearch import resources
from kbsearch.config import Settings
from kbsearch.db import Database
from kbsearch.web import (
    assets,
    browsers,
    feeds,
    help,
    machines,
    people,
    problems,
    render,
    requests,
    security,
    words,
)

if TYPE_CHECKING:
    from kbsearch.search.service import Search

MAX_BODY = 1_000_000  # bytes; no form has files yet


def build(settings: Settings, db: Database, search: "Search") -> Flask:
    """The application over these parts."""
    app = Flask("kbsearch", static_folder=None, template_folder=str(resources.folder("templates")))
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=50,
        TRUSTED_HOSTS=security.trusted_hosts(settings),
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    products = words.ProductNames(db)
    said = {name: words.Words(app, settings, name, products) for name in settings.languages}
    app.extensions["kbsearch"] = render.Site(settings, db, search, said)

    security.guard(app, settings)
    problems.answer(app)
    app.register_blueprint(assets.bp)
    app.register_blueprint(machines.bp)
    app.register_blueprint(browsers.bp)
    app.register_blueprint(feeds.bp)
    app.register_blueprint(help.bp)
    app.url_value_preprocessor(render.take_language)
    prefix = f"/<any({', '.join(settings.languages)}):lang>"
    for blueprint in (help.pages, requests.bp, people.bp):
        app.register_blueprint(blueprint, url_prefix=prefix)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return app
