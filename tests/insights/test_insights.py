"""A fixed log of events gives exactly these numbers."""

import io
import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kbsearch import i18n, insights
from kbsearch.access import Viewer
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.insights import Period, Times, deflection, handling
from kbsearch.insights.deflection import ReadArticle
from kbsearch.people.organisations import products
from kbsearch.promises import calendars
from kbsearch.promises.calendars import CalendarFields
from kbsearch.search.learning import visits as analytics
from kbsearch.tickets import tags, teams
from kbsearch.tickets.conversation import lifecycle, ownership, replies, satisfaction
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.teams import TeamFields
from kbsearch.web.desk.insights import BLOCKS
from tests.conftest import Cast, take_over
from tests.kit.promises import keep, promise
from tests.kit.requests import file
from tests.kit.web import sign_in

MARCH = Period(date(2026, 3, 2), date(2026, 3, 15))  # two whole weeks


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def search(db: SqliteDatabase, viewer: Viewer, moment: datetime, *, results: int = 1) -> str:
    visit = analytics.visit(db, viewer, at=moment)
    assert visit
    analytics.searched(db, visit, f"text {moment}", results=results, at=moment)
    return visit


@pytest.fixture
def log(db: SqliteDatabase, cast: Cast) -> None:
    """In the first week one of each outcome; in the second one confirmed and taken back."""
    confirmed = search(db, cast.alice, at(2))
    analytics.opened(db, confirmed, "fr/a/b", at=at(2, 9, 1))
    analytics.confirmed(db, confirmed, "fr/a/b", at=at(2, 9, 2))
    assumed = search(db, cast.bob, at(3))
    analytics.opened(db, assumed, "fr/a/b", at=at(3, 9, 1))
    search(db, cast.chloe, at(8, 23, 59), results=0)
    file(db, cast.chloe, at=at(9, 8))  # within 72 hours, in the next week
    withdrawn = search(db, cast.alice, at(10))
    analytics.opened(db, withdrawn, "fr/a/b", at=at(10, 9, 1))
    event = analytics.confirmed(db, withdrawn, "fr/a/b", at=at(10, 9, 2))
    if isinstance(event, str):
        analytics.undo_confirmed(db, withdrawn, event)
    search(db, cast.bob, at(16))  # the day after the period


def test_each_week_has_its_own_ledger(db: SqliteDatabase, cast: Cast, log: None):
    visits = insights.visits(db, cast.dan, MARCH)
    first, second = insights.weeks(db, cast.dan, MARCH, visits)
    assert (first.period.first, second.period.last) == (date(2026, 3, 2), date(2026, 3, 15))
    told = [(w.ledger.confirmed, w.ledger.assumed, w.ledger.failed) for w in (first, second)]
    assert told[0] == (1, 1, 1)
    assert second.ledger.failed == 0 and second.ledger.visits == 1
    assert (first.ledger.visits, first.ledger.without_results) == (3, 1)
    assert (first.opened, second.opened) == (0, 1)
    whole = deflection.ledger(visits)
    assert whole.visits == sum(week.ledger.visits for week in (first, second)) == 4


def test_times_leave_out_the_wait_for_the_customer(db: SqliteDatabase, cast: Cast):
    for hours in (1, 2, 30):
        ticket = file(db, cast.alice, software="icownect", at=at(3))
        replies.reply(
            db, cast.dan, ticket, ReplyForm(new_id(), "Which?"), at=at(3) + timedelta(hours=hours)
        )
        replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "It"), at=at(6))
        lifecycle.solve(db, cast.dan, ticket, at=at(6, 12))
    while handling.refresh(db, limit=2):
        pass
    file(db, cast.chloe, severity="blocking", at=at(4))
    lifecycle.reopen(db, cast.alice, ticket, at=at(7))
    take_over(db, number=5, created_at="2026-03-03T09:00:00Z")
    handling.catch_up(db)
    requests = insights.shared(db, cast.dan, MARCH)
    mine, other = requests["organisation"]
    assert (mine.name, mine.opened, mine.reopened) == ("Acme", 4, 1), "past cases too"
    assert mine.first_answer == Times(3, 2.0, 30.0)
    assert mine.solution == Times(2, 4.5, 5.0), "three hours after the customer, and those before"
    assert (other.opened, other.first_answer) == (1, Times(0, None, None))
    db.execute("UPDATE ticket_handling SET answered_after = 0")
    assert insights.shared(db, cast.dan, MARCH) != requests, "what is kept is what is read"
    by_severity = requests["severity"]
    assert {each.name: each.opened for each in by_severity} == {"minor": 4, "blocking": 1}


