"""What a request is about: its text without greeting, courtesies, signature and quotation."""

import re
import zlib
from collections.abc import Sequence

from kbsearch.search.fulltext.text import words_of
from kbsearch.text.markup import quotation

MAX_SIGNATURE = 10  # lines below a closing; what is longer was pasted there
LONGEST_LINE_OF_SIGNATURE = 100  # characters
MOST_WORDS = 10  # of a line of it
FEWEST_WORDS = 3  # a text of fewer is taken whole
LONGEST_LINE = 400  # characters; a longer one is a paragraph, of which nobody makes a habit

_PREFIX = re.compile(
    r"\s*(?:\[(?:#|n°|ticket|demande|request|case|ref|réf)[^\]]{0,40}\]|(?:re|tr|fw|fwd|aw|rép)\s?:)\s*",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:re[- ]?)?(?:bonjour|bonsoir|salut|coucou|bjr|hello|hi|hey|dear|greetings|ch[eè]re?s?|"
    r"good\s(?:morning|afternoon|evening|day)|mesdames|messieurs|madame|monsieur|"
    r"to\swhom\sit\smay\sconcern)\b(?:[^.!?:;,\n]{0,40}[,!.:;]|(?:[ \xa0]+\S+){0,2}\s*$)?",
    re.IGNORECASE,
)
_THANKS = (
    r"(?:(?:un\s(?:tout\s)?grand\s)?merci(?!\sde\s\w+er\b)|je\svous\s(?:en\s)?remercie|en\svous\sremerciant|"
    r"many\sthanks|thanks|thank\syou|thx)\b(?:\W+\w+){0,6}\W*$"
)
_CLOSING = re.compile(
    rf"(?:{_THANKS}|(?:bien\s|très\s)?cordialement|cdl?t\b|bien\s(?:à\svous|à\stoi|sincèrement)|"
    r"sincèrement|(?:(?:avec\s)?mes\s)?(?:sincères\s|meilleures\s)?salutations|respectueusement|"
    r"amicalement|(?:excellente|bonne)\s(?:journée|soirée|fin\sde|réception|continuation)|"
    r"(?:dans|en)\s(?:l.attente|attente|attendant)\b.{0,20}(?:réponse|retour|vous)|"
    r"(?:je\s|nous\s)?reste(?:ns|ons)?\sà\svotre|veuillez\s(?:agréer|recevoir)|"
    r"à\s(?:bientôt|très\svite)\W*$|"
    r"(?:best|kind|kindest|warm|with|many)\s(?:best\s|kind\s)?(?:regards|wishes)|regards\b|"
    r"(?:yours\s)?(?:sincerely|faithfully|truly)\b|cheers\b|(?:i\s|we\s)?look(?:ing)?\sforward|"
    r"have\sa\s(?:nice|good|great)|all\sthe\sbest|best\s*,?\s*$)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?…)])\s+")
_DISCLAIMER = re.compile(
    r"(?:ce\s(?:message|courriel|mail|e-mail)|this\s(?:message|e-?mail|communication))\b.{0,60}"
    r"(?:confiden|destinataire|intended|privileged|pièces\sjointes|attachment)|"
    r"(?:avis\sde\s)?confiden[a-zé]+(?:\snotice)?\s?:|"
    r"(?:pensez|merci\sde\spenser)\s.{0,40}environnement|"
    r"(?:please\s)?(?:consider|think\sof)\sthe\senvironment",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"(?:j.espère\sque\s(?:vous\sallez|tu\svas|vous\svous\sportez)|i\shope\s(?:you|this)\b.{0,20}"
    r"(?:well|fine)|hope\syou\S*\s.{0,20}well|"
    r"(?:pou(?:vez|rriez)|could|can|would)[- ](?:vous|you)\s(?:please\s)?(?:m.|nous\s|me\s|us\s)?"
    r"(?:aider|help|assist))\b(?:\s(?:nous|me|us|please|svp))?\s*[.!?]?",
    re.IGNORECASE,
)


def of_subject(subject: str) -> str:
    """A subject without the marks of answers and forwards."""
    while prefix := _PREFIX.match(subject):
        subject = subject[prefix.end() :]
    return subject


def of_description(description: str, subject: str = "") -> str:
    """What is told of the problem; the whole text when nothing else is left of it."""
    lines = quotation.cut(description, subject).text.split("\n")
    lines = _without_courtesies(_without_closing(_without_greeting(lines)))
    text = "\n".join(lines).strip()
    return text if len(words_of(text)) >= FEWEST_WORDS else description


def line_keys(text: str) -> list[str]:
    """What each line has in common with the same line of other requests; short ones have none."""
    keys = (line_key(line) for line in text.split("\n"))
    return list(dict.fromkeys(key for key in keys if key))


def line_key(line: str) -> str:
    """A line as it is compared, whatever its case and spacing."""
    if len(line) > LONGEST_LINE:
        return ""
    words = line.casefold().split()
    return f"{zlib.crc32(' '.join(words).encode()):08x}" if len(words) > 1 else ""


def _without_greeting(lines: Sequence[str]) -> list[str]:
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    rest = list(lines[first:])
    greeting = _GREETING.match(rest[0]) if rest else None
    if greeting:
        rest[0] = rest[0][greeting.end() :]
    return rest


def _without_closing(lines: Sequence[str]) -> list[str]:
    """Cut at the first closing that has nothing but a signature below it."""
    end = next((at for at, line in enumerate(lines) if _DISCLAIMER.match(line.strip())), len(lines))
    body = list(lines[:end])
    below = 0
    for at in range(len(body) - 1, -1, -1):
        line = body[at].strip()
        if _CLOSING.match(line):
            body = body[:at]
            below = 0
        elif line:
            below += 1
            if below > MAX_SIGNATURE or _is_told(line):
                break
    while body and not body[-1].strip():
        body.pop()
    if body:
        body[-1] = _without_last_courtesies(body[-1])
    return body


def _is_told(line: str) -> bool:
    """Whether a line says something: names, trades and addresses are no sentences."""
    words = len(line.split())
    is_sentence = words >= FEWEST_WORDS and line.rstrip('"»”)* ').endswith((".", "!", "?", ":"))
    return is_sentence or words > MOST_WORDS or len(line) > LONGEST_LINE_OF_SIGNATURE


def _without_last_courtesies(line: str) -> str:
    """ "… ERR-1042. Merci d'avance. Cordialement, Bob": the same, in one line."""
    sentences = _SENTENCE.split(line)
    at = next((n for n, sentence in enumerate(sentences) if n and _CLOSING.match(sentence)), None)
    if at is None or sum(len(sentence) for sentence in sentences[at:]) > LONGEST_LINE_OF_SIGNATURE:
        return line
    return " ".join(sentences[:at])


def _without_courtesies(lines: Sequence[str]) -> list[str]:
    return [_COURTESY.sub("", line) for line in lines]
