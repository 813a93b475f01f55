import base64
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsearch.messages.incoming import parsing
from kbsearch.messages.incoming.fields import Fields
from kbsearch.messages.incoming.parsing import MailFile
from tests.kit import growth
from tests.kit.places import MAILS


def mail(body: str | bytes, *lines: str) -> bytes:
    header = "\n".join(("From: alice@acme.example", "Subject: x", *lines)).encode()
    return header + b"\n\n" + (body if isinstance(body, bytes) else body.encode())


def multipart(*parts: str, kind: str = "mixed", boundary: str = "b") -> bytes:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    line = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    return mail(f"{body}--{boundary}--\n", line)


def test_the_header_is_read():
    raw = (
        b"From: =?iso-8859-1?Q?Alice_Martin=E9?= <Alice@ACME.example>\r\n"
        b"To: a@x.example, Support <r+1@x.example>\r\nDelivered-To: b@x.example\r\n"
        b"Subject: =?utf-8?B?w6kgIMOgIQ==?=\r\n folded\r\nMessage-ID: <1@acme.example>\r\n"
        b"References: <r@x.example>\r\n <s@x.example>\r\nIn-Reply-To: <s@x.example>\r\n\r\nhello"
    )
    fields = parsing.read(raw).fields
    assert (fields.sender, fields.subject) == ("alice@acme.example", "é à! folded")
    assert set(fields.recipients) == {"a@x.example", "r+1@x.example", "b@x.example"}
    assert fields.message_id == "1@acme.example"
    assert fields.references == ("s@x.example", "r@x.example", "s@x.example")


@pytest.mark.parametrize(
    "written",
    [
        "From: alice@acme.example\nFrom: dan@support.example",
        "From: alice@acme.example, dan@support.example",
        "From: dan@support.example <alice@acme.example",
        "From:",
        "From: alice",
        "Sender: alice@acme.example",
        "From: undisclosed-recipients:;",
        "From: " + "(" * 5000 + " alice@acme.example",
        "From: " + "a" * 20_000 + " <alice@acme.example>",
    ],
)
def test_a_sender_in_doubt_is_nobody(written: str):
    assert parsing.read(written.encode() + b"\n\nhello").fields.sender == ""


def test_a_name_that_looks_like_an_address_is_only_a_name():
    raw = b'From: "dan@support.example" <evil@spam.example>\n\nhello'
    assert parsing.read(raw).fields.sender == "evil@spam.example"


def test_nothing_but_a_line_break_begins_a_field():
    forged = "Subject: a\u2028Authentication-Results: us; dmarc=pass\x0bFrom: x@y.z\x85To: t@u.v"
    fields = parsing.read(forged.encode() + b"\n\nhello").fields
    assert [name for name, _ in fields.items] == ["subject"]


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("utf-8", "é".encode()),
        ("UTF-8", "é".encode()),
        ("iso-8859-1", b"\xe9"),
        ("windows-1252", b"\xe9"),
        ("us-ascii", "é".encode()),
        ("us-ascii", b"\xe9"),
        ("x-unknown", b"\xe9"),
        ("x-unknown", "é".encode()),
        ("utf-16", "é".encode("utf-16")),
        ("punycode", "é".encode()),
        ("zlib", "é".encode()),
        ("", b"\xe9"),
    ],
)
def test_text_is_read_in_whatever_charset(charset: str, content: bytes):
    raw = mail(content, f"Content-Type: text/plain; charset={charset}")
    assert parsing.read(raw).text == "é"


def test_windows_letters_are_read_where_latin_ones_are_promised():
    raw = mail(b"l\x92outil \x80", "Content-Type: text/plain; charset=iso-8859-1")
    assert parsing.read(raw).text == "l’outil €"


def test_the_plain_text_of_two_alternatives_is_read_and_the_page_without_one():
    page = "Content-Type: text/html\n\n<p>page</p>"
    for plain, read in (("plain", "plain"), ("  \n", "page")):
        parts = (f"Content-Type: text/plain\n\n{plain}", page)
        assert parsing.read(multipart(*parts, kind="alternative")).text.strip() == read


def test_files_are_kept_with_their_names_and_the_text_around_them():
    encoded = base64.b64encode(b"\x89PNG").decode()
    read = parsing.read(
        multipart(
            "Content-Type: text/plain\n\nbefore",
            "Content-Type: application/pdf; name*=utf-8''r%C3%A9sum%C3%A9.pdf\n"
            "Content-Disposition: attachment\n\n%PDF",
            'Content-Type: text/plain; name="log.txt"\n'
            'Content-Disposition: attachment; filename="=?utf-8?Q?journal_=C3=A9.txt?="\n\nline',
            f"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n{encoded}",
            "Content-Type: message/rfc822\n\nSubject: within\n\nbody",
            "Content-Type: text/plain\n\nafter",
        )
    )
    assert read.text.split() == ["before", "after"]
    names = [file.name for file in read.files]
    assert names == ["résumé.pdf", "journal é.txt", "image.png", "within.eml"]
    assert read.files[2] == MailFile("image.png", "image/png", b"\x89PNG")
    assert read.problem == ""


