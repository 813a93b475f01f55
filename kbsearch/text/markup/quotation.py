"""A reply cut from what it quotes: what is cut is folded below it, and the original kept.

Where it is not certain that a line is quoted, it stays: what somebody wrote is never hidden.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kbsearch.text.markup import quotation_words as words
from kbsearch.text.normal_form import nfc

MAX_SEARCHED = 5_000  # lines from the top in which a quotation begins
MAX_WRAPPED = 6  # lines over which a client spreads "Le … a écrit :"
MAX_ATTRIBUTION = 600  # characters of them
MAX_HEADER = 14  # lines of "De : … Envoyé : … À : … Objet : …"
MAX_SIGNATURE = 12  # lines
MAX_SIGNATURES = 3  # one of the person, one of the telephone
SHORTEST_TRAIL = 3  # quoted lines at the end without a header: fewer may be somebody's own
FEW_WORDS = 8
SHORTEST_NAME = 3  # letters of a name that stands for its address

_HOUR = re.compile(r"\d{1,2}\s?[:h]\s?\d\d|(?<![\d.])\d{1,2}\.\d\d(?![\d.])")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]{1,64}@[^\s<>()\[\]\"',;:]{1,255}")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"[!?;:]|\.\s{1,9}\w{1,80}\s{1,9}\w{1,80}\s{1,9}\w")
_MARK = re.compile(r"##-.{0,200}-##")  # of our own letters
_RULE = re.compile(r"\s*(?:_{5,}|-{5,}|={5,}|\*{5,})\s*")
_AGAIN = re.compile(
    r"\s*(?:(?:re|r|rép|aw|antw|sv|vs|odp|tr|fw|fwd|wg)\s?:|\[[^\]]{1,60}\])", re.IGNORECASE
)
_NAME = re.compile(r"(?:[^\W\d_][\w'’.-]*)(?:\s[^\W\d_][\w'’.-]*){0,4}")
_CONTACT = re.compile(r"@|https?://|www\.|\+?\d[\d\s().-]{7,}")
_LINK = re.compile(r"[<(]?https?://[^\s<>()]{0,500}[>)]?")


@dataclass(frozen=True)
class Cut:
    """What is shown of a mail's text, and what is folded below it; no line is in neither."""

    text: str
    rest: str


@dataclass(frozen=True)
class Correspondents:
    """Whose words a mail may quote: addresses in lower case, names where a client shows no more.

    Addresses `r+…` of the `reply_domain` are ours. What anybody else wrote was put there to be
    read.
    """

    addresses: frozenset[str]
    names: frozenset[str]
    reply_domain: str = ""

    def are_named(self, header: str) -> bool:
        """Whether a header of a quotation is of one of them."""
        found = {address.lower().rstrip(".>") for address in _ADDRESS.findall(header)}
        if found:
            return any(self._is_theirs(address) for address in found)
        line = header.casefold()
        return any(
            len(name) >= SHORTEST_NAME and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line)
            for name in map(str.casefold, self.names)
        )

    def _is_theirs(self, address: str) -> bool:
        local, _, domain = address.rpartition("@")
        is_reply_address = local.startswith("r+") and domain == self.reply_domain
        return is_reply_address or address in self.addresses


@dataclass(frozen=True)
class _QuoteHeader:
    """Lines that announce a quotation; `is_sure` when they need no quoted line to prove it."""

    lines: int
    is_sure: bool


def cut(text: str, subject: str = "", people: Correspondents | None = None) -> Cut:
    """The text without its quotation and without the signature below a line of two dashes.

    A header counts as one of a quotation only if it names one of the people, where these are known.
    """
    written = text.split("\n")
    lines = nfc(text).replace("\u200b", "").replace("\ufeff", "").split("\n")
    shown = list(range(len(lines)))
    if not words.IS_FORWARD.match(subject):
        shown = _Quotation(lines, subject, people).rest()
    shown = shown[: _end(_at(lines, shown))]
    if not _has_words(_at(lines, shown)):
        shown = list(range(len(lines)))  # better shown whole than not at all
    places = set(shown)
    folded = [place for place in range(len(lines)) if place not in places]
    return Cut(_joined(_at(written, shown)), _joined(_at(written, folded)))


