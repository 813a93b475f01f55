"""What opens something: passwords, keys, tokens; and the names people sign in with."""

import re
from collections.abc import Iterator

from kbsearch.text.masking.spans import Span, matches

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,30}-----(?:(?!-----BEGIN )[\s\S]){1,20000}?"
    r"(?:-----END [A-Z ]{0,30}-----|(?=-----BEGIN )|\Z)"
)
_SHAPES = re.compile(
    r"""
    (?<![\w\-])(?=[\w\-]*+\.[\w\-]{6})[\w\-]*?eyJ[\w\-]{6,}\.[\w\-]{6,}(?:\.[\w\-]*)?(?:\.[\w\-]+){0,2}
    | (?<!\w)(?:
        (?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}
      | gh[pousr]_\w{20,} | github_pat_\w{20,} | gl(?:pat|ptt|dt|rt)-[\w\-]{16,}
      | xox[a-z]-[\w\-]{10,} | xapp-[\w\-]{10,}
      | (?:sk|pk|rk|whsec)_(?:live_|test_)?[\w+/=]{12,} | sk-[\w\-]{16,}
      | AIza[\w\-]{30,} | ya29\.[\w\-]{20,} | hf_\w{20,} | npm_\w{20,} | pypi-[\w\-]{16,}
      | kbs_[\w\-]{20,} | SG\.[\w\-]{10,}\.[\w\-]{10,} | key-[0-9a-f]{24,} | dop_v1_\w{20,}
      | AGE-SECRET-KEY-\w+
    )
    | (?i:\bssh-(?:rsa|ed25519|dss)\s)[A-Za-z0-9+/=]{20,}
    """,
    re.VERBOSE,
)
_IN_URL = re.compile(r"(?<=://)(?P<it>[^\s:/@\ufffc]{0,64}:[^\s/@\ufffc]{1,128})(?=@)")
_WORD = r"[^\s\"'`«»<>,;\ufffc]"
_SAID = re.compile(
    r"(?<![^\W_])(?:mots?[ _-]de[ _-]passe|mdp|passw(?:or)?d|passwd|pwd|pass(?:phrase|code)|passe"
    r"|cl[ée](?:s)?[ _-]?(?:d['’]?[ _]?)?(?:api|secr[èe]te|priv[ée]e|d['’]acc[èe]s)?|jeton"
    r"|(?:api|access|secret|private|client|auth|license)[ _-]?(?:key|secret|token|cl[ée])s?"
    r"|(?:[\w\-]{1,30}[_-])?(?:secret|token|key|password|pwd)|bearer|session(?:id)?|sid|cookie"
    r"|licen[cs]e|sig(?:nature)?|otp|pin)"
    r"(?:[ ][^\W\d_]{2,14}){0,2}?\s{0,2}[\"'`]?\s{0,2}(?:[:=]{1,2}>?|→|->)\s{0,2}"
    rf"(?:(?P<quote>[\"'`])(?P<quoted>[^\n\ufffc]{{1,200}}?)(?P=quote)"
    rf"|[\"'`«]?[ \u00a0]?(?P<it>{_WORD}{{3,400}}))",
    re.IGNORECASE,
)
_IS = re.compile(
    r"\b(?:mot de passe|mdp|password|passwd|pwd|passphrase|passe|jeton|token|secret|api key"
    r"|cl[ée](?: d['’]api)?)(?:[ ][^\W\d_]{2,14}){0,2}?[ \u00a0](?:est|is|was|était|reste|c['’]est)"
    rf"[ \u00a0]{{1,2}}[\"'`«]?[ \u00a0]?(?P<it>{_WORD}{{3,200}})",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\b(?:Bearer|Basic|Token|Digest|ApiKey)[ ](?P<it>[\w\-+/=.~]{8,2000})|"
    r"--?(?:password|passwd|pwd|token|api-key|secret)[= ](?P<option>[^\s\"'\ufffc]{3,200})"
)
_CODE = re.compile(
    r"\b(?:code|pin)(?: (?:pin|sms|de v[ée]rification|de s[ée]curit[ée]|de connexion|secret|otp"
    r"|confidentiel|à usage unique))\s{0,2}(?::|est|is|=)?\s{0,2}(?P<it>\d[\d ]{2,9}\d)"
    r"|\b(?:verification|security|login|one-time|otp|pin) (?:code|pin)\s{0,2}(?::|is|=)?\s{0,2}"
    r"(?P<other>\d[\d ]{2,9}\d)",
    re.IGNORECASE,
)
_DENSE = re.compile(r"(?<![\w/.\-+=\\])[A-Za-z0-9_+/\-]{20,2000}={0,2}(?![\w/.\\])")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?<![\w\-])[0-9a-fA-F]{32,128}(?![\w\-])")
_LOGIN = re.compile(
    r"\b(?:log[io]ns?|user ?names?|nom d['’]utilisateur|utilisateurs?|identifiants?|user[ _]?id"
    r"|users?|uid|compte utilisateur|compte|account)(?:[ ](?:de|is|est|:)){0,1}\s{0,2}"
    r"[:=]\s{0,2}[\"'`«]?[ \u00a0]?(?P<it>[\w.\-\\]{3,64})",
    re.IGNORECASE,
)
_HOME = re.compile(
    r"(?:[\\/](?:users|utilisateurs|home|documents and settings)[\\/])"
    r"(?P<it>[^\\/\s:*?\"<>|\ufffc]{2,40})",
    re.IGNORECASE,
)
# What a system says of a password or of an account, and who is on every machine.
_STATES = """
absent actif admin administrateur administrator all anonymous any aucun bloqué bloquée changé
correct default defaultuser denied désactivé disabled empty erreur error expiré expired expirée
faux false forbidden guest inactif incorrect inconnu inconnue invalid invalide introuvable invité
locked manquant missing modifié non none not nouveau null obligatoire ok oublié perdu perdue
périmé public réinitialisé refusé rejected required requis reset root shared système system
toujours true unknown user users utilisateur valide valid verrouillé vide wrong www-data
"""
_NOT_PRIVATE = frozenset(_STATES.split())


