"""What people may change of themselves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kbsearch import people
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import profiles, viewers
from kbsearch.people.profiles import ProfileFields
from tests.conftest import Cast
from tests.kit.security_log import events_about


def edit(db: SqliteDatabase, viewer: Viewer, **changes: object) -> profiles.Profile:
    usual: dict[str, object] = {
        "name": "Alice Martin",
        "language": None,
        "time_zone": None,
        "single_keys": True,
    }
    return profiles.edit(db, viewer, ProfileFields(**{**usual, **changes}))  # type: ignore[arg-type]


def test_a_new_profile_says_nothing_yet(db: SqliteDatabase, alice: Viewer):
    profile = profiles.find(db, alice)
    assert (profile.time_zone, profile.mobile, profile.mobile_verified_at) == (None, None, None)
    assert profile.single_keys


def test_people_change_their_name_language_zone_and_keys(db: SqliteDatabase, alice: Viewer):
    edited = edit(
        db, alice, name="  Alice  Durand ", language="en", time_zone="Indian/Reunion",
        single_keys=False,
    )  # fmt: skip
    assert (edited.person.name, edited.person.language) == ("Alice Durand", "en")
    assert (edited.time_zone, edited.single_keys) == ("Indian/Reunion", False)
    assert not viewers.find(db, alice.email).single_keys
    assert [event.kind for event in events_about(db, edited.person.id)] == ["profile.changed"]


def test_a_language_can_be_left_to_the_browser_again(db: SqliteDatabase, alice: Viewer):
    edit(db, alice, language="en")
    assert edit(db, alice, language=None).person.language is None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"name": " "}, "person.name_invalid"),
        ({"name": "x" * 201}, "person.name_invalid"),
        ({"language": "de"}, "person.language_unknown"),
        ({"time_zone": "Mars/Olympus"}, "profile.time_zone_unknown"),
        ({"time_zone": "../../etc/passwd"}, "profile.time_zone_unknown"),
        ({"time_zone": "Europe"}, "profile.time_zone_unknown"),
        ({"time_zone": "Etc/GMT+5"}, "profile.time_zone_unknown"),
    ],
)
def test_what_is_wrong_changes_nothing(
    db: SqliteDatabase, alice: Viewer, changes: dict[str, object], key: str
):
    before = profiles.find(db, alice)
    with pytest.raises(Invalid) as problem:
        edit(db, alice, **{"name": "Somebody else", **changes})
    assert problem.value.key == key
    assert profiles.find(db, alice) == before


def test_nobody_has_no_profile(db: SqliteDatabase, alice: Viewer):
    with pytest.raises(NotFound):
        profiles.find(db, ANONYMOUS)


def test_a_profile_is_ones_own(db: SqliteDatabase, alice: Viewer, bob: Viewer):
    edit(db, alice, name="Alice Durand", time_zone="Asia/Tokyo")
    assert people.find(db, bob.email).name == "Bob Durand"
    assert profiles.find(db, bob).time_zone is None


def test_the_zones_offered_are_those_of_places():
    offered = [zone for zones in profiles.time_zones().values() for zone in zones]
    assert len(offered) == len(set(offered)) > 300
    assert {"Europe/Paris", "America/Argentina/Ushuaia", "Indian/Reunion"} <= set(offered)
    assert profiles.DEFAULT_TIME_ZONE in offered
    assert not {"US/Eastern", "Etc/GMT+5", "Brazil/East"} & set(offered)
    assert all(ZoneInfo(zone) for zone in offered)


def test_an_agent_says_until_when_they_are_away(db: SqliteDatabase, cast: Cast):
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    usual = ProfileFields(cast.dan.name, None, None, single_keys=True)

    def leave(viewer: Viewer, day: str | None) -> str | None:
        fields = replace(usual, away_until=day)
        return profiles.edit(db, viewer, fields, at=noon).away_until

    assert leave(cast.dan, " 2026-03-09 ") == "2026-03-09"
    assert profiles.find(db, cast.dan, at=noon + timedelta(days=7)).away_until is None
    for wrong in ("", "2026-03-02", "tomorrow", "2026-02-30", "09/03/2026"):
        with pytest.raises(Invalid, match=r"profile\.return_invalid"):
            leave(cast.dan, wrong)
    assert profiles.find(db, cast.dan, at=noon).away_until == "2026-03-09"
    assert leave(cast.dan, None) is None
    assert leave(cast.alice, "2026-03-09") is None, "nothing is handed to a customer"
