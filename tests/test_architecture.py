"""Which module may know which: the directions that keep the parts replaceable."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kbsearch

PACKAGE = Path(kbsearch.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "shipped" not in path.parts)
SQL = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE)\s", re.MULTILINE)
NOT_PORTABLE = re.compile(
    r"\browid\b|datetime\('now'|INSERT OR |json_each|\bMATCH\b|\bfts5\b|AUTOINCREMENT|\bGLOB\b",
    re.IGNORECASE,
)
FLOOR = {"db", "errors", "config", "form_fields", "targets", "teams", "i18n", "clock", "resources"}
EDGES = {"web", "cli", "worker", "serving", "web_server", "connections", "__main__"}
WIRING = {"kbsearch"} | EDGES  # the package itself wires the application together


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "kbsearch"


def imports_of(path: Path) -> Iterator[str]:
    """The modules a file imports, wherever in it; ours as `kbsearch.noun`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def texts_of(path: Path) -> Iterator[str]:
    """The texts of a file, the fixed parts of f-strings among them; not its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def clashing(path: Path) -> Iterator[str]:
    """The functions of a file whose `**values` cannot have the names of their own parameters."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.args.kwarg:
            own = [each.arg for each in node.args.args if each.arg != "self"]
            if own and node.args.kwarg.arg == "values":
                yield node.name


def ours(path: Path) -> set[str]:
    """The top-level modules of kbsearch that a file imports."""
    found = {name.split(".")[1] for name in imports_of(path) if name.startswith("kbsearch.")}
    return found & {module_of(each).split(".")[0] for each in FILES}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_module_opens_with_one_sentence(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_only_the_adapters_know_what_they_adapt(path: Path):
    name = module_of(path)
    known = {imported.split(".")[0] for imported in imports_of(path)}
    if name != "db":
        assert not known & {"sqlite3", "pysqlite3"}
    if not name.startswith("search.") or not name.endswith(("_engine", "_index", "_writer")):
        assert "tantivy" not in known
    if name != "web.render":
        assert "htmx_flask" not in known
    if name not in ("db", "migrations"):
        assert "sqlite_utils" not in known


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_down(path: Path):
    name = module_of(path)
    top = name.split(".")[0]
    if top in WIRING:
        return
    assert not ours(path) & EDGES, "nouns know neither pages nor commands"
    assert "flask" not in {imported.split(".")[0] for imported in imports_of(path)}
    if top in FLOOR:
        assert ours(path) <= FLOOR


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_sql_is_portable_and_stays_in_the_nouns(path: Path):
    statements = [text for text in texts_of(path) if SQL.search(text)]
    if module_of(path).split(".")[0] in EDGES:
        assert statements == []
    for statement in statements:
        assert not NOT_PORTABLE.search(statement), statement


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_what_fills_in_a_text_takes_blanks_of_any_name(path: Path):
    """Also of the name of a parameter of its own: `language` once took two values."""
    assert list(clashing(path)) == []


def test_the_checks_above_see_what_they_forbid(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "def f():\n    from pysqlite3 import dbapi2\n    import flask.views\n"
        "    import kbsearch.web.help\n"
        "    return f'''\n  SELECT rowid FROM {f}'''\n"
    )
    assert {"pysqlite3", "flask.views", "kbsearch.web.help.pages"} <= set(imports_of(bad))
    (statement,) = [text for text in texts_of(bad) if SQL.search(text)]
    assert NOT_PORTABLE.search(statement)
    bad.write_text("def say(message, **values): ...\ndef tell(message, /, **values): ...\n")
    assert list(clashing(bad)) == ["say"]
