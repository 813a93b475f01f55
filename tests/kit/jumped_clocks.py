"""What happens when the clock of the machine jumps; run by a test, under libfaketime."""

import os
import re
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp

from kbsearch import create_app, limits, outbox, people, tickets
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound, TooMany
from kbsearch.messages import webhooks
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.messages.notifications import digest_letters
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import Task
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import one_time_links, second_factor, signing_in
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.signing_in import Caller, CodeAsked, TypedCode
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import presence
from tests.conftest import Cast, introduce
from tests.kit.mail import carry, code_in, letters, post, text_of
from tests.kit.receivers import receiver, sent_to
from tests.kit.requests import file
from tests.kit.signing import PASSWORD, with_password
from tests.kit.web import sign_in

ALICE = "alice@acme.example"
HOME = Caller(network="192.0.2.7", user_agent="Firefox")
HOUR = timedelta(hours=1)
CODE = re.compile(r"^ {4}\d{6}$", re.MULTILINE)


class World:
    """A site, and the clock of its machine."""

    def __init__(self, settings: Settings, hours: int) -> None:
        self.settings = settings
        self.by = hours * HOUR
        self.db = SqliteDatabase(settings.database_path)
        migrate(self.db)
        self.cast: Cast = introduce(self.db)
        self.seen: set[str] = set()
        self._offset = timedelta()

    def jump(self, by: timedelta | None = None) -> None:
        before = datetime.now(UTC)
        self._offset += self.by if by is None else by
        place = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
        place.write_text(f"{self._offset.total_seconds():+.0f}\n")
        jumped = datetime.now(UTC) - before
        assert abs(jumped - (self.by if by is None else by)) < timedelta(minutes=1), jumped

    def set_to(self, moment: datetime) -> None:
        self.jump(moment - datetime.now(UTC))

    def ask(self) -> str:
        asked = signing_in.begin(self.db, HOME, ALICE, PASSWORD, "")
        assert isinstance(asked, CodeAsked)
        return asked.token

    def code(self) -> str:
        """The code that left last: of the letters with one, that which was not there before."""
        found = {code_in(each) for each in letters(self.settings) if CODE.search(text_of(each))}
        (new,) = found - self.seen
        self.seen.add(new)
        return new


def codes(world: World) -> None:
    """Whoever waits for a code comes in with it, or with the next one."""
    db, settings = world.db, world.settings
    with_password(db, ALICE)
    token = world.ask()
    post(settings, db)
    code = world.code()
    world.jump()
    try:
        signing_in.finish(db, settings, HOME, token, TypedCode(code))
        assert world.by < timedelta()
    except NotFound:
        assert world.by > timedelta(), "the time of the code is over"
    token = world.ask()
    post(settings, db)
    signing_in.finish(db, settings, HOME, token, TypedCode(world.code()))
    world.jump(-world.by)
    post(settings, db)
    sent = [each["Message-ID"] for each in letters(settings)]
    assert len(sent) == len({*sent}), "nothing leaves twice"


def asked_for_and_not_sent(world: World) -> None:
    """A letter that had not left holds up none that is asked for later, and leaves once."""
    db, settings = world.db, world.settings
    with_password(db, ALICE)
    world.ask()
    world.jump()
    token = world.ask()
    post(settings, db)
    if world.by > timedelta():  # the other one is over, and has left all the same or not at all
        world.seen |= {
            code_in(each) for each in letters(settings)[:-1] if CODE.search(text_of(each))
        }
    signing_in.finish(db, settings, HOME, token, TypedCode(world.code()))
    world.jump(-world.by)
    post(settings, db)
    told = [code_in(each) for each in letters(settings) if CODE.search(text_of(each))]
    assert len(told) == len({*told}) <= 2


def attempts(world: World) -> None:
    """Attempts of the future are of now: nobody waits longer than a limit says."""
    for _ in range(10):
        limits.take(world.db, limits.CODES_FROM_NETWORK, "192.0.2.7")
    world.jump()
    try:
        limits.take(world.db, limits.CODES_FROM_NETWORK, "192.0.2.7")
        assert world.by > timedelta()
    except TooMany as problem:
        assert problem.retry_after <= 300
        world.jump(timedelta(minutes=5))
        limits.take(world.db, limits.CODES_FROM_NETWORK, "192.0.2.7")


