"""What applications are let into: each an address of ours, as they name it (RFC 8707)."""

from collections.abc import Iterable

from kbsearch.config import Settings
from kbsearch.people.accounts.applications import Declined
from kbsearch.people.accounts.personal_tokens import API, ASSISTANTS

PATHS = {ASSISTANTS: "/mcp", API: "/api/v1"}
METADATA = "/.well-known/oauth-protected-resource"
SCOPES = ("search", "read", "write")  # each with those before it


def of_path(path: str) -> str:
    """The resource that a path of ours belongs to; empty where applications have no way in."""
    inside = (name for name, top in PATHS.items() if path == top or path.startswith(f"{top}/"))
    return next(inside, "")


def metadata_url(settings: Settings, resource: str) -> str:
    return settings.whole(METADATA + PATHS[resource])


def named(settings: Settings, addresses: Iterable[str]) -> str:
    """The resources of these addresses, blanks between; raises Declined for any other's."""
    names = {settings.whole(path): name for name, path in PATHS.items()}
    resources = {names.get(address.rstrip("/"), "") for address in addresses}
    if "" in resources:
        raise Declined("application.resource_unknown", code="invalid_target")
    return " ".join(sorted(resources))
