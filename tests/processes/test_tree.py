"""The process tree: real parents, real children, real signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kbsearch import i18n
from kbsearch.processes import tree as serving
from tests.kit.waiting import HUNG, until

PARENT = """
import sys
from kbsearch.processes import logs
from kbsearch.processes.tree import Child, ProcessTree
logs.start()
names, patience = sys.argv[1].split(","), float(sys.argv[3])
children = [Child(name, [sys.executable, sys.argv[2], name], heeds_hup=True) for name in names]
sys.exit(ProcessTree(children, {}, patience=patience).run(lambda: print("ready", flush=True)))
"""

# Writes what happens to it in <name>.log; "stubborn" does not stop, "broken" does not start, "mute"
# falls silent once it is ready, "slow" does too but has asked for patience.
CHILD = """
import os, pathlib, signal, sys, time
from kbsearch.processes.parent_pipe import ParentPipe
name, parent_pipe = sys.argv[1], ParentPipe(int(sys.argv[3]))
log = pathlib.Path(__file__).with_name(name + ".log")
def note(text):
    with log.open("a") as file:
        file.write(f"{text} {os.getpid()}\\n")
def on_signal(number, frame):
    note(signal.Signals(number).name)
    if number == signal.SIGTERM and name != "stubborn":
        sys.exit()
if name == "broken":
    sys.exit(3)
signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGHUP, on_signal)
note("started")
parent_pipe.ready()
if name == "slow":
    parent_pipe.beat(patience=255 * 30)
while True:
    time.sleep(0.05)
    if name not in ("mute", "slow"):
        parent_pipe.beat()
