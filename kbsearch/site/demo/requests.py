"""Two years of requests: taken in as those of a former tool, then what such a file cannot say.

Beside the fields of an import a line may have the title of an `incident` it shares with others.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kbsearch.access import OPERATOR
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files import places
from kbsearch.form_fields import FormField
from kbsearch.site.demo import cast
from kbsearch.site.importing import lines, tickets
from kbsearch.site.importing.attaching import FileFolder
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.tickets import fields

MOMENTS = ("created_at", "updated_at", "solved_at", "at")


def take_in(settings: Settings, db: Database) -> None:
    """Put the requests in, the newest of them of yesterday."""
    shipped = list(_until_yesterday(fields.definitions(db, OPERATOR)))
    folder = FileFolder(cast.folder(), places.attached(settings))
    report = tickets.take_in(db, shipped, Report(), folder=folder)
    assert not report.refused and not report.altered, report.remarks
    requests = {row["number"]: row["id"] for row in db.query("SELECT number, id FROM tickets")}
    incidents: dict[str, str] = {}
    for values in (line.values for line in shipped):
        if "incident" in values:
            _group(db, requests[values["number"]], incidents, values)


def _until_yesterday(asked: Sequence[FormField]) -> Iterator[Line]:
    """The shipped requests, moved by whole days, with something in the fields of the vendor."""
    shipped = list(lines.read(cast.folder() / "requests.jsonl", "jsonl"))
    newest = max(line.values["updated_at"] for line in shipped)
    days = (utc_now().date() - parsed(newest).date()).days - 1
    teams = {slug: team["name"] for team in cast.listed("teams.yml") for slug in team["products"]}
    for line in shipped:
        product = line.values.get("product")
        answers = _answers(asked, product, line.number)
        values = {**line.values, "team": teams.get(product), "fields": answers}
        yield Line(line.number, line.position, _moved(values, timedelta(days=days)))


def _answers(asked: Sequence[FormField], product: str | None, turn: int) -> dict[str, str]:
    """What the request of a turn has in the fields that are asked of its product."""
    offered = {field["name"]: field["answers"] for field in cast.listed("fields.yml")}
    answers: dict[str, str] = {}
    for field in asked:
        if field.is_asked(product, answers):
            answers[field.name] = offered[field.name][turn % len(offered[field.name])]
    return answers


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
