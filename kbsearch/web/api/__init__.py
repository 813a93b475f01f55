"""For programs: /api/v1, with a personal token; what each operation takes and answers is declared.

The views say what they take and answer (`operations`), which checks what comes in, and of which
the description at /api/v1/openapi.json is made.
"""

from kbsearch.web.api import (
    administration,
    announcements,
    articles,
    conversation,
    directory,
    events,
    files,
    me,
    openapi,
    search,
    tickets,
    time,
)
from kbsearch.web.api.operations import bp

__all__ = [
    "administration",
    "announcements",
    "articles",
    "bp",
    "conversation",
    "directory",
    "events",
    "files",
    "me",
    "openapi",
    "search",
    "tickets",
    "time",
]
