"""What rules did with requests: a line for each rule and moment, for those who answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database, Row, Values, one_of
from kbsearch.rules import Rule
from kbsearch.tickets.desk import actions
from kbsearch.tickets.desk.actions import Action


@dataclass(frozen=True)
class RuleRun:
    """What a rule did with a request, and what kept it from it: the key of a problem."""

    id: str
    rule_id: str
    rule_name: str  # as it was then
    ticket_id: str
    at: str
    actions: tuple[Action, ...]
    problem: str


def of_ticket(db: Database, viewer: Viewer, ticket_id: str) -> list[RuleRun]:
    """What rules did with a request, the latest last; its viewer may read it."""
    access.only_agents(viewer)
    return _read(db, "ticket_id = :id AND (actions <> '{}' OR problem <> '')", {"id": ticket_id})


def find(db: Database, run_id: str) -> RuleRun | None:
    """The run of that id, for whoever tells of it; None when its request is gone."""
    return next(iter(_read(db, "id = :id", {"id": run_id})), None)


def is_done(db: Database, ticket_id: str, cause: str, rule: Rule | None = None) -> bool:
    """Whether that moment of a request is done with: by any rule, or by this one."""
    rows = db.query(
        """
        SELECT 1 FROM rule_runs WHERE ticket_id = :ticket AND cause = :cause
        AND (:rule IS NULL OR rule_id = :rule) LIMIT 1
        """,
        {"ticket": ticket_id, "cause": cause, "rule": rule.id if rule else None},
    )
    return bool(rows)


def list_done(db: Database, ticket_ids: Sequence[str]) -> set[tuple[str, str, str]]:
    """The moments of these requests that rules are done with: request, cause, rule."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"SELECT ticket_id, cause, rule_id FROM rule_runs WHERE ticket_id IN ({places})",  # noqa: S608
        values,
    )
    return {(row["ticket_id"], row["cause"], row["rule_id"]) for row in rows}


def keep(db: Database, viewer: Viewer, run: RuleRun, cause: str) -> None:
    """Write down what a rule did at a moment, in the transaction in which it does it."""
    rows = db.query(
        "SELECT COALESCE(MAX(place), 0) AS last FROM rule_runs WHERE ticket_id = :id",
        {"id": run.ticket_id},
    )
    db.insert(
        "rule_runs",
        {
            "place": rows[0]["last"] + 1,
            "id": run.id,
            "rule_id": run.rule_id,
            "rule_name": run.rule_name,
            "ticket_id": run.ticket_id,
            "cause": cause,
            "at": run.at,
            "actions": actions.dumped(run.actions),
            "problem": run.problem,
        },
    )


def forget_idle(db: Database) -> int:
    """Remove what says only that a rule was asked, of requests that are resolved; how many."""
    return db.execute(
        """
        DELETE FROM rule_runs WHERE actions = '{}' AND problem = '' AND ticket_id IN
          (SELECT t.id FROM tickets t WHERE t.status = 'closed')
        """
    )


def _read(db: Database, condition: str, values: Values) -> list[RuleRun]:
    rows: list[Row] = db.query(
        f"""
        SELECT id, rule_id, rule_name, ticket_id, at, actions, problem FROM rule_runs
        WHERE {condition} ORDER BY ticket_id, place
        """,  # noqa: S608 (constants)
        values,
    )
    return [RuleRun(**{**row, "actions": actions.parse(row["actions"])}) for row in rows]
