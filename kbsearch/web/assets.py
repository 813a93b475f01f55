"""Style sheet, script and icons: in memory, compressed once, cached by content hash.

With Brotli at its best where the browser takes it: it makes 29.5 kB of what the page of a request
loads, gzip 33.1 kB. The fifth of a second that this takes is spent as a process starts.
"""

import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import brotli
from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import resources
from kbsearch.errors import NotFound

WORTH = 0.9  # of a length: what stays longer is sent as it is
IMMUTABLE = "public, max-age=31536000, immutable"
EVERYONES = (
    "accounts.css",
    "signing_in.css",
    "requests.css",
    "lists.css",
    "looks.css",
    "forms.css",
    "thread.css",
)
AGENTS = (
    "desk_bar.css",
    "admin.css",
    "webhooks.css",
    "mail.css",
    "similar.css",
    "queue.css",
    "replies.css",
    "articles.css",
    "lessons.css",
    "feedback.css",
    "insights.css",
    "workspace.css",
)
BUNDLES = {  # one request instead of several
    "site.css": ("app.css", *EVERYONES, "pygments.css"),
    "desk.css": AGENTS,
    "site.js": ("vendor/htmx.min.js", "app.js"),
    "composer.js": ("insertions.js", "composer.js"),
    "editor.js": ("insertions.js", "editor.js"),
}
COMMENT_LINES = re.compile(rb"(?m)^[ \t]*//.*\n")
CSS_COMMENTS = re.compile(rb"/\*[^*]*\*/\n?")
CSS_BLANKS = re.compile(
    rb"(?<=[{};,])\s+|(?<=\S)\s+(?=[{}])|(?<=:) "
)  # none of ours has one in a string
MEDIA_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}

bp = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    packed: Mapping[str, bytes]  # by coding, the best first; none where it is not worth it
    media_type: str
    digest: str


@cache
def load(name: str) -> Asset:
    """The asset of that name under static/; raises NotFound."""
    folder = resources.folder("static")
    paths = [(folder / part).resolve() for part in BUNDLES.get(name, (name,))]
    if not all(path.is_file() and path.is_relative_to(folder.resolve()) for path in paths):
        raise NotFound("web.not_found")
    body = b"\n".join(_as_sent(path) for path in paths)
    suffix = "." + name.rpartition(".")[2]
    media_type = MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0]
    return Asset(
        body,
        _packed(body),
        media_type or "application/octet-stream",
        sha256(body).hexdigest()[:12],
    )


def _packed(body: bytes) -> Mapping[str, bytes]:
    gzipped = gzip.compress(body, mtime=0)
    if len(gzipped) > WORTH * len(body):
        return {}
    return {"br": brotli.compress(body, mode=brotli.MODE_TEXT), "gzip": gzipped}


def prepare() -> None:
    """Have those of every page compressed before anybody asks."""
    for name in BUNDLES:
        load(name)


def _as_sent(path: Path) -> bytes:
    """A file without what is for its readers here; a licence in a comment of `/*! */` stays."""
    body = path.read_bytes()
    if path.suffix == ".css":
        return CSS_BLANKS.sub(b"", CSS_COMMENTS.sub(b"", body))
    return COMMENT_LINES.sub(b"", body) if path.suffix == ".js" else body


@cache
def url(name: str) -> str:
    """The address of an asset; it changes with its content."""
    return f"/static/{load(name).digest}/{name}"


@bp.get("/static/<digest>/<path:name>")
def asset(digest: str, name: str) -> Response:
    file = load(name)
    response = Response(file.body, content_type=file.media_type)
    if file.packed:
        response.vary.add("Accept-Encoding")
        coding = next((name for name in file.packed if request.accept_encodings[name]), None)
        if coding:
            response.data = file.packed[coding]
            response.headers["Content-Encoding"] = coding
    # a page of the previous release may still ask for the old one: answer, but keep nothing
    response.headers["Cache-Control"] = IMMUTABLE if digest == file.digest else "no-cache"
    return response
