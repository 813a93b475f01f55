"""What the site keeps of whom and how long, and the certificates of what was erased."""

from werkzeug.wrappers import Response

from kbsearch import people
from kbsearch.errors import NotFound
from kbsearch.site import erasure_certificates, register
from kbsearch.site.erasure_certificates import ErasureCertificate
from kbsearch.web.admin.door import bp
from kbsearch.web.render import db, render, site, spoken_language, viewer


@bp.get("/register")
def show_register() -> Response:
    settings = site().settings
    return render(
        "admin/register.html",
        kinds=[
            (kind, kind.length_by(settings), dict(kind.values(settings))) for kind in register.KINDS
        ],
        erasures=erasure_certificates.list_latest(db(), viewer()),
    )


@bp.get("/erasures/<id>")
def show_erasure(id: str) -> Response:
    certificate = erasure_certificates.find(db(), viewer(), id)
    return render(
        "admin/erasure.html",
        certificate=certificate,
        counts=register.by_kind(certificate.counts),
        actor=_actor_of(certificate),
    )


def _actor_of(certificate: ErasureCertificate) -> str:
    _ = spoken_language().translate
    if certificate.by_id is None:
        return str(_("a command"))
    try:
        return people.find_id(db(), certificate.by_id).name
    except NotFound:
        return str(_("Erased account"))
