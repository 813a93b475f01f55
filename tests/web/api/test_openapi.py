"""The description of the API, and the API held against it."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings

from kbsearch import create_app, resources
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.web.api import openapi
from kbsearch.web.api.operations import OPERATIONS
from tests.kit.matrix_world import World, made

schemathesis: Any = pytest.importorskip("schemathesis")
PLAIN = {"Accept-Encoding": "identity"}
EXAMPLES = int(os.environ.get("KBSEARCH_EXAMPLES", 2))
NAMES = [operation.name for operation in OPERATIONS]
# A product that is not there is a text as any other: no schema can tell them apart.
OF_MEANING = ("positive_data_acceptance",)
HANDBOOK = [
    resources.folder("content") / "articles" / language / "operators" / "api.md"
    for language in ("fr", "en")
]
NAMED = re.compile(r"^\| `(GET|POST|PATCH|DELETE) (/[^`?]*)[^`]*`", re.MULTILINE)


class _Undone(Exception):
    """Takes back what an example did."""


@pytest.fixture(scope="module")
def world(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("described"), empty_database) as built:
        yield built


@pytest.mark.parametrize("who", ["alice", "root"] if EXAMPLES > 10 else ["root"])
@pytest.mark.parametrize("name", NAMES)
def test_every_operation_is_as_it_is_described(world: World, name: str, who: str):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app)
    operation = next(
        found.ok()
        for found in schema.get_all_operations()
        if found.ok().definition.raw["operationId"] == name
    )
    checks = schemathesis.checks.load_all_checks() or schemathesis.checks.CHECKS
    excluded = [checks.get_one(check) for check in OF_MEANING]

    for mode in schemathesis.GenerationMode:

        @settings(
            max_examples=EXAMPLES,
            derandomize=EXAMPLES < 10,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            with suppress(_Undone), world.db.atomic():
                case.call_and_validate(
                    headers={**world.token_of(who), **PLAIN}, excluded_checks=excluded
                )
                raise _Undone

        holds()


def test_the_description_needs_no_token(settings: Settings, db: SqliteDatabase):
    answer = create_app(settings, db).test_client().get("/api/v1/openapi.json")
    assert answer.json is not None and answer.json["openapi"] == "3.1.0"


def test_every_address_is_described():
    described = {
        f"{method.upper()} {path}"
        for path, operations in openapi.description()["paths"].items()
        for method in operations
    }
    assert described == {
        f"{operation.method} {openapi.address(operation)}" for operation in OPERATIONS
    }


def test_no_address_of_the_api_is_left_out_of_the_description(app: Flask):
    routes = {
        rule.endpoint.removeprefix("api.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
    }
    assert routes == {*NAMES, "show_description"}


@pytest.mark.parametrize("page", HANDBOOK, ids=["fr", "en"])
def test_the_handbook_names_every_operation(page: Path):
    described = {(operation.method, openapi.address(operation)) for operation in OPERATIONS}
    assert set(NAMED.findall(page.read_text(encoding="utf-8"))) == described
