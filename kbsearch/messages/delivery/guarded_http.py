"""HTTP to addresses that people typed in: only to the internet, in one go, within one deadline.

A name is resolved once, every address of it is checked, and the connection goes to one of those
very addresses. No redirect is followed, no proxy of the environment is used, and of the answer
no more is read than a log wants.
"""

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

DEADLINE_SECONDS = 15.0
CONNECT_SECONDS = 5.0  # for one address, when a name has several
MAX_BODY = 4096
MAX_HEADERS = 16 * 1024
LONGEST_URL = 2000
PORTS = {"https": 443, "http": 80}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
Reason = Literal["blocked", "unresolved", "unreachable", "tls", "timeout", "cut", "garbled"]

# What `is_global` lets through and is no host of the internet, or leads to one that is not.
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "2001::/23",  # protocol assignments, among them Teredo
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
UNICAST = ipaddress.ip_network("2000::/3")  # the rest of IPv6: NAT64, site-local, multicast, …


class NoAnswer(Exception):
    """No answer that counts: `reason` in a word, the text of the exception for whoever looks."""

    def __init__(self, reason: Reason, details: str = "") -> None:
        super().__init__(details)
        self.reason: Reason = reason


@dataclass(frozen=True)
class HttpAnswer:
    """What came back; header names are in small letters, the body is cut where the asker said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Exceptions:
    """The private hosts and networks an operator opened; these alone may be spoken to in http."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, targets: Sequence[str]) -> "Exceptions":
        """From a setting: `10.1.0.0/16`, `192.168.1.7`, `tools.lan`."""
        networks, hosts = [], set()
        for target in targets:
            try:
                networks.append(ipaddress.ip_network(target))
            except ValueError:
                hosts.add(target.lower())
        return cls(frozenset(hosts), tuple(networks))

    def cover(self, host: str, addresses: Sequence[Address]) -> bool:
        """Whether a host is among them: by its name, or by every address it has."""
        return host in self.hosts or all(
            any(address in network for network in self.networks) for address in addresses
        )


def parse(url: str, exceptions: Exceptions) -> SplitResult:
    """The parts of a URL that may be spoken to, as far as can be told without resolving it.

    Raises NoAnswer("blocked") with the rule that it breaks.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise NoAnswer("blocked", "the URL is too long, or has characters that none may have")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as problem:
        raise NoAnswer("blocked", str(problem)) from None
    if parts.scheme not in PORTS or not host:
        raise NoAnswer("blocked", "the URL does not start with https:// and a host")
    if "@" in parts.netloc or parts.fragment:
        raise NoAnswer("blocked", "the URL has a user, a password or a fragment")
    literal = _literal(host)
    if literal is not None:
        _check(parts, [literal], exceptions)
    elif parts.scheme == "http" and not (host in exceptions.hosts or exceptions.networks):
        raise NoAnswer("blocked", "plain http is for private targets alone")
    return parts


def is_public(address: Address) -> bool:
    """Whether an address is a host of the internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in UNICAST:
            return False
    return address.is_global and not any(address in network for network in NOT_PUBLIC)


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, in the order in which the system would try them."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


