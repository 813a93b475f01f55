import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch.errors import Invalid
from kbsearch.files import types as file_types
from kbsearch.files.types import FileType, TextCheck, clean_name, identify
from tests.kit.requests import PNG


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("capture d’écran.png", "capture d’écran.png"),
        ("e\u0301cran.png", "écran.png"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\..\\log.txt", "log.txt"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        ("cod\u202egnp.exe", "codgnp.exe"),
        ("in\u200bvoice\ufeff.pdf", "invoice.pdf"),
        ("  spaced \u00a0 out .txt ", "spaced out.txt"),
        (".htaccess", "htaccess"),
        ("name.txt...", "name.txt"),
        ("CON.txt", "_CON.txt"),
        ("com1", "_com1"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("contact.txt", "contact.txt"),
        ('a<b>:"|?*.txt', "a_b______.txt"),
        ("", "file"),
        ("\u200b", "file"),
        ("/", "file"),
        ("..", "file"),
        ("x" * 300 + ".txt", "x" * 116 + ".txt"),
        ("x" * 300, "x" * 120),
        ("\ud800.txt", "txt"),
    ],
)
def test_a_name_is_made_harmless(given_name: str, kept: str):
    assert clean_name(given_name) == kept


@given(st.text(max_size=300))
def test_no_name_escapes_or_misleads(name: str):
    kept = clean_name(name)
    assert 0 < len(kept) <= file_types.MAX_NAME
    assert kept == kept.strip() and not kept.startswith(".")
    assert not set(kept) & set('/\\<>:"|?*')
    assert all(unicodedata.category(c)[0] != "C" for c in kept)
    assert clean_name(kept) == kept


@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        "page.htm",
        "drawing.svg",
        "page.xhtml",
        "run.exe",
        "run.js",
        "run.sh",
        "run.php",
        "invoice.pdf.exe",
        "a.png.svg",
        "shortcut.lnk",
        "macro.docm",
        "noextension",
        "file.",
        "txt",
    ],
)
def test_what_a_browser_or_a_double_click_would_run_is_refused(name: str):
    with pytest.raises(Invalid) as problem:
        identify(name, b"anything", is_text=True)
    assert problem.value.key == "attachment.type_refused"


@pytest.mark.parametrize(
    ("name", "head", "is_text", "found"),
    [
        ("a.png", PNG, False, FileType("image/png", 640, 480)),
        ("a.gif", b"GIF89a\x10\x00\x20\x00", False, FileType("image/gif", 16, 32)),
        ("A.PDF", b"%PDF-1.7", False, FileType("application/octet-stream")),
        ("a.docx", b"PK\x03\x04", False, FileType("application/octet-stream")),
        ("a.zip", b"PK\x05\x06", False, FileType("application/octet-stream")),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", False, FileType("application/octet-stream")),
        ("a.mp4", b"\x00\x00\x00\x18ftypmp42", False, FileType("application/octet-stream")),
        ("a.log", b"ERR-1042", True, FileType("text/plain")),
        ("a.xml", b"<a/>", True, FileType("text/plain")),
    ],
)
def test_content_that_is_what_its_name_says_is_taken(
    name: str, head: bytes, is_text: bool, found: FileType
):
    assert identify(name, head, is_text=is_text) == found


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.png", b"GIF89a\x10\x00\x20\x00"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.jpg", b"MZ\x90\x00"),
        ("a.pdf", b"\n\n<html>%PDF-"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.zip", b"MZ\x90\x00"),
        ("a.mp4", b"<html>"),
        ("a.txt", PNG),
        ("a.csv", b"PK\x03\x04"),
    ],
)
def test_content_that_lies_is_refused(name: str, head: bytes):
    with pytest.raises(Invalid) as problem:
        identify(name, head, is_text=False)
    assert problem.value.key == "attachment.type_differs"


@pytest.mark.parametrize(
    ("name", "head", "kept"),
    [
        ("photo.jfif", b"\xff\xd8\xff\xe0", "photo.jpg"),
        ("photo.jpeg", b"RIFF\0\0\0\0WEBPVP8 ", "photo.webp"),
        ("a.png", b"GIF89a\x10\x00\x20\x00", "a.gif"),
        ("photo", PNG, "photo.png"),
        ("photo.heif", PNG, "photo.png"),
        ("run.exe", PNG, "run.png"),
        ("A.JPG", b"\xff\xd8\xff\xe0", "A.JPG"),
        ("page.html", b"<html>", "page.html"),
        ("sound.wav", b"RIFF\0\0\0\0WAVE", "sound.wav"),
    ],
)
def test_a_picture_has_the_name_of_what_it_is(name: str, head: bytes, kept: str):
    assert file_types.true_name(name, head) == kept


def test_a_damaged_picture_is_downloaded_and_not_shown():
    assert identify("a.png", b"\x89PNG\r\n\x1a\n", is_text=False) == FileType(file_types.BINARY)


def test_an_image_of_too_many_pixels_is_refused_by_its_header():
    bomb = PNG[:16] + (30_000).to_bytes(4) + (30_000).to_bytes(4)
    with pytest.raises(Invalid) as problem:
        identify("a.png", bomb, is_text=False)
    assert problem.value.key == "attachment.too_many_pixels"
    edge = PNG[:16] + (5_000).to_bytes(4) + (5_000).to_bytes(4)
    assert identify("a.png", edge, is_text=False).width == 5_000


def is_text(content: bytes, size: int) -> bool:
    check = TextCheck()
    for start in range(0, len(content), size):
        check.feed(content[start : start + size])
    return check.is_text


@pytest.mark.parametrize("size", [2, 3, 100_000])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", True),
        ("né à Noël\r\n\t1;2".encode(), True),
        ("né à Noël".encode("latin-1"), True),
        (b"\x1b[31mred", True),
        ("né à Noël".encode("utf-16"), True),
        (b"MZ\x90\x00\x03", False),
        (b"fine so far" * 100 + b"\x00", False),
        (b"\xff\xfe" + b"\x00" * 50, False),
        (b"\xff\xfeM\x00\x00\xd8A\x00", False),
    ],
)
def test_text_is_told_from_what_is_not(content: bytes, expected: bool, size: int):
    assert is_text(content, size) is expected
