"""S/MIME: the mail within one that is signed as a whole (RFC 8551, application/pkcs7-mime)."""

from collections.abc import Iterator

SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
SEQUENCE, OBJECT_ID, OCTETS, CONTEXT = 0x30, 0x06, 0x04, 0xA0
CONSTRUCTED = 0x20
MAX_DEPTH = 8
INDEFINITE = 0x80


class _Broken(Exception):
    """It is no BER that could be read."""


def content_of(sealed: bytes) -> bytes | None:
    """The mail that was signed, whoever signed it; None where it is encrypted, or not readable."""
    try:
        kind, whole = _children(_first(sealed, SEQUENCE))
        if kind != (OBJECT_ID, SIGNED_DATA):
            return None
        for tag, content in _children(_first(whole[1], SEQUENCE)):
            if tag == SEQUENCE:  # the first: what is signed
                _, explicit = _children(content)
                ((tag, within),) = _children(explicit[1])
                return _joined(tag, within, 0)
    except (_Broken, ValueError, IndexError):
        return None
    return None


def _first(source: bytes, tag: int) -> bytes:
    found, content, _ = _element(source, 0)
    if found != tag:
        raise _Broken
    return content


def _children(content: bytes) -> list[tuple[int, bytes]]:
    return list(_elements(content))


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(content) and content[position : position + 2] != b"\0\0":
        tag, within, position = _element(content, position)
        yield tag, within


def _element(source: bytes, position: int, depth: int = 0) -> tuple[int, bytes, int]:
    """A tag, its content and where the next one begins."""
    if position + 2 > len(source) or depth > 2 * MAX_DEPTH:
        raise _Broken
    tag, length = source[position], source[position + 1]
    start = position + 2
    if length == INDEFINITE:
        end = start
        while source[end : end + 2] != b"\0\0":
            _, _, end = _element(source, end, depth + 1)
        return tag, source[start:end], end + 2
    if length > INDEFINITE:
        size = length - INDEFINITE
        length, start = int.from_bytes(source[start : start + size]), start + size
    if start + length > len(source):
        raise _Broken
    return tag, source[start : start + length], start + length


def _joined(tag: int, content: bytes, depth: int) -> bytes:
    """An octet string, which may come in pieces."""
    if not tag & CONSTRUCTED or depth > MAX_DEPTH:
        return content
    return b"".join(_joined(tag, piece, depth + 1) for tag, piece in _elements(content))
