"""Known problems and notices: who reads them, who says "me too", who is written to, who learns."""

import pytest

from kbsearch import announcements, outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.announcements import (
    Announcement,
    editing,
    following,
    matching,
    reach,
    version_ranges,
)
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid, NotFound, Outdated
from kbsearch.messages.notifications import announcement_letters
from kbsearch.people import PersonFields, notification_choices, organisations, viewers
from kbsearch.people.organisations import OrganisationFields
from kbsearch.site import own_data
from kbsearch.tickets.desk import incident_groups
from tests.conftest import Cast
from tests.kit import mail
from tests.kit.requests import file, later


def announce(db: Database, by: Viewer, *, by_mail: bool = False, **said: str) -> Announcement:
    """Publish a known problem of iCownect, usual but for what is given."""
    usual = {"title_fr": "Export vide", "text_fr": "Relancez l’export.", "product": "icownect"}
    added = editing.add(db, by, AnnouncementFields(**{**usual, **said}))
    editing.publish(db, by, added, by_mail=by_mail)
    return announcements.find(db, by, added.id)


def letters(db: Database, settings: Settings) -> list[tuple[str, str]]:
    """Do what the outbox asks for; the letters that left, by address and text."""
    handlers = outbox.together(
        announcement_letters.fan_out(db), announcement_letters.handlers(settings, db)
    )
    kinds = {row["kind"] for row in db.query("SELECT kind FROM outbox")}
    idle = {kind: lambda task: None for kind in kinds - set(handlers)}
    before = len(mail.letters(settings))
    while outbox.run_one(db, {**handlers, **idle}):
        pass
    assert db.query("SELECT problem FROM outbox WHERE problem IS NOT NULL") == []
    return sorted(
        (str(letter["To"]).partition("<")[2].rstrip(">"), mail.text_of(letter))
        for letter in mail.letters(settings)[before:]
    )


def readers(db: Database, cast: Cast, announcement: Announcement) -> set[str]:
    names = set()
    for name, viewer in vars(cast).items():
        try:
            announcements.find(db, viewer, announcement.id)
        except NotFound:
            continue
        names.add(name)
    return names


@pytest.mark.parametrize(
    ("version", "first", "last", "is_meant"),
    [
        ("4.3.0", "4.3", "4.3", True),
        ("4.3", "4.3.0", "4.3.0", True),
        ("4.3.1", "4.3.0", "4.3.0", False),
        ("4.10", "4.9", "", True),
        ("4.2", "4.3", "", False),
        ("5.0", "", "4.3", False),
        ("v4.3-beta2", "4.3", "4.3", True),
        ("", "4.3", "4.3", True),
        ("trunk", "4.3", "4.3", True),
        ("2026.2.1", "2025.4", "2026.2", True),
    ],
)
def test_a_version_is_in_a_range_or_not(version: str, first: str, last: str, is_meant: bool):
    assert version_ranges.is_within(version, first, last) is is_meant


