"""Headers on every answer, the cross-site guard, and the host names the site answers to."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from flask import Flask, request
from werkzeug.wrappers import Response

from kbsearch.config import Settings
from kbsearch.errors import Forbidden
from kbsearch.web import render
from kbsearch.web.api.problems import is_for_programs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

_AFTER_PATH = re.compile("[?#]")
LOCAL_NAMES = ("localhost", "127.0.0.1")
PROBES = ("/healthz", "/readyz", "/metrics")
_OWN_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What another site may POST here. The vendor's page posts a signed hand-over to /access/jwt; that
# POST changes nothing, whoever sends it: it is turned into the GET of the same address, which any
# site may open anyway, and where the cookie of whoever is signed in can be seen.
# A SAML provider has its answer posted to "receive", which reads it without any cookie and keeps it
# for the browser that began the sign-in: that one comes back by a GET.
# Mail programs follow the link of a mail, some of them in pages of their own: its token decides
# whose mail it turns off, never a cookie.
FROM_ANYWHERE = frozenset({"handovers.forward", "opt_outs.unsubscribe", "saml_answers.receive"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
ONE_YEAR = 31_536_000


def trusted_hosts(settings: Settings) -> list[str]:
    """The names of base_url; a local one answers to each name of this machine."""
    name = urlsplit(settings.base_url).hostname or ""
    return [*LOCAL_NAMES] if name in LOCAL_NAMES else [name]


def answer_probes(app: Flask, settings: Settings) -> None:
    """Answer what machines ask of a process by the name of its own machine: for no proxy.

    Pages answer to the names of base_url alone.
    """
    host, serve = urlsplit(settings.base_url).netloc, app.wsgi_app

    def probed(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        is_own_name = _OWN_HOST.fullmatch(environ.get("HTTP_HOST", ""))
        if is_own_name and environ.get("PATH_INFO") in PROBES:
            environ["HTTP_HOST"] = host
        return serve(environ, start_response)

    app.wsgi_app = probed  # type: ignore[method-assign]


def guard(app: Flask, settings: Settings) -> None:
    """Refuse what other sites make a browser send, and set the headers of every answer."""
    headers = dict(HEADERS)  # no view sets these
    if settings.base_url.startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
    policy = CONTENT_SECURITY_POLICY
    if settings.remote_logout_url:  # browsers hold `form-action` to what the form leads to, too
        parts = urlsplit(settings.remote_logout_url)
        own = "form-action 'self'"
        policy = policy.replace(own, f"{own} {parts.scheme}://{parts.netloc}")
    if not settings.is_public:
        headers["X-Robots-Tag"] = "noindex, nofollow"

    @app.before_request
    def refuse_other_sites() -> None:
        if request.method in SAFE_METHODS or request.endpoint in FROM_ANYWHERE:
            return
        if is_for_programs():  # where a token is asked for, and no cookie counts
            return
        if not _comes_from_here(settings):
            raise Forbidden("web.cross_site")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(headers)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-cache" if _is_for_all() else "no-store"
        return response


def _is_for_all() -> bool:
    """Whether the answer may be the same for everybody; what is sent or signed in makes it not."""
    is_named = render.site().cookie in request.cookies or "Authorization" in request.headers
    return request.method in SAFE_METHODS and not is_named and not is_for_programs()


def _comes_from_here(settings: Settings) -> bool:
    """The rule of Go's CrossOriginProtection: the browser says where a request comes from."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:  # not a browser; without a session it can do no harm in somebody's name
        return render.site().cookie not in request.cookies
    return origin in (settings.base_url.rstrip("/"), f"{request.scheme}://{request.host}")


def is_own_path(path: str) -> bool:
    """Whether a text is a path of this site, safe to send a browser to, decoded once or not."""
    decoded = unquote(_AFTER_PATH.split(path, maxsplit=1)[0])
    return path.isprintable() and "\\" not in path and all(map(_begins_here, (path, decoded)))


def _begins_here(path: str) -> bool:
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
