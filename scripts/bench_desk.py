"""How long the pages of agents take at 100,000 requests, beside an empty page; run by bench.

.venv/bin/python scripts/bench_desk.py
"""

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import DAN, client, get, made_up, make_people, serving, settings_of, store, timed, told

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing.publish import publish
from kbsearch.clock import stored
from kbsearch.database import new_id
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, viewers
from kbsearch.people.accounts import sessions

TICKETS, UNDER_WAY, VISITS = 100_000, 2_000, 10_000
DAYS = 365
CUSTOMERS = 500
TURNS = 12
PAGES = {
    "an empty page": "/healthz",
    "queue, to do": "/fr/desk",
    "queue, page of all": "/fr/desk?view=all&page=40",
    "queue, words": "/fr/desk?q=voyant+orange",
    "insights, 30 days": "/fr/desk/insights",
    "insights, a year": "/fr/desk/insights?from={year}",
    "requests of a number": "/fr/desk/insights/requests?by=severity&name=major",
}


def main() -> None:
    place = Path(".cache/bench-desk").absolute()
    shutil.rmtree(place, ignore_errors=True)
    settings = settings_of(place)
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    make_people(db)
    publish(db, settings)
    chance = random.Random(1)
    store(db, list(dated(chance)))
    put_under_way(db, chance)
    make_visits(db, chance)
    print(f"desk, {TICKETS:,} requests, {UNDER_WAY:,} under way".replace(",", " "))
    year = (datetime.now(UTC) - timedelta(days=DAYS - 1)).date().isoformat()
    cookie = f"kb={sessions.open_session(db, str(viewers.find(db, DAN).person_id))}"
    with serving(settings, workers=1, floor=False) as (port, _, _):
        page = client(port)
        floor = 0.0
        for name, path in PAGES.items():
            address = path.format(year=year)
            get(page, address, cookie)
            took = sorted(
                1000 * timed(lambda address=address: get(page, address, cookie))
                for _ in range(TURNS)
            )
            floor = floor or took[TURNS // 2]
            print(f"  {name:22} {told(took)}   {took[TURNS // 2] / floor:8.1f} times")
    db.close()
    shutil.rmtree(place, ignore_errors=True)


def dated(chance: random.Random) -> Iterator[dict[str, object]]:
    """Solved requests of a year, each answered."""
    now = datetime.now(UTC)
    for number, ticket in zip(range(1, TICKETS + 1), made_up(), strict=False):
        opened = now - timedelta(minutes=chance.randrange(DAYS * 24 * 60))
        answered = opened + timedelta(minutes=chance.randrange(5, 2000))
        yield ticket | {
            "number": number,
            "organisation": ("acme", "globex", "initech")[number % 3],
            "severity": chance.choices(["minor", "major", "blocking"], [70, 25, 5])[0],
            "created_at": stored(opened),
            "solved_at": stored(answered),
            "messages": [{"author": DAN, "at": stored(answered), "body": "Redémarrez."}],
        }


def put_under_way(db: SqliteDatabase, chance: random.Random) -> None:
    with db.atomic():
        for number in chance.sample(range(1, TICKETS + 1), UNDER_WAY):
            db.execute(
                "UPDATE tickets SET status = :status, solved_at = NULL WHERE number = :number",
                {"status": chance.choice(["new", "open", "pending"]), "number": number},
            )


def make_visits(db: SqliteDatabase, chance: random.Random) -> None:
    """Visits of a year, each with a search or two; most open something."""
    ids = [
        people.add(
            db,
            OPERATOR,
            PersonFields(email=f"c{n}@acme.example", name=f"Client {n}", organisations=["acme"]),
        ).id
        for n in range(CUSTOMERS)
    ]
    words = ["voyant", "orange", "passerelle", "export", "facture", "collier", "licence"]
    visits, events = [], []
    for _ in range(VISITS):
        visit, moment = (
            new_id(),
            datetime.now(UTC) - timedelta(minutes=chance.randrange(DAYS * 24 * 60)),
        )
        at = stored(moment)
        visits.append(
            {"id": visit, "person_id": chance.choice(ids), "started_at": at, "seen_at": at}
        )
        for position in range(chance.choice((1, 1, 2))):
            events.append(
                event(visit, 2 * position, "searched", moment)
                | {
                    "text": " ".join(chance.sample(words, 2)),
                    "results": chance.choice((0, 3, 5)),
                    "fails_until": stored(moment + timedelta(hours=72)),
                }
            )
            if chance.random() < 0.6:
                target = f"fr/aide/page-{chance.randrange(200)}"
                opened = event(visit, 2 * position + 1, "opened", moment)
                events.append(opened | {"target": target})
    with db.atomic():
        db.insert_many("visits", visits)
        db.insert_many("visit_events", events)


def event(visit: str, position: int, kind: str, moment: datetime) -> dict[str, object]:
    """A row with all the columns of its table that any kind has."""
    return {
        "id": new_id(), "visit_id": visit, "position": position, "at": stored(moment),
        "kind": kind, "text": "", "results": None, "fails_until": None, "target": None,
    }  # fmt: skip


if __name__ == "__main__":
    main()
