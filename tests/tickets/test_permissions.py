"""Nobody reads, lists, counts or opens what is not theirs, whatever happens to people and requests.

A model of a few organisations is walked at random beside the real thing. On the way all that
everybody can reach is compared with what the model says, no more and no less.
KBSEARCH_EXAMPLES multiplies how many walks are tried.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from kbsearch import access, people, tickets
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound, SignInNeeded
from kbsearch.files import places
from kbsearch.messages.webhooks import journal
from kbsearch.people import PersonFields, agent_limits, organisations, viewers
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.people.organisations import OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets import exports, records, teams, visibility
from kbsearch.tickets import files as attachments
from kbsearch.tickets import lists as ticket_lists
from kbsearch.tickets import messages as conversations
from kbsearch.tickets import readers as ticket_readers
from kbsearch.tickets.conversation import corrections as edits
from kbsearch.tickets.conversation import lifecycle, ownership, replies
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import queue, requesters
from kbsearch.tickets.desk.queue import QueueFilter
from kbsearch.tickets.exports import TicketQuery
from kbsearch.tickets.filing import copies, drafts
from kbsearch.tickets.lists import ListFilter
from kbsearch.tickets.teams import TeamFields
from tests.kit.requests import attach, file

TIMES = int(os.environ.get("KBSEARCH_EXAMPLES", "1"))
COMPANIES = ("acme", "globex")
CREW = ("ann", "ben", "cat", "dan", "lou")  # dan answers, lou what they are limited to
CUSTOMERS = CREW[:3]
TEAMS = ("Barns", "Herds")
PRODUCTS = ("alpha", "beta")
MOST_STEPS = 14

Step = tuple[str, int, int, int]


@dataclass
class Request:
    """What the model knows of a request; `word` is in all that belongs to it."""

    id: str
    word: str
    requester: str
    company: str | None
    confidential: bool
    copied: set[str] = field(default_factory=set)
    team: str | None = None
    product: str | None = None
    assignee: str | None = None
    filed_by: str = ""


@dataclass
class World:
    """What is true, kept beside the database by the simplest of means."""

    members: dict[str, set[str]]
    shares: dict[str, str]
    followers: dict[str, set[str]]  # named, whether that is in force or not
    requests: list[Request] = field(default_factory=list)
    sent_files: list[tuple[str, Request, bool]] = field(default_factory=list)  # id, of, internal
    drafts: dict[str, tuple[str, str]] = field(default_factory=dict)  # key: (person, file)
    limits: set[str] = field(default_factory=set)  # of lou: names of teams and products

    def sees(self, who: str, request: Request) -> bool:
        if who == "dan" or who == request.requester or who in request.copied:
            return True
        if who == "lou":
            is_theirs = bool({request.team, request.product} & self.limits)
            return not self.limits or is_theirs or "lou" in (request.assignee, request.filed_by)
        company = request.company
        return (
            company is not None
            and who != "nobody"
            and company in self.members[who]
            and not request.confidential
            and (
                self.shares[company] == "everyone"
                or (self.shares[company] == "people" and who in self.followers[company])
            )
        )


class Site:
    """The real thing, and the steps that change both."""

    def __init__(self, folder: Path) -> None:
        configured = Settings(site=folder)
        self.db = SqliteDatabase(configured.database_path)
        self.store = places.attached(configured)
        members = {"ann": {"acme"}, "ben": {"acme"}, "cat": {"globex"}}
        members |= {"dan": set(), "lou": set()}
        self.world = World(members, {}, {company: set() for company in COMPANIES})
        with self.db.atomic():
            for company in COMPANIES:
                organisations.add(
                    self.db, OPERATOR, OrganisationFields(company, sharing="everyone")
                )
                self.world.shares[company] = "everyone"
            for name in CREW:
                role = "customer" if name in CUSTOMERS else "agent"
                its = sorted(self.world.members[name])
                email = f"{name}@x.example"
                people.add(
                    self.db,
                    OPERATOR,
                    PersonFields(email=email, name=name, role=role, organisations=its),
                )

            for name in PRODUCTS:
                products.add(self.db, OPERATOR, ProductFields(name))
            added = [teams.add(self.db, OPERATOR, TeamFields(name)) for name in TEAMS]
            self.teams = {team.name: team.id for team in added}
            self.limit(1, 0, 0)

    def viewer(self, name: str) -> Viewer:
        if name == "nobody":
            return ANONYMOUS
        return viewers.find(self.db, f"{name}@x.example")

    def step(self, step: Step) -> None:
        name, *numbers = step
        getattr(self, name)(*numbers)

    def _pick(self, number: int) -> Request | None:
        known = self.world.requests
        return known[number % len(known)] if known else None

    def open(self, who: int, company: int, other: int) -> None:
        name = CUSTOMERS[who % 3]
        mine = sorted(self.world.members[name])
        chosen = mine[company % len(mine)] if mine else None
        copied = {
            each
            for each in CUSTOMERS
            if other % 2 and each != name and chosen in self.world.members[each]
        }
        word, key = f"canary{len(self.world.requests)}x", new_id()
        kept = attach(self.db, self.viewer(name), self.store, key, f"{word}.txt")
        ticket = file(
            self.db,
            self.viewer(name),
            key=key,
            subject=f"subject {word}",
            description=word,
            organisation=chosen or "",
            cc=[f"{each}@x.example" for each in copied],
            confidential=bool(other // 2 % 2),
        )
        request = Request(ticket.id, word, name, chosen, bool(other // 2 % 2), copied)
        request.team = tickets.find(self.db, self.viewer("dan"), ticket.id).team
        self.world.requests.append(request)
        self.world.sent_files.append((kept.id, request, False))

    def say(self, which: int, who: int, kind: int) -> None:
        request, name = self._pick(which), CREW[who % len(CREW)]
        if request is None or not self.world.sees(name, request):
            return
        internal = kind % 2 == 1 and name not in CUSTOMERS
        viewer = self.viewer(name)
        ticket, key = tickets.find(self.db, viewer, request.id), new_id()
        kept = attach(self.db, viewer, self.store, key, f"{request.word}.txt", ticket=ticket)
        body = f"{'secret' if internal else 'public'} {request.word}"
        say = replies.note if internal else replies.reply
        with suppress(Invalid):  # closed: nothing was said, the file stays with the form
            say(self.db, viewer, ticket, ReplyForm(key, body))
            self.world.sent_files.append((kept.id, request, internal))
            return
        self.world.drafts[key] = (name, kept.id)

    def copy(self, which: int, who: int, add: int) -> None:
        request, name = self._pick(which), CUSTOMERS[who % 3]
        if request is None:
            return
        ticket = tickets.find(self.db, self.viewer("dan"), request.id)
        if add % 2 == 0:
            copies.remove(self.db, self.viewer("dan"), ticket, f"{name}@x.example")
            request.copied.discard(name)
            return
        is_colleague = request.company in self.world.members[name]
        try:
            copies.add(self.db, self.viewer("dan"), ticket, f"{name}@x.example")
        except Invalid:
            assert not is_colleague
        else:
            assert is_colleague
            request.copied |= {name} - {request.requester}

    def move(self, who: int, where: int, _: int) -> None:
        name = CUSTOMERS[who % 3]
        now = {COMPANIES[n] for n in range(2) if where >> n & 1}
        person = people.find(self.db, f"{name}@x.example")
        people.edit(self.db, OPERATOR, person, PersonFields(organisations=sorted(now)))
        for request in self.world.requests:
            if request.company in self.world.members[name] - now:
                request.copied.discard(name)
        for company in self.world.members[name] - now:
            self.world.followers[company].discard(name)
        self.world.members[name] = now

    def share(self, company: int, how: int, whom: int) -> None:
        slug = COMPANIES[company % 2]
        sharing = organisations.SHARING[how % 3]
        named = {
            each
            for place, each in enumerate(CUSTOMERS)
            if whom >> place & 1 and slug in self.world.members[each]
        }
        followers = [f"{each}@x.example" for each in named]
        there = organisations.find(self.db, slug)
        organisations.edit(
            self.db, OPERATOR, there, OrganisationFields(sharing=sharing, followers=followers)
        )
        self.world.shares[slug], self.world.followers[slug] = sharing, named

    def edit(self, which: int, what: int, value: int) -> None:
        request = self._pick(which)
        if request is None:
            return
        dan = self.viewer("dan")
        ticket = tickets.find(self.db, dan, request.id)
        changes = {"confidential": "1" if value % 2 else ""}
        if what % 2:
            changes = {"organisation": COMPANIES[value % 2]}
        try:
            edits.edit_fields(
                self.db, dan, ticket, FieldEdits(changes, edition=ticket.edition), fields=()
            )
        except Invalid:
            assert ticket.status == "closed"
            return
        if what % 2:
            request.company = COMPANIES[value % 2]
            kept = {who for who in request.copied if request.company in self.world.members[who]}
            request.copied = kept
        else:
            request.confidential = bool(value % 2)

    def settle(self, which: int, how: int, _: int) -> None:
        request = self._pick(which)
        if request is None:
            return
        dan = self.viewer("dan")
        ticket = tickets.find(self.db, dan, request.id)
        with suppress(Invalid):
            if how % 3 == 2:
                lifecycle.set_status(self.db, dan, ticket, "closed")
            else:
                (lifecycle.solve, lifecycle.reopen)[how % 3](self.db, dan, ticket)

    def hand(self, which: int, what: int, value: int) -> None:
        """A request gets a team, a product, or somebody who looks after it; or loses them."""
        request, dan = self._pick(which), self.viewer("dan")
        if request is None:
            return
        ticket = tickets.find(self.db, dan, request.id)
        if what % 3 == 0:
            request.team = (None, *TEAMS)[value % 3]
            ownership.give(self.db, dan, ticket, self.teams.get(request.team or ""))
        elif what % 3 == 1:
            request.assignee = (None, "dan", "lou")[value % 3]
            whom = self.viewer(request.assignee).person_id if request.assignee else None
            lifecycle.assign(self.db, dan, ticket, whom)
        elif ticket.status != "closed":
            request.product = (None, *PRODUCTS)[value % 3]
            fields = FieldEdits({"software": request.product or ""}, edition=ticket.edition)
            edits.edit_fields(self.db, dan, ticket, fields, fields=())

    def limit(self, of_teams: int, of_products: int, _: int) -> None:
        """What lou is limited to; to nothing is no limit."""
        chosen = {name for place, name in enumerate(TEAMS) if of_teams >> place & 1}
        slugs = {name for place, name in enumerate(PRODUCTS) if of_products >> place & 1}
        ids = tuple(self.teams[name] for name in chosen)
        lou = people.find(self.db, "lou@x.example")
        agent_limits.edit(self.db, OPERATOR, lou, AgentLimits(ids, tuple(slugs)))
        self.world.limits = chosen | slugs

    def phone(self, who: int, what: int, _: int) -> None:
        """lou files what a customer says."""
        name, product = CUSTOMERS[who % 3], PRODUCTS[what % 2]
        company = next(iter(sorted(self.world.members[name])), None)
        word = f"canary{len(self.world.requests)}x"
        ticket = file(
            self.db,
            self.viewer("lou"),
            subject=f"subject {word}",
            description=word,
            organisation=company or "",
            software=product,
            requester=f"{name}@x.example",
        )
        request = Request(ticket.id, word, name, company, confidential=False)
        request.product, request.filed_by = product, "lou"
        request.team = tickets.find(self.db, self.viewer("dan"), ticket.id).team
        self.world.requests.append(request)

    def draft(self, who: int, which: int, _: int) -> None:
        name, request = CREW[who % len(CREW)], self._pick(which)
        key, viewer = new_id(), self.viewer(name)
        ticket = None
        if request is not None and self.world.sees(name, request):
            ticket = tickets.find(self.db, viewer, request.id)
        drafts.save(self.db, viewer, key, {"body": f"draft of {name}"}, ticket=ticket)
        kept = attach(self.db, viewer, self.store, key, "draft.txt")
        self.world.drafts[key] = (name, kept.id)


def check(site: Site) -> None:
    """Everybody reaches what the model says, and nothing more, by every door."""
    everything = site.world.requests
    for name in (*CREW, "nobody"):
        viewer = site.viewer(name)
        mine = [request for request in everything if site.world.sees(name, request)]
        seen = {request.id for request in mine}
        check_reading(site, viewer, everything, seen)
        check_lists(site, name, viewer, mine)
        check_files(site, name, viewer, seen)
        if viewer.is_agent:
            check_desk(site, name, viewer, mine)


def check_desk(site: Site, name: str, viewer: Viewer, mine: list[Request]) -> None:
    """Whoever answers counts, exports and is told of what they read, and of nothing else."""
    db, seen = site.db, {request.id for request in mine}
    page = queue.look(db, viewer, QueueFilter(view="all"))
    assert {line.id for line in page.lines} == seen
    assert page.total == page.counts["all"] == len(seen)
    assert page.counts["todo"] == queue.count_todo(db, viewer)
    assert page.counts["mine"] <= len([r for r in mine if r.assignee == name])
    assert (
        queue.changed_since(db, viewer, 0)
        == len(seen)
        == len(list(queue.csv_rows(db, viewer, QueueFilter(view="all"))))
    )
    assert {each.id for each in exports.cut(db, viewer, TicketQuery(), 0, 100)} == seen
    assert exports.count(db, viewer, TicketQuery()) == len(seen)
    assert set(exports.messages(db, viewer, [r.id for r in site.world.requests])) <= seen
    every = [request.id for request in site.world.requests]
    assert {record["id"] for record in records.heads(db, viewer, every)} == seen
    told, _ = journal.since(db, viewer, Settings(site=Path()), journal.Cursor(), limit=1000)
    assert {event.data["id"] for event in told if "number" in event.data} == seen
    for customer in CUSTOMERS:
        asker = requesters.of_person(db, viewer, site.viewer(customer).person_id or "")
        theirs = {request.id for request in mine if request.requester == customer}
        assert (asker.number, {each.id for each in asker.others}) == (len(theirs), theirs)
    words = visibility.words(db, every)
    has_word = {id for id, own in words.items() if set(own) & set(viewer.principals)}
    assert viewer.sees_all_tickets or has_word == seen  # what the index filters by


def check_reading(site: Site, viewer: Viewer, everything: list[Request], seen: set[str]) -> None:
    for request in everything:
        try:
            ticket = tickets.find(site.db, viewer, request.id)
        except NotFound:
            assert request.id not in seen
            held = tickets.find(site.db, site.viewer("dan"), request.id)
            for act in (
                lambda held: replies.reply(site.db, viewer, held, ReplyForm(new_id(), "x")),
                lambda held: copies.leave(site.db, viewer, held),
                lambda held: lifecycle.reopen(site.db, viewer, held),
            ):
                with pytest.raises(NotFound):
                    act(held)
            continue
        assert request.id in seen
        assert viewer.is_agent or "secret" not in repr(ticket)
        assert {copy.name for copy in ticket.copies} == request.copied


def check_lists(site: Site, name: str, viewer: Viewer, mine: list[Request]) -> None:
    members = site.world.members.get(name, set())
    expected: dict[ticket_lists.Scope, set[str]] = {
        "mine": {r.id for r in mine if r.requester == name},
        "copied": {r.id for r in mine if name in r.copied},
        "organisation": {r.id for r in mine if r.company in members},
        "all": {r.id for r in mine} if viewer.is_agent else set(),
    }
    for scope, ids in expected.items():
        listing = ticket_lists.list_tickets(site.db, viewer, ListFilter(scope=scope))
        assert {line.id for line in listing.lines} == ids
        assert listing.total == sum(listing.counts.values()) == len(ids)
        rows = ticket_lists.csv_rows(site.db, viewer, ListFilter(scope=scope))
        assert len(list(rows)) == len(ids)
        for request in site.world.requests:
            number = tickets.find(site.db, site.viewer("dan"), request.id).number
            asked = ListFilter(scope=scope, text=request.word, also=(number,))
            found = ticket_lists.list_tickets(site.db, viewer, asked)
            assert {line.id for line in found.lines} == ids & {request.id}
    assert ticket_lists.scope_counts(site.db, viewer, list(expected)) == {
        scope: len(ids) for scope, ids in expected.items()
    }
    assert ticket_lists.count_unread(site.db, viewer) <= len(expected["mine"] | expected["copied"])


def check_files(site: Site, name: str, viewer: Viewer, seen: set[str]) -> None:
    reachable = {
        kept: request.id in seen and (viewer.is_agent or not internal)
        for kept, request, internal in site.world.sent_files
    }
    reachable |= {kept: owner == name for owner, kept in site.world.drafts.values()}
    for kept, expected in reachable.items():
        try:
            attachments.open_file(site.db, viewer, site.store, kept)
        except NotFound:
            assert not expected
        else:
            assert expected
    for key, (owner, _) in site.world.drafts.items():
        if owner != name:
            with pytest.raises(NotFound):
                drafts.find(site.db, viewer, key)
            with pytest.raises((NotFound, SignInNeeded)):
                drafts.discard(site.db, viewer, key)
    assert all(
        f"draft of {name}" in repr(d.fields) or not d.fields
        for d in drafts.list_all(site.db, viewer)
    )


NAMES = (
    *("open", "open", "say", "say", "copy", "copy", "move", "share", "edit", "settle", "draft"),
    *("hand", "hand", "hand", "limit", "phone"),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    min_size=4,
    max_size=MOST_STEPS,
)


@contextmanager
def made(empty_database: Path) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        target = Settings(site=Path(folder)).database_path
        target.parent.mkdir(mode=0o700)
        shutil.copy(empty_database, target)
        site = Site(Path(folder))
        try:
            yield site
        finally:
            site.db.close()


def walked(empty_database: Path, examples: int) -> None:
    """Walk at random, looking at everything after some steps; first where chance comes late."""

    @given(STEPS)
    @example([("say", 0, 3, 1)])  # a note of the agent, with its file
    @example([("copy", 0, 1, 0)])  # a colleague is no longer in copy of what is confidential
    @example([("move", 1, 0, 0)])  # a colleague in copy leaves the organisation
    @example([("hand", 0, 0, 1), ("say", 0, 4, 1), ("hand", 0, 0, 2)])  # a request leaves a team
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        report_multiple_bugs=False,
        derandomize=TIMES == 1,
    )
    def run(steps: list[Step]) -> None:
        with made(empty_database) as site:
            site.step(("open", 0, 0, 3))
            for place, step in enumerate(steps):
                site.step(step)
                if place % 3 == 2:
                    check(site)
            check(site)

    run()


def test_everybody_reaches_what_is_theirs_and_nothing_else(empty_database: Path):
    walked(empty_database, 25 * TIMES)


def keeping_readers(patch: pytest.MonkeyPatch) -> None:
    """Whoever is taken out of copy keeps reading."""
    rewrite = ticket_readers.rewrite

    def adding(db: Any, ticket_id: str) -> None:
        before = "SELECT ticket_id, word FROM ticket_readers WHERE ticket_id = :id"
        held = db.query(before, {"id": ticket_id})
        rewrite(db, ticket_id)
        there = db.query(before, {"id": ticket_id})
        db.insert_many("ticket_readers", [row for row in held if row not in there])

    patch.setattr(ticket_readers, "rewrite", adding)


def keeping_former_colleagues_in_copy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ticket_readers, "leave_organisations", lambda *_: None)


def opening_files_of_notes(patch: pytest.MonkeyPatch) -> None:
    find = attachments.find

    def trusting(db: Any, viewer: Viewer, attachment_id: str) -> Any:
        whole = access.principals("agent", viewer.person_id or "")
        try:
            return find(db, viewer, attachment_id)
        except NotFound:
            found = find(db, Viewer("agent", viewer.person_id, principals=whole), attachment_id)
            if tickets_of(db, viewer, attachment_id):
                return found
            raise

    patch.setattr(attachments, "find", trusting)


def tickets_of(db: Any, viewer: Viewer, attachment_id: str) -> bool:
    rows = db.query("SELECT ticket_id FROM attachments WHERE id = :id", {"id": attachment_id})
    try:
        tickets.find(db, viewer, rows[0]["ticket_id"] or "")
    except NotFound:
        return False
    return True


def listing_without_looking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(access, "visible", lambda *_: ("1 = 1", {}))


def ignoring_confidence(patch: pytest.MonkeyPatch) -> None:
    shared = ticket_readers.SHARED.replace("AND t.confidential = 0", "")
    patch.setattr(ticket_readers, "SHARED", shared)


def forgetting_the_limits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Viewer, "sees_all_tickets", property(lambda viewer: viewer.is_agent))


def noticing_notes(patch: pytest.MonkeyPatch) -> None:
    """The conversation forgets to leave internal messages out."""
    read = conversations.read
    patch.setattr(
        conversations,
        "read",
        lambda db, condition, values: (
            read(db, "t.id = :id", {"id": values["id"]})
            if "id" in values
            else read(db, condition, values)
        ),
    )


@pytest.mark.parametrize(
    "mutate",
    [
        keeping_readers,
        keeping_former_colleagues_in_copy,
        opening_files_of_notes,
        listing_without_looking,
        ignoring_confidence,
        forgetting_the_limits,
        noticing_notes,
    ],
)
def test_each_way_to_get_it_wrong_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,
    mutate: Callable[[pytest.MonkeyPatch], None],
):
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        walked(empty_database, 60)


def test_the_index_is_told_of_every_change_of_readers(empty_database: Path):
    """What the index holds after the last revision is what the database says."""
    with made(empty_database) as site:
        site.step(("open", 0, 0, 1))
        held: dict[str, tuple[str, ...]] = {}
        revision = 0
        for step in (
            ("copy", 0, 1, 0),
            ("copy", 0, 1, 1),
            ("move", 1, 2, 0),
            ("share", 0, 0, 0),
            ("share", 0, 1, 3),
            ("edit", 0, 0, 1),
            ("edit", 0, 1, 1),
            ("share", 1, 1, 0),
            ("hand", 0, 0, 1),
            ("hand", 0, 1, 2),
            ("hand", 0, 2, 1),
            ("hand", 0, 0, 0),
        ):
            site.step(step)
            for case in ticket_changes.list_changed(site.db, revision, 100):
                held[case.ticket_id], revision = case.readers, case.revision
            (request,) = site.world.requests
            assert held == visibility.words(site.db, [request.id])
