"""The page on which somebody lets an application in, or does not.

Nothing leaves for an address of an application before its person has clicked: anybody may register
one, so an address of it is no better than a link of a stranger.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import Invalid, Problem
from kbsearch.people.accounts import applications
from kbsearch.people.accounts.applications import LOOPBACK, Application, Declined, grants
from kbsearch.people.accounts.applications.grants import CHALLENGE, Permission
from kbsearch.people.accounts.personal_tokens import ASSISTANTS
from kbsearch.web.account.preferences import hidden
from kbsearch.web.account.security import only_people, proved
from kbsearch.web.applications import protected, scopes
from kbsearch.web.render import db, language, render, site, viewer
from kbsearch.web.security import CONTENT_SECURITY_POLICY

bp = Blueprint("consent", __name__)
bp.before_request(only_people)


@dataclass(frozen=True)
class Asking:
    """What an application asks somebody for."""

    application: Application
    address: str
    state: str
    challenge: str
    resources: str
    scope: str  # the widest it asks for


@bp.get("/oauth/authorize")
@proved
def ask() -> Response:
    return _page(_asking())


@bp.post("/oauth/authorize")
@proved
def decide() -> Response:
    """Go back to the application, with a code or with a refusal: the click decides."""
    asking = _asking()
    if "deny" in request.form:
        return hidden(redirect(_back(asking.address, error="access_denied"), 303))
    scope = request.form.get("scope", asking.scope)
    if scope not in scopes.up_to(asking.scope):
        raise Invalid("application.scope_unknown")
    permission = Permission(
        asking.address,
        asking.challenge,
        asking.resources,
        may_write=scope == "write",
        only_search=scope == "search",
    )
    code = grants.issue(db(), viewer(), asking.application, permission)
    return hidden(redirect(_back(asking.address, code=code), 303))


@bp.errorhandler(Declined)
def declined(problem: Declined) -> Response:
    """Say to the person what is wrong; the way back is a link, where the address is good."""
    address = _good_address()
    answer = render(
        "applications/declined.html",
        reason=i18n.explain(problem, language()),
        back=_back(address, error=problem.code) if address else "",
    )
    answer.status_code = problem.status
    return hidden(answer)


def _asking() -> Asking:
    """What the address of the page says; raises Declined."""
    application = applications.find(db(), _parameter("client_id"))
    address = _address_of(application)
    if _parameter("response_type") != "code":
        raise Declined("application.response_unknown", code="unsupported_response_type")
    challenge, method = _parameter("code_challenge"), _parameter("code_challenge_method")
    if method != "S256" or not CHALLENGE.fullmatch(challenge):
        raise Declined("application.challenge_needed", code="invalid_request")
    named = protected.named(site().settings, request.args.getlist("resource"))
    return Asking(
        application,
        address,
        _parameter("state"),
        challenge,
        named or ASSISTANTS,
        scopes.widest(_parameter("scope")),
    )


def _address_of(application: Application) -> str:
    """Where the application wants its answer: one of its own addresses; raises Declined."""
    only = application.addresses[0] if len(application.addresses) == 1 else ""
    address = _parameter("redirect_uri") or only
    if not applications.is_address_of(application, address):
        raise Declined("application.address_unknown", code="invalid_request")
    return address


def _good_address() -> str:
    try:
        return _address_of(applications.find(db(), _parameter("client_id")))
    except Problem:
        return ""


def _parameter(name: str) -> str:
    """A parameter of the address, which may be there once."""
    values = request.args.getlist(name)
    if len(values) > 1:
        raise Declined("application.field_needed", name=name, code="invalid_request")
    return values[0] if values else ""


def _back(address: str, **answer: str) -> str:
    """The application's address with our answer, and who gives it (RFC 9207)."""
    state = request.args.get("state")
    fields = {
        **answer,
        **({"state": state} if state else {}),
        "iss": site().settings.whole(),
    }
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode(fields)]))
    return parts._replace(query=query).geturl()


def _page(asking: Asking) -> Response:
    parts = urlsplit(asking.address)
    answer = render(
        "applications/consent.html",
        asking=asking,
        scopes=scopes.up_to(asking.scope),
        resources=asking.resources.split(),
        host=parts.netloc,
        is_on_this_machine=parts.hostname in LOOPBACK,
        action=request.full_path,
    )
    # Browsers hold `form-action` to where the answer of a form sends them, too.
    target = "http:" if parts.hostname == "::1" else f"{parts.scheme}://{parts.netloc}"
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", f"form-action 'self' {target}"
    )
    return hidden(answer)
