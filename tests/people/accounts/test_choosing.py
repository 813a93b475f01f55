from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from kbsearch import limits, outbox, people
from kbsearch.access import ANONYMOUS, OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound, TooMany
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import one_time_links, passwords, second_factor, signing_in
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.signing_in import Caller, TypedCode
from tests.conftest import Cast
from tests.kit.mail import code_in, html_of, latest, letters, link_in, post, text_of
from tests.kit.security_log import events_about
from tests.kit.signing import PASSWORD, totp, with_password, with_totp

ALICE = "alice@acme.example"
DAN = "dan@support.example"
HOME = Caller(network="192.0.2.7", user_agent="Firefox")
ANOTHER = "a different phrase"


def mailed_link(settings: Settings, db: SqliteDatabase) -> str:
    """The token of the link in the last letter."""
    return link_in(latest(settings, db)).rsplit("/", 1)[1]


def forget(settings: Settings, db: SqliteDatabase, email: str) -> str:
    choosing_passwords.forget(db, HOME, email)
    return mailed_link(settings, db)


def test_an_invitation_by_mail_leads_to_a_password_and_in(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    on_paper = one_time_links.make(db, "invitation", people.find(db, ALICE))
    choosing_passwords.invite(db, cast.root, people.find(db, ALICE))
    token = mailed_link(settings, db)
    with pytest.raises(NotFound, match="link.unusable"):
        choosing_passwords.accept_invitation(db, settings, HOME, on_paper, PASSWORD)
    inside = choosing_passwords.accept_invitation(db, settings, HOME, token, PASSWORD)
    assert isinstance(inside, signing_in.Inside), "the mailbox is proved"
    assert accounts.viewer_of(db, inside.session) == cast.alice
    with pytest.raises(NotFound, match="link.unusable"):
        choosing_passwords.accept_invitation(db, settings, HOME, token, ANOTHER)


def test_an_invitation_by_mail_is_not_enough_where_an_app_gives_the_codes(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, ALICE)
    token = one_time_links.make(db, "mailed_invitation", people.find(db, ALICE))
    step = choosing_passwords.accept_invitation(db, settings, HOME, token, PASSWORD)
    assert isinstance(step, signing_in.CodeAsked)


def test_an_invitation_on_paper_leads_to_a_password_a_code_and_in(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    token = one_time_links.make(db, "invitation", people.find(db, ALICE))
    asked = choosing_passwords.accept_invitation(db, settings, HOME, token, PASSWORD)
    assert isinstance(asked, signing_in.CodeAsked)
    inside = signing_in.finish(
        db, settings, HOME, asked.token, TypedCode(code_in(latest(settings, db)))
    )
    assert accounts.viewer_of(db, inside.session) == cast.alice
    with pytest.raises(NotFound, match="link.unusable"):
        choosing_passwords.accept_invitation(db, settings, HOME, token, ANOTHER)
    assert isinstance(signing_in.begin(db, HOME, ALICE, PASSWORD), signing_in.CodeAsked)


def test_a_refused_password_leaves_the_invitation_as_it_was(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    token = one_time_links.make(db, "invitation", people.find(db, ALICE))
    with pytest.raises(Invalid, match="password.too_short"):
        choosing_passwords.accept_invitation(db, settings, HOME, token, "short")
    step = choosing_passwords.accept_invitation(db, settings, HOME, token, PASSWORD)
    assert isinstance(step, signing_in.CodeAsked)


def test_twenty_people_with_one_invitation_choose_one_password(
    db: SqliteDatabase, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 600)  # nobody is asked to come again
    token = one_time_links.make(db, "invitation", people.find(db, ALICE))

    def accept(number: int) -> int:
        try:
            password = f"{PASSWORD} {number}"
            choosing_passwords.accept_invitation(db, settings, HOME, token, password)
            return number
        except NotFound:
            return -1
        finally:
            db.close()

    with ThreadPoolExecutor(8) as threads:
        (chosen,) = [number for number in threads.map(accept, range(20)) if number >= 0]
    assert passwords.verify(db, cast.alice.person_id, f"{PASSWORD} {chosen}")


def test_a_closed_account_is_not_invited_even_if_it_was_closed_meanwhile(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    alice = people.find(db, ALICE)
    choosing_passwords.invite(db, OPERATOR, alice)
    closed = people.disable(db, OPERATOR, alice)
    post(settings, db)
    assert letters(settings) == []
    with pytest.raises(Invalid, match="person.is_disabled"):
        choosing_passwords.invite(db, OPERATOR, closed)


def test_a_forgotten_password_is_replaced_after_link_and_code(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    alice = with_password(db, ALICE)
    elsewhere = accounts.open_session(db, alice.id)
    older = one_time_links.make(db, "invitation", alice)
    device = second_factor.trust_device(db, alice.id)
    link = forget(settings, db, ALICE)

    asked = choosing_passwords.begin_reset(db, HOME, link)
    with pytest.raises(NotFound):
        choosing_passwords.reset(db, settings, HOME, asked.token, ANOTHER)
    waiting = pending.find(db, asked.token, "reset")
    signing_in.check_code(db, settings, HOME, waiting, TypedCode(code_in(latest(settings, db))))
    with pytest.raises(Invalid, match="password.common"):
        choosing_passwords.reset(db, settings, HOME, asked.token, "passwordpassword")
    assert accounts.viewer_of(db, elsewhere) == cast.alice, "nothing has changed so far"
    choosing_passwords.reset(db, settings, HOME, asked.token, ANOTHER)

    assert accounts.viewer_of(db, elsewhere) == ANONYMOUS
    assert not second_factor.is_trusted(db, alice.id, device)
    assert passwords.verify(db, alice.id, ANOTHER)
    assert not passwords.verify(db, alice.id, PASSWORD)
    assert db.query("SELECT * FROM sessions") == [], "a reset signs nobody in"
    with pytest.raises(NotFound):
        one_time_links.peek(db, "invitation", older)
    with pytest.raises(NotFound):
        choosing_passwords.begin_reset(db, HOME, link)
    with pytest.raises(NotFound):
        choosing_passwords.reset(db, settings, HOME, asked.token, ANOTHER)

    told = latest(settings, db)
    assert told["Subject"] == "Votre mot de passe a été changé"
    assert ANOTHER not in text_of(told) + html_of(told)
    kinds = [event.kind for event in events_about(db, alice.id)]
    assert {"reset.sent", "password.changed"} <= set(kinds)


def test_the_link_alone_does_not_replace_the_second_factor(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, DAN)
    asked = choosing_passwords.begin_reset(db, HOME, forget(settings, db, DAN))
    waiting = pending.find(db, asked.token, "reset")
    assert waiting.factor == "totp"
    with pytest.raises(Invalid):
        signing_in.check_code(db, settings, HOME, waiting, TypedCode("000000"))
    with pytest.raises(NotFound):
        choosing_passwords.reset(db, settings, HOME, asked.token, ANOTHER)
    with pytest.raises(NotFound):
        signing_in.finish(db, settings, HOME, asked.token, TypedCode(totp()))
    signing_in.check_code(db, settings, HOME, waiting, TypedCode(totp()))
    choosing_passwords.reset(db, settings, HOME, asked.token, ANOTHER)
    assert second_factor.has_totp(db, waiting.person_id)


def test_one_link_followed_twice_changes_one_password(
    db: SqliteDatabase, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 600)  # nobody is asked to come again
    with_password(db, ALICE)
    link = forget(settings, db, ALICE)
    tokens = []
    for _ in range(2):
        asked = choosing_passwords.begin_reset(db, HOME, link)
        waiting = pending.find(db, asked.token, "reset")
        signing_in.check_code(db, settings, HOME, waiting, TypedCode(code_in(latest(settings, db))))
        tokens.append(asked.token)

    def reset(token: str) -> bool:
        try:
            return bool(choosing_passwords.reset(db, settings, HOME, token, ANOTHER))
        except NotFound:
            return False
        finally:
            db.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(reset, tokens * 4)) == 1


@pytest.mark.parametrize("email", ["stranger@acme.example", "chloe@globex.example"])
def test_an_address_without_open_account_is_answered_alike_and_gets_nothing(
    db: SqliteDatabase, settings: Settings, cast: Cast, email: str
):
    people.disable(db, OPERATOR, people.find(db, "chloe@globex.example"))
    choosing_passwords.forget(db, HOME, email)
    post(settings, db)
    assert letters(settings) == []
    assert outbox.count_dead(db) == 0
    assert db.query("SELECT * FROM tokens") == []


def test_asking_for_links_has_its_limits_for_known_and_unknown_alike(
    db: SqliteDatabase, cast: Cast
):
    for email in (ALICE, "stranger@acme.example"):
        for number in range(5):
            choosing_passwords.forget(db, Caller(network=f"192.0.2.{number}"), email)
        with pytest.raises(TooMany):
            choosing_passwords.forget(db, Caller(network="198.51.100.1"), email)
    for number in range(18):
        choosing_passwords.forget(db, Caller(network="192.0.2.0"), f"p{number}@acme.example")
    with pytest.raises(TooMany):
        choosing_passwords.forget(db, Caller(network="192.0.2.0"), "p19@acme.example")
    assert limits.RESETS_FROM_NETWORK.windows == ((20, timedelta(hours=1)),)


def test_a_password_is_changed_by_whoever_knows_the_present_one(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    alice = with_password(db, ALICE)
    before = accounts.open_session(db, alice.id)
    with pytest.raises(Invalid, match="password.wrong"):
        choosing_passwords.change(db, settings, HOME, alice, "not it", ANOTHER)
    session = choosing_passwords.change(db, settings, HOME, alice, PASSWORD, ANOTHER)
    assert accounts.viewer_of(db, session) == cast.alice
    assert accounts.viewer_of(db, before) == ANONYMOUS
    assert latest(settings, db)["Subject"] == "Votre mot de passe a été changé"


def test_the_link_for_an_operator_is_in_the_log_without_its_token(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    link = choosing_passwords.invitation_link(db, OPERATOR, settings, people.find(db, ALICE))
    token = link.rsplit("/", 1)[1]
    assert one_time_links.peek(db, "invitation", token).email == ALICE
    (event,) = events_about(db, cast.alice.person_id or "")
    assert event.kind == "invitation.printed"
    assert token not in str(db.query("SELECT * FROM security_log"))
