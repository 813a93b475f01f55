"""Our own handbook: who reads which of its pages."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kbsearch import resources
from kbsearch.cli import cli
from tests.kit.places import TOP

ARTICLES = resources.folder("content") / "articles"
FOR_STAFF = {"agents", "operators", "writers"}
UNIT = re.compile(r"^```ini\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`(?:(KBSEARCH_\w+)=\d+ )?scripts/test ([^`]+)`")
SHELL = re.compile(r"```(?:bash|sh)\n(.*?)```", re.DOTALL)
TYPED = re.compile(r"^(?:.*[|;&(] *|sudo -u \w+ )?(?:/\S+/)?kbsearch (.+)$")
INLINE = re.compile(r"`(kbsearch [a-z][^`\n]*)`")
AUDIENCE = re.compile(r"^audience: (.+)$", re.MULTILINE)


def test_what_speaks_to_staff_is_read_by_staff_alone():
    audiences = {
        page: AUDIENCE.findall(page.read_text("utf-8").split("---\n")[1])
        for page in ARTICLES.rglob("*.md")
    }
    for_agents = {page for page, audience in audiences.items() if audience == ["agents"]}
    assert for_agents
    assert for_agents == {page for page in audiences if page.parent.name in FOR_STAFF}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_commands_of_the_promised_figures_are_there_and_heed_what_they_are_given(language: str):
    page = (ARTICLES / language / "operators/figures.md").read_text("utf-8")
    commands = COMMAND.findall(page)
    assert len(commands) > 5
    for variable, files in commands:
        tests = [(TOP / file).read_text("utf-8") for file in files.split()]
        assert tests
        assert all(f'environ.get("{variable}"' in test for test in tests if variable)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("page", ["run", "backup"])
def test_a_service_may_do_little_else_than_what_it_is_for(tmp_path: Path, page: str):
    """As systemd itself rates it: from 0, which may do nothing, to 10."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for language in ("fr", "en"):
        text = (ARTICLES / language / "operators" / f"{page}.md").read_text("utf-8")
        (unit,) = [block for block in UNIT.findall(text) if "[Service]" in block]
        (units / f"{language}.service").write_text(unit.partition(".timer\n")[0], encoding="utf-8")
    services = [f"{language}.service" for language in ("fr", "en")]
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", f"--root={tmp_path}"]
        + services,
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout[-200:] + rated.stderr
    assert rated.stdout.count("Overall exposure level") == 2


def commands_of(page: Path) -> Iterator[list[str]]:
    """The arguments of each `kbsearch …` of a page, in blocks and in sentences."""
    text = page.read_text("utf-8")
    lines = [line for block in SHELL.findall(text) for line in joined(block).splitlines()]
    for line in lines + INLINE.findall(text):
        if typed := TYPED.match(line.strip()):
            yield shlex.split(re.split(r" [|&<>]|[;)]", typed[1])[0], comments=True)


def joined(block: str) -> str:
    return block.replace("\\\n", " ")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_command_of_a_page_exists_with_each_option_it_is_given(language: str):
    count = 0
    for page in (ARTICLES / language).rglob("*.md"):
        for words in commands_of(page):
            command: click.Command = cli
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                found = command.get_command(click.Context(command), words[0])
                assert found is not None, (page.name, words)
                command, words = found, words[1:]
            known = {
                option for one in command.params for option in [*one.opts, *one.secondary_opts]
            }
            given = {word.partition("=")[0] for word in words if re.match("--[a-z]", word)}
            assert given <= known | {"--help"}, (page.name, words)
            count += 1
    assert count > 100


def test_both_languages_have_the_same_parts_tables_blocks_and_pictures():
    def shape(page: Path) -> list[int]:
        text = page.read_text("utf-8")
        marks = (r"^#{2,4} ", r"^ *\|-", r"^ *```", r"^!\[", r"^> \[!")
        return [len(re.findall(mark, text, re.MULTILINE)) for mark in marks]

    french = {page.relative_to(ARTICLES / "fr"): shape(page) for page in ARTICLES.glob("fr/*/*.md")}
    english = {
        page.relative_to(ARTICLES / "en"): shape(page) for page in ARTICLES.glob("en/*/*.md")
    }
    assert french == english
