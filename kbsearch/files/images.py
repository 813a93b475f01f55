"""The format and size of an image, read from its first bytes; anything else is not one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageInfo:
    media_type: str
    width: int
    height: int


def kind_of(body: bytes) -> str | None:
    """The extension of an image by its first bytes, be it whole or not."""
    if body.startswith(b"RIFF"):
        return "webp" if body[8:12] == b"WEBP" else None
    return next((kind for start, kind in _STARTS.items() if body.startswith(start)), None)


_STARTS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"\xff\xd8\xff": "jpg",
}


def info(body: bytes) -> ImageInfo | None:
    """What the image is, or None: SVG in particular can carry scripts and is not accepted."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return _sized("image/png", body[16:20], body[20:24])
    if body.startswith((b"GIF87a", b"GIF89a")):
        return _sized("image/gif", body[7:5:-1], body[9:7:-1])
    if body.startswith(b"\xff\xd8"):
        return _jpeg(body)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _webp(body)
    return None


def _sized(media_type: str, width: bytes, height: bytes) -> ImageInfo | None:
    """From big-endian sizes; a cut file has none."""
    across, down = int.from_bytes(width), int.from_bytes(height)
    return ImageInfo(media_type, across, down) if across and down else None


def _jpeg(body: bytes) -> ImageInfo | None:
    position = 2
    while position + 9 <= len(body) and body[position] == 0xFF:
        marker = body[position + 1]
        if marker == 0xFF:  # padding
            position += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            frame = body[position + 5 : position + 9]
            return _sized("image/jpeg", frame[2:4], frame[0:2])
        else:
            position += 2 + int.from_bytes(body[position + 2 : position + 4])
    return None


def _webp(body: bytes) -> ImageInfo | None:
    def little(start: int, size: int, mask: int = 0xFFFFFF) -> int:
        return int.from_bytes(body[start : start + size], "little") & mask

    form = body[12:16]
    if form == b"VP8 " and len(body) >= 30:
        width, height = little(26, 2, 0x3FFF), little(28, 2, 0x3FFF)
    elif form == b"VP8L" and len(body) >= 25:
        bits = little(21, 4, 0xFFFFFFFF)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif form == b"VP8X" and len(body) >= 30:
        width, height = little(24, 3) + 1, little(27, 3) + 1
    else:
        return None
    return ImageInfo("image/webp", width, height) if width and height else None
