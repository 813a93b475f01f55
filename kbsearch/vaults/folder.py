"""A folder as a vault: of another disk, or of another machine that is mounted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kbsearch import vaults
from kbsearch.files.folder import for_its_owner, sync_folder
from kbsearch.vaults import PART, OutOfReach


class FolderVault:
    """Files below a folder, for their owner alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, source: Path, name: str) -> None:
        part = self.root / f"{name}{PART}"
        with self._reached():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with source.open("rb") as file, open(part, "wb", opener=for_its_owner) as copy:
                shutil.copyfileobj(file, copy)
                copy.flush()
                os.fsync(copy.fileno())
            if vaults.digest_of(part) != vaults.digest_of(source):
                part.unlink()
                raise OutOfReach("vault.altered", name=name, place=self.root)
            part.replace(self.root / name)
            sync_folder(self.root)

    def fetch(self, name: str, target: Path) -> None:
        with self._reached():
            shutil.copyfile(self.root / name, target)

    def names(self) -> list[str]:
        return [name for name in self._all() if not name.endswith(PART)]

    def remove(self, *names: str) -> None:
        with self._reached():
            for name in names:
                (self.root / name).unlink(missing_ok=True)

    def clear(self, prefix: str) -> None:
        parts = [name for name in self._all() if name.endswith(PART)]
        self.remove(*(name for name in parts if name.startswith(prefix)))

    def _all(self) -> list[str]:
        with self._reached():
            if not self.root.exists():
                return []
            return vaults.ours([path.name for path in self.root.iterdir() if path.is_file()])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise OutOfReach("vault.unreached", place=self.root, reason=problem) from problem
