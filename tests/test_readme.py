"""The README keeps its word: its settings, scripts and commands are those that exist."""

import os
import re

import pytest

from kbsearch import config
from kbsearch.cli import COMMANDS
from tests.kit.places import TOP

README = (TOP / "README.md").read_text(encoding="utf-8")


def default_in_words(name: str) -> str:
    value = config.FIELDS[name].default
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return f"`{text}`" if text else "none"


def test_the_table_of_settings_is_complete_exact_and_in_order():
    rows = [
        f"| `{name}` | {default_in_words(name)} | {item.metadata['told']} |"
        for name, item in config.FIELDS.items()
    ]
    assert re.findall(r"^\| `\w+` \|.*$", README, re.MULTILINE) == rows


def test_every_script_is_named_and_every_script_named_can_be_run():
    named = set(re.findall(r"scripts/(\w+)`", README))
    scripts = {path.name for path in (TOP / "scripts").iterdir() if os.access(path, os.X_OK)}
    assert named == scripts


def test_every_command_named_exists():
    named = set(re.findall(r"`kbsearch ([a-z-]+)", README))
    assert named and named <= set(COMMANDS)


@pytest.mark.parametrize("place", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_file_linked_exists(place: str):
    assert (TOP / place).exists()


def test_it_can_be_read_in_one_go():
    said = [line for line in README.splitlines() if not line.startswith("| `")]  # the tables
    assert len(said) < 120
