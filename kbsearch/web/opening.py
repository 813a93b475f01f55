"""What customers are told where they file: whether anybody is there, and what is promised."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from kbsearch import i18n
from kbsearch.clock import stored, utc_now
from kbsearch.promises import targets
from kbsearch.promises.hours import AROUND_THE_CLOCK
from kbsearch.promises.targets import Scope, Target, Term
from kbsearch.target_tables import SEVERITIES
from kbsearch.tickets.codes import SEVERITY_NAMES
from kbsearch.web.render import db, language, organisation, spoken_language, viewer


class Opening(NamedTuple):
    """Until when nobody is there, empty when somebody is; within how long an answer is promised."""

    closed_until: str
    promises: Sequence[Markup]  # of each severity, or one for all


def my_opening() -> Opening | None:
    """What somebody who files now is told; None for those who answer, and without a target."""
    promised = targets.live(db())
    if viewer().is_agent or not promised:
        return None
    return Opening(_closed_until(promised), _promises(promised))


def _closed_until(promised: Sequence[Target]) -> str:
    hours, now = targets.hours_of(promised, _scope("minor")), utc_now()
    if hours == AROUND_THE_CLOCK or hours.is_open(now):
        return ""
    zone = viewer().time_zone or hours.zone
    return i18n.coming(language(), stored(hours.opening(now)), zone)


def _promises(promised: Sequence[Target]) -> Sequence[Markup]:
    terms = {
        severity: targets.terms_of(promised, _scope(severity)).get("first_answer")
        for severity in reversed(SEVERITIES)
    }
    known = {severity: term for severity, term in terms.items() if term is not None}
    said = spoken_language()
    _ = said.translate
    if len(known) == len(terms) and known["minor"] == known["major"] == known["blocking"]:
        return [_("A first answer within %(span)s", span=_span(known["minor"]))]
    return [
        _("%(severity)s: %(span)s", severity=said.named(SEVERITY_NAMES, severity), span=_span(term))
        for severity, term in known.items()
    ]


def _span(term: Term) -> str:
    return spoken_language().span_of(term.span, term.hours)


def _scope(severity: str) -> Scope:
    customer = organisation()
    if customer is None:
        return Scope(severity)
    return Scope(severity, organisation=customer.id, contract=customer.contract)
