"""The description of the API, OpenAPI 3.1: made of what the operations say of themselves."""

import re
from functools import cache
from typing import Any

from flask import jsonify
from werkzeug.wrappers import Response

from kbsearch.people.accounts.kept_answers import MAX_KEY
from kbsearch.version import __version__
from kbsearch.web.api import fields
from kbsearch.web.api.fields import Schema
from kbsearch.web.api.operations import JSON, OPERATIONS, Operation, bp
from kbsearch.web.api.problems import MEDIA_TYPE
from kbsearch.web.api.shapes import BYTES, PROBLEM

BLANK = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")


@bp.get("/openapi.json")
def show_description() -> Response:
    """This very description; the one address that needs no token."""
    return jsonify(description())


@cache
def description() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(address(operation), {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kbsearch",
            "version": __version__,
            "description": "The help centre with the rights of the person whose token it is.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"problem": PROBLEM},
        },
    }


def address(operation: Operation) -> str:
    """Its path as OpenAPI writes one."""
    return BLANK.sub(r"{\2}", operation.path)


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): _answer(operation),
            "4XX": _problem("Refused"),
            "5XX": _problem("Not now"),
        },
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation)
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": fields.Whole().schema
            if kind == "int"
            else {"type": "string", "minLength": 1},
        }
        for kind, name in BLANK.findall(operation.path)
    ]
    in_query = [
        {
            "name": name,
            "in": "query",
            "required": field.required,
            "schema": field.schema,
            **({"style": "form", "explode": False} if isinstance(field, fields.Texts) else {}),
        }
        for name, field in operation.query.items()
    ]
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
        "description": "The same key and the same request: the same answer, and nothing twice.",
    }
    return [*in_path, *in_query, *([key] if operation.writes else [])]


def _body(operation: Operation) -> dict[str, Any]:
    if operation.body:
        content: dict[str, Any] = {JSON: {"schema": fields.body_schema(operation.body)}}
    else:
        content = {BYTES: {"schema": {"type": "string", "format": "binary"}}}
    return {"required": True, "content": content}


def _answer(operation: Operation) -> dict[str, Any]:
    is_bytes = operation.answer.get("format") == "binary"
    content_type = "*/*" if is_bytes else JSON
    return {"description": "Done", "content": {content_type: {"schema": operation.answer}}}


def _problem(what: str) -> dict[str, Any]:
    schema: Schema = {"$ref": "#/components/schemas/problem"}
    return {"description": what, "content": {MEDIA_TYPE: {"schema": schema}}}
