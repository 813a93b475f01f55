"""A release: what the changelog becomes, and all that scripts/release makes, from a clone."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tarfile
from datetime import date
from pathlib import Path

import pytest

from kbsearch.version import __version__
from tests.kit.places import TOP

spec = importlib.util.spec_from_file_location("release", TOP / "scripts" / "release.py")
assert spec is not None and spec.loader is not None
release = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)

DAY = date(2027, 3, 1)
FIRST = "# Changelog\n\n## [Unreleased]\n\n### Search\n\n- Faster.\n\n### Fixed\n\n- A typo.\n"


def test_what_was_unreleased_becomes_a_version_with_its_day():
    assert release.released(FIRST, "1.1.0", DAY) == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] – 2027-03-01\n\n"
        "### Search\n\n- Faster.\n\n### Fixed\n\n- A typo.\n"
    )


def test_what_came_after_a_version_was_prepared_joins_it():
    prepared = release.released(FIRST, "1.1.0", date(2027, 2, 1))
    more = prepared.replace(
        "## [Unreleased]\n",
        "## [Unreleased]\n\n### Fixed\n\n- A crash.\n\n### Mail\n\n- Shorter.\n",
    )
    assert release.released(more, "1.1.0", DAY) == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] – 2027-03-01\n\n"
        "### Search\n\n- Faster.\n\n### Fixed\n\n- A crash.\n- A typo.\n\n### Mail\n\n- Shorter.\n"
    )


def test_a_prepared_version_stays_as_it_is_and_the_next_stands_above_it():
    prepared = release.released(FIRST, "1.1.0", DAY)
    assert release.released(prepared, "1.1.0", date(2028, 1, 1)) == prepared
    more = prepared.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- Another.\n")
    following = release.released(more, "1.2.0", date(2028, 1, 1))
    assert re.findall(r"^## .*$", following, re.MULTILINE) == [
        *("## [Unreleased]", "## [1.2.0] – 2028-01-01", "## [1.1.0] – 2027-03-01")
    ]
    assert following.endswith(prepared.partition("## [1.1.0]")[2])


def test_a_release_of_nothing_is_refused():
    with pytest.raises(SystemExit, match="nothing new"):
        release.released(release.released(FIRST, "1.1.0", DAY), "1.2.0", DAY)


def test_the_version_is_the_last_one_of_the_changelog_and_administrators_are_told_of_it():
    text = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([^]]+)\]", text, re.MULTILINE)[:2] == ["Unreleased", __version__]
    for language in ("fr", "en"):
        news = (TOP / f"kbsearch/whats_new/{language}.md").read_text(encoding="utf-8")
        assert f"\n## {__version__.rpartition('.')[0]}\n" in news


@pytest.mark.skipif(
    not os.environ.get("KBSEARCH_RELEASE_DRILL"), reason="a minute: KBSEARCH_RELEASE_DRILL=1"
)
def test_one_command_makes_all_of_a_release(tmp_path: Path):
    clone = tmp_path / "clone"
    git = ("git", "-c", "user.name=Root", "-c", "user.email=root@support.example")
    subprocess.run((*git, "clone", "--quiet", TOP, clone), check=True)
    for name, value in (("user.name", "Root"), ("user.email", "root@support.example")):
        subprocess.run(("git", "config", name, value), cwd=clone, check=True)
    (clone / ".cache").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    made = subprocess.run(
        (TOP / ".venv/bin/python", clone / "scripts/release.py", "9.8.7"),
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    dist = clone / "dist"
    assert {path.name for path in dist.iterdir()} == {
        *("SHA256SUMS", "kbsearch-9.8.7-py3-none-any.whl", "kbsearch-9.8.7.cdx.json"),
        "kbsearch-9.8.7.tar.gz",
    }
    subprocess.run(("sha256sum", "--check", "--quiet", "SHA256SUMS"), cwd=dist, check=True)
    sbom = json.loads((dist / "kbsearch-9.8.7.cdx.json").read_text())
    assert sbom["metadata"]["component"]["version"] == "9.8.7"
    with tarfile.open(dist / "kbsearch-9.8.7.tar.gz") as archive:
        facts = archive.extractfile("kbsearch-9.8.7/PKG-INFO")
        assert facts is not None and b"Version: 9.8.7" in facts.read()
    said = subprocess.run(
        ("git", "describe", "--exact-match"), cwd=clone, capture_output=True, text=True
    )
    assert said.stdout == "v9.8.7\n"
    again = subprocess.run(
        (TOP / ".venv/bin/python", clone / "scripts/release.py", "9.8.7"),
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1 and "already" in again.stderr
    shutil.rmtree(clone)
