"""Makes backups in children that are killed at a step: python -m tests.kit.killed_rounds SITE KEY.

A line says at which step; the answer is how the child ended. They share what is imported.
"""

import os
import signal
import sys
from pathlib import Path

from kbsearch.config import Settings
from kbsearch.database.engines import open_database
from kbsearch.site import backup_rounds
from kbsearch.vaults import age, folder

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")
IMPORTED = (age, folder)  # here, and not in each child


def run(settings: Settings, last: int) -> None:
    left = last

    def count(event: str, _: object) -> None:
        nonlocal left
        if event in STEPS:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    db = open_database(settings.database_address)
    sys.addaudithook(count)
    backup_rounds.run(db, settings)
    backup_rounds.tidy(db, settings)


def main(site: str, recipient: str) -> None:
    settings = Settings(
        site=Path(site),
        backup_to="vault",
        backup_recipients=(recipient,),
        backup_keep=("daily=1",),
    )
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(settings, int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
