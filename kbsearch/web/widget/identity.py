"""Who the application says is in front of it: the token of /access/jwt, for a pass of an hour."""

from flask import request
from werkzeug.wrappers import Response

from kbsearch.errors import Problem
from kbsearch.people.accounts import widget_passes
from kbsearch.people.accounts.single_sign_on import handovers
from kbsearch.web.account import tokens
from kbsearch.web.render import db, site


def identify() -> Response:
    """The pass, as text; 403 where the token is not believed."""
    settings = site().settings
    try:
        handover = handovers.read(settings, request.form.get("jwt", ""))
        person = handovers.recognise(db(), settings, tokens.caller(), handover)
    except Problem as problem:
        return Response(status=problem.status)
    return Response(widget_passes.make(settings, person), content_type="text/plain; charset=utf-8")