def test_times_are_counted_in_opening_hours_too(db: SqliteDatabase, cast: Cast):
    office = keep(db)
    promise(db, office, first_answer="4")
    ticket = file(db, cast.alice, at=at(6, 16))  # a Friday, at five in Paris
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which?"), at=at(9, 9))
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "It"), at=at(10, 9))
    lifecycle.solve(db, cast.dan, ticket, at=at(10, 10))
    handling.catch_up(db)
    (acme,) = insights.shared(db, cast.dan, MARCH)["organisation"]
    assert acme.first_answer == Times(1, 65.0, 65.0)
    assert acme.first_answer_open == Times(1, 2.0, 2.0), "an hour on Friday, one on Monday"
    assert acme.solution_open == Times(1, 3.0, 3.0)
    closed = CalendarFields("Office", "Europe/Paris", ("9:00-18:00",) * 4 + ("", "", ""))
    calendars.edit(db, cast.root, office, closed)
    handling.catch_up(db)
    (acme,) = insights.shared(db, cast.dan, MARCH)["organisation"]
    assert acme.first_answer_open == Times(1, 1.0, 1.0), "as the calendar is now"


def test_opinions_are_counted_with_their_words(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, at=at(3))
    token = satisfaction.ask(db, ticket.id, str(cast.alice.person_id), at=at(4))
    assert token
    db.execute(
        "UPDATE satisfaction SET is_good = 0, why = 'Too slow', answered_at = :at",
        {"at": "2026-03-05T10:00:00Z"},
    )
    said = insights.opinion(db, cast.dan, MARCH)
    assert (said.count, said.good) == (1, 0)
    assert said.words == ((ticket.number, False, "Too slow", "2026-03-05T10:00:00Z"),)
    assert insights.opinion(db, cast.dan, MARCH.before).count == 0


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("", "", (date(2026, 2, 14), date(2026, 3, 15))),
        ("2026-03-01", "", (date(2026, 3, 1), date(2026, 3, 15))),
        ("2026-03-01", "2026-03-01", (date(2026, 3, 1), date(2026, 3, 1))),
        ("2026-03-02", "2026-03-01", None),
        ("yesterday", "", None),
        ("2026-02-30", "", None),
        ("2010-01-01", "2026-01-01", None),
        ("0001-01-01", "0001-02-01", None),
    ],
)
def test_a_period_is_two_days(first: str, last: str, expected: tuple[date, date] | None):
    if expected is None:
        with pytest.raises(Invalid):
            insights.period(first, last, today=date(2026, 3, 15))
        return
    found = insights.period(first, last, today=date(2026, 3, 15))
    assert (found.first, found.last) == expected


def test_weeks_begin_on_monday_and_are_cut_to_the_period():
    found = Period(date(2026, 3, 4), date(2026, 3, 10)).weeks()
    assert found == [
        Period(date(2026, 3, 4), date(2026, 3, 8)),
        Period(date(2026, 3, 9), date(2026, 3, 10)),
    ]
    assert Period(date(2026, 3, 4), date(2026, 3, 10)).before.last == date(2026, 3, 3)


