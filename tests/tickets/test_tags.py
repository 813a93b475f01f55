"""What agents file requests under: its spelling, who sees it, what administrators change."""

from datetime import UTC, datetime

import pytest

from kbsearch import audit, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket, changes, records, tags
from kbsearch.tickets.tags import TagCount
from tests.conftest import Cast
from tests.kit.requests import file, later

pytestmark = pytest.mark.both_engines


def tags_of(db: Database, viewer: Viewer, ticket: Ticket) -> tuple[str, ...]:
    return tickets.find(db, viewer, ticket.id).tags


def tagged(db: Database, cast: Cast, *names: str) -> Ticket:
    """A request of Alice's with these tags."""
    ticket = file(db, cast.alice)
    tags.change(db, cast.dan, ticket.id, add=names)
    return ticket


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Facture, URGENT  été", ("facture", "urgent", "été")),
        ("vip vip VIP", ("vip",)),
        ("ﾃｽﾄ，課金、ＡＢＣ", ("abc", "テスト", "課金")),
        ("تأخير، فاتورة; à_revoir", ("à_revoir", "تأخير", "فاتورة")),
        ("product:x/y c++ 4.2-beta", ("4.2-beta", "c++", "product:x/y")),
        ("in\u200bvi\u202esible \u200b \x00\ud800", ("invisible",)),
        (" ,;\n\t\u3000", ()),
    ],
)
def test_what_is_typed_is_parted_and_written_alike(typed: str, kept: tuple[str, ...]):
    assert tags.parse(typed) == kept


def test_a_tag_of_a_list_stays_one():
    assert tags.checked([" À rappeler, demain ", "à_rappeler_demain", ""]) == ("à_rappeler_demain",)


def test_what_is_kept_is_written_so_already_whatever_the_sign():
    for sign in map(chr, [*range(0x3100), 0xFDFA, 0xFF0C, 0x1F600, 0x1D400, 0xE0041]):
        tag = tags.normal(f"a{sign}b")
        assert tags.normal(tag) == tag == "".join(tag.split()).lower(), repr(sign)
        assert tag.isprintable()


def test_too_many_and_too_long_are_refused_and_nothing_is_changed(db: Database, cast: Cast):
    ticket = tagged(db, cast, "vip")
    for names in (["a" * 81], [f"t{n}" for n in range(tags.MOST)]):
        with pytest.raises(Invalid, match=r"tags\.too_"):
            tags.change(db, cast.dan, ticket.id, add=names)
    tags.change(db, cast.dan, ticket.id, add=[f"t{n}" for n in range(tags.MOST)], remove=["vip"])
    assert len(tags_of(db, cast.dan, ticket)) == tags.MOST


