"""Files of tickets: put before they are sent along, and got by those who read what has them."""

from hashlib import sha256

from flask import request
from werkzeug.wrappers import Response

from kbsearch.database import new_id
from kbsearch.errors import Invalid
from kbsearch.files import places
from kbsearch.files.store import FileStore
from kbsearch.people.accounts import kept_answers
from kbsearch.people.accounts.kept_answers import KeptAnswer
from kbsearch.tickets import files
from kbsearch.tickets.files import Attachment, Upload
from kbsearch.web.api import door, fields, shapes
from kbsearch.web.api.fields import Text
from kbsearch.web.api.operations import (
    Operation,
    bp,
    describe,
    hash_of_call,
    once_key,
    response_of,
    written,
)
from kbsearch.web.render import db, site
from kbsearch.web.tickets.files import sent

PUT = Operation(
    "POST",
    "/attachments",
    shapes.FILE,
    query={"name": Text(255, shortest=1, required=True)},
    body={},
    status=201,
)


@bp.get("/attachments/<id>")
def show_attachment(id: str) -> Response:
    """The bytes of a file"""
    door.let_in(writes=False, searches=False)
    if door.token().product is not None:
        door.check_product(files.product_of(db(), id))
    return sent(files.open_file(db(), door.caller(), _store(), id))


@bp.post("/attachments")
def put_attachment() -> Response:
    """Keep the bytes that are sent as a file, for a ticket or a message that names its id

    The file is written before the database is asked to wait: the same key and the same bytes are
    the same file all the same.
    """
    door.let_in(writes=True, searches=False)
    name = fields.read_query(PUT.query, request.args)["name"]
    key = once_key()
    form_key = sha256(key.encode()).hexdigest()[:40] if key else new_id()
    attachment = files.keep(db(), door.caller(), _store(), form_key, Upload(name, request.stream))
    answer = KeptAnswer(PUT.status, written(_values(attachment)))
    return response_of(_kept_before(key, attachment, answer) if key else answer)


def _kept_before(key: str, attachment: Attachment, answer: KeptAnswer) -> KeptAnswer:
    """The answer that was given to this key; a file that is sent once more goes again."""
    call_hash = hash_of_call(attachment.sha256.encode())
    try:
        with db().atomic():
            earlier = kept_answers.find(db(), door.caller(), key, call_hash)
            if earlier is None:
                kept_answers.keep(db(), door.caller(), key, call_hash, answer)
    except Invalid:
        files.discard(db(), door.caller(), attachment.id)
        raise
    if earlier is not None and earlier != answer:
        files.discard(db(), door.caller(), attachment.id)
    return earlier or answer


def _values(attachment: Attachment) -> dict[str, object]:
    return {
        "id": attachment.id,
        "name": attachment.name,
        "size": attachment.size,
        "type": attachment.media_type,
    }


def _store() -> FileStore:
    return places.attached(site().settings)


describe(Operation("GET", "/attachments/<id>", shapes.BINARY), show_attachment)
describe(PUT, put_attachment)
