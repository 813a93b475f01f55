"""Numbers and addresses that lead to somebody: mail, telephone, bank, card, social security."""

import re
from collections.abc import Iterator

from kbsearch.text.masking.spans import GAP, Span, matches

_EMAIL = re.compile(
    r"(?<![\w.+%\-])[\w.+%'’\-]{1,64}@(?:[\w\-]{1,63}\.){0,8}[\w\-]{2,63}(?![\w@])"
    # jean.dupont [at] free.fr, jean arobase free point fr
    rf"|(?<![\w.+\-])[\w.+\-]{{1,64}}{GAP}?(?:[\[({{]{GAP}?(?:at|arobase|chez|@){GAP}?[\])}}]"
    rf"|{GAP}(?:arobase|at(?=[^\n]{{1,40}}{GAP}(?:dot|point){GAP}))){GAP}?[\w\-]{{2,63}}"
    rf"(?:(?:\.|{GAP}?[\[({{]?(?:dot|point)[\])}}]?{GAP}?)[\w\-]{{2,63}}){{1,4}}",
    re.IGNORECASE,
)
_IBAN = re.compile(
    rf"(?<![\w])[A-Z]{{2}}{GAP}?\d{{2}}(?:[ \u00a0\u202f.\-]?[A-Z0-9]){{11,30}}(?!\w)",
    re.IGNORECASE,
)
_RIB = re.compile(rf"(?<![\w])\d{{5}}{GAP}?\d{{5}}{GAP}?[0-9A-Z]{{11}}{GAP}?\d\d(?!\w)")
_SAYS_BANK = re.compile(r"(?:iban|rib|compte|account)[^\n\d]{0,20}$", re.IGNORECASE)
_BIC = re.compile(
    r"\b(?i:bic|swift)(?:\s?/\s?(?i:swift|bic))?\s{0,3}:?\s{0,3}"
    r"(?P<it>[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b"
)
_ACCOUNT = re.compile(
    r"\b(?:sort code|account (?:number|no\.?)|num[ée]ro de compte|n° de compte)"
    r"\s{0,3}:?\s{0,3}(?P<it>\d[\d \-]{4,24}\d)",
    re.IGNORECASE,
)
_SOCIAL = re.compile(
    r"(?<!\w)[12][ .]?\d\d[ .]?(?:0[1-9]|1[0-2]|[2-9]\d)[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}"
    r"(?:[ .]?\d\d)?(?!\w)"
    r"|(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D](?!\w)"  # UK
)
_CARD = re.compile(r"(?<![\w.\-])\d(?:[ \u00a0\u202f\-]?\d){12,18}(?![\w\-])")
_NO_DIGIT = re.compile(r"\D")
_SAYS_CARD = re.compile(r"(?:carte|card|cb|visa|mastercard)[^\n\d]{0,20}$", re.IGNORECASE)
_BIRTH = re.compile(
    r"\b(?:née?(?:\(e\))? le|date de naissance|born(?: on)?|date of birth|dob|birth ?date)"
    r"\s{0,3}:?\s{0,3}(?P<it>\d{1,4}[ /.\-](?:\d{1,2}|[^\W\d]{3,9}\.?)[ /.\-]\d{2,4}"
    r"|[^\W\d]{3,9} \d{1,2}(?:st|nd|rd|th)?,? \d{4}|1er [^\W\d]{3,9} \d{4})",
    re.IGNORECASE,
)
_SEP = r"[ \u00a0\u2007\u2009\u202f.\-/]"
_PHONE = re.compile(
    rf"""
    (?<![\w.\-/+])(?:
      # +33 6 12 34 56 78, +33(0)6…, 0033 6…, +44 7911 123456, +1 (555) 123-4567
      (?:\+{_SEP}?|00{_SEP}?(?=[1-9]\d))[1-9]\d{{0,2}}{_SEP}{{0,2}}(?:\({_SEP}?0?{_SEP}?\)){_SEP}?
        \d(?:{_SEP}?\(?\d\)?){{6,11}}
    | \+{_SEP}?[1-9]\d{{0,2}}(?:{_SEP}{{0,2}}\(?\d\)?){{6,13}}
    | 00{_SEP}?[1-9]\d(?:{_SEP}?\d){{8,11}}
      # 06 12 34 56 78, 06.12.34.56.78, 0612345678, (0)6 12…
    | (?:\(0\){_SEP}?|0{_SEP}?)[1-9](?:{_SEP}{{0,2}}\d\d){{4}}
    | 0[1-9]\d{{0,2}}(?:{_SEP}\d{{3}}){{2}}(?:{_SEP}\d\d)?
    | 0{_SEP}?8\d\d(?:{_SEP}?\d{{3}}){{2}}
      # 020 7946 0018, (0117) 496 0123, 07911 123456
    | \(?0\d{{2,4}}\)?{_SEP}?\d{{3,4}}{_SEP}\d{{3,4}}
    | 07\d{{3}}{_SEP}?\d{{3}}{_SEP}?\d{{3}}
      # (555) 123-4567, 555-123-4567
    | (?:\(\d{{3}}\){_SEP}?|\d{{3}}{_SEP})\d{{3}}[ .\-]\d{{4}}
    )(?:(?:,|{_SEP}){{0,2}}(?:poste|ext\.?|extension|x){_SEP}?\d{{1,5}})?(?![\w]|[.\-]\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SAID_PHONE = re.compile(
    r"\b(?:t[ée]l(?:[ée]phone)?s?|portable|mobile|gsm|phone|cell(?:phone)?|fax|joignable au"
    r"|appele[rz](?:[- ]moi)? au|rappele[rz](?:[- ]moi)? au|call me (?:at|on)|reach me (?:at|on))"
    r"\s{0,3}[.:]?\s{0,3}(?P<it>[+(]?\d(?:[ \u00a0\u202f.\-/()]{0,2}\d){5,14})(?!\w)",
    re.IGNORECASE,
)


def emails(text: str) -> Iterator[Span]:
    """Addresses of mail, as they are typed or spelt out to hide them."""
    yield from matches(_EMAIL, text)


def accounts(text: str) -> Iterator[Span]:
    """Bank accounts: with a right checksum, or said to be one."""
    for start, end in matches(_IBAN, text):
        if is_iban(text[start:end]) or _SAYS_BANK.search(text[max(0, start - 40) : start]):
            yield start, end
        else:  # what follows may have been taken for its end: `FR76 … 189 the rest`
            shorter = _whole_iban(text, start, end)
            if shorter:
                yield start, shorter
    for pattern in (_RIB, _BIC, _ACCOUNT):
        yield from matches(pattern, text)


def is_iban(text: str) -> bool:
    """Whether the checksum of an account's number is right."""
    plain = "".join(character for character in text.upper() if character.isalnum())
    if not plain.isascii():
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def social_security(text: str) -> Iterator[Span]:
    """French and British numbers of social security."""
    yield from matches(_SOCIAL, text)


def cards(text: str) -> Iterator[Span]:
    """Numbers of payment cards: with a right checksum, or said to be one."""
    for start, end in matches(_CARD, text):
        is_said = _SAYS_CARD.search(text[max(0, start - 40) : start])
        if is_said or is_card(_NO_DIGIT.sub("", text[start:end])):
            yield start, end


def is_card(digits: str) -> bool:
    """Luhn's sum."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return digits[0] in "3456" and sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def births(text: str) -> Iterator[Span]:
    """Dates that are said to be of a birth."""
    yield from matches(_BIRTH, text)


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers, by their form or by the word before them."""
    yield from matches(_SAID_PHONE, text)
    yield from matches(_PHONE, text)


def _whole_iban(text: str, start: int, end: int) -> int | None:
    """Where an account ends whose pattern ran on into the words after it."""
    for stop in range(end - 1, start + 14, -1):
        if text[stop : stop + 1] in " \u00a0\u202f" and is_iban(text[start:stop]):
            return stop
    return None
