"""While somebody else writes: reading goes on, and nothing that was typed is lost."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from http.client import HTTPConnection
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database.patience import Patience
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.notifications import opt_outs
from kbsearch.people.accounts.kept_forms import NEVER_KEPT
from kbsearch.processes import tree as serving
from kbsearch.processes.parent_pipe import READY
from tests.conftest import Cast
from tests.kit.matrix_world import VISITORS, World, build
from tests.kit.waiting import HUNG
from tests.kit.web import HTMX
from tests.test_route_matrix import CASES, Case, knock, outcome

# A browser that comes back from elsewhere: there is no page without a session.
COMES_BACK = ("handovers.arrive", "saml.depart", "single_sign_on.depart")
PROGRAMS = {"api": "application/problem+json", "zendesk": "application/json"}
# What a page tells by itself: nobody waits for it, and nobody misses it.
TOLD_BY_THE_PAGE = ("visits.tell", "requests.see", "requests.be_present")


def opens(case: Case) -> list[str]:
    """Those for whom there is something behind the address."""
    return [who for who in VISITORS if case.outcomes[who] == "ok"]


def check_typed(world: World, case: Case, answer: TestResponse) -> None:
    """All that was typed is on the page, to be sent again to where it was sent.

    A program has what it sent: it is told in its own shape.
    """
    group = case.endpoint.partition(".")[0]
    if group in PROGRAMS:
        assert answer.mimetype == PROGRAMS[group]
        return
    page = unescape(answer.text)
    form = re.search(r'<form class="card" action="([^"]+)" method="post".*?</form>', page, re.S)
    address = case.address(world, world.things)
    assert form is not None and form[1] == address
    assert '<html lang="fr"' in page or not address.startswith("/fr/")
    for name, text in case.form(world.things).items():
        if name.startswith(NEVER_KEPT):
            assert text not in page
        else:
            assert f'name="{name}" value="{text}"' in form[0]


GETS = [case for case in CASES if case.method == "GET" and opens(case)]
FORMS = [case for case in CASES if case.method == "POST" and opens(case)]


def give_numbers(world: World) -> None:
    """Programs written for Zendesk name things by numbers, given as a thing is first asked for."""
    for case in GETS:
        if case.endpoint.startswith("zendesk."):
            knock(world, case, opens(case)[-1], world.things)


def grow_old(db: SqliteDatabase) -> None:
    """Every page that is opened now would mark when its reader was last seen."""
    lately = stored(datetime.now(UTC) - timedelta(minutes=5))
    db.execute("UPDATE sessions SET seen_at = :lately", {"lately": lately})


@pytest.fixture(scope="module")
def world(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(site=tmp_path_factory.mktemp("busy"))
    settings.database_path.parent.mkdir(mode=0o700)
    settings.database_path.write_bytes(empty_database.read_bytes())
    db = SqliteDatabase(settings.database_path)
    made = build(settings, db)
    give_numbers(made)
    grow_old(db)
    db.waits = Patience(0.05, moment=600)
    yield made
    db.close()


@pytest.fixture(scope="module")
def lock(world: World) -> Iterator[None]:
    """Another process writes, and goes on writing."""
    assert isinstance(world.db, SqliteDatabase)
    other = SqliteDatabase(world.db.path)
    with other.atomic():
        yield
    other.close()


@pytest.mark.parametrize("case", GETS, ids=str)
def test_reading_never_waits_for_writing(world: World, lock: None, case: Case):
    for who in {opens(case)[0], opens(case)[-1]}:
        answer = knock(world, case, who, world.things)
        waits = case.endpoint in COMES_BACK and answer.status_code == 503
        assert waits or outcome(answer) == "ok", who


@pytest.fixture(scope="module")
def answers(world: World, lock: None) -> dict[str, TestResponse]:
    """What somebody gets who sends each of the forms."""
    return {str(case): knock(world, case, opens(case)[0], world.things) for case in FORMS}


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_what_was_typed_is_on_the_page_that_says_so(
    world: World, answers: Mapping[str, TestResponse], case: Case
):
    answer = answers[str(case)]
    if answer.status_code != 503:  # it only shows something, or may be given up
        assert outcome(answer) == "ok"
        return
    assert case.endpoint not in TOLD_BY_THE_PAGE
    assert int(answer.headers["Retry-After"]) > 0
    check_typed(world, case, answer)


def test_most_forms_need_the_turn_that_does_not_come(answers: Mapping[str, TestResponse]):
    """Otherwise nothing would follow from the one above."""
    statuses = [answer.status_code for answer in answers.values()]
    assert statuses.count(503) > len(FORMS) / 2


@pytest.mark.parametrize("name", TOLD_BY_THE_PAGE)
def test_what_a_page_tells_by_itself_is_given_up(world: World, lock: None, name: str):
    (case,) = [case for case in FORMS if case.endpoint == name]
    for who in opens(case):
        assert knock(world, case, who, world.things).status_code in (200, 204)


def test_a_form_in_place_stays_and_is_told_beside_it(world: World, lock: None):
    (case,) = [case for case in FORMS if str(case) == "POST feedback.vote slug=@public-article"]
    answer = knock(world, case, "alice", world.things, HTMX)
    assert answer.status_code == 503
    assert answer.headers["HX-Retarget"] == "#kb-problem"
    assert answer.headers["HX-Reswap"] == "innerHTML"
    assert "<html" not in answer.text and "Ce que vous avez saisi est toujours là" in answer.text
    assert 'id="kb-problem"' in knock(world, GETS[0], "alice", world.things).text


def test_a_password_is_asked_for_again_and_never_shown(world: World, lock: None):
    (case,) = [case for case in CASES if case.endpoint == "locks.change_password"]
    address = case.address(world, world.things)
    client = world.app.test_client()
    client.set_cookie("kb", world.cookies["alice"]["kb"])
    sent = {"current": "CANARY-1", "password": "CANARY-2", "again": "CANARY-2"}
    answer = client.post(address, data=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 503
    assert "CANARY" not in answer.text
    for name in sent:
        assert f'name="{name}" type="password" required' in answer.text


class Process:
    """A web process of its own, over the database of a test."""

    def __init__(self, settings: Settings) -> None:
        listener = serving.listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        pipe, theirs = socket.socketpair()
        with listener, theirs, pipe:
            files = [listener.fileno(), theirs.fileno()]
            command = [sys.executable, "-m", "kbsearch", "web"]
            command += ["--fd", str(files[0]), "--parent-pipe", str(files[1])]
            self.process = subprocess.Popen(command, pass_fds=files, cwd=settings.site)
            while READY not in (life := pipe.recv(16)):
                assert life, "it ended before it was ready"
            self.pipe = pipe.dup()

    def ask(self, method: str, path: str, body: str = "", timeout: float = 60) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(method, path, body or None, form if body else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.pipe.close()


def test_a_web_process_answers_while_many_wait_to_write(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    settings.content_path.mkdir()
    token = opt_outs.make(settings, str(cast.alice.person_id), "ticket.replied")
    web = Process(settings)
    try:
        with ThreadPoolExecutor(12) as people, db.atomic():
            told = [people.submit(web.ask, "POST", "/fr/visits", "q=collier") for _ in range(6)]
            sent = [
                people.submit(web.ask, "POST", f"/fr/unsubscribe/{token}", "n=1") for _ in range(6)
            ]
            assert web.ask("GET", "/healthz", timeout=HUNG) == 200
            assert [each.result() for each in told] == [204] * 6
            assert [each.result() for each in sent] == [503] * 6
        assert web.ask("POST", f"/fr/unsubscribe/{token}", "n=1") == 200
    finally:
        web.end()
