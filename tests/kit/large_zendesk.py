"""A Zendesk account of any size as its own export: made line by line, the same for a size."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kit.requests import PNG

COMMENTS = 3  # in a ticket
EVERY = 5  # so many tickets have one with a file
PEOPLE = 5_000
COMPANIES = 500
AGENTS = 20
WORDS = ["lamp", "collar", "fence", "barn", "tractor", "pasture"]
WORDS += ["meter", "valve", "sensor", "battery", "gate", "trough"]


def furnish(folder: Path, tickets: int) -> None:
    """An account of so many tickets, a fifth as many files, with people in proportion."""
    folder.mkdir()
    people = max(AGENTS + 2, min(PEOPLE, tickets // 2))
    companies = max(2, min(COMPANIES, people // 10))
    _lines(folder / "organizations.ndjson", (_company(number) for number in range(companies)))
    _lines(folder / "users.ndjson", (_user(number, companies) for number in range(people)))
    _lines(
        folder / "tickets.ndjson",
        (_ticket(number, people, companies) for number in range(1, tickets + 1)),
    )
    for number in range(EVERY, tickets + 1, EVERY):
        place = folder / "attachments" / str(10**9 + number)
        place.mkdir(parents=True)
        (place / "lamp.png").write_bytes(content(number))


def content(number: int) -> bytes:
    """The file of a ticket; every second one is the same picture."""
    return PNG if number % (2 * EVERY) else PNG + f"{number:>4096}".encode()


def _company(number: int) -> dict[str, Any]:
    return {"id": 7 * 10**6 + number, "name": f"Farm {number}", "shared_tickets": number % 3 == 0}


def _user(number: int, companies: int) -> dict[str, Any]:
    is_agent = number < AGENTS
    return {
        "id": 9 * 10**6 + number,
        "name": f"Person {number}",
        "email": f"person{number}@{'support' if is_agent else 'farm'}.example",
        "role": "agent" if is_agent else "end-user",
        "organization_id": None if is_agent else 7 * 10**6 + number % companies,
        "updated_at": "2025-01-01T00:00:00Z",
    }


def _ticket(number: int, people: int, companies: int) -> dict[str, Any]:
    customer = AGENTS + number % (people - AGENTS)
    asking, answering = 9 * 10**6 + customer, 9 * 10**6 + number % AGENTS
    subject = f"The {WORDS[number % 12]} of barn {number} and its {WORDS[number // 12 % 12]}"
    day = f"20{20 + number % 5}-{1 + number % 12:02}-{1 + number % 28:02}"
    return {
        "id": number,
        "subject": subject,
        "status": ("open", "pending", "solved", "closed", "closed")[number % 5],
        "priority": ("low", "normal", "high", "urgent", None)[number % 5],
        "requester_id": asking,
        "submitter_id": asking,
        "assignee_id": answering,
        "organization_id": 7 * 10**6 + customer % companies,
        "tags": [WORDS[number % 12]],
        "created_at": f"{day}T08:00:00Z",
        "updated_at": f"{day}T18:00:00Z",
        "comments": [
            _comment(number, place, answering if place % 2 else asking, day)
            for place in range(COMMENTS)
        ],
    }


def _comment(number: int, place: int, author: int, day: str) -> dict[str, Any]:
    words = " ".join(WORDS[(number * 7 + place * 5 + step) % 12] for step in range(40))
    comment = {
        "id": number * 10 + place,
        "author_id": author,
        "public": place != 2,
        "created_at": f"{day}T{9 + place:02}:00:00Z",
        "html_body": f"<div><p>About <b>{number}</b>, {place}: {words}.</p><ul><li>{words[:40]}"
        f"</li></ul><p>Regards</p></div>",
    }
    if place == 0 and number % EVERY == 0:
        file = {"id": 10**9 + number, "file_name": "lamp.png"}
        comment["attachments"] = [{**file, "size": len(content(number))}]
    return comment


def _lines(path: Path, items: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(item)}\n" for item in items)