@dataclass(frozen=True)
class _Quotation:
    """Where in a mail's lines a quotation begins, and what is left without it."""

    lines: list[str]
    subject: str
    people: Correspondents | None

    def rest(self) -> list[int]:
        """The places of the lines that quote nothing."""
        for place in range(min(len(self.lines), MAX_SEARCHED)):
            if words.FORWARDED.fullmatch(self.lines[place]):
                return list(range(len(self.lines)))
            header = self._header(place)
            rest = self._without(place, header) if header else None
            if rest is not None:
                return rest
        return list(range(_trail_start(self.lines)))

    def _header(self, place: int) -> _QuoteHeader | None:
        """The header of a quotation that begins at a line, be it quoted itself."""
        line = _bare(self.lines[place])
        if not line or len(line) > MAX_ATTRIBUTION:
            return None
        if _MARK.search(line):
            return _QuoteHeader(1, is_sure=True)
        original = words.ORIGINAL.fullmatch(line)
        if original or (_RULE.fullmatch(line) and place):
            fields = self._fields(place + 1, is_marked=True)
            if fields:
                return _QuoteHeader(1 + fields.lines, is_sure=True)
            is_sure = bool(original and (original[1] or original[2]))
            return _QuoteHeader(1, is_sure) if original else None
        field = words.HEADER_FIELD.match(line)
        if field and field[1].lower() in words.FROM | words.WHEN | words.SUBJECT:
            fields = self._fields(place, is_marked=False)
            if fields:
                return fields
        return self._attribution(place)

    def _attribution(self, place: int) -> _QuoteHeader | None:
        """ "Le lundi 3 février 2026 à 10:12, Support <…> a écrit :", however it is wrapped."""
        first = _bare(self.lines[place]).lstrip("- ")
        begins_paragraph = place == 0 or not _bare(self.lines[place - 1])
        is_dated = bool(words.ARTICLE.match(first) or words.DATE.match(first))
        if not is_dated and not begins_paragraph:
            return None
        sentence = ""
        for count, line in enumerate(self.lines[place : place + MAX_WRAPPED], 1):
            bare = _bare(line)
            sentence = f"{sentence} {bare}".strip()
            if not bare or len(sentence) > MAX_ATTRIBUTION:
                return None
            if count > 1 and is_dated and self._begins_anew(bare, len(first)):
                return None
            if not (_announces(sentence) if is_dated else _announces_by_name(sentence)):
                continue
            is_complete = bool(_HOUR.search(sentence) and _ADDRESS.search(sentence))
            is_sure = is_complete and self._counts(sentence)
            return _QuoteHeader(count, is_sure)
        return None

    def _begins_anew(self, line: str, length: int) -> bool:
        """Whether the sentence begins at this line, and what stands above it is somebody's own."""
        if words.ARTICLE.match(line) and _DIGIT.search(line):
            return True
        return bool(words.DATE.match(line)) and length > 14 and bool(_HOUR.search(line))

    def _fields(self, place: int, *, is_marked: bool) -> _QuoteHeader | None:
        """The four or five fields that Outlook, Zimbra and others copy above a quotation."""
        values: dict[str, str] = {}
        name, end = "", place
        for at, line in enumerate(self.lines[place : place + MAX_HEADER], place):
            bare = _bare(line)[:MAX_ATTRIBUTION]
            field = words.HEADER_FIELD.match(bare)
            if field:
                name, end = field[1].lower(), at
                values.setdefault(name, field[2])
            elif bare and name in words.TO | words.OTHER | words.FROM and "@" in bare:
                values[name] = f"{values[name]} {bare}"  # recipients over several lines
                end = at
            elif values or bare:
                break
        of = [" ".join(values[key] for key in values.keys() & kind) for kind in _KINDS]
        sender, moment, recipient, subject = of
        if not (sender and moment and (recipient or subject)) or values.keys() & words.RAW:
            return None
        if is_marked or self._counts(sender) and (self.people is None or _HOUR.search(moment)):
            return _QuoteHeader(end + 1 - place, is_sure=True)
        if subject and _bare_subject(subject) == _bare_subject(self.subject):
            return _QuoteHeader(end + 1 - place, is_sure=True)
        return None

    def _counts(self, header: str) -> bool:
        return self.people is None or self.people.are_named(header)

    def _without(self, place: int, header: _QuoteHeader) -> list[int] | None:
        """The lines left without a quotation; None when the header turns out to announce none."""
        lines = self.lines
        everything, above = list(range(len(lines))), list(range(place))
        start = place + header.lines
        while start < len(lines) and not lines[start].strip():
            start += 1
        says_nothing = not self._says(lines[:place])
        if start == len(lines) or not lines[start].startswith(">"):
            if not header.is_sure:
                return None
            return everything if says_nothing or _points_below(lines[:place]) else above
        below = lines[start:]
        end = max(at for at, line in enumerate(below) if line.startswith(">"))
        if _has_words(line for line in below[:end] if not line.startswith(">")):
            return everything  # answered between the quoted lines
        after = below[end + 1 :]
        answered = everything[start + end + 1 :][: _end(after)]
        if _has_words(_at(lines, answered)):
            return [*above, *answered]
        return everything if says_nothing else above

    def _says(self, lines: list[str]) -> bool:
        """Whether there is more than a greeting, a closing and names."""
        kept = [line.strip() for line in lines[: _end(lines)] if line.strip()]
        return any(
            not words.GREETING.fullmatch(line)
            and not words.CLOSING.fullmatch(line)
            and not self._is_name(line)
            for line in kept
        )

    def _is_name(self, line: str) -> bool:
        parts = set(line.casefold().replace(",", " ").split())
        names = self.people.names if self.people else ()
        return any(parts <= set(name.casefold().split()) for name in names)


