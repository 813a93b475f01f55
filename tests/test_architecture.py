"""Which package may know which, and who alone knows an adapter: so the parts stay replaceable."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.kit import packages
from tests.kit.imports import GROUND, circles, imports_of, modules, ours, package_of
from tests.kit.places import TESTS

SQL = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE)\s", re.MULTILINE)
NOT_PORTABLE = re.compile(
    r"\browid\b|datetime\('now'|INSERT OR |json_each|\bMATCH\b|\bfts5\b|AUTOINCREMENT|\bGLOB\b",
    re.IGNORECASE,
)
CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
EDGES = {"web", "cli"}  # packages that may know Flask and click
ENGINE = "search.fulltext.tantivy_engine"
CLUSTER_ENGINE = "search.fulltext.opensearch_engine"
WIRING = {"", "__main__", "worker"}  # modules that put the packages together
# Who asks the machine for a moment or for chance: the two sources, what compares files on the disk
# by their time or names them by it, spans of traces, which are for other machines, and a test of
# significance that has a seed of its own.
SOURCES = {
    "clock": {"datetime.now"},
    "tracing": {"time.time_ns"},
    "randomness": {"random", "secrets"},
    "files.store": {"time.time"},
    "messages.delivery.channels": {"time.time_ns"},
    "search.ranking.generations": {"time.time"},
    "search.ranking.evaluation": {"random"},
}
OF_THE_MACHINE = re.compile(r"datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns)")
# The ground has two floors, with the database between them.
UPPER_GROUND = {"access", "audit", "integer_ids", "limits"}

# Package by package, whom it may import besides the ground and itself. A new edge is a decision: it
# stands here, and points down.
ALLOWED = {
    "database": "",
    "messages": "",
    "outbox": "database",
    "processes": "",
    "promises": "database",
    "search": "",
    "text": "",
    "files": "database text",
    "messages.delivery": "database outbox processes",
    "text.markup": "text",
    "search.fulltext": "text text.markup",
    "articles": "database search.fulltext text text.markup",
    "vaults": "database files outbox people",
    "text.masking": "search.fulltext",
    "tickets": "database files outbox promises search.fulltext text",
    "insights": "database promises search.fulltext tickets",
    "messages.webhooks": "database messages.delivery outbox text.masking tickets",
    "people": "database text tickets",
    "people.organisations": "database files promises text tickets",
    "people.accounts": (
        "database messages.delivery messages.webhooks outbox people people.organisations text"
    ),
    "search.learning": (
        "articles database messages.webhooks outbox people search.fulltext text "
        "text.masking tickets"
    ),
    "tickets.filing": "database files people search.fulltext text tickets",
    "search.ranking": "articles database outbox search search.fulltext search.learning tickets",
    "tickets.conversation": "database people text tickets tickets.filing",
    "articles.publishing": (
        "articles database files messages.delivery messages.webhooks outbox search.fulltext "
        "search.learning search.ranking text.markup text.masking"
    ),
    "tickets.desk": (
        "articles database outbox people search search.fulltext search.learning text "
        "text.markup text.masking tickets tickets.conversation tickets.filing"
    ),
    "announcements": (
        "database messages.webhooks outbox people.organisations search.fulltext text"
    ),
    "timekeeping": "database people people.organisations text tickets",
    "articles.importing": "articles articles.publishing files search.fulltext text.markup",
    "articles.gaps": (
        "articles articles.publishing database people people.organisations search "
        "search.fulltext search.learning text text.masking tickets tickets.desk"
    ),
    "articles.writing": (
        "articles articles.publishing database files outbox people people.organisations "
        "search.fulltext search.learning text text.markup text.masking tickets "
        "tickets.desk tickets.filing"
    ),
    "messages.notifications": (
        "announcements articles articles.publishing articles.writing database messages.delivery "
        "messages.webhooks outbox people people.accounts people.organisations rules text "
        "text.markup tickets tickets.conversation vaults"
    ),
    "messages.incoming": (
        "database files messages.delivery messages.notifications people text.markup "
        "tickets tickets.conversation tickets.filing"
    ),
    "rules": (
        "database messages.webhooks outbox people promises text tickets tickets.conversation "
        "tickets.desk tickets.filing"
    ),
    "site": (
        "announcements articles articles.gaps articles.publishing database files messages.delivery "
        "messages.incoming messages.notifications messages.webhooks outbox people people.accounts "
        "people.organisations processes promises rules search.fulltext search.learning "
        "search.ranking text text.markup text.masking tickets tickets.conversation tickets.desk "
        "timekeeping vaults"
    ),
    "web": (
        "announcements articles articles.gaps articles.publishing articles.writing database files "
        "insights messages.delivery messages.incoming messages.notifications messages.webhooks "
        "people people.accounts people.organisations processes promises rules search "
        "search.fulltext search.learning search.ranking site text text.markup text.masking "
        "tickets tickets.conversation tickets.desk tickets.filing timekeeping vaults"
    ),
    "cli": (
        "articles articles.importing articles.publishing database files insights messages.delivery "
        "messages.incoming messages.notifications messages.webhooks people "
        "people.accounts people.organisations processes search search.fulltext "
        "search.learning search.ranking site tickets vaults web"
    ),
}


def test_a_module_opens_with_one_sentence():
    mute = [
        name
        for name, path in modules().items()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert mute == []


def test_only_the_adapters_know_what_they_adapt():
    knows = {
        name: {imported.split(".")[0] for imported in imports_of(path)}
        for name, path in modules().items()
    }

    def who(part: str) -> set[str]:
        return {name for name, parts in knows.items() if part in parts}

    assert who("sqlite3") | who("pysqlite3") | who("sqlite_utils") == {"database.sqlite"}
    assert who("htmx_flask") == {"web.render"}
    assert who("opentelemetry") == {"tracing"}
    assert who("tantivy") == {"search.fulltext.tantivy_engine"}
    assert who("opensearchpy") == {"search.fulltext.opensearch_engine"}
    names_it = {name for name, path in modules().items() if ENGINE in ours(path)}
    assert names_it == {"search.fulltext.engine"}, "plans are all that others know"
    names_it = {name for name, path in modules().items() if CLUSTER_ENGINE in ours(path)}
    assert names_it == {"search.fulltext.places"}, "plans are all that others know"
    assert {package_of(name) for name in who("flask") - WIRING} == {"web"}
    assert {package_of(name) for name in who("click")} == {"cli"}


def test_a_package_imports_only_what_the_table_says():
    unknown = {package_of(name) for name in modules().keys() - WIRING} - ALLOWED.keys() - {GROUND}
    assert not unknown, "a new package stands in the table"
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        if name not in WIRING and package_of(name) != GROUND
        for other in ours(path)
        if package_of(other)
        not in {package_of(name), GROUND} | set(ALLOWED[package_of(name)].split())
        or other in WIRING - {"worker"}
        and name not in ("cli.serve",)
    ]
    assert wrong == []


def test_the_ground_knows_no_package_but_the_database():
    for name, path in modules().items():
        if package_of(name) == GROUND and name not in WIRING:
            above = {other for other in ours(path) if package_of(other) != GROUND}
            assert above <= ({"database"} if name in UPPER_GROUND else set()), name


def test_nothing_leads_back_to_itself():
    graph = {name: ours(path) for name, path in modules().items()}
    assert circles(graph) == []
    assert circles(packages.graph()) == []


def test_the_table_has_no_line_that_nothing_needs():
    used = defaultdict[str, set[str]](set)
    for name, path in modules().items():
        used[package_of(name)] |= {package_of(other) for other in ours(path)}
    for package, others in ALLOWED.items():
        assert set(others.split()) <= used[package], package


def test_the_drawing_of_the_house_is_the_house():
    assert packages.drawing() in packages.HANDBOOK.read_text(encoding="utf-8")


def test_the_name_of_a_class_is_met_once():
    """Those of one module alone, `_Page`, are met by nobody else."""
    places = defaultdict[str, list[str]](list)
    for name, path in modules().items():
        for class_name in CLASS.findall(path.read_text(encoding="utf-8")):
            places[class_name].append(name)
    assert len(places) > 500
    assert {name: several for name, several in places.items() if len(several) > 1} == {}


def test_sql_is_portable_and_stays_in_the_nouns():
    for name, path in modules().items():
        statements = [text for text in texts_of(path) if SQL.search(text)]
        if package_of(name) in EDGES or name in WIRING:
            assert statements == [], name
        for statement in statements:
            assert not NOT_PORTABLE.search(statement), (name, statement)


def test_one_module_alone_says_who_reads_a_request():
    """The others name its words to keep them, or their own address among them."""
    naming = {
        name
        for name, path in modules().items()
        if re.search(r"\bticket_readers\b(?! import| as|\.)", path.read_text("utf-8"))
    }
    assert naming == {
        *("access", "tickets.visibility", "tickets.readers", "tickets", "database.migrations"),
        *("site.register", "site.portable.sheets", "site.importing.storing", "site.erasing"),
        "site.erasing_tickets",
        *("tickets.conversation.corrections", "tickets.conversation.satisfaction"),
    }


def test_moments_and_chance_come_from_one_place():
    asks = {name: set(sources_of(path)) for name, path in modules().items()}
    assert {name: sources for name, sources in asks.items() if sources} == SOURCES


def sources_of(path: Path) -> Iterator[str]:
    """What of the machine's own clock and chance a file uses."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            if match := OF_THE_MACHINE.fullmatch(ast.unparse(node)):
                yield match[0]
        elif isinstance(node, ast.Import):
            yield from {name.name for name in node.names} & {"random", "secrets", "uuid"}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from {str(node.module)} & {"random", "secrets", "uuid"}