def test_the_ninth_decile_is_one_of_the_values():
    assert insights.times([1.0, 2.0, 3.0, 4.0]) == Times(4, 2.5, 4.0)
    assert insights.times(list(map(float, range(1, 11)))) == Times(10, 5.5, 9.0)


@pytest.mark.parametrize(
    ("hours", "fr", "en"),
    [(0.2, "12 min", "12 min"), (3.34, "3 h 20", "3 h 20"), (36, "1,5 j", "1.5 d")],
)
def test_durations_are_short(hours: float, fr: str, en: str):
    assert i18n.duration("fr", hours).replace("\xa0", " ") == fr
    assert i18n.duration("en", hours).replace("\xa0", " ") == en


def test_agents_alone_have_numbers(db: SqliteDatabase, cast: Cast):
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        for act in (insights.visits, insights.shared, insights.opinion):
            with pytest.raises(NotFound):
                act(db, viewer, MARCH)
        with pytest.raises(NotFound):
            insights.weeks(db, viewer, MARCH, [])
        with pytest.raises(NotFound):
            insights.counted(db, viewer, MARCH, "opened", None, "")
        with pytest.raises(NotFound):
            insights.lines(db, viewer, [])


def test_the_page_shows_a_period_and_gives_files(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast, log: None
):
    sign_in(client, db, cast.dan)
    address = "/en/desk/insights?from=2026-03-02&to=2026-03-15"
    page = client.get(address).text
    assert page.count('<rect class="bar-') == 6 and "style=" not in page
    assert "Too few answers for a share: n = 0." in page
    wrong = client.get("/en/desk/insights?from=2026-13-02")
    assert wrong.status_code == 422
    assert "Give two dates" in wrong.text
    lines = client.get(f"{address}&csv=weeks").text.splitlines()
    assert lines[0].startswith("\ufefffrom,to,searches")
    assert lines[1] == "2026-03-02,2026-03-08,2,0,2,1,1,0,0,0,0", "by the clock of Paris"
    for block in ("articles", "queries", *handling.GROUPS, "satisfaction"):
        assert client.get(f"{address}&csv={block}").content_type == "text/csv; charset=utf-8"
    whole = client.get(f"{address}&csv=all", buffered=True)
    with zipfile.ZipFile(io.BytesIO(whole.data)) as packed:
        assert [name.removesuffix(".csv") for name in packed.namelist()] == list(BLOCKS)
        assert packed.read("weeks.csv").decode().splitlines() == lines
    assert client.get(f"{address}&csv=secrets").content_type.startswith("text/html")


def test_the_command_prints_the_numbers_of_the_page(
    settings: Settings, db: SqliteDatabase, cast: Cast, log: None
):
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    place = ["--config", str(path), "stats", "--from", "2026-03-02", "--to", "2026-03-15"]
    told = json.loads(CliRunner().invoke(cli, [*place, "--json"]).stdout)
    assert told["searches"]["visits"] == 4 and told["searches"]["confirmed"] == 1
    assert told["requests"]["severity"][0]["opened"] == 1
    assert "confirmed: 1" in CliRunner().invoke(cli, place).stdout
    wrong = CliRunner().invoke(cli, ["--config", str(path), "stats", "--from", "soon"])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)


