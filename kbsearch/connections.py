"""The connections of a web process to its clients: waitress's, and what they owe their parent."""

import socket
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from kbsearch.leash import Leash

PATIENCE = "kbsearch.patience"  # in a request's environment: what asks for more time to answer it


class Task(WSGITask):
    """The answer to one request."""

    channel: "Channel"

    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[PATIENCE] = self.channel.server.leash.beat
        return environment


class Channel(HTTPChannel):
    """One connection."""

    task_class = Task
    server: "Server"

    def write_soon(self, data: Any) -> int:
        self.server.leash.beat()  # an answer that grows, however long it takes, is no hanging one
        return int(super().write_soon(data))


class Server(TcpWSGIServer):
    """A listening socket and the connections it let in."""

    channel_class = Channel

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        sockets: dict[int, Any],
        waiting: Any,
        leash: Leash,
        **options: Any,
    ) -> None:
        self.leash = leash
        super().__init__(
            app,
            sockets,
            _sock=listener,
            dispatcher=waiting,
            adj=Adjustments(sockets=[listener], **options),
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        )
