"""Files: put before they are sent along, got with the token or by an address of an hour."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import integer_ids, people, signing
from kbsearch.clock import stored, utc_now
from kbsearch.database import new_id
from kbsearch.errors import Invalid, NotFound, SignInNeeded
from kbsearch.files import places
from kbsearch.files.store import FileStore
from kbsearch.people import viewers
from kbsearch.tickets import files
from kbsearch.tickets.exports import ExportedFile
from kbsearch.tickets.files import Attachment, Upload
from kbsearch.tickets.filing import drafts
from kbsearch.web.render import db, site, viewer
from kbsearch.web.tickets.files import sent
from kbsearch.web.zendesk import ticket_shapes
from kbsearch.web.zendesk.answers import Made, Values, offer, url
from kbsearch.web.zendesk.ticket_shapes import ATTACHMENT, LINK

UNUSED = timedelta(days=1)
links = Blueprint("zendesk_files", __name__)


@offer("/uploads", "POST", status=201)
def upload() -> Made:
    """Keep the bytes, whatever type they are said to be of; a second file goes to the same token"""
    token = request.args.get("token") or new_id()
    drafts.check_key(token)
    name = request.args.get("filename") or "file"
    files.keep(db(), viewer(), _store(), token, Upload(name, request.stream))
    kept = files.list_unsent(db(), viewer(), token)
    written = ticket_shapes.attachments([exported(each) for each in kept])
    value = {
        "token": token,
        "expires_at": stored(utc_now() + UNUSED),
        "attachments": written,
        "attachment": written[-1],
    }
    return Made({"upload": value}, url(f"/api/v2/uploads/{token}.json"))


@offer("/uploads/<token>", "DELETE", status=204)
def discard(token: str) -> Values:
    """Take files back before they are sent"""
    for file in files.list_unsent(db(), viewer(), token):
        files.discard(db(), viewer(), file.id)
    return {}


@offer("/attachments/<int:number>")
def show_attachment(number: int) -> Values:
    """What is known of a file"""
    key = integer_ids.key_of(db(), ATTACHMENT, number)
    file = files.find(db(), viewer(), key or "")
    return {"attachment": ticket_shapes.attachments([exported(file)])[0]}


@links.get("/<signed>/")
def download(signed: str) -> Response:
    """The bytes, for whom the address was made, if they may still read them."""
    content = signing.read(site().settings, LINK, signed)
    if content is None:
        raise NotFound("attachment.not_found")
    person_id, _, file_id = content.partition(".")
    reader = viewers.find(db(), people.find_id(db(), person_id).email)
    return sent(files.open_file(db(), reader, _store(), file_id))


def gathered(tokens: object) -> str:
    """The key of a form that has the files of these tokens; one token may stand alone."""
    names = [tokens] if isinstance(tokens, str) else tokens or []
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise Invalid("api.not_a_list", limit=files.MAX_FILES)
    if not viewer().is_signed_in:
        raise SignInNeeded("token.needed")
    key = new_id()
    ids = [file.id for name in names for file in files.list_unsent(db(), viewer(), str(name))]
    if len(ids) < len(names):
        raise Invalid("attachment.not_found")
    if ids:
        files.gather(db(), viewer(), ids, key)
    return key


def exported(file: Attachment) -> ExportedFile:
    names = ("id", "name", "media_type", "size", "width", "height")
    known: dict[str, Any] = {name: getattr(file, name) for name in names}
    return ExportedFile(ticket_id="", message_id=None, **known)


def _store() -> FileStore:
    return places.attached(site().settings)
