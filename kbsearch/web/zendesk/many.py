"""Many tickets in one call, and the job that Zendesk's clients then ask after.

They are filed at once, each by itself: what is wrong with one is said of that one.
"""

import json
from typing import Any

from kbsearch import i18n
from kbsearch.database import new_id
from kbsearch.errors import InvalidForm, NotFound, Problem
from kbsearch.people.accounts import kept_answers
from kbsearch.people.accounts.kept_answers import KeptAnswer
from kbsearch.web.api.operations import written
from kbsearch.web.api.problems import Unreadable
from kbsearch.web.render import db, language, viewer
from kbsearch.web.zendesk import door, pages
from kbsearch.web.zendesk.answers import TooManyValues, Values, member, offer, url
from kbsearch.web.zendesk.tickets import opened


@offer("/tickets/create_many", "POST")
def open_tickets() -> Values:
    """File up to a hundred tickets; the job is done when it is answered"""
    door.agent()
    values = _tickets()
    job_id = new_id()
    with db().atomic():  # the job is there with its tickets, or neither
        results = [_result(place, ticket) for place, ticket in enumerate(values)]
        job = {
            "id": job_id,
            "job_type": "Bulk Create Ticket",
            "url": url(f"/api/v2/job_statuses/{job_id}.json"),
            "total": len(results),
            "progress": len(results),
            "status": "completed",
            "message": "",
            "results": results,
        }
        answer = KeptAnswer(200, written({"job_status": job}))
        kept_answers.keep(db(), viewer(), _key(job_id), job_id, answer)
    return {"job_status": job}


@offer("/job_statuses/<job_id>")
def show_job(job_id: str) -> Values:
    """What became of the tickets of a call, for a day and for whoever made it"""
    door.agent()
    answer = kept_answers.find(db(), viewer(), _key(job_id), job_id)
    if answer is None:
        raise NotFound("web.not_found")
    job: Values = json.loads(answer.body)
    return job


def _tickets() -> list[Any]:
    tickets = member("tickets")
    if not isinstance(tickets, list):
        raise Unreadable("api.unreadable")
    if len(tickets) > pages.MOST:
        raise TooManyValues("api.not_a_list", limit=pages.MOST)
    return tickets


def _result(place: int, values: Any) -> dict[str, Any]:
    """The number of a ticket by its place in the call, or why there is none."""
    try:
        if not isinstance(values, dict):
            raise Unreadable("api.unreadable")
        return {"index": place, "id": opened(values).number, "success": True}
    except Problem as problem:
        wrong = list(problem.problems.values()) if isinstance(problem, InvalidForm) else [problem]
        details = "; ".join(i18n.explain(each, language()) for each in wrong)
        return {"index": place, "error": "TicketCreateError", "details": details}


def _key(job_id: str) -> str:
    return f"zendesk job {job_id}"
