"""The driver: a queue of what happens when, played from event to event on the simulated clock."""

import heapq
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from werkzeug.test import TestResponse

from kbsearch import people
from kbsearch.clock import running_on
from kbsearch.database import Row
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.incoming import taking
from kbsearch.people import Person
from kbsearch.people.accounts import sessions
from kbsearch.randomness import seeded
from kbsearch.web.render import WebSite
from tests.kit.year.machine import Died, Machine, SimulatedClock
from tests.kit.year.portals import PORTALS, open_portal
from tests.kit.year.records import Letter, Records, take_letters

PARIS = ZoneInfo("Europe/Paris")
FIRST_DAY = date(2027, 1, 1)
HOLIDAYS = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
SESSION = timedelta(minutes=90)  # a browser signs in again after so long
LAST_EVENTS = 30
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
_HIDDEN = re.compile(
    r'<input (?:id="\w+" )?type="hidden" (?:id="\w+" )?name="([^"]+)" value="([^"]*)"'
)
UNAVAILABLE = (503, 507)


class YearFailed(AssertionError):
    """Something that must hold does not: where, what happened before, and how to see it again."""


@dataclass(order=True)
class Event:
    """Something that happens at a moment; those of one moment in the order they were planned."""

    moment: datetime
    place: int
    name: str = field(compare=False)
    act: Callable[[], str] = field(compare=False)


@dataclass(frozen=True)
class Sending:
    """A form on its way: sent again, as it is, until somebody says what became of it."""

    name: str
    email: str
    path: str
    fields: Mapping[str, str | Sequence[str]]
    then: Callable[[TestResponse], str]
    files: tuple[tuple[str, bytes], ...] = ()


