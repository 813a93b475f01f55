"""Every table leaves with the export, or it is written down why it does not."""

import re

from kbsearch import resources
from kbsearch.database import Database
from kbsearch.files.store import FileStore
from kbsearch.site.portable import leaving, sheets
from kbsearch.site.portable.sheets import SHEETS


def test_each_table_leaves_or_has_a_reason(db: Database):
    tables = {sheet.table for sheet in SHEETS}
    reasons = [tables, sheets.OF_NOUNS, sheets.OF_CONTENT, sheets.MADE_ANEW, sheets.KEYS]
    reasons += [sheets.PASSING, sheets.LEFT_BEHIND]
    listed = [table for names in reasons for table in names]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == set(db.list_tables())


def test_a_sheet_has_every_column_of_its_table_or_a_default(db: Database):
    """What is left out: whose visit a vote belongs to, and what is held back."""
    schema = (resources.folder("database") / "schema.sql").read_text("utf-8")
    left_out = {}
    for sheet in SHEETS:
        text = re.search(rf"CREATE TABLE {sheet.table} \((.*?)\n\);", schema, re.DOTALL)
        assert text is not None
        columns = set(re.findall(r"^  ([a-z_]+) (?:TEXT|INTEGER|BLOB)", text[1], re.MULTILINE))
        named = {*sheet.texts, *sheet.numbers, *sheet.blobs, *sheet.references}
        assert named <= columns
        if columns - named:
            left_out[sheet.name] = columns - named
    assert left_out == {
        "saved_replies": {"actions"},
        "votes": {"visit_id", "event_id"},
        "gap_signals": {"event_id"},
        "drafts": {"leaves_at"},
    }


def test_whatever_is_counted_can_be_counted(db: Database, store: FileStore):
    for target in leaving.TARGETS:
        assert list(leaving.outcomes(db, store, target)) == []
    names = [kind.name for kind in leaving.KINDS]
    assert len(names) == len(set(names))