def test_those_who_have_the_software_read_it_and_agents(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    assert readers(db, cast, announcement) == {"alice", "bob", "dan", "root"}
    editing.withdraw(db, cast.dan, announcement)
    assert readers(db, cast, announcement) == {"dan", "root"}


def test_named_organisations_read_it_and_no_others_of_the_same_software(db: Database, cast: Cast):
    globex = organisations.find(db, "globex")
    organisations.edit(db, OPERATOR, globex, OrganisationFields(products=["icownect"]))
    announcement = announce(db, cast.dan, organisations="Acme\n")
    assert readers(db, cast, announcement) == {"alice", "bob", "dan", "root"}
    assert editing.organisations_of(db, cast.dan, announcement) == ("acme",)
    with pytest.raises(NotFound):
        editing.organisations_of(db, cast.alice, announcement)


def test_a_contract_that_ended_closes_it(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(contract_ends="2020-01-01"))
    with pytest.raises(NotFound):
        announcements.find(db, viewers.find(db, "alice@acme.example"), announcement.id)
    assert reach.count(db, cast.dan, announcement).people == 0


def test_who_is_known_to_have_another_version_is_not_bothered(db: Database, cast: Cast):
    announcement = announce(db, cast.dan, version_from="4.3.0", version_to="4.3.0")
    assert [one.id for one in announcements.list_current(db, cast.alice)] == [announcement.id]
    assert reach.count(db, cast.dan, announcement) == reach.Reach(2, 1, 1)
    file(db, cast.bob, software="icownect", version="4.2")
    assert announcements.list_current(db, cast.alice) == []
    assert reach.list_concerned(db, announcement) == []
    file(db, cast.bob, software="icownect", version="4.3.0", at=later(hours=1))
    assert len(announcements.list_current(db, cast.alice)) == 1
    assert announcements.list_about(db, cast.alice, "icownect", "4.2") == []
    assert len(announcements.list_about(db, cast.alice, "icownect", "4.3")) == 1
    assert announcements.list_about(db, cast.alice, "cervo-atelier", "") == []


def test_another_organisation_without_the_software_makes_it_concern_nobody(
    db: Database, cast: Cast
):
    alice = people.find(db, "alice@acme.example")
    people.edit(db, OPERATOR, alice, PersonFields(organisations=["acme", "globex"]))
    file(db, cast.bob, software="icownect", version="4.2")
    announcement = announce(db, cast.dan, version_from="4.3.0")
    assert announcements.list_current(db, viewers.find(db, alice.email)) == []
    assert reach.list_concerned(db, announcement) == []


def test_a_search_finds_it_by_its_words_in_either_language(db: Database, cast: Cast):
    pressed = matching.AnnouncementSearch(db)
    assert pressed(cast.alice, "export vide") == []
    announce(db, cast.dan, title_en="Empty export", text_en="Run it again")
    for text in ("exports vides", "empty expor", "l’export est vide"):
        assert len(matching.search(db, cast.alice, text)) == 1, text
    assert matching.search(db, cast.alice, "mot de passe oublié") == []
    assert len(pressed(cast.alice, "export vide")) == 1, "what came since is seen"
    assert matching.search(db, cast.chloe, "export vide") == []
    assert matching.search(db, cast.alice, "de la") == []


def test_me_too_counts_a_person_once_and_makes_no_request(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    for _ in range(2):
        following.say_me_too(db, cast.alice, announcement)
    following.say_me_too(db, cast.bob, announcement)
    following.follow(db, cast.bob, announcement)
    assert following.count_affected(db, cast.dan) == {announcement.id: 1}
    (first, second) = following.list_followers(db, cast.dan, announcement)
    assert (first.name, first.organisations, first.is_affected) == ("Alice Martin", "Acme", True)
    assert second.is_affected is False
    assert db.query("SELECT COUNT(*) AS n FROM tickets") == [{"n": 0}]
    following.leave(db, cast.alice, announcement)
    assert following.count_affected(db, cast.dan) == {}


def test_nobody_but_agents_learns_who_else_has_it(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    following.say_me_too(db, cast.bob, announcement)
    as_alice = announcements.find(db, cast.alice, announcement.id)
    assert (as_alice.follows, as_alice.is_affected) == (False, False)
    for secret in (following.count_affected, following.list_followers):
        with pytest.raises(NotFound):
            secret(db, cast.alice, *([announcement] if secret is following.list_followers else []))
    with pytest.raises(NotFound):
        reach.count(db, cast.alice, announcement)
    assert own_data.collect(db, cast.alice)["announcements_followed"] == []
    (own,) = own_data.collect(db, cast.bob)["announcements_followed"]
    assert (own["announcement"], own["me_too"]) == ("Export vide", True)


def test_staff_and_what_is_over_take_no_me_too(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    with pytest.raises(Forbidden):
        following.say_me_too(db, cast.dan, announcement)
    notice = announce(db, cast.dan, kind="notice")
    with pytest.raises(Invalid):
        following.say_me_too(db, cast.alice, notice)
    editing.end(db, cast.dan, announcement)
    with pytest.raises(Invalid):
        following.follow(db, cast.alice, announcements.find(db, cast.alice, announcement.id))


def test_everybody_who_waits_is_written_to_once_when_it_is_fixed(
    db: Database, cast: Cast, settings: Settings
):
    reported = file(db, cast.chloe, subject="L’export de Globex")
    problem = incident_groups.group(db, cast.dan, "Export", [reported])
    announcement = announce(db, cast.dan, problem_id=problem, title_en="Empty export")
    following.say_me_too(db, cast.alice, announcement)
    following.follow(db, cast.bob, announcement)
    alice = people.find(db, cast.alice.email)
    people.edit(db, OPERATOR, alice, people.PersonFields(language="en"))
    editing.end(db, cast.dan, announcement, fixed_in="4.3.1")
    editing.end(db, cast.dan, announcement, fixed_in="4.3.1")
    sent = dict(letters(db, settings))
    assert set(sent) == {"alice@acme.example", "bob@acme.example", "chloe@globex.example"}
    assert "Empty export" in sent["alice@acme.example"] and "4.3.1" in sent["alice@acme.example"]
    assert "Export vide" in sent["bob@acme.example"]
    assert "L’export de Globex" in sent["chloe@globex.example"]
    assert "Export vide" not in sent["chloe@globex.example"], "it is not for her organisation"
    others = ("Alice", "Chloé", "Globex")
    assert [name for name in others if name in sent["bob@acme.example"]] == []
    assert letters(db, settings) == []


def test_an_opt_out_is_honoured(db: Database, cast: Cast, settings: Settings):
    notification_choices.decline(db, cast.alice.person_id or "", "announcement.published")
    announce(db, cast.dan, by_mail=True)
    assert [to for to, _ in letters(db, settings)] == ["bob@acme.example"]


def test_a_notice_goes_to_those_on_that_version(db: Database, cast: Cast, settings: Settings):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "globex"), OrganisationFields(products=["icownect"])
    )
    file(db, cast.alice, software="icownect", version="4.3.0")
    file(db, cast.dan, software="icownect", version="4.2", requester="chloe@globex.example")
    range_ = {"version_from": "4.3.0", "version_to": "4.3.0"}
    announce(db, cast.dan, kind="notice", by_mail=True, **range_)
    assert [to for to, _ in letters(db, settings)] == ["alice@acme.example", "bob@acme.example"]


def test_what_is_withdrawn_before_its_letters_leave_is_told_to_nobody(
    db: Database, cast: Cast, settings: Settings
):
    announcement = announce(db, cast.dan, by_mail=True)
    editing.withdraw(db, cast.dan, announcement)
    assert letters(db, settings) == []
    assert editing.publish(db, cast.dan, announcement, by_mail=True)
    assert len(letters(db, settings)) == 2, "once it is published again"


def test_what_is_over_is_neither_withdrawn_nor_published_again(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    assert editing.end(db, cast.dan, announcement) and not editing.end(db, cast.dan, announcement)
    assert not editing.withdraw(db, cast.dan, announcement)
    assert not editing.publish(db, cast.dan, announcement, by_mail=True)
    assert announcements.find(db, cast.dan, announcement.id).state == "ended"


def test_an_organisation_is_named_in_any_case(db: Database, cast: Cast):
    organisations.add(db, OPERATOR, OrganisationFields("École de l’Étang"))
    fields = AnnouncementFields(title_fr="Export", organisations="école de l’étang\nACME")
    announcement = editing.add(db, cast.dan, fields)
    assert len(editing.organisations_of(db, cast.dan, announcement)) == 2


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"title_fr": ""}, "announcement.title_required"),
        ({"title_fr": "x" * 251}, "announcement.title_too_long"),
        ({"text_fr": "x" * 20_001}, "announcement.text_too_long"),
        ({"kind": "gossip"}, "announcement.kind_unknown"),
        ({"product": "nothing"}, "announcement.product_unknown"),
        ({"product": "", "version_to": "4"}, "announcement.product_required"),
        ({"version_from": "4.3", "version_to": "4.2"}, "announcement.range_turned"),
        ({"version_from": "4" * 61}, "announcement.version_too_long"),
        ({"organisations": "Acme\nNobody"}, "announcement.organisation_unknown"),
        ({"organisations": "\n".join(map(str, range(201)))}, "announcement.too_many_organisations"),
    ],
)
def test_what_cannot_be_announced_is_refused(
    db: Database, cast: Cast, fields: dict[str, str], key: str
):
    usual = {"title_fr": "Export vide", "product": "icownect"}
    with pytest.raises(Invalid) as refusal:
        editing.add(db, cast.dan, AnnouncementFields(**{**usual, **fields}))
    assert refusal.value.key == key


def test_a_page_that_is_out_of_date_changes_nothing(db: Database, cast: Cast):
    announcement = announce(db, cast.dan)
    changed = AnnouncementFields(title_fr="Autre", product="icownect")
    with pytest.raises(Outdated):
        editing.edit(db, cast.dan, announcement, changed, revision="earlier")
    editing.edit(db, cast.dan, announcement, changed)
    assert announcements.find(db, cast.alice, announcement.id).title("en") == "Autre"


def test_opened_again_it_is_told_again_when_it_is_over(
    db: Database, cast: Cast, settings: Settings
):
    announcement = announce(db, cast.dan)
    following.follow(db, cast.alice, announcement)
    for _ in range(2):
        editing.end(db, cast.dan, announcement)
        assert len(letters(db, settings)) == 1
        editing.reopen(db, cast.dan, announcement)
