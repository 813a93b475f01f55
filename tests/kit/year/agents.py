"""What agents do: answer at once or with a moment to undo, note, assign, solve, merge, split."""

from datetime import timedelta

from kbsearch.clock import parsed
from kbsearch.database import Row
from tests.kit.year.customers import UNDER_WAY, digests, said, some_file
from tests.kit.year.play import Sending, Year, hidden_fields, is_done
from tests.kit.year.records import SentMessage


def answer(year: Year) -> str:
    """The oldest request that waits is answered: held back a moment, or at once."""
    tickets = year.tickets("new", "open") or year.tickets("pending", "solved")
    if not tickets:
        return ""
    return _say(year, year.chance.choice(tickets[:3]), is_note=False)


def note(year: Year) -> str:
    """A note on any request, closed ones too."""
    tickets = year.tickets(*UNDER_WAY, "solved", "closed")
    return _say(year, year.chance.choice(tickets), is_note=True) if tickets else ""


def assign(year: Year) -> str:
    """Somebody is to look after a request, or nobody any more."""
    tickets = year.tickets(*UNDER_WAY)
    if not tickets:
        return ""
    ticket, email = year.chance.choice(tickets), agent(year)
    chosen = year.chance.choice(["", *(one.id for one in year.people("agent"))])
    return _post(year, email, ticket, "assignee", {"assignee": chosen}, "assigns")


def move(year: Year) -> str:
    """Solved, open again, closed for good: whatever an agent may say."""
    tickets = year.tickets(*UNDER_WAY, "solved", "closed")
    if not tickets:
        return ""
    ticket = year.chance.choice(tickets)
    status = year.chance.choice(("solved", "solved", "closed", "open", "pending"))
    return _post(year, agent(year), ticket, "status", {"status": status}, f"says {status}:")


def correct(year: Year) -> str:
    """The fields of a request are corrected: who reads it may change by that."""
    tickets = year.tickets(*UNDER_WAY, "solved")
    if not tickets:
        return ""
    ticket, email = year.chance.choice(tickets), agent(year)
    path = f"/fr/requests/{ticket['id']}"
    fields = hidden_fields(year.get(email, path).text, f"{path}/fields")
    fields |= {
        "confidential": "" if ticket["confidential"] else "1",
        "severity": year.chance.choice(("minor", "major", "blocking")),
    }
    return _post(year, email, ticket, "fields", fields, "corrects")


def merge(year: Year) -> str:
    """A request goes on in another one of its organisation."""
    tickets = year.tickets(*UNDER_WAY)
    pairs = [
        (one, other)
        for one in tickets
        for other in tickets
        if one["number"] != other["number"]
        and one["organisation"] == other["organisation"] is not None
    ]
    if not pairs:
        return ""
    (ticket, into), email = year.chance.choice(pairs), agent(year)
    path = f"/fr/desk/tickets/{ticket['number']}/merge"
    page = year.get(email, f"{path}?into={into['number']}")
    if page.status_code != 200:
        return f"#{ticket['number']} cannot go on in #{into['number']} ({page.status_code})"
    return year.send(
        Sending(
            f"{email} merges #{ticket['number']} into #{into['number']}",
            email,
            path,
            {**hidden_fields(page.text, path), "body": "Nous suivons ailleurs."},
            lambda answer: str(answer.status_code),
        )
    )


def split(year: Year) -> str:
    """A message of a customer becomes a request of its own."""
    rows = year.books.query(
        """
        SELECT t.number, m.id FROM messages m JOIN tickets t ON t.id = m.ticket_id
        JOIN people p ON p.id = m.author_id
        WHERE p.role = 'customer' AND m.internal = 0 ORDER BY t.number, m.position
        """
    )
    if not rows:
        return ""
    row, email, word = year.chance.choice(rows), agent(year), year.records.new_word("q")
    path = f"/fr/desk/tickets/{row['number']}/split/{row['id']}"
    page = year.get(email, path)
    if page.status_code != 200:
        return f"#{row['number']} cannot be split ({page.status_code})"
    return year.send(
        Sending(
            f"{email} splits #{row['number']} {word}",
            email,
            path,
            {**hidden_fields(page.text, path), "subject": f"À part {word}"},
            lambda answer: str(answer.status_code),
        )
    )