def sessions(world: World) -> None:
    """Who is signed in stays so, and is seen again."""
    for viewer in (world.cast.alice, world.cast.dan):
        token = accounts.open_session(world.db, str(viewer.person_id))
        world.jump()
        assert accounts.viewer_of(world.db, token) == viewer
        world.jump(-world.by)
        assert accounts.viewer_of(world.db, token) == viewer


def links(world: World) -> None:
    """A link is used once, before or after."""
    alice = people.find(world.db, ALICE)
    token = one_time_links.make(world.db, "invitation", alice)
    world.jump()
    used = accounts.hash_token(token)
    assert one_time_links.use(world.db, "invitation", used).id == alice.id
    world.jump(-world.by)
    with suppress(NotFound):
        one_time_links.use(world.db, "invitation", used)
        raise AssertionError("it was used twice")


def leases(world: World) -> None:
    """What a worker died at is done once, after the jump and its lease at the latest."""
    done: list[str] = []
    outbox.add(world.db, "ticket.opened", "one")
    assert outbox.claim(world.db)
    world.jump()
    handlers = {"ticket.opened": lambda task: done.append(task.subject)}
    outbox.run_one(world.db, handlers)
    world.jump(max(timedelta(), -world.by) + 2 * outbox.LEASE)
    outbox.run_one(world.db, handlers)
    outbox.run_one(world.db, handlers)
    assert done == ["one"]


def tasks(world: World) -> None:
    """A jump while something is done has it done no second time."""
    done: list[str] = []

    def do(task: Task) -> None:
        world.jump()
        done.append(task.subject)

    outbox.add(world.db, "ticket.opened", "one")
    assert outbox.run_one(world.db, {"ticket.opened": do}) == "done"
    world.jump(-world.by)
    assert outbox.run_one(world.db, {"ticket.opened": do}) == ""
    assert done == ["one"]


def presences(world: World) -> None:
    """Who has left a page is not on it for an hour, and who is on it is seen."""
    db, dan, root = world.db, world.cast.dan, world.cast.root
    ticket = file(db, world.cast.alice)
    presence.renew(db, dan, ticket)
    assert [each.name for each in presence.renew(db, root, ticket)] == [dan.name]
    world.jump()
    assert presence.renew(db, root, ticket) == []
    presence.renew(db, dan, ticket)
    assert [each.name for each in presence.renew(db, root, ticket)] == [dan.name]


def digests(world: World) -> None:
    """What is gathered is told once, however often its hour strikes."""
    db, settings, cast = world.db, world.settings, world.cast
    gather(world, "hourly")
    ticket = file(db, cast.alice)
    carry(settings, db)
    for by in (HOUR, world.by, -world.by, HOUR, world.by, -world.by):
        world.jump(by)
        digest_letters.ask(db)
        carry(settings, db)
    assert to_dan(world) == 1
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "And now?"))
    carry(settings, db)
    world.jump(2 * HOUR)
    digest_letters.ask(db)
    carry(settings, db)
    assert to_dan(world) == 2


def mornings(world: World) -> None:
    """Over the night of a change of the hour, one digest each morning."""
    db, settings, cast = world.db, world.settings, world.cast
    gather(world, "daily")
    spring = world.by > timedelta()
    world.set_to(
        datetime(2027, 3, 27, 20, 0, 30, tzinfo=UTC)  # half a minute past each hour, not just on it
        if spring
        else datetime(2026, 10, 24, 20, 0, 30, tzinfo=UTC)
    )
    ticket, told = file(db, cast.alice), []
    for _ in range(40):
        replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "And now?"))
        carry(settings, db)
        world.jump(HOUR)
        before = to_dan(world)
        digest_letters.ask(db)
        carry(settings, db)
        if to_dan(world) > before:
            told.append(datetime.now(UTC).hour)
    assert told == ([6, 6] if spring else [7, 7]), told


