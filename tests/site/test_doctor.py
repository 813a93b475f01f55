"""The doctor: a healthy site, and every fault that can be planted in one, on real files."""

import ast
import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from click.testing import CliRunner

from kbsearch import config_sources, i18n, outbox, people, resources
from kbsearch.access import OPERATOR, Viewer
from kbsearch.cli import cli
from kbsearch.clock import now
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places, trash
from kbsearch.messages import webhooks
from kbsearch.people import PersonFields, viewers
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import doctor, health
from kbsearch.site.doctor import Check, folders, servers
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import BackupMade, DrillProof
from tests.kit.mail import Mailbox, serving
from tests.kit.providers import puppet_provider
from tests.kit.writers import article, commit, git, write
from tests.messages.incoming.test_mailbox import running as imap_server

ATTACHED, MAILED = b"what somebody attached", b"From: alice@acme.example\r\n\r\nHello\r\n"


@dataclass
class Planted:
    """A site to plant faults in, and whatever has to run meanwhile."""

    folder: Path
    running: ExitStack
    monkeypatch: pytest.MonkeyPatch
    changed: dict[str, Any] = field(default_factory=dict)  # settings

    @property
    def configuration(self) -> Configuration:
        loaded = config_sources.load(self.folder / "kbsearch.toml", environ={})
        return replace(loaded, settings=replace(loaded.settings, **self.changed))

    @property
    def content(self) -> Path:
        return self.folder / "content"

    @property
    def data(self) -> Path:
        return self.folder / "var"

    @property
    def database(self) -> SqliteDatabase:
        db = SqliteDatabase(self.data / "kbsearch.sqlite3")
        self.running.callback(db.close)
        return db

    @property
    def root(self) -> Viewer:
        return viewers.find(self.database, "root@support.example")

    def run(self, statement: str) -> None:
        self.database.execute(statement)

    def set(self, **settings: object) -> None:
        self.changed |= settings

    def write(self, line: str) -> None:
        """A line more in kbsearch.toml."""
        path = self.folder / "kbsearch.toml"
        path.write_text(f"{line}\n{path.read_text('utf-8')}", "utf-8")

    def kept(self, folder: str, body: bytes) -> Path:
        digest = _digest(body)
        return self.data / folder / digest[:2] / digest

    def index(self, name: str) -> Path:
        return self.folder / "index" / live_folders(self.database)[name]

    def examine(self, *, deep: bool = False) -> list[Check]:
        return list(doctor.examine(self.configuration, deep=deep))

    def findings(self, *, deep: bool = False) -> list[Check]:
        return [check for check in self.examine(deep=deep) if check.state != "ok"]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, published and indexed, with a file and a mail; to be copied."""
    folder = tmp_path_factory.mktemp("healthy") / "site"
    for arguments in (
        ["init", str(folder), "--demo"],
        ["-c", f"{folder}/kbsearch.toml", "publish"],
    ):
        assert CliRunner().invoke(cli, arguments).exit_code == 0
    settings = config_sources.load(folder / "kbsearch.toml", environ={}).settings
    with closing(SqliteDatabase(settings.database_path)) as db:
        for store, body in (
            (places.attached(settings), ATTACHED),
            (places.mails(settings), MAILED),
        ):
            store.write(BytesIO(body), 1000, lambda kept: None)
        _name(db, ATTACHED, MAILED)
        with closing(Indexer(settings, db)) as indexer:
            indexer.ensure()
    return folder


def _name(db: SqliteDatabase, attached: bytes, mailed: bytes) -> None:
    """The rows that name them."""
    at = "2026-01-01T00:00:00Z"
    kept = {"name": "a.txt", "media_type": "text/plain", "sha256": _digest(attached)}
    db.insert("attachments", {"id": "f", "created_at": at, "size": len(attached), **kept})
    mail = {"fingerprint": "m", "message_id": "m", "sender": "a", "subject": "", "state": "held"}
    known = {"reason": "", "is_proved": 0, "sha256": _digest(mailed)}
    db.insert("mails", {"id": "m", "received_at": at, **mail, **known})


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def site(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """The copy of one test; its worker was seen just now."""
    shutil.copytree(healthy, tmp_path / "site")
    with closing(SqliteDatabase(tmp_path / "site/var/kbsearch.sqlite3")) as db:
        health.mark_worker_seen(db)
        outcomes.note_made(db, BackupMade(now(), "site.tar.gz", "/backup", 1000))
        outcomes.note_proof(db, DrillProof(now(), "site.tar.gz", now(), 1.0, {"tickets": 1}))
    with ExitStack() as running:
        yield Planted(tmp_path / "site", running, monkeypatch)


def test_a_healthy_site_has_no_finding(site: Planted):
    assert site.findings() == []
    assert site.findings(deep=True) == []


def test_looking_changes_nothing_and_leaves_nothing(site: Planted):
    def seen() -> dict[str, tuple[int, bytes]]:
        paths = [path for path in site.folder.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}

    before = seen()
    site.examine(deep=True)
    assert seen() == before


def test_a_site_at_work_is_looked_at_as_it_is_now(site: Planted):
    db = site.database
    db.execute("UPDATE people SET disabled_at = '2026-01-01T00:00:00Z' WHERE role <> 'customer'")
    assert (site.data / "kbsearch.sqlite3-wal").stat().st_size > 0
    assert [check.name for check in site.findings()] == ["administrators", "teams"]


# Each fault: how it is planted, and which finding names it.


def lose_a_file(site: Planted) -> None:
    site.kept("files", ATTACHED).unlink()


def cut_a_file(site: Planted) -> None:
    site.kept("files", ATTACHED).write_bytes(ATTACHED[:-1])


def open_a_file(site: Planted) -> None:
    site.kept("files", ATTACHED).chmod(0o644)


def leave_orphans(site: Planted) -> None:
    trash.note(site.database, trash.UnclaimedFiles("files", 90, 100))


def lose_a_mail(site: Planted) -> None:
    site.kept("mails", MAILED).unlink()


def empty_a_mail(site: Planted) -> None:
    site.kept("mails", MAILED).write_bytes(b"")


def lose_the_key(site: Planted) -> None:
    (site.data / "secret_key").unlink()


def replace_the_key(site: Planted) -> None:
    (site.data / "secret_key").write_text("ab" * 32)


def spoil_the_key(site: Planted) -> None:
    (site.data / "secret_key").write_text("not a key")


def show_the_key(site: Planted) -> None:
    (site.data / "secret_key").chmod(0o644)


def open_the_data(site: Planted) -> None:
    site.data.chmod(0o755)


def open_the_index(site: Planted) -> None:
    (site.folder / "index").chmod(0o755)


def show_a_password(site: Planted) -> None:
    site.write('metrics_token = "s3cret"')
    (site.folder / "kbsearch.toml").chmod(0o644)


def take_the_data_of_another(site: Planted) -> None:
    (site.data / "site_id").write_text("another\n")


def take_the_content_of_another(site: Planted) -> None:
    (site.content / ".git/kbsearch-site").write_text("another\n")


def lose_the_database(site: Planted) -> None:
    (site.data / "kbsearch.sqlite3").unlink()


def break_references(site: Planted) -> None:
    db = site.database
    db.tables.conn.execute("PRAGMA foreign_keys=OFF")
    db.execute("DELETE FROM people WHERE email = 'alice@acme.example'")


def break_the_database(site: Planted) -> None:
    path = site.data / "kbsearch.sqlite3"
    body = bytearray(path.read_bytes())
    for page in range(4, len(body) // 4096):
        body[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(body)


def overwrite_the_database(site: Planted) -> None:
    (site.data / "kbsearch.sqlite3").write_bytes(b"not a database" * 1000)


def come_from_the_future(site: Planted) -> None:
    site.run("UPDATE schema_steps SET name = 's999_later' WHERE name = 's034_form_hashes'")


def owe_a_step(site: Planted) -> None:
    site.run("DELETE FROM schema_steps WHERE name = 's034_form_hashes'")


def _loose_object(site: Planted, what: str) -> Path:
    name = git(site.content, "rev-parse", what)
    path = site.content / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    return path


def lose_an_object(site: Planted) -> None:
    _loose_object(site, "main:synonyms.txt").unlink()


def spoil_an_object(site: Planted) -> None:
    path = _loose_object(site, "main:synonyms.txt")
    path.write_bytes(path.read_bytes()[:-8])


def lose_head(site: Planted) -> None:
    (site.content / ".git/HEAD").unlink()


def spoil_head(site: Planted) -> None:
    (site.content / ".git/HEAD").write_text("nonsense\n")


def move_head(site: Planted) -> None:
    git(site.content, "switch", "--quiet", "-c", "brouillon/x")


def follow_head(site: Planted) -> None:
    path = site.folder / "kbsearch.toml"
    path.write_text(path.read_text("utf-8").replace('branch = "main"', 'branch = "HEAD"'), "utf-8")


def rename_the_branch(site: Planted) -> None:
    git(site.content, "branch", "--move", "trunk")


def leave_a_lock(site: Planted) -> None:
    (site.content / ".git/index.lock").touch()


def leave_a_lock_on_a_branch(site: Planted) -> None:
    (site.content / ".git/refs/heads/main.lock").touch()


def commit_what_is_refused(site: Planted) -> None:
    write(site.content, "articles/en/start/bad.md", article(body="[nowhere](gone.md)"))
    commit(site.content)


def lose_the_articles(site: Planted) -> None:
    shutil.rmtree(site.content)


def spoil_the_articles_index(site: Planted) -> None:
    path = max(site.index("article_index").rglob("*.store"), key=lambda each: each.stat().st_size)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(body)


def lose_the_tickets_index(site: Planted) -> None:
    shutil.rmtree(site.index("ticket_index"))


def spoil_the_tickets_index(site: Planted) -> None:
    (site.index("ticket_index") / "meta.json").write_text("{")


def miss_a_ticket(site: Planted) -> None:
    site.run("UPDATE articles SET searchable = 0 WHERE path = (SELECT MIN(path) FROM articles)")


def fall_behind(site: Planted) -> None:
    site.run("UPDATE counters SET value = value + 1 WHERE name = 'revision'")


def disable_a_webhook(site: Planted) -> None:
    settings, db = site.configuration.settings, site.database
    webhooks.add(db, site.root, settings, "https://hooks.example/x", ["ticket.opened"])
    site.run("UPDATE webhook_endpoints SET disabled_at = '2026-01-01T00:00:00Z'")


def lose_a_reader(site: Planted) -> None:
    site.run(
        "UPDATE people SET undeliverable_at = '2026-01-01T00:00:00Z', undeliverable_why = '5.1.1'"
        " WHERE email = 'bob@acme.example'"
    )


def hire(site: Planted) -> None:
    people.add(
        site.database, OPERATOR, PersonFields(email="eve@support.example", name="Eve", role="agent")
    )


def dismiss_everybody(site: Planted) -> None:
    site.run("UPDATE people SET disabled_at = '2026-01-01T00:00:00Z' WHERE role = 'administrator'")


def leave_the_team(site: Planted) -> None:
    site.run("DELETE FROM team_members")


def stop_the_worker(site: Planted) -> None:
    site.run("UPDATE state SET value = '2026-01-01T00:00:00Z' WHERE name = 'worker_seen'")


def give_up(site: Planted) -> None:
    outbox.add(site.database, "ticket.replied", "m1")
    site.run("UPDATE outbox SET dead_at = due_at")


def wait(site: Planted) -> None:
    outbox.add(site.database, "person.invited", "p1")
    site.run("UPDATE outbox SET created_at = '2026-01-01T00:00:00Z'")


def turn_the_clock_back(site: Planted) -> None:
    outbox.add(site.database, "ticket.replied", "m1")
    site.run("UPDATE outbox SET done_at = due_at, created_at = '2099-01-01T00:00:00Z'")


def fill_the_disk(site: Planted) -> None:
    site.monkeypatch.setattr(folders, "LOW_DISK", 1 << 62)


def fill_nearly_all_of_it(site: Planted) -> None:
    site.monkeypatch.setattr(folders, "FREE_FLOOR", 1.0)


def install_half(site: Planted) -> None:
    package = site.folder / "package"
    for name in ("locale", "static", "hooks"):
        shutil.copytree(resources.folder(name), package / name)
    (package / "templates").mkdir()
    site.monkeypatch.setattr(resources, "PACKAGE", package)


def publish_to_the_world(site: Planted) -> None:
    site.set(base_url="https://help.example", trusted_proxies=1)


def forget_the_proxy(site: Planted) -> None:
    site.set(base_url="https://help.example", smtp_url=_letterbox(site))


def forget_tls(site: Planted) -> None:
    site.set(base_url="http://help.example")


def _letterbox(site: Planted) -> str:
    return f"smtp://127.0.0.1:{site.running.enter_context(serving(Mailbox()))}"


def _nobody_there() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _silent(site: Planted) -> int:
    """A server that takes connections and never says a word; nobody waits for it for long."""
    site.monkeypatch.setattr(servers, "PATIENCE", 1.0)
    server = site.running.enter_context(socket.create_server(("127.0.0.1", 0)))
    return int(server.getsockname()[1])


def stop_the_mail_server(site: Planted) -> None:
    site.set(smtp_url=f"smtp://127.0.0.1:{_nobody_there()}")


def freeze_the_mail_server(site: Planted) -> None:
    site.set(smtp_url=f"smtp://127.0.0.1:{_silent(site)}")


def mistype_the_mail_password(site: Planted) -> None:
    options = {"auth_require_tls": False, "authenticator": lambda *_: AuthResult(success=False)}
    port = site.running.enter_context(serving(Mailbox(), **options))
    site.set(smtp_url=f"smtp://support:wr0ng@127.0.0.1:{port}")


def mistype_the_mailbox_password(site: Planted) -> None:
    server = site.running.enter_context(imap_server("--no-tls"))
    site.set(imap_url=f"imap://support:wr0ng@127.0.0.1:{server.port}/INBOX")


def mistype_the_mailbox_folder(site: Planted) -> None:
    server = site.running.enter_context(imap_server("--no-tls"))
    site.set(imap_url=server.url.replace("INBOX", "Nowhere"))


def freeze_the_mailbox(site: Planted) -> None:
    site.set(imap_url=f"imap://support:wr0ng@127.0.0.1:{_silent(site)}/INBOX")


def stop_the_gateway(site: Planted) -> None:
    site.set(
        sms_url=f"http://127.0.0.1:{_nobody_there()}/?to={{to}}&text={{text}}",
        webhook_private_targets=("127.0.0.1",),
    )


def forbid_the_gateway(site: Planted) -> None:
    site.set(sms_url="https://127.0.0.1/?to={to}&text={text}")


def stop_the_provider(site: Planted) -> None:
    site.set(oidc_issuer=f"http://127.0.0.1:{_nobody_there()}", oidc_client_id="kb")


def freeze_the_provider(site: Planted) -> None:
    site.set(oidc_issuer=f"http://127.0.0.1:{_silent(site)}", oidc_client_id="kb")


def mistype_the_provider(site: Planted) -> None:
    puppet = site.running.enter_context(puppet_provider())
    site.set(oidc_issuer=f"{puppet.issuer}/", oidc_client_id="kb")


def lose_the_backups(site: Planted) -> None:
    site.database.execute("DELETE FROM state WHERE name LIKE 'backup_%'")


def miss_a_night(site: Planted) -> None:
    site.set(backup_to="/backup")
    old = BackupMade("2026-01-01T02:30:00Z", "site.tar.gz", "/backup", 1000)
    outcomes.note_made(site.database, old)


def fill_the_vault(site: Planted) -> None:
    outcomes.note_failure(site.database, "no space left")


def prove_nothing(site: Planted) -> None:
    site.database.execute("DELETE FROM state WHERE name = 'backup_proof'")


def fail_to_prove(site: Planted) -> None:
    failed = DrillProof(now(), "site.tar.gz", now(), 1.0, {}, 0, ("damaged",))
    outcomes.note_proof(site.database, failed)


Fault = tuple[Callable[[Planted], None], str, str]
FAULTS: list[Fault] = [
    (lose_a_file, "files", "fail"),
    (cut_a_file, "files", "fail"),
    (open_a_file, "files", "fail"),
    (leave_orphans, "orphans", "warn"),
    (lose_a_mail, "mails", "fail"),
    (empty_a_mail, "mails", "fail"),
    (lose_the_key, "site", "fail"),
    (replace_the_key, "site", "fail"),
    (spoil_the_key, "site", "fail"),
    (show_the_key, "secrets", "fail"),
    (open_the_data, "modes", "fail"),
    (open_the_index, "index", "warn"),
    (show_a_password, "secrets", "fail"),
    (take_the_data_of_another, "site", "fail"),
    (take_the_content_of_another, "site", "fail"),
    (lose_the_database, "site", "fail"),
    (break_references, "references", "fail"),
    (break_the_database, "database", "fail"),
    (overwrite_the_database, "database", "fail"),
    (come_from_the_future, "schema", "fail"),
    (owe_a_step, "schema", "warn"),
    (lose_an_object, "objects", "fail"),
    (spoil_an_object, "objects", "fail"),
    (lose_head, "objects", "fail"),
    (spoil_head, "objects", "fail"),
    (move_head, "branch", "warn"),
    (follow_head, "branch", "warn"),
    (rename_the_branch, "branch", "fail"),
    (leave_a_lock, "locks", "warn"),
    (leave_a_lock_on_a_branch, "locks", "warn"),
    (commit_what_is_refused, "publication", "fail"),
    (lose_the_articles, "content", "fail"),
    (spoil_the_articles_index, "index", "fail"),
    (lose_the_tickets_index, "index", "fail"),
    (spoil_the_tickets_index, "index", "fail"),
    (miss_a_ticket, "index", "fail"),
    (fall_behind, "index", "warn"),
    (disable_a_webhook, "webhooks", "warn"),
    (lose_a_reader, "unreached", "warn"),
    (hire, "factors", "warn"),
    (dismiss_everybody, "administrators", "fail"),
    (leave_the_team, "teams", "warn"),
    (stop_the_worker, "worker", "warn"),
    (give_up, "outbox", "warn"),
    (lose_the_backups, "backup", "warn"),
    (miss_a_night, "backup", "fail"),
    (fill_the_vault, "backup", "fail"),
    (prove_nothing, "drill", "warn"),
    (fail_to_prove, "drill", "fail"),
    (wait, "waiting", "warn"),
    (turn_the_clock_back, "clock", "fail"),
    (fill_the_disk, "disk", "warn"),
    (fill_nearly_all_of_it, "disk", "warn"),
    (install_half, "shipped", "fail"),
    (publish_to_the_world, "mail", "fail"),
    (forget_the_proxy, "trusted_proxies", "warn"),
    (forget_tls, "base_url", "warn"),
    (stop_the_mail_server, "mail", "fail"),
    (freeze_the_mail_server, "mail", "fail"),
    (mistype_the_mail_password, "mail", "fail"),
    (mistype_the_mailbox_password, "mailbox", "fail"),
    (mistype_the_mailbox_folder, "mailbox", "fail"),
    (freeze_the_mailbox, "mailbox", "fail"),
    (stop_the_gateway, "sms", "fail"),
    (forbid_the_gateway, "sms", "fail"),
    (stop_the_provider, "sign-on", "fail"),
    (freeze_the_provider, "sign-on", "fail"),
    (mistype_the_provider, "sign-on", "fail"),
]


@pytest.mark.parametrize(
    ("plant", "name", "state"), FAULTS, ids=[fault[0].__name__ for fault in FAULTS]
)
def test_each_fault_is_named_with_its_remedy(
    site: Planted, plant: Callable[[Planted], None], name: str, state: str
):
    plant(site)
    findings = site.findings()
    assert (name, state) in [(check.name, check.state) for check in findings], findings
    assert all(check.remedy for check in findings)
    assert "s3cret" not in str(findings) and "wr0ng" not in str(findings)


def test_a_lost_database_is_not_said_to_be_made_by_a_start(site: Planted):
    lose_the_database(site)
    assert "database" not in {check.name for check in site.findings()}


def test_a_changed_byte_is_found_by_a_deep_look_alone(site: Planted):
    site.kept("files", ATTACHED).write_bytes(ATTACHED.swapcase())
    assert site.findings() == []
    assert [check.name for check in site.findings(deep=True)] == ["files"]


def test_servers_that_answer_are_no_finding(site: Planted):
    server = site.running.enter_context(imap_server("--no-tls"))
    puppet = site.running.enter_context(puppet_provider())
    gateway = site.running.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = gateway.getsockname()[1]
    site.set(
        smtp_url=_letterbox(site),
        imap_url=server.url,
        oidc_issuer=puppet.issuer,
        oidc_client_id="kb",
        sms_url=f"http://127.0.0.1:{port}/?to={{to}}&text={{text}}",
        webhook_private_targets=("127.0.0.1",),
    )
    assert site.findings() == []
    names = {check.name for check in site.examine()}
    assert {"mail", "mailbox", "sms", "sign-on"} <= names


def test_a_look_that_crashes_stops_no_other(site: Planted):
    site.run("UPDATE state SET value = 'yesterday' WHERE name = 'worker_seen'")
    (site.folder / "index").chmod(0o755)
    findings = {check.name: check for check in site.findings()}
    assert {"clock", "running", "index"} == set(findings)
    assert "ValueError" in str(findings["clock"].values)


def test_status_one_is_for_what_is_wrong_and_strict_for_warnings_too(
    site: Planted, monkeypatch: pytest.MonkeyPatch
):
    def status(*options: str) -> int:
        path = str(site.folder / "kbsearch.toml")
        return CliRunner().invoke(cli, ["-c", path, "doctor", *options]).exit_code

    for name in [name for name in os.environ if name.startswith("KBSEARCH_")]:
        monkeypatch.delenv(name)
    assert (status(), status("--strict"), status("--deep", "--json")) == (0, 0, 0)
    hire(site)
    assert (status(), status("--strict")) == (0, 1)
    lose_a_file(site)
    assert (status(), status("--json")) == (1, 1)


def test_every_line_is_in_both_languages():
    """The looks pass messages on: one that is in no catalogue would stay English."""
    texts = {
        argument.value
        for path in Path(doctor.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for argument in node.args[1:]
        if node.func.id in {"ok", "warn", "fail"} and isinstance(argument, ast.Constant)
        if isinstance(argument.value, str)
    }
    assert len(texts) > 80
    french = i18n.catalogue("fr")
    same = {text for text in texts if french.gettext(text) == text}
    assert same == {"SQLite %(version)s", "chmod 600 %(path)s"}
