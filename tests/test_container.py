"""The Containerfile and the compose file: what they promise, and a real build where one can be."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.kit.places import TOP

PLACE = TOP / "scripts"
TEXT = (PLACE / "Containerfile").read_text(encoding="utf-8")
GUIDE = (TOP / "content/articles/en/operators/container.md").read_text(encoding="utf-8")
STATEMENT = re.compile(r"^([A-Z]+) (.*(?:\\\n.*)*)", re.MULTILINE)
STATEMENTS = STATEMENT.findall(TEXT.replace("\\\n", " "))
BASES = [words.split()[0] for name, words in STATEMENTS if name == "FROM"]


def last(name: str) -> str:
    return [str(words) for own, words in STATEMENTS if own == name][-1]


def test_it_is_built_on_named_releases_alone():
    assert len(BASES) == 2
    assert all(re.search(r":\d[\w.-]+$", base) for base in BASES)
    assert "latest" not in TEXT


def test_nobody_in_it_is_root_and_it_says_how_it_is():
    assert last("USER") == "10001:10001"
    assert [name for name, _ in STATEMENTS].index("USER") > 0
    assert "/readyz" in last("HEALTHCHECK")
    assert last("ENTRYPOINT") == '["kbsearch"]'
    assert last("VOLUME") == "/site"
    assert "--no-install-recommends" in TEXT and "rm -rf /var/lib/apt/lists" in TEXT


def test_it_has_the_programs_that_kbsearch_runs():
    assert {"git", "openssh-client"} <= set(last("RUN").split())


def test_what_it_copies_is_there():
    for name, words in STATEMENTS:
        if name == "COPY" and "--from" not in words:
            for source in words.split()[:-1]:
                assert (TOP / source).exists(), source


def test_compose_gives_it_nothing_but_its_volume():
    composed = yaml.safe_load((PLACE / "compose.yml").read_text("utf-8"))
    (service,) = composed["services"].values()
    assert composed["volumes"] == {"site": {"external": True}}, "the one that the site is made in"
    for line in (f"-t {service['image']} .", f"-v site:/site {service['image']} init /site"):
        assert line in TEXT and line in GUIDE, line
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert service["volumes"] == ["site:/site"]
    assert not service["image"].endswith(":latest")


@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not there")
def test_it_is_built_and_answers():
    held = [subprocess.run(["podman", "image", "exists", base]).returncode for base in BASES]
    if any(held):
        pytest.skip(f"podman has no image of {BASES[0]}: podman pull it")
    build = ["podman", "build", "-q", "-f", str(PLACE / "Containerfile"), "-t", "kbsearch:test"]
    subprocess.run([*build, str(TOP)], check=True)
    run = ["podman", "run", "--rm", "--read-only", "--cap-drop=all", "--tmpfs=/tmp"]
    asked = subprocess.run(
        [*run, "kbsearch:test", "version"], check=True, capture_output=True, text=True
    )
    assert asked.stdout.startswith("kbsearch ")
