"""kbsearch lessons: what people confirmed articles for, and forgetting it."""

import click

from kbsearch import articles
from kbsearch.access import OPERATOR
from kbsearch.articles import Article
from kbsearch.cli import Site, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.search.learning import lessons


@click.group("lessons")
def lessons_command() -> None:
    """What the search learnt: words that were typed, and the article that answered them.

    Example: kbsearch lessons list fr/account/sign-in
    """


@lessons_command.command("list")
@click.argument("path")
@json_option
@pass_site
def lessons_list(site: Site, path: str, as_json: bool) -> None:
    """The phrases an article was confirmed for, without personal data.

    Example: kbsearch lessons list fr/account/sign-in
    """
    phrases = lessons.list_phrases(site.db, OPERATOR, _find(site, path))
    if as_json:
        echo_json([vars(phrase) for phrase in phrases])
        return
    rows = [
        (phrase.id, phrase.wording, ", ".join(phrase.kinds), str(phrase.people), phrase.since)
        for phrase in phrases
    ]
    echo_table(["id", "phrase", "kinds", "people", "since"], rows)


@lessons_command.command("forget")
@click.argument("path")
@click.argument("lesson", required=False)
@pass_site
def lessons_forget(site: Site, path: str, lesson: str | None) -> None:
    """Forget a phrase of an article by its id, or all of them.

    Example: kbsearch lessons forget fr/account/sign-in
    """
    count = lessons.forget(site.db, OPERATOR, _find(site, path), lesson or "")
    click.echo(say("%(count)s lessons forgotten.", count=count))


def _find(site: Site, path: str) -> Article:
    language, _, rest = path.partition("/")
    return articles.find(site.db, OPERATOR, language, rest.rpartition("/")[2])
