"""What happens to a site: people come and go, contracts end, clocks jump, processes die."""

from datetime import timedelta
from functools import partial

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
from tests.kit.year import agents, customers
from tests.kit.year.play import PARIS, Year
from tests.kit.year.portals import write_content

HOUR = timedelta(hours=1)


def somebody_joins(year: Year) -> str:
    """A customer more, in an organisation that there is."""
    organisation = year.chance.choice(sorted(year.portal.customers))
    number = len(people.list_all(year.books))
    address = f"person{number}@{organisation}.example"
    people.add(
        year.books,
        OPERATOR,
        PersonFields(f"Person {number}", address, organisations=[organisation]),
    )
    return address


def somebody_leaves(year: Year) -> str:
    """A customer leaves their organisation, and comes back to it after a while."""
    person = year.chance.choice(year.people("customer"))
    before = person.organisations
    people.edit(year.books, OPERATOR, person, PersonFields(organisations=[]))

    def comes_back() -> str:
        there = people.find(year.books, person.email)
        people.edit(year.books, OPERATOR, there, PersonFields(organisations=before))
        return person.email

    year.after(timedelta(days=year.chance.randrange(5, 40)), "somebody comes back", comes_back)
    return person.email


def somebody_is_disabled(year: Year) -> str:
    """An account is closed, and opened again later."""
    person = year.chance.choice(year.people("customer", "customer", "agent"))
    if person.role == "agent" and len(year.people("agent")) == 1:
        return "nobody"
    people.disable(year.books, OPERATOR, person)

    def is_enabled() -> str:
        people.enable(year.books, OPERATOR, people.find(year.books, person.email))
        return person.email

    year.after(timedelta(days=year.chance.randrange(5, 60)), "somebody is enabled", is_enabled)
    return person.email


def contract_ends(year: Year) -> str:
    """The contract of an organisation ends today, and is renewed in a month."""
    name = year.chance.choice(sorted(year.portal.customers))
    today = year.clock.moment.astimezone(PARIS).date()

    def change(ends: str) -> str:
        there = organisations.find(year.books, name)
        organisations.edit(year.books, OPERATOR, there, OrganisationFields(contract_ends=ends))
        return name

    year.after(timedelta(days=30), "a contract is renewed", lambda: change(""))
    return change(today.isoformat())


def sharing_changes(year: Year) -> str:
    """An organisation decides anew who reads its requests."""
    name = year.chance.choice(sorted(year.portal.customers))
    sharing = year.chance.choice(organisations.SHARING)
    there = organisations.find(year.books, name)
    organisations.edit(year.books, OPERATOR, there, OrganisationFields(sharing=sharing))
    return f"{name}: {sharing}"


def clock_jumps(year: Year) -> str:
    """The clock of the machine is an hour off for some hours."""
    if year.clock.offset:
        return ""
    year.clock.offset = year.chance.choice((HOUR, -HOUR))
    year.records.jumps.append(year.clock.moment)

    def is_set_right() -> str:
        year.clock.offset = timedelta()
        year.records.jumps.append(year.clock.moment)
        return "right"

    year.after(year.chance.randrange(1, 9) * HOUR, "the clock is set", is_set_right)
    _keep_busy(year)
    return "forward" if year.clock.offset > timedelta() else "back"


def disk_fills(year: Year) -> str:
    """There is no room on the disk for an hour."""
    if year.machine.is_full:
        return ""
    year.machine.fill_disk(True)

    def is_emptied() -> str:
        year.machine.fill_disk(False)
        return "room"

    year.after(HOUR, "the disk is emptied", is_emptied)
    _keep_busy(year)
    return "full"


def _keep_busy(year: Year) -> None:
    """Have somebody do something within the hour."""
    acts = (
        customers.file_on_the_web,
        customers.file_by_mail,
        customers.answer_on_the_web,
        agents.answer,
    )
    act = year.chance.choice(acts)
    year.after(timedelta(minutes=year.chance.randrange(1, 45)), act.__name__, partial(act, year))


def web_dies(year: Year) -> str:
    """The web process will not live through so many more statements."""
    year.machine.web.doom(year.chance.randrange(120))
    return "soon"


def worker_dies(year: Year) -> str:
    """The same for the worker."""
    year.machine.worker.doom(year.chance.randrange(200))
    return "soon"


def content_changes(year: Year) -> str:
    """The articles are written anew."""
    write_content(year.portal, year.settings, year.records.new_word("a"))
    year.machine.publish()
    return "published"
