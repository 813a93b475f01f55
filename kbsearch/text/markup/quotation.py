"""A reply cut from what it quotes: what is cut is folded below it, and the original kept.

Where it is not certain that a line is quoted, it stays: what somebody wrote is never hidden.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kbsearch.text.normal_form import nfc

MAX_SEARCHED = 5_000  # lines from the top in which a quotation begins
MAX_WRAPPED = 6  # lines over which a client spreads "Le … a écrit :"
MAX_ATTRIBUTION = 600  # characters of them
MAX_HEADER = 14  # lines of "De : … Envoyé : … À : … Objet : …"
MAX_SIGNATURE = 12  # lines
MAX_SIGNATURES = 3  # one of the person, one of the telephone
SHORTEST_TRAIL = 3  # quoted lines at the end without a header: fewer may be somebody's own
FEW_WORDS = 8

# French puts a no-break space before the colon; `\s` takes it for a space like any other.
_STARTS = re.compile(r"(?:le|on|am|el|il|em|op|\d{1,4}[-/. ]\S+)\s", re.IGNORECASE)
_WROTE = re.compile(
    r"(?:a\s+[ée]crit|wrote|escribió|ha\s+scritto|escreveu)\s*:?[\s-]*$|"
    r"(?:\bschrieb\b|\bschreef\b|^\d{4}-).*:\s*$",
    re.IGNORECASE,
)
_HOUR = re.compile(r"\d{1,2}\s?[:h]\s?\d\d")
_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_FIELD = re.compile(
    r"[*_\s]*(de|from|von|envoyé le|envoyé|sent|date|gesendet|à|a|to|pour|an|copie à|copie|cc|"
    r"objet|sujet|subject|betreff)[*_]*\s?:",
    re.IGNORECASE,
)
_FROM = frozenset({"de", "from", "von"})
_WHEN = frozenset({"envoyé le", "envoyé", "sent", "date", "gesendet"})
_TO = frozenset({"à", "a", "to", "pour", "an", "objet", "sujet", "subject", "betreff"})
_ORIGINAL = re.compile(
    r"(-{2,}|_{2,}|)\s?(?:(?:message|mail|courriel|e-mail)\s(?:d['’]origine|original|initial)|"
    r"original\s(?:message|mail|email)|ursprüngliche\snachricht|reply\smessage|"
    r"message\sde\sréponse)\s?[-_]*|(message\sdu)\s(?::\s)?\d[\d/.\s:àh]{5,30}",
    re.IGNORECASE,
)
_MARK = re.compile(r"##-.{0,200}-##")  # of our own letters
_DIGIT = re.compile(r"\d")
_RULE = re.compile(r"\s*(?:_{5,}|-{5,}|={5,}|\*{5,})\s*")
_IS_FORWARD = re.compile(r"\s*(?:tr|fw|fwd|wg|rv)\s?:", re.IGNORECASE)
_FORWARDED = re.compile(
    r"[-_*\s>]*(?:forwarded\smessage|message\s(?:transféré|transmis|réexpédié)|"
    r"début\sdu\smessage\s(?:réexpédié|transféré)|begin\sforwarded\smessage)[-_*\s:]*",
    re.IGNORECASE,
)
# Who answers inside a quotation that has no marks mostly says so above it.
_BELOW = re.compile(
    r"ci[-\s]?dessous|ci[-\s]?après|plus\sbas|dans\s(?:le|ton|votre)\s(?:texte|corps|mail|message)|"
    r"entre\s(?:les|tes|vos)\slignes|\bbelow\b|\bin[-\s]?line\b|between\s(?:the|your)\slines",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"répon|comment|remarque|annot|précision|answer|repl(?:y|ies)|respon", re.I)
_COLOUR = re.compile(
    r"\ben\s(?:rouge|bleu|vert|gras|couleur)\b|\bin\s(?:red|blue|green|bold)\b", re.IGNORECASE
)
_CLIENT = re.compile(
    r"(?:(?:envoyé|sent|gesendet|inviato|enviado)\s"
    r"(?:de|depuis|from|à\spartir\sd[e'’]|avec|with|via|von|da|desde)\s?"
    r"(?:mon\s|ma\s|my\s|un\s|une\s|the\s|la\s|meinem\s|il\smio\s|mi\s)?"
    r"(?:iphone|ipad|ipod|galaxy|samsung|huawei|xiaomi|android|smartphone|mobile|téléphone|phone|"
    r"appareil|device|outlook|yahoo|proton|orange|blackberry|courrier|mail\b|gmail|bluemail|"
    r"messagerie|application|l['’]application|spark|fairemail|k-9)[^.?!]{0,70}|"
    r"provenance\s:\s(?:courrier|mail)[^.?!]{0,40}|"
    r"(?:get|télécharger|téléchargez|obtenir|obtenez)\s(?:\w+\s)?outlook\s(?:for|pour|sur)\s\w+)"
    r"\.?(?:\s(?:veuillez\sexcuser|please\sexcuse)[^.?!]{0,60}\.?)?",
    re.IGNORECASE,
)
_LINK = re.compile(r"[<(]?https?://[^\s<>()]{0,500}[>)]?")


@dataclass(frozen=True)
class Cut:
    """What is shown of a mail's text, and what is folded below it; no line is in neither."""

    text: str
    rest: str


