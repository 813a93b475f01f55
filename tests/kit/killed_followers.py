"""A publisher that tells who follows what changed, killed at a random moment; run by a test."""

import os
import random
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from kbsearch import outbox
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.engines import open_database
from kbsearch.messages.notifications import news_letters
from kbsearch.outbox.claims import EVERYTHING
from tests.kit.following import others

LONGEST = 0.5  # seconds, of a life


def main(site: str, database: str, seed: str) -> None:
    settings = Settings(site=Path(site))
    if database:
        settings = replace(settings, database=database)
    db = open_database(settings.database_address)
    chance = random.Random(int(seed))

    def die() -> None:
        time.sleep(chance.uniform(0.0, LONGEST))
        os.kill(os.getpid(), signal.SIGKILL)

    if int(seed):
        threading.Thread(target=die, daemon=True).start()
    outbox.release(db, EVERYTHING.worker)  # what was claimed by whoever died before
    publish(db, settings)
    handlers = outbox.together(news_letters.fan_out(db), news_letters.handlers(settings, db))
    while outbox.run_one(db, {**others(db), **handlers}):
        pass
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