def secrets(text: str) -> Iterator[Span]:
    """Credentials: by their form, by the word before them, or for looking drawn by lot."""
    for pattern in (_KEY_BLOCK, _SHAPES, _IN_URL):
        yield from matches(pattern, text)
    for pattern in (_HEADER, _CODE):
        for match in pattern.finditer(text):
            yield match.span(match.lastgroup or 0)
    for match in _SAID.finditer(text):
        if match["quoted"]:
            yield match.span("quoted")
            continue
        word = match["it"].rstrip(".)")
        if word.lower() not in _NOT_PRIVATE and _may_open(word, text, match.end()):
            yield match.start("it"), match.start("it") + len(word)
    for match in _IS.finditer(text):
        word = match["it"].rstrip(".)")
        if not word.isalpha() or (word != word.lower() and word != word.capitalize()):
            yield match.start("it"), match.start("it") + len(word)
    yield from matches(_HEX, text)
    for start, end in matches(_DENSE, text):
        if not _GUID.fullmatch(text[start:end]) and _is_drawn(text[start:end]):
            yield start, end


def logins(text: str) -> Iterator[Span]:
    """What people sign in as, and the folders named after them."""
    for pattern in (_LOGIN, _HOME):
        for start, end in matches(pattern, text):
            login = text[start:end].rstrip(".-")
            if login.lower() not in _NOT_PRIVATE:
                yield start, start + len(login)


def _may_open(word: str, text: str, end: int) -> bool:
    """A word like any other is a password where nothing follows it: `mdp : soleil`."""
    if not word.isalpha() or word not in (word.lower(), word.capitalize()):
        return True
    return text[end : end + 1] in ("", "\n", "\r", ";", ",", '"', "'", "`")


def _is_drawn(run: str) -> bool:
    """Whether letters of both cases and digits are mixed as no word has them."""
    letters = [sign for sign in run if sign.isalpha()]
    digits = sum(sign.isdecimal() for sign in run)
    if digits < 2 or not letters or "/" in run and run.count("/") > len(run) / 12:
        return False
    changes = sum(
        _class_of(before) != _class_of(after) for before, after in zip(run, run[1:], strict=False)
    )
    return changes >= len(run) / 3


def _class_of(sign: str) -> int:
    return 0 if sign.isdecimal() else 1 if sign.isupper() else 2 if sign.islower() else 3