@pytest.fixture
def busy(db: SqliteDatabase, cast: Cast) -> None:
    """Visits of every outcome, spellings, articles and requests of all kinds in two weeks."""
    for day, text, results in ((2, "Mots de passe", 3), (3, "mot de passe", 2), (4, "wz-9", 0)):
        visit = analytics.visit(db, cast.alice, at=at(day))
        analytics.searched(db, visit, text, results=results, at=at(day))
        analytics.searched(db, visit, "autre chose", results=1, at=at(day, 9, 5))
        if results:
            analytics.opened(db, visit, "fr/aide/un", at=at(day, 9, 6))
            analytics.opened(db, visit, "fr/aide/deux", at=at(day, 9, 7))
        if day == 2:
            analytics.confirmed(db, visit, "fr/aide/un", at=at(day, 9, 8))
    failed = search(db, cast.chloe, at(10))
    analytics.opened(db, failed, "fr/aide/un", at=at(10, 9, 1))
    analytics.opened(db, failed, "7", at=at(10, 9, 2))
    lost = file(db, cast.chloe, severity="blocking", at=at(11))
    mine = file(db, cast.alice, software="icownect", at=at(9))
    replies.reply(db, cast.dan, mine, ReplyForm(new_id(), "So", status="solved"), at=at(10))
    replies.reply(db, cast.alice, mine, ReplyForm(new_id(), "No"), at=at(11))
    lifecycle.solve(db, cast.dan, mine, at=at(12))
    for ticket, viewer, is_good in ((mine, cast.alice, 1), (lost, cast.chloe, 0)):
        satisfaction.ask(db, ticket.id, str(viewer.person_id), at=at(12))
        db.execute(
            "UPDATE satisfaction SET is_good = :good, answered_at = :at WHERE ticket_id = :id",
            {"good": is_good, "at": "2026-03-12T10:00:00Z", "id": ticket.id},
        )


def test_articles_and_queries_have_their_own_ledgers(db: SqliteDatabase, cast: Cast, busy: None):
    visits = insights.visits(db, cast.dan, MARCH)
    assert deflection.articles(visits) == [
        ReadArticle("fr/aide/un", visits=3, confirmed=1, assumed=1, failed=1),
        ReadArticle("fr/aide/deux", visits=2, confirmed=0, assumed=1, failed=0),
    ]
    told = {each.key: each for each in deflection.queries(visits)}
    passwords = told["mot de passe"]
    assert (passwords.searches, passwords.without_results, passwords.without_clicks) == (2, 0, 2)
    assert (passwords.confirmed, passwords.assumed, passwords.failed) == (1, 1, 0)
    assert told["wz 9"].without_results == 1
    assert told["autre chose"].without_clicks == 1
    assert deflection.ledger(visits).without_clicks == 3


def test_each_number_leads_to_as_many_lines(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, busy: None
):
    handling.catch_up(db)
    sign_in(client, db, cast.dan)
    address = "/en/desk/insights?from=2026-03-02&to=2026-03-15&compare=none"
    page = unescape(client.get(address).text)
    links = set(re.findall(r'<a href="(/en/desk/insights/[^"]+)">(\d+)</a>', page))
    assert len(links) > 40
    asked = {parse_qs(link.partition("?")[2]).get("what", ["-"])[0] for link, _ in links}
    assert asked == {"-", *insights.COUNTED}
    for link, number in links:
        told = client.get(link)
        assert told.status_code == 200, link
        assert told.text.count("<tr><") - 1 == int(number), link
        assert "Alice Martin" not in told.text or "/requests?" in link


