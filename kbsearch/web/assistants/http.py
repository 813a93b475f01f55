"""/mcp: the Model Context Protocol over streamable HTTP, with a personal token; no session."""

import json

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch.errors import Forbidden
from kbsearch.web.api import door
from kbsearch.web.api.operations import JSON
from kbsearch.web.assistants import protocol
from kbsearch.web.assistants.tools import Bench
from kbsearch.web.render import db, site

bp = Blueprint("assistants", __name__)


@bp.post("/mcp")
def talk() -> Response:
    """Answer one message."""
    _check_origin()
    door.let_in(writes=False, searches=True)
    token = door.token()
    bench = Bench(
        site().settings,
        db(),
        site().search,
        door.caller(),
        may_write=token.may_write,
        only_search=token.only_search,
        product=token.product,
    )
    answer = protocol.answer(bench, protocol.read(request.get_data()))
    if answer is None:
        return Response(status=202)
    status = 400 if "error" in answer else 200
    return Response(json.dumps(answer, ensure_ascii=False), status, content_type=JSON)


def _check_origin() -> None:
    """No page of elsewhere talks here by a name that leads to this machine."""
    settings = site().settings
    origin = request.headers.get("Origin")
    if origin not in (None, settings.base_url.rstrip("/"), *settings.api_origins):
        raise Forbidden("web.cross_site")
