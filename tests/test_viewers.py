"""Whoever changes something is known: no public function that writes can forget to ask for whom.

The functions are found in the source: those that take the database and write to it, by themselves
or through what is private in their module.
"""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tests.kit.imports import modules, package_of

WRITES = {"execute", "insert", "insert_many"}
OF_THE_STATE = {f"site_state.{verb}" for verb in ("write", "write_first", "remove")}
RETURNING = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s")
ELSEWHERE = {"cli", "web", "database"}  # they have no table: what they write, a noun writes

# What takes no viewer, and why. A new entry is a decision about who may do it.
WITHOUT_A_VIEWER = {
    # Whoever comes in is nobody yet: these make the viewer, out of what somebody knows and holds.
    "people.accounts.one_time_links.*": "a link of a letter is the proof itself",
    "people.accounts.sign_ins_under_way.*": "half-way in, nobody is a viewer",
    "people.accounts.single_sign_on.*": "a browser on its way to a provider and back",
    "people.accounts.sessions.*": "a session is what a viewer is read from",
    "people.accounts.second_factor.*": "it is asked for before there is a viewer, and to enrol",
    "people.accounts.addresses.*": "the link of a letter is the proof; entering takes the viewer",
    "people.accounts.passkeys.*": "they are asked for before there is a viewer, and to enrol",
    "people.accounts.passwords.*": "a password is chosen by whoever came with a link",
    "people.accounts.known_browsers.*": "a browser is remembered while its person comes in",
    "people.accounts.kept_forms.*": "a form is kept for whoever was just signed out",
    "people.notification_choices.decline": "the link of a letter is the proof",
    "tickets.conversation.satisfaction.ask": "the worker makes the link of a letter",
    "tickets.conversation.satisfaction.answer": "the link of a letter is the proof",
    "integer_ids.*": "a number says nothing: what has it is looked up with the viewer",
    "limits.*": "strangers are counted first of all",
    "search.learning.visits.*": "readers without an account leave signals too",
    # The worker and the commands act for nobody, once something was decided or is over.
    "outbox.*": "a queue: what is put there was decided by a viewer before",
    "messages.webhooks.deliveries.*": "a queue: what is put there was decided before",
    "messages.webhooks.events.tell": "follows a change that was allowed",
    "messages.webhooks.reseal": "a command of whoever holds the old key",
    "messages.webhooks.failed_searches.tell_new": "the worker's round",
    "insights.handling.*": "kept out of what it is made of",
    "messages.notifications.*": "the worker tells those whom it finds may read it",
    "messages.incoming.*": "mail comes from outside: who wrote it is what has to be found out",
    "messages.delivery.departures.*": "what left is noted by whoever sent it: a fact",
    "messages.delivery.mail_tokens.access_token": "the worker renews what was consented to",
    "messages.delivery.mail_tokens.distrust": "what a provider refuses is no longer good",
    "messages.delivery.mail_tokens.reseal": "a command of whoever holds the old key",
    "articles.publishing.*": "whoever may push a commit publishes; the repository says who",
    "articles.follows.move": "follows a publication",
    "articles.news.keep": "follows a publication",
    "articles.news.move": "follows a publication",
    "articles.gaps.close": "a published commit closes it",
    "articles.gaps.cases.drop_answered": "the worker's round",
    "articles.gaps.counts.*": "signals are counted by the worker",
    "articles.gaps.signals.*": "the worker's round",
    "articles.writing.review_reminders.remind": "the worker's round",
    "people.accounts.inviting.note_sent": "the worker notes the letter that it writes",
    "people.undeliverable.*": "mail came back, or arrived: a fact, not a decision",
    "people.accounts.personal_tokens.holder_of": "who it is has to be found out",
    "people.accounts.personal_tokens.renew": "what renews a token is the proof itself",
    "people.accounts.applications.*": "a program registers, and its code or renewal is the proof",
    "search.learning.lessons.changed": "follows a change that was allowed",
    "search.learning.lessons.review": "the worker's round after a publication",
    "search.ranking.certainty.measure": "the worker's round, out of what people confirmed",
    "site.health.mark_worker_seen": "the worker says that it lives",
    "site.neighbours.*": "the worker's round",
    "site.erasing_tickets.replay": "a request that was erased once, after a restore",
    "site.erasing.replay": "who was erased once, after a restore: it was allowed then",
    "vaults.outcomes.*": "what became of a backup: a fact",
    "site.backup_rounds.*": "the worker's round, or a command",
    "site.browser_settings.reseal": "a command of whoever holds the old key",
    "site.upgrades.note_release": "the worker says which release it is of",
    "site.importing.storing.*": "a command; what it adds, it adds as the command line",
    "site.importing.people.run": "a command; what it adds, it adds as the command line",
    "site.importing.table_runs.*": "the worker's round, of tables that administrators hand over",
    "site.importing.histories.*": "a command; what it adds, it adds as the command line",
    "site.portable.lines.take_in": "a command; what it adds, it adds as the command line",
    "tickets.conversation.lifecycle.close_quiet": "the worker's round",
    "tickets.dues.*": "the worker's round, out of what was promised",
    "promises.clocks_changed": "follows a change that was allowed",
    "promises.targets.take_over": "what kbsearch.toml held, once, as the site opens",
    "tickets.changes.*": "follows a change that was allowed",
    "tickets.readers.*": "who may read follows from a change that was allowed",
    "tickets.files.drop_unsent": "follows a draft that was let go",
    "people.organisations.branding.keep_picture": "follows a change that was allowed",
    "tickets.fields.*": "follows a change that was allowed",
    "tickets.tags.forget": "follows an erasure that was allowed",
    "audit.record": "the log of what was allowed, and of what was not",
    # What is over goes away by its age, in the worker's round.
    "articles.news.forget_old": "by age",
    "articles.writing.drafts.forget_old": "by age",
    "files.scans.*": "what the virus scanner says: a fact",
    "tickets.scanning.*": "the worker has files looked at",
    "files.trash.note": "by age: when something was first seen without an owner",
    "site.importing.table_imports.forget_old": "by age",
    "messages.webhooks.journal.forget_old": "by age",
    "people.accounts.kept_answers.forget_expired": "by age",
    "people.accounts.mobiles.forget_expired": "by age",
    "people.accounts.personal_tokens.forget_expired": "by age",
    "rules.runs.forget_idle": "by age: of requests that are closed",
    "tickets.desk.presence.forget_lapsed": "by age",
    "tickets.files.drop_astray": "by age",
    "tickets.files.forget_orphans": "by age",
    "tickets.filing.drafts.forget_old": "by age",
}