@dataclass(frozen=True)
class _QuoteHeader:
    """Lines that announce a quotation; `is_sure` when they need no quoted line to prove it."""

    lines: int
    is_sure: bool


def cut(text: str, subject: str = "") -> Cut:
    """The text without its quotation and without the signature below a line of two dashes."""
    written = text.split("\n")
    lines = nfc(text).replace("\u200b", "").replace("\ufeff", "").split("\n")
    shown = list(range(len(lines)))
    if not _IS_FORWARD.match(subject):
        shown = _without_quotation(lines)
    shown = shown[: _end(_at(lines, shown))]
    if not _has_words(_at(lines, shown)):
        shown = list(range(len(lines)))  # better shown whole than not at all
    places = set(shown)
    folded = [place for place in range(len(lines)) if place not in places]
    return Cut(_joined(_at(written, shown)), _joined(_at(written, folded)))


def _without_quotation(lines: list[str]) -> list[int]:
    """The places of the lines that quote nothing."""
    for place in range(min(len(lines), MAX_SEARCHED)):
        if _FORWARDED.fullmatch(lines[place]):
            break
        header = _header(lines, place)
        rest = _rest(lines, place, header) if header else None
        if rest is not None:
            return rest
    else:
        return list(range(_trail_start(lines)))
    return list(range(len(lines)))


def _header(lines: list[str], place: int) -> _QuoteHeader | None:
    """The header of a quotation that begins at a line, be it quoted itself."""
    line = _bare(lines[place])
    if not line or len(line) > MAX_ATTRIBUTION:
        return None
    if _MARK.search(line):
        return _QuoteHeader(1, is_sure=True)
    original = _ORIGINAL.fullmatch(line)
    if original:
        fields = _fields(lines, place + 1)
        is_sure = bool(fields or original[1] or original[2])
        return _QuoteHeader(1 + (fields.lines if fields else 0), is_sure)
    if _STARTS.match(line.lstrip("- ")):
        return _attribution(lines, place)
    field = _FIELD.match(line)
    if field and field[1].lower() in _FROM:
        return _fields(lines, place)
    if line.endswith(":") and _HOUR.search(line) and _ADDRESS.search(line):
        return _QuoteHeader(1, is_sure=False)  # a name first, in whatever language
    return None


def _attribution(lines: list[str], place: int) -> _QuoteHeader | None:
    """ "Le lundi 3 février 2026 à 10:12, Support <…> a écrit :", however it is wrapped."""
    sentence = ""
    for count, line in enumerate(lines[place : place + MAX_WRAPPED], 1):
        sentence = f"{sentence} {_bare(line)}".strip()
        if not _bare(line) or len(sentence) > MAX_ATTRIBUTION:
            return None
        if _WROTE.search(sentence[-160:]) and _DIGIT.search(sentence):
            return _QuoteHeader(count, bool(_HOUR.search(sentence) and _ADDRESS.search(sentence)))
    return None


def _fields(lines: list[str], place: int) -> _QuoteHeader | None:
    """The four or five fields that Outlook, Zimbra and others copy above a quotation."""
    names, end = set(), place
    for at, line in enumerate(lines[place : place + MAX_HEADER], place):
        field = _FIELD.match(_bare(line)[:MAX_ATTRIBUTION])
        if field:
            names.add(field[1].lower())
            end = at
        elif not _bare(line) and names:
            break
    is_header = bool(names & _WHEN and names & _TO)
    return _QuoteHeader(end + 1 - place, is_sure=True) if is_header else None


def _rest(lines: list[str], place: int, header: _QuoteHeader) -> list[int] | None:
    """The lines left without a quotation; None when the header turns out to announce none."""
    everything, above = list(range(len(lines))), list(range(place))
    start = place + header.lines
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start == len(lines) or not lines[start].startswith(">"):
        if not header.is_sure:
            return None
        is_answered_below = not _has_words(lines[:place]) or _points_below(lines[:place])
        return everything if is_answered_below else above
    below = lines[start:]
    end = max(at for at, line in enumerate(below) if line.startswith(">"))
    if _has_words(line for line in below[:end] if not line.startswith(">")):
        return everything  # answered between the quoted lines
    after = below[end + 1 :]
    answered = everything[start + end + 1 :][: _end(after)]
    return [*above, *answered] if _has_words(_at(lines, answered)) else above


def _points_below(above: list[str]) -> bool:
    is_short = sum(len(line.split()) for line in above) <= FEW_WORDS
    return any(
        _COLOUR.search(line) or (_BELOW.search(line) and (is_short or _ANSWERS.search(line)))
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
    if is_marked:
        return len(below) <= MAX_SIGNATURE
    return len(below) <= MAX_SIGNATURE // 2 and not any(
        len(line) > 80 or line.endswith((".", "?", "!", ":", ",")) for line in below
    )


def _names_client(line: str) -> bool:
    """ "Envoyé de mon iPhone", with or without a link to a shop."""
    unlinked = _LINK.sub("", line[:MAX_ATTRIBUTION]).replace("[", "").replace("]", "")
    return bool(_CLIENT.fullmatch(" ".join(unlinked.split())))


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
