"""Backups: one was made lately, and one was proved lately."""

from collections.abc import Iterator
from datetime import timedelta

from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import Outcomes

LATE_AFTER = timedelta(hours=36)  # where one is made each day
OLD_AFTER = timedelta(days=8)  # where somebody makes them
PROVED_AFTER = timedelta(days=100)  # once a quarter


def backups(patient: Patient, db: Database) -> Iterator[Check]:
    settings, notes = patient.settings, outcomes.look(db)
    if notes.failure:
        yield fail(
            "backup",
            "the backup of %(at)s failed: %(reason)s",
            "It is tried again each hour; by hand: kbsearch backup",
            at=_shown(notes.failure.at),
            reason=notes.failure.reason,
        )
    yield _made(notes, by_itself=bool(settings.backup_to and settings.backup_at))
    if notes.latest:
        yield _proved(notes)


def _made(notes: Outcomes, *, by_itself: bool) -> Check:
    if notes.latest is None:
        return warn(
            "backup",
            "no backup was made yet",
            "Say where they go with the setting backup_to; once by hand: kbsearch backup FILE",
        )
    values = {"at": _shown(notes.latest.at), "place": notes.latest.place}
    age = utc_now() - parsed(notes.latest.at)
    if by_itself and age > LATE_AFTER:
        return fail(
            "backup",
            "the last backup is of %(at)s: %(place)s",
            "One is due each day: see that the worker runs, and its log.",
            **values,
        )
    if age > OLD_AFTER:
        return warn(
            "backup",
            "the last backup is of %(at)s: %(place)s",
            "Say where they go with the setting backup_to; once by hand: kbsearch backup FILE",
            **values,
        )
    return ok("backup", "the last backup is of %(at)s: %(place)s", **values)


def _proved(notes: Outcomes) -> Check:
    proof, remedy = notes.proof, "Prove the last one, every quarter: kbsearch drill"
    if proof is None:
        return warn("drill", "no backup was proved yet", remedy)
    if not proof.is_good:
        return fail(
            "drill",
            "the backup %(name)s did not bring the site back on %(at)s: %(problem)s",
            "Make another and prove that: kbsearch backup, then kbsearch drill",
            name=proof.name,
            at=_shown(proof.at),
            problem=proof.problems[0],
        )
    message = "a backup was last proved on %(at)s: %(requests)s requests came back in %(seconds)s s"
    values = {
        "at": _shown(proof.at),
        "requests": proof.counts["tickets"],
        "seconds": proof.seconds,
    }
    if utc_now() - parsed(proof.at) > PROVED_AFTER:
        return warn("drill", message, remedy, **values)
    return ok("drill", message, **values)


def _shown(moment: str) -> str:
    return f"{parsed(moment):%Y-%m-%d %H:%M} UTC"
