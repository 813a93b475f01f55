"""What an upgrade changed for administrators: shown once after it, in their language."""

import re

from kbsearch import resources
from kbsearch.access import Viewer, only_administrators
from kbsearch.database import Database, site_state
from kbsearch.version import __version__

RELEASE, NEWS = "release", "news"  # names of the site's notes
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)


def note_release(db: Database) -> None:
    """The release at work; where an earlier one was before, there is news."""
    with db.atomic():
        before = site_state.read(db, RELEASE)
        if before == __version__:
            return
        if before or _was_upgraded(db):
            site_state.write(db, NEWS, __version__)
        site_state.write(db, RELEASE, __version__)


def has_news(db: Database, viewer: Viewer) -> bool:
    """Whether an administrator has yet to hear of the last upgrade."""
    only_administrators(viewer)
    return bool(site_state.read(db, NEWS))


def dismiss(db: Database, viewer: Viewer) -> None:
    """It was read: nobody is told again of this upgrade."""
    only_administrators(viewer)
    site_state.remove(db, NEWS)


def sections(language: str) -> list[tuple[str, str]]:
    """What changed, release by release, the latest first: its name, and Markdown."""
    text = (resources.folder("whats_new") / f"{language}.md").read_text(encoding="utf-8")
    _, *parts = _SECTION.split(text)
    return [(parts[i], parts[i + 1].strip()) for i in range(0, len(parts), 2)]


def _was_upgraded(db: Database) -> bool:
    """Whether the database was brought to its schema in more than one go."""
    rows = db.query("SELECT COUNT(DISTINCT applied_at) AS n FROM schema_steps")
    return int(rows[0]["n"]) > 1
