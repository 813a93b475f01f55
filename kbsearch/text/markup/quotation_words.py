"""The words that mail programs write around a quotation, by language.

French, English, German, Dutch, Italian, Spanish, Portuguese, the Nordic and the Slavic languages,
and a few more that the common programs speak.
"""

import re


def _list(labels: str) -> frozenset[str]:
    return frozenset(label.strip() for label in labels.split("|"))


FROM = _list(
    """
    de|from|von|van|da|fra|från|lähettäjä|od|от|від|ot|feladó|de la|kimden|gönderen|από|差出人|
    发件人|寄件者|보낸 사람|expéditeur|mittente|remitente|remetente|absender|afzender|
    avsändare|avsender|afsender|nadawca|odesílatel|отправитель
    """
)
WHEN = _list(
    """
    envoyé le|envoyé|date|sent|sent at|date sent|gesendet|gesendet am|datum|verzonden|verzonden op|
    verstuurd|inviato|data|data invio|enviado|enviado el|enviado em|enviada|enviada em|fecha|
    skickat|skickat den|sendt|sendt den|dato|lähetetty|päivämäärä|päiväys|wysłano|wysłane|
    data wysłania|odesláno|odoslané|poslano|отправлено|дата|надіслано|küldve|dátum|trimis|
    tarih|gönderildi|送信日時|日付|发送时间|日期|寄件日期|보낸 날짜
    """
)
TO = _list(
    """
    à|a|to|an|aan|para|per|till|til|do|komu|кому|pour|vastaanottaja|címzett|către|kime|alıcı|
    destinataire|destinataires|destinatario|destinatário|empfänger|ontvanger|mottagare|mottaker|
    modtager|odbiorca|příjemce|宛先|收件人|받는 사람
    """
)
SUBJECT = _list(
    """
    objet|sujet|subject|betreff|betrifft|onderwerp|oggetto|asunto|assunto|ämne|emne|aihe|temat|
    předmět|predmet|тема|tárgy|subiect|konu|θέμα|件名|主题|主旨|제목
    """
)
OTHER = _list(
    """
    cc|copie|copie à|copie de|kopie|kopia|kopi|kopio|cópia|copia|копия|копія|cci|bcc|reply to|
    reply-to|répondre à|importance|priorité|priority|wichtigkeit|urgentie|prioritet|prioriteit|
    organisation|organization|envoyé par|attachments|pièces jointes|anlagen|bijlagen|allegati
    """
)
# Of a header pasted as it came: no program shows these above a quotation.
RAW = frozenset({"received", "message-id", "return-path", "mime-version", "content-type", "dkim"})

_LABELS = "|".join(
    re.escape(label) for label in sorted(FROM | WHEN | TO | SUBJECT | OTHER | RAW, reverse=True)
)
# French puts a no-break space before the colon; `\s` takes it for a space like any other.
HEADER_FIELD = re.compile(
    rf"[*_\s]*+({_LABELS})[*_]*+\s?[:：][*_]*+\s*+(.*)", re.IGNORECASE | re.DOTALL
)

