"""A site that left comes back the same, whatever was in it."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.announcements import editing as announcements
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.cli import cli
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.people import PersonFields, agent_limits, organisations, viewers
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields, branding, products
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.products import ProductFields
from kbsearch.site import exporting
from kbsearch.site.importing.portable import SiteFolder
from kbsearch.tickets import Ticket, tags, teams
from kbsearch.tickets.conversation import lifecycle, merging, ownership, replies, satisfaction
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.conversation.satisfaction import Rating
from kbsearch.tickets.filing import copies, drafts
from kbsearch.tickets.teams import TeamFields
from kbsearch.timekeeping import budgets
from kbsearch.timekeeping.budgets import BudgetFields
from tests.conftest import Cast, introduce, take_over
from tests.kit.matrix_world import build
from tests.kit.requests import MORNING, attach, file
from tests.people.organisations.test_branding import png

WORLDS = int(os.environ.get("KBSEARCH_EXAMPLES", "3"))  # hundreds at night
MOMENTS = {"attachments.jsonl": "created_at"}  # of a copy: when its message was written


def contents(folder: Path) -> dict[str, Any]:
    """Every file of an export, lines as lists, but for moments that must differ."""
    files: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts):
        name = path.relative_to(folder).as_posix()
        if path.suffix != ".jsonl":
            files[name] = path.read_bytes()
            continue
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line.pop(MOMENTS.get(name), None)
        files[name] = lines
    return files


def difference(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What two exports do not share, line by line."""
    return [
        (name, one, other)
        for name in sorted(first | second)
        if (one := first.get(name)) != (other := second.get(name))
    ]


