import pytest

from kbsearch.messages.incoming import charsets


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("IBM850", "cp850", "Relevé"),
        ("cp-437", "cp437", "Relevé"),
        ("macintosh", "mac-roman", "Relevé d’août"),
        ("ks_c_5601-1987", "cp949", "안녕하세요"),
        ("x-sjis", "cp932", "ポンプ①"),
        ("Shift_JIS", "cp932", "ポンプ①"),
        ("utf-7", "utf-7", "Relevé 日本"),
        ("unicode-1-1-utf-7", "utf-7", "Relevé"),
        ("x-gbk", "gbk", "水泵"),
        ('"GB2312"', "gb18030", "水泵"),
        ("Big5", "big5", "水泵"),
        ("latin1", "cp1252", "d’août"),
        ("ISO-8859-15", "iso-8859-15", "12 €"),
        ("KOI8-R", "koi8-r", "насос"),
        ("x-unknown", "utf-8", "Relevé d’août"),
        ("us-ascii", "utf-8", "Relevé d’août"),
    ],
)
def test_a_charset_is_known_by_the_names_that_programs_give_it(charset: str, codec: str, text: str):
    assert charsets.decoded(text.encode(codec), charset) == text


def test_a_byte_of_windows_spoils_no_utf8():
    content = "La clé d’août".encode() + b"\n-- Soci\xe9t\xe9 \x96 \x81\n" + "été".encode()
    assert charsets.decoded(content, "utf-8") == "La clé d’août\n-- Société – \ufffd\nété"


def test_text_that_names_a_codec_of_something_else_is_text():
    assert charsets.decoded(b"aGk=", "base64") == "aGk="