def test_an_image_in_the_page_is_a_file_too():
    mail = parsing.read((MAILS[0].parent / "apple-mail-fr-html-image.eml").read_bytes())
    assert [file.name for file in mail.files] == ["Capture d'ecran.png"]


def nested(depth: int) -> bytes:
    part = "Content-Type: text/plain\n\ndeep"
    kind = "Content-Type: multipart/mixed; boundary"
    for level in range(depth):
        part = f"{kind}=b{level}\n\n--b{level}\n{part}\n--b{level}--"
    return mail(part.partition("\n\n")[2], part.partition("\n\n")[0])


BOUNDARY = 'Content-Type: multipart/mixed; boundary="b"'
TOO_MUCH = {
    "size": (mail("x" * (parsing.MAX_BYTES + 1)), "too_big"),
    "lines": (mail("\n" * (parsing.MAX_LINES + 1)), "too_many_lines"),
    "fields": (mail("x", *["X-A: b"] * 60_000), "too_many_lines"),
    "parts": (multipart(*["Content-Type: text/plain\n\nx"] * 60), "too_many_parts"),
    "delimiters": (mail("--b\n\n" * 20_000, BOUNDARY), "too_many_parts"),
    "depth": (nested(20), "too_many_parts"),
    "great depth": (nested(400), "too_many_parts"),
    "text": (mail("é" * parsing.MAX_TEXT), "text_too_long"),
    "page": (mail("<p>" * 400_000, "Content-Type: text/html"), "text_too_long"),
}


@pytest.mark.parametrize(("raw", "problem"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_said_and_the_rest_is_read(raw: bytes, problem: str):
    read = parsing.read(raw)
    assert (read.problem, read.fields.sender) == (problem, "alice@acme.example")
    assert len(read.text) <= parsing.MAX_TEXT
    plain = mail("a word and another\n" * (parsing.MAX_BYTES // 20))
    usual = growth.cost(lambda: parsing.read(plain))
    assert growth.cost(lambda: parsing.read(raw)) < 100 * usual


def test_what_is_within_the_limits_is_whole():
    parts = ["Content-Type: text/plain\n\nx"] * (parsing.MAX_PARTS - 1)
    for raw in (multipart(*parts), nested(parsing.MAX_DEPTH), mail("é" * 400_000)):
        assert parsing.read(raw).problem == ""


def test_a_file_of_twenty_five_megabytes_is_kept():
    letter = EmailMessage()
    letter["From"] = "alice@acme.example"
    letter.set_content("hello")
    content = bytes(range(256)) * 80_000
    letter.add_attachment(content, maintype="application", subtype="zip", filename="big.zip")
    read = parsing.read(letter.as_bytes())
    assert (read.problem, read.files[0].content) == ("", content)


PIECES = st.sampled_from(
    [
        *("From: a@b.c", "Subject: =?utf-8?B?w6k?=", "Subject: =?x?y?z?=", "MIME-Version: 1.0"),
        *('Content-Type: multipart/mixed; boundary="b"', "Content-Type: multipart/alternative"),
        *("Content-Type: message/rfc822", "Content-Type: text/html; charset=utf-7", "--b", "--b--"),
        *("Content-Type: message/delivery-status", "Content-Type: text/plain; charset=\x00"),
        *("Content-Type: text/plain; format=flowed; delsp=yes", "Content-Type: ;;;=", ""),
        *("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: x-uuencode"),
        *("Content-Transfer-Encoding: quoted-printable", "=C3=A9=", "w6k", "begin 644 x", "\xff"),
        *("Content-Disposition: attachment; filename*=utf-8''%", "<p><blockquote>a", "> a ", "-- "),
        *("Content-Disposition: attachment; filename*0=a; filename*1*=%ff", "Le 3 a écrit :"),
    ]
)


@given(st.lists(PIECES, max_size=40), st.sampled_from(["\n", "\r\n", "\r"]), st.binary(max_size=40))
@settings(max_examples=400, deadline=None)
def test_no_mail_makes_it_fail(pieces: list[str], end: str, tail: bytes):
    read = parsing.read(end.join(pieces).encode("latin-1", "replace") + tail)
    assert isinstance(read.fields, Fields)
    assert "\x00" not in read.text


@given(st.sampled_from(MAILS), st.data())
@settings(max_examples=200, deadline=None)
def test_no_damage_makes_it_fail(path: Path, data: st.DataObject):
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 30))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    assert isinstance(parsing.read(bytes(raw[:cut])).text, str)


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_fail(raw: bytes):
    assert isinstance(parsing.read(raw).text, str)
