"""Where a request may stand and how severe it is: the codes, and what people read for each."""

from typing import Literal, get_args

from kbsearch.targets import SEVERITIES as SEVERITIES
from kbsearch.targets import Severity as Severity

Status = Literal["new", "open", "pending", "solved", "closed"]
STATUSES: tuple[Status, ...] = get_args(Status)
UNDER_WAY: tuple[Status, ...] = ("new", "open", "pending")
RESOLVED: tuple[Status, ...] = ("solved", "closed")

# The same of tickets `t`, as conditions in SQL.
AWAITS_US = "t.status IN ('new', 'open')"
IS_UNDER_WAY = "t.status IN ('new', 'open', 'pending')"
IS_RESOLVED = "t.status IN ('solved', 'closed')"


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
SEVERITY_NAMES: dict[Severity, str] = {
    "minor": _("Minor"),
    "major": _("Major"),
    "blocking": _("Blocking"),
}
