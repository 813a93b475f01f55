"""Files beside what is imported: each is checked as one that is sent to us, and kept once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.files.store import FileStore
from kbsearch.tickets import files
from kbsearch.tickets.files import Attachment


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as the source has it; its path is relative to the folder of the source."""

    name: str
    path: str


@dataclass(frozen=True)
class FileFolder:
    """Where the files of a source lie, and where they are kept."""

    folder: Path
    store: FileStore

    def take(self, record: FileRecord, *, rehearsal: bool = False) -> Attachment:
        """Keep a file, or only see whether it could be kept; raises Invalid."""
        with self.find(record).open("rb") as source:
            if rehearsal:
                return files.examine(self.store, record.name, source)
            return files.write(self.store, record.name, source)

    def find(self, record: FileRecord) -> Path:
        """Where it lies, inside the folder; raises Invalid."""
        root = self.folder.resolve()
        path = (root / record.path).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise Invalid("import.file_missing", name=record.name)
        return path


Kept = dict[FileRecord, Attachment]


def records(values: object) -> tuple[FileRecord, ...]:
    """The files that a line names; raises Invalid."""
    if values is None:
        return ()
    if not isinstance(values, list) or not all(_is_file(value) for value in values):
        raise Invalid("import.wrong_type", field="attachments", expected='[{"name", "path"}]')
    return tuple(FileRecord(value["name"], value["path"]) for value in values)


def _is_file(value: object) -> bool:
    texts: Iterable[object] = (
        (value.get("name"), value.get("path")) if isinstance(value, dict) else (None,)
    )
    return all(isinstance(text, str) and text and "\0" not in text for text in texts)
