"""What shells are told, and what they are answered."""

import subprocess
from shutil import which

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from kbsearch.cli import COMMANDS, cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_own(shell: str):
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_KBSEARCH_COMPLETE" in result.output
    if path := which(shell):
        read = subprocess.run([path, "-n"], input=result.output, text=True, capture_output=True)
        assert (read.returncode, read.stderr) == (0, "")


def test_every_command_and_option_is_offered():
    asked = ShellComplete(cli, {}, "kbsearch", "_KBSEARCH_COMPLETE")
    assert {item.value for item in asked.get_completions([], "")} == set(COMMANDS)
    assert {item.value for item in asked.get_completions(["index"], "")} == {"status", "rebuild"}
    offered = {item.value for item in asked.get_completions(["backup"], "--")}
    assert {"--json", "--help"} <= offered
