"""/api/v2: for programs written for Zendesk, in its shapes, with the rights of a token's person.

Each view says its address (`answers.offer`); what is the same for all of them is there and in
`door`: who calls, how pages are cut, what went wrong.
"""

from kbsearch.web.zendesk import (
    account,
    exports,
    guide,
    many,
    organizations,
    requests,
    search,
    tagging,
    tickets,
    uploads,
    users,
)
from kbsearch.web.zendesk.answers import bp
from kbsearch.web.zendesk.uploads import links as files

__all__ = [
    "account",
    "bp",
    "exports",
    "files",
    "guide",
    "many",
    "organizations",
    "requests",
    "search",
    "tagging",
    "tickets",
    "uploads",
    "users",
]
