"""`kbsearch check` and `kbsearch publish`: the content through its rules, and live."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from kbsearch import check_levels, resources
from kbsearch.articles.publishing import edition, external_links, fixing, publications
from kbsearch.articles.publishing.edition import Edition, Reusable
from kbsearch.articles.publishing.findings import Finding, has_errors, leveled
from kbsearch.articles.publishing.publications import Publication, Refusal
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.publishing.tree import ARTICLES, FolderTree
from kbsearch.cli import Refused, Site, pass_anywhere, pass_site
from kbsearch.cli.output import say
from kbsearch.config import Settings
from kbsearch.database import Damaged, Database, Unreachable, engines, migrations
from kbsearch.errors import NotFound, Problem
from kbsearch.i18n import explain, terminal_language

Report = Callable[[int, int], None]
MOST_OF_A_CAUSE = 5  # lines of the same rule in the same words


@click.command("check")
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="How findings are printed.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--external", is_flag=True, help="Ask the sites that links lead to, too.")
@click.option("--fix", is_flag=True, help="Write what has one answer into the files.")
@pass_anywhere
def check_command(
    site: Site,
    path: Path | None,
    form: str,
    as_json: bool,
    strict: bool,
    external: bool,
    fix: bool,
) -> None:
    """Check the content: file:line:column, rule, what is wrong, what to do.

    PATH is a content folder, a part of one or a single file; without it, the content setting.
    Exit status 1 when there are errors. The language is that of KBSEARCH_LANG or LANG.

    With --fix, no-break spaces of French, misspelled keys, a heading that repeats the title, HTML
    that Markdown has a sign for and anchors are corrected in the files; the rest is printed.

    With --external, each address outside is asked for once, a few hosts at a time; what is known
    since a week is not asked again. What answers 404 or 410, or has no name any more, is told.

    Example: kbsearch check content/articles/fr --format github
    """
    if path is None:
        site.require()
    meant = path or site.settings.content_path
    if fix:
        _fix(site.settings, meant)
    live = edition.NOTHING if path else _live(site.settings)
    findings = list(_checked(site.settings, meant, live, external=external))
    if form == "text" and not as_json:
        _print_causes(findings)
    else:
        _print_findings(findings, "json" if as_json else form)
    if has_errors(tuple(findings)) or (strict and findings):
        raise click.exceptions.Exit(1)


@click.command("publish")
@click.option("--rev", help="A commit, branch or tag instead of what the branch setting names.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("--print-hook", is_flag=True, help="Print the post-receive hook, and do nothing.")
@pass_site
def publish_command(site: Site, rev: str | None, as_json: bool, print_hook: bool) -> None:
    """Check the committed content and put it live, all of it or nothing.

    A refused commit leaves the last good one live and exits with status 1.

    Example: kbsearch publish --rev v2.1
    """
    if print_hook:
        click.echo((resources.folder("hooks") / "post-receive").read_text("utf-8"), nl=False)
        return
    try:
        with _progress() as report:
            outcome = publish(site.db, site.settings, rev, report, by="kbsearch publish")
    except Problem as problem:
        raise Refused(explain(problem, terminal_language())) from None
    if as_json:
        click.echo(json.dumps(_as_json(outcome), ensure_ascii=False))
    else:
        _print_summary(outcome.findings, err=isinstance(outcome, Refusal))
        _print_outcome(outcome)
    if isinstance(outcome, Refusal):
        raise click.exceptions.Exit(1)


@contextmanager
def _database(settings: Settings) -> Iterator[Database | None]:
    """The site's database as it is; none where there is none that can be read, or an older one."""
    address = settings.database_address
    if not (engines.is_named(address) or settings.database_path.exists()):
        yield None
        return
    try:
        db = engines.open_database(address)
    except (Unreachable, Damaged):
        yield None
        return
    with closing(db):
        yield None if migrations.pending(db) else db


def _live(settings: Settings) -> Reusable:
    """What is live, for the addresses that would go."""
    with _database(settings) as db:
        live = publications.find_live(db) if db else None
        there = publications.reusable(db, live) if db and live else edition.NOTHING
    return Reusable(commit=there.commit, before=there.before)


def _checked(
    settings: Settings, path: Path, live: Reusable, *, external: bool
) -> Sequence[Finding]:
    """The findings on the content around a path, those outside it left out."""
    with _progress() as report:
        tree, result, findings = _made(settings, path, report, live)
    if external:
        findings += _external(settings, result, tree)
    return findings


