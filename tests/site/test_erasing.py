"""Somebody is erased: nothing of theirs is left in any file, what is others' stays."""

import json
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from click.testing import CliRunner

from kbsearch import access, audit, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.files import places
from kbsearch.people import PersonFields, viewers
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import directory
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.directory import PeopleFilter
from kbsearch.search.learning import visits as analytics
from kbsearch.search.ranking import generations
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import erasing
from kbsearch.text.masking.one_person import OnePerson
from kbsearch.tickets import tags
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import saved_replies, saved_views
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.filing import copies, drafts
from tests.conftest import Cast, take_over
from tests.kit.incoming import letter, receiving, take
from tests.kit.matrix_world import VISITORS, build
from tests.kit.requests import attach, file

ALICE = "alice@acme.example"
TRACES = ("alice@acme.example", "Martin", "612345678", "6 12 34 56 78", "ALICE-SEARCHED")


def on_disk(folder: Path) -> bytes:
    """All bytes of all files below a folder, in one alphabet of letters."""
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).lower()


def traces(folder: Path) -> list[str]:
    held = on_disk(folder)
    return [trace for trace in TRACES if trace.lower().encode() in held]


@pytest.mark.sqlite_only  # it reads the bytes of its file
def test_no_file_of_the_site_knows_them_any_more(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    settings = receiving(settings)
    store, alice = places.attached(settings), cast.alice
    db.execute(
        "UPDATE people SET mobile = '+33612345678', mobile_verified_at = '2026-01-01' "
        "WHERE id = :id",
        {"id": alice.person_id},
    )
    signed = "Bonjour Dan,\nrappelez-moi au 06 12 34 56 78.\nAlice Martin\nalice@acme.example"
    ticket = file(
        db, alice, subject="Collier de Mme Martin", description=signed, key="first-key-of-a-form"
    )
    copies.add(db, alice, ticket, "bob@acme.example")
    replies.reply(
        db,
        cast.dan,
        ticket,
        ReplyForm("answer-key-of-a-form", "Bonjour Madame MARTIN, c’est réparé."),
    )
    replies.note(
        db, cast.dan, ticket, ReplyForm("note-key-of-a-form", "Alice a le +33 (0)6.12.34.56.78.")
    )
    other = file(db, cast.chloe, description="Comme Alice Martin. Le Martin-pêcheur aussi.")
    take_over(db, number=900, subject="Ancien", requester=ALICE)
    drafts.save(
        db,
        alice,
        "kept-key-of-a-form",
        {"subject": "Un autre collier", "description": "Alice Martin"},
    )
    attach(db, alice, store, "kept-key-of-a-form", content=b"ALICE-SEARCHED")
    visit = analytics.visit(db, alice)
    analytics.searched(db, visit, "ALICE-SEARCHED collier", results=0)
    preferences.choose(db, alice, [("ticket.replied", "mail")])
    saved_replies.add(
        db,
        cast.dan,
        SavedReplyFields(language="fr", name="Alice Martin", body="Appelez le 06 12 34 56 78."),
    )
    saved_views.keep(db, cast.dan, "Alice Martin", "view=all&q=alice%40acme.example")
    take(settings, db, letter(body="De la part d’Alice Martin"))
    with closing(Indexer(settings, db)) as indexer:
        indexer.ensure()
        indexer.apply_changes()
    assert traces(settings.site) == list(TRACES), "they are there, or this proves nothing"

    done = erasing.erase(db, OPERATOR, settings, "Alice@ACME.example")
    with closing(Indexer(settings, db)) as indexer:
        indexer.rebuild("tickets")
    generations.forget_generations(settings, db, older_than=-1)
    db.compact()
    left = traces(settings.site)
    assert left == ["Martin"], "the kingfisher of somebody else"
    assert (done.had_account, done.requests, done.mails, done.files) == (True, 3, 1, 1)

    kept = tickets.find(db, cast.dan, ticket.id)
    assert kept.requester == "Compte effacé"
    assert kept.subject == "Collier de Mme ‹nom›"
    assert kept.description == "Bonjour Dan,\nrappelez-moi au ‹téléphone›.\n‹nom›\n‹e-mail›"
    assert [message.body for message in kept.messages] == [
        "Bonjour Madame ‹nom›, c’est réparé.",
        "‹nom› a le ‹téléphone›.",
    ]
    assert tickets.find(db, cast.bob, ticket.id).subject == kept.subject, "others still read it"
    elsewhere = tickets.find(db, cast.chloe, other.id).description
    assert elsewhere == "Comme ‹nom›. Le Martin-pêcheur aussi."
    (said,) = saved_replies.list_all(db, cast.dan)
    assert (said.name, said.body) == ("‹nom›", "Appelez le ‹téléphone›.")
    (view,) = saved_views.list_mine(db, cast.dan)
    assert (view.name, dict(parse_qsl(view.query))) == ("‹nom›", {"view": "all", "q": "‹e-mail›"})


def test_they_are_nobody_from_then_on(settings: Settings, db: SqliteDatabase, cast: Cast):
    token = accounts.open_session(db, str(cast.alice.person_id))
    file(db, cast.alice)
    erasing.erase(db, OPERATOR, settings, ALICE)
    assert accounts.viewer_of(db, token) == access.ANONYMOUS
    with pytest.raises(NotFound):
        people.find(db, ALICE)
    listed = directory.search(db, cast.root, PeopleFilter())
    assert [p.name.split()[0] for p in listed.people] == ["Bob", "Chloé", "Dan", "Root", "Wendy"]
    assert len(people.list_all(db)) == 5
    with pytest.raises(NotFound):
        erasing.erase(db, OPERATOR, settings, ALICE)
    again = people.add(db, OPERATOR, PersonFields(email=ALICE, name="Alice Martin"))
    numbers = tickets.visible_numbers(db, viewers.find(db, again.email), [1001])
    assert not numbers, "the same address later is somebody else"
    (line,) = db.query("SELECT id FROM security_log WHERE kind = 'person.erased'")
    assert audit.find(db, line["id"]).details == {"had_account": True, "by": "command line"}


@pytest.mark.parametrize("who", [name for name in VISITORS if name not in ("nobody", "root")])
def test_whoever_has_one_of_everything_can_be_erased(
    settings: Settings, db: SqliteDatabase, who: str
):
    """The database refuses to delete a person to whom some row still leads: none is forgotten."""
    world = build(settings, db)
    domain = {"chloe": "globex", **dict.fromkeys(("dan", "lea", "wendy"), "support")}.get(
        who, "acme"
    )
    email = f"{who}@{domain}.example"
    person = people.find(db, email)
    erasing.erase(world.db, OPERATOR, settings, email)
    for table in db.list_tables():
        if table == "security_log":
            continue  # it only grows, and holds ids alone
        for row in db.query(f"SELECT * FROM {table}"):  # noqa: S608
            held = json.dumps(list(map(str, row.values())))
            assert person.id not in held, (table, row)
            assert email not in held, (table, row)
    assert db.dangling() == []


def test_a_tag_with_their_name_goes(settings: Settings, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.bob)
    tags.change(db, cast.dan, ticket.id, add=["alice_martin", "vip"])
    erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    assert tickets.find(db, cast.dan, ticket.id).tags == ("vip",)


def test_an_address_without_an_account_is_erased_too(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    take_over(db, requester="old@acme.example", description="Write to old@acme.example, please")
    done = erasing.erase(db, OPERATOR, settings, "old@acme.example")
    assert (done.had_account, done.requests, done.masked) == (False, 1, 1)
    assert "old@acme" not in str(db.query("SELECT * FROM tickets"))


def test_somebody_must_be_left_who_can_let_people_in(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    file(db, cast.alice)
    with pytest.raises(Invalid, match="last_administrator"):
        erasing.erase(db, OPERATOR, settings, "root@support.example")
    assert people.find(db, "root@support.example").disabled_at is None


def test_files_of_requests_go_when_asked(settings: Settings, db: SqliteDatabase, cast: Cast):
    store = places.attached(settings)
    shared = attach(db, cast.alice, store, "first-key-of-a-form", content=b"the same")
    file(db, cast.alice, key="first-key-of-a-form")
    attach(db, cast.bob, store, "second-key-of-a-form", content=b"the same")
    attach(db, cast.alice, store, "third-key-of-a-form", content=b"only hers")
    file(db, cast.alice, key="third-key-of-a-form")
    file(db, cast.bob, key="second-key-of-a-form")
    assert erasing.erase(db, OPERATOR, settings, ALICE, with_files=True).files == 2
    kept = [path for path in (settings.data_path / "files").glob("??/*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"the same"], "Bob sent it as well"
    assert db.query("SELECT 1 FROM attachments WHERE id = :id", {"id": shared.id}) == []


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Chloé DUPONT-Roy", "‹nom›"),
        ("dupont-roy chloe", "‹nom›"),
        ("Appelez le 0612345678", "Appelez le ‹téléphone›"),
        ("+33 6 12 34 56 78, 0033612345678", "‹téléphone›, ‹téléphone›"),
        ("06-12-34-56-78.", "‹téléphone›."),
        ("106 12 34 56 789", "106 12 34 56 789"),
        ("CHLOE@globex.example.", "‹e-mail›."),
        ("xchloe@globex.example", "xchloe@globex.example"),
        ("Une chloé sans majuscule", "Une chloé sans majuscule"),
        ("Chloé vous salue", "‹nom› vous salue"),
    ],
)
def test_a_person_is_found_however_they_are_written(said: str, left: str):
    masks = OnePerson(["Chloé Dupont-Roy"], ["chloe@globex.example"], ["+33612345678"], "fr")
    assert masks.text(said, is_theirs=True) == left
    assert masks.value({"a": [said, 1]}, is_theirs=True) == {"a": [left, 1]}


def test_the_command_asks_before(
    settings: Settings, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    run, command = CliRunner(), ["--config", str(path), "forget", ALICE]
    refused = run.invoke(cli, command, input="\n")
    assert (refused.exit_code, "nothing was erased" in refused.stderr) == (1, True)
    assert people.find(db, ALICE).name == "Alice Martin"
    done = run.invoke(cli, [*command, "--json"], input=f"{ALICE}\n")
    assert json.loads(done.stdout)["had_account"] is True
    unknown = run.invoke(cli, [*command, "--yes"])
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (1, 1)


def test_nobody_but_an_administrator_erases(db: SqliteDatabase, settings: Settings, cast: Cast):
    for outsider in (cast.alice, cast.dan, cast.wendy, cast.nobody):
        with pytest.raises(NotFound, match="web.not_found"):
            erasing.erase(db, outsider, settings, ALICE)
    assert people.find(db, ALICE).disabled_at is None
