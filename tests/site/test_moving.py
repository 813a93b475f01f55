"""A site moves its database into one that is blank, and into no other."""

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.site import moving
from tests.conftest import Cast


def test_a_database_with_something_in_it_is_not_overwritten(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with pytest.raises(Problem, match=r"move\.not_empty"):
        moving.move(settings, db, settings.database_address, lambda *_: None)
