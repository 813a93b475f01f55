"""What should not be published: keys, data about a person, and what stands for either."""

import re
from collections.abc import Iterable, Iterator

from kbsearch.articles.publishing.rules import RuleRemark
from kbsearch.text import masking

# Forms that only a real credential has; `password: …` in an example is none of them.
_SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"),
    "AWS": re.compile(r"\b(?:AKIA|ASIA)(?!\w*EXAMPLE)[0-9A-Z]{16}\b"),
    "GitHub": re.compile(r"\bgh[pousr]_(?!x{9}|X{9})[0-9A-Za-z]{36}\b|\bgithub_pat_\w{60,}"),
    "GitLab": re.compile(r"\bglpat-[\w\-]{20,}"),
    "Slack": re.compile(r"\bxox[abprs]-[0-9A-Za-z\-]{20,}"),
    "Stripe": re.compile(r"\b[sr]k_live_[0-9A-Za-z]{20,}"),
    "Google": re.compile(r"\bAIza[0-9A-Za-z_\-]{35}\b"),
    "kbsearch": re.compile(r"\bkbs_[0-9A-Za-z_\-]{43}\b"),
    "JWT": re.compile(r"\beyJ[\w\-]{15,}\.eyJ[\w\-]{15,}\.[\w\-]{20,}"),
    "URL": re.compile(
        r"\b[a-z][a-z+]{2,9}://[^\s:/@]{1,64}:(?!\*|x{3}|<|\$|\{|\[|[^\s@]{0,64}(?i:pass|secret|your|example))"
        r"[^\s:/@]{8,64}@(?!.{0,200}example)"
    ),
}
_EMAIL = re.compile(r"\b([A-Za-z]{2,}\.[A-Za-z]{2,})@([A-Za-z0-9\-.]+\.[A-Za-z]{2,})\b")
_EXAMPLE_DOMAIN = re.compile(r"(?:^|\.)(?:example(?:\.\w+)?|exemple\.\w+|test|invalid|localhost)$")
# Digits of a hash, a longer number or a version are none of a person.
_BEFORE, _AFTER = r"(?<![\w\-])(?<!\d\.)", r"(?![\w\-])(?!\.\d)"
# 06 39 98 00 00 to 99 are kept for fiction by the French regulator.
_MOBILE = re.compile(rf"{_BEFORE}0[67](?:[ .]?\d\d){{4}}{_AFTER}")
_FICTION = "063998"
_IBAN = re.compile(
    rf"{_BEFORE}[A-Z]{{2}}\d{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?{_AFTER}"
)
# How long they are where people bank; and those that manuals give as examples.
_IBAN_LENGTHS = {
    **{"NO": 15, "BE": 16, "DK": 18, "FI": 18, "NL": 18, "SI": 19, "AT": 20, "EE": 20, "LT": 20},
    **{"LU": 20, "CH": 21, "HR": 21, "LV": 21, "BG": 22, "DE": 22, "GB": 22, "IE": 22, "CZ": 24},
    **{"ES": 24, "RO": 24, "SE": 24, "SK": 24, "PT": 25, "IS": 26, "TR": 26, "FR": 27, "GR": 27},
    **{"IT": 27, "MC": 27, "SM": 27, "CY": 28, "HU": 28, "PL": 28, "MT": 31},
}
_EXAMPLE_IBANS = frozenset(
    {"FR7630006000011234567890189", "FR1420041010050500013M02606", "BE68539007547034"}
    | {"DE89370400440532013000", "GB29NWBK60161331926819", "GB82WEST12345698765432"}
    | {"ES9121000418450200051332", "NL91ABNA0417164300", "CH9300762011623852957"}
    | {"IT60X0542811101000000123456", "LU280019400644750000", "PT50000201231234567890154"}
)
_NIR = re.compile(rf"{_BEFORE}[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d\d ?\d{{3}} ?\d{{3}} ?\d\d{_AFTER}")
_CARD = re.compile(rf"{_BEFORE}(?:4\d{{3}}|5[1-5]\d\d)(?:[ \-]?\d{{4}}){{3}}{_AFTER}")
# What payment services publish for tests has few digits, or one of them many times; but for these.
_TEST_CARDS = frozenset({"4988438843884305", "5200828282828210", "5555341244441115"})
_LONG_RUN = re.compile(r"(\d)\1{5}")
_BETWEEN_DIGITS = re.compile(r"[ .\-]")
_INLINE = re.compile(r"`[^`]+`")  # whoever writes of placeholders quotes them


def check(lines: Iterable[str]) -> Iterator[RuleRemark]:
    """The remarks on a file's lines, code included: a key in an example is a key."""
    for number, line in enumerate(lines, start=1):
        for name, pattern in _SECRETS.items():
            match = pattern.search(line)
            if match:
                yield RuleRemark(number, match.start() + 1, "secret", {"kind": name})
        for kind, text, column in _personal(line):
            yield RuleRemark(number, column, "personal-data", {"reason": kind, "text": text})
        for start, text in masking.placeholders(_INLINE.sub(_blank, line)):
            yield RuleRemark(number, start + 1, "placeholder", {"text": text})


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _personal(line: str) -> Iterator[tuple[str, str, int]]:
    for match in _EMAIL.finditer(line):
        if "example" not in match[1] and not _EXAMPLE_DOMAIN.search(match[2].lower()):
            yield "email", match[0], match.start() + 1
    for kind, pattern, is_real in (
        ("mobile", _MOBILE, lambda digits: not digits.startswith(_FICTION)),
        ("iban", _IBAN, _is_iban),
        ("social-security", _NIR, lambda digits: int(digits[:13]) % 97 == 97 - int(digits[13:])),
        ("card", _CARD, _is_card),
    ):
        for match in pattern.finditer(line):
            if is_real(_BETWEEN_DIGITS.sub("", match[0])):
                yield kind, f"{match[0][:4]}…", match.start() + 1


def _is_iban(text: str) -> bool:
    if _IBAN_LENGTHS.get(text[:2]) != len(text) or text in _EXAMPLE_IBANS:
        return False
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1


def _is_card(digits: str) -> bool:
    """Luhn's sum; the numbers payment services publish for tests are not cards."""
    if digits in _TEST_CARDS or len(set(digits)) <= 4 or _LONG_RUN.search(digits):
        return False
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
