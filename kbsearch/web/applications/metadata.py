"""Where programs find all that asking for a token takes (RFC 8414), and for what (RFC 9728)."""

import json
from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from kbsearch.people.accounts.personal_tokens import API, ASSISTANTS
from kbsearch.web.api.operations import JSON
from kbsearch.web.applications.protected import METADATA, PATHS, SCOPES
from kbsearch.web.render import site

bp = Blueprint("application_metadata", __name__)


@bp.get("/.well-known/oauth-authorization-server")
def authorization_server() -> Response:
    settings = site().settings
    return _document(
        {
            "issuer": settings.whole(),
            "authorization_endpoint": settings.whole("/oauth/authorize"),
            "token_endpoint": settings.whole("/oauth/token"),
            "registration_endpoint": settings.whole("/oauth/register"),
            "revocation_endpoint": settings.whole("/oauth/revoke"),
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@bp.get(METADATA)
@bp.get(METADATA + PATHS[ASSISTANTS])
def assistants() -> Response:
    return _resource(ASSISTANTS)


@bp.get(METADATA + PATHS[API])
def api() -> Response:
    return _resource(API)


def _resource(name: str) -> Response:
    settings = site().settings
    return _document(
        {
            "resource": settings.whole(PATHS[name]),
            "authorization_servers": [settings.whole()],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": settings.site_name,
        }
    )


def _document(values: dict[str, Any]) -> Response:
    return Response(json.dumps(values, ensure_ascii=False), content_type=JSON)
