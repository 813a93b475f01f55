"""Files of requests as they are downloaded: nothing in them ever runs here."""

from urllib.parse import quote

from flask import Blueprint, send_file
from werkzeug.wrappers import Response

from kbsearch.files import scans
from kbsearch.files.store import FileStore
from kbsearch.tickets import files
from kbsearch.tickets.files import Attachment, OpenFile
from kbsearch.web.render import db, person, site

NOTHING_RUNS = "default-src 'none'; sandbox"
SHOWN_AS_THEY_ARE = ("text/plain",)
PRIVATE = {"Cache-Control": "private, no-store"}

bp = Blueprint("attachments", __name__)


@bp.get("/attachments/<id>/<path:name>")
def download(id: str, name: str) -> Response:
    """The file, whole or the range asked for; under another name, the way to its own."""
    file = files.open_file(db(), person(), FileStore(site().settings.files_path), id)
    if name != file.attachment.name:
        return Response(status=301, headers={"Location": address(file.attachment)} | PRIVATE)
    return sent(file)


def sent(file: OpenFile) -> Response:
    """The bytes of a file, once it is known to be clean, so that nothing in it runs."""
    attachment = file.attachment
    scans.check(db(), site().settings, attachment.sha256)
    is_harmless = file.is_inline or file.media_type in SHOWN_AS_THEY_ARE
    response = send_file(
        file.path,
        mimetype=file.media_type if is_harmless else "application/octet-stream",
        as_attachment=not file.is_inline,
        download_name=attachment.name,
        conditional=True,
        etag=attachment.sha256,
        max_age=None,
    )
    response.headers["Content-Security-Policy"] = NOTHING_RUNS
    response.headers.update(PRIVATE)
    return response


def address(attachment: Attachment) -> str:
    return f"/attachments/{attachment.id}/{quote(attachment.name, safe='')}"
