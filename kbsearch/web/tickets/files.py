"""Files of requests as they are downloaded: nothing in them ever runs here."""

from urllib.parse import quote

from flask import Blueprint, request, send_file
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response

from kbsearch.files import places, scans
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
    file = files.open_file(db(), person(), places.attached(site().settings), id)
    if name != file.attachment.name:
        return Response(status=301, headers={"Location": address(file.attachment)} | PRIVATE)
    return sent(file)


def sent(file: OpenFile) -> Response:
    """The bytes of a file, once it is known to be clean, so that nothing in it runs.

    Or the way to where its storage has it, but for pictures: a page shows only what is ours.
    """
    attachment, settings = file.attachment, site().settings
    scans.check(db(), settings, attachment.sha256)
    is_inline = attachment.is_image
    if settings.files_signed and not is_inline and (elsewhere := file.address()):
        return Response(status=302, headers={"Location": elsewhere} | PRIVATE)
    is_harmless = is_inline or attachment.media_type in SHOWN_AS_THEY_ARE
    response = send_file(
        file.open(),
        mimetype=attachment.media_type if is_harmless else "application/octet-stream",
        as_attachment=not is_inline,
        download_name=attachment.name,
        etag=attachment.sha256,
        max_age=None,
        conditional=False,  # it would not know how long the file is
    )
    response.content_length = attachment.size
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=attachment.size)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    response.headers["Content-Security-Policy"] = NOTHING_RUNS
    response.headers.update(PRIVATE)
    return response


def address(attachment: Attachment) -> str:
    return f"/attachments/{attachment.id}/{quote(attachment.name, safe='')}"
