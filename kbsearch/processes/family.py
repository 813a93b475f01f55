"""The processes of the site on this machine, as far as the system shows them."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ROLES = ("serve", "web", "worker")


@dataclass(frozen=True)
class Relative:
    """A process of the tree: what it does, its memory in bytes, its age in seconds."""

    pid: int
    role: str
    memory: int
    age: float


def look() -> list[Relative]:
    """This process and those of its tree; on a system without /proc nobody."""
    if not (PROC / "self/stat").exists():
        return []
    parent = os.getppid()
    if _role(parent) != "serve":  # a supervisor's: what else it keeps is no matter of ours
        return list(_relatives([os.getpid()]))
    return list(_relatives([parent, *_children(parent)]))


def _relatives(pids: list[int]) -> Iterator[Relative]:
    for pid in pids:
        try:
            fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it is gone
            continue
        memory = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # seconds after the machine
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
        yield Relative(pid, _role(pid), memory, max(0.0, age))


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in (PROC / f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _role(pid: int) -> str:
    """Which command of kbsearch a process runs; empty where it is none."""
    try:
        words = (PROC / f"{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    names = [Path(word).name for word in words[:4]]
    if "kbsearch" not in names:
        return ""
    arguments = words[names.index("kbsearch") + 1 :]
    return next((word for word in arguments if word in ROLES), "serve")
