"""The cast and the parts every test may ask for; no network, everything in tmp_path."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as examples
from requests import Session

from kbsearch import create_app, people
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.engines import open_database
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.files.store import FileStore
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.site.importing import tickets
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from tests.kit import engines, routes

routes.share()
# How long an example takes says more of the machine than of the code.
examples.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("suite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    is_of_both = "both_engines" in marks and "sqlite_only" not in marks
    if is_of_both and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", engines.BOTH, indirect=True)


@pytest.fixture
def unguarded() -> Iterator[None]:
    """What a text message by Apprise replaces in a process for good is put back after the test."""
    find_adapter = Session.get_adapter
    yield
    setattr(Session, "get_adapter", find_adapter)  # noqa: B010  (mypy: a method)


@dataclass(frozen=True)
class Cast:
    """Alice and Bob work at Acme, Chloé at Globex; Dan answers, Wendy writes, Root runs it all."""

    alice: Viewer
    bob: Viewer
    chloe: Viewer
    dan: Viewer
    wendy: Viewer
    root: Viewer
    nobody: Viewer = ANONYMOUS


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: migrating for every test would cost more than the tests."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    db = SqliteDatabase(path)
    migrate(db)
    db.close()
    return path


@pytest.fixture(scope="session")
def empty_server() -> Iterator[str]:
    """The address of a migrated database of a PostgreSQL of the suite's own."""
    postgresql = engines.postgresql()
    with postgresql.running() as server:
        yield postgresql.make(server, "kbsearch")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Which database `db` is; a test marked `both_engines` runs once with each."""
    is_of_sqlite = request.node.get_closest_marker("sqlite_only")
    return "sqlite" if is_of_sqlite else str(getattr(request, "param", engines.USUAL))


@pytest.fixture
def settings(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    if engine == "sqlite":
        return Settings(site=tmp_path)
    address = request.getfixturevalue("empty_server")
    engines.postgresql().empty(address)
    monkeypatch.setenv("KBSEARCH_DATABASE", address)  # of the commands that are run on the site
    return Settings(site=tmp_path, database=address)


@pytest.fixture
def db(settings: Settings, empty_database: Path) -> Iterator[Database]:
    if isinstance(settings.database, Path):
        with copied(empty_database, settings) as database:
            yield database
        return
    with closing(open_database(settings.database)) as server:
        yield server


Another = Callable[[], Database]


@pytest.fixture
def another(settings: Settings, db: Database) -> Iterator[Another]:
    """Opens the database of `db` once more, as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(open_database(settings.database_address)))


@contextmanager
def copied(empty_database: Path, settings: Settings) -> Iterator[SqliteDatabase]:
    """A database of a site's own."""
    settings.database_path.parent.mkdir(mode=0o700)
    shutil.copy(empty_database, settings.database_path)
    with closing(SqliteDatabase(settings.database_path)) as database:
        yield database


@pytest.fixture(scope="module")
def scratch(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqliteDatabase]:
    """A database for the examples of a property: each of them leaves it empty."""
    path = tmp_path_factory.mktemp("scratch") / "scratch.sqlite3"
    shutil.copy(empty_database, path)
    database = SqliteDatabase(path)
    yield database
    database.close()


def introduce(db: Database) -> Cast:
    """Everybody, with their organisations and the products these have."""
    products.add(db, OPERATOR, ProductFields("iCownect"))
    products.add(db, OPERATOR, ProductFields("Cervo Atelier"))
    organisations.add(
        db, OPERATOR, OrganisationFields("Acme", sharing="everyone", products=["icownect"])
    )
    organisations.add(
        db, OPERATOR, OrganisationFields("Globex", sharing="everyone", products=["cervo-atelier"])
    )
    for email, name, role, its in (
        ("alice@acme.example", "Alice Martin", "customer", ["acme"]),
        ("bob@acme.example", "Bob Durand", "customer", ["acme"]),
        ("chloe@globex.example", "Chloé Petit", "customer", ["globex"]),
        ("dan@support.example", "Dan Leroy", "agent", []),
        ("wendy@support.example", "Wendy Faure", "writer", []),
        ("root@support.example", "Root", "administrator", []),
    ):
        people.add(db, OPERATOR, PersonFields(email=email, name=name, role=role, organisations=its))
    names = [person.email for person in people.list_all(db)]
    return Cast(**{email.split("@")[0]: viewers.find(db, email) for email in names})


@pytest.fixture
def cast(db: Database) -> Cast:
    return introduce(db)


def take_over(db: Database, **values: Any) -> str:
    """Import one past ticket of Alice's at Acme, but for what is given; its id."""
    usual = {
        "number": 1042,
        "subject": "Collar lost from the herd",
        "status": "solved",
        "requester": "alice@acme.example",
        "organisation": "acme",
        "created_at": "2026-01-31T09:00:00Z",
    }
    given = {**usual, **values}
    report = tickets.take_in(db, [Line(1, 0, given)], Report())
    assert not report.refused, report.remarks
    found = db.query("SELECT id FROM tickets WHERE number = :number", {"number": given["number"]})
    return str(found[0]["id"])


@pytest.fixture
def alice(cast: Cast) -> Viewer:
    return cast.alice


@pytest.fixture
def bob(cast: Cast) -> Viewer:
    return cast.bob


@pytest.fixture
def chloe(cast: Cast) -> Viewer:
    return cast.chloe


@pytest.fixture
def dan(cast: Cast) -> Viewer:
    return cast.dan


@pytest.fixture
def nobody() -> Viewer:
    return ANONYMOUS


@pytest.fixture
def store(settings: Settings) -> FileStore:
    return places.attached(settings)


@pytest.fixture
def app(settings: Settings, db: Database) -> Flask:
    return create_app(settings, db)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
