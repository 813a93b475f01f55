"""What an application may: to search, to read besides, to write besides."""

from kbsearch.people.accounts.applications import Declined
from kbsearch.people.accounts.personal_tokens import PersonalToken
from kbsearch.web.applications.protected import SCOPES

USUAL = "read"


def widest(text: str) -> str:
    """The widest scope among those of a text; what is not ours is left aside."""
    words = text.split()
    ours = [scope for scope in SCOPES if scope in words]
    if words and not ours:
        raise Declined("application.scope_unknown", code="invalid_scope")
    return ours[-1] if ours else USUAL


def up_to(scope: str) -> tuple[str, ...]:
    """That scope and those it comes with."""
    return SCOPES[: SCOPES.index(scope) + 1]


def scope_of(token: PersonalToken) -> str:
    """What a token may, in words of OAuth."""
    widest_of_it = "search" if token.only_search else "write" if token.may_write else "read"
    return " ".join(up_to(widest_of_it))
