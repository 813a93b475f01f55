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
# 06 39 98 00 00 to 99 are kept for fiction by the French regulator.
_MOBILE = re.compile(r"(?<![\d.])0[67](?:[ .]?\d\d){4}(?![\d.])")
_FICTION = "063998"
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_NIR = re.compile(r"\b[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d\d ?\d{3} ?\d{3} ?\d\d\b")
_CARD = re.compile(r"\b(?:4\d{3}|5[1-5]\d\d)(?:[ \-]?\d{4}){3}\b")
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
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1


def _is_card(digits: str) -> bool:
    """Luhn's sum; the numbers payment services publish for tests are not cards."""
    if digits in ("4242424242424242", "4111111111111111", "5555555555554444"):
        return False
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