def test_who_tagged_a_request_and_when_stands_in_its_history(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    tags.change(db, cast.dan, ticket.id, add=["VIP", "facture"], at=later(hours=1))
    tags.change(db, cast.root, ticket.id, add=["vip"], remove=["facture"], at=later(hours=2))
    tags.change(db, cast.root, ticket.id, add=["vip"], remove=["unknown"], at=later(hours=3))
    history = tickets.find(db, cast.dan, ticket.id).events
    assert [(e.kind, e.actor, e.at, e.field, e.before, e.after) for e in history] == [
        ("ticket.changed", "Dan Leroy", "2026-03-02T10:00:00Z", "tags", "", "facture vip"),
        ("ticket.changed", cast.root.name, "2026-03-02T11:00:00Z", "tags", "facture vip", "vip"),
    ], "what changes nothing is no event"


def test_customers_notice_nothing(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    before = tickets.find(db, cast.alice, ticket.id)
    (record,) = records.read(db, cast.alice, [ticket.id])
    tags.change(db, cast.dan, ticket.id, add=["difficult"], at=datetime.now(UTC))
    assert tickets.find(db, cast.alice, ticket.id) == before
    assert records.read(db, cast.alice, [ticket.id]) == [record]
    assert "tags" not in record
    (record,) = records.read(db, cast.dan, [ticket.id])
    assert record["tags"] == ["difficult"]
    for refused in (cast.alice, cast.chloe, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            tags.change(db, refused, ticket.id, add=["mine"])
        with pytest.raises(NotFound):
            tags.replace(db, refused, ticket.id, [])
        with pytest.raises(NotFound):
            tags.suggest(db, refused, "")


def test_two_who_tag_at_once_both_have_their_way(db: Database, cast: Cast):
    ticket = tagged(db, cast, "a", "b")
    tags.change(db, cast.dan, ticket.id, remove=["a"])
    tags.change(db, cast.root, ticket.id, add=["c"])  # whose page still shows both
    assert tags_of(db, cast.dan, ticket) == ("b", "c")
    tags.replace(db, cast.dan, ticket.id, ["D", "b"])
    assert tags_of(db, cast.dan, ticket) == ("b", "d")


def test_the_index_follows(db: Database, cast: Cast):
    ticket = tagged(db, cast, "facture")
    (case,) = changes.list_changed(db, 0, 10)
    assert case.notes == "facture"
    before = changes.last_revision(db)
    tags.rename(db, cast.root, TagCount("facture", 1), "billing")
    (case,) = changes.list_changed(db, before, 10)
    assert (case.ticket_id, case.notes) == (ticket.id, "billing")
    assert "billing" not in case.description + case.answers + case.subject


def test_those_in_use_are_suggested_the_usual_ones_first(db: Database, cast: Cast):
    for names in (("facture", "vip"), ("facture_2026", "vip"), ("vip", "100%")):
        tagged(db, cast, *names)
    assert tags.suggest(db, cast.dan, "") == [
        TagCount("vip", 3),
        TagCount("100%", 1),
        TagCount("facture", 1),
        TagCount("facture_2026", 1),
    ]
    found = tags.suggest(db, cast.dan, "FACT", but=["facture"])
    assert [tag.name for tag in found] == ["facture_2026"]
    assert [tag.name for tag in tags.suggest(db, cast.dan, "%")] == ["100%"]


def test_an_administrator_renames_merges_and_removes(db: Database, cast: Cast):
    first, second = tagged(db, cast, "bill", "vip"), tagged(db, cast, "facture", "bill")
    assert tags.rename(db, cast.root, TagCount("bill", 2), "Facturation") == "facturation"
    assert tags_of(db, cast.dan, first) == ("facturation", "vip")
    with pytest.raises(Invalid, match=r"tags\.name_taken"):
        tags.rename(db, cast.root, TagCount("facturation", 2), "facture")
    tags.rename(db, cast.root, TagCount("facturation", 2), "facture", may_merge=True)
    assert tags_of(db, cast.dan, second) == ("facture",)
    assert tags.list_all(db, cast.root) == [TagCount("facture", 2), TagCount("vip", 1)]
    tags.remove(db, cast.root, TagCount("facture", 2))
    assert tags.list_all(db, cast.root) == [TagCount("vip", 1)]
    log = audit.list_kinds(db, cast.root, ("tag.renamed", "tag.merged", "tag.removed"), limit=9)
    assert {event.kind: event.details for event in log} == {
        "tag.renamed": {
            "subject": "bill",
            "before": {"name": "bill"},
            "after": {"name": "facturation"},
        },
        "tag.merged": {
            "subject": "facturation",
            "before": {"name": "facturation"},
            "after": {"name": "facture"},
        },
        "tag.removed": {
            "subject": "facture",
            "before": {"name": "facture", "requests": "2"},
            "after": {"name": "", "requests": ""},
        },
    }
    assert all(event.actor_id == cast.root.person_id for event in log)


def test_what_is_no_name_or_no_tag_is_refused(db: Database, cast: Cast):
    ticket = tagged(db, cast, "vip")
    for name in ("", " ,", "\u200b", "a" * 81):
        with pytest.raises(Invalid):
            tags.rename(db, cast.root, TagCount("vip", 1), name)
    tags.rename(db, cast.root, TagCount("vip", 1), " VIP ")
    assert not audit.list_kinds(db, cast.root, ("tag.renamed", "tag.merged"), limit=1)
    with pytest.raises(NotFound):
        tags.find(db, OPERATOR, "unknown")
    for refused in (cast.dan, cast.alice):
        with pytest.raises(NotFound):
            tags.list_all(db, refused)
        with pytest.raises(NotFound):
            tags.rename(db, refused, TagCount("vip", 1), "other")
        with pytest.raises(NotFound):
            tags.remove(db, refused, TagCount("vip", 1))
    assert tags_of(db, cast.dan, ticket) == ("vip",)
