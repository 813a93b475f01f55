"""What applications send by themselves: a registration, a code or a renewal, what they give back.

Nobody has to be known here: an application keeps no secret, its code and its renewal are the proof.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from kbsearch import i18n, limits
from kbsearch.errors import Invalid
from kbsearch.people.accounts import applications
from kbsearch.people.accounts.applications import Application, Declined, grants, renewals
from kbsearch.people.accounts.applications.grants import Redemption
from kbsearch.people.accounts.applications.renewals import TokenPair
from kbsearch.people.accounts.personal_tokens import SECRET_LIFETIME
from kbsearch.web.api.door import PACES, Paces
from kbsearch.web.api.operations import JSON
from kbsearch.web.applications import protected
from kbsearch.web.applications.scopes import scope_of
from kbsearch.web.assistants.protocol import LANGUAGE
from kbsearch.web.render import db, site

View = Callable[[], Response]

bp = Blueprint("exchange", __name__)


def declining(view: View) -> View:
    """Answer a refusal as OAuth spells it; who is refused too often waits."""

    @wraps(view)
    def answered() -> Response:
        try:
            return view()
        except (Declined, Invalid) as problem:
            paces: Paces = current_app.extensions[PACES]
            paces.strangers.take(limits.network(request.remote_addr))
            code = problem.code if isinstance(problem, Declined) else "invalid_grant"
            explained = i18n.explain(problem, LANGUAGE)
            return _answer({"error": code, "error_description": explained}, problem_status(code))

    return answered


@bp.post("/oauth/register")
@declining
def register() -> Response:
    """Take an application in, as it describes itself; it gets an id and no secret."""
    try:
        metadata = json.loads(request.get_data())
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise Declined("api.unreadable", code="invalid_client_metadata")
    network = limits.network(request.remote_addr)
    application = applications.register(db(), network, metadata)
    return _answer(
        {
            "client_id": application.id,
            "client_name": application.name,
            "redirect_uris": list(application.addresses),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": " ".join(protected.SCOPES),
        },
        201,
    )


@bp.post("/oauth/token")
@declining
def exchange() -> Response:
    """A token for a code, or the next one for a renewal."""
    application = applications.find(db(), _field("client_id"))
    grants = {"authorization_code": _redeem, "refresh_token": _renew}
    grant = grants.get(_field("grant_type"))
    if grant is None:
        raise Declined("application.grant_unknown", code="unsupported_grant_type")
    pair = grant(application)
    return _answer(
        {
            "access_token": pair.secret,
            "token_type": "Bearer",
            "expires_in": int(SECRET_LIFETIME.total_seconds()),
            "refresh_token": pair.renewal,
            "scope": scope_of(pair.token),
        }
    )


@bp.post("/oauth/revoke")
@declining
def revoke() -> Response:
    """Take a token back; what opens nothing is as good as taken back (RFC 7009)."""
    application = applications.find(db(), _field("client_id"))
    renewals.revoke(db(), application, _field("token"))
    return _answer({})


def _redeem(application: Application) -> TokenPair:
    redemption = Redemption(
        code=_field("code"),
        verifier=_field("code_verifier"),
        address=_field("redirect_uri") if "redirect_uri" in request.form else None,
        resources=_resources(),
    )
    return grants.redeem(db(), application, redemption)


def _renew(application: Application) -> TokenPair:
    return renewals.renew(db(), application, _field("refresh_token"), _resources())


def _resources() -> str:
    return protected.named(site().settings, request.form.getlist("resource"))


def _field(name: str) -> str:
    """The field of that name, which must be there once."""
    values = request.form.getlist(name)
    if len(values) != 1:
        raise Declined("application.field_needed", name=name, code="invalid_request")
    return values[0]


def problem_status(code: str) -> int:
    return 401 if code == "invalid_client" else 400


def _answer(values: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(values, ensure_ascii=False)
    return Response(text, status, content_type=JSON, headers={"Cache-Control": "no-store"})
