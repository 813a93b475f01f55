"""A form of a request as it stands: what was typed and attached, and what the page shows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from flask import request
from werkzeug.datastructures import MultiDict

from kbsearch import form_fields, i18n
from kbsearch.database import new_id
from kbsearch.errors import AlreadySent, Problem
from kbsearch.form_fields import FormField
from kbsearch.people.organisations import Organisation, products
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.files import Attachment
from kbsearch.tickets.filing import form
from kbsearch.tickets.filing.form import RequestForm
from kbsearch.web import vendor_fields
from kbsearch.web.render import db, language, site, viewer

TYPED = ("subject", "description", "software", "version", "severity", "cc")
CHOSEN = ("organisation", "requester", "confidential", "follows", "by_phone")
OFFERED = {"severity", "software"}  # may have been chosen by nobody
NO_SOFTWARE = "-"  # chosen: the request is about none of them; no product is called so


class FormView(NamedTuple):
    """What the templates need of a form."""

    key: str
    values: Mapping[str, str]
    files: Sequence[Attachment]
    wrong: Mapping[str, str]  # told, by field
    revision: str
    organisations: Sequence[Organisation]
    software: Sequence[tuple[str, str]]
    versions: Sequence[str]
    where: str  # the version of the software is to be found
    questions: Sequence[FormField]

    @property
    def no_software(self) -> str:
        """What the choice of none of them is sent as."""
        return NO_SOFTWARE

    def value(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True)
class Filled:
    """A form with what is in it; its key makes it one request however often it is sent."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Attachment] = ()
    problems: Mapping[str, Problem] = field(default_factory=dict)
    revision: str = ""  # of its draft

    @cached_property
    def request(self) -> RequestForm:
        texts = {name: self.values.get(name, "") for name in TYPED if name != "cc"}
        if texts["software"] == NO_SOFTWARE:
            texts["software"] = ""
        return RequestForm(
            **texts,
            organisation=self.values.get("organisation", ""),
            cc=tuple(
                part.strip() for part in self.values.get("cc", "").replace(";", ",").split(",")
            ),
            fields=self.answers,
            confidential=bool(self.values.get("confidential")),
            requester=self.values.get("requester", ""),
        )

    @cached_property
    def answers(self) -> dict[str, str]:
        """What is answered to the questions of the product, by their names."""
        return {
            name.removeprefix(OWN): text
            for name, text in self.values.items()
            if name.startswith(OWN)
        }

    def shown(self, organisations: Sequence[Organisation] | None) -> FormView:
        """For the page of somebody who may file for these organisations."""
        choices = software_of(self.values.get("requester", ""))
        software = self.values.get("software", "")
        is_known = software in dict(choices)
        is_choice = is_known or software == NO_SOFTWARE
        values = {**self.values, "software": software if is_choice else ""}
        questions = form_fields.asked(
            vendor_fields.definitions(), software if is_known else None, self.answers
        )
        return FormView(
            self.key,
            values,
            self.files,
            {name: i18n.explain(problem, language()) for name, problem in self.problems.items()},
            self.revision,
            organisations or (),
            choices,
            form.list_versions(db(), viewer(), software) if is_known else (),
            products.find(db(), software).where(language()) if is_known else "",
            questions,
        )


def key_after(problem: Problem | None) -> str:
    """The key of a form that is shown again: a new one where its own was sent with another text."""
    own = "" if isinstance(problem, AlreadySent) else request.form.get("key", "")
    return own or new_id()


def values_of(fields: MultiDict[str, str]) -> dict[str, str]:
    """The fields of a form that was sent; what is none of ours is left out."""
    names = {*TYPED, *CHOSEN}
    usual = {name: text for name, text in fields.items() if name in names}
    return usual | vendor_fields.sent(fields)


def typed(fields: MultiDict[str, str]) -> dict[str, str]:
    """The same when it is worth a draft: what may have stood there from the start is not."""
    values = values_of(fields)
    return values if any(values[name].strip() for name in values.keys() - OFFERED) else {}


def required(requester: str) -> set[str]:
    """What the form asks for that may be unsaid elsewhere: how severe, and where set, of what."""
    asks_software = site().settings.software_required and bool(software_of(requester))
    return {"severity", "software"} if asks_software else {"severity"}


def software_of(requester: str) -> list[tuple[str, str]]:
    """What there is to choose: what contracts cover, for agents everything."""
    if viewer().is_agent:
        every = products.list_all(db())
        return [(one.slug, one.name) for one in every if one.disabled_at is None]
    choices = form.choices(db(), viewer())
    return sorted(
        {product for choice in choices for product in choice.products},
        key=lambda product: product[1],
    )
