"""Sweeps of files to the trash, each killed at a later step than the one before; run by a test.

The first argument is a site, the second a folder: there it is copied once for each sweep, and left
as the death of that sweep left it. The last one came to its end.
"""

import os
import shutil
import signal
import sys
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.tickets import files

STEPS = ("os.", "shutil.", "fcntl.", "open")  # what a sweep asks of the system


def sweep(settings: Settings) -> None:
    store, trash = places.attached(settings), places.trash(settings)
    with closing(SqliteDatabase(settings.database_path)) as db:
        files.forget_orphans(db, store, trash, share=1.0)


def die_at(step: int) -> None:
    """Kill this process at the n-th thing it asks of the system."""
    left = step

    def look(event: str, _: object) -> None:
        nonlocal left
        if event.startswith(STEPS) and event != "os.kill":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


def main() -> None:
    site, folder = map(Path, sys.argv[1:])
    with TemporaryDirectory() as warm:  # what a first sweep imports is no step of the others
        sweep(Settings(site=Path(shutil.copytree(site, warm, dirs_exist_ok=True))))
    for step in count():
        shutil.copytree(site, folder / str(step))
        pid = os.fork()
        if pid == 0:
            die_at(step)
            sweep(Settings(site=folder / str(step)))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
