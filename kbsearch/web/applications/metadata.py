"""Where programs find all that asking for a token takes (RFC 8414), and for what (RFC 9728)."""

import json
from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from kbsearch.people.accounts.personal_tokens import API, ASSISTANTS
from kbsearch.web.api.operations import JSON
from kbsearch.web.applications.resources import METADATA, PATHS, SCOPES, url
from kbsearch.web.render import site

bp = Blueprint("application_metadata", __name__)


@bp.get("/.well-known/oauth-authorization-server")
def authorization_server() -> Response:
    settings = site().settings
    return _document(
        {
            "issuer": url(settings),
            "authorization_endpoint": url(settings, "/oauth/authorize"),
            "token_endpoint": url(settings, "/oauth/token"),
            "registration_endpoint": url(settings, "/oauth/register"),
            "revocation_endpoint": url(settings, "/oauth/revoke"),
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
            "resource": url(settings, PATHS[name]),
            "authorization_servers": [url(settings)],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": settings.site_name,
        }
    )


def _document(values: dict[str, Any]) -> Response:
    return Response(json.dumps(values, ensure_ascii=False), content_type=JSON)
