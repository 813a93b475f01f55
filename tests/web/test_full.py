"""On a disk that is full for real: reading goes on, and nothing that was typed is lost."""

import subprocess
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.kit.matrix_world import World, build
from tests.test_route_matrix import Case, knock, outcome
from tests.web.test_busy import (
    COMES_BACK,
    FORMS,
    GETS,
    TOLD_BY_THE_PAGE,
    check_typed,
    give_numbers,
    grow_old,
    opens,
)

SIZE = "64m"
# Pages that say so themselves; a hand-over has nothing that anybody typed.
IN_THEIR_OWN_FORM = ("requests.reply", "handovers.confirm")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "kbsearch-test", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a disk that is full needs the right to mount one")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def world(disk: Path, empty_database: Path) -> Iterator[World]:
    settings = Settings(site=disk)
    settings.database_path.parent.mkdir(mode=0o700)
    settings.database_path.write_bytes(empty_database.read_bytes())
    db = SqliteDatabase(settings.database_path)
    made = build(settings, db)
    give_numbers(made)
    grow_old(db)
    db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(disk)
    yield made
    db.close()


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


@pytest.fixture(scope="module")
def answers(world: World) -> dict[str, TestResponse]:
    """What somebody gets who sends each of the forms."""
    return {str(case): knock(world, case, opens(case)[0], world.things) for case in FORMS}


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_what_was_typed_is_on_the_page_that_says_so(
    world: World, answers: Mapping[str, TestResponse], case: Case
):
    answer = answers[str(case)]
    if case.endpoint in IN_THEIR_OWN_FORM:
        assert answer.status_code == 507
        assert case.form(world.things).get("body", "") in unescape(answer.text)
    elif case.endpoint == "admin.send_test_mail":  # its page says what became of the letter
        assert answer.status_code == 422 and "mail" in unescape(answer.text)
    elif case.endpoint == "widget.send":  # the frame shows a form that is refused
        assert answer.status_code == 422
        assert case.form(world.things).get("description", "") in unescape(answer.text)
    elif answer.status_code == 507:
        assert case.endpoint not in TOLD_BY_THE_PAGE
        if case.endpoint != "widget.identify":  # the frame asks again
            check_typed(world, case, answer)
    else:  # it only shows something, or may be given up
        assert outcome(answer) == "ok"


def test_most_forms_need_room(answers: Mapping[str, TestResponse]):
    """Otherwise nothing would follow from the one above."""
    statuses = [answer.status_code for answer in answers.values()]
    assert statuses.count(507) > len(FORMS) / 2


@pytest.mark.parametrize("case", GETS, ids=str)
def test_pages_are_read(world: World, case: Case):
    for who in {opens(case)[0], opens(case)[-1]}:
        answer = knock(world, case, who, world.things)
        needs_room = case.endpoint in COMES_BACK and answer.status_code == 507
        assert needs_room or outcome(answer) == "ok", who
