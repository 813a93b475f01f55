"""Addresses of clusters: opensearch+https://user:password@host:9200,other:9200/prefix?shards=2."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("opensearch+https://", "opensearch+http://")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
USUAL_PORT = 9200
USUAL_PREFIX = "kbsearch"
MOST_COPIES = 20

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_NODE = re.compile(r"(\[[0-9a-fA-F:]{2,40}\]|[\w.-]{1,253})(?::(\d{1,5}))?", re.ASCII)


@dataclass(frozen=True)
class ClusterAddress:
    """The nodes of a cluster, who asks, and how the indexes of a site are kept there."""

    nodes: tuple[tuple[str, int], ...]
    is_encrypted: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    prefix: str = USUAL_PREFIX  # what the names of this site's indexes begin with
    ca: str = ""  # file with the certificates that are trusted; empty: the machine's own
    shards: int = 1
    replicas: int | None = None  # None: one where there is a second node


def is_address(text: str) -> bool:
    """Whether a text is meant as one."""
    return text.startswith("opensearch")


def parsed(text: str) -> ClusterAddress:
    """Read an address; raises ValueError, without what may be secret in it."""
    if not text.startswith(SCHEMES):
        raise ValueError(f"it starts with {' or '.join(SCHEMES)}")
    parts = urlsplit(text)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    nodes = tuple(_node(node) for node in hosts.split(","))
    is_encrypted = parts.scheme == "opensearch+https"
    if credentials and not is_encrypted and any(name not in LOCAL_NAMES for name, _ in nodes):
        raise ValueError("a password needs opensearch+https://")
    prefix = parts.path.strip("/") or USUAL_PREFIX
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("after the host, a prefix of small letters, digits, - and _")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"ca", "replicas", "shards"})
    if unknown or parts.fragment:
        raise ValueError("its options are ca, shards and replicas")
    replicas = options.get("replicas")
    return ClusterAddress(
        nodes,
        is_encrypted,
        unquote(user),
        unquote(password),
        prefix,
        options.get("ca", ""),
        _count("shards", options.get("shards", "1"), 1),
        None if replicas is None else _count("replicas", replicas, 0),
    )


def _node(text: str) -> tuple[str, int]:
    match = _NODE.fullmatch(text)
    if match is None or not 0 < int(match[2] or USUAL_PORT) < 65_536:
        raise ValueError("it names its nodes as host:port, with commas between them")
    return match[1].strip("[]"), int(match[2] or USUAL_PORT)


def _count(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and least <= int(text[:6]) <= MOST_COPIES):
        raise ValueError(f"{name} is a number from {least} to {MOST_COPIES}")
    return int(text)
