"""The official client of the Model Context Protocol, over both transports and both its eras."""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from flask import Flask
from werkzeug.serving import make_server

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.web.assistants.tools import TOOLS
from tests.conftest import Cast
from tests.kit.programs import program
from tests.kit.requests import file

mcp: Any = pytest.importorskip("mcp")
httpx: Any = pytest.importorskip("httpx2")
Answer = tuple[set[str], Any]
Result = TypeVar("Result")


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application, really listening."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/mcp"
    server.shutdown()
    thread.join()
    server.server_close()


async def ask(transport: Any, number: int, mode: str) -> Answer:
    """The tools there are, and what one of them answers about a request."""
    async with mcp.Client(transport, mode=mode) as client:
        listed = await client.list_tools()
        result = await client.call_tool("read_request", {"number": number})
        return {tool.name for tool in listed.tools}, result


def in_a_thread(asked: Coroutine[Any, Any, Result]) -> Result:
    """In a thread of its own: tests of the browser leave their loop running in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, asked).result()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_over_http_with_a_token(
    app: Flask, db: SqliteDatabase, cast: Cast, address: str, mode: str
):
    number = file(db, cast.alice, subject="Une vache perdue").number
    secret = program(app, db, cast.alice).secret

    async def talk() -> Answer:
        from mcp.client.streamable_http import streamable_http_client

        async with AsyncExitStack() as stack:
            headers = {"Authorization": f"Bearer {secret}"}
            client = await stack.enter_async_context(httpx.AsyncClient(headers=headers))
            return await ask(streamable_http_client(address, http_client=client), number, mode)

    names, result = in_a_thread(talk())
    assert names == set(TOOLS)
    assert not result.is_error and "Une vache perdue" in result.content[0].text


def test_over_stdin(settings: Settings, db: SqliteDatabase, cast: Cast):
    number = file(db, cast.alice, subject="Une vache perdue").number
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    command = ["-m", "kbsearch", "--config", str(path), "mcp", "--as", cast.alice.email]
    server = mcp.StdioServerParameters(command=sys.executable, args=command)
    names, result = in_a_thread(ask(server, number, "auto"))
    assert names == set(TOOLS)
    assert not result.is_error and "Une vache perdue" in result.content[0].text
