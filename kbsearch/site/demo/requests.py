"""Two years of requests: taken in as those of a former tool, then what such a file cannot say.

Beside the fields of an import a line may have the title of an `incident` it shares with others.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files.store import FileStore
from kbsearch.site.demo import cast
from kbsearch.site.importing import lines, tickets
from kbsearch.site.importing.attaching import FileFolder
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report

MOMENTS = ("created_at", "updated_at", "solved_at", "at")


def take_in(settings: Settings, db: Database) -> None:
    """Put the requests in, the newest of them of yesterday."""
    shipped = list(_until_yesterday())
    folder = FileFolder(cast.folder(), FileStore(settings.files_path))
    report = tickets.take_in(db, shipped, Report(), folder=folder)
    assert not report.refused and not report.altered, report.remarks
    requests = {row["number"]: row["id"] for row in db.query("SELECT number, id FROM tickets")}
    incidents: dict[str, str] = {}
    for values in (line.values for line in shipped):
        if "incident" in values:
            _group(db, requests[values["number"]], incidents, values)


def _until_yesterday() -> Iterator[Line]:
    """The shipped requests, moved by whole days."""
    shipped = list(lines.read(cast.folder() / "requests.jsonl", "jsonl"))
    newest = max(line.values["updated_at"] for line in shipped)
    days = (utc_now().date() - parsed(newest).date()).days - 1
    teams = {slug: team["name"] for team in cast.listed("teams.yml") for slug in team["products"]}
    for line in shipped:
        values = {**line.values, "team": teams.get(line.values.get("product"))}
        yield Line(line.number, line.position, _moved(values, timedelta(days=days)))


def _moved(values: dict[str, Any], gap: timedelta) -> dict[str, Any]:
    moments = {name: stored(parsed(values[name]) + gap) for name in MOMENTS if name in values}
    messages = [_moved(message, gap) for message in values.get("messages", [])]
    return {**values, **moments, **({"messages": messages} if messages else {})}


def _group(
    db: Database, request: str, incidents: dict[str, str], values: Mapping[str, Any]
) -> None:
    title, at = values["incident"], values["created_at"]
    if title not in incidents:
        incidents[title] = new_id()
        db.insert("problems", {"id": incidents[title], "title": title, "created_at": at})
    grouped = {"ticket_id": request, "problem_id": incidents[title], "added_at": at}
    db.insert("problem_tickets", grouped)
