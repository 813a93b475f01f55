"""The search indexes: there, readable, and holding what the database does."""

from collections.abc import Iterator

from kbsearch import articles
from kbsearch.database import Database
from kbsearch.search.fulltext.plan import REFUSALS
from kbsearch.search.ranking import generations, indexing
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn
from kbsearch.tickets import changes


def folder(patient: Patient) -> Iterator[Check]:
    place = patient.settings.index_path
    if place.is_dir() and any(entry.is_dir() for entry in place.iterdir()):
        yield ok("generations", "%(folder)s holds an index", folder=place)
    else:
        yield warn(
            "generations",
            "%(folder)s holds no index yet",
            "kbsearch serve builds it; so does: kbsearch index rebuild",
            folder=place,
        )


def in_service(patient: Patient, db: Database) -> Iterator[Check]:
    status = indexing.status(patient.settings, db)
    live = generations.live_folders(db)
    counts = (
        ("articles", "article_index", articles.count_searchable(db)),
        ("tickets", "ticket_index", changes.count_changed(db, 0)),
    )
    for name, state, expected in counts:
        if state not in live:
            continue  # none was built yet
        place = generations.shown(patient.settings, state, live[state])
        if name == "tickets" and status.get("tickets_unreachable") in REFUSALS:
            yield fail(
                "index",
                "%(folder)s does not let this site in: requests are searched in the database",
                str(status["tickets_unreachable"]),
                folder=place,
            )
        elif name == "tickets" and "tickets_unreachable" in status:
            yield fail(
                "index",
                "%(folder)s does not answer (%(reason)s): requests are searched in the database",
                "See that the cluster runs, and what the setting index says of it.",
                folder=place,
                reason=status["tickets_unreachable"],
            )
        elif not status[f"{name}_sound"]:
            yield fail(
                "index",
                "%(folder)s is missing or damaged: search answers less, or nothing",
                "Build it anew: kbsearch index rebuild",
                folder=place,
            )
        elif name == "tickets" and status["tickets_behind"]:
            yield warn(
                "index",
                "%(folder)s is behind by %(count)s changes",
                "The worker takes them in: see that it runs.",
                folder=place,
                count=status["tickets_behind"],
            )
        elif status[name] != expected:
            yield fail(
                "index",
                "%(folder)s holds %(found)s of %(expected)s",
                "Build it anew: kbsearch index rebuild",
                folder=place,
                found=status[name],
                expected=expected,
            )
        else:
            yield ok("index", "%(folder)s holds all %(count)s", folder=place, count=expected)