def moved(
    settings: Settings, db: Database, empty: Path, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is exported of a site, and of one that took that in twice."""
    exporting.export(settings, db, folder / "first")
    there = Settings(site=folder / "there")
    there.database_path.parent.mkdir(parents=True)
    shutil.copy(empty, there.database_path)
    with closing(SqliteDatabase(there.database_path)) as copy:
        site = SiteFolder(there, copy, folder / "first")
        refused = {name: report.remarks for name, report in site.run().items() if report.remarks}
        assert refused == {}
        again = site.run()
        assert {name: (r.created, r.updated) for name, r in again.items()} == dict.fromkeys(
            again, (0, 0)
        )
        letters = copy.query("SELECT kind FROM outbox WHERE channel NOT IN ('webhook', 'index')")
        assert letters == []
        exporting.export(there, copy, folder / "second")
    return contents(folder / "first"), contents(folder / "second")


def test_a_site_with_one_of_everything_comes_back_the_same(
    settings: Settings, db: SqliteDatabase, tmp_path: Path, empty_database: Path
):
    build(settings, db)
    root = viewers.find(db, "root@support.example")
    acme = organisations.find(db, "acme")
    budgets.edit(db, root, acme, BudgetFields("12", is_shown=True))
    to_some = AnnouncementFields(title_fr="Une coupure", organisations="acme")
    announcements.add(db, root, to_some)
    letter = {"author": "Jean", "at": "2026-01-31T10:00:00Z", "body": "a", "message_id": "<1@x>"}
    (team, *_), lea = teams.list_all(db, root), people.find(db, "lea@support.example")
    limits = AgentLimits((team.id,), ("cervo-atelier",))
    agent_limits.edit(db, root, lea, limits)
    take_over(db, number=77, messages=[letter], message_id="<0@x>")
    first, second = moved(settings, db, empty_database, tmp_path)
    assert difference(first, second) == []
    empty = {name for name, lines in first.items() if lines == []}
    assert empty == {"notification_choices.jsonl", "duplicates.jsonl", "case_clicks.jsonl"} | {
        "desk_choices.jsonl", "lessons.jsonl", "field_products.jsonl", "branch_comments.jsonl",
        "former_addresses.jsonl",
    }  # fmt: skip
    (past,) = [line for line in first["tickets.jsonl"] if line["number"] == 77]
    assert (past["message_id"], past["messages"][0]["message_id"]) == ("0@x", "1@x")


class World:
    """Requests to which something happens, at random."""

    def __init__(self, db: Database, settings: Settings, cast: Cast, chance: Random) -> None:
        self.db = db
        self.cast = cast
        self.chance = chance
        self.store = places.attached(settings)
        self.team = teams.add(db, OPERATOR, TeamFields("Collars", members=[_id(cast.dan)]))
        self.requests = [self._filed() for _ in range(chance.randint(1, 4))]
        self.hour = 1

    def act(self) -> None:
        """One thing that people do; what cannot be done any more is not."""
        ticket = tickets.find(self.db, self.cast.dan, self.chance.choice(self.requests).id)
        self.hour += 1
        with suppress(Problem):
            self.chance.choice(self.acts)(ticket)

    @property
    def acts(self) -> list[Callable[[Ticket], object]]:
        db, alice, dan, root = self.db, self.cast.alice, self.cast.dan, self.cast.root
        at = MORNING + timedelta(hours=self.hour)
        words = self.chance.choice(["It blinks.", "- é\n- `x`", "Merci !", "<b>5 < 6</b>", "12"])
        form = ReplyForm(new_id(), words)
        return [
            lambda t: replies.reply(db, dan, t, form, at=at),
            lambda t: replies.reply(db, alice, t, ReplyForm(new_id(), words, typed=True), at=at),
            lambda t: replies.note(db, dan, t, form, at=at),
            lambda t: attach(db, dan, self.store, form.key, content=words.encode(), ticket=t),
            lambda t: tags.change(db, dan, t.id, add=[words[:3], "vip"]),
            lambda t: lifecycle.assign(db, dan, t, self.chance.choice([_id(dan), _id(root), None])),
            lambda t: ownership.give(db, dan, t, self.chance.choice([self.team.id, None])),
            lambda t: copies.add(db, alice, t, self.chance.choice(["bob@acme.example", "x@y.z"])),
            lambda t: merging.merge(
                db, dan, t, self.chance.choice(self.requests), merging.MergeForm(new_id()), at=at
            ),
            lambda t: lifecycle.solve(db, alice, t, at=at),
            lambda t: lifecycle.set_status(db, dan, t, "closed", at=at),
            lambda t: satisfaction.rate(db, alice, t, Rating(self.hour % 2 == 0, words), at=at),
            lambda t: drafts.save(db, alice, new_id(), {"body": words}, ticket=t),
        ]

    def _filed(self) -> Ticket:
        key = new_id()
        if self.chance.random() < 0.5:
            attach(self.db, self.cast.alice, self.store, key, name=f"{self.chance.random()}.txt")
        is_secret = self.chance.random() < 0.3
        alice = self.cast.alice
        return file(self.db, alice, key=key, confidential=is_secret, software="icownect")


def _id(viewer: Any) -> str:
    return str(viewer.person_id)


def furnish(db: Database, cast: Cast, chance: Random) -> None:
    """Contracts, looks and choices at random, and sheets with random lines."""
    day = f"20{chance.randint(20, 30)}-0{chance.randint(1, 9)}-11"
    acme = organisations.find(db, "acme")
    fields = OrganisationFields(
        sharing=chance.choice(organisations.SHARING), contract_ends=chance.choice(["", day]),
        phone=chance.choice(["", "+33 1 02 03 04 05"]), contract=chance.choice(["", "Gold"]),
        followers=chance.choice([[], ["bob@acme.example"]]), trusted_devices=chance.random() < 0.5,
    )  # fmt: skip
    organisations.edit(db, OPERATOR, acme, fields)
    logo = chance.choice([b"", png(chance.randint(1, 90))])
    look = LookFields(accent="#b3391f", welcome_fr="Bonjour\n\n- é", logo=logo)
    branding.dress(db, OPERATOR, acme.id, look)
    versions = [f"{chance.randint(1, 99)}.{n}" for n in range(chance.randint(0, 4))]
    product = products.find(db, "icownect")
    products.edit(db, OPERATOR, product, ProductFields(name="iCow", versions=versions))
    email = f"{chance.randint(1, 999)}@globex.example"
    gone = people.add(
        db, OPERATOR, PersonFields(email=email, name="Gone é", organisations=["globex"])
    )
    if chance.random() < 0.5:
        people.disable(db, OPERATOR, gone)
    at, bob = stored(MORNING), _id(cast.bob)
    db.insert(
        "notification_choices",
        {"person_id": bob, "event": "ticket.solved", "channel": "mail", "wanted": 0},
    )
    for place in range(chance.randint(0, 3)):
        follow = {"id": new_id(), "person_id": bob, "kind": "article", "created_at": at}
        db.insert("follows", {**follow, "subject": f"fr/p{place}", "way": "weekly"})
        vote = {"id": new_id(), "path": f"p{place}", "edition": "e", "words": "a\nb", "at": at}
        db.insert("article_votes", {**vote, "voter": bob, "person_id": bob, "helped": place % 2})
        lesson = {"id": new_id(), "wording": "w", "language": "fr", "slug": "s", "sketch": "1"}
        lesson |= {"content_hash": "h", "kind": "sent", "source": new_id(), "person_id": bob}
        db.insert("lessons", {**lesson, "at": at})
        gap = {"id": new_id(), "number": place + 1, "key": f"k{place}", "words": "w", "title": "t"}
        db.insert("gaps", {**gap, "state": "open", "first_at": at, "last_at": at})
        signal = {"id": new_id(), "gap_id": gap["id"], "kind": "search", "origin": new_id()}
        who = chance.choice([{"who": f"user:{bob}", "person_id": bob}, {"who": "network:1"}])
        db.insert("gap_signals", {**signal, **who, "at": at, "key": f"k{place}"})


@examples(max_examples=WORLDS, phases=[Phase.generate])  # a smaller world says no more
@given(chance=st.randoms(use_true_random=False))
def test_any_site_comes_back_the_same(
    chance: Random, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
):
    folder = tmp_path_factory.mktemp("world")
    here = Settings(site=folder / "here")
    here.database_path.parent.mkdir(parents=True)
    shutil.copy(empty_database, here.database_path)
    with closing(SqliteDatabase(here.database_path)) as db:
        world = World(db, here, introduce(db), chance)
        for _ in range(chance.randint(0, 12)):
            world.act()
        furnish(db, world.cast, chance)
        first, second = moved(here, db, empty_database, folder)
    assert difference(first, second) == []


def test_a_line_that_is_wrong_is_refused_and_the_others_come(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    line: dict[str, Any] = {"id": "v1", "path": "p", "edition": "e", "voter": "x", "helped": 1}
    line |= {"reason": "", "words": "", "at": "2026"}
    wrong: list[Any] = [
        {**line, "id": 3},
        {**line, "helped": "yes"},
        {**line, "helped": 2**70},
        {**line, "path": None},
        [],
    ]
    unknown = {**line, "id": "v2", "edition": "f", "person": "nobody@acme.example"}
    texts = [json.dumps(values) for values in [*wrong, line, unknown]]
    (tmp_path / "votes.jsonl").write_text("\n".join([*texts, "{"]))
    (tmp_path / "drafts.jsonl").write_text('{"person": "nobody@acme.example", "form_key": "k"}')
    (tmp_path / "organisations.json").write_text('[{"slug": "x", "name": ""}, 3]')
    (tmp_path / "products.json").write_text("{")
    reports = SiteFolder(settings, db, tmp_path).run()
    assert (reports["votes"].created, reports["votes"].refused) == (2, 6)
    assert [remark.problem.key for remark in reports["drafts"].remarks] == ["import.not_here"]
    assert (reports["organisations"].refused, reports["products"].refused) == (2, 1)


def test_a_closed_account_stays_closed(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    lines = [
        {"email": "sam@acme.example", "disabled_at": "2026-01-01T00:00:00Z"},
        {"email": cast.bob.email, "disabled_at": "2026-01-01T00:00:00Z"},
        {"email": cast.alice.email},
    ]
    people.disable(db, OPERATOR, people.find(db, cast.alice.email))
    (tmp_path / "people.jsonl").write_text("\n".join(map(json.dumps, lines)))
    SiteFolder(settings, db, tmp_path).run()
    for email in ("sam@acme.example", cast.bob.email, cast.alice.email):
        assert people.find(db, email).disabled_at


def test_the_commands_say_what_came_and_what_would_be_lost(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    file(db, cast.alice, confidential=True)
    (settings.site / "kbsearch.toml").write_text("")
    command = ["--config", str(settings.site / "kbsearch.toml")]
    lost = CliRunner().invoke(cli, [*command, "leave", "--check", "--json"])
    moves = json.loads(lost.stdout)["to"]
    assert set(moves) == {"zendesk", "csv", "markdown"}
    assert moves["zendesk"]["lost"]["confidential"] == 1
    assert moves["csv"] == moves["markdown"]
    assert set(moves["csv"]["lost"]) == {"security_log"}
    text = CliRunner().invoke(cli, [*command, "leave", "--check", "--to", "zendesk"]).stdout
    assert "lost: 1 × confidential requests" in text
    out = tmp_path / "out"
    CliRunner().invoke(cli, [*command, "export", str(out)])
    came = CliRunner().invoke(cli, [*command, "import", "site", str(out), "--json"])
    assert json.loads(came.stdout)["people"]["unchanged"] == 6
    assert came.exit_code == 1  # the requests that were filed here are not overwritten
