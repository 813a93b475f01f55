"""Who may read tickets, whatever happens to their organisation and its people."""

import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsearch import access, people
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
from tests.conftest import take_over

NAMES = ("ann", "ben", "cat")
names = st.sampled_from(NAMES)
slugs = st.sampled_from(("one", "two"))
changes = st.one_of(
    st.tuples(
        st.just("share"),
        slugs,
        st.sampled_from(organisations.SHARING),
        st.none() | st.frozensets(names),
    ),
    st.tuples(st.just("move"), names, st.frozensets(slugs)),
    st.tuples(st.just("file"), slugs, names, st.frozensets(names), st.booleans()),
)


def address(name: str) -> str:
    return f"{name}@x.example"


def change(db: SqliteDatabase, number: int, what: Any) -> None:
    if what[0] == "share":
        _, slug, sharing, named = what
        followers = None if named is None else map(address, named)
        organisation = organisations.find(db, slug)
        try:
            organisations.edit(
                db, OPERATOR, organisation, OrganisationFields(sharing=sharing, followers=followers)
            )
        except Invalid as problem:
            assert problem.key == "organisation.follower_outside"
    elif what[0] == "move":
        person = people.find(db, address(what[1]))
        people.edit(db, OPERATOR, person, PersonFields(organisations=what[2]))
    else:
        _, slug, requester, copies, confidential = what
        take_over(
            db,
            number=number,
            requester=address(requester),
            organisation=slug,
            cc=[address(name) for name in sorted(copies)],
            confidential=confidential,
        )


def words_there(db: SqliteDatabase) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in db.query(
        "SELECT t.number, r.word FROM tickets t JOIN ticket_readers r ON r.ticket_id = t.id"
    ):
        found.setdefault(row["number"], set()).add(row["word"])
    return found


def words_wanted(db: SqliteDatabase, filed: dict[int, Any]) -> dict[int, set[str]]:
    """Worked out anew from what the organisations and people are now."""
    wanted = {}
    for number, (_, slug, requester, copies, confidential) in filed.items():
        organisation = organisations.find(db, slug)
        named = [
            person.id
            for person in people.list_all(db, organisation=slug)
            if person.email in organisations.followers(db, organisation)
        ]
        wanted[number] = set(
            access.ticket_readers(
                people.find(db, address(requester)).id,
                [people.find(db, address(name)).id for name in copies],
                slug,
                shared=organisation.sharing == "everyone" and not confidential,
                followers=named if organisation.sharing == "people" and not confidential else (),
            )
        )
    return wanted


def without_copies(filed: dict[int, Any], name: str, left: set[str]) -> dict[int, Any]:
    """What was filed, after somebody left organisations and so the copies of their tickets."""
    return {
        number: (what, slug, requester, copies - {name} if slug in left else copies, confidential)
        for number, (what, slug, requester, copies, confidential) in filed.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.frozensets(names), st.lists(changes, min_size=1, max_size=8))
def test_readers_are_what_sharing_and_people_say_whatever_came_first(
    empty_database: Path, named: frozenset[str], rest: list[Any]
):
    first: Any = ("file", "one", "ben", frozenset(), False)
    story = [first, ("share", "one", "people", named), *rest]
    with TemporaryDirectory() as folder:
        path = Path(shutil.copy(empty_database, folder))
        with closing(SqliteDatabase(path)) as db:
            for slug in ("one", "two"):
                organisations.add(db, OPERATOR, OrganisationFields(slug))
            for name in NAMES:
                people.add(
                    db,
                    OPERATOR,
                    PersonFields(email=address(name), name=name, organisations=["one"]),
                )
            filed: dict[int, Any] = {}
            for number, what in enumerate(story, 1):
                if what[0] == "file":
                    filed[number] = what
                elif what[0] == "move":
                    before = set(people.find(db, address(what[1])).organisations)
                    filed = without_copies(filed, what[1], before - what[2])
                change(db, number, what)
            assert words_there(db) == words_wanted(db, filed)
