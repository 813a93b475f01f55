"""Attachments of a source whose bytes lie in its folder, most under their ids."""

from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut


def path_of(folder: Path, attachment_id: str, name: str, left_out: LeftOut) -> str:
    """The path of `attachments/<id>/<name>` from the folder; empty where that is missing.

    What is missing is told.
    """
    place = folder / "attachments" / attachment_id
    path = file_of(place, name) if attachment_id.isalnum() else None
    if path is None:
        left_out.add(Invalid("import.file_missing", name=name))
        return ""
    return path.relative_to(folder).as_posix()


def file_of(place: Path, name: str) -> Path | None:
    """The file of that name in the folder of an attachment, or the one that is there."""
    path = place / name.replace("\0", "").rpartition("/")[2]
    if path.is_file():
        return path
    there = sorted(place.iterdir()) if place.is_dir() else []
    return next((file for file in there if file.is_file()), None)
