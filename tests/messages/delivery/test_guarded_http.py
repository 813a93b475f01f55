"""The way out to addresses that people typed: whom it refuses to speak to, and for how long."""

import ssl
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest

from kbsearch.messages.delivery import guarded_http
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, HttpAnswer, NoAnswer
from tests.kit import receivers
from tests.kit.receivers import Manner, Receiver, receiver
from tests.kit.waiting import HUNG

LOCAL = Exceptions.of(["127.0.0.0/8"])
QUICK = 0.6  # seconds; the real one is tried once below
PUBLIC = "93.184.216.34"

# What an attacker writes in a URL, and what it leads to.
PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",  # the same in one number
    "0x7f.1",
    "0177.0.0.1",
    "0",
    "localhost",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # what clouds tell their machines
    "100.64.0.1",  # shared by a provider's customers
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",  # through NAT64
    "[64:ff9b:1::1]",
    "[2001::1]",  # Teredo
    "[2001:db8::1]",
    "[2002:7f00:1::]",  # 6to4
    "[3fff::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(host: str):
    with pytest.raises(NoAnswer) as refused:
        Guard(deadline=5).send(f"https://{host}/", b"", {})
    assert refused.value.reason == "blocked"


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_the_internet_is_let_through(address: str):
    assert guarded_http.is_public(ip_address(address))


def test_one_private_address_among_public_ones_is_enough():
    guard = Guard(resolve=lambda host, port: [PUBLIC, "10.0.0.1"])
    with pytest.raises(NoAnswer, match=r"10\.0\.0\.1"):
        guard.send("https://two-faced.example/", b"", {})


