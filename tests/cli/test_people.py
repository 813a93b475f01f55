import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kbsearch import audit, people
from kbsearch.access import ANONYMOUS
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import organisations, viewers
from kbsearch.people.accounts import one_time_links, passwords, second_factor
from kbsearch.people.accounts import sessions as accounts
from tests.conftest import Cast
from tests.kit.mail import letters, post
from tests.people.organisations.test_branding import png

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on the test's database, in English."""
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    monkeypatch.setenv("KBSEARCH_LANG", "en")

    def call(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["--config", str(path), *arguments], input=input)

    return call


def test_a_customer_is_taken_in_from_product_to_link(run: Run, db: SqliteDatabase):
    steps = [
        ("product", "add", "iCownect"),
        ("org", "add", "Acme SA", "--slug", "acme", "--product", "icownect"),
        ("user", "add", "alice@acme.example", "--name", "Alice Martin", "--org", "acme"),
    ]
    for step in steps:
        result = run(*step)
        assert (result.exit_code, result.stderr) == (0, "")
    link = run("user", "invite", "Alice@acme.example", "--print").stdout.strip()
    person = one_time_links.peek(db, "invitation", link.rsplit("/", 1)[1])
    assert person.email == "alice@acme.example"
    assert viewers.find(db, person.email).products == ("icownect",)


def test_an_invitation_is_mailed_by_the_worker(
    run: Run, settings: Settings, db: SqliteDatabase, cast: Cast
):
    told = run("user", "invite", "alice@acme.example")
    assert (told.exit_code, "/invitation/" in told.stdout) == (0, False)
    told = run("user", "invite", "bob@acme.example", "--json")
    assert json.loads(told.stdout) == {"email": "bob@acme.example"}
    post(settings, db)
    assert [letter["To"].addresses[0].addr_spec for letter in letters(settings)] == [
        "alice@acme.example",
        "bob@acme.example",
    ]


def test_a_password_comes_from_a_pipe_or_a_prompt_and_never_from_the_command_line(
    run: Run, db: SqliteDatabase
):
    add = ("user", "add", "eve@initech.example", "--name", "Eve")
    assert run(*add, "--password=secret").exit_code == 2
    assert run(*add, "--password-stdin", input="short\n").exit_code == 1
    assert people.list_all(db) == [], "no account is left of it"
    done = run(*add, "--password-stdin", input="a phrase of words \n")
    assert (done.exit_code, done.stderr) == (0, "")
    eve = people.find(db, "eve@initech.example")
    assert passwords.verify(db, eve.id, "a phrase of words ")

    asked = ("user", "add", "max@initech.example", "--name", "Max", "--password")
    assert run(*asked, input="one long phrase\none long phrase\n").exit_code == 0
    max_ = people.find(db, "max@initech.example")
    assert passwords.verify(db, max_.id, "one long phrase")
    assert run(*asked, "--invite").exit_code == 2


def test_who_is_added_may_be_invited_at_once(run: Run, settings: Settings, db: SqliteDatabase):
    assert run("user", "add", "eve@initech.example", "--name", "Eve", "--invite").exit_code == 0
    post(settings, db)
    (letter,) = letters(settings)
    assert letter["Subject"] == "Votre compte sur kbsearch"


def test_lists_are_read_by_people_and_by_programs(run: Run, cast: Cast):
    assert "alice@acme.example     Alice Martin  customer" in run("user", "list").stdout
    listed = json.loads(run("user", "list", "--org", "acme", "--json").stdout)["people"]
    assert [person["name"] for person in listed] == ["Alice Martin", "Bob Durand"]
    assert listed[0]["organisations"] == ["acme"]
    orgs = json.loads(run("org", "list", "--json").stdout)["organisations"]
    assert [(org["slug"], org["products"]) for org in orgs] == [
        ("acme", ["icownect"]),
        ("globex", ["cervo-atelier"]),
    ]
    products = json.loads(run("product", "list", "--json").stdout)["products"]
    assert [product["name"] for product in products] == ["Cervo Atelier", "iCownect"]
    assert "id" not in listed[0].keys() | orgs[0].keys() | products[0].keys()


