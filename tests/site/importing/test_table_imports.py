"""Tables that administrators upload are rehearsed, corrected, taken in once, and told of."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kbsearch import audit, clock, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.site.importing import lines, table_imports, table_runs
from kbsearch.site.importing.systems import table_guess, table_map
from kbsearch.site.importing.table_imports import TableFile, TableImport
from tests.conftest import Cast

REQUESTS = (
    "N°;Objet;Statut;Demandeur;Lot;Créé le;\r\n"
    '301;"La lampe\r\nclignote";Mystère;alice@acme.example;12;05/01/2026 09:00;\r\n'
    ";Sans numéro;Clos;;;05/01/2026;\r\n"
    "302;Éteinte;Clos;nobody;13;05/01/2026 10:00;\r\n"
    "303;trop;de;cellules;ici;et;là;non\r\n"
)
PEOPLE = (
    "E-mail,First name,Surname,Company,User type,Suspended\n"
    "new@acme.example,Zoé,Martin,Acme Corp,Technician,\n"
    "alice@acme.example,Alice,Newname,,Administrator,\n"
    "gone@acme.example,Old,One,Fresh & Co,client,yes\n"
    "no address,No,Body,,,\n"
)


LETTERS = "outbox WHERE channel IN ('mail', 'sms')"
KINDS = ("table.uploaded", "table.started", "table.imported")


def uploaded(
    db: Database, settings: Settings, cast: Cast, body: bytes | str, rows: str = "tickets"
) -> TableImport:
    raw = body.encode() if isinstance(body, str) else body
    file = TableFile("C:\\x\\requests.csv", io.BytesIO(raw), rows)
    return table_imports.upload(db, cast.root, settings, file)


def checked(db: Database, settings: Settings, cast: Cast, item: TableImport) -> TableImport:
    table_imports.check(db, cast.root, settings, item, table_imports.map_of(item))
    assert table_runs.step(db, settings) == 0
    return table_imports.find(db, cast.root, item.id)


def taken(db: Database, settings: Settings, cast: Cast, item: TableImport) -> TableImport:
    table_imports.start(db, cast.root, item, item.revision)
    assert table_runs.step(db, settings) == 0
    return table_imports.find(db, cast.root, item.id)


def count(db: Database, name: str) -> int:
    return int(db.query(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"])  # noqa: S608


def test_requests_are_rehearsed_mended_and_taken_in(db: Database, settings: Settings, cast: Cast):
    item = checked(db, settings, cast, uploaded(db, settings, cast, REQUESTS.encode("cp1252")))
    assert (item.name, item.state, count(db, "tickets")) == ("requests.csv", "checked", 0)
    assert item.outcome["counts"]["tickets"] == {
        "created": 2, "updated": 0, "unchanged": 0, "refused": 0
    }  # fmt: skip
    rows = {(row.line, row.key, row.refused) for row in table_imports.report(settings, item)}
    assert rows == {
        (2, "import.status_unknown", False),
        (4, "import.missing", True),
        (5, "import.no_address", False),
        (6, "import.wrong_columns", True),
    }
    content, columns = table_imports.content(settings, item), table_imports.map_of(item)
    assert content.words(columns) == {"status": {"Mystère": "", "Clos": "closed"}}
    assert content.examples("objet") == ["La lampe\r\nclignote", "Sans numéro", "Éteinte"]

    first = taken(db, settings, cast, item)
    assert (first.state, first.outcome["counts"]["tickets"]["created"]) == ("imported", 2)
    wrong = tickets.find_number(db, cast.dan, 301)
    assert (wrong.subject, wrong.status) == ("La lampe clignote", "open")
    better = replace(
        columns,
        columns={**columns.columns, "fields.lot": "lot"},
        words={"status": {"Mystère": "solved"}},
    )
    table_imports.check(db, cast.root, settings, first, better)
    table_runs.step(db, settings)
    again = table_imports.find(db, cast.root, item.id)
    assert again.outcome["counts"]["tickets"]["updated"] == 2
    assert table_map.parse(again.map_text, content.headings) == better, "the command takes it"
    taken(db, settings, cast, again)
    mended = tickets.find_number(db, cast.dan, 301)
    assert (mended.id, mended.status) == (wrong.id, "solved"), "a wrong map lost nothing"
    assert count(db, "tickets") == 2
    assert count(db, LETTERS) == 0, "nobody is mailed"
    kinds = [event.kind for event in audit.list_kinds(db, cast.root, KINDS, limit=9)]
    assert sorted(kinds) == sorted([*KINDS, "table.started", "table.imported"])


def test_people_come_and_keep_what_they_may_do(db: Database, settings: Settings, cast: Cast):
    organisations.add(db, OPERATOR, OrganisationFields(name="Acme Corp", slug="ac"))
    item = checked(db, settings, cast, uploaded(db, settings, cast, PEOPLE, "people"))
    assert item.outcome["counts"]["people"] == {
        "created": 2, "updated": 1, "unchanged": 0, "refused": 1
    }  # fmt: skip
    assert count(db, "invitations") == 0
    done = taken(db, settings, cast, item)
    assert done.outcome["counts"]["organisations"]["created"] == 1
    zoe, alice, old = (people.find(db, f"{name}@acme.example") for name in ("new", "alice", "gone"))
    assert (zoe.name, zoe.role, zoe.organisations) == ("Zoé Martin", "agent", ("ac",))
    assert (alice.name, alice.role) == ("Alice Newname", "customer"), "never more rights"
    assert old.disabled_at is not None
    fresh = organisations.find(db, old.organisations[0])
    assert not organisations.accepts_requests(fresh, utc_now().date(), settings)
    again = checked(db, settings, cast, done)
    assert again.outcome["counts"]["people"]["unchanged"] == 3
    staff = "email,name,disabled\ndan@support.example,Dan,yes\nroot@support.example,Root,\n"
    shut = checked(db, settings, cast, uploaded(db, settings, cast, staff, "people"))
    assert shut.outcome["rows"]["first"][0]["key"] == "import.staff_stays"


def test_organisations_are_renewed_by_their_name(db: Database, settings: Settings, cast: Cast):
    body = "Société;Fin de contrat;Partage\nAcme;31/12/2030;oui\nNew;;\nBad;soon;\n"
    item = checked(db, settings, cast, uploaded(db, settings, cast, body, "organisations"))
    done = taken(db, settings, cast, item)
    assert done.outcome["counts"]["organisations"] == {
        "created": 1, "updated": 1, "unchanged": 0, "refused": 0
    }  # fmt: skip
    assert done.outcome["rows"]["refused"] == 1
    acme = organisations.find(db, "acme")
    assert (acme.contract_ends, acme.sharing) == ("2030-12-31", "everyone")
    new = organisations.find(db, "new")
    assert not organisations.accepts_requests(new, utc_now().date(), settings)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"", "import.table_empty"),
        (b"number,subject\n", "import.table_empty"),
        (b"PK\x03\x04 a workbook", "import.not_a_table"),
        ("number;subject\n1;a".encode("utf-16"), "import.not_a_table"),
        (b",".join(b"c%d" % place for place in range(300)) + b"\n1\n", "import.too_many"),
        (b"x" * 400 + b",b\n1,2\n", "import.heading_too_long"),
    ],
)
def test_what_is_no_table_is_refused_and_leaves_nothing(
    db: Database, settings: Settings, cast: Cast, body: bytes, key: str
):
    with pytest.raises(Invalid, match=key):
        uploaded(db, settings, cast, body)
    assert list((settings.data_path / table_imports.FOLDER).iterdir()) == []
    assert table_imports.list_all(db, cast.root) == []


def test_only_administrators_and_only_what_was_checked(
    db: Database, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(table_imports, "MAX_TABLE", len(REQUESTS))
    with pytest.raises(Invalid, match="table_too_big"):
        uploaded(db, settings, cast, REQUESTS + "é")
    monkeypatch.undo()
    item = uploaded(db, settings, cast, REQUESTS)
    nothing = TableFile("x", io.BytesIO(), "people")
    for act in (
        lambda: table_imports.find(db, cast.dan, item.id),
        lambda: table_imports.upload(db, cast.dan, settings, nothing),
        lambda: table_imports.start(db, cast.dan, item, item.revision),
        lambda: table_imports.remove(db, cast.alice, settings, item),
    ):
        with pytest.raises((Forbidden, NotFound)):
            act()
    with pytest.raises(Invalid, match="moved_on"):
        table_imports.start(db, cast.root, item, item.revision)
    columns = table_imports.map_of(item)
    table_imports.check(db, cast.root, settings, item, columns)
    begun = table_imports.find(db, cast.root, item.id)
    table_imports.stop(db, cast.root, begun)
    table_runs.run(db, settings, begun)
    assert table_imports.find(db, cast.root, item.id).state == "new", "it was stopped on its way"
    with pytest.raises(Invalid):
        wrong = replace(columns, columns={"subject": "objet"})
        table_imports.check(db, cast.root, settings, item, wrong)


def test_a_table_is_forgotten_with_its_files(db: Database, settings: Settings, cast: Cast):
    item = checked(db, settings, cast, uploaded(db, settings, cast, REQUESTS))
    kept = uploaded(db, settings, cast, REQUESTS)
    folder = settings.data_path / table_imports.FOLDER
    assert len(list(folder.iterdir())) == 3
    table_imports.forget_old(db, settings)
    assert len(list(folder.iterdir())) == 3
    table_imports.remove(db, cast.root, settings, item)
    later = utc_now() + table_imports.KEEP + timedelta(days=2)
    with clock.running_on(lambda: later):
        table_imports.forget_old(db, settings)
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFound):
        table_imports.find(db, cast.root, kept.id)


def test_headings_and_separators_as_spreadsheets_write_them(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_bytes(b'\xef\xbb\xbf"Ticket, the\nnumber";Mail;;Mail\r\n1;"a;b";c;d;;\r\n')
    assert lines.headings(path) == ["ticket, the number", "mail", "(3)", "mail (4)"]
    rows = [line.values for line in lines.read(path, "csv")]
    assert rows == [{"ticket, the number": "1", "mail": "a;b", "(3)": "c", "mail (4)": "d"}]
    path.write_text("Ticket\tTitle\n1\tA, b; c\n")
    assert table_guess.guess(lines.headings(path)).columns == {
        "number": "ticket",
        "subject": "title",
    }
