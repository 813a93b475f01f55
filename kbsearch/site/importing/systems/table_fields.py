"""What a column of a table can be here, by what a row of it is, and what its words mean."""

import re

from kbsearch.text.normal_form import nfkd

# A row is a request, what was said in one, somebody, or an organisation.
ROWS = ("tickets", "messages", "people", "organisations")
OF_TICKETS = (
    *("number", "subject", "description", "requester", "organisation", "cc", "product", "version"),
    *("severity", "status", "created_at", "updated_at", "solved_at", "assignee", "team", "tags"),
)
OF_MESSAGES = ("author", "at", "body", "internal", "public")
OF_PEOPLE = ("email", "name", "first_name", "last_name", "role", "language", "organisation")
FIELDS = {
    "tickets": (*OF_TICKETS, *OF_MESSAGES),
    "messages": (*OF_TICKETS, *OF_MESSAGES),
    "people": (*OF_PEOPLE, "suspended"),
    "organisations": ("name", "shared", "contract_ends"),
}
# What tells the rows of a table apart: taken in again, they are the same.
KEYS = {"tickets": "number", "messages": "number", "people": "email", "organisations": "name"}
FIELD = "fields."  # before the name of a field of ours
_OF_TICKETS = {
    "number": "number|id|ticket|ticket id|ticket number|numero|n de ticket|reference|case number",
    "subject": "subject|title|summary|objet|sujet|titre",
    "description": "description|details|question|texte",
    "requester": "requester|requester email|email|e mail|customer email|demandeur|client email",
    "organisation": "organisation|organization|company|societe|client|entreprise|account",
    "cc": "cc|copies|copie",
    "product": "product|produit|logiciel|software",
    "version": "version",
    "severity": "severity|priority|priorite|gravite|urgence",
    "status": "status|state|statut|etat",
    "created_at": "created at|created|creation date|date|date de creation|cree le",
    "updated_at": "updated at|updated|last update|modifie le|mise a jour",
    "solved_at": "solved at|resolved at|closed at|resolu le|clos le|cloture le",
    "assignee": "assignee|agent|owner|assigned to|assigne a|responsable|technicien",
    "team": "team|group|groupe|equipe|department|service",
    "tags": "tags|labels|etiquettes|mots cles",
    "author": "author|from|auteur|message author|auteur du message",
    "at": "message date|sent at|date du message|envoye le",
    "body": "body|message|message body|comment|reply|commentaire|reponse",
    "internal": "internal|is internal|private|is private|interne|prive",
    "public": "public|is public",
}
# How columns are called elsewhere, in small letters without accents and signs.
HEADINGS = {
    "tickets": _OF_TICKETS,
    "messages": _OF_TICKETS,
    "people": {
        "email": "email|e mail|mail|email address|adresse e mail|courriel|adresse electronique",
        "name": "name|full name|display name|nom complet|nom et prenom|prenom et nom",
        "first_name": "first name|firstname|given name|prenom",
        "last_name": "last name|lastname|surname|family name|nom de famille|nom",
        "role": "role|user type|type|profil",
        "language": "language|locale|langue",
        "organisation": _OF_TICKETS["organisation"] + "|organisations|organizations|customer",
        "suspended": "suspended|disabled|blocked|inactive|suspendu|desactive|bloque|inactif",
    },
    "organisations": {
        "name": "name|organisation|organization|company|nom|societe|client|entreprise|account name",
        "shared": "shared|shared tickets|sharing|partage|partagees|demandes partagees",
        "contract_ends": "contract ends|contract end|end date|renewal date|fin de contrat|echeance",
    },
}
WORDS = {
    "status": {
        "new": "new|nouveau|nouvelle|recu",
        "open": "open|in progress|active|ouvert|ouverte|en cours|assigne",
        "pending": "pending|on hold|waiting|en attente|attente|suspendu",
        "solved": "solved|resolved|done|resolu|resolue|termine",
        "closed": "closed|archived|clos|close|ferme|fermee|cloture",
    },
    "severity": {
        "blocking": "urgent|critical|blocking|emergency|critique|bloquant|bloquante|urgente",
        "major": "high|major|haute|elevee|majeur|majeure|important",
        "minor": "low|normal|medium|minor|basse|faible|normale|moyenne|mineur|mineure",
    },
    "role": {
        "customer": "customer|client|end user|user|requester|utilisateur|demandeur|contact",
        "agent": "agent|support agent|staff|technician|technicien|support",
    },
    "language": {
        "fr": "fr|fr fr|fr be|fr ca|fr ch|french|francais",
        "en": "en|en us|en gb|english|anglais",
    },
}
YES = "1|yes|true|oui|vrai|x"
NO = "0|no|false|non|faux"
_SIGNS = re.compile(r"[^a-z0-9]+")


def folded(text: str) -> str:
    """Small letters without accents and signs, with one space between words."""
    plain = nfkd(text).encode("ascii", "ignore").decode().lower()
    return _SIGNS.sub(" ", plain).strip()


def is_in(words: str, choices: str) -> bool:
    """Whether folded words are one of these choices."""
    return bool(words) and words in choices.split("|")
