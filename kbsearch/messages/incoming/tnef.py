"""The files in a `winmail.dat`, as Outlook wraps them for Outlook (TNEF)."""

import struct
from collections.abc import Iterator

SIGNATURE = 0x223E9F78
BEGINS, TITLE, DATA, PROPERTIES, CODE_PAGE = 0x9002, 0x8010, 0x800F, 0x9005, 0x9007
LONG_NAME, LONG_NAME_WIDE = b"\x1e\x00\x07\x37", b"\x1f\x00\x07\x37"  # PR_ATTACH_LONG_FILENAME
MAX_FILES = 50
MAX_NAME = 1000


def files_of(content: bytes) -> list[tuple[str, bytes]]:
    """Each file with its name; the whole of it where none can be read."""
    files, code_page = list[dict[int, bytes]](), "cp1252"
    for kind, value in _attributes(content):
        if kind == CODE_PAGE and len(value) >= 4:
            code_page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif kind == BEGINS and len(files) < MAX_FILES:
            files.append({})
        elif files:
            files[-1][kind] = value
    named = [(_name(file, code_page), file[DATA]) for file in files if file.get(DATA)]
    return named or [("winmail.dat", content)]


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    if len(content) < 6 or struct.unpack_from("<I", content)[0] != SIGNATURE:
        return
    position = 6
    while position + 9 <= len(content):
        kind, _, length = struct.unpack_from("<HHI", content, position + 1)
        position += 9
        yield kind, content[position : position + length]
        position += length + 2


def _name(file: dict[int, bytes], code_page: str) -> str:
    properties = file.get(PROPERTIES, b"")
    for mark, codec in ((LONG_NAME_WIDE, "utf-16le"), (LONG_NAME, code_page)):
        place = properties.find(mark)
        if place >= 0 and place + 12 <= len(properties):  # one value: its count, then its length
            length = min(struct.unpack_from("<I", properties, place + 8)[0], MAX_NAME)
            return _text(properties[place + 12 : place + 12 + length], codec)
    return _text(file.get(TITLE, b""), code_page)


def _text(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec, "replace").rstrip("\0")
    except LookupError:
        return content.decode("cp1252", "replace").rstrip("\0")
