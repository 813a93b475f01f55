"""Two years of requests: taken in as those of a former tool, then what such a file cannot say.

Beside the fields of an import a line may have `assignee`, `satisfaction`, `attachments`, the title
of an `incident` it shares with others, and the number it was `merged_into`.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files.store import FileStore
from kbsearch.people import viewers
from kbsearch.site.demo import cast
from kbsearch.site.importing import lines, tickets
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import files
from kbsearch.tickets.files import Upload

MOMENTS = ("created_at", "updated_at", "solved_at", "at")

Ids = Mapping[Any, str]


def take_in(settings: Settings, db: Database) -> None:
    """Put the requests in, the newest of them of yesterday."""
    shipped = list(_until_yesterday())
    report = tickets.take_in(db, shipped, Report())
    assert not report.refused and not report.altered, report.remarks
    requests = {row["number"]: row["id"] for row in db.query("SELECT number, id FROM tickets")}
    people = {row["email"]: row["id"] for row in db.query("SELECT email, id FROM people")}
    incidents: dict[str, str] = {}
    for values in (line.values for line in shipped):
        request = requests[values["number"]]
        if "assignee" in values:
            assigned = {"id": request, "assignee": people[values["assignee"]]}
            db.execute("UPDATE tickets SET assignee_id = :assignee WHERE id = :id", assigned)
        if "satisfaction" in values:
            _rate(db, request, people[values["requester"]], values)
        if "attachments" in values:
            _attach(settings, db, request, values)
        if "incident" in values:
            _group(db, request, incidents, values)
        if "merged_into" in values:
            _merge(db, requests, people, values)


def _until_yesterday() -> Iterator[Line]:
    """The shipped requests, moved by whole days."""
    shipped = list(lines.read(cast.folder() / "requests.jsonl", "jsonl"))
    newest = max(line.values["updated_at"] for line in shipped)
    days = (utc_now().date() - parsed(newest).date()).days - 1
    for line in shipped:
        yield Line(line.number, line.position, _moved(line.values, timedelta(days=days)))


def _moved(values: dict[str, Any], gap: timedelta) -> dict[str, Any]:
    moments = {name: stored(parsed(values[name]) + gap) for name in MOMENTS if name in values}
    messages = [_moved(message, gap) for message in values.get("messages", [])]
    return {**values, **moments, **({"messages": messages} if messages else {})}


def _rate(db: Database, request: str, requester: str, values: Mapping[str, Any]) -> None:
    opinion = values["satisfaction"]
    row = {"is_good": int(opinion["good"]), "why": opinion.get("why", "")}
    asked = {"ticket_id": request, "person_id": requester, "answered_at": values["solved_at"]}
    db.insert("satisfaction", {**asked, **row})


def _attach(settings: Settings, db: Database, request: str, values: Mapping[str, Any]) -> None:
    requester, key = viewers.find(db, values["requester"]), new_id()
    store = FileStore(settings.files_path)
    for name in values["attachments"]:
        with (cast.folder() / "attachments" / name).open("rb") as source:
            upload = Upload(name, source, parsed(values["created_at"]))
            files.keep(db, requester, store, key, upload)
    files.hand_over(db, requester, key, request)


def _group(
    db: Database, request: str, incidents: dict[str, str], values: Mapping[str, Any]
) -> None:
    title, at = values["incident"], values["created_at"]
    if title not in incidents:
        incidents[title] = new_id()
        db.insert("problems", {"id": incidents[title], "title": title, "created_at": at})
    grouped = {"ticket_id": request, "problem_id": incidents[title], "added_at": at}
    db.insert("problem_tickets", grouped)


def _merge(db: Database, requests: Ids, people: Ids, values: Mapping[str, Any]) -> None:
    ends = {
        "ticket_id": requests[values["number"]],
        "into_id": requests[values["merged_into"]],
    }
    by = people[values["messages"][-1]["author"]]
    db.insert("merges", {**ends, "before": "open", "at": values["updated_at"], "person_id": by})