def test_a_name_that_changes_its_mind_is_asked_once():
    """DNS rebinding: the address that was checked is the address that is spoken to."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    with receiver() as kind:
        guard = Guard(Exceptions.of(["127.0.0.1"]), resolve=resolve)
        answer = guard.send(f"http://rebinding.example:{kind.port}/", b"{}", {})
        assert answer.status == 204
        assert len(answers) == 1
        with pytest.raises(NoAnswer, match="private targets alone"):  # now it says 127.0.0.2
            guard.send(f"http://rebinding.example:{kind.port}/", b"{}", {})
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1 is not an address of the internet"):
        Guard(resolve=lambda host, port: ["127.0.0.1"]).send("https://rebinding.example/", b"", {})


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",  # not encrypted
        "ftp://example.org/",
        "file:///etc/passwd",
        "//example.org/",
        "https://",
        "https:///path",
        "https://user:secret@example.org/",
        "https://example.org/#fragment",
        "https://example.org/a b",
        "https://example.org/\r\nX-Injected: yes",
        "https://example.org:99999/",
        "https://[::1/",
        "https://exämple.org/",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_https_address_is_refused_unresolved(url: str):
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("it was resolved")

    with pytest.raises(NoAnswer) as refused:
        Guard(resolve=never).send(url, b"", {})
    assert refused.value.reason == "blocked"


def test_the_operator_opens_hosts_by_name_or_network():
    with receiver() as kind:
        url = f"http://tools.lan:{kind.port}/hook?a=1"
        for targets in (["tools.lan"], ["Tools.LAN"], ["127.0.0.0/30"]):
            guard = Guard(Exceptions.of(targets), resolve=lambda host, port: ["127.0.0.1"])
            assert guard.send(url, b"{}", {"X-A": "b"}).status == 204
        headers, body = kind.received[0]
    assert headers[""] == "POST /hook?a=1 HTTP/1.1"
    assert headers["host"] == f"tools.lan:{kind.port}"
    assert headers["x-a"] == "b" and headers["connection"] == "close" and body == b"{}"


def test_an_open_network_opens_no_other():
    guard = Guard(Exceptions.of(["10.0.0.0/8"]), resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(NoAnswer) as refused:
        guard.send("http://tools.lan/", b"", {})
    assert refused.value.reason == "blocked"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    with receiver() as kind, receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert Guard(LOCAL).send(kind.url, b"", {}).status == 204
        assert proxy.received == []


def test_a_redirect_is_an_answer_and_is_not_followed():
    with receiver() as inside:
        told = f"HTTP/1.1 302 Found\nLocation: {inside.url}"
        with receiver(receivers.saying(told)) as hostile:
            answer = Guard(LOCAL).send(hostile.url, b"{}", {})
        assert (answer.status, inside.received) == (302, [])


def hostile_answer(manner: Manner, deadline: float = QUICK) -> HttpAnswer | NoAnswer:
    with receiver(manner) as hostile:
        try:
            return Guard(LOCAL, deadline).send(hostile.url, b"{}", {})
        except NoAnswer as problem:
            return problem


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        (receivers.never_answers, "timeout"),
        (receivers.drips_headers, "timeout"),
        (receivers.drips_body, "timeout"),
        (receivers.big_header, "garbled"),
        (receivers.many_headers, "garbled"),
        (receivers.continues_for_ever, "garbled"),
        (receivers.resets, "cut"),
        (receivers.talks_garbage, "garbled"),
        (receivers.says_nothing, "garbled"),
        (receivers.saying("HTTP/1.1 999 Nine"), "garbled"),
        (receivers.saying("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz"), "garbled"),
    ],
    ids=[
        *("never", "drips headers", "drips body", "big header", "many headers", "continues"),
        *("resets", "garbage", "nothing", "no such status", "bad chunk"),
    ],
)
def test_a_hostile_receiver_costs_no_more_than_the_deadline(manner: Manner, reason: str):
    answer = hostile_answer(manner, QUICK if reason == "timeout" else HUNG)
    assert isinstance(answer, NoAnswer), answer
    assert answer.reason == reason


def test_the_real_deadline_is_fifteen_seconds():
    assert Guard().deadline == 15


def test_the_certificates_of_the_machine_are_read_once():
    assert Guard().tls is Guard(deadline=1).tls


def test_of_an_endless_answer_four_kilobytes_are_read():
    answer = hostile_answer(receivers.endless_body, HUNG)
    assert isinstance(answer, HttpAnswer)
    assert answer.body == b"x" * 4096


def test_a_body_in_chunks_is_put_together():
    told = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n6\n world\n0"
    answer = hostile_answer(receivers.saying(told), HUNG)
    assert isinstance(answer, HttpAnswer) and answer.body == b"hello world"


def test_nobody_listening_is_said():
    with receiver() as gone:
        url = gone.url
    with pytest.raises(NoAnswer) as refused:
        Guard(LOCAL).send(url, b"", {})
    assert refused.value.reason == "unreachable"


def test_a_resolver_that_does_not_answer_is_left_waiting():
    answers = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        answers.wait(HUNG)
        return [PUBLIC]

    with pytest.raises(NoAnswer) as refused:
        Guard(deadline=0.3, resolve=slow).send("https://slow.example/", b"", {})
    assert refused.value.reason == "unresolved"
    answers.set()


def test_a_name_without_an_address_is_said():
    with pytest.raises(NoAnswer) as refused:
        Guard().send("https://nowhere.invalid/", b"", {})
    assert refused.value.reason == "unresolved"


def tls_guard(ca: Path | None, deadline: float = 5) -> Guard:
    tls = ssl.create_default_context(cafile=str(ca) if ca else None)
    return Guard(LOCAL, deadline, lambda host, port: ["127.0.0.1"], tls)


def send_over_tls(kind: Receiver, guard: Guard, name: str) -> HttpAnswer:
    return guard.send(f"https://{name}:{kind.port}/", b"{}", {})


def test_a_certificate_counts_for_the_name_and_not_for_the_address(tmp_path: Path):
    ca, server = receivers.certificate(tmp_path, "hooks.example")
    with receiver(tls=server) as kind:
        assert send_over_tls(kind, tls_guard(ca), "hooks.example").status == 204
        for guard, name in ((tls_guard(ca), "other.example"), (tls_guard(None), "hooks.example")):
            with pytest.raises(NoAnswer) as refused:
                send_over_tls(kind, guard, name)
            assert refused.value.reason == "tls"
        assert len(kind.received) == 1


def test_who_speaks_no_tls_is_refused():
    with receiver() as plain, pytest.raises(NoAnswer) as refused:
        send_over_tls(plain, tls_guard(None, QUICK), "hooks.example")
    assert refused.value.reason == "timeout" and plain.received == []
