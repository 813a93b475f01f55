"""What programs write: as their person would, once, and over nobody's change."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import organisations
from kbsearch.people.accounts import kept_answers
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.people.organisations import products
from kbsearch.tickets import field_editing, files, teams
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast
from tests.kit.programs import Program, program
from tests.kit.requests import file

Wrong = Callable[[Program, int], Any]
KEY = {"Idempotency-Key": "key-of-a-call"}


def test_a_ticket_is_filed_answered_and_solved(app: Flask, db: SqliteDatabase, cast: Cast):
    alices, dans = program(app, db, cast.alice), program(app, db, cast.dan)
    filed = alices.post(
        "/tickets",
        {
            "subject": "Une vache perdue",
            "description": "Depuis **mardi**.",
            "product": "icownect",
            "severity": "major",
            "cc": ["bob@acme.example"],
        },
    )
    assert filed.status_code == 201 and filed.json is not None
    number = filed.json["number"]
    assert filed.headers["Location"].endswith(f"/api/v1/tickets/{number}")
    assert filed.json == alices.get(f"/tickets/{number}").json
    said = dans.post(f"/tickets/{number}/messages", {"body": "Laquelle ?", "status": "open"})
    assert said.status_code == 201 and said.json is not None
    assert (said.json["author"], said.json["internal"]) == ("dan@support.example", False)
    noted = dans.post(f"/tickets/{number}/messages", {"body": "CANARI", "internal": True})
    assert noted.status_code == 201
    assert "CANARI" not in alices.get(f"/tickets/{number}").text
    changed = dans.patch(
        f"/tickets/{number}",
        {"assignee": "dan@support.example", "severity": "minor", "version": "4.2"},
    ).json
    assert changed is not None
    assert (changed["assignee"], changed["severity"], changed["version"]) == (
        "dan@support.example",
        "minor",
        "4.2",
    )
    assert dans.patch(f"/tickets/{number}", {"assignee": None}).json is not None
    solved = alices.patch(f"/tickets/{number}", {"status": "solved"})
    assert solved.json is not None and solved.json["status"] == "solved"
    assert "assignee" not in solved.json
    again = alices.patch(f"/tickets/{number}", {"status": "open"})
    assert again.json is not None and again.json["status"] == "open"


def test_agents_tag_and_customers_learn_nothing_of_it(app: Flask, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    path = f"/tickets/{ticket.number}"
    alices, dans = program(app, db, cast.alice), program(app, db, cast.dan)
    before = alices.get(path)
    changed = dans.patch(path, {"tags": ["VIP", "à rappeler", "vip"]})
    assert changed.json is not None and changed.json["tags"] == ["vip", "à_rappeler"]
    assert (alices.get(path).json, alices.get(path).headers["ETag"]) == (
        before.json,
        before.headers["ETag"],
    )
    assert alices.get("/tickets?tag=vip").status_code == 404
    assert alices.patch(path, {"tags": []}).status_code == 403
    for refused in (["a" * 81], [f"t{n}" for n in range(101)], ["x"] * 101, "vip", [1]):
        assert dans.patch(path, {"tags": refused}).status_code == 422
    assert dans.get(path).json == changed.json
    events = dans.get("/events").json
    assert events is not None
    (event,) = [event for event in events["events"] if event["type"] == "ticket.changed"]
    assert (event["data"]["field"], event["data"]["number"]) == ("tags", ticket.number)
    own = alices.get("/events").json
    assert own is not None and [event["type"] for event in own["events"]] == ["ticket.opened"]
    emptied = dans.patch(path, {"tags": []}).json
    assert emptied is not None and emptied["tags"] == []


def test_agents_give_a_ticket_to_a_team_and_customers_learn_nothing_of_it(
    app: Flask, db: SqliteDatabase, cast: Cast
):
    herds = teams.add(db, cast.root, TeamFields("Herds", products=["icownect"]))
    path = f"/tickets/{file(db, cast.alice).number}"
    alices, dans = program(app, db, cast.alice), program(app, db, cast.dan)
    before = alices.get(path).json
    changed = dans.patch(path, {"team": "herds"})
    assert changed.json is not None and changed.json["team"] == "Herds"
    assert alices.get(path).json == before
    assert alices.get("/tickets?team=Herds").status_code == 404
    assert alices.patch(path, {"team": None}).status_code == 403
    for query, count in (("Herds", 1), ("none", 0), ("mine", 0)):
        page = dans.get(f"/tickets?team={query}").json
        assert page is not None and len(page["tickets"]) == count, query
    assert dans.get("/tickets?team=unknown").status_code == 404
    teams.archive(db, cast.root, herds)
    for wrong in ("unknown", "x" * 61, 1, ""):
        assert dans.patch(path, {"team": wrong}).status_code == 422, wrong
    taken = dans.patch(path, {"team": None}).json
    assert taken is not None and "team" not in taken
    assert dans.patch(path, {"team": "Herds"}).status_code == 422, "it is archived"


def test_agents_write_down_the_time_they_spent(app: Flask, db: SqliteDatabase, cast: Cast):
    address, dan = f"/tickets/{file(db, cast.alice).number}/time", program(app, db, cast.dan)
    assert dan.post(address, {"spent": "soon"}).status_code == 422
    made = dan.post(address, {"spent": "1h30", "note": "By phone"})
    assert made.status_code == 201 and made.json is not None
    assert (made.json["minutes"], made.json["person"]) == (90, "Dan Leroy")
    assert dan.get(address).json == {"time": [made.json]}
    entry = f"{address}/{made.json['id']}"
    for other in (program(app, db, cast.alice), program(app, db, cast.chloe)):
        answers = other.get(address), other.post(address, {"spent": "1h"}), other.delete(entry)
        assert [answer.status_code for answer in answers] == [404] * 3
    assert dan.delete(entry).json == {"time": []}
    assert dan.delete(entry).status_code == 404


def test_people_come_in_copy_and_go(app: Flask, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    alices, bobs = program(app, db, cast.alice), program(app, db, cast.bob)
    path = f"/tickets/{ticket.number}"
    added = alices.post(f"{path}/cc", {"email": "bob@acme.example"})
    assert added.json is not None and added.json["cc"] == ["bob@acme.example"]
    assert bobs.post(f"{path}/messages", {"body": "La blanche."}).status_code == 201
    assert bobs.post(f"{path}/cc", {"email": "chloe@globex.example"}).status_code == 403
    assert alices.post(f"{path}/cc", {"email": "chloe@globex.example"}).status_code == 422
    gone = alices.delete(f"{path}/cc?email=bob@acme.example")
    assert gone.json is not None and gone.json["cc"] == []


def test_tickets_are_merged_by_agents(app: Flask, db: SqliteDatabase, cast: Cast):
    one, other = file(db, cast.alice), file(db, cast.alice, subject="Encore")
    dans = program(app, db, cast.dan)
    body = {"into": other.number}
    refused = program(app, db, cast.alice).post(f"/tickets/{one.number}/merge", body)
    assert refused.status_code == 404
    merged = dans.post(f"/tickets/{one.number}/merge", body)
    assert merged.json is not None and merged.json["number"] == other.number
    assert tickets.find(db, cast.dan, one.id).status == "closed"


def test_a_file_is_put_then_sent_along(app: Flask, db: SqliteDatabase, cast: Cast):
    alices, bobs = program(app, db, cast.alice), program(app, db, cast.bob)
    put = alices.call("POST", "/attachments?name=journal.txt", data=b"une ligne\n")
    assert put.status_code == 201 and put.json is not None
    assert {**put.json, "id": ""} == {
        "id": "",
        "name": "journal.txt",
        "size": 10,
        "type": "text/plain",
    }
    path = f"/attachments/{put.json['id']}"
    assert alices.get(path).data == b"une ligne\n"
    assert bobs.get(path).status_code == 404
    body = {"subject": "a", "description": "b", "attachments": [put.json["id"]]}
    assert bobs.post("/tickets", body).status_code == 422
    filed = alices.post("/tickets", body)
    assert filed.json is not None and filed.json["attachments"] == [put.json]
    assert alices.post("/tickets", body).status_code == 422, "it belongs to the first"
    for data, name, status in ((b"", "a.txt", 422), (b"MZ", "a.exe", 422), (b"x", "", 422)):
        refused = alices.call("POST", f"/attachments?name={name}", data=data)
        assert refused.status_code == status


def test_a_file_of_a_key_is_there_once(app: Flask, db: SqliteDatabase, cast: Cast):
    alices = program(app, db, cast.alice)
    answers = [
        alices.call("POST", "/attachments?name=a.txt", data=b"one\n", headers=KEY) for _ in range(2)
    ]
    assert answers[0].data == answers[1].data
    other = alices.call("POST", "/attachments?name=a.txt", data=b"two\n", headers=KEY)
    assert other.status_code == 422
    rows = db.query("SELECT id FROM attachments WHERE form_key IS NOT NULL")
    assert len(rows) == 1


def test_a_big_file_is_for_tokens_that_write(app: Flask, db: SqliteDatabase, cast: Cast):
    body = b"une ligne de journal\n" * 100_000
    statuses = {
        fields.may_write: program(app, db, cast.alice, fields)
        .call("POST", "/attachments?name=a.txt", data=body)
        .status_code
        for fields in (TokenFields("w", may_write=True), TokenFields("r"))
    }
    assert statuses == {True: 201, False: 403}
    too_long = program(app, db, cast.alice).call(
        "POST", "/attachments?name=a.txt", data=b"x" * (files.MAX_BYTES + 2_000_000)
    )
    assert too_long.status_code == 413


def test_the_same_call_does_nothing_twice(app: Flask, db: SqliteDatabase, cast: Cast):
    alices, bobs = program(app, db, cast.alice), program(app, db, cast.bob)
    body = {"subject": "Une vache", "description": "Perdue"}
    first, second = (alices.post("/tickets", body, headers=KEY) for _ in range(2))
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert first.headers["Location"] == second.headers["Location"]
    others = alices.post("/tickets", {**body, "subject": "Deux vaches"}, headers=KEY)
    assert others.status_code == 422 and others.json is not None
    assert others.json["type"].endswith("api.key_used")
    assert first.json is not None
    elsewhere = alices.post(
        f"/tickets/{first.json['number']}/messages", {"body": "Rentrée"}, headers=KEY
    )
    assert elsewhere.status_code == 422
    assert bobs.post("/tickets", body, headers=KEY).status_code == 201, "the key is Alice's"
    assert len(db.query("SELECT id FROM tickets")) == 2
    assert kept_answers.forget_expired(db) == 0


def test_what_was_refused_may_be_sent_again_with_its_key(
    app: Flask, db: SqliteDatabase, cast: Cast
):
    alices = program(app, db, cast.alice)
    body = {"subject": "Une vache", "description": "Perdue"}
    refused = alices.post("/tickets", {**body, "product": "cervo-atelier"}, headers=KEY)
    assert refused.status_code == 422 and refused.json is not None
    assert [error["pointer"] for error in refused.json["errors"]] == ["/product"]
    assert alices.post("/tickets", body, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "clé"])
def test_a_key_is_short_and_plain(app: Flask, db: SqliteDatabase, cast: Cast, key: str):
    body = {"subject": "Une vache", "description": "Perdue"}
    answer = program(app, db, cast.alice).post(
        "/tickets", body, headers={"Idempotency-Key": key.encode().decode("latin-1")}
    )
    assert answer.status_code == 422
    assert db.query("SELECT id FROM tickets") == []


def test_nobody_s_change_is_undone_in_silence(app: Flask, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    dans, path = program(app, db, cast.dan), f"/tickets/{ticket.number}"
    etag = dans.get(path).headers["ETag"]
    first = dans.patch(path, {"severity": "major"}, headers={"If-Match": etag})
    assert first.status_code == 200
    late = dans.patch(path, {"severity": "minor"}, headers={"If-Match": etag})
    assert late.status_code == 412
    fresh = dans.patch(path, {"version": "5"}, headers={"If-Match": first.headers["ETag"]})
    assert fresh.json is not None
    assert (fresh.json["severity"], fresh.json["version"]) == ("major", "5")


def test_a_token_that_reads_writes_nothing(app: Flask, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    roots = program(app, db, cast.root, TokenFields("reader"))
    for answer in (
        roots.patch(f"/tickets/{ticket.number}", {"severity": "major"}),
        roots.post("/people", {"email": "new@acme.example", "name": "New"}),
        roots.call("POST", "/attachments?name=a.txt", data=b"x\n"),
    ):
        assert answer.status_code == 403
    assert roots.post("/similar", {"subject": "vache"}).status_code == 200


def test_a_token_of_one_product_writes_nothing_of_others(
    app: Flask, db: SqliteDatabase, cast: Cast
):
    fields = TokenFields("robot", may_write=True, product="icownect")
    dans, alices = (program(app, db, viewer, fields) for viewer in (cast.dan, cast.alice))
    other = file(db, cast.alice)
    ours = file(db, cast.alice, software="icownect")
    for answer in (
        alices.post("/tickets", {"subject": "a", "description": "b"}),
        dans.post(f"/tickets/{other.number}/messages", {"body": "a"}),
        dans.patch(f"/tickets/{ours.number}", {"product": "cervo-atelier"}),
        dans.post(f"/tickets/{ours.number}/merge", {"into": other.number}),
        dans.post("/people", {"email": "new@acme.example", "name": "New"}),
    ):
        assert answer.status_code == 404
    assert dans.post(f"/tickets/{ours.number}/messages", {"body": "a"}).status_code == 201


WRONG: dict[str, tuple[int, Wrong]] = {
    "another's ticket": (404, lambda p, n: p.post(f"/tickets/{n}/messages", {"body": "a"})),
    "a note of a customer": (
        403,
        lambda p, n: p.post(f"/tickets/{n}/messages", {"body": "a", "internal": True}),
    ),
    "an assignee of a customer": (403, lambda p, n: p.patch(f"/tickets/{n}", {"assignee": None})),
    "a status of agents": (403, lambda p, n: p.patch(f"/tickets/{n}", {"status": "pending"})),
    "on behalf of": (
        403,
        lambda p, n: p.post(
            "/tickets", {"subject": "a", "description": "b", "requester": "bob@acme.example"}
        ),
    ),
    "a role": (
        404,
        lambda p, n: p.post(
            "/people", {"email": "a@acme.example", "name": "A", "role": "administrator"}
        ),
    ),
    "an organisation": (404, lambda p, n: p.patch("/organisations/acme", {"name": "Evil"})),
    "a product": (404, lambda p, n: p.patch("/products/icownect", {"name": "Evil"})),
}


@pytest.mark.parametrize("what", WRONG)
def test_nobody_writes_more_than_on_the_pages(
    app: Flask, db: SqliteDatabase, cast: Cast, what: str
):
    status, act = WRONG[what]
    ticket = file(db, cast.chloe if what == "another's ticket" else cast.alice)
    before = db.query("SELECT * FROM tickets")
    assert act(program(app, db, cast.alice), ticket.number).status_code == status
    assert db.query("SELECT * FROM tickets") == before


def test_the_administration_is_changed_by_administrators(
    app: Flask, db: SqliteDatabase, settings: Settings, cast: Cast
):
    roots, dans = program(app, db, cast.root), program(app, db, cast.dan)
    assert roots.post("/products", {"name": "Nouveau", "versions": ["2", "1"]}).status_code == 201
    renamed = roots.patch("/products/nouveau", {"name": "Neuf"})
    named = {"slug": "nouveau", "name": "Neuf", "versions": ["2", "1"]}
    assert renamed.json == {**named, "disabled": False}
    added = roots.post("/organisations", {"name": "Initech", "products": ["nouveau"]})
    assert added.status_code == 201 and added.json is not None
    edited = roots.patch(
        "/organisations/initech", {"contract_ends": "2027-01-31", "sharing": "everyone"}
    )
    assert edited.json is not None and edited.json["contract_ends"] == "2027-01-31"
    assert edited.json["products"] == ["nouveau"]
    emptied = roots.patch("/organisations/initech", {"contract_ends": None})
    assert emptied.json is not None and emptied.json["contract_ends"] is None
    unknown = roots.post("/organisations", {"name": "Other", "products": ["none"]})
    assert unknown.status_code == 422
    person = dans.post(
        "/people",
        {"email": "new@initech.example", "name": "New", "organisations": ["initech"]},
    )
    assert person.status_code == 201 and person.json is not None
    path = f"/people/{person.json['id']}"
    assert dans.patch(path, {"name": "Other"}).status_code == 403
    closed = roots.patch(path, {"name": "Other", "disabled": True})
    assert closed.json is not None
    assert (closed.json["name"], closed.json["disabled"]) == ("Other", True)
    assert people.find(db, "new@initech.example").disabled_at is not None
    assert organisations.find(db, "initech").name == "Initech"
    assert products.find(db, "nouveau").name == "Neuf"
    by = db.query("SELECT details FROM security_log WHERE kind = 'product.changed'")
    assert "token kbs_" in by[0]["details"]


def test_fields_are_written_and_read_by_their_kind(app: Flask, db: SqliteDatabase, cast: Cast):
    for kind in ("number", "yes_no", "choices"):
        form = FieldForm(kind, kind=kind, choices="a\nb", in_form=kind != "yes_no")
        field_editing.add(db, OPERATOR, form)
    alices, dans = program(app, db, cast.alice), program(app, db, cast.dan)
    path = f"/tickets/{file(db, cast.alice).number}"
    values = {"number": 12.5, "choices": ["b"], "yes_no": False}
    changed = dans.patch(path, {"fields": values}).json
    assert changed is not None and changed["fields"] == values
    seen = alices.get(path).json
    assert seen is not None and seen["fields"] == {"number": 12.5, "choices": ["b"]}
    wrong: list[dict[str, Any]] = [
        {"yes_no": True},
        {"number": "many"},
        {"nothing": "1"},
        {"number": {}},
    ]
    for refused in wrong:
        assert alices.patch(path, {"fields": refused}).status_code == 422
    assert dans.get(path).json == dans.patch(path, {"fields": {"number": "12,50"}}).json


def test_an_organisation_and_a_product_are_disabled_and_enabled(
    app: Flask, db: SqliteDatabase, cast: Cast
):
    roots = program(app, db, cast.root)
    for path in ("/organisations/acme", "/products/icownect"):
        for disabled in (True, False):
            answer = roots.patch(path, {"disabled": disabled})
            assert answer.status_code == 200 and answer.json is not None
            assert answer.json["disabled"] is disabled
            assert roots.get(path).json == answer.json
        for who in (cast.alice, cast.dan):
            assert program(app, db, who).patch(path, {"disabled": True}).status_code == 404