@cache
def _trusted() -> ssl.SSLContext:
    """Whom the machine trusts: reading its certificates takes longer than a request."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Guard:
    """The way out: whom it may speak to, how long it waits; tests give it other ears."""

    exceptions: Exceptions = Exceptions()
    deadline: float = DEADLINE_SECONDS
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=_trusted)

    def send(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        method: str = "POST",
        most: int = MAX_BODY,
    ) -> HttpAnswer:
        """Send a request and read the answer, that many bytes of its body at most.

        Raises NoAnswer, within the deadline.
        """
        clock = _Clock(self.deadline)
        parts = parse(url, self.exceptions)
        host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
        addresses = self._addresses(parts, host, port, clock)
        try:
            with self._connection(parts.scheme, host, port, addresses, clock) as line:
                return _exchange(_Wire(line, clock), method, parts, body, headers, most)
        except TimeoutError:
            raise NoAnswer("timeout", f"not answered within {self.deadline:g} s") from None
        except (http.client.HTTPException, ValueError) as problem:
            raise NoAnswer("garbled", f"{type(problem).__name__}: {problem}"[:200]) from None
        except OSError as problem:
            raise NoAnswer("cut", problem.strerror or str(problem)) from None

    def check(self, url: str) -> None:
        """See whether the host of a URL may be spoken to, for those who do it themselves."""
        parts = parse(url, self.exceptions)
        port = parts.port or PORTS[parts.scheme]
        self._addresses(parts, str(parts.hostname), port, _Clock(self.deadline))

    def reach(self, url: str) -> Mapping[str, Any]:
        """Connect to the host of a URL, and ask it nothing; raises NoAnswer.

        Its certificate, as ssl has it; of plain http there is none.
        """
        clock = _Clock(self.deadline)
        parts = parse(url, self.exceptions)
        host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
        addresses = self._addresses(parts, host, port, clock)
        try:
            with self._connection(parts.scheme, host, port, addresses, clock) as line:
                return (line.getpeercert() or {}) if isinstance(line, ssl.SSLSocket) else {}
        except TimeoutError:
            raise NoAnswer("timeout", f"not answered within {self.deadline:g} s") from None
        except OSError as problem:
            raise NoAnswer("cut", problem.strerror or str(problem)) from None

    def _addresses(
        self, parts: SplitResult, host: str, port: int, clock: "_Clock"
    ) -> Sequence[Address]:
        try:
            texts = _in_time(lambda: self.resolve(host, port), clock)
        except TimeoutError:
            raise NoAnswer("unresolved", f"no address for {host} in time") from None
        except (OSError, UnicodeError) as problem:
            raise NoAnswer("unresolved", f"{host}: {problem}") from None
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
        _check(parts, addresses, self.exceptions)
        return addresses

    def _connection(
        self, scheme: str, host: str, port: int, addresses: Sequence[Address], clock: "_Clock"
    ) -> socket.socket:
        details = f"{host} has no address"
        for number, address in enumerate(addresses, 1):
            patience = clock.left() if number == len(addresses) else CONNECT_SECONDS
            try:
                line = socket.create_connection(
                    (str(address), port), timeout=min(patience, clock.left())
                )
            except OSError as problem:
                details = f"{address}: {problem.strerror or problem}"
                continue
            if scheme == "http":
                return line
            try:
                line.settimeout(clock.left())
                return self.tls.wrap_socket(line, server_hostname=host)
            except BaseException as problem:
                line.close()
                if isinstance(problem, ssl.SSLError):
                    raise NoAnswer("tls", str(problem)[:200]) from None
                raise
        raise NoAnswer("unreachable", details)


class _Clock:
    """What is left of the time for all of it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, never none at all; raises TimeoutError."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _Wire:
    """A connection as http.client wants one, where each read and write heeds the deadline."""

    def __init__(self, line: socket.socket, clock: _Clock) -> None:
        self._line = line
        self._clock = clock
        self.reader = _BoundedReader(line, clock)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.reader, buffer_size=1024)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._line.settimeout(self._clock.left())
            rest = rest[self._line.send(rest) :]

    def close(self) -> None:
        """Nothing: http.client says this before the body is read."""


class _BoundedReader(io.RawIOBase):
    """What comes in: a timeout of the socket alone would start anew with each byte that drips."""

    def __init__(self, line: socket.socket, clock: _Clock) -> None:
        self._line = line
        self._clock = clock
        self._received = 0
        self.is_bounded = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(self._clock.left())
        count = self._line.recv_into(buffer)
        self._received += count
        if self.is_bounded and self._received > MAX_HEADERS:
            raise ValueError(f"headers of more than {MAX_HEADERS} bytes")
        return count


def _exchange(
    wire: _Wire,
    method: str,
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    most: int,
) -> HttpAnswer:
    usual = PORTS[parts.scheme]
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or usual)
    connection.default_port = usual  # what the Host header leaves out
    connection.sock = wire
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, target, body, {**headers, "Connection": "close"})
    answer = connection.getresponse()
    wire.reader.is_bounded = False  # of the body as much is read as is kept
    if not HTTPStatus.OK <= answer.status <= 599:
        raise ValueError(f"status {answer.status}")
    content = b"" if method == "HEAD" else answer.read(most)
    return HttpAnswer(
        answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
    )


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _check(parts: SplitResult, addresses: Sequence[Address], exceptions: Exceptions) -> None:
    """Refuse a host if one of its addresses is not public, unless the operator opened it."""
    if addresses and exceptions.cover(str(parts.hostname), addresses):
        return
    if parts.scheme == "http":
        raise NoAnswer("blocked", "plain http is for private targets alone")
    private = [address for address in addresses if not is_public(address)]
    if private:
        raise NoAnswer("blocked", f"{private[0]} is not an address of the internet")


def _in_time(ask: Callable[[], Sequence[str]], clock: _Clock) -> Sequence[str]:
    """The answer of a call that knows no timeout, as the system's resolver; raises TimeoutError."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except Exception as problem:
            answers.put(problem)

    threading.Thread(target=run, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=clock.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer
