"""The state of the service: its processes, its queues, and what it stands on."""

from datetime import timedelta

from werkzeug.wrappers import Response

from kbsearch.clock import stored, utc_now
from kbsearch.processes import family
from kbsearch.site import doctor, health, neighbours
from kbsearch.web.admin.door import bp
from kbsearch.web.render import db, render, site


@bp.get("/status")
def show_status() -> Response:
    settings, state = site().settings, health.look(db())
    return render(
        "admin/status.html",
        state=state,
        relatives=family.look(),
        queues=health.queues(db()),
        free_space=health.free_space(settings),
        certificates=neighbours.look(db()),
        checks=[check for check in doctor.glance(settings, db(), state) if check.state != "ok"],
        before=before,
    )


def before(seconds: float) -> str:
    """The moment so long ago."""
    return stored(utc_now() - timedelta(seconds=seconds))
