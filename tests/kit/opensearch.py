"""An OpenSearch node of the suite's own, in memory and on loopback: no service, no password."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from kbsearch.database import new_id

PLACE = Path(__file__).parents[2] / ".cache" / "opensearch"  # as scripts/opensearch_node fills it
# It begins and ends with a run of the suite: that it is fast when it is warm helps nobody.
OPTIONS = (
    *("-Xms256m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
    *("-Djava.security.manager=allow", "-Dlog4j2.disable.jmx=true"),
)


def is_installed() -> bool:
    """Whether a node can be run here, and asked."""
    has_classes = (PLACE / "classes" / "Start.class").exists()
    return (
        has_classes and shutil.which("java") is not None and find_spec("opensearchpy") is not None
    )


@contextmanager
def running() -> Iterator[str]:
    """A node with nothing in it; its host and port."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="kbos.", dir=memory if os.access(memory, os.W_OK) else None)
    classes = f"{PLACE / 'classes'}:{PLACE / 'lib'}/*"
    with open(f"{folder}/log", "wb") as log:
        node = subprocess.Popen(
            ["java", *OPTIONS, "-cp", classes, "Start", folder],
            stdin=subprocess.PIPE,  # its end is the node's
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert node.stdout is not None
        lines = (line.split() for line in node.stdout)
        port = next(words[1].decode() for words in lines if words[:1] == [b"port"])
        yield f"127.0.0.1:{port}"
    finally:
        node.communicate()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _node() -> str:
    """The node of this run, started when the first test asks for it, ended with the process."""
    import atexit

    node = running()
    host = node.__enter__()
    atexit.register(node.__exit__, None, None, None)
    return host


def address() -> str:
    """Where a test may keep its indexes, apart from those of all others; skips without a node."""
    if given := os.environ.get("KBSEARCH_TEST_OPENSEARCH"):
        return f"opensearch+http://{given}/{new_id().lower().lstrip('_')}"
    if not is_installed():
        pytest.skip("no OpenSearch node is installed: scripts/opensearch_node fetches one")
    return f"opensearch+http://{_node()}/{new_id().lower().lstrip('_')}"
