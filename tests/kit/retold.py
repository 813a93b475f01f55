"""Requests told a second time: other words, another greeting, signature and quotation."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch import resources
from kbsearch.search.fulltext.text import STOP_WORDS, fold_word

SHORTEST = 120  # characters of a description that says enough to be told again
DROPPED, CHANGED = 0.25, 0.35  # of the words
SENTENCE = re.compile(r"(?<=[.!?:])\s+")
WORD = re.compile(r"[^\W\d_]+")

OTHER_WORDS = {
    "fr": (
        "demande requête|message courrier|page écran|choisissez sélectionnez|choisir sélectionner|"
        "fichier document|personne utilisateur|personnes utilisateurs|adresse coordonnée|"
        "envoyer transmettre|envoie transmet|montre affiche|voir consulter|compte profil|"
        "article fiche|recherche requête|mot terme|mots termes|liste énumération|nouveau autre|"
        "nouvelle autre|changer modifier|change modifie|ajouter insérer|supprimer effacer|"
        "erreur défaut|problème souci|bouton touche|ouvrir afficher|ouvre affiche|lien adresse|"
        "réponse retour|répondre réagir|agent technicien|client abonné|créer ajouter|crée ajoute"
    ),
    "en": (
        "request case|message mail|page screen|choose pick|file document|person user|people users|"
        "send submit|sends submits|shows displays|show display|see view|account profile|"
        "article entry|search lookup|word term|words terms|list listing|new another|change modify|"
        "changes modifies|add insert|delete remove|remove erase|error failure|fails breaks|"
        "problem trouble|button control|open display|opens displays|link address|answer reply|"
        "agent technician|customer client|create make|fix repair|issue trouble|when once"
    ),
}
GREETINGS = {
    "fr": ("Bonjour,", "Bonjour à tous,", "Bonsoir,", "Madame, Monsieur,", "Bonjour Madame,"),
    "en": ("Hello,", "Hi team,", "Dear support team,", "Good morning,", "Hi all,"),
}
COURTESIES = {
    "fr": (
        "J’espère que vous allez bien.",
        "Pouvez-vous nous aider ?",
        "Merci d’avance pour votre aide.",
        "Dans l’attente de votre retour.",
        "En vous remerciant par avance,",
    ),
    "en": (
        "I hope you are doing well.",
        "Could you please help us?",
        "Thanks in advance for your help.",
        "Looking forward to your answer.",
        "Many thanks,",
    ),
}
CLOSINGS = {
    "fr": ("Cordialement,", "Bien à vous,", "Cdt,", "Bonne journée,", "Sincères salutations"),
    "en": ("Best regards,", "Kind regards,", "Regards,", "Sincerely,", "Cheers,"),
}
COMPANIES = (
    ("Ferme des Trois Chênes", "12 chemin du Moulin, 69210 Lentilly", "04 74 01 22 33"),
    ("GAEC de la Combe Noire", "Lieu-dit la Combe, 25300 Pontarlier", "03 81 39 10 11"),
    ("Laiterie Beauséjour SAS", "3 rue de l’Abreuvoir, 14130 Pont-l’Évêque", "02 31 64 55 66"),
    ("Northfield Dairy Ltd", "Unit 4, Mill Lane, Ashby LE65 1AA", "+44 1530 555 0199"),
    ("Hillcrest Cooperative", "88 Orchard Road, Burlington VT 05401", "(802) 555-0147"),
)
NAMES = ("Jeanne Morel", "Karim Benali", "Lucie Fabre", "Paul Girard", "Emma Stone", "Noah Reed")
TITLES = {
    "fr": ("Responsable informatique", "Gérante", "Chef d’exploitation", "Comptable"),
    "en": ("Head of IT", "Owner", "Operations manager", "Accountant"),
}
BOILERPLATE = {
    "fr": "Ce message et ses pièces jointes sont confidentiels et destinés à leur destinataire.",
    "en": "This message and any attachment are confidential and intended for the recipient only.",
}


@dataclass(frozen=True)
class Told:
    """A request as somebody told it."""

    subject: str
    description: str


def handbook(language: str) -> list[Told]:
    """What a request could be about: a section of the handbook each."""
    found = []
    for path in sorted(resources.folder("content").glob(f"articles/{language}/**/*.md")):
        _, _, body = path.read_text(encoding="utf-8").split("---\n", 2)
        for section in re.split(r"^## ", body, flags=re.MULTILINE)[1:]:
            title, _, text = section.partition("\n")
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[*`>|#]", r"\1", text).strip()
            if len(plain) >= SHORTEST:
                found.append(Told(f"{title} ({path.stem})", plain))
    return found


def told_again(told: Told, chance: random.Random, language: str) -> Told:
    """The same problem as somebody else would put it: other words, fewer, in another order."""
    sentences = SENTENCE.split(told.description)
    kept = chance.sample(sentences, max(1, len(sentences) * 2 // 3))
    body = " ".join(_reworded(sentence, chance, language) for sentence in kept)
    return Told(_reworded(told.subject, chance, language), body)


def _reworded(text: str, chance: random.Random, language: str) -> str:
    others = dict(pair.split() for pair in OTHER_WORDS[language].split("|"))
    said = []
    for word in text.split():
        plain = WORD.search(word)
        is_common = plain is None or fold_word(plain.group()) in STOP_WORDS[language]
        if plain is not None and not is_common and chance.random() < DROPPED:
            continue
        if plain is not None and chance.random() < CHANGED:
            word = others.get(plain.group().lower(), _in_another_form(word, is_common))
        said.append(word)
    return " ".join(said) or text


def _in_another_form(word: str, is_common: bool) -> str:
    """In the singular for the plural, in lower case, without accents."""
    folded = fold_word(word)
    return folded if is_common or not folded.endswith("s") else folded[:-1]


def dressed(told: Told, quoted: Sequence[Told], chance: random.Random, language: str) -> Told:
    """A request as a mail brings it: greeting, courtesies, signature, and an old mail below."""
    person, (company, address, phone) = chance.choice(NAMES), chance.choice(COMPANIES)
    old = chance.choice(quoted)
    said = [
        chance.choice(GREETINGS[language]),
        "",
        *chance.sample(COURTESIES[language][:2], chance.randrange(2)),
        told.description,
        "",
        *chance.sample(COURTESIES[language][2:], chance.randrange(1, 3)),
        chance.choice(CLOSINGS[language]),
        "",
        *chance.choice(([], ["-- "])),
        person,
        chance.choice(TITLES[language]),
        company,
        address,
        phone,
        f"www.{fold_word(company.split()[-1])}.example",
        *chance.choice(([], ["", BOILERPLATE[language]])),
        "",
        *chance.choice((_as_quoted, _as_forwarded))(old, person, language),
    ]
    prefix = chance.choice(("", "RE: ", "TR : " if language == "fr" else "Fwd: "))
    return Told(prefix + told.subject, "\n".join(said))


def _as_quoted(old: Told, person: str, language: str) -> list[str]:
    header = {
        "fr": f"Le lun. 2 févr. 2026 à 10:12, {person} <p@ferme.example> a écrit\xa0:",
        "en": f"On Mon, Feb 2, 2026 at 10:12 AM {person} <p@farm.example> wrote:",
    }
    return [header[language], "", *(f"> {line}" for line in old.description.split("\n"))]


def _as_forwarded(old: Told, person: str, language: str) -> list[str]:
    header = {
        "fr": f"De : {person}\nEnvoyé : lundi 2 février 2026 10:12\nÀ : Support\nObjet : ",
        "en": f"From: {person}\nSent: Monday, February 2, 2026 10:12 AM\nTo: Support\nSubject: ",
    }
    return [*f"{header[language]}{old.subject}".split("\n"), "", *old.description.split("\n")]
