"""A backup: one archive with all that cannot be made again, taken while the site is at work.

A tar file, compressed when its name says so. The database comes first, as it was at one moment;
files are only ever added beside it, so what it names is there when they are read after it. The
manifest comes last: an archive that was cut short has none and is refused.
"""

import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

from kbsearch.clock import now, parsed
from kbsearch.config import CONFIG_NAME, Settings
from kbsearch.database import Database, new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full, Problem
from kbsearch.files import places
from kbsearch.files.folder import NO_SPACE, sync_folder
from kbsearch.version import __version__

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.sqlite3"
SECRET_KEY = "data/secret_key"
FILES = "data/files"
MAILS = "data/mails"
CONTENT = "content"
WHOLE_FILES = (DATABASE, CONFIG_NAME, SECRET_KEY)
FOLDERS = (FILES, MAILS, CONTENT)
BLOCK_BYTES = 1024 * 1024
LONGEST_HEADER = 64 * 1024  # bytes: no path is longer
LONGEST_MANIFEST = 256 * 1024 * 1024  # bytes, for more than a million files
FILES_AND_FOLDERS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
# What reading bytes that no backup has may end in, besides OSError.
SPOILT = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, ArithmeticError)

ArchiveProgress = Callable[[str], None]  # is told each name as it begins


class UnreadableArchive(Problem):
    """The archive is not a whole backup, or of a release that came later."""


@dataclass(frozen=True)
class Manifest:
    """What an archive holds: size in bytes and SHA-256 by the name of each file."""

    made_at: str
    kbsearch: str
    files: dict[str, tuple[int, str]]
    missing: tuple[str, ...] = ()  # contents the database names that were not there
    format: int = FORMAT

    @property
    def size(self) -> int:
        """In bytes, once unpacked."""
        return sum(size for size, _ in self.files.values())


def create(
    settings: Settings, db: Database, target: Path, tell: ArchiveProgress = lambda _: None
) -> Manifest:
    """Write the archive and read it back; it has its name once it is whole. For its owner alone."""
    unfinished = target.with_name(f"{target.name}.{new_id()}.part")
    copy = unfinished.with_suffix(".sqlite3")
    made_at = now()  # before the copy: what is erased from now on is known to be erased later
    try:
        db.copy_to(copy)
        with _written(unfinished, compressed=_is_compressed(target)) as archive:
            manifest = _fill(archive, settings, copy, made_at, tell)
        read(unfinished)
        os.replace(unfinished, target)
    finally:
        for leftover in (unfinished, copy):
            leftover.unlink(missing_ok=True)
    sync_folder(target.parent)
    return manifest


def read(path: Path, into: Path | None = None, only: Container[str] | None = None) -> Manifest:
    """Read all of an archive, and unpack it, or some of its files, into an empty folder.

    Raises Unreadable unless each byte is as it was written, and on anything that no backup has:
    another kind of file, a place outside.
    """
    contents: dict[str, tuple[int, str]] = {}
    manifest = None
    try:
        with tarfile.open(path, "r|*", tarinfo=_Header) as archive:
            for member in archive:
                name, file = member.name, archive.extractfile(member)
                if not _is_ours(member) or name in contents or (manifest and name == MANIFEST):
                    raise UnreadableArchive("backup.not_one", path=path)
                target = into / name if into and (only is None or name in only) else None
                if file is None:
                    if target:
                        target.mkdir(mode=0o700, parents=True, exist_ok=True)
                elif name == MANIFEST:
                    manifest = _manifest(path, file.read())
                else:
                    contents[name] = _unpack(file, target, member)
    except OSError as problem:
        if problem.errno in NO_SPACE:
            raise _full(into or path) from problem
        raise UnreadableArchive("backup.not_one", path=path) from problem
    except SPOILT as problem:
        raise UnreadableArchive("backup.not_one", path=path) from problem
    if manifest is None:
        raise UnreadableArchive("backup.cut_short", path=path)
    if contents != manifest.files:
        raise UnreadableArchive("backup.damaged", path=path)
    if DATABASE not in contents:
        raise UnreadableArchive("backup.not_one", path=path)
    return manifest


def _fill(
    archive: tarfile.TarFile, settings: Settings, copy: Path, made_at: str, tell: ArchiveProgress
) -> Manifest:
    contents: dict[str, tuple[int, str]] = {}
    for name, path in _sources(settings, copy):
        tell(name)
        if path.is_dir():
            archive.addfile(_header(name, tarfile.DIRTYPE))
            continue
        try:
            with path.open("rb") as file:
                contents[name] = _add(archive, name, file, path.stat().st_mode & 0o700)
        except FileNotFoundError:
            continue  # removed since it was listed: nothing names it any more
    for folder, store in ((FILES, places.attached(settings)), (MAILS, places.mails(settings))):
        for digest in sorted(store.sizes()):
            name = f"{folder}/{digest[:2]}/{digest}"
            tell(name)
            with suppress(FileNotFoundError), store.open(digest) as file:
                contents[name] = _add(archive, name, file, 0o600)
    manifest = Manifest(made_at, __version__, contents, tuple(_missing(copy, contents)))
    text = json.dumps(asdict(manifest), indent=1).encode()
    archive.addfile(_header(MANIFEST, size=len(text)), io.BytesIO(text))
    return manifest