def _external(settings: Settings, result: Edition, tree: FolderTree) -> list[Finding]:
    """The links of articles to addresses outside that are no more."""
    urls = external_links.urls_of(result.articles, settings)
    with _database(settings) as db:
        known = external_links.states(db) if db else {}
        due = external_links.due(urls, known)
        answers = external_links.ask_all(external_links.guard_of(settings), due)
        if db:
            external_links.keep(db, answers)
    known |= {state.url: state for state in answers}
    gone = external_links.findings(result.articles, known, tree.shown)
    return leveled(gone, check_levels.parse(settings.check_levels))


def _fix(settings: Settings, path: Path) -> None:
    """Write what has one answer, and say what was: until nothing is left that has."""
    for _ in range(fixing.ROUNDS):
        tree, result, findings = _made(settings, path)
        files, answered = fixing.fixed(tree, result, findings)
        for place, body in files.items():
            (tree.root / place).write_bytes(body)
        for finding in answered:
            place = f"{finding.path}:{finding.line}"
            click.echo(say("Fixed: %(place)s %(rule)s", place=place, rule=finding.rule), err=True)
        if not files:
            return


def _made(
    settings: Settings,
    path: Path,
    report: Report = lambda count, total: None,
    live: Reusable = edition.NOTHING,
) -> tuple[FolderTree, Edition, list[Finding]]:
    path = path.resolve()
    root, folder = _root_of(path)
    name = os.path.relpath(root)
    tree = FolderTree(root, "" if name == "." else f"{name}/")
    within = os.path.relpath(path)

    def is_meant(place: str) -> bool:
        return within == "." or path == root or f"{place}/".startswith(f"{within}/")

    places = [place for place in tree.entries if is_meant(tree.shown + place)]
    if not any(
        place.startswith(folder) and place.lower().endswith(".md") or path.is_file()
        for place in places
    ):
        raise NotFound("check.nothing", path=path)
    result = edition.make(tree, settings, live, folder=folder, progress=report)
    return tree, result, [finding for finding in result.findings if is_meant(finding.path)]


def _root_of(path: Path) -> tuple[Path, str]:
    """The content folder a path is, holds or lies in; a folder of articles alone is its own."""
    folder = path if path.is_dir() else path.parent
    for inside in (folder, folder / "content"):
        if (inside / ARTICLES).is_dir():
            return inside, ARTICLES
    for above in (folder, *folder.parents):
        if above.name == ARTICLES.rstrip("/"):
            return above.parent, ARTICLES
    return folder, ""


def _print_findings(findings: list[Finding], form: str, *, err: bool = False) -> None:
    language = terminal_language()
    if form == "json":
        rows = [finding.as_json(language) for finding in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for finding in findings:
        line = finding.as_github(language) if form == "github" else finding.as_text(language)
        click.echo(line, err=err)


def _print_causes(findings: Sequence[Finding]) -> None:
    """Each finding on a line; one cause that is met everywhere, once, with how often."""
    language = terminal_language()
    by_cause: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_cause.setdefault((finding.rule, finding.message(language)), []).append(finding)
    for finding in findings:
        same = by_cause[finding.rule, finding.message(language)]
        if len(same) <= MOST_OF_A_CAUSE:
            click.echo(finding.as_text(language))
        elif same[0] is finding:
            more = say("(and %(count)s others like it)", count=len(same) - 1)
            click.echo(f"{finding.as_text(language)} {more}")


def _print_summary(findings: Sequence[Finding], *, err: bool) -> None:
    """The errors, then how many warnings there are of each rule: `check` lists them."""
    errors = [finding for finding in findings if finding.severity == "error"]
    _print_findings(errors, "text", err=err)
    by_rule = Counter(finding.rule for finding in findings if finding.severity == "warning")
    for rule, count in by_rule.most_common():
        click.echo(say("Warnings of %(rule)s: %(count)s", rule=rule, count=count), err=err)
    if by_rule:
        click.echo(say("'kbsearch check' shows each warning, and what to do."), err=err)


def _print_outcome(outcome: Publication | Refusal) -> None:
    if isinstance(outcome, Publication):
        click.echo(f"{outcome.commit[:16]} is live: {outcome.articles} articles")
        return
    errors = sum(finding.severity == "error" for finding in outcome.findings)
    line = f"{outcome.commit[:16]} is refused for {errors} errors; the last good commit stays live"
    click.echo(f"kbsearch: {line}", err=True)


def _as_json(outcome: Publication | Refusal) -> dict[str, object]:
    language = terminal_language()
    values: dict[str, object] = {
        "commit": outcome.commit,
        "published": isinstance(outcome, Publication),
        "findings": [finding.as_json(language) for finding in outcome.findings],
    }
    if isinstance(outcome, Publication):
        values |= {"id": outcome.id, "published_at": outcome.published_at}
        values |= {"articles": outcome.articles}
    return values


@contextmanager
def _progress() -> Iterator[Report]:
    """A bar on a terminal, gone when it is full; silence elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda count, total: bar.update(task, completed=count, total=total)
