"""Where somebody is: postal addresses, and addresses in a network."""

import ipaddress
import re
from collections.abc import Iterator

from kbsearch.text.masking.spans import Span, matches

_SP = r"[ \u00a0]"
_STREETS = (
    r"rue|avenue|boulevard|bo?u?le?va?rd|bd\.?|bld\.?|blvd\.?|chemin|all[ée]es?|impasse|imp\.|quai"
    r"|faubourg|fg\.?|r[ée]sidence|lotissement|hameau|venelle|ruelle|rond-point|esplanade"
)
# Words of other things too: 12 cours en ligne, 3 places. The name of the street has a capital.
_ALSO_STREETS = (
    r"r\.|ave?\.?|place|pl\.|ch\.|cours|route|rte\.?|square|passage|sentier|promenade|villa|lot\.?"
    r"|mont[ée]e|traverse|voie|zone (?:industrielle|artisanale|d['’]activit[ée]s?)|z\.?[ia]\.?c?\.?"
)
_NUMBER = rf"(?<![\w.])\d{{1,4}}{_SP}?(?i:bis|ter|quater|[a-d])?,?{_SP}"
_CITY = (
    rf"(?:[FLBD]-)?(?:0[1-9]|[1-8]\d|9[0-8]){_SP}?\d{{3}}{_SP}(?=[A-ZÀ-Þ])[^\W\d_]"
    rf"[^\n,;.:()\ufffc]{{1,40}}?(?:{_SP}(?:cedex|CEDEX|Cedex)(?:{_SP}\d\d?)?)?"
)
_END = rf"(?=[\n,;.:()!?]|{_SP}[a-zà-ÿ]|$)"
_FRENCH = re.compile(
    rf"{_NUMBER}(?i:{_STREETS}|{_ALSO_STREETS}){_SP}[^\n,;:!?()\ufffc]{{2,60}}?"
    rf"(?:{_SP}?(?:,|[–-]|\n)\s{{0,3}}(?:[^\n,;:!?()\ufffc]{{2,50}}?(?:,|[–-]|\n)\s{{0,3}})?"
    rf"|{_SP}(?=\d{{5}}{_SP}[A-ZÀ-Þ])){_CITY}{_END}"
)
# Without its town, a street ends with its name: capitals, small words between them.
_SMALL = r"de la|de l['’]|des|du|de|d['’]|la|le|les|l['’]|aux?|en|et|à|sur|sous"
_MORE = rf"(?:{_SP}(?:(?:{_SMALL}){_SP}?)?[A-ZÀ-Þ0-9][\w'’.\-]*){{0,4}}"
_FRENCH_STREET = re.compile(
    rf"{_NUMBER}(?:(?i:{_STREETS})(?:{_SP}(?:{_SMALL}|\d{{1,2}}))?{_SP}?(?<=['’ \u00a0])[^\W_]"
    rf"|(?i:{_ALSO_STREETS})(?:{_SP}(?:{_SMALL}|\d{{1,2}}))?{_SP}?(?<=['’ \u00a0])[A-ZÀ-Þ])"
    rf"[\w'’.\-]*{_MORE}"
)
_BOX = re.compile(
    rf"\b(?:BP|B\.P\.|CS|TSA|P\.?O\.? Box|boîte postale)[ \u00a0]?\d{{1,6}}"
    rf"(?:{_SP}?[,–\n-]\s{{0,3}}{_CITY}{_END})?"
)
_TOWN = re.compile(rf"(?:^[ \t]*|(?<=, ))(?P<it>{_CITY})[ \t.]*$", re.MULTILINE)
_LIVES = re.compile(
    rf"\b(?i:à|habite|r[ée]side|domicili[ée]e?|adresse|address|ville|city|town)"
    rf"{_SP}{{0,2}}:?{_SP}{{0,2}}(?P<it>{_CITY}){_END}"
)
_ENGLISH_STREETS = (
    r"Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Ln\.?|Drive|Dr\.?|Boulevard|Blvd\.?|Way|Court"
    r"|Ct\.?|Place|Pl\.?|Square|Sq\.?|Close|Crescent|Terrace|Gardens|Grove|Hill|Mews|Row|Walk"
    r"|Parkway|Pkwy\.?|Highway|Hwy\.?|Circle|Cir\.?|Trail|Alley|Park|Green|Embankment|Wharf|Yard"
)
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}|[A-Z]{2} \d{5}(?:-\d{4})?"
_ENGLISH = re.compile(
    rf"(?<![\w.])(?:(?:Flat|Apt\.?|Apartment|Unit|Suite) \w{{1,5}},? )?\d{{1,5}}[A-Za-z]?,? "
    rf"(?:(?:[NSEW]\.?|[A-Z][\w'’.\-]+|of|the|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}"
    rf"(?:{_ENGLISH_STREETS})(?!\w)(?: (?:[NSEW]|NE|NW|SE|SW)(?!\w))?"
    rf"(?:,? (?:Flat|Apt\.?|Apartment|Unit|Suite|#) ?\w{{1,5}})?"
    rf"(?:(?:,|\n)\s{{0,3}}[A-Z][\w'’.\- ]{{1,40}}?(?=,|\n|[ ]{_POSTCODE}|$)){{0,3}}"
    rf"(?:(?:,|\n| )\s{{0,3}}(?:{_POSTCODE}))?"
)
_SAID_POSTCODE = re.compile(rf"(?<=, )(?P<it>[A-Z][a-z]+,? (?:{_POSTCODE}))(?!\w)")
_VERSIONS = frozenset(
    {"version", "v", "release", "build", "ver", "firmware", "révision", "revision"}
)
_IPV4 = re.compile(r"(?<![\w.\-])\d{1,3}(?:\.\d{1,3}){3}(?![\w\-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{0,4}|\d{1,3}(?:\.\d{1,3}){3})"
    r"(?:%[\w.\-]{1,20})?(?![\w:])",
    re.IGNORECASE,
)
_MAC = re.compile(r"(?<![\w:\-])[0-9a-f]{2}([:\-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:\-])", re.I)
_BEFORE = re.compile(r"([^\W\d_]+)[ \u00a0.:=]{0,3}$")


def addresses(text: str) -> Iterator[Span]:
    """Postal addresses: a street with its town, a street alone, a town with its post code."""
    for pattern in (_FRENCH, _ENGLISH, _FRENCH_STREET, _BOX, _LIVES, _TOWN, _SAID_POSTCODE):
        yield from matches(pattern, text)


def networks(text: str) -> Iterator[Span]:
    """Addresses in a network; not those of every machine, as 127.0.0.1, nor a version's number."""
    yield from matches(_MAC, text)
    for start, end in matches(_IPV4, text):
        before = _BEFORE.search(text, max(0, start - 20), start)
        is_version = before is not None and before[1].lower() in _VERSIONS
        if not is_version and _is_somewhere(text[start:end]):
            yield start, end
    for start, end in matches(_IPV6, text):
        address = text[start:end].partition("%")[0]
        if any(sign.isdecimal() for sign in address) and _is_somewhere(address):
            yield start, end


def _is_somewhere(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    is_netmask = address.version == 4 and text.startswith(("255.", "0."))
    return not (address.is_loopback or address.is_unspecified or is_netmask)
