"""The custom fields of a Zendesk account: what each is called here, and what was answered."""

from kbsearch.errors import Invalid
from kbsearch.people.organisations import slugs
from kbsearch.site.importing.systems import LeftOut
from kbsearch.site.importing.systems.spool import Spool
from kbsearch.site.importing.systems.values import Values, answer, items, text

MAX_NAME = 40


class CustomFields:
    """The fields that an export names."""

    def __init__(self, things: Spool, left_out: LeftOut) -> None:
        self.left_out = left_out
        self._names: dict[str, str] = {}  # by id
        for batch in things.batches("ticket_fields"):
            for values in batch:
                identity, name = str(values["id"]), _name(values)
                is_taken = name in self._names.values()
                self._names[identity] = f"f_{identity}" if is_taken else name

    def answers(self, ticket: Values) -> dict[str, str]:
        """What was answered, by name; of a field that the export does not name, nothing."""
        answers = {}
        for field in items(ticket, "custom_fields"):
            if answered := answer(field.get("value")):
                name = self._names.get(str(field.get("id")))
                if name is None:
                    self.left_out.add(Invalid("import.fields_left_out"))
                else:
                    answers[name] = answered
        return answers


def _name(field: Values) -> str:
    """Its title as programs name fields: small letters, digits and _."""
    title = text(field, "title", "raw_title") or str(field["id"])
    name = slugs.slug_of(title).replace("-", "_")
    return (name if name[0].isalpha() else f"f_{name}")[:MAX_NAME]
