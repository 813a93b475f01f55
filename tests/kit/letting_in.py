"""The official client of assistants asks somebody to let it in, and they do, without a browser."""

from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.applications import ACTION, HOME

Get = Callable[[str], str]
Post = Callable[[str], str]  # the way it leads to


class Memory:
    """What the client keeps for itself."""

    def __init__(self) -> None:
        self.tokens: Any = None
        self.registration: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.registration

    async def set_client_info(self, registration: Any) -> None:
        self.registration = registration


def provider(address: str, memory: Memory, get: Get, post: Post) -> Any:
    """How it comes by a token: `get` and `post` are of the browser of whoever lets it in."""
    auth = pytest.importorskip("mcp.client.auth")
    shared = pytest.importorskip("mcp.shared.auth")
    answers: list[dict[str, list[str]]] = []

    async def open_page(url: str) -> None:
        action = ACTION.search(get(url))
        assert action is not None
        back = post(unescape(action[1]))
        assert back.startswith(HOME)
        answers.append(parse_qs(urlsplit(back).query))

    async def come_back() -> Any:
        fields = {name: answers[-1][name][0] for name in ("code", "state", "iss")}
        return auth.AuthorizationCodeResult(**fields)

    metadata = shared.OAuthClientMetadata(client_name="Official", redirect_uris=[HOME])
    return auth.OAuthClientProvider(address, metadata, memory, open_page, come_back)
