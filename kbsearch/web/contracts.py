"""What the visitor is told of the contracts of their organisations."""

from typing import NamedTuple

from kbsearch.clock import utc_now
from kbsearch.people import organisations
from kbsearch.web.render import my_organisations, site, spoken_language


class Contract(NamedTuple):
    """What the people of an organisation are told of their contract."""

    organisation: str
    last_day: str
    has_ended: bool
    accepts_requests: bool


def my_contracts() -> list[Contract]:
    """How long the visitor's organisations are supported, those with a last day."""
    today = utc_now().date()
    return [
        Contract(
            organisation.name,
            spoken_language().date(organisation.contract_ends),
            organisation.has_ended(today),
            organisations.accepts_requests(organisation, today, site().settings),
        )
        for organisation in my_organisations()
        if organisation.contract_ends
    ]
