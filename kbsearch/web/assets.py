"""Style sheet, script and icons: in memory, compressed once, cached by content hash."""

import gzip
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import resources
from kbsearch.errors import NotFound

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
)
BUNDLES = {  # one request instead of several
    "site.css": ("app.css", *EVERYONES, "pygments.css"),
    "desk.css": AGENTS,
    "site.js": ("vendor/htmx.min.js", "app.js"),
}
COMMENT_LINES = re.compile(rb"(?m)^[ \t]*//.*\n")
MEDIA_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}

bp = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    packed: bytes | None  # gzip, when it is worth it
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
    packed = gzip.compress(body, mtime=0)
    return Asset(
        body,
        packed if len(packed) < 0.9 * len(body) else None,
        media_type or "application/octet-stream",
        sha256(body).hexdigest()[:12],
    )


def _as_sent(path: Path) -> bytes:
    """A file without what is for its readers here; a licence in a comment of `/*! */` stays."""
    body = path.read_bytes()
    return COMMENT_LINES.sub(b"", body) if path.suffix == ".js" else body


@cache
def url(name: str) -> str:
    """The address of an asset; it changes with its content."""
    return f"/static/{load(name).digest}/{name}"


@bp.get("/static/<digest>/<path:name>")
def asset(digest: str, name: str) -> Response:
    file = load(name)
    response = Response(file.body, content_type=file.media_type)
    if file.packed is not None:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip"):
            response.data = file.packed
            response.headers["Content-Encoding"] = "gzip"
    # a page of the previous release may still ask for the old one: answer, but keep nothing
    response.headers["Cache-Control"] = IMMUTABLE if digest == file.digest else "no-cache"
    return response
