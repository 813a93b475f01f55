"""Where there is no site a command says so and makes none: every one, also one still to come."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kbsearch import config
from kbsearch.cli import cli

# What works in any folder; `check` and `serve` do with an argument that says on what.
ANYWHERE = {"completion", "evaluate", "init", "monitoring", "restore", "version"}
NOT_NOW = {
    "mail-in": 75
}  # a mail server keeps the mail and tries again; any other status returns it


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and nothing in the environment."""
    for name in list(os.environ):
        if name.startswith("KBSEARCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def commands(group: click.Group = cli, *names: str) -> Iterator[tuple[str, ...]]:
    """Every command that does something, by its words."""
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from commands(command, *names, name)
            else:
                yield *names, name


def find(words: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


def arguments(command: click.Command, there: Path) -> list[str]:
    """What the command cannot do without."""
    given: list[str] = []
    for parameter in command.params:
        if not parameter.required:
            continue
        if isinstance(parameter, click.Option):
            given.append(parameter.opts[0])
        if isinstance(parameter.type, click.Choice):
            given.append(str(parameter.type.choices[0]))
        elif isinstance(parameter.type, click.Path) and parameter.type.exists:
            given.append(str(there if parameter.type.file_okay else there.parent))
        else:
            given.append("1")
    return given


ALL = [words for words in commands() if words[0] not in ANYWHERE]


def test_there_are_commands_to_try():
    assert len(ALL) > 40
    assert ("user", "add") in ALL


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_nothing_is_done_and_nothing_is_made(words: tuple[str, ...], nowhere: Path, tmp_path: Path):
    there = tmp_path / "there"
    there.write_text("")
    given = [*words, *arguments(find(words), there)]
    told = CliRunner().invoke(cli, given, input="")
    assert told.stderr == "kbsearch: there is no site here; 'kbsearch init DIR' makes one\n"
    assert (told.exit_code, told.stdout) == (NOT_NOW.get(words[0], 1), "")
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_is_given_anywhere(words: tuple[str, ...], nowhere: Path):
    told = CliRunner().invoke(cli, [*words, "--help"])
    assert told.exit_code == 0
    assert list(nowhere.iterdir()) == []


def test_it_is_said_in_the_language_of_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_LANG", "fr")
    assert "il n’y a pas de site ici" in CliRunner().invoke(cli, ["doctor"]).stderr


def test_without_a_command_it_is_the_same(nowhere: Path):
    told = CliRunner().invoke(cli, [])
    assert (told.exit_code, told.stdout) == (1, "")
    assert list(nowhere.iterdir()) == []


def test_a_folder_of_another_project_is_no_site(nowhere: Path):
    (nowhere / "content").mkdir()
    (nowhere / "var").mkdir()
    told = CliRunner().invoke(cli, ["backup", "x.tar"])
    assert told.exit_code == 1
    assert sorted(path.name for path in nowhere.iterdir()) == ["content", "var"]
    assert list((nowhere / "var").iterdir()) == []


def test_content_or_a_database_without_settings_is_a_site(nowhere: Path):
    assert (
        CliRunner().invoke(cli, ["init", "made", "--admin", "root@company.example"]).exit_code == 0
    )
    (nowhere / "made/content").rename(nowhere / "content")
    for path in list(nowhere.glob("made/*")):
        if path.name != config.CONFIG_NAME:
            path.rename(nowhere / path.name)
    (nowhere / "made" / config.CONFIG_NAME).unlink()
    assert CliRunner().invoke(cli, ["user", "list"]).exit_code == 0


@pytest.mark.parametrize(
    "words", [["version"], ["init", "made", "--admin", "root@company.example"]]
)
def test_what_needs_no_site_works(words: list[str]):
    assert CliRunner().invoke(cli, words).exit_code == 0


def test_one_article_is_checked_anywhere(nowhere: Path, tmp_path: Path):
    article = tmp_path / "article.md"
    article.write_text("---\ntitle: Boîtier\nsummary: Le boîtier.\n---\n\nOuvrez le boîtier.\n")
    told = CliRunner().invoke(cli, ["check", str(article)])
    assert told.exit_code == 0, told.output
    assert list(nowhere.iterdir()) == []


def test_a_check_of_nothing_is_no_success(nowhere: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("no article")
    for folder in ("empty", "other"):
        for form in ("text", "json", "github"):
            told = CliRunner().invoke(cli, ["check", str(tmp_path / folder), "--format", form])
            assert (told.exit_code, told.stdout) == (1, "")
            assert "there is no article in" in told.stderr
    assert (
        CliRunner().invoke(cli, ["init", "made", "--admin", "root@company.example"]).exit_code == 0
    )
    for path in list((nowhere / "made/content/articles").rglob("*.md")):
        path.unlink()
    told = CliRunner().invoke(cli, ["check"])
    assert told.exit_code == 1
    assert "there is no article in" in told.stderr
