"""How much there is, and whether all is well."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch.site import doctor, first_steps, health, upgrades
from kbsearch.web.admin.door import bp, for_agents
from kbsearch.web.admin.finding import MAX_TEXT, find_places
from kbsearch.web.render import db, language, render, site, spoken_language, viewer


@bp.get("")
@for_agents
def overview() -> Response:
    if not viewer().is_administrator:
        return redirect(f"/{language()}/admin/people", 303)
    text = request.args.get("q", "")[:MAX_TEXT]
    return render(
        "admin/overview.html",
        text=text,
        places=find_places(spoken_language(), text),
        steps=first_steps.look(db(), viewer(), site().settings),
        counts=health.counts(db()),
        is_upgraded=upgrades.has_news(db(), viewer()),
        checks=list(doctor.glance(site().settings, db(), health.look(db()))),
    )
