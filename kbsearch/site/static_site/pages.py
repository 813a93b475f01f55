"""The pages of a static site from their templates, every address relative to the page."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kbsearch import i18n, resources
from kbsearch.config import Settings
from kbsearch.people.organisations.branding import Logo
from kbsearch.site.static_site.links import relative
from kbsearch.text.typography import typeset


class StaticTemplates:
    """The templates of all pages, compiled once."""

    def __init__(self, settings: Settings, logo: tuple[str, Logo] | None) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(resources.folder("templates")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=True,
        )
        self._environment.filters["typeset"] = typeset
        self._environment.globals |= {
            "language_names": i18n.LANGUAGE_NAMES,
            "site_name": settings.site_name,
            "logo": logo,
        }

    def render(self, name: str, language: str, file: str, /, **values: object) -> str:
        """A page in its language, as it stands in `file`."""

        def to(target: str) -> str:
            return relative(target, file)

        template = self._environment.get_template(f"static_site/{name}.html")
        return template.render(**_words(language), language=language, to=to, **values)


@cache
def _words(language: str) -> dict[str, Any]:
    """What the templates say in a language."""

    def translate(message: str, /, **values: object) -> str:
        return i18n.gettext(language, message, **values)

    def translate_many(one: str, many: str, number: int) -> str:
        text = i18n.catalogue(language).ngettext(one, many, number)
        return text % {"number": i18n.number(language, number)}

    def date(moment: str) -> str:
        return i18n.date(language, moment)

    return {"_": translate, "ngettext": translate_many, "date": date}
