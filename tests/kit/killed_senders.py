"""People who file, attach and answer, in processes that are killed at random; run by a test.

What was acknowledged is appended to a file, one JSON line each. Told `early`, they acknowledge
before they are done: the test that reads the file must notice.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from kbsearch.access import Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files.folder import FolderStorage
from kbsearch.files.store import FileStore
from kbsearch.people import viewers
from kbsearch.tickets import filing
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.files import Upload
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing.form import FilingTerms, RequestForm

PEOPLE = ("alice@acme.example", "bob@acme.example")
MOST_ACKNOWLEDGED = 7  # by one sender before it is killed
LONGEST_PAUSE = 0.008  # seconds it lives on: about what one step takes


def content_of(key: str) -> bytes:
    return f"file of {key}\n".encode() * 50


class Sender:
    """A browser that sends one form after the other, until it is killed."""

    def __init__(
        self, database: Path, files: Path, acks: Path, email: str, *, early: bool, told: int
    ) -> None:
        self.db = SqliteDatabase(database)
        self.store = FileStore(FolderStorage(files.parent), files.name)
        self.viewer: Viewer = viewers.find(self.db, email)
        self.email, self.early, self.acks, self.told = email, early, acks, told
        self.out = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def work(self, turn: int) -> None:
        for key in self.keys(turn):
            self.send(key)

    def keys(self, turn: int) -> Iterator[str]:
        """First what the one before was sending: it may have arrived, or not."""
        prefix = f"form-{self.email[:3]}-{turn - 1}-"
        told = [json.loads(line)["key"] for line in self.acks.read_text().splitlines()]
        last = max((int(k.rpartition("-")[2]) for k in told if k.startswith(prefix)), default=0)
        yield from (f"{prefix}{number}" for number in (last, last + 1))
        yield from (f"form-{self.email[:3]}-{turn}-{number}" for number in range(1_000))

    def send(self, key: str) -> None:
        self.done("file", key, lambda: self.attach(key))
        request = RequestForm(key, f"description of {key}")
        self.done(
            "ticket", key, lambda: filing.open(self.db, self.viewer, request, FilingTerms(key)).id
        )
        ticket = filing.open(self.db, self.viewer, request, FilingTerms(key))
        answer = f"{key}-reply"
        self.done(
            "message",
            key,
            lambda: (
                replies.reply(self.db, self.viewer, ticket, ReplyForm(answer, answer)).message_id
            ),
        )

    def attach(self, key: str) -> str:
        upload = Upload("log.txt", BytesIO(content_of(key)))
        return drafts.attach(self.db, self.viewer, self.store, key, upload).id

    def done(self, kind: str, key: str, act: Callable[[], str]) -> None:
        found = None if self.early else act()
        line = {"kind": kind, "key": key, "email": self.email, "id": found}
        os.write(self.out, f"{json.dumps(line)}\n".encode())
        os.write(self.told, b".")
        if self.early:
            act()


def main(database: str, files: str, acks: str, rounds: str, mode: str) -> None:
    chance = random.Random(f"{rounds} {mode}")
    Path(acks).touch()
    for turn in range(1, int(rounds) + 1):
        children = []
        for email in PEOPLE:
            heard, told = os.pipe()
            pid = os.fork()
            if pid == 0:
                paths = Path(database), Path(files), Path(acks)
                Sender(*paths, email, early=mode == "early", told=told).work(turn)
                os._exit(0)
            os.close(told)
            children.append((pid, heard))
        for pid, heard in children:
            for _ in range(chance.randrange(MOST_ACKNOWLEDGED)):
                os.read(heard, 1)
            time.sleep(chance.uniform(0, LONGEST_PAUSE))
            os.kill(pid, signal.SIGKILL)
            os.close(heard)
            _, status = os.waitpid(pid, 0)
            if not os.WIFSIGNALED(status):
                sys.exit(f"a sender ended by itself: {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
