"""Images are known by their bytes, not by their names."""

import pytest

from kbsearch.files.images import ImageInfo, info
from tests.kit.writers import png

GIF = b"GIF89a\x05\x00\x07\x00\x80\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x1e\x00\x28\x03" + b"\0" * 9
WEBP_LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + b"\x28\x00\x1e\x00"
WEBP_LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L" + b"\0\0\0\0\x2f" + (39 | 29 << 14).to_bytes(4, "little")
WEBP_EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x27\0\0\x1d\0\0"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (png(40, 30), ImageInfo("image/png", 40, 30)),
        (GIF, ImageInfo("image/gif", 5, 7)),
        (JPEG, ImageInfo("image/jpeg", 40, 30)),
        (WEBP_LOSSY, ImageInfo("image/webp", 40, 30)),
        (WEBP_LOSSLESS, ImageInfo("image/webp", 40, 30)),
        (WEBP_EXTENDED, ImageInfo("image/webp", 40, 30)),
    ],
)
def test_the_size_is_read_from_the_first_bytes(body, expected):
    assert info(body) == expected


@pytest.mark.parametrize("body", [png(), GIF, JPEG, WEBP_LOSSY, WEBP_LOSSLESS, WEBP_EXTENDED])
def test_a_cut_image_is_none(body):
    for length in range(min(len(body), 24)):
        found = info(body[:length])
        assert found is None or found == info(body)


@pytest.mark.parametrize(
    "body", [b"", b"<svg/>", b"%PDF-1.7", b"\xff\xd8" + b"\xff" * 99, png(0, 0)]
)
def test_anything_else_is_not_an_image(body):
    assert info(body) is None