def test_what_fills_in_a_text_takes_blanks_of_any_name():
    """Also of the name of a parameter of its own: `language` once took two values."""
    wrong = {name: list(clashing(path)) for name, path in modules().items()}
    assert {name: functions for name, functions in wrong.items() if functions} == {}


# Where a clock is read in tests, and why nothing depends on how busy the machine is.
CLOCKS = {
    "kit/growth.py": "CPU time of one work compared with that of another",
    "kit/killed_commands.py": "how long a command takes says where it can be killed",
    "kit/waiting.py": "a limit that ends a test that hangs",
    "test_worker.py": "when a step is due, between a moment before and one after",
    "web/account/test_signing_in.py": "CPU time of one answer compared with that of another",
}
CLOCK = re.compile(r"\btime\.(monotonic|perf_counter|process_time|thread_time)(_ns)?\(")
# What a busy machine may take longer for than on any other day.
SHORT_WAIT = re.compile(r"\btimeout=[12]?\d(\.\d+)?\b")


def test_no_test_asserts_how_long_something_takes():
    """They wait for what is to be seen (tests/kit/waiting.py) or compare (tests/kit/growth.py)."""
    texts = {
        str(path.relative_to(TESTS)): path.read_text(encoding="utf-8")
        for path in TESTS.rglob("*.py")
        if path.parent.name != "browser"
    }
    assert {name for name, text in texts.items() if CLOCK.search(text)} == CLOCKS.keys()
    assert [name for name, text in texts.items() if SHORT_WAIT.search(text)] == []