"""


class Family:
    """A tree under test: its parent process and what its children wrote."""

    def __init__(self, folder: Path, *names: str, patience: float = 30.0) -> None:
        self.folder = folder
        (folder / "child.py").write_text(CHILD)
        child, told = str(folder / "child.py"), str(patience)
        command = [sys.executable, "-c", PARENT, ",".join(names), child, told]
        self.parent = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def wait_until_ready(self) -> None:
        assert self.parent.stdout is not None
        assert self.parent.stdout.readline() == b"ready\n"

    def events(self, name: str) -> list[tuple[str, int]]:
        log = self.folder / f"{name}.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    def pid(self, name: str) -> int:
        return [pid for event, pid in self.events(name) if event == "started"][-1]

    def tell(self, number: int) -> None:
        self.parent.send_signal(number)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[..., Family]]:
    made: list[Family] = []

    def make(*names: str, patience: float = 30.0) -> Family:
        made.append(Family(tmp_path, *names, patience=patience))
        return made[-1]

    yield make
    for one in made:
        one.parent.kill()
        one.parent.communicate()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_is_announced_when_every_child_is_ready(family):
    tree = family("first", "second")
    tree.wait_until_ready()
    assert [event for event, _ in tree.events("first")] == ["started"]
    assert [event for event, _ in tree.events("second")] == ["started"]


def test_systemd_is_told_of_the_start_each_second_of_life_and_the_end(
    family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(HUNG)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        tree = family("first")
        told = [manager.recv(64)]
        while told[-1] != b"READY=1":
            told.append(manager.recv(64))
        assert set(told[:-1]) <= {b"WATCHDOG=1"} and tree.events("first")
        assert manager.recv(64) == b"WATCHDOG=1"
        tree.tell(signal.SIGTERM)
        while told[-1] != b"STOPPING=1":
            told.append(manager.recv(64))
    assert tree.parent.wait(timeout=HUNG) == 0, "whoever told it to begin may be gone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_every_child_and_the_parent_ends_well(family, number):
    tree = family("first", "second")
    tree.wait_until_ready()
    tree.tell(number)
    assert tree.parent.wait(timeout=HUNG) == 0
    assert [event for event, _ in tree.events("first")] == ["started", "SIGTERM"]
    assert [event for event, _ in tree.events("second")] == ["started", "SIGTERM"]


def test_a_second_signal_kills_who_does_not_listen(family):
    tree = family("stubborn")
    tree.wait_until_ready()
    child = tree.pid("stubborn")
    tree.tell(signal.SIGTERM)
    until(lambda: len(tree.events("stubborn")) == 2)
    assert tree.parent.poll() is None
    tree.tell(signal.SIGTERM)
    assert tree.parent.wait(timeout=HUNG) == 0
    assert not is_running(child)


def test_a_killed_child_is_started_again_and_the_log_says_so(family):
    tree = family("first", "second")
    tree.wait_until_ready()
    neighbour = tree.pid("second")
    os.kill(tree.pid("first"), signal.SIGKILL)
    until(lambda: len(tree.events("first")) == 2)
    assert tree.pid("second") == neighbour
    tree.tell(signal.SIGTERM)
    _, log = tree.parent.communicate(timeout=HUNG)
    assert b"first ended (status -9), starting again" in log


def test_a_child_that_keeps_dying_is_started_less_and_less_often(family):
    tree = family("first")
    tree.wait_until_ready()
    for starts in (2, 3):
        os.kill(tree.pid("first"), signal.SIGKILL)
        until(lambda starts=starts: len(tree.events("first")) == starts)  # type: ignore[misc]
    tree.tell(signal.SIGTERM)
    _, log = tree.parent.communicate(timeout=HUNG)
    assert re.findall(rb"starting again in (\d+) s", log) == [b"1", b"3"]


def test_a_child_that_cannot_start_ends_it_all_with_status_1(family):
    tree = family("first", "broken")
    _, log = tree.parent.communicate(timeout=HUNG)
    assert tree.parent.returncode == 1
    assert b"broken could not start (status 3)" in log
    assert b"ready" not in log


def test_a_child_that_falls_silent_is_killed_and_replaced_and_nobody_else(family):
    tree = family("mute", "slow", "first", patience=2.0)
    tree.wait_until_ready()
    silent, others = tree.pid("mute"), [tree.pid("slow"), tree.pid("first")]
    until(lambda: tree.pid("mute") != silent)
    assert not is_running(silent)
    assert [tree.pid("slow"), tree.pid("first")] == others
    tree.tell(signal.SIGTERM)
    _, log = tree.parent.communicate(timeout=HUNG)
    assert b"mute hangs: it gave no sign of life in time and is killed" in log


def test_a_stopped_child_is_killed_and_replaced(family):
    tree = family("first", patience=2.0)
    tree.wait_until_ready()
    stopped = tree.pid("first")
    os.kill(stopped, signal.SIGSTOP)
    until(lambda: tree.pid("first") != stopped)
    assert not is_running(stopped)


def test_after_a_stop_of_the_parent_no_healthy_child_is_killed(family):
    tree = family("first", "second", patience=2.0)
    tree.wait_until_ready()
    tree.tell(signal.SIGSTOP)
    time.sleep(4)
    tree.tell(signal.SIGCONT)
    time.sleep(2)
    assert [event for event, _ in tree.events("first")] == ["started"]
    assert [event for event, _ in tree.events("second")] == ["started"]


def test_after_a_stop_of_the_whole_machine_no_healthy_child_is_killed(family):
    tree = family("first", "second", patience=3.0)
    tree.wait_until_ready()
    stopped = [tree.parent.pid, tree.pid("first"), tree.pid("second")]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5)
    for pid in stopped:  # the parent wakes first
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
    time.sleep(2)
    assert [event for event, _ in tree.events("first")] == ["started"]
    assert [event for event, _ in tree.events("second")] == ["started"]


def test_children_do_not_outlive_a_killed_parent(family):
    tree = family("first", "second")
    tree.wait_until_ready()
    children = [tree.pid("first"), tree.pid("second")]
    tree.parent.kill()
    until(lambda: not any(is_running(child) for child in children))
    assert tree.events("first")[-1][0] == "SIGTERM"


def test_hup_is_passed_on(family):
    tree = family("first")
    tree.wait_until_ready()
    tree.tell(signal.SIGHUP)
    until(lambda: ("SIGHUP", tree.pid("first")) in tree.events("first"))
    assert tree.parent.poll() is None


def test_a_taken_port_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(serving.CannotListen) as refused:
            serving.listen("127.0.0.1", port)
    told = i18n.explain(refused.value, "en")
    assert told.startswith(f"cannot listen on 127.0.0.1, port {port}: ")
    assert "in use" in told and "--port" in told and "\n" not in told


def test_port_0_is_a_free_port():
    with serving.listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
