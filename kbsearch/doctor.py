"""What may be wrong with a site, and what to do about it."""

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from kbsearch import belonging, channels, concerns, health, mail_tokens, migrations, trash
from kbsearch.config import FIELDS, ConfigError, Configuration, Settings
from kbsearch.db import SQLITE_VERSION, Damaged, Database, SqliteDatabase, check_sqlite
from kbsearch.errors import Invalid, Problem
from kbsearch.health import Health
from kbsearch.keys import KEY_NAME
from kbsearch.publishing import git
from kbsearch.publishing.git import Repository, repository_of
from kbsearch.publishing.git_tree import committed_tree

State = Literal["ok", "warn", "fail"]
LOW_DISK = 1024**3  # bytes
OTHERS_MAY = 0o077
MAIL_SECONDS = 3.0  # for a mail server to answer


@dataclass(frozen=True)
class Check:
    """One thing looked at; `told` and `remedy` are gettext messages, filled in with `values`."""

    name: str
    state: State
    told: str
    remedy: str = ""
    values: tuple[tuple[str, object], ...] = ()


def examine(configuration: Configuration) -> Iterator[Check]:
    """Look at everything; nothing is changed, and one failing look does not stop the others."""
    settings = configuration.settings
    yield _sqlite()
    yield from _folders(settings)
    yield _disk(settings)
    yield from _database(settings)
    yield from _belonging(configuration)
    yield _git(settings)
    yield from _branch(settings)
    yield _index(settings)
    yield _mail(settings)
    yield from _secrets(configuration)


def glance(settings: Settings, seen: Health) -> Iterator[Check]:
    """What can be seen in passing, without reading the whole database: for a page."""
    yield _sqlite()
    yield from _folders(settings)
    yield _disk(settings)
    yield from _running(seen)
    yield _git(settings)
    yield from _branch(settings)
    yield _index(settings)


def _check(name: str, state: State, told: str, remedy: str = "", /, **values: object) -> Check:
    return Check(name, state, told, remedy, tuple(values.items()))


def _sqlite() -> Check:
    told = ".".join(map(str, SQLITE_VERSION))
    try:
        check_sqlite(SQLITE_VERSION)
    except RuntimeError:
        remedy = "Install pysqlite3 0.6.1 or later into the same environment."
        return _check("sqlite", "fail", "SQLite %(version)s can lose data", remedy, version=told)
    return _check("sqlite", "ok", "SQLite %(version)s", version=told)


def _folders(settings: Settings) -> Iterator[Check]:
    for name in ("data_path", "index_path"):
        folder: Path = getattr(settings, name)
        label = name.removesuffix("_path")
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            remedy = "Give it to the user who runs kbsearch: chown -R USER %(folder)s"
            yield _check(label, "fail", "%(folder)s cannot be written", remedy, folder=folder)
        elif name == "data_path" and folder.exists() and folder.stat().st_mode & OTHERS_MAY:
            remedy = "Close it: chmod 700 %(folder)s"
            yield _check(label, "warn", "%(folder)s is open to other users", remedy, folder=folder)
        else:
            yield _check(label, "ok", "%(folder)s can be written", folder=folder)
    content = settings.content_path
    if (content / "articles").is_dir():
        yield _check("content", "ok", "%(folder)s has articles", folder=content)
    else:
        remedy = "Set content to the folder that holds articles/, or run: kbsearch init DIR"
        yield _check("content", "fail", "%(folder)s has no articles/", remedy, folder=content)


