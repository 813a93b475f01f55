"""What must hold of what people see: lists, counts, pages, searches, files, and the index."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from io import StringIO

from kbsearch import insights, tickets
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored
from kbsearch.database import Row
from kbsearch.insights import COUNTED, handling
from kbsearch.people import viewers
from kbsearch.search.ranking import Search, indexing
from kbsearch.target_tables import TargetTable
from kbsearch.tickets import clocks, lists
from kbsearch.tickets.desk import queue
from kbsearch.tickets.desk.queue import VIEWS, QueueFilter, View
from kbsearch.tickets.listing import PAGE_SIZE
from kbsearch.tickets.lists import ListFilter, Scope
from tests.kit.year.inspection import Inspection, holds
from tests.kit.year.play import PARIS
from tests.kit.year.portals import CUSTOMERS_WORD, EVERYBODYS_WORD, ORGANISATION_WORD, STAFF_WORD
from tests.kit.year.records import WORD

UNDER_WAY = ("new", "open", "pending")
MONTH = timedelta(days=30)


@holds("now and then")
def requests_are_read_by_their_readers(look: Inspection) -> Iterator[str]:
    """Whoever may read a request by plain reckoning reads it, and nobody else."""
    numbers = {row["number"]: row["id"] for row in look.books.tickets}
    for viewer in look.books.everybody:
        visible = {numbers[n] for n in tickets.visible_numbers(look.books.db, viewer, numbers)}
        if visible != look.books.may_read(viewer.email):
            yield f"{viewer.email}: {_difference(look, visible, look.books.may_read(viewer.email))}"


@holds("now and then")
def lists_are_as_long_as_they_say(look: Inspection) -> Iterator[str]:
    """The lists of everybody have what they may read, as many as the counts beside them say."""
    scopes: tuple[Scope, ...] = ("mine", "copied", "organisation")
    for viewer in look.chance.sample(look.books.everybody, 5):
        counts = lists.scope_counts(look.books.db, viewer, scopes)
        unread = set[int]()
        for scope in scopes:
            numbers, total, by_status = _listed(look, viewer, scope, unread)
            expected = {row["number"] for row in _in_scope(look, viewer, scope)}
            if numbers != expected or not total == counts[scope] == len(numbers) == by_status:
                yield f"{viewer.email}, {scope}: {sorted(numbers ^ expected)}, {total}, {counts}"
        if lists.count_unread(look.books.db, viewer) != len(unread):
            yield f"{viewer.email}: {len(unread)} unread"


@holds("now and then")
def views_of_the_queue_are_as_long_as_they_say(look: Inspection) -> Iterator[str]:
    """Each view of the queue has the requests that it should, as many as its count says."""
    moment = look.year.clock()
    for email in look.chance.sample(sorted(look.books.agents), 1):
        viewer = viewers.find(look.books.db, email)
        counts = queue.look(look.books.db, viewer, QueueFilter(), at=moment).counts
        for view in VIEWS:
            rows = queue.csv_rows(look.books.db, viewer, QueueFilter(view=view), at=moment)
            numbers = [int(row[0]) for row in rows]
            expected = {row["number"] for row in _in_view(look, viewer, view, moment)}
            if set(numbers) != expected or len(numbers) != counts[view]:
                yield f"{email}, {view}: {sorted(set(numbers) ^ expected)}, {counts[view]}"


@holds("now and then")
def clocks_agree_with_a_plain_reckoning(look: Inspection) -> Iterator[str]:
    """What is due when, and whether it came in time, is what the events of the request say."""
    moment, tables = look.year.clock(), look.year.settings.targets
    slugs = {row["id"]: row["slug"] for row in look.books.db.query("SELECT * FROM organisations")}
    ids = [row["id"] for row in look.books.tickets]
    reckoned = clocks.of_tickets(look.books.db, ids, at=moment)
    for row in look.books.tickets:
        table = _table(tables, row["severity"], slugs.get(row["organisation_id"]))
        solution = reckoned[row["id"]].solution
        due = _solution_due(look, row, table, moment) if table else None
        if (solution.at if solution else None) != due:
            yield f"#{row['number']}: solution due {solution}, and not {due}"


@holds("now and then")
def insights_count_what_is_in_their_lists(look: Inspection) -> Iterator[str]:
    """A number of the insights is the length of the list behind it, and that of the rows."""
    viewer = viewers.find(look.books.db, "root@support.example")
    today = look.year.clock().astimezone(PARIS).date()
    period = insights.Period(today - MONTH, today, "Europe/Paris")
    handling.catch_up(look.books.db)
    groups = insights.shared(look.books.db, viewer, period)
    behind = {
        what: insights.counted(look.books.db, viewer, period, what, None, "") for what in COUNTED
    }
    opened = {
        row["id"] for row in look.books.tickets if period.since <= row["created_at"] < period.until
    }
    weeks = insights.weeks(look.books.db, viewer, period, [])
    opinion = insights.opinion(look.books.db, viewer, period)
    numbers = {
        "opened": sum(group.opened for group in groups["severity"]),
        "answered": sum(group.first_answer.count for group in groups["severity"]),
        "solved": sum(group.solution.count for group in groups["severity"]),
        "reopened": sum(group.reopened for group in groups["severity"]),
        "ended": sum(week.solved for week in weeks),
        "satisfied": opinion.good,
        "dissatisfied": opinion.bad,
    }
    for what in COUNTED:
        if numbers[what] != len(behind[what]) or len(set(behind[what])) != numbers[what]:
            yield f"{what}: {numbers[what]}, and {len(behind[what])} in the list"
    if set(behind["opened"]) != opened or sum(week.opened for week in weeks) != len(opened):
        yield f"{len(opened)} were opened, not {len(behind['opened'])}"
    for by in ("product", "organisation"):
        if sum(group.opened for group in groups[by]) != numbers["opened"]:
            yield f"by {by} they are not {numbers['opened']}"


@holds("now and then")
def the_index_is_the_database(look: Inspection) -> Iterator[str]:
    """The index has followed: it has as many requests, and finds a word for its readers alone."""
    settings, db = look.year.settings, look.books.db
    status = indexing.status(settings, db)
    if status["tickets"] != len(look.books.tickets) or status["tickets_behind"]:
        yield f"{status} for {len(look.books.tickets)} requests"
    search = Search(settings, db)
    messages = [row for row in look.books.messages if not row["internal"]]
    places = [(row["id"], f"{row['subject']} {row['description']}") for row in look.books.tickets]
    places += [(row["ticket_id"], row["body"]) for row in messages]
    texts = [(place, word) for place, text in places for word in WORD.findall(text)]
    numbers = {row["id"]: row["number"] for row in look.books.tickets}
    for _, word in look.chance.sample(texts, min(2, len(texts))):
        where = {place for place, other in texts if other == word}
        for viewer in look.books.everybody:
            expected = {numbers[place] for place in where & look.books.may_read(viewer.email)}
            found = set(search.numbers(viewer, word, 50))
            if found != expected and not viewer.is_agent or expected - found:
                yield f"{viewer.email} finds {word} in {sorted(found)}, not {sorted(expected)}"


@holds("now and then")
def notes_are_found_by_agents_alone(look: Inspection) -> Iterator[str]:
    """No search of a customer finds a request by the words of a note."""
    search = Search(look.year.settings, look.books.db)
    words = [
        word
        for row in look.books.messages
        if row["internal"]
        for word in WORD.findall(row["body"])
        if word.startswith("zn")
    ]
    for word in look.chance.sample(words, min(1, len(words))):
        for viewer in look.books.everybody:
            if not viewer.is_agent and search.numbers(viewer, word, 50):
                yield f"{viewer.email} finds {word}"


@holds("now and then")
def pages_show_what_may_be_seen(look: Inspection) -> Iterator[str]:
    """Lists, files for spreadsheets, results and conversations have no word that is not theirs."""
    customers = [row["email"] for row in look.books.people if row["role"] == "customer"]
    email = look.chance.choice([one for one in customers if look.books.may_read(one)] or customers)
    words = [one.word for one in look.records.requests.values()]
    readable = sorted(look.books.may_read(email))
    lists = [f"/fr/requests{end}" for end in ("", "?format=csv", "/cc", "/organisation")]
    lists += [f"/fr/search?q={word}" for word in look.chance.sample(words, min(1, len(words)))]
    pages = [f"/fr/requests/{one}" for one in readable]
    for path in [look.chance.choice(look.chance.choice((lists, pages or lists)))]:
        shown = set(WORD.findall(look.year.get(email, path).text.replace(path, "")))
        for word in look.books.forbidden(email, shown - {path.rpartition("=")[2]}):
            yield f"{email} sees {word} at {path}"
    others = sorted({row["id"] for row in look.books.tickets} - set(readable))
    for one in look.chance.sample(others, min(1, len(others))):
        if look.year.get(email, f"/fr/requests/{one}").status_code == 200:
            yield f"{email} reads {one}"


@holds("now and then")
def conversations_are_whole(look: Inspection) -> Iterator[str]:
    """The page of a request has all that was said in it for its reader."""
    rows = look.books.tickets
    for row in look.chance.sample(rows, min(1, len(rows))):
        page = look.year.get("root@support.example", f"/fr/requests/{row['id']}")
        said = [one["body"] for one in look.books.messages if one["ticket_id"] == row["id"]]
        missing = set(WORD.findall("\n".join([row["description"], *said]))) - set(
            WORD.findall(page.text)
        )
        if page.status_code != 200 or missing:
            yield f"#{row['number']} ({page.status_code}) lacks {missing}"


@holds("now and then")
def files_of_the_queue_are_whole(look: Inspection) -> Iterator[str]:
    """The file for a spreadsheet has the lines that the view counts."""
    view = look.chance.choice(VIEWS)
    text = look.year.get("root@support.example", f"/fr/desk?view={view}&format=csv").text
    lines = list(csv.reader(StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text)))[1:]
    viewer = viewers.find(look.books.db, "root@support.example")
    expected = _in_view(look, viewer, view, look.year.clock())
    if sorted(line[0] for line in lines) != sorted(str(row["number"]) for row in expected):
        yield f"{view}: {len(lines)} lines for {len(expected)} requests"


@holds("now and then")
def articles_are_read_by_their_audience(look: Inspection) -> Iterator[str]:
    """Pages, results, the feed and the site map name no article to those it is not for."""
    first = next(iter(look.year.portal.customers))
    people = [row for row in look.books.people if not row["disabled_at"]]
    email = look.chance.choice(["", *(row["email"] for row in people)])
    viewer = viewers.find(look.books.db, email) if email else Viewer()
    hidden = set()
    if not viewer.is_signed_in:
        hidden.add(CUSTOMERS_WORD)
    if not viewer.is_staff:
        hidden.add(STAFF_WORD)
        if first not in viewer.organisations:
            hidden.add(ORGANISATION_WORD)
    places = ["/fr/search?q=barriere", "/fr/", "/feed.fr.atom", "/sitemap.xml"]
    places += [f"/fr/articles/{word}" for word in sorted(hidden)]
    for path in look.chance.sample(places, 1):
        page = look.year.get(email, path)
        seen = sorted(word for word in hidden if word in page.text.replace(path, ""))
        if path in places[1:4] and EVERYBODYS_WORD not in page.text:
            yield f"{email or 'a stranger'} does not see {EVERYBODYS_WORD} at {path}"
        if seen and "/articles/" not in path or "/articles/" in path and page.status_code == 200:
            yield f"{email or 'a stranger'} sees {seen} at {path} ({page.status_code})"


def _listed(
    look: Inspection, viewer: Viewer, scope: Scope, unread: set[int]
) -> tuple[set[int], int, int]:
    """The numbers in a list, how many it says there are, and how many by status."""
    numbers, page = list[int](), 1
    while True:
        listing = lists.list_tickets(look.books.db, viewer, ListFilter(scope=scope, page=page))
        numbers += [line.number for line in listing.lines]
        if scope != "organisation":
            unread |= {line.number for line in listing.lines if line.is_unread}
        if page == listing.pages:
            break
        page += 1
    assert len(numbers) == len(set(numbers)) <= PAGE_SIZE * page, "a request stands in a list twice"
    return set(numbers), listing.total, sum(listing.counts.values())


def _in_scope(look: Inspection, viewer: Viewer, scope: Scope) -> Iterator[Row]:
    readable = look.books.may_read(viewer.email)
    copied = {
        row["ticket_id"]
        for row in look.books.db.query(
            "SELECT ticket_id FROM ticket_copies WHERE person_id = :me", {"me": viewer.person_id}
        )
    }
    own = {
        row["id"]
        for row in look.books.db.query("SELECT id, slug FROM organisations")
        if row["slug"] in viewer.organisations
    }
    for row in look.books.tickets:
        is_in = {
            "mine": row["requester_id"] == viewer.person_id,
            "copied": row["id"] in copied,
            "organisation": row["organisation_id"] in own,
        }
        if row["id"] in readable and is_in[scope]:
            yield row


def _in_view(look: Inspection, viewer: Viewer, view: View, moment: datetime) -> list[Row]:
    staff = {row["id"] for row in look.books.people if row["role"] != "customer"}
    answered = {
        row["ticket_id"]
        for row in look.books.messages
        if row["author_id"] in staff and not row["internal"]
    }
    lately = stored(moment - queue.LATELY)
    conditions = {
        "todo": lambda row: row["status"] in ("new", "open"),
        "mine": lambda row: row["status"] in UNDER_WAY and row["assignee_id"] == viewer.person_id,
        "unanswered": lambda row: row["status"] in ("new", "open") and row["id"] not in answered,
        "blocking": lambda row: row["status"] in UNDER_WAY and row["severity"] == "blocking",
        "waiting": lambda row: row["status"] == "pending",
        "solved": lambda row: (
            row["status"] in ("solved", "closed") and (row["solved_at"] or "") >= lately
        ),
        "all": lambda row: True,
    }
    return [row for row in look.books.tickets if conditions[view](row)]


def _table(
    tables: Sequence[TargetTable], severity: str, organisation: str | None
) -> TargetTable | None:
    """The table that is for such a request: no portal has two that both could be."""
    fitting = [
        table
        for table in tables
        if table.severity in ("", severity) and table.organisation in ("", organisation)
    ]
    return min(fitting, key=lambda table: not table.severity, default=None)


def _solution_due(look: Inspection, row: Row, table: TargetTable, moment: datetime) -> datetime:
    """The time of the target, and the time that the request waited for its customer."""
    is_over = row["status"] in ("solved", "closed") and row["solved_at"]
    end = parsed(row["solved_at"]) if is_over else moment
    waited, since = timedelta(), None
    for event in look.books.events:
        if event["ticket_id"] == row["id"] and event["field"] == "status":
            at = min(parsed(event["at"]), end)
            if since is not None:
                waited += at - since
            since = at if event["after"] == "pending" else None
    if since is not None:
        waited += end - since
    return parsed(row["created_at"]) + timedelta(minutes=table.solution or 0) + waited


def _difference(look: Inspection, one: Iterable[str], other: Iterable[str]) -> list[int]:
    differing = set(one) ^ set(other)
    return [row["number"] for row in look.books.tickets if row["id"] in differing]


def _delimiter(text: str) -> str:
    return ";" if ";" in text.partition("\n")[0] else ","
