"""A publisher that is killed at any moment: those who follow are told of each change, each once.

KBSEARCH_KILLS is how often it is killed; without it, never: each life publishes and takes its time.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from kbsearch.articles import follows
from kbsearch.config import Settings
from kbsearch.database import Database
from tests.conftest import Cast
from tests.kit.mail import letters
from tests.kit.places import TOP
from tests.kit.writers import PAGE, article, commit, repository, write

KILLS = int(os.environ.get("KBSEARCH_KILLS", "0"))


@pytest.mark.both_engines
@pytest.mark.skipif(not KILLS, reason="KBSEARCH_KILLS says how often")
def test_a_killed_publisher_tells_of_each_change_once(db: Database, cast: Cast, settings: Settings):
    content, text = repository(settings), "Begin.\n"
    lives = [0, *range(1, KILLS + 1), 0]  # the first and the last one live
    killed = 0
    for life, seed in enumerate(lives):
        if life == 1:
            for viewer in (cast.alice, cast.bob, cast.chloe):
                follows.follow(db, viewer, "article", "en/guide/page")
                follows.follow(db, viewer, "category", "en/guide")
        text += f"\n## Part {life}\n\nWords of part {life}.\n"
        write(content, PAGE, article("A page", text))
        commit(content, f"Part {life}")
        database = "" if isinstance(settings.database, Path) else settings.database
        command = [sys.executable, "-m", "tests.kit.killed_followers", str(settings.site)]
        done = subprocess.run([*command, database, str(seed)], cwd=TOP, capture_output=True)
        killed += done.returncode == -9
        assert done.returncode in (0, -9), done.stderr
    assert killed > KILLS / 2, "somebody must die for this test to mean anything"
    brought = db.query("SELECT id, sections FROM article_news")
    for life in range(1, len(lives)):
        assert sum(f'"Part {life}"' in row["sections"] for row in brought) == 1, life
    lines = Counter(
        (row["person_id"], row["news_id"]) for row in db.query("SELECT * FROM news_letter_lines")
    )
    assert len(lines) == 3 * len(brought) and set(lines.values()) == {1}
    written = db.query("SELECT outcome FROM news_letters")
    assert {row["outcome"] for row in written} == {"sent"}
    assert len(written) == len(lines), "each publication is one letter to each"
    sent = Counter((each["Message-ID"], each["Delivered-To"]) for each in letters(settings))
    assert len(sent) == len(written)
    assert sum(sent.values()) - len(sent) <= killed, "twice only where it was killed after sending"
    assert db.query("SELECT 1 FROM outbox WHERE done_at IS NULL OR dead_at IS NOT NULL") == []
