"""The id of a request: in its answer, in the log, and in the mails that come of it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kbsearch import create_app, outbox, request_ids
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.outbox import Task
from kbsearch.processes.logs import OneLine, OneObject
from tests.conftest import Cast
from tests.kit.mail import carry, letters
from tests.kit.web import sign_in

ID = "9f2c-edge.17"
HEADERS = {"X-Request-Id": ID}


class Lines(logging.Handler):
    """What a log of objects says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(OneObject())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(text) for text in self.texts]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    handler = Lines()
    log = logging.getLogger("kbsearch")
    log.addHandler(handler)
    with caplog.at_level(logging.INFO, "kbsearch"):
        yield handler
    log.removeHandler(handler)


@pytest.fixture
def proxied(settings: Settings, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """A site behind a proxy that gives requests their ids, with a log of objects."""
    behind = replace(settings, trusted_proxies=1, log_format="json")
    return create_app(behind, db).test_client()


def test_every_answer_has_an_id_of_its_own(client: FlaskClient):
    answers = [client.get(path) for path in ("/fr/", "/healthz", "/nowhere", "/fr/search?q=a")]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 4
    assert all(ids)


def test_only_a_trusted_proxy_names_a_request(client: FlaskClient, proxied: FlaskClient):
    assert client.get("/healthz", headers=HEADERS).headers["X-Request-Id"] != ID
    assert proxied.get("/healthz", headers=HEADERS).headers["X-Request-Id"] == ID


@pytest.mark.parametrize("proposed", ["", "a b", "x" * 65, "é", '"', "a\tb"])
def test_what_is_no_id_is_replaced(proxied: FlaskClient, proposed: str):
    answer = proxied.get("/healthz", headers={"X-Request-Id": proposed})
    assert answer.headers["X-Request-Id"] not in ("", proposed)


def test_a_request_is_one_object_that_holds_nothing_typed(proxied: FlaskClient, lines: Lines):
    proxied.get("/fr/search?q=confidentiel", headers=HEADERS)
    proxied.post("/fr/password/forgot", data={"email": "alice@acme.example"})
    proxied.get("/fr/invitation/s3cret-token")
    proxied.get("/healthz")
    answered = [event for event in lines.events if "route" in event]
    search, forgotten, invited = answered
    assert search["request_id"] == ID
    assert (search["level"], search["logger"]) == ("INFO", "kbsearch.web.requests_log")
    assert search["method"] == "GET"
    assert search["route"] == "/<lang>/search"
    assert search["status"] == 200
    assert isinstance(search["ms"], float)
    assert str(search["time"]).endswith("Z")
    assert forgotten["route"] == "/<lang>/password/forgot"
    assert invited["route"] == "/<lang>/invitation/<token>"
    told = "\n".join(lines.texts)
    assert not [word for word in ("confidentiel", "alice@", "s3cret") if word in told]


def test_without_the_setting_no_request_is_noted(client: FlaskClient, lines: Lines):
    client.get("/fr/search?q=a")
    assert lines.texts == []


def test_an_event_is_one_line_whatever_was_typed_and_raised():
    try:
        raise ValueError("bad\n\u2028line")
    except ValueError as problem:
        error = (type(problem), problem, problem.__traceback__)
    record = logging.LogRecord("kbsearch.x", logging.ERROR, "x.py", 1, "é\n%s", ("\x85",), error)
    with request_ids.under(ID):
        line, text = OneObject().format(record), OneLine().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    event = json.loads(line)
    assert event["message"] == "é\n\x85"
    assert "ValueError: bad\n\u2028line" in event["exception"]
    assert event["request_id"] == ID
    assert text.split("\n")[0].endswith(f"[{ID}]")


def test_the_mails_of_a_request_have_its_id(
    proxied: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    sign_in(proxied, db, cast.alice)
    form = {"subject": "Rien ne part", "description": "Depuis ce matin.", "severity": "minor"}
    sent = proxied.post(
        "/fr/requests/new", data=form, headers={**HEADERS, "Sec-Fetch-Site": "same-origin"}
    )
    assert sent.status_code == 303
    carry(settings, db)
    written = letters(settings)
    assert written
    assert {letter["X-Request-Id"] for letter in written} == {ID}


def test_work_is_noted_under_the_request_it_comes_from(db: SqliteDatabase, lines: Lines):
    def fail(task: Task) -> None:
        raise RuntimeError("away")

    with request_ids.under(ID), db.atomic():
        outbox.add(db, "index.tickets", "x")
    assert outbox.run_one(db, {"index.tickets": fail}) == "failed"
    (event,) = lines.events
    assert event["request_id"] == ID
    assert request_ids.current() == ""
