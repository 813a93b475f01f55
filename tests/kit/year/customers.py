"""What customers do: file, answer, rate, search, read; by the web and by mail."""

import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from werkzeug.test import TestResponse

from kbsearch.messages.incoming.taking import Taken
from tests.kit.incoming import letter
from tests.kit.year.play import Sending, Year, hidden_fields, is_done
from tests.kit.year.records import FiledRequest, SavedDraft, SentMessage

PLACE = re.compile(r"/fr/requests/([^/?#]+)")
UNDER_WAY = ("new", "open", "pending")
SUBJECTS = ("La barrière ne s’ouvre pas", "Collier perdu", "Imprimante muette", "Erreur 42")


def file_on_the_web(year: Year) -> str:
    """A request by the form, perhaps with a file, a colleague in copy, or confidential."""
    person = year.chance.choice(year.people("customer"))
    page = year.get(person.email, "/fr/requests/new").text
    if 'action="/fr/requests/new"' not in page:
        return f"{person.email} may file nothing any more"
    word, files = year.records.new_word("q"), some_file(year)
    fields = {
        **hidden_fields(page, "/fr/requests/new"),
        "subject": f"{year.chance.choice(SUBJECTS)} {word}",
        "description": f"Depuis ce matin : {word}.",
        "severity": year.chance.choice(("minor", "minor", "major", "blocking")),
        "cc": colleague(year, person.email) if year.chance.random() < 0.3 else "",
        "confidential": "1" if year.chance.random() < 0.15 else "",
    }
    sending = Sending(
        f"{person.email} files {word}",
        person.email,
        "/fr/requests/new",
        fields,
        lambda answer: _filed(year, person.email, word, answer, files),
        files,
    )
    if year.chance.random() < 0.3:
        return save_draft(year, person.email, word, fields, sending)
    return year.send(sending)


def save_draft(
    year: Year, email: str, word: str, fields: Mapping[str, str], sending: Sending
) -> str:
    """Leave a form as a draft; it is sent on another day, or never."""
    key = fields["key"]

    def saved(answer: TestResponse) -> str:
        if not is_done(answer):
            return f"not saved ({answer.status_code})"
        year.records.drafts[key] = SavedDraft(key, email, word, year.clock.moment)
        if year.chance.random() < 0.7:
            delay = timedelta(hours=year.chance.randrange(1, 400))
            year.after(delay, sending.name, lambda: year.send(sending))
        return "saved"

    path = f"/fr/requests/drafts/{key}"
    return year.send(Sending(f"{email} leaves {word}", email, path, fields, saved))


def file_by_mail(year: Year) -> str:
    """A request by a mail that is proved to be its sender's."""
    person = year.chance.choice(year.people("customer"))
    word = year.records.new_word("q")
    raw = letter(
        f"{person.name} <{person.email}>",
        "support@support.example",
        f"Bonjour, {word} ne va plus.",
        subject=f"Panne {word}",
        message_id=f"{word}@{person.email.rpartition('@')[2]}",
    )

    def taken_in(taken: Taken) -> str:
        if taken.state == "opened":
            _opened(year, person.email, word)
        return f"{taken.state} {taken.reason}"

    return year.take_in(f"{person.email} mails {word}", raw, taken_in)


def answer_on_the_web(year: Year) -> str:
    """The requester, or somebody who reads the request, answers."""
    tickets = year.tickets(*UNDER_WAY, "solved")
    if not tickets:
        return ""
    ticket = year.chance.choice(tickets)
    email = ticket["requester"]
    path = f"/fr/requests/{ticket['id']}"
    if year.chance.random() < 0.2:
        email = colleague(year, email) or email
    page = year.get(email, path)
    action = f"{path}/messages"
    if page.status_code != 200 or f'action="{action}"' not in page.text:
        return f"{email} may not answer #{ticket['number']} ({page.status_code})"
    word, files = year.records.new_word("r"), some_file(year)
    fields = {**hidden_fields(page.text, action), "body": f"Toujours pareil : {word}."}
    if ticket["status"] != "solved" and year.chance.random() < 0.2:
        fields["status"] = "solved"
    message = SentMessage(word, fields["key"], ticket["id"], email, files=digests(files))
    return year.send(
        Sending(
            f"{email} answers #{ticket['number']} {word}",
            email,
            action,
            fields,
            lambda answer: said(year, message, answer),
            files,
        )
    )


def answer_by_mail(year: Year) -> str:
    """Somebody answers one of the last letters they got, whatever became of the request."""
    customers = {person.email: person for person in year.people("customer")}
    letters = [
        mail
        for mail in year.records.letters[-40:]
        if mail.recipient in customers and "r+" in mail.reply_to
    ]
    if not letters:
        return ""
    mail = year.chance.choice(letters)
    person, word = customers[mail.recipient], year.records.new_word("r")
    raw = letter(
        f"{person.name} <{person.email}>",
        mail.reply_to,
        f"Merci, voyez {word}.",
        subject=f"Re: {mail.subject}",
        message_id=f"{word}@{person.email.rpartition('@')[2]}",
    )

    def taken_in(taken: Taken) -> str:
        rows = year.books.query(
            "SELECT ticket_id FROM messages WHERE body LIKE :body", {"body": f"%{word}%"}
        )
        if rows:
            place = rows[0]["ticket_id"]
            year.records.messages[word] = SentMessage(word, "", place, person.email)
        elif taken.state == "joined":  # it goes on where a closed one ended
            _opened(year, person.email, word)
        return f"{taken.state} {taken.reason}"

    return year.take_in(f"{person.email} mails an answer {word}", raw, taken_in)


