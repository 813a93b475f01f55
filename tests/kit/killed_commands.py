"""Runs commands of kbsearch in processes that are killed, or stopped, at a moment; run by a test.

Each line of its input is a command, each line of its output what became of it. It has everything
imported, so that a moment falls into what the command does and not into its start.
"""

import importlib
import json
import os
import signal
import sys
import time
from typing import Any

from kbsearch import cli
from kbsearch.site.importing import people, tickets

BATCH = 100  # lines of an import in a transaction: a thousand would take the tests longer

for module in {*cli.COMMANDS.values()} - {"serve"}:
    importlib.import_module(f"kbsearch.cli.{module}")
for module in ("articles.publishing.publish", "search.ranking", "search.ranking.indexing"):
    importlib.import_module(f"kbsearch.{module}")


def begin(asked: dict[str, Any]) -> int:
    """The process that carries out a command."""
    pid = os.fork()
    if pid == 0:
        os.chdir(asked["site"])
        said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        status = 1
        try:
            cli.main(asked["arguments"])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        finally:
            os._exit(status)
    return pid


def interrupt(pid: int, number: int, moment: float) -> None:
    time.sleep(moment)
    os.kill(pid, number)


def main() -> None:
    people.BATCH = tickets.BATCH = BATCH
    stopped = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("resume"):
            os.kill(stopped, signal.SIGCONT)
            pid, began = stopped, time.monotonic()
        else:
            pid, began = begin(asked), time.monotonic()
            if number := asked["signal"]:
                interrupt(pid, number, asked["moment"])
        _, status = os.waitpid(pid, os.WUNTRACED)
        stopped = pid
        told = {
            "status": os.waitstatus_to_exitcode(status) if not os.WIFSTOPPED(status) else "stopped",
            "seconds": time.monotonic() - began,
        }
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
