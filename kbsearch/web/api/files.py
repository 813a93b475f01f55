"""Files of tickets: their bytes."""

from werkzeug.wrappers import Response

from kbsearch.files.store import FileStore
from kbsearch.tickets import files
from kbsearch.web.api import door, shapes
from kbsearch.web.api.operations import Operation, bp, describe
from kbsearch.web.render import db, site
from kbsearch.web.tickets.files import sent


@bp.get("/attachments/<id>")
def show_attachment(id: str) -> Response:
    """The bytes of a file"""
    door.let_in(writes=False, searches=False)
    if door.token().product is not None:
        door.check_product(files.product_of(db(), id))
    store = FileStore(site().settings.files_path)
    return sent(files.open_file(db(), door.caller(), store, id))


describe(Operation("GET", "/attachments/<id>", shapes.BINARY), show_attachment)