def test_a_list_of_what_was_counted_has_pages(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    for number in range(60):
        take_over(db, number=number + 1, created_at="2026-03-03T09:00:00Z")
    handling.catch_up(db)
    sign_in(client, db, cast.dan)
    address = "/en/desk/insights/requests?from=2026-03-02&to=2026-03-15"
    first, second = (client.get(f"{address}&page={page}").text for page in (1, 99))
    assert "60 requests" in first and "60 requests" in second
    assert first.count("<tr><td") == 50 and second.count("<tr><td") == 10


def test_a_period_is_compared_with_what_the_address_says(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, busy: None
):
    assert Period(date(2024, 2, 29), date(2024, 3, 1)).year_before.first == date(2023, 2, 28)
    sign_in(client, db, cast.dan)
    address = "/en/desk/insights?from=2027-03-02&to=2027-03-15"
    page = client.get(f"{address}&compare=year").text
    assert "from March 2, 2026 to March 15, 2026" in page
    assert "fewer than the 4 before" in page
    assert 'class="then"' in page
    assert "compare=year" in page.partition("<tbody>")[2]
    for compare in ("before", "none", "zzz"):
        other = client.get(f"{address}&compare={compare}").text
        assert ("before" in other) == (compare != "none") or "as before" not in other
        assert "fewer than the 4 before" not in other


def test_days_are_those_of_whoever_looks(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    search(db, cast.alice, datetime(2026, 3, 1, 22, 30, tzinfo=UTC))
    sign_in(client, db, cast.dan)
    address = "/en/desk/insights?from=2026-03-02&to=2026-03-02&compare=none"
    assert "Days of Europe/Paris" in client.get(address).text
    shown = re.compile(r"<dt>Visits that searched</dt><dd><strong>(?:<a[^>]*>)?(\d+)")
    assert shown.findall(client.get(address).text) == ["0"]
    db.execute(
        "UPDATE people SET time_zone = 'Asia/Tokyo' WHERE id = :id", {"id": cast.dan.person_id}
    )
    assert shown.findall(client.get(address).text) == ["1"]


def test_a_request_counts_under_each_of_its_tags(db: SqliteDatabase, cast: Cast):
    first, second = file(db, cast.alice), file(db, cast.alice)
    file(db, cast.alice)
    tags.change(db, cast.dan, first.id, add=["vip", "facture"])
    tags.change(db, cast.dan, second.id, add=["vip"])
    handling.catch_up(db)
    march = insights.period("2026-03-01", "2026-03-31")
    by_tag = insights.shared(db, cast.dan, march)["tag"]
    assert [(group.name, group.opened) for group in by_tag] == [("vip", 2), ("facture", 1)]
    assert insights.counted(db, cast.dan, march, "opened", "tag", "facture") == [first.id]


def test_requests_are_counted_by_team_where_there_is_one(db: SqliteDatabase, cast: Cast):
    march = insights.period("2026-03-01", "2026-03-31")
    ticket, _ = file(db, cast.alice), file(db, cast.alice)
    handling.catch_up(db)
    assert insights.shared(db, cast.dan, march)["team"] == []
    herds = teams.add(db, cast.root, TeamFields("Herds"))
    ownership.give(db, cast.dan, ticket, herds.id)
    handling.catch_up(db)
    by_team = insights.shared(db, cast.dan, march)["team"]
    assert [(group.name, group.opened) for group in by_team] == [("", 1), ("Herds", 1)]
    assert insights.counted(db, cast.dan, march, "opened", "team", "Herds") == [ticket.id]


def test_requests_are_counted_by_the_calendar_whose_hours_are_theirs(
    db: SqliteDatabase, cast: Cast
):
    march = insights.period("2026-03-01", "2026-03-31")
    ticket, _ = file(db, cast.alice, software="icownect"), file(db, cast.alice)
    promise(db, keep(db), product=products.find(db, "icownect").id, first_answer="4")
    handling.catch_up(db)
    by_calendar = insights.shared(db, cast.dan, march)["calendar"]
    assert [(group.name, group.opened) for group in by_calendar] == [("", 1), ("Office", 1)]
    assert insights.counted(db, cast.dan, march, "opened", "calendar", "Office") == [ticket.id]


def test_a_list_without_a_name_is_of_those_that_have_none(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    without, _ = file(db, cast.alice), file(db, cast.alice, software="icownect")
    handling.catch_up(db)
    march = insights.period("2026-03-01", "2026-03-31")
    counts = {
        by: len(insights.counted(db, cast.dan, march, "opened", by, "")) for by in handling.GROUPS
    }
    assert counts == {
        "product": 1,
        "organisation": 0,
        "team": 2,
        "calendar": 2,
        "severity": 0,
        "tag": 0,
    }
    assert insights.counted(db, cast.dan, march, "opened", "product", "") == [without.id]
    sign_in(client, db, cast.dan)
    for by in handling.GROUPS:
        assert client.get(f"/en/desk/insights/requests?by={by}").status_code == 200
