"""kbsearch search, similar, evaluate and index: the ranking of the site, from a terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypedDict

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from kbsearch import articles
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.articles.publishing.publish import publish
from kbsearch.cli import Refused, Site, pass_anywhere, pass_site
from kbsearch.cli.output import echo_json, echo_table, json_option, say
from kbsearch.config import LANGUAGES
from kbsearch.errors import Problem
from kbsearch.i18n import explain, terminal_language
from kbsearch.people import viewers
from kbsearch.search import Hit, Kind, Question
from kbsearch.search.fulltext.clicks import Clicks
from kbsearch.search.fulltext.confirmed import Wordings
from kbsearch.search.fulltext.documents import Click, Taught
from kbsearch.search.fulltext.plan import REFUSALS, IndexUnreachable
from kbsearch.search.ranking import Search, by_language, evaluation, indexing
from kbsearch.search.ranking.evaluation import DEPTH, JudgedClick, JudgedQuestion

KINDS: dict[str, Kind | None] = {"article": "article", "ticket": "ticket", "all": None}
MOST_NAMED = 5  # documents in one sentence
NOTHING_LEARNT: Mapping[str, Wordings] = {}
limit_type = click.IntRange(1, 100)


@click.command("search")
@click.argument("text")
@click.option("--as", "email", metavar="EMAIL", help="See what this person sees; else a stranger.")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="all",
    help="Only articles, or only past requests.",
)
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the articles.")
@click.option("--limit", type=limit_type, default=10, show_default=True, help="Hits printed.")
@click.option("--explain", "is_explained", is_flag=True, help="Why each stands where it stands.")
@json_option
@pass_site
def search_command(
    site: Site,
    text: str,
    email: str | None,
    kind: str,
    lang: str | None,
    limit: int,
    is_explained: bool,
    as_json: bool,
) -> None:
    """Search as somebody, with the very ranking of the site.

    Example: kbsearch search "mot de passe oublié" --as alice@acme.example --explain
    """
    viewer = _viewer(site, email)
    language = lang or viewer.language or site.settings.languages[0]
    question = Question(
        text,
        language=language,
        kind=KINDS[kind],
        limit=limit,
        explain=is_explained,
    )
    results = _ready(site).ask(viewer, question)
    if as_json:
        echo_json(results.public())
        return
    if results.corrected:
        click.echo(say("Results for %(text)s", text=results.corrected))
    if results.fallback == "database":
        click.echo(say("The index is being rebuilt: results are partial."), err=True)
    _echo_hits(results.hits)


@click.command("similar")
@click.argument("number", type=int, required=False)
@click.option("--text", "file", type=click.File("r", "utf-8"), help="A text instead; - is stdin.")
@click.option("--limit", type=limit_type, default=5, show_default=True, help="Cases printed.")
@json_option
@pass_site
def similar_command(
    site: Site, number: int | None, file: TextIO | None, limit: int, as_json: bool
) -> None:
    """Past solved requests like one, and what they share with it.

    The first line of a text is its subject.

    Example: kbsearch similar 1042 --limit 3
    """
    if (number is None) == (file is None):
        raise click.UsageError("Give a request's NUMBER or --text FILE, one of them.")
    subject, _, description = file.read().partition("\n") if file else ("", "", "")
    search = _ready(site)
    try:
        hits = search.similar(
            OPERATOR,
            number=number,
            subject=subject,
            description=description,
            language=terminal_language(),
            limit=limit,
        )
    except Problem as problem:
        raise Refused(explain(problem, terminal_language())) from None
    if as_json:
        hits_json = [hit.public() for hit in hits]
        echo_json({"total": len(hits), "took_ms": None, "fallback": None, "hits": hits_json})
    else:
        _echo_hits(hits)


@click.command("evaluate")
@click.argument("queries", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("qrels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice(list(KINDS)), required=True, help="What the judgements name."
)
@click.option(
    "--mode",
    type=click.Choice(["search", "similar"]),
    help="Ask the search box, or look for similar requests; by default as the queries are:"
    " similar where they name tickets.",
)
@click.option(
    "--learn",
    "clicks_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Learn from these clicks first; told beside what it is without.",
)
@click.option(
    "--abstain",
    "is_abstaining",
    is_flag=True,
    help="What is shown of questions with and without an answer, by the least score shown;"
    " those without a judgement have none.",
)
@click.option("--run", "run_file", type=click.Path(path_type=Path), help="Write a TREC run file.")
@json_option
@pass_anywhere
def evaluate_command(
    site: Site,
    queries: Path,
    qrels: Path,
    kind: str,
    mode: str | None,
    clicks_file: Path | None,
    is_abstaining: bool,
    run_file: Path | None,
    as_json: bool,
) -> None:
    """Measure the ranking on a judged set.

    QUERIES has JSON Lines {"id", "text", "lang"}, or {"id"} alone for a ticket by its number, which
    is then left out of its own results. QRELS has lines of question, 0, document, grade; a document
    that is not in the index is an error. The time told is that of the ten first results, snippets
    included. Clicks to learn from are JSON Lines {"id" or "text", "doc", "by", "right"}: whose
    word, on which document, for which question.

    Example: kbsearch evaluate queries.jsonl qrels.tsv --kind article --run run.tsv
    """
    try:
        questions = evaluation.read_questions(queries)
        judgements = evaluation.read_judgements(qrels)
        clicks = evaluation.read_clicks(clicks_file) if clicks_file else None
    except Problem as problem:
        raise Refused(explain(problem, terminal_language())) from None
    if not is_abstaining:
        questions = [question for question in questions if question.id in judgements]
    if kind != "ticket" and site.settings.content_path.is_dir():
        publish(site.db, site.settings)
    search = _ready(site)
    _see_that_all_are_there(search, judgements, KINDS[kind])
    by_number = any(question.text is None for question in questions)
    is_similar = mode == "similar" or (mode is None and by_number)
    if clicks is not None and not is_similar and kind == "ticket":
        raise click.UsageError("--learn goes with --mode similar, or with articles.")
    ask = _similar_to(search) if is_similar else _asking(search, KINDS[kind], judgements)
    with _progress(say("Asking"), len(questions)) as advance:
        result = evaluation.run(questions, ask, advance)
    measures = evaluation.measure(result, judgements)
    if clicks is not None:
        taught = (
            _similar_to(search, _touching(clicks))
            if is_similar
            else _asking(search, KINDS[kind], judgements, _taught(clicks, questions))
        )
        with _progress(say("Asking"), len(questions)) as advance:
            learned = evaluation.run(questions, taught, advance)
        compared = evaluation.compare(result, learned, judgements)
        measures = {**evaluation.measure(learned, judgements), "before": measures, **compared}
        result = learned
    if run_file is not None:
        evaluation.write_run(run_file, result)
    curve = evaluation.abstentions(result, judgements) if is_abstaining else []
    if as_json:
        echo_json({**measures, "abstain": curve} if is_abstaining else measures)
        return
    echo_table(["measure", "value"], [(name, str(value)) for name, value in measures.items()])
    if curve:
        columns = ["least", "unanswerable", "answerable", "right"]
        echo_table(columns, [tuple(str(value) for value in row.values()) for row in curve])


def _see_that_all_are_there(
    search: Search, judgements: Mapping[str, evaluation.Grades], kind: Kind | None
) -> None:
    """Refuse to measure against documents that nothing could find."""
    judged = {document for grades in judgements.values() for document in grades}
    if missing := search.missing(sorted(judged), kind):
        names = ", ".join(missing[:MOST_NAMED]) + (" …" if len(missing) > MOST_NAMED else "")
        raise Problem(
            "evaluation.missing", missing=len(missing), judged=len(judged), documents=names
        )


def _asking(
    search: Search,
    kind: Kind | None,
    judgements: dict[str, dict[str, int]],
    wordings: Mapping[str, Wordings] = NOTHING_LEARNT,
) -> evaluation.Ranking:
    """The search box, in the language of the question or of what answers it, with these lessons."""

    def ask(question: JudgedQuestion) -> evaluation.Answered:
        answers = judgements.get(question.id, {})
        named = [question.language, *(name.partition("/")[0] for name in answers)]
        language = next((name for name in named if name in LANGUAGES), LANGUAGES[0])
        search_question = Question(question.text or "", language=language, kind=kind, limit=DEPTH)
        ranking = search.rank(OPERATOR, search_question, wordings)
        return ranking, lambda: search.ask(OPERATOR, replace(search_question, limit=10))

    return ask


class _CaseText(TypedDict):
    number: int | None
    subject: str
    description: str


def _similar_to(search: Search, clicks: Clicks | None = None) -> evaluation.Ranking:
    """Similar cases; `clicks` are those to learn from."""

    def ask(question: JudgedQuestion) -> evaluation.Answered:
        number = None if question.text is not None else int(question.id)
        subject, _, description = (question.text or "").partition("\n")
        case: _CaseText = {"number": number, "subject": subject, "description": description}
        ranking = search.rank_similar(OPERATOR, **case, limit=DEPTH, clicks=clicks)
        return ranking, lambda: search.similar(OPERATOR, **case, limit=10)

    return ask


def _taught(clicks: list[JudgedClick], questions: list[JudgedQuestion]) -> Mapping[str, Wordings]:
    """What clicks on articles teach, each word that of somebody of the staff or of a customer.

    `by` is a voice; those that begin with `customer` count from two on, as on the site.
    """
    texts = {question.id: question.text for question in questions}
    return by_language(
        Taught(
            judged.question.text or texts.get(judged.question.id) or "",
            judged.document.partition("/")[0],
            judged.document,
            judged.person,
            not judged.person.startswith("customer"),
        )
        for judged in clicks
        if judged.is_right
    )


def _touching(clicks: list[JudgedClick]) -> Clicks:
    """Clicks by the numbers of the tickets they touch; texts that are no tickets teach nothing."""
    by_number: dict[int, list[Click]] = {}
    for judged in clicks:
        if judged.question.id.isdecimal() and judged.document.isdecimal():
            question_number, case = int(judged.question.id), int(judged.document)
            signal = Click(question_number, case, judged.person, judged.is_right)
            by_number.setdefault(question_number, []).append(signal)
            by_number.setdefault(case, []).append(signal)
    return lambda numbers: list(
        dict.fromkeys(signal for number in numbers for signal in by_number.get(number, ()))
    )


@click.group("index")
def index_command() -> None:
    """The search index: what it holds, and building it anew.

    Example: kbsearch index status
    """


@index_command.command("status")
@json_option
@pass_site
def index_status(site: Site, as_json: bool) -> None:
    """Documents, the commit they were published from, and how far tickets lag behind.

    Example: kbsearch index status --json
    """
    status = indexing.status(site.settings, site.db)
    if as_json:
        echo_json(status)
    else:
        echo_table(["index", "value"], [(name, str(value)) for name, value in status.items()])
    if "tickets_unreachable" in status:
        raise Refused(
            say(
                "%(index)s does not answer (%(reason)s): requests are searched in the database",
                index=site.settings.index_name,
                reason=_told(str(status["tickets_unreachable"])),
            )
        )
    if not status["articles_sound"] or not status["tickets_sound"]:
        raise Refused("the index is missing or damaged; 'kbsearch index rebuild' builds it anew")


@index_command.command("rebuild")
@pass_site
def index_rebuild(site: Site) -> None:
    """Build both indexes anew beside the live ones, then switch; the site goes on answering.

    Example: kbsearch index rebuild
    """
    pages = indexing.rebuild_articles(site.settings, site.db)
    try:
        with _progress(say("Indexing"), None) as bar:
            cases = indexing.rebuild_tickets(site.settings, site.db, bar)
    except IndexUnreachable as problem:
        name = site.settings.index_name
        raise Refused(
            say("%(index)s does not answer (%(reason)s)", index=name, reason=_told(str(problem)))
        ) from None
    click.echo(say("%(pages)s articles and %(cases)s requests indexed.", pages=pages, cases=cases))


def _told(reason: str) -> str:
    """Why a cluster does not answer: a message of ours, or what the network said."""
    return say(reason) if reason in REFUSALS else reason


def _viewer(site: Site, email: str | None) -> Viewer:
    if email is None:
        return ANONYMOUS
    try:
        return viewers.find(site.db, email)
    except Problem as problem:
        raise Refused(explain(problem, terminal_language())) from None


def _ready(site: Site) -> Search:
    """The search, over what is published and imported by now."""
    if articles.live_publication(site.db) is None and site.settings.content_path.is_dir():
        publish(site.db, site.settings)
    with _progress(say("Indexing"), None) as bar:
        indexing.catch_up(site.settings, site.db, bar)
    return Search(site.settings, site.db)


def _echo_hits(hits: tuple[Hit, ...]) -> None:
    if not hits:
        click.echo(say("Nothing found."))
    for hit in hits:
        section = f" › {hit.section}" if hit.section else ""
        click.echo(f"{hit.score:8.2f}  {hit.id}  {hit.title}{section}")
        for reason in hit.reasons:
            click.echo(f"          {reason}")


class _Bar:
    """A progress bar on a terminal, nothing elsewhere; called with (done, in all) or to step."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def __call__(self, count: int | None = None, total: int | None = None) -> None:
        if count is None:
            self._progress.advance(self._task)
        else:
            self._progress.update(self._task, completed=count, total=total)


@contextmanager
def _progress(title: str, total: int | None) -> Iterator[_Bar]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Bar(progress, progress.add_task(title, total=total))
