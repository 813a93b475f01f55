"""Bytes as text in whatever charset they are: the one they name, UTF-8, or Windows' western one."""

import codecs
import re

# Codecs that decode text in a time that grows with its length, and do nothing else.
_BELIEVED = re.compile(
    r"utf-?(7|8|16|32)([-_]?(be|le|sig))?|iso-?8859-?\d+|latin-?\d+|cp\d+|"
    r"koi8-[rut]|mac-(roman|cyrillic|greek|latin2|turkish|iceland)|gb18030|big5hkscs|"
    r"euc-?(jp|kr)|iso-?2022-?(jp|kr)|tis-?620|hz|johab"
)
_NUMBERED = re.compile(r"(?:windows|win|ibm|cp|dos|oem|x-cp)[-_]?(\d{3,4})")
_ALIASES = {
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin-1", "latin1", "8859-1", "l1"), "cp1252"),
    **dict.fromkeys(("ansi", "ansi-1252", "x-ansi", "windows", "iso-ir-100"), "cp1252"),
    **dict.fromkeys(("macintosh", "mac", "macroman", "mac-roman", "mac_roman"), "mac-roman"),
    **dict.fromkeys(("mac-cyrillic", "maccyrillic"), "mac-cyrillic"),
    **dict.fromkeys(("gb2312", "gbk", "gb_2312-80", "gb2312-80", "euc-cn", "cp936"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "cp950", "bigfive"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "ms_kanji", "windows-31j"), "cp932"),
    **dict.fromkeys(("ks_c_5601-1987", "ks_c_5601-1989", "ks_c_5601", "ksc5601"), "cp949"),
    **dict.fromkeys(("euc-kr", "windows-949", "korean", "uhc"), "cp949"),
    **dict.fromkeys(("unicode-1-1-utf-7", "utf7", "csunicode11utf7"), "utf-7"),
    **dict.fromkeys(("utf8mb4", "unicode-1-1-utf-8", "unicode"), "utf-8"),
    **dict.fromkeys(("hz-gb-2312", "hz-gb2312"), "hz"),
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-11": "tis-620",
    "koi8-ru": "koi8-u",
}


def decoded(content: bytes, charset: str = "") -> str:
    """The text, never refused: a byte that is not UTF-8 in the midst of it is Windows' letter."""
    name = _codec(charset)
    if name and name not in ("utf-8", "utf8"):
        try:
            return content.decode(name).replace("\x00", "")
        except (UnicodeError, LookupError):
            pass
    return content.decode("utf-8", "windows").replace("\x00", "").removeprefix("\ufeff")


def _codec(charset: str) -> str:
    """What Python calls it; empty for one that is not believed, as ASCII that is mostly UTF-8."""
    name = charset.strip().strip("\"'").lower()
    name = name if name in _ALIASES else name.removeprefix("x-")
    name = _ALIASES.get(name, name)
    if number := _NUMBERED.fullmatch(name):
        name = _ALIASES.get(f"cp{number[1]}", f"cp{number[1]}")
    return name if _BELIEVED.fullmatch(name) else ""


def _windows(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeDecodeError)
    wrong = problem.object[problem.start : problem.end]
    return wrong.decode("cp1252", "replace"), problem.end


codecs.register_error("windows", _windows)