_KINDS = (words.FROM, words.WHEN, words.TO, words.SUBJECT)


def _announces(sentence: str) -> bool:
    """Whether a sentence that begins with a date says who wrote what follows."""
    tail = sentence.rstrip(" -\u2013\u2014_")
    if not _DIGIT.search(sentence):
        return False
    if not tail.endswith((":", "\uff1a")):
        end = [match.end() for match in words.WROTE.finditer(tail[-60:])]
        return bool(end) and end[-1] == len(tail[-60:])
    return bool(words.WROTE.search(sentence)) or _is_dated_address(sentence)


def _announces_by_name(sentence: str) -> bool:
    """Whether a sentence that begins with a name does: "Support <…> a écrit :"."""
    if not sentence.endswith((":", "\uff1a")):
        return False
    verb = words.WROTE.search(sentence)
    if verb is None:
        return _is_dated_address(sentence)
    name = _ADDRESS.sub("", sentence[: verb.start()]).strip(" <>()[]\"'«»,")
    return len(name) <= 80 and not _SENTENCE.search(name)


def _is_dated_address(sentence: str) -> bool:
    return bool(_HOUR.search(sentence) and _ADDRESS.search(sentence))


def _bare_subject(text: str) -> str:
    line = " ".join(text.split()).casefold()
    while match := _AGAIN.match(line):
        line = line[match.end() :]
    return line.strip(" *_") or "\0"


def _points_below(above: list[str]) -> bool:
    is_short = sum(len(line.split()) for line in above) <= FEW_WORDS
    return any(
        words.COLOUR.search(line)
        or (words.BELOW.search(line) and (is_short or words.ANSWERS.search(line)))
        for line in above
    )


def _trail_start(lines: list[str]) -> int:
    """Where quoted lines at the end begin, unless they are few or somebody announces them."""
    ended = lines[: _end(lines)]
    start = len(ended)
    while start and (ended[start - 1].startswith(">") or not ended[start - 1].strip()):
        start -= 1
    trail = [line for line in ended[start:] if line.startswith(">")]
    above = _joined(ended[:start])
    is_own = len(trail) < SHORTEST_TRAIL or not above or above.endswith(":")
    return len(lines) if is_own else start


def _end(lines: list[str]) -> int:
    """Where a text ends, without its signatures and what is empty."""
    body = _trimmed(lines)
    for _ in range(MAX_SIGNATURES):
        shorter = _trimmed(body[: _signature_start(body)])
        if len(shorter) == len(body):
            break
        body = shorter
    return len(body)


def _signature_start(lines: list[str]) -> int:
    """Where the signature at the end begins: of a person below dashes, or of the software."""
    end = len(lines)
    if lines and _names_client(lines[-1]):
        return end - 1
    for place in range(end - 1, max(-1, end - 2 * MAX_SIGNATURE), -1):
        if lines[place].rstrip("\xa0 ") == "--":
            below = [line.strip() for line in lines[place + 1 :] if line.strip()]
            return place if _is_signature(below, is_marked=lines[place] != "--") else end
    return end


def _is_signature(below: list[str], *, is_marked: bool) -> bool:
    """ "-- " stands above a signature; without its space it may stand between two paragraphs."""
    if any(words.POSTSCRIPT.match(line) for line in below):
        return False
    if is_marked:
        return len(below) <= MAX_SIGNATURE
    if not below or len(below) > MAX_SIGNATURE // 2 or not _is_name(below[0]):
        return False
    return all(_is_name(line) or _CONTACT.search(line) or len(line) <= 40 for line in below[1:])


def _is_name(line: str) -> bool:
    """Whether a line reads like somebody's name or firm: few words, each with a capital."""
    bare = line.strip(" ,.-")
    parts = [part for part in bare.split() if len(part) > 3]
    return bool(_NAME.fullmatch(bare)) and all(part[0].isupper() for part in parts or [bare])


def _names_client(line: str) -> bool:
    """ "Envoyé de mon iPhone", with or without a link to a shop."""
    unlinked = _LINK.sub("", line[:MAX_ATTRIBUTION]).replace("[", "").replace("]", "")
    return bool(words.CLIENT.fullmatch(" ".join(unlinked.split())))


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or _RULE.fullmatch(lines[end - 1])):
        end -= 1
    return lines[:end]


def _bare(line: str) -> str:
    return line.lstrip("> \xa0\t*").strip() if line[:1] in ">*" else line.strip()


def _has_words(lines: Iterable[str]) -> bool:
    return any(line.strip() for line in lines)


def _at(lines: list[str], places: Iterable[int]) -> list[str]:
    return [lines[place] for place in places]


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()
