"""Personal tokens: whom they stand for, what ends them, what the log keeps of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields, viewers
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import MOST_TOKENS, TokenFields
from tests.conftest import Cast
from tests.kit.security_log import added_by, events_about

MOMENT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def make(
    db: SqliteDatabase, viewer: Viewer, fields: TokenFields | None = None, at: datetime = MOMENT
) -> tuple[personal_tokens.PersonalToken, str]:
    person = people.find(db, viewer.email)
    return personal_tokens.add(db, viewer, person, fields or TokenFields("robot"), at=at)


@pytest.mark.parametrize("who", ["alice", "bob", "chloe", "dan", "wendy", "root"])
def test_a_token_is_its_person(db: SqliteDatabase, cast: Cast, who: str):
    viewer: Viewer = getattr(cast, who)
    token, secret = make(db, viewer)
    holder = personal_tokens.holder_of(db, secret, at=MOMENT)
    assert holder is not None
    assert replace(holder.viewer, via="") == viewers.find(db, viewer.email)
    assert holder.token.id == token.id and not holder.token.may_write


def test_its_person_is_told_by_mail(db: SqliteDatabase, cast: Cast):
    make(db, cast.alice)
    told = db.query("SELECT subject FROM outbox WHERE kind = 'token.added'")
    assert told == [{"subject": cast.alice.person_id}]


def test_only_the_hash_is_kept(db: SqliteDatabase, cast: Cast):
    _, secret = make(db, cast.alice)
    kept = [text for row in db.query("SELECT * FROM personal_tokens") for text in row.values()]
    assert secret.startswith("kbs_")
    assert not any(secret in str(text) for text in kept)
    assert all(secret not in str(event) for event in events_about(db, str(cast.alice.person_id)))


@pytest.mark.parametrize("secret", ["", " ", "\x00", "kbs_", "NULL", "é" * 40, "\ud800"])
def test_nothing_else_is_a_token(db: SqliteDatabase, cast: Cast, secret: str):
    make(db, cast.alice)
    assert personal_tokens.holder_of(db, secret, at=MOMENT) is None


def test_it_ends_on_its_day_and_is_forgotten(db: SqliteDatabase, cast: Cast):
    _, secret = make(db, cast.alice, TokenFields("robot", days=30))
    last, over = MOMENT + timedelta(days=30, seconds=-1), MOMENT + timedelta(days=30)
    assert personal_tokens.holder_of(db, secret, at=last)
    assert personal_tokens.holder_of(db, secret, at=over) is None
    assert personal_tokens.list_all(db, at=over) == []
    assert personal_tokens.forget_expired(db, at=last) == 0
    assert personal_tokens.forget_expired(db, at=over) == 1


def test_its_last_use_is_kept_to_the_minute(db: SqliteDatabase, cast: Cast):
    token, secret = make(db, cast.alice)
    assert personal_tokens.find(db, token.id).used_at is None
    seen = []
    for seconds in (0, 59, 60):
        personal_tokens.holder_of(db, secret, at=MOMENT + timedelta(seconds=seconds))
        seen.append(personal_tokens.find(db, token.id).used_at)
    assert seen == ["2026-11-30T09:00:00Z", "2026-11-30T09:00:00Z", "2026-11-30T09:01:00Z"]


def test_a_closed_account_and_another_role_end_it_at_once(db: SqliteDatabase, cast: Cast):
    _, alices = make(db, cast.alice)
    _, bobs = make(db, cast.bob)
    people.disable(db, cast.root, people.find(db, cast.alice.email))
    people.edit(db, cast.root, people.find(db, cast.bob.email), PersonFields(role="agent"))
    for secret in (alices, bobs):
        assert personal_tokens.holder_of(db, secret, at=MOMENT) is None
    people.enable(db, cast.root, people.find(db, cast.alice.email))
    assert personal_tokens.holder_of(db, alices, at=MOMENT) is None


def test_leaving_an_organisation_narrows_it_at_once(db: SqliteDatabase, cast: Cast):
    _, secret = make(db, cast.alice)
    alice = people.find(db, cast.alice.email)
    people.edit(db, cast.root, alice, PersonFields(organisations=[]))
    holder = personal_tokens.holder_of(db, secret, at=MOMENT)
    assert holder is not None and "org:acme" not in holder.viewer.principals


def test_its_owner_and_administrators_revoke_it(db: SqliteDatabase, cast: Cast):
    for viewer in (cast.alice, cast.root, OPERATOR):
        token, secret = make(db, cast.alice)
        for stranger in (cast.bob, cast.chloe, cast.dan, cast.nobody):
            with pytest.raises(NotFound):
                personal_tokens.revoke(db, stranger, token.id)
        personal_tokens.revoke(db, viewer, token.id)
        assert personal_tokens.holder_of(db, secret, at=MOMENT) is None


def test_nobody_makes_one_for_somebody_else(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, cast.alice.email)
    for viewer in (cast.bob, cast.dan, cast.root, cast.nobody):
        with pytest.raises(NotFound):
            personal_tokens.add(db, viewer, alice, TokenFields("robot"))
    assert personal_tokens.add(db, OPERATOR, alice, TokenFields("robot"))


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (TokenFields(" "), "token.name_invalid"),
        (TokenFields("x" * 81), "token.name_invalid"),
        (TokenFields("two\x00"), "token.name_invalid"),
        (TokenFields("robot", days=0), "token.days_invalid"),
        (TokenFields("robot", days=367), "token.days_invalid"),
        (TokenFields("robot", product="unknown"), "product.not_found"),
    ],
)
def test_what_is_asked_of_it_is_checked(
    db: SqliteDatabase, cast: Cast, fields: TokenFields, key: str
):
    with pytest.raises(Invalid) as refused:
        make(db, cast.alice, fields)
    assert refused.value.key == key


def test_a_person_has_so_many(db: SqliteDatabase, cast: Cast):
    for _ in range(MOST_TOKENS):
        make(db, cast.alice)
    with pytest.raises(Invalid, match=r"token\.too_many"):
        make(db, cast.alice)
    assert make(db, cast.bob)


def test_the_security_log_says_who_made_it_and_who_ended_it(db: SqliteDatabase, cast: Cast):
    fields = TokenFields("robot", may_write=True, product="icownect")
    made, ended = (
        added_by(db, act)[0]
        for act in (
            lambda: make(db, cast.alice, fields),
            lambda: personal_tokens.revoke(
                db, cast.root, personal_tokens.list_all(db, at=MOMENT)[0].id
            ),
        )
    )
    assert (made.kind, made.actor_id, made.person_id) == (
        "token.added",
        cast.alice.person_id,
        cast.alice.person_id,
    )
    assert made.details["after"] | {"expires_at": ""} == {
        "access": "write",
        "product": "icownect",
        "expires_at": "",
    }
    assert (ended.kind, ended.actor_id) == ("token.revoked", cast.root.person_id)
    assert ended.details["subject"] == made.details["subject"]
