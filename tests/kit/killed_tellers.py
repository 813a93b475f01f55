"""A worker that tells people of what happened, killed at a random moment; run by a test."""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.outbox.claims import EVERYTHING
from kbsearch.tickets import dues
from tests.kit.mail import carry


def main(site: str, seed: str) -> None:
    settings = Settings(site=Path(site))
    db = SqliteDatabase(settings.database_path)
    chance = random.Random(int(seed))

    def die() -> None:
        time.sleep(chance.uniform(0.0, 0.25))
        os.kill(os.getpid(), signal.SIGKILL)

    if int(seed):
        threading.Thread(target=die, daemon=True).start()
    outbox.release(db, EVERYTHING.worker)  # what was claimed by whoever died before
    dues.catch_up(db)
    dues.tell(db)
    carry(settings, db)
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
