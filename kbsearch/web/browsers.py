"""What browsers and crawlers ask for by themselves."""

from datetime import timedelta

from flask import Blueprint, jsonify
from werkzeug.wrappers import Response

from kbsearch.clock import utc_now
from kbsearch.errors import NotFound
from kbsearch.web import assets
from kbsearch.web.render import language, site, text_of

SECURITY_TXT_LIFETIME = timedelta(days=180)

bp = Blueprint("browsers", __name__)


@bp.get("/manifest.webmanifest")
def manifest() -> Response:
    name = site().settings.site_name
    icons = [
        {"src": assets.url("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        {"src": assets.url("icon-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": assets.url("icon-512.png"), "sizes": "512x512", "type": "image/png"},
    ]
    values = {
        "name": name,
        "short_name": name[:12],
        "start_url": "/",
        "display": "minimal-ui",
        "background_color": "#ffffff",
        "theme_color": "#17494d",
        "icons": icons,
    }
    response = jsonify(values)
    response.content_type = "application/manifest+json"
    return response


@bp.get("/opensearch.<any(fr, en):lang>.xml")
def opensearch() -> Response:
    """Lets a browser search here from its address bar."""
    if language() not in site().settings.languages:
        raise NotFound("web.not_found")
    return Response(
        text_of("feeds/opensearch.xml", base_url=site().settings.base_url.rstrip("/")),
        content_type="application/opensearchdescription+xml; charset=utf-8",
    )


@bp.get("/robots.txt")
def robots() -> Response:
    settings = site().settings
    if not settings.is_public:
        return text("User-agent: *\nDisallow: /\n")
    closed = [
        f"Disallow: /{tongue}/{area}"
        for tongue in settings.languages
        for area in ("search", "requests", "login", "password", "invitation")
    ]
    base_url = settings.base_url.rstrip("/")
    lines = ["User-agent: *", *closed, f"Sitemap: {base_url}/sitemap.xml"]
    return text("\n".join(lines) + "\n")


@bp.get("/.well-known/security.txt")
def security_txt() -> Response:
    """Where to report a vulnerability (RFC 9116)."""
    settings = site().settings
    if not settings.security_contact:
        raise NotFound("web.not_found")
    expires = utc_now().replace(hour=0, minute=0, second=0) + SECURITY_TXT_LIFETIME
    return text(
        f"Contact: {settings.security_contact}\n"
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
        f"Preferred-Languages: {', '.join(settings.languages)}\n"
        f"Canonical: {settings.base_url.rstrip('/')}/.well-known/security.txt\n"
    )


def text(body: str) -> Response:
    return Response(body, content_type="text/plain; charset=utf-8")
