"""The look of an organisation as its people are served it: a style sheet, a logo, a welcome."""

from functools import lru_cache

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import config
from kbsearch.errors import NotFound
from kbsearch.people import organisations
from kbsearch.people.organisations import Organisation, branding
from kbsearch.people.organisations.branding import Logo
from kbsearch.people.organisations.colours import HEX
from kbsearch.text import markup
from kbsearch.web.render import db, language, site, viewer

CSS = "text/css; charset=utf-8"
PUBLIC = "public, max-age=31536000, immutable"
KEPT = "private, max-age=31536000, immutable"

bp = Blueprint("looks", __name__)


def theme_url(organisation: Organisation) -> str:
    """Its style sheet; the address changes with the colour."""
    assert organisation.look.accent
    return f"/theme/{organisation.slug}.{branding.theme_hash(organisation.look.accent)}.css"


def logo_url(organisation: Organisation) -> str:
    assert organisation.look.logo
    return f"/logo/{organisation.look.logo.hash}"


def site_picture(name: str) -> Logo | None:
    """The site's own `logo` or `favicon`, where there is one."""
    return site().chosen.look.get(name)


def site_picture_url(picture: Logo) -> str:
    return f"/site-picture/{picture.hash}"


def site_theme_url() -> str:
    """The style sheet of the site's own colour; empty where it has none."""
    accent = site().settings.accent
    return f"/site-theme.{branding.theme_hash(accent.lower())}.css" if accent else ""


def footer_links() -> tuple[tuple[str, str], ...]:
    """What stands at the foot of pages besides, by name and address."""
    return config.links(site().settings.in_language("footer_links", language()))


@lru_cache(maxsize=256)
def welcome(text: str, language: str) -> Markup:
    """Words of welcome as safe HTML; they change rarely and are shown often."""
    return markup.message(text, language)


@bp.get("/theme/<slug>.<digest>.css")
def theme(slug: str, digest: str) -> Response:
    if slug not in viewer().organisations and not viewer().is_administrator:
        raise NotFound("web.not_found")
    try:
        accent = organisations.find(db(), slug).look.accent
    except NotFound:
        accent = None
    if accent is None:
        raise NotFound("web.not_found")
    response = Response(branding.style_sheet(accent), content_type=CSS)
    # a page from before a change may still ask for the old one: answer, but keep nothing
    is_current = digest == branding.theme_hash(accent)
    response.headers["Cache-Control"] = KEPT if is_current else "no-store"
    return response


@bp.get("/site-theme.<digest>.css")
def site_theme(digest: str) -> Response:
    accent = site().settings.accent.lower()
    if not accent:
        raise NotFound("web.not_found")
    response = Response(branding.style_sheet(accent), content_type=CSS)
    response.headers["Cache-Control"] = (
        PUBLIC if digest == branding.theme_hash(accent) else "no-store"
    )
    return response


@bp.get("/site-picture/<digest>")
def show_site_picture(digest: str) -> Response:
    image, body = branding.find_site_picture(db(), digest)
    return picture(image, body, PUBLIC)


@bp.get("/theme/preview.css")
def preview() -> Response:
    """A colour before it is anybody's, for the form that chooses it."""
    accent = f"#{request.args.get('accent', '')}"
    if not viewer().is_administrator or not HEX.fullmatch(accent):
        raise NotFound("web.not_found")
    return Response(branding.style_sheet(accent, ".look"), content_type=CSS)


@bp.get("/logo/<digest>")
def logo(digest: str) -> Response:
    image, body = branding.find_logo(db(), viewer(), digest)
    return picture(image, body, KEPT)


def picture(image: Logo, body: bytes, kept: str) -> Response:
    response = Response(body, content_type=image.media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = kept
    return response
