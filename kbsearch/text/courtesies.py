"""A short thanks, told from closed lists in French and English: nothing is guessed.

Every piece of the text must be one of these phrases, a name, or a greeting, and one of them must
thank. Whatever else is said makes it a message like any other.
"""

import re
from collections.abc import Iterable

LONGEST = 300  # characters
MAX_CLAUSES = 12

_PIECE = re.compile(r"[.,;:!…\n()]+|\s[-–—]+\s")
_SIGN = re.compile(r"[^\w\s'+]|_")
_HOW_FR = r"(?: (?:très|si|bien|super))?"
_WHAT_FR = (
    r"(?:aide|réponses?|réactivité|rapidité|efficacité|patience|intervention|explications?|"
    r"précisions?|infos?|informations?|retours?|disponibilité|solutions?|support|assistance|"
    r"travail|gentillesse|compréhension)"
)
_MUCH_EN = r"(?:a lot|so much|very much|again|all|both|everyone|guys|a million|a bunch|heaps)"
_FOR_EN = (
    r"(?: for (?:everything|that|this|it|all|(?:(?:your|the|all your|all the) )?"
    r"(?:(?:very|so|great|quick|fast|prompt|kind) )*(?:help|reply|response|answer|support|"
    r"assistance|info|information|explanation|update|clarification|work|time|patience|fix|"
    r"solution)))?"
)
_THANKS = (
    r"(?:encore )?(?:un )?(?:(?:très |grand |énorme |mille )*)mercis?"
    r"(?: (?:beaucoup|bien|bcp|infiniment|encore|mille fois|à (?:vous|toi|tous)(?: tous)?))*"
    rf"(?: pour (?:tout|ça|cela|(?:votre|ton|vos|tes|cette|ces|la|les|l'){_HOW_FR} ?"
    rf"(?:bonne |précieuse |rapide |prompte )?{_WHAT_FR}{_HOW_FR}"
    r"(?: (?:rapide|précieuse|efficace|complète|claire|détaillée)s?)?"
    rf"(?: et (?:votre|ton|vos|la|l')? ?{_WHAT_FR})?))?",
    rf"merci de votre (?:aide|réactivité|réponse|rapidité|efficacité|patience){_HOW_FR}",
    r"(?:je|nous) (?:vous|te) (?:en )?(?:remercie|remercions)(?: (?:beaucoup|vivement|infiniment))?"
    rf"(?: (?:pour|de) (?:tout|(?:votre|ton|vos|tes|cette) {_WHAT_FR}(?: rapide)?))?",
    rf"(?:many |a big |big |warm )?(?:thanks|thx|tx|ty)(?: {_MUCH_EN})*{_FOR_EN}",
    rf"(?:i |we )?(?:really )?(?:thank you|thank u)(?: {_MUCH_EN})*{_FOR_EN}",
    r"(?:much|very much|really|greatly) appreciated|(?:i |we )(?:really )?appreciate (?:it|that)",
)
_BESIDES = (
    # French
    r"ok(?:ay)?|d'accord|entendu|parfait|super|génial|impec(?:cable)?|nickel|top|excellent|"
    r"très bien|bonne nouvelle|(?:bien |c'est )?(?:noté|reçu)|bien compris",
    r"c'est (?:parfait|bon|ok|clair|très clair|réglé|résolu|super|nickel|gentil|très gentil)",
    r"(?:(?:le )?problème|tout)(?: est)? (?:résolu|réglé|bon|ok|rentré dans l'ordre)",
    r"(?:ça|cela|tout) (?:marche|fonctionne|va)(?: (?:bien|parfaitement|très bien|mieux|maintenant|"
    r"à nouveau|de nouveau))*",
    r"bon(?:ne|s)? (?:journée|soirée|après midi|week ?end|semaine|fin de journée|fin de semaine|"
    r"continuation|année|fêtes|vacances|courage|dimanche)(?: (?:à (?:vous|toi|tous)|aussi))*",
    r"(?:et )?(?:très )?(?:bonne|belle) (?:journée|soirée)(?: à (?:vous|toi|tous))?",
    r"(?:bien |très )?cordialement|cdlt|bien à (?:vous|toi)|à bientôt|amicalement|salutations|"
    r"(?:à )?(?:vous|toi) (?:aussi|de même)|de même|bonjour|bonsoir|salut|"
    r"(?:vous êtes|tu es) (?:au top|géniaux|super|efficaces?)|l'équipe|à toute l'équipe",
    # English
    r"perfect|great|awesome|excellent|cool|nice|brilliant|lovely|wonderful|fine|good|all good|"
    r"got it|noted|understood|received|super|sounds good|that's (?:great|perfect|fine|it)",
    r"(?:it|this|that|everything|all)(?: is|'s)? (?:works?|working|fixed|solved|resolved|good)"
    r"(?: (?:now|well|fine|again|perfectly|great))*|problem (?:solved|fixed)|"
    r"that (?:worked|helped)|that did it|you (?:guys )?(?:are|'re|were) (?:great|the best|awesome)",
    r"have a (?:nice|good|great|lovely) (?:day|evening|weekend|week|one)|you too|same to you|"
    r"(?:best |kind |warm )?regards|best(?: wishes)?|cheers|take care|all the best|sincerely|"
    r"hello|hi|hey|dear|good (?:morning|afternoon|evening)|team|all",
)
_BEFORE = r"(?:(?:super|ok|okay|parfait|génial|great|perfect|cool|excellent|well|and|et) )*"
_THANKING = re.compile(_BEFORE + "(?:" + "|".join(f"(?:{phrase})" for phrase in _THANKS) + ")")
_BESIDE = re.compile("|".join(f"(?:{phrase})" for phrase in _BESIDES))
_TITLES = frozenset({"m", "mr", "mme", "mrs", "ms", "mlle", "monsieur", "madame", "dr"})


def is_thanks(text: str, names: Iterable[str] = ()) -> bool:
    """Whether a text thanks and says nothing else; `names` are of people it may address."""
    if len(text) > LONGEST or "?" in text:
        return False
    known = _TITLES | {part for name in names for part in _plain(name).split()}
    clauses = [
        clause
        for piece in _PIECE.split(text)
        if (clause := " ".join(word for word in _plain(piece).split() if word not in known))
    ]
    thanked = [bool(_THANKING.fullmatch(clause)) for clause in clauses]
    return (
        0 < len(clauses) <= MAX_CLAUSES
        and any(thanked)
        and all(is_so or _BESIDE.fullmatch(it) for is_so, it in zip(thanked, clauses, strict=True))
    )


def _plain(text: str) -> str:
    """Lower case, one kind of apostrophe, no sign that says nothing."""
    return " ".join(_SIGN.sub(" ", text.replace("’", "'").casefold()).split())
