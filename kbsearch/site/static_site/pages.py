"""The pages of a static site from their templates, every address relative to the page."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kbsearch import i18n, resources
from kbsearch.articles.categories import Category
from kbsearch.config import Settings
from kbsearch.site.static_site.links import relative
from kbsearch.text.typography import typeset

LANGUAGE_NAMES = {"fr": "Français", "en": "English"}


class Templates:
    """The templates for one page, in its language."""

    def __init__(self, settings: Settings, language: str, file: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(resources.folder("templates")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=True,
        )

        def translate(message: str, /, **values: object) -> str:
            return i18n.gettext(language, message, **values)

        def translate_many(one: str, many: str, number: int) -> str:
            text = i18n.catalogue(language).ngettext(one, many, number)
            return text % {"number": i18n.number(language, number)}

        def category_name(category: Category) -> str:
            folder = category.path.rpartition("/")[2]
            return category.name or folder.replace("-", " ").capitalize()

        def date(moment: str) -> str:
            return i18n.date(language, moment)

        def to(target: str) -> str:
            return relative(target, file)

        self._environment.filters["typeset"] = typeset
        self._environment.globals |= {
            "_": translate,
            "ngettext": translate_many,
            "category_name": category_name,
            "date": date,
            "to": to,
            "language": language,
            "language_names": LANGUAGE_NAMES,
            "site_name": settings.site_name,
        }

    def render(self, name: str, /, **values: object) -> str:
        return self._environment.get_template(f"static_site/{name}.html").render(**values)