def _sources(settings: Settings, copy: Path) -> Iterator[tuple[str, Path]]:
    yield DATABASE, copy
    site_file = settings.site / CONFIG_NAME
    for name, path in ((CONFIG_NAME, site_file), (SECRET_KEY, settings.data_path / "secret_key")):
        if path.is_file():
            yield name, path
    for path in _below(settings.content_path):
        yield f"{CONTENT}/{path.as_posix()}", settings.content_path / path


def _below(root: Path) -> Iterator[Path]:
    """Folders and plain files, in four looks: git may be written to, and packed, meanwhile.

    It writes an object before it names it, and what is packed before it removes what went into
    it: names, packed names, objects, packed objects, these until there is none that is new.
    """
    kinds = {"packed-refs", "objects", "pack"}

    def look(*parts: str) -> set[Path]:
        return {path for path in _walk(root) if kinds & {*path.parts} == {*parts}}

    for parts in ((), ("packed-refs",), ("objects",)):
        yield from sorted(look(*parts))
    yielded: set[Path] = set()
    while new := look("objects", "pack") - yielded:
        yield from sorted(new)
        yielded |= new


def _walk(root: Path) -> list[Path]:
    """What lies below a folder as it is now, relative to it; links are left out."""
    paths = (
        Path(folder, name).relative_to(root)
        for folder, folders, names in os.walk(root)
        for name in (*folders, *names)
    )
    return [path for path in paths if not (root / path).is_symlink()]


def _missing(copy: Path, contents: dict[str, tuple[int, str]]) -> list[str]:
    """The contents that the database of the archive names and the archive has not."""
    db = SqliteDatabase(copy)
    try:
        return [
            digest
            for folder, table in ((FILES, "attachments"), (MAILS, "mails"))
            for row in db.query(f"SELECT DISTINCT sha256 FROM {table} ORDER BY sha256")  # noqa: S608
            if f"{folder}/{(digest := row['sha256'])[:2]}/{digest}" not in contents
        ]
    finally:
        db.close()


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes], mode: int) -> tuple[int, str]:
    """Copy a file that may grow meanwhile: what it was as it was opened."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    read = _Counted(file, size)
    # raises OSError when it became shorter
    archive.addfile(_header(name, size=size, mode=mode), read)
    return size, read.digest.hexdigest()


class _Counted(io.RawIOBase):
    """A file as it is read, no further than its size, and the digest of what was."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.digest = hashlib.sha256()
        self._file, self._left = file, size

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(min(self._left, size) if size >= 0 else self._left)
        self._left -= len(block)
        self.digest.update(block)
        return block


def _header(
    name: str, kind: bytes = tarfile.REGTYPE, *, size: int = 0, mode: int = 0o600
) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, size
    header.mode = 0o700 if kind == tarfile.DIRTYPE else mode
    return header


@contextmanager
def _written(path: Path, *, compressed: bool) -> Iterator[tarfile.TarFile]:
    """An archive to fill, on the disk when this ends."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with ExitStack() as stack:
        file: Any = stack.enter_context(open(descriptor, "wb"))
        stack.callback(lambda: os.fsync(file.fileno()))
        stack.callback(file.flush)
        packed = stack.enter_context(gzip.open(file, "wb", 6)) if compressed else file
        yield stack.enter_context(
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT)
        )


def _is_compressed(path: Path) -> bool:
    return path.suffix in (".gz", ".tgz")


class _Header(tarfile.TarInfo):
    """A header of a kind that backups have: those before a name are read into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type not in FILES_AND_FOLDERS and header.size > LONGEST_HEADER:
            raise ValueError(f"{header.name}: {header.size} bytes")
        return header


def _is_ours(member: tarfile.TarInfo) -> bool:
    """Whether a backup has such a file or folder; none lies outside its place."""
    parts = member.name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or member.size < 0:
        return False
    if member.name == MANIFEST and member.size > LONGEST_MANIFEST:
        return False
    if member.name in (*WHOLE_FILES, MANIFEST):
        return member.isreg() and not member.issparse()
    is_inside = any(member.name.startswith(f"{folder}/") for folder in FOLDERS)
    return is_inside and (member.isdir() or (member.isreg() and not member.issparse()))


def _full(place: Path) -> Full:
    return Full("backup.no_space", folder=place, free=shutil.disk_usage(place).free // 1_000_000)


def _unpack(file: IO[bytes], target: Path | None, member: tarfile.TarInfo) -> tuple[int, str]:
    """The size and the digest of a file of the archive, which is written where it is wanted."""
    digest, size = hashlib.sha256(), 0
    with ExitStack() as stack:
        output = None
        if target:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if member.size > shutil.disk_usage(target.parent).free:
                raise _full(target.parent)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700)
            output = stack.enter_context(open(descriptor, "wb"))
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            if output:
                output.write(block)
        if output:
            output.flush()
            os.fsync(output.fileno())
    return size, digest.hexdigest()


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise UnreadableArchive("backup.too_new", path=path, version=str(values["kbsearch"]))
        parsed(values["made_at"])
        files = {name: (size, digest) for name, (size, digest) in values["files"].items()}
        missing = tuple(map(str, values["missing"]))
        return Manifest(values["made_at"], str(values["kbsearch"]), files, missing)
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as problem:
        raise UnreadableArchive("backup.not_one", path=path) from problem
