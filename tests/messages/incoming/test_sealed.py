"""Mail signed as a whole, encrypted mail, and Outlook's own wrapping."""

import struct

import pytest

from kbsearch.messages.incoming import parsing, smime, tnef

WITHIN = "Content-Type: text/plain; charset=utf-8\r\n\r\nVanne fermée.\r\n".encode()


def element(tag: int, content: bytes, *, indefinite: bool = False) -> bytes:
    if indefinite:
        return bytes([tag, 0x80]) + content + b"\0\0"
    size = len(content).to_bytes(4)
    return bytes([tag, 0x84]) + size + content


def signed(within: bytes, *, indefinite: bool = False) -> bytes:
    """The outline of signed data, whole or in pieces of unknown length."""

    def made(tag: int, content: bytes) -> bytes:
        return element(tag, content, indefinite=indefinite)

    octets = element(smime.OCTETS, within)
    if indefinite:
        halves = element(smime.OCTETS, within[:9]) + element(smime.OCTETS, within[9:])
        octets = made(smime.OCTETS | smime.CONSTRUCTED, halves)
    data = element(smime.OBJECT_ID, bytes.fromhex("2a864886f70d010701"))
    info = made(smime.SEQUENCE, data + made(smime.CONTEXT, octets))
    whole = made(smime.SEQUENCE, element(2, b"\1") + element(0x31, b"") + info + element(0x31, b""))
    kind = element(smime.OBJECT_ID, smime.SIGNED_DATA)
    return made(smime.SEQUENCE, kind + made(smime.CONTEXT, whole))


@pytest.mark.parametrize("indefinite", [False, True])
def test_a_mail_signed_as_a_whole_is_read(indefinite: bool):
    assert smime.content_of(signed(WITHIN, indefinite=indefinite)) == WITHIN


@pytest.mark.parametrize("indefinite", [False, True])
def test_damage_is_nothing_to_read_and_no_failure(indefinite: bool):
    whole = signed(WITHIN, indefinite=indefinite)
    for end in range(0, len(whole), 3):
        smime.content_of(whole[:end])
        smime.content_of(whole[:end] + b"\xff" + whole[end + 1 :])
    assert smime.content_of(b"\x30\x80" * 5000) is None


def mail(*lines: str, body: bytes = b"x") -> parsing.Incoming:
    return parsing.read("\n".join(("From: alice@acme.example", *lines)).encode() + b"\n\n" + body)


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", b"0\x80\x06\x01*"),
        ("Content-Type: application/x-pkcs7-mime; name=smime.p7m", b"x"),
        ("Content-Type: multipart/encrypted; protocol=application/pgp-encrypted; boundary=b", b"x"),
        ("Content-Type: text/plain", b"-----BEGIN PGP MESSAGE-----\n\nhQEMA"),
    ],
)
def test_encrypted_mail_is_held_for_that(line: str, body: bytes):
    assert mail(line, body=body).problem == "encrypted"


def test_a_signature_is_no_file():
    parts = (
        b"--b\nContent-Type: text/plain\n\nDone.\n"
        b"--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nMIIB\n"
        b"--b\nContent-Type: application/pgp-signature; name=signature.asc\n\niQ\n--b--\n"
    )
    read = mail("Content-Type: multipart/signed; boundary=b", body=parts)
    assert (read.text.strip(), read.files, read.problem) == ("Done.", (), "")


def attribute(level: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, kind, 0, len(value)) + value + b"\0\0"


def test_files_come_out_of_winmail_dat_under_their_long_names():
    long_name = "Relevé d’août.pdf".encode("utf-16le") + b"\0\0"
    value = tnef.LONG_NAME_WIDE + struct.pack("<II", 1, len(long_name)) + long_name
    content = struct.pack("<IH", tnef.SIGNATURE, 1) + b"".join(
        (
            attribute(1, tnef.CODE_PAGE, struct.pack("<II", 1252, 0)),
            attribute(2, tnef.BEGINS, b"x"),
            attribute(2, tnef.TITLE, b"RELEV~1.PDF\0"),
            attribute(2, tnef.DATA, b"%PDF-1.7"),
            attribute(2, tnef.PROPERTIES, b"\1\0\0\0" + value),
            attribute(2, tnef.BEGINS, b"x"),
            attribute(2, tnef.TITLE, "été.txt".encode("cp1252") + b"\0"),
            attribute(2, tnef.DATA, b"7741"),
        )
    )
    files = [("Relevé d’août.pdf", b"%PDF-1.7"), ("été.txt", b"7741")]
    assert tnef.files_of(content) == files
    read = mail("Content-Type: application/ms-tnef; name=winmail.dat", body=content)
    assert [(file.name, file.content) for file in read.files] == files
    for end in range(len(content)):
        tnef.files_of(content[:end])
    assert tnef.files_of(b"damaged") == [("winmail.dat", b"damaged")]