def times_of_requests(world: World) -> None:
    """An answer that is older than its question breaks no page."""
    db, cast = world.db, world.cast
    ticket = file(db, cast.alice)
    world.jump()
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which one?"))
    lifecycle.solve(db, cast.alice, tickets.find(db, cast.alice, ticket.id))
    client = create_app(world.settings, db).test_client()
    sign_in(client, db, cast.dan)
    for path in (f"requests/{ticket.id}", "desk", "desk/insights", "requests"):
        assert client.get(f"/fr/{path}").status_code == 200, path


def authenticators(world: World) -> None:
    """No code counts twice, and whoever a wrong clock keeps out comes in with a recovery code."""
    db, settings, person = world.db, world.settings, str(world.cast.dan.person_id)
    secret = second_factor.offer_totp(db, settings, person)
    totp = pyotp.TOTP(secret)
    first = totp.now()
    assert second_factor.confirm_totp(db, settings, person, first)
    world.jump()
    second = totp.now()
    assert second_factor.check_totp(db, settings, person, second) == (world.by > timedelta())
    world.jump(-world.by)
    for code in (first, second, totp.now()):
        assert not second_factor.check_totp(db, settings, person, code)
    (spare, *_) = second_factor.make_recovery_codes(db, person)
    assert second_factor.use_recovery_code(db, person, spare)
    assert not second_factor.use_recovery_code(db, person, spare)
    world.jump(HOUR + timedelta(minutes=1))
    assert second_factor.check_totp(db, settings, person, totp.now())


def devices(world: World) -> None:
    """A browser that is trusted stays so, for a month by the clock of the day it was trusted."""
    db, person = world.db, str(world.cast.alice.person_id)
    token = second_factor.trust_device(db, person)
    for by in (world.by, -world.by, -world.by, world.by):
        world.jump(by)
        assert second_factor.is_trusted(db, person, token)
        assert len(second_factor.list_devices(db, person)) == 1
        assert second_factor.forget_expired(db) == 0
    world.jump(second_factor.DEVICE_LIFETIME + HOUR)
    assert not second_factor.is_trusted(db, person, token)


def retries(world: World) -> None:
    """What a webhook refused is tried again after the jump, and arrives once."""
    db, settings = world.db, world.settings
    guard = Guard(Exceptions.of(("127.0.0.0/8",)))
    with receiver() as kind, sent_to(settings, db, guard):
        kind.answers = [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
        open_settings = replace(settings, webhook_private_targets=("127.0.0.0/8",))
        webhook = webhooks.add(db, world.cast.root, open_settings, kind.url, ["article.withdrawn"])
        webhooks.test(db, world.cast.root, webhook)
        until(lambda: states(db, webhook.id) == ["failed"])
        world.jump()
        assert len(kind.received) == 1 or world.by > timedelta()
        world.jump(max(timedelta(), -world.by) + timedelta(minutes=1))
        until(lambda: states(db, webhook.id) == ["sent"])
        world.jump(2 * HOUR)
    assert len(kind.received) == 2
    assert len({headers["webhook-id"] for headers, _ in kind.received}) == 1


def until(condition: Callable[[], object]) -> None:
    """Wait; `time.sleep` fails where a clock is faked and the one of its own is not."""
    while not condition():
        select.select([], [], [], 0.02)


def states(db: SqliteDatabase, webhook_id: str) -> list[str]:
    return [delivery.state for delivery in deliveries.of_webhook(db, webhook_id)]


def gather(world: World, digest: preferences.Digest) -> None:
    everything = [(event, "mail") for event in preferences.STAFF_EVENTS]
    preferences.choose(world.db, world.cast.dan, everything, digest=digest)
    preferences.choose(world.db, world.cast.root, [])


def to_dan(world: World) -> int:
    return sum(each["Delivered-To"] == "dan@support.example" for each in letters(world.settings))


SCENES: tuple[Callable[[World], None], ...] = (
    codes,
    asked_for_and_not_sent,
    attempts,
    sessions,
    links,
    leases,
    tasks,
    presences,
    digests,
    mornings,
    times_of_requests,
    authenticators,
    devices,
    retries,
)

if __name__ == "__main__":
    scenes = {scene.__name__: scene for scene in SCENES}
    scenes[sys.argv[1]](World(Settings(site=Path(sys.argv[2])), int(sys.argv[3])))