def clashing(path: Path) -> Iterator[str]:
    """The functions of a file whose `**values` cannot have the names of their own parameters."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.args.kwarg:
            own = [parameter.arg for parameter in node.args.args if parameter.arg != "self"]
            if own and node.args.kwarg.arg == "values":
                yield node.name


def texts_of(path: Path) -> Iterator[str]:
    """The texts of a file, the fixed parts of f-strings among them; not its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def test_the_checks_above_see_what_they_forbid(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "def f():\n    from pysqlite3 import dbapi2\n    import flask.views\n"
        "    from kbsearch.web.help import pages\n    from kbsearch import people\n"
        "    return f'''\n  SELECT rowid FROM {f}'''\n"
    )
    assert {"pysqlite3", "flask.views"} <= set(imports_of(bad))
    assert ours(bad) == {"web.help.pages", "people"}
    worse = tmp_path / "worse.py"
    worse.write_text("import random\nfrom secrets import choice\ndatetime.now(UTC), time.time()\n")
    assert set(sources_of(worse)) == {"random", "secrets", "datetime.now", "time.time"}
    (statement,) = [text for text in texts_of(bad) if SQL.search(text)]
    assert NOT_PORTABLE.search(statement)
    bad.write_text("def say(message, **values): ...\ndef tell(message, /, **values): ...\n")
    assert list(clashing(bad)) == ["say"]
    assert CLOCK.search("time.time() - time.monotonic" + "()") and SHORT_WAIT.search(
        f"wait(timeout={2})"
    )
    assert not SHORT_WAIT.search("p.wait(timeout=60)")
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