def test_every_public_function_that_writes_takes_the_viewer_first():
    careless = [
        name
        for name, function in writing_functions()
        if not takes_the_viewer(function) and not reason_of(name)
    ]
    assert careless == []


def test_no_reason_is_given_for_what_is_not_there():
    without = [name for name, function in writing_functions() if not takes_the_viewer(function)]
    idle = [
        entry for entry in WITHOUT_A_VIEWER if not any(fnmatchcase(name, entry) for name in without)
    ]
    assert idle == []


def test_a_function_that_writes_is_seen_however_it_does(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "def by_itself(db, name): db.execute('...', {})\n"
        "def by_another(db, name): _deeper(db)\n"
        "def _deeper(db): _deepest(db)\n"
        "def _deepest(db): db.insert('people', {})\n"
        "def by_asking(db): return db.query('UPDATE people SET name = :n RETURNING id')\n"
        "def by_a_note(db): site_state.write(db, 'name', '')\n"
        "def in_a_block(db):\n    with db.atomic():\n        db.insert_many('people', [])\n"
        "def reads(db): return db.query('SELECT 1')\n"
        "def allowed(db, viewer, name): db.execute('...', {})\n"
        "def late(db, name, viewer): db.execute('...', {})\n"
    )
    found = dict(writing_functions({"bad": bad}))
    careless = {name for name, function in found.items() if not takes_the_viewer(function)}
    assert careless == {
        "bad.by_itself",
        "bad.by_another",
        "bad.by_asking",
        "bad.by_a_note",
        "bad.in_a_block",
        "bad.late",
    }
    assert "bad.allowed" in found


def reason_of(name: str) -> str:
    """Why a function takes no viewer; empty where there is no reason."""
    return next((why for entry, why in WITHOUT_A_VIEWER.items() if fnmatchcase(name, entry)), "")


def takes_the_viewer(function: ast.FunctionDef) -> bool:
    return [argument.arg for argument in function.args.args[:2]] == ["db", "viewer"]


def writing_functions(
    paths: dict[str, Path] | None = None,
) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The public functions that take the database and write to it, by their full name."""
    for name, path in (paths or modules()).items():
        if package_of(name) in ELSEWHERE:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for function in functions.values():
            takes_database = [argument.arg for argument in function.args.args[:1]] == ["db"]
            is_public = not function.name.startswith("_")
            if takes_database and is_public and does_write(function, functions, set()):
                yield f"{name}.{function.name}", function


def does_write(
    function: ast.FunctionDef, functions: dict[str, ast.FunctionDef], seen: set[str]
) -> bool:
    """Whether it writes by itself, or calls another function of its module that does."""
    seen.add(function.name)
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    helpers = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return any(map(is_a_write, calls)) or any(
        does_write(functions[name], functions, seen)
        for name in sorted(helpers & functions.keys())
        if name not in seen
    )


def is_a_write(call: ast.Call) -> bool:
    """Whether a call is one of the database's verbs that change something."""
    if ast.unparse(call.func) in OF_THE_STATE:
        return True
    if not isinstance(call.func, ast.Attribute) or ast.unparse(call.func.value) != "db":
        return False
    statement = ast.unparse(call.args[0]) if call.args else ""
    return call.func.attr in WRITES or bool(RETURNING.search(statement))
