"""The test files that a change touches, by who imports whom: `python -m tests.kit.affected [REV]`.

For each changed module: the tests beside it (tests/<package>/test_<module>.py) and those that
import it; where there is none, those of the modules that import it. A template or a style
sheet counts for the modules that name it, a test for itself. Prints one path a line; `scripts/test
--affected` runs them. What follows further on is for the whole suite.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.kit.imports import modules, ours
from tests.kit.places import TESTS, TOP

WHOLE = {  # what a whole folder depends on, and the test that reads it
    "content": "tests/test_readme.py",
    "kbsearch/locale": "tests/test_i18n.py",
    "README.md": "tests/test_readme.py",
    "CONTRIBUTING.md": "tests/test_architecture.py",
    "pyproject.toml": "tests/test_packaging.py",
}
ALWAYS = "tests/test_architecture.py"


def changed(revision: str) -> list[Path]:
    """The files that differ from a revision, committed or not, and those git does not know yet."""
    commands = (
        ["git", "diff", "--name-only", revision],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    lines = (
        subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout
        for command in commands
    )
    return [Path(line) for text in lines for line in text.splitlines()]


def touched_by(paths: Iterable[Path]) -> list[Path]:
    """The test files to run for these changed files, relative to the checkout."""
    chosen: set[Path] = set()
    for path in paths:
        chosen |= set(_tests_of(path))
    return sorted(path for path in chosen if (TOP / path).exists())


def _tests_of(path: Path) -> Iterator[Path]:
    for start, test in WHOLE.items():
        if path.as_posix().startswith(start):
            yield Path(test)
    if path.parts[0] == "tests":
        if path.name.startswith("test_") and path.suffix == ".py":
            yield path
    elif path.suffix == ".py" and path.parts[0] == "kbsearch":
        yield Path(ALWAYS)
        yield from _of_module(_name_of(path))
    elif path.parts[0] == "templates" or path.parts[:2] == ("kbsearch", "static"):
        for name in _naming(
            "/".join(path.parts[1:]) if path.parts[0] == "templates" else path.name
        ):
            yield from _of_module(name)


def _of_module(name: str) -> set[Path]:
    """The nearest tests: of the module, else of those that import it, and so on."""
    near, seen = {name}, {name}
    while near:
        tests = {test for module in near for test in _beside(module)}
        tests |= {test for test, names in _imported().items() if near & names}
        if tests:
            return tests
        near = {other for other, path in modules().items() if near & ours(path)} - seen
        seen |= near
    return set()


def _beside(name: str) -> Iterator[Path]:
    """tests/tickets/test_clocks.py is beside tickets.clocks; a front has its package's name."""
    parts = name.split(".")
    folder = Path("tests", *parts[:-1])
    for place in (folder / f"test_{parts[-1]}.py", Path("tests", *parts, f"test_{parts[-1]}.py")):
        if (TOP / place).exists():
            yield place


@cache
def _imported() -> dict[Path, frozenset[str]]:
    """What each test file imports; not those in browsers, nor those at the top, of everything."""
    paths = (path for path in TESTS.glob("*/**/test_*.py") if "browser" not in path.parts)
    return {path.relative_to(TOP): ours(path) for path in paths}


def _naming(text: str) -> set[str]:
    """The modules that name a template or a static file; of a partial, by the pages it is in."""
    names, done = {text}, set[str]()
    while names - done:
        name = next(iter(names - done))
        done.add(name)
        names |= {page for page, words in _templates().items() if f'"{name}"' in words}
    return {
        name for name, words in _sources().items() if any(f'"{page}"' in words for page in names)
    }


@cache
def _templates() -> dict[str, str]:
    folder = TOP / "templates"
    paths = folder.rglob("*.*")
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


@cache
def _sources() -> dict[str, str]:
    return {name: path.read_text("utf-8") for name, path in modules().items()}


def _name_of(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts[1:] if part != "__init__")


if __name__ == "__main__":
    revision = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    sys.stdout.write("".join(f"{path}\n" for path in touched_by(changed(revision))))
