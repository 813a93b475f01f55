"""The packages kbsearch stands on: their lock with licences, a look at what is behind, an SBOM.

`lock` writes scripts/lock.txt from what is installed, `check` says what the lock names and is old
(once a month), `sbom FILE` writes what an installation contains as CycloneDX 1.6, the same bytes
from the same lock.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

from kbsearch.version import __version__

TOP = Path(__file__).parent.parent
LOCK = TOP / "scripts" / "lock.txt"
LINE = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)  # (?P<licence>.+)")
IDENTIFIER = re.compile(r"[A-Za-z]+[A-Za-z0-9.-]*")
HEAD = (
    "# What development, CI and the SBOM work with, and under which licence each is:\n"
    "# written by scripts/dependencies lock.\n"
)
# What packages say of their licence where they do not say it as SPDX does.
SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "Unlicense",
    "Python Software Foundation License": "PSF-2.0",
    "Zope Public License": "ZPL-2.1",
}
# Read in their files: what they say of themselves names none.
READ = {"dkimpy": "Zlib", "pyrage": "MIT", "pysqlite3": "Zlib"}


class Package(NamedTuple):
    """A line of the lock."""

    version: str
    licence: str


def normal(name: str) -> str:
    """The name of a package as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock() -> dict[str, Package]:
    """The packages of the lock, by name."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    matches = [LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    return {
        match["name"]: Package(match["version"], match["licence"]) for match in matches if match
    }


def project() -> Any:
    """What pyproject.toml says of kbsearch."""
    return tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def extras_for_users() -> set[str]:
    return set(project()["optional-dependencies"]) - {"dev"}


def closure(extras: set[str]) -> dict[str, set[str]]:
    """Every package of an installation with these extras, and kbsearch: what each asks for."""
    facts = project()
    texts = [*facts["dependencies"]]
    for extra in extras:
        texts += facts["optional-dependencies"][extra]
    edges: dict[str, set[str]] = {}
    todo = [("kbsearch", requirement) for requirement in _that_apply(texts, {""})]
    done = set()
    while todo:
        asker, requirement = todo.pop()
        name = normal(requirement.name)
        if name == "kbsearch":  # an extra that is made of others
            continue
        edges.setdefault(asker, set()).add(name)
        edges.setdefault(name, set())
        wanted = frozenset({"", *requirement.extras})
        if (name, wanted) not in done:
            done.add((name, wanted))
            inner = _that_apply(metadata.distribution(name).requires or [], wanted)
            todo += [(name, one) for one in inner]
    return edges


def _that_apply(texts: Iterable[str], extras: Iterable[str]) -> Iterator[Requirement]:
    """The requirements that hold on this machine, with these extras."""
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def licence_of(name: str) -> str:
    """As SPDX has it; empty where the package does not say."""
    if name in READ:
        return READ[name]
    facts = metadata.metadata(name)
    if expression := facts.get("License-Expression"):
        return expression
    classifiers = [line for line in facts.get_all("Classifier") or [] if line[:7] == "License"]
    own_word = facts.get("License") or ""
    names = [*(line.rpartition(" :: ")[2] for line in classifiers), own_word]
    known = next((SPDX[name] for name in names if name in SPDX), "")
    return known or (own_word if IDENTIFIER.fullmatch(own_word) else "")


def lock() -> None:
    """Write down what is installed."""
    names = sorted(closure(extras_for_users() | {"dev"}).keys() - {"kbsearch"})
    lines = [f"{name}=={metadata.version(name)}  # {licence_of(name) or '?'}\n" for name in names]
    LOCK.write_text(HEAD + "".join(lines), encoding="utf-8")
    print(f"{len(lines)} packages: {LOCK.relative_to(TOP)}")


def check() -> None:
    """Say which packages of the lock there is a later release of, and whose licence is unknown."""
    pip = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"]
    listed = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
    newer = {normal(row["name"]): row["latest_version"] for row in json.loads(listed)}
    locked = read_lock()
    for name, package in locked.items():
        if name in newer:
            print(f"{name} {package.version}: {newer[name]} is there")
    unknown = [name for name, package in locked.items() if package.licence == "?"]
    for name in unknown:
        print(f"{name}: no licence is known")
    print("then: pip install --upgrade, the tests, scripts/dependencies lock")
    sys.exit(1 if unknown else 0)


def sbom(target: Path) -> None:
    """Write the bill of materials of kbsearch with all its extras."""
    edges, locked = closure(extras_for_users()), read_lock()
    locked["kbsearch"] = Package(__version__, "Apache-2.0")
    purls = {name: f"pkg:pypi/{name}@{locked[name].version}" for name in edges}
    parts = {name: _component(name, locked[name], purls[name]) for name in sorted(edges)}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": parts.pop("kbsearch")},
        "components": list(parts.values()),
        "dependencies": [
            {"ref": purls[name], "dependsOn": sorted(purls[other] for other in edges[name])}
            for name in sorted(edges)
        ],
    }
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _component(name: str, package: Package, purl: str) -> dict[str, object]:
    return {
        "type": "application" if name == "kbsearch" else "library",
        "bom-ref": purl,
        "name": name,
        "version": package.version,
        "purl": purl,
        "licenses": [{"expression": package.licence}],
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lock"]:
            lock()
        case ["check"]:
            check()
        case ["sbom", file]:
            sbom(Path(file))
        case _:
            sys.exit("usage: scripts/dependencies lock | check | sbom FILE")