def _disk(settings: Settings) -> Check:
    folder = settings.data_path
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(nearest).free
    if free < LOW_DISK:
        remedy = "Make room: a full disk stops every change."
        return _check("disk", "warn", "%(free)s MB are free", remedy, free=free // 1024**2)
    return _check("disk", "ok", "%(free)s MB are free", free=free // 1024**2)


def _database(settings: Settings) -> Iterator[Check]:
    path = settings.database_path
    if not path.exists():
        remedy = "kbsearch serve makes it."
        yield _check("database", "warn", "%(path)s does not exist yet", remedy, path=path)
        return
    db = SqliteDatabase(path)
    try:
        yield from _looked_into(db, settings)
    except Damaged as problem:
        remedy = "Restore the last backup, or see whether the disk is full or read-only."
        told = "%(path)s cannot be read: %(problem)s"
        yield _check("database", "fail", told, remedy, path=path, problem=problem)
    finally:
        db.close()


def _belonging(configuration: Configuration) -> Iterator[Check]:
    try:
        belonging.look(configuration)
    except Problem as problem:
        yield Check("site", "fail", problem.key, values=tuple(problem.values.items()))
    except (Damaged, ConfigError):
        return  # said of the database, or of the secrets
    else:
        yield _check("site", "ok", "database, data folder and content are one site's")


def _looked_into(db: SqliteDatabase, settings: Settings) -> Iterator[Check]:
    path = settings.database_path
    damage = db.query("PRAGMA quick_check(1)")[0]
    if "ok" in damage.values():
        yield _check("database", "ok", "%(path)s is sound", path=path)
    else:
        yield _check(
            "database", "fail", "%(path)s is damaged", "Restore the last backup.", path=path
        )
    pending = migrations.pending(db)
    if pending:
        told, remedy = "%(count)s schema changes are pending", "Run: kbsearch migrate"
        yield _check("schema", "warn", told, remedy, count=len(pending))
        return
    yield _check("schema", "ok", "the schema is up to date")
    yield from _teams(db, settings)
    yield from _orphans(db)
    yield from mail_access(db, settings)
    yield from _running(health.look(db))


def _orphans(db: SqliteDatabase) -> Iterator[Check]:
    for left in trash.list_left(db):
        told = "nothing names %(orphans)d of %(contents)d files in %(store)s: they were left alone"
        remedy = "Is it an older database? Restore the right one; else: kbsearch sweep"
        yield _check("orphans", "warn", told, remedy, **vars(left))


def mail_access(db: Database, settings: Settings) -> Iterator[Check]:
    """Whether the provider of mail lets the site in, as far as was seen."""
    consent = mail_tokens.look(db, settings)
    if consent.is_wanted:
        told = "mail waits for the consent of an administrator at its provider"
        yield _check("consent", "fail", told, "Open Mail in the administration, and consent.")
    elif consent.problem:
        told = "the provider of mail gives no token: %(problem)s"
        remedy = "Correct the mail_oauth settings, or what the provider has of the application."
        yield _check("consent", "fail", told, remedy, problem=consent.problem)
    elif consent.state != "passwords":
        yield _check("consent", "ok", "the provider of mail lets the site in")


def _teams(db: SqliteDatabase, settings: Settings) -> Iterator[Check]:
    unknown = concerns.unknown_in_teams(db, settings)
    if unknown:
        told = "teams name people who are no agents: %(names)s"
        remedy = "Correct their addresses in kbsearch.toml, or give them the role."
        yield _check("teams", "warn", told, remedy, names=", ".join(unknown))
    elif settings.teams:
        yield _check("teams", "ok", "everybody in the teams is an agent")


def _running(seen: Health) -> Iterator[Check]:
    if seen.outbox_dead:
        told = "%(count)s tasks were given up after every retry"
        remedy = "Read the log of the worker for their reason."
        yield _check("outbox", "warn", told, remedy, count=seen.outbox_dead)
    else:
        yield _check("outbox", "ok", "nothing was given up")
    for channel in seen.late:
        told = "%(channel)s: the oldest thing to leave has waited for %(minutes)s minutes"
        remedy = "kbsearch notify list says why."
        minutes = round(seen.waiting[channel] / 60)
        yield _check("waiting", "warn", told, remedy, channel=channel, minutes=minutes)
    if seen.refused_commit:
        remedy = "Run kbsearch check, correct what it names and commit."
        told = "commit %(commit)s was refused; the one before it is live"
        yield _check("publication", "warn", told, remedy, commit=seen.refused_commit[:10])
    elif seen.commit is None:
        yield _check("publication", "warn", "nothing is published yet", "kbsearch serve publishes.")
    else:
        yield _check("publication", "ok", "commit %(commit)s is live", commit=seen.commit[:10])
    if seen.is_worker_alive:
        yield _check("worker", "ok", "the worker is running")
    else:
        remedy = "Start kbsearch serve, or kbsearch worker beside kbsearch web."
        yield _check("worker", "warn", "the worker is not running", remedy)


def _git(settings: Settings) -> Check:
    if shutil.which("git"):
        return _check("git", "ok", "git is there")
    remedy = "Install git: without it the folder itself is published, and no history is shown."
    state: State = "fail" if (settings.content_path / ".git").exists() else "warn"
    return _check("git", state, "git is not there", remedy)


def _branch(settings: Settings) -> Iterator[Check]:
    """What is live is a branch, and the one that writers have before them."""
    repository, branch = repository_of(settings.content_path), settings.branch
    if repository is None or shutil.which("git") is None:
        return
    names = git.branches_of(repository)
    try:
        if committed_tree(settings.content_path, branch) is None:
            return  # a plain folder inside of somebody's repository
    except Invalid:
        told = "the repository of the content has no “%(branch)s”, so nothing new is published"
        remedy = "Set branch to one of its branches: %(names)s"
        yield _check("branch", "fail", told, remedy, branch=branch, names=", ".join(names) or "–")
        return
    yield _checked_out(repository, branch, names)


def _checked_out(repository: Repository, branch: str, names: list[str]) -> Check:
    head = git.head_of(repository)
    if git.is_bare(repository) or (branch != "HEAD" and branch not in names) or branch == head:
        return _check("branch", "ok", "%(branch)s is what is live", branch=branch)
    values = {"branch": branch, "head": head if head in names else head[:10]}
    if branch == "HEAD":
        told = "whatever is checked out is live, now %(head)s: a change of branch publishes it"
        remedy = "Set branch in kbsearch.toml to the branch that readers should see."
        return _check("branch", "warn", told, remedy, **values)
    told = "%(branch)s is live, but %(head)s is checked out: what is committed there is not live"
    remedy = "Merge it into %(branch)s, or go back: git switch %(branch)s"
    return _check("branch", "warn", told, remedy, **values)


def _index(settings: Settings) -> Check:
    folder = settings.index_path
    if folder.is_dir() and any(place.is_dir() for place in folder.iterdir()):
        return _check("generations", "ok", "%(folder)s holds an index", folder=folder)
    remedy = "kbsearch serve builds it; so does: kbsearch index rebuild"
    return _check("generations", "warn", "%(folder)s holds no index yet", remedy, folder=folder)


def _mail(settings: Settings) -> Check:
    """Whether the mail server answers; nothing is sent, `kbsearch notify test` does that."""
    if not settings.smtp_url:
        folder = settings.data_path / "mail"
        told = "no smtp_url is set: letters are written to %(folder)s"
        return _check("mail", "ok", told, folder=folder)
    url = urlsplit(settings.smtp_url)
    host, port = url.hostname or "", url.port or channels.PORTS[url.scheme]
    values = {"host": host, "port": port}
    try:
        socket.create_connection((host, port), MAIL_SECONDS).close()
    except OSError:
        remedy = "check smtp_url, then send yourself a letter: kbsearch notify test"
        return _check("mail", "fail", "%(host)s:%(port)s does not answer", remedy, **values)
    return _check("mail", "ok", "%(host)s:%(port)s answers", **values)


def _secrets(configuration: Configuration) -> Iterator[Check]:
    """Files that hold a secret setting are for their owner only."""
    for name, item in FIELDS.items():
        source = configuration.sources[name]
        variable = f"KBSEARCH_{name.upper()}_FILE"
        place = os.environ.get(variable, "") if source == variable else source
        if item.metadata["secret"] and place and Path(place).is_file():
            yield _secret_file(name, Path(place))
    key = configuration.settings.data_path / KEY_NAME
    if key.is_file():
        yield _secret_file(KEY_NAME, key)


def _secret_file(name: str, path: Path) -> Check:
    if path.stat().st_mode & OTHERS_MAY:
        told, remedy = "%(path)s holds %(name)s and others may read it", "chmod 600 %(path)s"
        return _check("secrets", "fail", told, remedy, path=path, name=name)
    return _check("secrets", "ok", "%(path)s is for its owner only", path=path)
