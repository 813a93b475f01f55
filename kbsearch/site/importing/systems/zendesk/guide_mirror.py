"""The articles of a live Zendesk account, copied into a folder: it goes on where it was.

Lists are asked for again each time, what belongs to an article only once it has changed.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote, urljoin

from kbsearch.errors import Invalid, NotFound
from kbsearch.site.importing.systems.values import Values, identity, items, text, texts
from kbsearch.site.importing.systems.zendesk.account import NotServed
from kbsearch.site.importing.systems.zendesk.mirror import Mirror

GUIDE = "help_center"
FILES = "article_attachments"
LISTS = ("categories", "sections", "articles")
_FILE = re.compile(
    rf"""/hc/(?:[a-z-]{{2,10}}/)?{FILES}/(\d{{1,20}})(?:/([^\s"'<>?#]{{1,200}}))?""", re.IGNORECASE
)
_LOCALE = re.compile(r"[a-z]{2}(?:-[a-z0-9]{1,8})*", re.IGNORECASE)


class GuideMirror(Mirror):
    """The folder of the articles of an account; `tell` hears of each article looked at."""

    def fill(self, since: str = "") -> list[str]:
        """Bring the folder up to date; the lists that this token does not open.

        Raises Invalid, Unavailable; what has come by then stays.
        """
        with self._alone():
            editions: dict[str, str] = {}
            for locale in self._locales():
                for name in LISTS:
                    for article in self._pages(f"{GUIDE}/{locale}/{name}", name):
                        number = identity(article, "id")
                        if name == "articles" and number.isdecimal():
                            moment = f"{locale} {text(article, 'updated_at')}"
                            editions[number] = f"{editions.get(number, '')} {moment}".strip()
            for number, edition in editions.items():
                self._complete_article(number, edition)
                self.tell(1)
            return self._segments()

    def _locales(self) -> list[str]:
        """The languages it is written in."""
        try:
            locales = texts(self.account.page(f"{GUIDE}/locales", ""), "locales")
        except NotServed:
            raise Invalid("import_articles.no_guide", host=self.account.host) from None
        return [locale for locale in locales if _LOCALE.fullmatch(locale)]

    def _pages(self, name: str, key: str) -> Iterator[Values]:
        """The objects of a list, once their page is in the folder; pages of before are gone."""
        count = 0
        for count, page in enumerate(self.account.pages(name), 1):
            if not isinstance(page.get(key), list):
                raise Invalid("import.not_an_account", host=self.account.host)
            self._put(f"{name}.page{count}", {key: page[key]})
            yield from items(page, key)
        while (stale := self._file_of(f"{name}.page{count + 1}")).exists():
            count += 1
            stale.unlink()

    def _complete_article(self, number: str, edition: str) -> None:
        """Its translations, drafts among them, and its files, unless they are there as they are."""
        name = f"{GUIDE}/articles/{number}"
        if self._edition_of(f"{name}/translations") == edition:
            return
        translations: list[Values] = []
        attachments: list[Values] = []
        with suppress(NotServed):  # it was removed meanwhile
            for page in self.account.pages(f"{name}/translations"):
                translations += items(page, "translations")
            for page in self.account.pages(f"{name}/attachments"):
                attachments += items(page, FILES)
        self._put(f"{name}/attachments", {FILES: attachments})
        listed = {identity(attachment, "id") for attachment in attachments}
        shown = dict(file for words in translations for file in _FILE.findall(text(words, "body")))
        attachments += [self._shown(*file) for file in shown.items() if file[0] not in listed]
        fetched = [self._fetch(attachment, FILES) for attachment in attachments]
        said = {"translations": translations, "edition": edition if all(fetched) else ""}
        self._put(f"{name}/translations", said)

    def _shown(self, file: str, name: str) -> Values:
        """A picture that no list has: of another article, or of one that is gone."""
        url = urljoin(self.account.url, f"/hc/{FILES}/{file}")
        return {"id": file, "content_url": url, "file_name": unquote(name)}

    def _segments(self) -> list[str]:
        """Who may read what, and the names of the organisations in it."""
        name = "user_segments"
        try:
            segments = list(self._pages(f"{GUIDE}/{name}", name))
        except NotFound:
            return [f"{GUIDE}/{name}"]
        if any(segment.get("organization_ids") for segment in segments):
            self._put("incremental/organizations", self._organizations())
        return []
