"""The web application: what answers to which address, and how Flask is set up."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask
from flask_login import LoginManager
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from kbsearch import resources
from kbsearch.announcements.matching import AnnouncementSearch
from kbsearch.config import Settings, has_saml, has_single_sign_on
from kbsearch.database import Database
from kbsearch.site.browser_settings import BrowserSettings
from kbsearch.web import (
    admin,
    api,
    assets,
    bodies,
    browsers,
    compression,
    contracts,
    error_pages,
    health,
    language,
    opening,
    refusals,
    render,
    requests_log,
    security,
    vendor_fields,
    widget,
)
from kbsearch.web.account import (
    addresses,
    following,
    opt_outs,
    passkeys,
    passwords,
    personal_tokens,
    preferences,
    profile,
    signing_in,
)
from kbsearch.web.account import security as locks
from kbsearch.web.api import door
from kbsearch.web.applications import consent, exchange, metadata
from kbsearch.web.assistants import http as assistants
from kbsearch.web.desk import (
    announcements as desk_announcements,
)
from kbsearch.web.desk import (
    bar,
    incident_groups,
    incoming,
    insights,
    outgoing,
    past_cases,
    queue,
    saved_replies,
    timekeeping,
    workspace,
)
from kbsearch.web.help import (
    announcements,
    feedback,
    feeds,
    lessons,
    looks,
    old_addresses,
    pages,
    visits,
)
from kbsearch.web.tickets import (
    drafts,
    files,
    filing,
    lists,
    merging,
    satisfaction,
    show,
    suggestions,
)
from kbsearch.web.writing import (
    articles,
    draft_files,
    gaps,
    history,
    links,
    listing,
    previews,
    reusing,
    vocabulary,
)

if TYPE_CHECKING:
    from kbsearch.search.ranking import Search

# What templates ask of the request under way; the rest they know beforehand.
REQUEST_GLOBALS: dict[str, Callable[..., object]] = {
    "viewer": render.viewer,
    "organisation": render.organisation,
    "my_contracts": contracts.my_contracts,
    "my_opening": opening.my_opening,
    "support_phone": render.support_phone,
    "unread": render.unread,
    "desk_counts": bar.desk_counts,
    "carried": workspace.carried,
    "merged_part": workspace.merged_part,
    "departed": workspace.departed,
    "theme": render.theme,
    "time_of": render.time_of,
    "theme_url": looks.theme_url,
    "logo_url": looks.logo_url,
    "welcome": looks.welcome,
    "vendor_fields": vendor_fields.readable,
    "site_picture": looks.site_picture,
    "site_picture_url": looks.site_picture_url,
    "site_theme_url": looks.site_theme_url,
    "footer_links": looks.footer_links,
}


def build(settings: Settings, db: Database, search: "Search", chosen: BrowserSettings) -> Flask:
    """The application over these parts."""
    app = Flask("kbsearch", static_folder=None, template_folder=str(resources.folder("templates")))
    app.config.update(
        MAX_CONTENT_LENGTH=bodies.FORM,
        MAX_FORM_MEMORY_SIZE=bodies.FORM,
        MAX_FORM_PARTS=50,
        TRUSTED_HOSTS=security.trusted_hosts(settings),
        SESSION_PROTECTION=None,
        REMEMBER_COOKIE_NAME="",  # sessions are rows of ours: no cookie of Flask-Login counts
    )
    app.jinja_environment = language.Templates
    app.jinja_options = {
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
        "bytecode_cache": language.COMPILED,
    }
    products = language.ProductNames(db)
    languages = {
        code: language.Language(app, settings, code, products, REQUEST_GLOBALS)
        for code in settings.languages
    }
    app.extensions["kbsearch"] = render.WebSite(
        settings, db, search, languages, chosen, AnnouncementSearch(db)
    )

    login = LoginManager(app)  # type: ignore[no-untyped-call]
    login.anonymous_user = render.Visitor  # type: ignore[assignment]
    login.request_loader(render.visitor_of)  # type: ignore[no-untyped-call]

    assets.prepare()
    requests_log.watch(app, settings)
    refusals.watch(app)
    compression.offer(app)
    render.follow_settings(app)
    security.guard(app, settings)
    door.watch(app, settings)
    if settings.widget_origins:
        widget.offer(app, settings)
    bodies.watch(app)
    signing_in.watch(app)
    old_addresses.watch(app)
    error_pages.answer(app)
    app.register_blueprint(assets.bp)
    app.register_blueprint(health.bp)
    app.register_blueprint(browsers.bp)
    app.register_blueprint(files.bp)
    app.register_blueprint(feeds.bp)
    app.register_blueprint(pages.bp)
    app.register_blueprint(old_addresses.bp)
    app.register_blueprint(looks.bp)
    app.register_blueprint(api.bp, url_prefix="/api/v1")
    if settings.zendesk_api:
        from kbsearch.web import zendesk  # for sites that programs written for Zendesk call

        app.register_blueprint(zendesk.bp, url_prefix="/api/v2")
        app.register_blueprint(zendesk.files, url_prefix="/attachments/token")
    for programs in (assistants.bp, metadata.bp, exchange.bp, consent.bp):
        app.register_blueprint(programs)
    app.url_value_preprocessor(render.take_language)
    prefix = render.language_prefix(settings)
    account_pages = (profile.bp, following.bp, locks.bp, passkeys.bp, personal_tokens.bp)
    people_pages = (
        preferences.bp,
        signing_in.bp,
        passkeys.door,
        passwords.bp,
        addresses.bp,
        opt_outs.bp,
        *account_pages,
    )
    filing_pages = (filing.bp, drafts.bp, suggestions.bp, visits.bp, announcements.bp)
    requests_pages = (*filing_pages, lists.bp, show.bp, satisfaction.bp)
    agents_pages = (
        queue.bp,
        insights.bp,
        saved_replies.bp,
        outgoing.bp,
        incoming.bp,
        past_cases.bp,
        incident_groups.bp,
        desk_announcements.bp,
        timekeeping.bp,
        merging.bp,
    )
    writers_pages = (
        listing.bp,
        articles.bp,
        draft_files.bp,
        links.bp,
        reusing.bp,
        history.bp,
        previews.bp,
        feedback.bp,
        gaps.bp,
        vocabulary.bp,
        lessons.bp,
    )
    for blueprint in (pages.pages, *requests_pages, *agents_pages, *writers_pages, *people_pages):
        app.register_blueprint(blueprint, url_prefix=prefix)
    app.register_blueprint(admin.bp, url_prefix=f"{prefix}/admin")
    if has_single_sign_on():
        from kbsearch.web.account import handovers, single_sign_on  # they need the extra [sso]

        single_sign_on.offer(app, settings)
        app.register_blueprint(handovers.bp)
    if has_saml():
        from kbsearch.web.account import saml  # it needs the extra [saml]

        saml.offer(app, settings)
    security.answer_probes(app, settings)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return app