def test_only_what_is_given_is_changed(run: Run, db: SqliteDatabase, cast: Cast):
    assert run("org", "edit", "acme", "--sharing", "nobody").exit_code == 0
    assert organisations.find(db, "acme").products == ("icownect",)
    assert run("org", "edit", "acme", "--no-product").exit_code == 0
    assert organisations.find(db, "acme").products == ()
    assert run("user", "edit", "bob@acme.example", "--language", "en").exit_code == 0
    assert people.find(db, "bob@acme.example").organisations == ("acme",)
    assert run("user", "edit", "bob@acme.example", "--no-org").exit_code == 0
    assert people.find(db, "bob@acme.example").organisations == ()


def test_an_organisation_is_dressed_and_undressed(
    run: Run, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    logo, welcome = tmp_path / "logo.png", tmp_path / "welcome.md"
    logo.write_bytes(png())
    welcome.write_text("Bonjour à *tous*", encoding="utf-8")
    look = ("--accent", "#B3391F", "--logo", str(logo), "--welcome-fr", str(welcome))
    rest = ("--phone", "01 11 11 11 11", "--trusted-devices")
    assert run("org", "add", "Initech", *look, *rest).exit_code == 0
    initech = organisations.find(db, "initech")
    assert (initech.phone, initech.trusted_devices) == ("01 11 11 11 11", True)
    assert (initech.look.accent, initech.look.welcome_fr) == ("#b3391f", "Bonjour à *tous*")
    assert initech.look.logo
    assert run("org", "edit", "initech", "--sharing", "nobody").exit_code == 0
    assert organisations.find(db, "initech") == initech, "only what is given changes"
    bare = ("--accent", "", "--no-logo", "--phone", "", "--no-trusted-devices")
    assert run("org", "edit", "initech", *bare).exit_code == 0
    changed = organisations.find(db, "initech")
    assert (changed.look.accent, changed.look.logo, changed.phone) == (None, None, None)
    assert (changed.look.welcome_fr, changed.trusted_devices) == ("Bonjour à *tous*", False)
    welcome.write_bytes(b"\xff\xfe")
    refused = run("org", "edit", "initech", "--welcome-en", str(welcome))
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_people_are_named_to_read_requests(run: Run, db: SqliteDatabase, cast: Cast):
    named = ("--sharing", "people", "--follower", "bob@acme.example")
    assert run("org", "edit", "acme", *named).exit_code == 0
    listed = json.loads(run("org", "list", "--json").stdout)["organisations"][0]
    assert (listed["sharing"], listed["followers"]) == ("people", ["bob@acme.example"])
    assert run("org", "edit", "acme", "--name", "Acme SA").exit_code == 0
    assert organisations.followers(db, organisations.find(db, "acme")) == ("bob@acme.example",)
    assert run("org", "edit", "acme", "--no-follower").exit_code == 0
    assert organisations.followers(db, organisations.find(db, "acme")) == ()


def test_products_have_versions(run: Run, cast: Cast):
    for version in ("4.2.0", "4.2.1"):
        assert run("product", "version", "add", "icownect", version).exit_code == 0
    assert run("product", "version", "list", "icownect").stdout.split() == ["4.2.1", "4.2.0"]
    told = run("product", "version", "list", "icownect", "--json").stdout
    assert json.loads(told) == {"versions": ["4.2.1", "4.2.0"]}
    edit = ("product", "edit", "icownect", "--name", "iCownect 4", "--where-en", "Help > About")
    assert run(*edit).exit_code == 0
    listed = json.loads(run("product", "list", "--json").stdout)["products"][1]
    assert listed == {
        "slug": "icownect",
        "name": "iCownect 4",
        "versions": ["4.2.1", "4.2.0"],
        "where_fr": "",
        "where_en": "Help > About",
        "disabled_at": None,
    }


def test_somebody_is_shut_out_and_let_in_again(run: Run, db: SqliteDatabase, cast: Cast):
    token = accounts.open_session(db, cast.alice.person_id or "")
    assert run("user", "disable", "alice@acme.example").exit_code == 0
    assert accounts.viewer_of(db, token) == ANONYMOUS
    assert "closed" in run("user", "list").stdout
    refused = run("user", "invite", "alice@acme.example")
    assert refused.exit_code == 1
    assert "--enable" in refused.stderr, "the remedy is named"
    assert run("user", "edit", "alice@acme.example", "--enable").exit_code == 0
    assert run("user", "invite", "alice@acme.example").exit_code == 0


def test_what_commands_do_to_accounts_is_in_the_security_log(
    run: Run, db: SqliteDatabase, cast: Cast
):
    for command in (
        ("add", "eve@acme.example", "--name", "Eve", "--org", "acme", "--invite"),
        ("edit", "eve@acme.example", "--role", "agent", "--no-org"),
        ("disable", "eve@acme.example"),
        ("edit", "eve@acme.example", "--enable"),
        ("reset-factor", "eve@acme.example"),
    ):
        assert run("user", *command).exit_code == 0
    written = audit.list_of(db, people.find(db, "eve@acme.example").id)
    assert {event.actor_id for event in written} == {None}
    assert {event.details["by"] for event in written} == {"command line"}
    changes = [(event.kind, event.details.get("after")) for event in written]
    disabled = next(after for kind, after in changes if kind == "person.disabled")
    assert sorted(changes, key=str) == sorted(
        [
            ("person.added", {"role": "customer", "organisations": "acme"}),
            ("person.changed", {"role": "agent", "organisations": ""}),
            ("person.changed", {}),
            ("person.disabled", disabled),
            ("person.enabled", {"disabled_at": ""}),
            ("person.invited", None),
            ("second_factor.reset", None),
        ],
        key=str,
    )


def test_whoever_lost_phone_and_codes_gets_a_mailed_code_again(
    run: Run, db: SqliteDatabase, settings: Settings, cast: Cast
):
    dan_id = str(cast.dan.person_id)
    second_factor.set_totp(db, settings, dan_id, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    token = accounts.open_session(db, dan_id)
    assert "mail" in run("user", "reset-factor", "dan@support.example").stdout
    assert not second_factor.has_totp(db, dan_id)
    assert accounts.viewer_of(db, token) == ANONYMOUS
    assert db.query("SELECT kind, subject FROM outbox") == [
        {"kind": "authenticator.removed", "subject": dan_id}
    ]
    assert "no authenticator" in run("user", "reset-factor", "dan@support.example").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "nobody", "--name", "Nobody"),
        ("user", "add", "alice@acme.example", "--name", "Alice"),
        ("user", "add", "new@acme.example", "--name", "New", "--org", "unknown"),
        ("user", "edit", "missing@acme.example"),
        ("user", "disable", "missing@acme.example"),
        ("user", "invite", "missing@acme.example"),
        ("user", "reset-factor", "missing@acme.example"),
        ("user", "list", "--org", "unknown"),
        ("org", "add", "Acme"),
        ("org", "edit", "unknown"),
        ("org", "edit", "acme", "--contract-ends", "soon"),
        ("org", "edit", "acme", "--accent", "red"),
        ("org", "edit", "acme", "--phone", "none"),
        ("org", "edit", "acme", "--follower", "chloe@globex.example"),
        ("org", "edit", "acme", "--logo", __file__),
        ("product", "add", "iCownect"),
        ("product", "edit", "unknown", "--name", "New"),
        ("product", "version", "add", "unknown", "1.0"),
        ("product", "version", "list", "unknown"),
        ("user", "disable", "root@support.example"),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_refusal_is_one_line_on_stderr_and_status_one(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch, language: str, arguments: tuple[str, ...]
):
    monkeypatch.setenv("KBSEARCH_LANG", language)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("kbsearch: ")
    assert "Invalid" not in result.stderr and "_" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add"),
        ("user", "list", "--role", "boss"),
        ("user", "edit", "alice@acme.example", "--org", "acme", "--no-org"),
        ("export", "DIR", "--audience", "everyone"),
        ("export", "DIR", "--person", "alice@acme.example", "--lang", "fr"),
        ("export", "DIR", "--person", "alice@acme.example", "--static"),
        ("import", "mbox", __file__, "--save", "page.csv"),
    ],
)
def test_wrong_usage_is_status_two(run: Run, arguments: tuple[str, ...]):
    refused = run(*arguments)
    assert (refused.exit_code, Path("DIR").exists()) == (2, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--everybody", "--print"),
        ("--org", "acme", "--print", "--rehearse", "root@support.example"),
        ("alice@acme.example", "--rehearse", "root@support.example"),
        ("alice@acme.example", "--print", "--words-fr", "/dev/null"),
        ("alice@acme.example", "--words-en", "/dev/null"),
        ("alice@acme.example", "--sign-on"),
        ("alice@acme.example", "--per-hour", "60"),
    ],
)
def test_no_invitation_leaves_where_an_option_would_be_passed_over(
    run: Run, db: SqliteDatabase, cast: Cast, arguments: tuple[str, ...]
):
    refused = run("user", "invite", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "goes with" in refused.stderr
    assert db.query("SELECT COUNT(*) AS n FROM outbox WHERE kind LIKE 'invitation.%'")[0]["n"] == 0


@pytest.mark.parametrize(
    "command",
    ["org add", "org edit", "org list", "product add", "product edit", "product list"]
    + ["product version", "product version add", "product version list"]
    + ["user add", "user edit", "user list", "user disable", "user invite", "user reset-factor"]
    + ["import tickets", "import people"]
    + ["init", "doctor", "config show", "migrate", "version"],
)
def test_help_shows_an_example(run: Run, command: str):
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: kbsearch {command}" in result.stdout


def test_an_import_says_what_it_did_and_what_it_refused(
    run: Run, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    good = {"number": 1, "subject": "a", "status": "solved", "created_at": "2026-01-01"}
    file, refused = tmp_path / "t.jsonl", tmp_path / "refused.jsonl"
    file.write_text(f"{json.dumps(good)}\nbroken\n")
    result = run("import", "tickets", str(file), "--report", str(refused))
    assert result.exit_code == 1
    assert "2 read: 1 created, 0 updated, 0 unchanged, 1 refused" in result.stdout
    assert "line 2 (): the line is not JSON" in result.stderr
    assert json.loads(refused.read_text())["kind"] == "import.not_json"

    again = json.loads(run("import", "tickets", str(file), "--json").stdout)
    assert (again["unchanged"], again["refused"], again["remarks"][0]["line"]) == (1, 1, 2)
    file.write_text(json.dumps(good))
    assert run("import", "tickets", str(file)).exit_code == 0


def test_people_are_imported_from_a_table(run: Run, db: SqliteDatabase, tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_text("email,name,organisation\neve@initech.example,Eve Roux,Initech\n")
    result = run("import", "people", str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert people.find(db, "eve@initech.example").organisations == ("initech",)


def test_an_import_of_what_is_not_there_is_wrong_usage(run: Run, tmp_path: Path):
    assert run("import", "tickets", str(tmp_path / "missing.jsonl")).exit_code == 2
    file = tmp_path / "t.jsonl"
    file.write_text("")
    refused = run("import", "tickets", str(file), "--report", str(tmp_path / "no" / "report"))
    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1


def test_many_are_invited_reminded_and_listed(
    run: Run, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    words = tmp_path / "words.txt"
    words.write_text("Our new help centre")
    wave = ("user", "invite", "--org", "acme", "--words-en", str(words), "--per-hour", "60")
    rehearsal = (*wave, "--rehearse", "root@support.example")
    assert "nobody else" in run(*rehearsal).stdout
    assert json.loads(run(*rehearsal, "--json").stdout) == {"rehearsed": "root@support.example"}
    assert json.loads(run(*wave, "--json").stdout) == {"invited": 2}
    assert json.loads(run("user", "remind", "--json").stdout) == {"reminded": 0}
    told = json.loads(run("user", "invited", "--state", "planned", "--json").stdout)
    assert [one["email"] for one in told["people"]] == ["alice@acme.example", "bob@acme.example"]
    assert told["counts"]["not_invited"] == 1
    assert "planned" in run("user", "invited").stdout
    assert run("user", "invite").exit_code == 2