def group(year: Year) -> str:
    """Requests that tell of the same are grouped, and answered together."""
    tickets = year.tickets(*UNDER_WAY)
    if len(tickets) < 2:
        return ""
    some, email = year.chance.sample(tickets, 2), agent(year)
    numbers = [str(ticket["number"]) for ticket in some]
    grouped = year.post(
        Sending("", email, "/fr/desk/problems", {"title": "Panne", "tickets": numbers}, _nothing)
    )
    place = grouped.headers.get("Location", "")
    if grouped.status_code != 303:
        return f"not grouped ({grouped.status_code})"
    page = year.get(email, place).text
    fields = hidden_fields(page, f"{place}/messages")
    fields |= {"body": f"Réparé : {year.records.new_word('r')}.", "status": "solved"}
    return year.send(
        Sending(
            f"{email} answers {' '.join(numbers)} together",
            email,
            f"{place}/messages",
            {**fields, "tickets": numbers},
            lambda answer: str(answer.status_code),
        )
    )


def agent(year: Year) -> str:
    return year.chance.choice(year.people("agent", "administrator")).email


def _say(year: Year, ticket: Row, *, is_note: bool) -> str:
    email, path = agent(year), f"/fr/requests/{ticket['id']}"
    page = year.get(email, path)
    action = f"{path}/messages"
    if f'action="{action}"' not in page.text:
        return f"#{ticket['number']} takes no answer ({page.status_code})"
    word, files = year.records.new_word("n" if is_note else "r"), some_file(year)
    fields = {**hidden_fields(page.text, action), "body": f"Voyez {word}."}
    fields["send"] = "note" if is_note else "reply"
    fields["status"] = year.chance.choice(("pending", "pending", "open", "solved"))
    if is_note or year.chance.random() < 0.4:
        fields.pop("hold", None)
    message = SentMessage(
        word, fields["key"], ticket["id"], email, is_note=is_note, files=digests(files)
    )
    return year.send(
        Sending(
            f"{email} {'notes' if is_note else 'answers'} #{ticket['number']} {word}",
            email,
            action,
            fields,
            lambda answer: _said(year, message, answer, ticket, is_held="hold" in fields),
            files,
        )
    )


def _said(year: Year, message: SentMessage, answer, ticket: Row, *, is_held: bool) -> str:
    if is_held:
        rows = year.books.query(
            "SELECT leaves_at FROM drafts WHERE form_key = :key AND leaves_at IS NOT NULL",
            {"key": message.key},
        )
        if rows:
            message.leaves_at = rows[0]["leaves_at"]
            wait = max(timedelta(), parsed(message.leaves_at) - year.clock())
            message.due = year.clock.moment + wait
            if year.chance.random() < 0.3:
                delay = timedelta(seconds=year.chance.randrange(1, 12))
                year.after(delay, f"{message.author} undoes", lambda: _undo(year, message))
            year.after(wait + timedelta(seconds=1), "the worker", lambda: "")
    return said(year, message, answer)


def _undo(year: Year, message: SentMessage) -> str:
    def undone(answer) -> str:
        if is_done(answer):
            message.is_called_back = True
        return f"{message.word} {answer.status_code}"

    path = f"/fr/requests/{message.ticket_id}/undo"
    name = f"{message.author} undoes {message.word}"
    return year.send(Sending(name, message.author, path, {"key": message.key}, undone))


def _post(
    year: Year, email: str, ticket: Row, place: str, fields: dict[str, str], name: str
) -> str:
    return year.send(
        Sending(
            f"{email} {name} #{ticket['number']}",
            email,
            f"/fr/requests/{ticket['id']}/{place}",
            fields,
            lambda answer: str(answer.status_code),
        )
    )


def _nothing(answer) -> str:
    return ""
