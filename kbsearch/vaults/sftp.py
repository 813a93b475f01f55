"""Another machine as a vault, over SSH: OpenSSH's own sftp does it, by its settings and keys."""

import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kbsearch import vaults
from kbsearch.config import without_user
from kbsearch.vaults import PART, OutOfReach

PATIENCE = 30  # seconds for a connection, and thrice that for one that has fallen silent


class SftpVault:
    """A folder of sftp://user@host:port/folder; nothing is ever asked of a person."""

    def __init__(self, url: str, ssh_config: str = "") -> None:
        parts = urlsplit(url)
        self.place = without_user(url)
        self.folder = unquote(parts.path) or "."
        host = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
        self._command = [
            "sftp",
            "-b-",
            *(["-F", ssh_config] if ssh_config else []),
            *(["-P", str(parts.port)] if parts.port else []),
            "-oBatchMode=yes",
            "-oStrictHostKeyChecking=yes",
            f"-oConnectTimeout={PATIENCE}",
            f"-oServerAliveInterval={PATIENCE}",
            "--",
            host,
        ]

    def put(self, source: Path, name: str) -> None:
        part = f"{name}{PART}"
        with tempfile.TemporaryDirectory(dir=source.parent) as folder:
            again = Path(folder, "read-again")
            self._run(
                f"put {_quoted(source)} {self._at(part)}",
                f"chmod 600 {self._at(part)}",
                f"get {self._at(part)} {_quoted(again)}",
            )
            if vaults.digest_of(again) != vaults.digest_of(source):
                self.remove(part)
                raise OutOfReach("vault.altered", name=name, place=self.place)
        self._run(f"rename {self._at(part)} {self._at(name)}")

    def fetch(self, name: str, target: Path) -> None:
        self._run(f"get {self._at(name)} {_quoted(target)}")

    def names(self) -> list[str]:
        return [name for name in self._all() if not name.endswith(PART)]

    def remove(self, *names: str) -> None:
        if names:
            self._run(*(f"-rm {self._at(name)}" for name in names))

    def clear(self, prefix: str) -> None:
        parts = [name for name in self._all() if name.endswith(PART)]
        self.remove(*(name for name in parts if name.startswith(prefix)))

    def _all(self) -> list[str]:
        lines = self._run(f"ls -1 {_quoted(self.folder)}").splitlines()
        paths = [line for line in lines if not line.startswith("sftp>")]
        return vaults.ours([path.strip().rpartition("/")[2] for path in paths])

    def _at(self, name: str) -> str:
        return _quoted(f"{self.folder.rstrip('/')}/{name}")

    def _run(self, *lines: str) -> str:
        try:
            run = subprocess.run(
                self._command, input="\n".join(lines), capture_output=True, text=True, check=False
            )
        except OSError as problem:  # there is no sftp here
            raise OutOfReach("vault.unreached", place=self.place, reason=problem) from problem
        if run.returncode:
            reason = " ".join(run.stderr.split())[-300:]
            raise OutOfReach("vault.unreached", place=self.place, reason=reason)
        return run.stdout


def _quoted(path: str | Path) -> str:
    """A path as a line of sftp takes it: between quotes no sign is a pattern."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
