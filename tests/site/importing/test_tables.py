"""The tables of a dump: those of the program alone."""

from pathlib import Path

from kbsearch.site.importing.systems import LeftOut, spool
from kbsearch.site.importing.systems.mysql_dump import Dump
from kbsearch.site.importing.systems.tables import Key, Tables

DUMP = """
CREATE TABLE `ost_user` (
  `id` int,
  `name` text
);
INSERT INTO `ost_user` VALUES (1,'Alice');
CREATE TABLE `user` (
  `id` int,
  `name` text
);
INSERT INTO `user` VALUES (2,'of a shop in the same database');
"""


def test_what_another_program_keeps_in_the_same_database_is_not_taken(tmp_path: Path):
    (tmp_path / "both.sql").write_text(DUMP, encoding="utf-8")
    with spool.opened() as kept:
        tables = Tables(kept, {"user": Key("id")})
        assert list(tables.load(Dump(tmp_path / "both.sql"), "ost_", LeftOut())) == []
        assert [row["name"] for batch in tables.batches("user") for row in batch] == ["Alice"]
