"""Subjects worded like an answering machine's or a receipt's, in the languages of its clients.

Wording alone proves nothing: people write of absences too. Such a mail is held, not left out.
"""

import re

_ANSWERS = (
    # French, English
    r"r[ée]ponse automatique|auto(?:matic)?[ -]?(?:reply|response|answer)|vacation reply",
    # German, Dutch
    r"automatische (?:antwort|rückmeldung|abwesenheits\w+)|autoantwort",
    r"automatisch antwoord|automatische (?:beantwoording|reactie)",
    # Italian, Spanish, Portuguese, Romanian
    r"risposta automatica|respuesta autom[áa]tica|resposta autom[áa]tica|r[ăa]spuns automat",
    # Swedish, Danish, Norwegian, Finnish
    r"automati(?:skt|sk|serat) svar|auto-?svar|automaattinen vastaus",
    # Polish, Czech, Slovak, Hungarian, Russian, Ukrainian, Turkish
    r"automatyczna odpowied[źz]|odpowied[źz] automatyczna|autoodpowied[źz]",
    r"automatick[áa] odpov[ěe]ď|automatick[áa] odpoveď|automatikus válasz",
    r"автоматический ответ|автоответ|автоматична відповідь",
    r"otomatik (?:yanıt|cevap)",
    # Japanese, Chinese
    r"自動応答|自動返信|自动回复|自動回覆",
)
_AWAY = (
    r"(?:absence|absente?) du bureau|hors d[ue] bureau|(?:message|notification|avis) d['’]absence",
    r"(?:je|nous) (?:suis|sommes|serai|serons) (?:actuellement )?absente?s?\b",
    r"out of (?:the )?office|ooo\s?:|away from (?:the |my )?(?:office|desk)",
    r"(?:i am|i['’]m) (?:currently )?(?:away|on (?:vacation|holiday|leave)|out of)",
    r"abwesenheit\w*\s?:|abwesenheits(?:notiz|nachricht|meldung|assistent)|außer haus|"
    r"nicht im (?:büro|haus)|ich bin (?:derzeit |zurzeit |aktuell )?(?:abwesend|im urlaub)",
    r"abwesenheit(?: |$)|abwesend(?: bis|\s?:|$)",
    r"afwezig(?:heid)?(?:smelding|sbericht)?\b|niet (?:op kantoor|aanwezig)|buiten kantoor",
    r"fuori (?:sede|ufficio)|assen(?:te|za) dall['’]ufficio|messaggio di assenza",
    r"fuera de (?:la )?oficina|ausente de la oficina|(?:mensaje|aviso) de ausencia",
    r"fora do escrit[óo]rio|aus(?:ente|ência) d[oa] escrit[óo]rio|mensagem de aus[êe]ncia",
    r"frånvaro(?:meddelande)?\b|inte på kontoret|fravær(?:sbesked|smelding)?\b|ikke på kontoret",
    r"poissa toimistosta|poza biurem|nieobecno[śs][ćc]|mimo kancelář|вне офиса|нет на месте",
)
_RECEIPTS = (
    r"(?:lu|non lu|remis|read|not read|delivered|relayed|gelesen|ungelesen|zugestellt|gelezen|"
    r"letto|non letto|le[íi]do|lido|lida|läst|læst|lest|przeczytano|přečteno|прочитано)\s?: ",
    r"(?:accus[ée] de (?:lecture|réception)|confirmation de lecture|read receipt|return receipt|"
    r"lesebestätigung|leesbevestiging|conferma di lettura|confirmaci[óo]n de lectura|"
    r"confirmação de leitura|läskvitto|potwierdzenie przeczytania)\b",
)
_PREFIX = r"\s*+(?:(?:re|tr|fw|fwd|aw|wg|rv|antw|sv|vs|odp|ré)\s?:\s*+)*+(?:\[[^\]]{1,40}\]\s*+)?+"
_SUBJECT_BEGINS = re.compile(
    f"{_PREFIX}(?:{'|'.join((*_ANSWERS, *_AWAY, *_RECEIPTS))})", re.IGNORECASE
)
_ENDS = re.compile(
    rf"(?:[(\[]\s*|\s[-–—|:]\s)(?:{'|'.join((*_ANSWERS, *_AWAY))})\s*[)\]]?\s*$", re.IGNORECASE
)
# Lotus Notes puts a sentence about its owner behind the word.
_NOTES = re.compile(
    r"\s*(?:re\s?:\s*)?auto\s?:.*\b(?:absente?s?|cong[ée]s?|vacances|retour|out of|away|leave|"
    r"holidays?|vacation|return\w*|abwesend|außer|urlaub|zurück|ausente|fuera|vuelt[ao]|regres[ao]|"
    r"fuori|ferie|assente|rientr[ao]|afwezig|vakantie|terug|fora|férias|nieobecny|urlop)\b",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\b(?:est|sera) (?:actuellement )?absente?s? "
    r"(?:du (?:bureau|\d)|jusqu|ce|cette|le \d|\(retour)|"
    r"\bis (?:currently )?(?:away|out of (?:the )?office|on (?:leave|vacation|holiday))",
    re.IGNORECASE,
)


def is_worded_so(subject: str) -> bool:
    """Whether a subject says that nobody is there, or that a mail was opened."""
    line = " ".join(subject[:500].split())
    return any(
        (_SUBJECT_BEGINS.match(line), _ENDS.search(line), _NOTES.match(line), _ABSENT.search(line))
    )
