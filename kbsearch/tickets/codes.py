"""Where a request may stand and how severe it is: the codes, and what people read for each."""

from collections.abc import Sequence
from typing import Literal, get_args

from kbsearch.errors import Invalid
from kbsearch.target_tables import SEVERITIES as SEVERITIES
from kbsearch.target_tables import Severity as Severity

Status = Literal["new", "open", "pending", "solved", "closed"]
STATUSES: tuple[Status, ...] = get_args(Status)
Channel = Literal["web", "email", "phone", "api"]  # by which a request came
CHANNELS: tuple[Channel, ...] = get_args(Channel)
UNDER_WAY: tuple[Status, ...] = ("new", "open", "pending")
RESOLVED: tuple[Status, ...] = ("solved", "closed")

# The same of tickets `t`, as conditions in SQL.
IS_UNDER_WAY = "t.status IN ('new', 'open', 'pending')"
AWAITS_US = f"{IS_UNDER_WAY} AND t.status <> 'pending'"  # in words that the index is found by
IS_RESOLVED = "t.status IN ('solved', 'closed')"

MOST_SHOWN = 40  # letters of what is no status


def status_of(code: str, among: Sequence[Status] = STATUSES) -> Status:
    """The status of a code, one of these; raises Invalid."""
    for status in among:
        if status == code:
            return status
    raise Invalid("ticket.status_unknown", status=code[:MOST_SHOWN])


def _(message: str) -> str:
    """Mark what the catalogues have: it is translated where it is said."""
    return message


# To those who asked.
STATUS_NAMES: dict[Status, str] = {
    "new": _("Received"),
    "open": _("Open"),
    "pending": _("Awaiting your reply"),
    "solved": _("Solved"),
    "closed": _("Closed"),
}
# In mail to those who answer.
STAFF_STATUS_NAMES: dict[Status, str] = {
    **STATUS_NAMES,
    "new": _("New"),
    "pending": _("Awaiting the customer’s reply"),
}
# Of a promise that is due, to those who answer.
DEADLINES: dict[tuple[str, str], str] = {
    ("ticket.due_soon", "first_answer"): _("The first answer is due by %(moment)s."),
    ("ticket.due_soon", "next_answer"): _("The next answer is due by %(moment)s."),
    ("ticket.due_soon", "solution"): _("The solution is due by %(moment)s."),
    ("ticket.overdue", "first_answer"): _("The first answer was due by %(moment)s."),
    ("ticket.overdue", "next_answer"): _("The next answer was due by %(moment)s."),
    ("ticket.overdue", "solution"): _("The solution was due by %(moment)s."),
}
SEVERITY_NAMES: dict[Severity, str] = {
    "minor": _("Minor"),
    "major": _("Major"),
    "blocking": _("Blocking"),
}
