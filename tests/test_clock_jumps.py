"""Clocks that jump an hour, either way, and nights in which the hour changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.jumped_clocks import SCENES
from tests.kit.places import TOP

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


@pytest.mark.skipif(LIBRARY is None, reason="a clock that jumps needs libfaketime")
@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("scene", [scene.__name__ for scene in SCENES])
def test_a_clock_that_jumps(tmp_path: Path, scene: str, hours: int):
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",  # what waits for a while waits that long
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.kit.jumped_clocks", scene, str(tmp_path), str(hours)],
        cwd=TOP,
        env={**os.environ, **faked},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