def move(year: Year) -> str:
    """A requester says that it is solved, or that it is not."""
    tickets = year.tickets(*UNDER_WAY, "solved")
    if not tickets:
        return ""
    ticket = year.chance.choice(tickets)
    status = "open" if ticket["status"] == "solved" else "solved"
    return year.send(
        Sending(
            f"{ticket['requester']} says #{ticket['number']} is {status}",
            ticket["requester"],
            f"/fr/requests/{ticket['id']}/status",
            {"status": status},
            lambda answer: str(answer.status_code),
        )
    )


def change_copies(year: Year) -> str:
    """A requester puts a colleague in copy, or takes one out."""
    tickets = year.tickets(*UNDER_WAY, "solved", "closed")
    if not tickets:
        return ""
    ticket = year.chance.choice(tickets)
    name = year.chance.choice(("add", "add", "remove"))
    address = colleague(year, ticket["requester"])
    return year.send(
        Sending(
            f"{ticket['requester']}, #{ticket['number']}: {name} {address}",
            ticket["requester"],
            f"/fr/requests/{ticket['id']}/cc",
            {name: address},
            lambda answer: str(answer.status_code),
        )
    )


def rate(year: Year) -> str:
    """A requester says what they think of how a request ended; some change their mind."""
    tickets = year.tickets("closed")
    if not tickets:
        return ""
    ticket, is_good = year.chance.choice(tickets), year.chance.random() < 0.8

    def rated(answer: TestResponse) -> str:
        if is_done(answer):
            year.records.ratings[ticket["id"]] = is_good
        return str(answer.status_code)

    return year.send(
        Sending(
            f"{ticket['requester']} rates #{ticket['number']}",
            ticket["requester"],
            f"/fr/requests/{ticket['id']}/satisfaction",
            {"rating": "good" if is_good else "bad", "why": "voilà"},
            rated,
        )
    )


def search_and_read(year: Year) -> str:
    """Somebody, perhaps a stranger, searches and opens the first article there is."""
    emails = ["", *(person.email for person in year.people("customer"))]
    email = year.chance.choice(emails)
    words = year.chance.choice(("barriere", "barriere", "collier", "erreur"))
    page = year.get(email, f"/fr/search?q={words}")
    match = re.search(r'href="(/fr/articles/[^"#?]+)', page.text)
    status = year.get(email, match[1]).status_code if match else 0
    return f"{email or 'a stranger'} {page.status_code} {status}"


def said(year: Year, message: SentMessage, answer: TestResponse) -> str:
    """Keep what was acknowledged: a redirect to its place says so."""
    if not is_done(answer):
        return f"refused ({answer.status_code})"
    messages = year.records.messages
    for word in [one.word for one in messages.values() if one.key == message.key]:
        del messages[word]  # called back, and written anew in the same form
    messages[message.word] = message
    return "note" if message.is_note else "held" if message.leaves_at else "sent"


def colleague(year: Year, email: str) -> str:
    """The address of somebody with the same domain; empty when there is none."""
    domain = email.rpartition("@")[2]
    addresses = [person.email for person in year.people("customer")]
    others = [one for one in addresses if one.endswith(f"@{domain}") and one != email]
    return year.chance.choice(others) if others else ""


def some_file(year: Year) -> tuple[tuple[str, bytes], ...]:
    """Now and then, a file; some of them are the same."""
    if year.chance.random() > 0.25:
        return ()
    return (("journal.txt", b"ligne %d\n" % year.chance.randrange(200)),)


def digests(files: tuple[tuple[str, bytes], ...]) -> tuple[str, ...]:
    return tuple(sha256(content).hexdigest() for _, content in files)


def _opened(year: Year, email: str, word: str) -> None:
    (row,) = year.books.query(
        "SELECT id, number FROM tickets WHERE description LIKE :text", {"text": f"%{word}%"}
    )
    year.records.requests[word] = FiledRequest(word, row["id"], row["number"], email)


def _filed(
    year: Year,
    email: str,
    word: str,
    answer: TestResponse,
    files: tuple[tuple[str, bytes], ...],
) -> str:
    match = PLACE.search(answer.headers.get("Location", ""))
    if not is_done(answer) or match is None:
        return f"refused ({answer.status_code})"
    rows = year.books.query("SELECT number FROM tickets WHERE id = :id", {"id": match[1]})
    number = rows[0]["number"] if rows else 0
    year.records.requests[word] = FiledRequest(word, match[1], number, email, digests(files))
    return f"#{number}"
