"""Replies as the mail programs of eleven languages lay them out, each with the text that is right.

Made from tables: what a language calls its fields and how it says who wrote, times what a program
does with that. `Layout.shown` is what stands in the conversation; the rest is folded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

US = "Atelier Support <r+7.x.y@support.example>"
SUBJECT = "Pompe 2"
REPLY = "3,2 bar.\n\n(7741)"


class Tongue(NamedTuple):
    """The words of a language: the attribution of Gmail, of Thunderbird, of Apple, and the rest."""

    gmail: str
    thunderbird: str
    wrote: str  # who wrote, with the name alone
    sender: str
    sent: str
    to: str
    subject: str
    day: str
    original: str
    phone: str
    greeting: str
    postscript: str
    step: str
    pasted: str


@dataclass(frozen=True)
class Layout:
    """A reply and what of it is shown."""

    name: str
    text: str
    shown: str
    subject: str = f"Re: {SUBJECT}"


TONGUES = {
    "fr": Tongue(
        "Le mar. 3 févr. 2026 à 09:41, {us} a écrit :",
        "Le 03/02/2026 à 09:41, {us} a écrit :",
        "{us} a écrit :",
        "De",
        "Envoyé",
        "À",
        "Objet",
        "mardi 3 février 2026 09:41",
        "Message d’origine",
        "Envoyé de mon iPhone",
        "Bonjour,",
        "PS",
        "Étape",
        "Voici la réponse du fournisseur.",
    ),
    "en": Tongue(
        "On Tue, Feb 3, 2026 at 9:41 AM {us} wrote:",
        "On 03/02/2026 09:41, {us} wrote:",
        "{us} wrote:",
        "From",
        "Sent",
        "To",
        "Subject",
        "Tuesday, February 3, 2026 9:41 AM",
        "Original Message",
        "Sent from my iPhone",
        "Hello Damien,",
        "PS",
        "Step",
        "This is what our supplier says.",
    ),
    "de": Tongue(
        "Am Di., 3. Feb. 2026 um 09:41 Uhr schrieb {us}:",
        "Am 03.02.2026 um 09:41 schrieb {us}:",
        "{us} schrieb:",
        "Von",
        "Gesendet",
        "An",
        "Betreff",
        "Dienstag, 3. Februar 2026 09:41",
        "Ursprüngliche Nachricht",
        "Von meinem iPhone gesendet",
        "Guten Tag,",
        "PS",
        "Schritt",
        "Das schreibt unser Lieferant.",
    ),
    "nl": Tongue(
        "Op di 3 feb 2026 om 09:41 schreef {us}:",
        "Op 03-02-2026 om 09:41 schreef {us}:",
        "{us} schreef:",
        "Van",
        "Verzonden",
        "Aan",
        "Onderwerp",
        "dinsdag 3 februari 2026 09:41",
        "Oorspronkelijk bericht",
        "Verzonden vanaf mijn iPhone",
        "Beste,",
        "PS",
        "Stap",
        "Dit zegt onze leverancier.",
    ),
    "it": Tongue(
        "Il giorno mar 3 feb 2026 alle ore 09:41 {us} ha scritto:",
        "Il 03/02/2026 09:41, {us} ha scritto:",
        "{us} ha scritto:",
        "Da",
        "Inviato",
        "A",
        "Oggetto",
        "martedì 3 febbraio 2026 09:41",
        "Messaggio originale",
        "Inviato da iPhone",
        "Buongiorno,",
        "PS",
        "Fase",
        "Ecco il fornitore.",
    ),
    "es": Tongue(
        "El mar, 3 feb 2026 a las 9:41, {us} escribió:",
        "El 03/02/2026 a las 9:41, {us} escribió:",
        "{us} escribió:",
        "De",
        "Enviado el",
        "Para",
        "Asunto",
        "martes, 3 de febrero de 2026 9:41",
        "Mensaje original",
        "Enviado desde mi iPhone",
        "Buenos días,",
        "PD",
        "Paso",
        "Esto dice el proveedor.",
    ),
    "pt": Tongue(
        "Em ter., 3 de fev. de 2026 às 09:41, {us} escreveu:",
        "Em 03/02/2026 09:41, {us} escreveu:",
        "{us} escreveu:",
        "De",
        "Enviada em",
        "Para",
        "Assunto",
        "terça-feira, 3 de fevereiro de 2026 09:41",
        "Mensagem original",
        "Enviado do meu iPhone",
        "Bom dia,",
        "PS",
        "Passo",
        "Isto diz o fornecedor.",
    ),
    "sv": Tongue(
        "Den tis 3 feb. 2026 kl 09:41 skrev {us}:",
        "Den 2026-02-03 kl. 09:41, skrev {us}:",
        "{us} skrev:",
        "Från",
        "Skickat",
        "Till",
        "Ämne",
        "den 3 februari 2026 09:41",
        "Ursprungligt meddelande",
        "Skickat från min iPhone",
        "Hej,",
        "PS",
        "Steg",
        "Så säger leverantören.",
    ),
    "da": Tongue(
        "tir. 3. feb. 2026 kl. 09.41 skrev {us}:",
        "Den 03.02.2026 kl. 09.41 skrev {us}:",
        "{us} skrev:",
        "Fra",
        "Sendt",
        "Til",
        "Emne",
        "3. februar 2026 09:41",
        "Oprindelig meddelelse",
        "Sendt fra min iPhone",
        "Hej Damien,",
        "PS",
        "Trin",
        "Det siger leverandøren.",
    ),
    "pl": Tongue(
        "wt., 3 lut 2026 o 09:41 {us} napisał(a):",
        "W dniu 3.02.2026 o 09:41, {us} pisze:",
        "{us} napisał:",
        "Od",
        "Wysłano",
        "Do",
        "Temat",
        "wtorek, 3 lutego 2026 09:41",
        "Wiadomość oryginalna",
        "Wysłane z iPhone’a",
        "Dzień dobry,",
        "PS",
        "Krok",
        "Tak pisze dostawca.",
    ),
    "cs": Tongue(
        "út 3. 2. 2026 v 9:41 odesílatel {us} napsal:",
        "Dne 03.02.2026 v 9:41 {us} napsal(a):",
        "{us} napsal(a):",
        "Od",
        "Odesláno",
        "Komu",
        "Předmět",
        "úterý 3. února 2026 9:41",
        "Původní zpráva",
        "Odesláno z iPhonu",
        "Dobrý den,",
        "PS",
        "Krok",
        "Toto píše dodavatel.",
    ),
}
QUESTION = "Bonjour Claire,\n\nQuelle est la pression ?\nDamien"
QUOTED = "\n".join(f"> {line}".rstrip() for line in QUESTION.split("\n"))
THIRD = "SAV Pompes <sav@pompes.example>"


def _fields(tongue: Tongue, sender: str = US, subject: str = f"RE: {SUBJECT}") -> list[str]:
    return [
        f"{tongue.sender}: {sender}",
        f"{tongue.sent}: {tongue.day}",
        f"{tongue.to}: Claire Vasseur <claire@client.example>",
        f"{tongue.subject}: {subject}",
    ]


def _quotations(tongue: Tongue) -> Iterator[tuple[str, str]]:
    """What a program puts below the reply, by its name."""
    gmail, old = tongue.gmail.format(us=US), tongue.thunderbird.format(us=US)
    fields = "\n".join(_fields(tongue))
    name_only = "\n".join(_fields(tongue, "Atelier Support"))
    middle = gmail.index(US) + len("Atelier Support ")
    yield "gmail", f"{gmail}\n\n{QUOTED}"
    yield "gmail, wrapped", f"{gmail[:middle].rstrip()}\n{gmail[middle:]}\n\n{QUOTED}"
    yield "thunderbird", f"{old}\n{QUOTED}"
    yield "name first", f"{tongue.wrote.format(us=US)}\n\n{QUOTED}"
    yield "yahoo", f"{old}\n\n{QUESTION}"
    yield "iphone", f"{tongue.phone}\n\n> {gmail}\n>\n{QUOTED}"
    yield "outlook", f"{fields}\n\n{QUESTION}"
    yield "outlook, name alone", f"{name_only}\n\n{QUESTION}"
    bold = "\n".join(f"*{line.replace(': ', ':* ', 1)}" for line in fields.split("\n"))
    yield "outlook, bold", f"{bold}\n\n{QUESTION}"
    yield "outlook, old", f"-----{tongue.original}-----\n{fields}\n\n{QUESTION}"
    yield "outlook, web", f"________________________________\n{fields}\n\n{QUESTION}"
    yield "spaces before colons", f"{fields.replace(': ', chr(160) + ': ')}\n\n{QUESTION}"
    yield "proton", f"------- {tongue.original} -------\n{old}\n\n{QUOTED}"


def _whole(tongue: Tongue) -> Iterator[tuple[str, str]]:
    """What is shown as a whole, by what it is."""
    third = "\n".join(_fields(tongue, THIRD, "88"))
    yield "pasted mail", f"{tongue.pasted}\n\n{third}\n\nLa 45-C."
    fields = "\n".join(_fields(tongue))
    yield "answers inside", f"{tongue.greeting}\n\n{fields}\n\nQ1 ?\n7741.\nQ2 ?\n10."
    yield (
        "steps between dashes",
        f"{tongue.step} 1 : a\n--\n{tongue.step} 2 : b\n{tongue.step} 3 : c",
    )
    yield (
        "form",
        f"{tongue.sender} : Paris\n{tongue.to} : Lyon\n{tongue.sent} : 3\n{tongue.subject} : x",
    )
    yield "postscript", f"7741.\n-- \nClaire\n\n{tongue.postscript} : 4712."
    yield "answers between", f"{tongue.gmail.format(us=US)}\n\n> Q1 ?\n7741.\n\n> Q2 ?\n10."


def layouts() -> list[Layout]:
    """Every program in every language."""
    made = []
    for language, tongue in TONGUES.items():
        for name, quotation in _quotations(tongue):
            made.append(Layout(f"{language}, {name}", f"{REPLY}\n\n{quotation}", REPLY))
        for name, text in _whole(tongue):
            made.append(Layout(f"{language}, {name}", text, text))
    return made