WROTE = re.compile(
    r"(?<!\w)(?:a\s+[ée]crit|[ée]crivait|wrote|writes|schrieb|hat\s+geschrieben|schreef|"
    r"heeft\s+geschreven|het\s+volgende\s+geschreven|ha\s+scritto|scrive|scriveva|escribi[óo]|"
    r"ha\s+escrito|escreveu|va\s+escriure|skrev|kirjoitti|napisał(?:\(a\)|a)?|pisze|"
    r"napsala?(?:\(a\))?|napísala?(?:\(a\))?|je\s+napisa(?:l|la|o)(?:\(a\))?|писала?|пишет|"
    r"написала?(?:\(а\))?|пише|написав|írta|a\s+scris|yazdı|έγραψε|kirjutas|rašė|"
    r"đã\s+viết)(?!\w)|写道|寫道|のメール|さんは書きました|작성",
    re.IGNORECASE,
)
# How the sentence begins where the date comes first: with an article, a weekday or the date.
ARTICLE = re.compile(
    r"(?:le|on|am|el|il|em|op|den|dne|dňa|w\s+dniu|dana|på|pe|no\s+dia|kl\.?)\s[^!?]{0,40}",
    re.IGNORECASE,
)
DATE = re.compile(
    r"(?:[^\W\d_]{1,12}\.?,?\s+(?:[^\W\d_]{3,12}\.?\s+)?)?\d{1,4}(?:[-/.]\s?\S+|\.?\s\S+|年\S*)",
    re.IGNORECASE,
)
ORIGINAL = re.compile(
    r"(-{2,}|_{2,}|)\s?(?:(?:message|mail|courriel|e-mail)\s(?:d['’]origine|original|initial)|"
    r"original\s(?:message|mail|email|appointment)|reply\smessage|message\sde\sréponse|"
    r"(?:ursprüngliche|original)\s?-?nachricht|oorspronkelijk\sbericht|messaggio\soriginale|"
    r"mensaje\soriginal|mensagem\soriginal|missatge\soriginal|ursprungligt\smeddelande|"
    r"oprindelig\s(?:meddelelse|besked)|opprinnelig\smelding|alkuperäinen\sviesti|"
    r"(?:wiadomość\soryginalna|oryginalna\swiadomość)|původní\s(?:zpráva|e-?mail)|pôvodná\sspráva|"
    r"(?:исходное|оригинальное|первоначальное)\sсообщение|eredeti\süzenet|mesaj\soriginal|"
    r"orijinal\smesaj)\s?[-_]*|(message\sdu)\s(?::\s)?\d[\d/.\s:àh]{5,30}",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"[-_*\s>]*(?:forwarded\smessage|message\s(?:transféré|transmis|réexpédié)|"
    r"début\sdu\smessage\s(?:réexpédié|transféré)|begin\sforwarded\smessage|"
    r"weitergeleitete\s(?:nachricht|mail)|anfang\sder\sweitergeleiteten\snachricht|"
    r"doorgestuurd\sbericht|begin\sdoorgestuurd\sbericht|messaggio\sinoltrato|"
    r"inizio\smessaggio\sinoltrato|(?:mensaje|correo)\sreenviado|mensagem\s(?:encaminhada|"
    r"reencaminhada)|vidarebefordrat\s(?:meddelande|brev)|videresendt\s(?:meddelelse|melding|besked)|"
    r"välitetty\sviesti|(?:wiadomość\sprzekazana|przekazana\swiadomość)|přeposlaná\szpráva|"
    r"пересылаемое\sсообщение|пересланное\sсообщение)[-_*\s:]*",
    re.IGNORECASE,
)
IS_FORWARD = re.compile(r"\s*(?:tr|fw|fwd|wg|rv|enc|i|doorst|vb|vs|pd|fs)\s?:", re.IGNORECASE)
GREETING = re.compile(
    r"(?:re)?(?:bonjour|bonsoir|salut|coucou|ch[eè]re?s?|hello|hi|hey|dear|good\s(?:morning|afternoon|"
    r"evening|day)|greetings|hallo|guten\s(?:tag|morgen|abend)|liebe[rs]?|sehr\sgeehrte[rn]?|moin|"
    r"servus|grüezi|goedemorgen|goedemiddag|goedenavond|goedendag|dag|beste|geachte|ciao|salve|"
    r"buon\s?(?:giorno|asera)|buonasera|gentil[ei]|egregio|spett\.?le|hola|buen[oa]s\s(?:d[íi]as|tardes|"
    r"noches)|estimad[oa]s?|querid[oa]|ol[áa]|oi|bom\sdia|boa\s(?:tarde|noite)|prezad[oa]s?|car[oa]s?|"
    r"hej|hei|god\s(?:morgon|dag|morgen)|hejsan|kära|kjære|kære|tere|cześć|dzień\sdobry|witam|"
    r"szanown[iy]|dobrý\sden|dobrý\sdeň|ahoj|vážen[áýí]|здравствуйте|добрый\s(?:день|вечер)|привет|"
    r"madame|monsieur|mesdames|messieurs)(?:[\s,\-.]+[^\s,.!?:;]+){0,5}\s*[,.!:]*",
    re.IGNORECASE,
)
CLOSING = re.compile(
    r"(?:(?:bien\s)?cordialement|(?:bien\s)?à\s(?:vous|toi)|cdlt|bonne\s(?:journée|soirée|réception)|"
    r"salutations(?:\s\w+)?|sincères\ssalutations|(?:best|kind|warm|many)?\s?regards|(?:many\s)?thanks|"
    r"cheers|sincerely|yours(?:\s\w+)?|best(?:\swishes)?|mit\sfreundlichen\sgrüßen|(?:viele|beste|"
    r"liebe|freundliche)\sgrü(?:ß|ss)e|mfg|vg|lg|(?:met\s)?(?:vriendelijke|hartelijke)\sgroet(?:en)?|"
    r"mvg|groet(?:jes|en)?|(?:cordiali|distinti)\ssaluti|saluti|un\ssaludo|saludos(?:\s\w+)?|"
    r"atentamente|atenciosamente|cumprimentos|abraços?|(?:med\s)?(?:vänliga?|venlig|vennlig)\s"
    r"(?:hälsning(?:ar)?|hilsen)|mvh|pozdrawiam|(?:s\s)?pozdrav(?:em|om)?|с\sуважением)\s*[,.!]*",
    re.IGNORECASE,
)
POSTSCRIPT = re.compile(
    r"(?:p\.?\s?-?[sd]|n\.?\s?b|пс)\.?\s?[:.,\-–]|post-?scriptum", re.IGNORECASE
)
_DEVICES = (
    r"(?:iphon\w*|ipad\w*|ipod|galaxy|samsung|huawei|xiaomi|redmi|pixel|android|smartphone|mobile|mobil\w*|"
    r"téléphone|telefon\w*|teléfono|telefoon|handy|phone|appareil|device|outlook|yahoo|proton\w*|orange|"
    r"blackberry|courrier|mail\b|gmail|bluemail|messagerie|application|l['’]application|app\b|spark|"
    r"fairemail|k-9|gmx|web\.de|t-online|libero|aquamail)"
)
_SENT = (
    r"(?:envoyée?|expédiée?|sent|gesendet|verstuurd|verzonden|inviat[oa]|enviad[oa]|skickat|sendt|"
    r"lähetetty|wysłan[eoay]|odesláno|отправлено)"
)
CLIENT = re.compile(
    rf"(?:{_SENT}\s[^.?!]{{0,40}}?{_DEVICES}[^.?!]{{0,70}}|"
    rf"(?:von|diese\snachricht\swurde\svon)\s[^.?!]{{0,30}}{_DEVICES}[^.?!]{{0,40}}\sgesendet|"
    r"provenance\s:\s(?:courrier|mail)[^.?!]{0,40}|"
    r"(?:get|télécharger|téléchargez|obtenir|obtenez|obtén|descargar|scarica|ottieni|obter|baixar|"
    r"hämta|hent|pobierz|holen\ssie\ssich|download)\s(?:\w+\s){0,2}outlook\s(?:for|pour|sur|für|para|"
    r"per|för|til|dla)\s\w+|"
    r"outlook\s(?:für|voor|for)\s\w+\s(?:beziehen|herunterladen|downloaden|holen))"
    r"\.?(?:\s(?:veuillez\sexcuser|please\sexcuse)[^.?!]{0,60}\.?)?",
    re.IGNORECASE,
)
# Who answers inside a quotation that has no marks mostly says so above it.
BELOW = re.compile(
    r"ci[-\s]?dessous|ci[-\s]?après|plus\sbas|dans\s(?:le|ton|votre)\s(?:texte|corps|mail|message)|"
    r"entre\s(?:les|tes|vos)\slignes|\bbelow\b|\bin[-\s]?line\b|between\s(?:the|your)\slines|"
    r"\bunten\b|im\stext\b|hieronder|\bqui\ssotto|di\sseguito|\babajo\b|a\scontinuación|\babaixo\b|"
    r"\bnedan\b|\bnedenfor\b|poniżej|níže",
    re.IGNORECASE,
)
ANSWERS = re.compile(
    r"répon|comment|remarque|annot|précision|answer|repl(?:y|ies)|respon|antwor|antwoor|rispost|"
    r"respuest|respost|svar|odpow|odpov",
    re.IGNORECASE,
)
COLOUR = re.compile(
    r"\ben\s(?:rouge|bleu|vert|gras|couleur|rojo|azul|verde)\b|\bin\s(?:red|blue|green|bold|rot|blau|"
    r"rood|blauw|rosso|blu)\b|\bem\s(?:vermelho|azul)\b",
    re.IGNORECASE,
)
