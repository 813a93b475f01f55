"""A drill: the last backup is brought back beside the site, and looked through as if it mattered.

What comes back is a site of its own in a folder that is gone afterwards. Nothing of it runs: nobody
signs in, nothing leaves; of the site itself, the note of the outcome is all that changes.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from kbsearch import audit
from kbsearch.clock import now
from kbsearch.config import CONFIG_NAME, FIELDS, Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.i18n import explain, gettext
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import backup_rounds, erasure_ledger, fetching, health, restoring
from kbsearch.site.backup_rounds import UnderWay
from kbsearch.site.doctor import database, indexes, kept
from kbsearch.site.doctor.checks import LookInside, Patient
from kbsearch.vaults import outcomes
from kbsearch.vaults.outcomes import DrillProof

WORK_FOLDER = "drill"
LOOKS: tuple[LookInside, ...] = (
    database.references,
    kept.attached,
    kept.mails,
    indexes.in_service,
)

log = logging.getLogger(__name__)


def drill(
    db: Database,
    settings: Settings,
    file: Path | None = None,
    identity: Path | None = None,
) -> DrillProof:
    """Prove a backup, the last of the vault where no file is given; what came of it is noted.

    Raises UnderWay where another drill is at it.
    """
    began = time.monotonic()
    name, made_at, erased, counts, problems = "", "", 0, dict[str, int](), list[str]()
    try:
        with backup_rounds.work_folder(settings, WORK_FOLDER) as work:
            with fetching.opened(settings, file, identity, work) as archive:
                name = archive.name
                there = _scratch(settings, work)
                found = Configuration(there, {})
                ledgers = (*archive.ledgers, erasure_ledger.path(settings))
                with audit.unlogged():
                    restored = restoring.restore(found, archive.path, ledgers)
            made_at, erased = restored.manifest.made_at, restored.erased
            with closing(SqliteDatabase(there.database_path)) as copy:
                counts = health.counts(copy)
                problems += _looked_through(there, copy)
    except UnderWay:
        raise
    except Problem as problem:
        problems.append(explain(problem, settings.languages[0]))
    except Exception as defect:
        problems.append(f"{type(defect).__name__}: {defect}")
        log.exception("the drill failed")
    seconds = round(time.monotonic() - began, 1)
    proof = DrillProof(now(), name, made_at, seconds, counts, erased, tuple(problems))
    outcomes.note_proof(db, proof)
    return proof


def _scratch(settings: Settings, work: Path) -> Settings:
    """A site in a folder of its own, whatever places the settings name; no server is among them."""
    folder = work / "site"
    folder.mkdir(mode=0o700)
    (folder / CONFIG_NAME).touch()  # so that those of the archive stay out of force
    places: dict[str, Any] = {name: FIELDS[name].default for name in restoring.PLACES}
    return replace(settings, site=folder, **places)


def _looked_through(settings: Settings, copy: Database) -> Iterator[str]:
    """Build the indexes of what came back; what is wrong with it, in words."""
    with closing(Indexer(settings, copy)) as indexer:
        for subject in ("articles", "tickets"):
            indexer.rebuild(subject)
    patient = Patient(Configuration(settings, {}), is_deep=True)
    for look in LOOKS:
        for check in look(patient, copy):
            if check.state != "ok":
                yield gettext(settings.languages[0], check.told, **dict(check.values))
