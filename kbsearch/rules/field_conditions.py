"""What rules ask of the fields that the vendor added: `name=value`, or `name~words` of a text.

Of several values of one field one is enough; where fields are several, each must have its own.
"""

from collections.abc import Sequence

from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.rules.facts import Facts, phrase
from kbsearch.tickets.desk import field_values
from kbsearch.tickets.desk.actions import Values
from kbsearch.tickets.filing.form import read_answer


def check(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """What is asked of fields, as it is kept; raises Invalid."""
    offered = field_values.offered(db, viewer)
    kept = []
    for name, _, typed in field_values.checked(values, offered):
        is_text = offered[name].kind == "text"
        value = " ".join(typed.split()) if is_text else read_answer(offered[name], typed)
        if value and (not is_text or phrase(value)):
            kept.append(field_values.said(name, value, is_text=is_text))
    return tuple(dict.fromkeys(kept))


def hold(facts: Facts, values: Values) -> bool:
    """Whether the fields of a request have what is asked."""
    by_name: dict[str, bool] = {}
    for name, sign, value in field_values.read(values):
        answer = facts.answers.get(name, "")
        has = phrase(value) in phrase(answer) if sign == "~" else value in answer.split("\n")
        by_name[name] = by_name.get(name, False) or has
    return all(by_name.values())
