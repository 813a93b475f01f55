"""What kbsearch stands on: a lock with licences, and the bill of materials made of it."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.kit.places import TOP

SCRIPT = TOP / "scripts" / "dependencies.py"
FREE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-only", "MIT", "MIT-0"} | {
    *("CNRI-Python", "MPL-2.0", "PSF-2.0", "Unlicense", "ZPL-2.1", "Zlib")
}
OF_TESTS_ALONE = {"zenpy": "GPL-3.0-only"}  # what speaks to us as Zendesk's own client does
WORDS = re.compile(r"[\w.-]+")

spec = importlib.util.spec_from_file_location("dependencies", SCRIPT)
assert spec is not None and spec.loader is not None
dependencies = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dependencies)


def project() -> dict[str, list[str]]:
    """The requirements of pyproject.toml, by extra; what everybody needs under no name."""
    facts = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": facts["dependencies"], **facts["optional-dependencies"]}


def requirements(*extras: str) -> dict[str, Requirement]:
    parsed = [Requirement(text) for extra in extras for text in project()[extra]]
    return {dependencies.normal(one.name): one for one in parsed if one.name != "kbsearch"}


def test_all_that_is_asked_for_is_locked_to_a_release_that_suits():
    locked = dependencies.read_lock()
    for name, requirement in requirements(*project()).items():
        assert name in locked, f"{name}: scripts/dependencies lock"
        assert requirement.specifier.contains(locked[name].version), name


def test_users_are_given_ranges_and_no_single_release():
    asked = requirements(*(set(project()) - {"dev"}))
    assert [name for name, one in asked.items() if one.specifier == SpecifierSet()] == []
    assert [name for name, one in asked.items() if "==" in str(one.specifier)] == []


def test_every_licence_is_known_and_free():
    unknown = {
        name: package.licence
        for name, package in dependencies.read_lock().items()
        if set(WORDS.findall(package.licence)) - {"AND", "OR"} - FREE
    }
    assert unknown == OF_TESTS_ALONE
    assert not OF_TESTS_ALONE.keys() & requirements(*(set(project()) - {"dev"})).keys()


def test_the_lock_names_no_place_to_fetch_from():
    assert "://" not in dependencies.LOCK.read_text(encoding="utf-8")


def test_the_bill_of_materials_is_the_same_each_time_and_names_licences(tmp_path: Path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    try:
        dependencies.sbom(first)
    except dependencies.metadata.PackageNotFoundError as missing:
        pytest.skip(f"not every extra is installed: {missing}")
    dependencies.sbom(second)
    assert first.read_bytes() == second.read_bytes()
    bill = json.loads(first.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {part["name"] for part in bill["components"]}
    assert set(requirements("", "sso")) <= names
    assert not names & {"pytest", "mypy", "zenpy"}
    assert all(part["licenses"][0]["expression"] for part in bill["components"])
    refs = {bill["metadata"]["component"]["bom-ref"]} | {b["bom-ref"] for b in bill["components"]}
    edges = {edge["ref"]: set(edge["dependsOn"]) for edge in bill["dependencies"]}
    assert edges.keys() == refs
    assert set().union(*edges.values()) <= refs
