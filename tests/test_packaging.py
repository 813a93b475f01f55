"""The wheel: built, installed where nothing else is, and used as the README says."""

import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.kit.places import TOP
from tests.kit.waiting import HUNG


def run(*command: str | Path, cwd: Path) -> str:
    environment = {"PIP_CACHE_DIR": str(TOP / ".cache" / "pip")} | dict(os.environ)
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, cwd=TOP)
    return next(folder.glob("kbsearch-*.whl"))


@pytest.fixture(scope="module")
def kbsearch(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an installation in an empty virtual environment."""
    place = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    pip = (sys.executable, "-m", "pip", "--python", place / "venv")
    run(*pip, "install", "--quiet", "--constraint", TOP / "scripts/lock.txt", wheel, cwd=place)
    return place / "venv/bin/kbsearch"


@pytest.fixture(scope="module")
def home(kbsearch: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo site, served from the folder above it."""
    folder = tmp_path_factory.mktemp("away")
    run(kbsearch, "init", "site", "--demo", cwd=folder)
    command = [str(kbsearch), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=HUNG) == 0


def get(address: str) -> str:
    with urlopen(address, timeout=HUNG) as answer:
        return str(answer.read().decode())


def test_the_wheel_holds_what_is_shown_and_no_test(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for shipped in (
        "kbsearch/shipped/templates/layout.html",
        "kbsearch/demo/content/synonyms.txt",
        "kbsearch/locale/fr/LC_MESSAGES/messages.po",
        "kbsearch/static/app.css",
        "kbsearch/hooks/post-receive",
    ):
        assert shipped in names
    assert not [name for name in names if name.startswith("tests/")]


def test_another_place_makes_the_same_wheel_bit_by_bit(wheel: Path, tmp_path: Path):
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=TOP)
    for name in filter(None, listed.split("\0")):
        if name.startswith(("kbsearch/", "templates/", "pyproject", "README", "LICENSE")):
            copy = tmp_path / "elsewhere" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((TOP / name).read_bytes())
            copy.chmod(0o600 if "." in copy.name else 0o700)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path)
    run(*build, cwd=tmp_path / "elsewhere")
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_what_it_is_stands_in_the_wheel(wheel: Path):
    with zipfile.ZipFile(wheel) as files:
        (metadata,) = [name for name in files.namelist() if name.endswith("/METADATA")]
        told = files.read(metadata).decode()
    for line in (
        "Name: kbsearch",
        "License-Expression: Apache-2.0",
        "License-File: LICENSE",
        "Requires-Python: >=3.11",
        "Classifier: Framework :: Flask",
        "Description-Content-Type: text/markdown",
    ):
        assert line in told
    assert re.search(r"^Requires-Dist: pysqlite3>=[\d.]+; .*platform_machine", told, re.MULTILINE)


def test_it_answers(home: str):
    assert get(f"{home}healthz")


def test_the_home_page_comes_with_its_style(home: str):
    page = get(f"{home}fr/")
    sheets = re.findall(r'<link[^>]*href="/(static/[^"]+\.css[^"]*)"', page)
    assert sheets
    assert all("{" in get(home + sheet) for sheet in sheets)


def test_without_its_extra_single_sign_on_says_what_to_install(kbsearch: Path, tmp_path: Path):
    """The site above ran without it: nothing of it is imported unless the settings ask."""
    wanted = {"KBSEARCH_JWT_SHARED_SECRET": "x" * 32}
    result = subprocess.run(
        [kbsearch, "config", "show"], cwd=tmp_path, env=wanted, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == (
        "kbsearch: KBSEARCH_JWT_SHARED_SECRET: jwt_shared_secret: single sign-on is not installed; "
        "run: pip install 'kbsearch[sso]'\n"
    )


def test_an_article_of_the_demo_is_found_and_read(home: str):
    results = get(f"{home}fr/search?q=mot+de+passe")
    article = re.search(r'href="/(fr/articles/[^"#?]+)', results)
    assert article
    assert "<h1" in get(home + article[1])