class Year:
    """A help centre and its people; whoever acts draws from `chance`, and from nothing else."""

    def __init__(
        self,
        seed: int,
        site: Path,
        database: bytes,
        *,
        days: int = 365,
        pace: float = 0.4,
        inspected_every: int = 18,
    ) -> None:
        self.seed = seed
        self.inspected_every = inspected_every  # days; ten years are inspected some 200 times
        self.pace = pace  # how much people do in a day; what befalls them comes as often as ever
        self.days = days
        self.chance = Random(f"what happens {seed}")
        self.clock = SimulatedClock(local(FIRST_DAY, 5))
        self.end = self.clock.moment + timedelta(days=days)
        self.portal = PORTALS[seed % len(PORTALS)]
        self.settings = self.portal.settings(site)
        self.records = Records()
        self.log: list[str] = []
        self.on_letters: Callable[[list[Letter]], None] = lambda letters: None
        self._queue: list[Event] = []
        self._planned = 0
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self.settings.database_path.parent.mkdir(mode=0o700, parents=True)
        self.settings.database_path.write_bytes(database)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The site is there, and time is that of the year."""
        with running_on(self.clock), seeded(self.seed):
            self.books = SqliteDatabase(self.settings.database_path)
            self.books.tables.conn.execute("PRAGMA synchronous=OFF")
            open_portal(self.portal, self.settings, self.books)
            self.machine = Machine(self.settings, self.clock)
            self.machine.publish()
            self.machine.round(follows=True)
            try:
                yield
            finally:
                self.machine.stop()
                self.books.close()

    def at(self, moment: datetime, name: str, act: Callable[[], str]) -> None:
        """Have something happen at a moment."""
        self._planned += 1
        heapq.heappush(self._queue, Event(moment, self._planned, name, act))

    def after(self, delay: timedelta, name: str, act: Callable[[], str]) -> None:
        self.at(self.clock.moment + delay, name, act)

    def play(self) -> None:
        """Everything that is planned, and what follows from it."""
        while self._queue:
            event = heapq.heappop(self._queue)
            self.clock.moment = max(self.clock.moment, event.moment)
            try:
                self._play(event)
            except YearFailed:
                raise
            except Exception as problem:
                self.fail(f"{event.name}: {type(problem).__name__}: {problem}", problem)

    def fail(self, text: str, cause: BaseException | None = None) -> None:
        """Say what is wrong, what happened before, and how to play it again."""
        day = (self.clock.moment.astimezone(PARIS).date() - FIRST_DAY).days
        happened = "\n".join(self.log[-LAST_EVENTS:])
        raise YearFailed(
            f"seed {self.seed}, day {day}: {text}\n"
            f"Again: KBSEARCH_YEARS={self.seed}-{self.seed} scripts/test tests/test_year.py\n"
            f"The last {LAST_EVENTS} events:\n{happened}"
        ) from cause

    def tell(self, text: str) -> None:
        self.log.append(f"{self.clock.moment.astimezone(PARIS):%m-%d %H:%M:%S} {text}")

    def _play(self, event: Event) -> None:
        try:
            outcome = event.act()
        except Died:
            outcome = "died"
        if outcome:
            self.tell(f"{event.name}: {outcome}")
        self.records.worker_deaths += self.machine.worker.is_dead
        self.machine.restart_dead()
        self.work()

    def spare(self) -> None:
        """Let nothing die meanwhile: somebody looks."""
        self.machine.web.doom(None)
        self.machine.worker.doom(None)

    def work(self, *, follows: bool = False) -> None:
        """A round of the worker, which may die; what left is read at once."""
        try:
            self.machine.round(follows=follows)
        except Died:
            self.tell("worker: died")
            self.after(timedelta(seconds=61), "a new worker", lambda: "")
        self.records.worker_deaths += self.machine.worker.is_dead
        self.read_letters()
        self.machine.restart_dead()

    def read_letters(self) -> None:
        """Take what has left, and have it looked at before anything else happens."""
        letters = take_letters(self.settings.data_path / "mail", self.clock.moment)
        self.records.letters += letters
        if letters:
            self.on_letters(letters)

    def get(self, email: str, path: str) -> TestResponse:
        """A page as somebody reads it; nobody: as a stranger does."""
        client = self.machine.app.test_client(use_cookies=False)
        return client.get(path, base_url=self.settings.base_url, headers=self._cookie(email))

    def post(self, sending: Sending) -> TestResponse:
        client = self.machine.app.test_client(use_cookies=False)
        files = [(BytesIO(content), name) for name, content in sending.files]
        data = {**sending.fields, **({"files": files} if files else {})}
        headers = {**self._cookie(sending.email), **SAME_ORIGIN}
        base_url = self.settings.base_url
        return client.post(sending.path, base_url=base_url, data=data, headers=headers)

    def send(self, sending: Sending) -> str:
        """Send a form; what was not answered, or found no room, is sent again later."""
        try:
            answer = self.post(sending)
        except Died:
            self._again(timedelta(minutes=5), sending)
            return "the web process died"
        if answer.status_code in UNAVAILABLE:
            self._again(timedelta(minutes=61), sending)
            return f"no room ({answer.status_code})"
        return sending.then(answer)

    def take_in(self, name: str, raw: bytes, then: Callable[[taking.Taken], str]) -> str:
        """Have a mail arrive; the mailbox has it until it is taken in."""
        try:
            taken = taking.take(self.machine.worker, self.settings, raw)
        except Exception as problem:
            if not self.machine.is_full:
                raise
            self.after(timedelta(minutes=61), name, lambda: self.take_in(name, raw, then))
            return f"no room ({type(problem).__name__})"
        except Died:
            self.after(timedelta(minutes=5), name, lambda: self.take_in(name, raw, then))
            return "the worker died"
        return then(taken)

    def people(self, *roles: str) -> list[Person]:
        """Those of these roles whose accounts are open, by address."""
        everybody = people.list_all(self.books)
        return [one for one in everybody if one.role in roles and not one.disabled_at]

    def tickets(self, *statuses: str) -> list[Row]:
        """Requests of these statuses, by number, with whose they are."""
        rows = self.books.query(
            """
            SELECT t.id, t.number, t.subject, t.status, t.organisation_id, t.assignee_id,
                   t.solved_at, t.confidential, q.email AS requester, o.slug AS organisation
            FROM tickets t JOIN people q ON q.id = t.requester_id
            LEFT JOIN organisations o ON o.id = t.organisation_id ORDER BY t.number
            """
        )
        return [row for row in rows if row["status"] in statuses]

    def _again(self, delay: timedelta, sending: Sending) -> None:
        self.after(delay, f"{sending.name} again", lambda: self.send(sending))

    def _cookie(self, email: str) -> dict[str, str]:
        if not email or people.find(self.machine.web, email).disabled_at:
            return {}
        token, used_at = self._tokens.get(email, ("", self.clock.moment - 2 * SESSION))
        if self.clock.moment - used_at > SESSION or not self._is_open(token):
            if token:
                self.records.left_sessions.append((token, email, used_at))
            person_id = people.find(self.machine.web, email).id
            token = sessions.open_session(self.machine.web, person_id)
        self._tokens[email] = token, self.clock.moment
        site: WebSite = self.machine.app.extensions["kbsearch"]
        return {"Cookie": f"{site.cookie}={token}"}

    def _is_open(self, token: str) -> bool:
        return sessions.viewer_of(self.machine.web, token).is_signed_in


def is_done(answer: TestResponse) -> bool:
    """Whether whoever sent a form was told that it is done: they are led on, and not to sign in."""
    return answer.status_code == 303 and "/login" not in answer.headers["Location"]


def local(day: date, hour: float) -> datetime:
    """A moment of a day in Paris."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=PARIS)
    wall = midnight.replace(hour=int(hour), minute=int(hour % 1 * 60))
    return wall.astimezone(UTC)


def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """What the form of that address has in it that nobody sees: keys, revisions."""
    form = re.search(rf'<form[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form is not None, f"no form sends to {action}"
    return {name: unescape(value) for name, value in _HIDDEN.findall(form[1])}
