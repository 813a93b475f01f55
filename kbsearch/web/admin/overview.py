"""How much there is, and whether all is well."""

from flask import redirect
from werkzeug.wrappers import Response

from kbsearch.site import doctor, first_steps, health
from kbsearch.web.admin.door import bp, for_agents
from kbsearch.web.render import db, language, render, site, viewer


@bp.get("")
@for_agents
def overview() -> Response:
    if not viewer().is_administrator:
        return redirect(f"/{language()}/admin/people", 303)
    return render(
        "admin/overview.html",
        steps=first_steps.look(db(), viewer(), site().settings),
        counts=health.counts(db()),
        checks=list(doctor.glance(site().settings, db(), health.look(db()))),
    )
