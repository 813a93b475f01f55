"""A release of this branch: all that must be true of it is done or refused, then the tag.

The version and the section of CHANGELOG.md are committed where they are not yet. Wheel and source
archive are built in two clones and must be the same bits; an empty virtual environment installs the
wheel and says its version. They end in dist/ with the bill of materials and SHA256SUMS, and the
commit gets the tag v1.0.0. Pushing and publishing are left to people.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from kbsearch import clock

TOP = Path(__file__).parent.parent
CHANGELOG, VERSION, DIST = "CHANGELOG.md", "kbsearch/version.py", TOP / "dist"
NUMBER = re.compile(r"\d+\.\d+\.\d+")
UNRELEASED = "## [Unreleased]\n"
_GROUP = re.compile(r"^### (.+)\n", re.MULTILINE)
_HEAD = re.compile(r"^## \[", re.MULTILINE)


def released(text: str, version: str, day: date) -> str:
    """The changelog in which this version has all that was unreleased, by group, and its date."""
    before, _, after = text.partition(UNRELEASED)
    parts = _HEAD.split(after, maxsplit=1)
    unreleased, rest = parts[0], "".join(f"## [{part}" for part in parts[1:])
    old_body = ""
    if rest.startswith(f"## [{version}]"):  # prepared before, and more has come since
        head, _, body = rest.partition("\n")
        following = _HEAD.search(body)
        end = following.start() if following else len(body)
        old_body, rest = body[:end], body[end:]
        day = date.fromisoformat(head[-10:]) if not unreleased.strip() else day
    body = _joined(unreleased, old_body)
    if not body:
        raise SystemExit(f"{CHANGELOG} tells of nothing new")
    return f"{before}{UNRELEASED}\n## [{version}] – {day}\n\n{body}\n" + (
        f"\n{rest}" if rest else ""
    )


def _joined(new: str, old: str) -> str:
    """Two bodies as one: the groups of the old one in their order, what is new on top of each."""
    new_intro, *new_groups = _GROUP.split(new)
    old_intro, *old_groups = _GROUP.split(old)
    texts = {
        name: text.strip() for name, text in zip(old_groups[::2], old_groups[1::2], strict=True)
    }
    for name, text in zip(new_groups[::2], new_groups[1::2], strict=True):
        texts[name] = f"{text.strip()}\n{texts.get(name, '')}".strip()
    intro = [part.strip() for part in (old_intro, new_intro) if part.strip()]
    return "\n\n".join([*intro, *(f"### {name}\n\n{text}" for name, text in texts.items())])


def run(*command: str | Path, cwd: Path = TOP) -> str:
    """What a command says; what it complains of ends the release."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def prepare(version: str) -> None:
    """Commit version and changelog, where they do not say it yet."""
    for name, text in (
        (VERSION, f'"""The version of what is installed."""\n\n__version__ = "{version}"\n'),
        (CHANGELOG, released(read(CHANGELOG), version, clock.utc_now().date())),
    ):
        (TOP / name).write_text(text, encoding="utf-8")
    if run("git", "status", "--porcelain"):
        run("git", "commit", "--quiet", "--all", "--message", f"release: {version}")


def read(name: str) -> str:
    return (TOP / name).read_text(encoding="utf-8")


def build(clone: Path) -> dict[str, bytes]:
    """Wheel and source archive of a clone of this commit, by name."""
    run("git", "clone", "--quiet", TOP, clone)
    out = clone / "dist"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, clone, cwd=clone)
    return {
        path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".whl", ".gz")
    }


def prove(wheel: Path, version: str, place: Path) -> None:
    """The wheel installs where nothing is, and says its version."""
    run(sys.executable, "-m", "venv", "--without-pip", place)
    lock = TOP / "scripts" / "lock.txt"
    pip = (sys.executable, "-m", "pip", "--python", place)
    run(*pip, "install", "--quiet", "--constraint", lock, wheel, cwd=place)
    said = run(place / "bin" / "kbsearch", "--version", cwd=place)
    if said != f"kbsearch, version {version}":
        raise SystemExit(f"the installed wheel says: {said}")


def release(version: str) -> None:
    """Everything, in the order in which it can be refused."""
    if not NUMBER.fullmatch(version):
        raise SystemExit("usage: scripts/release 1.0.0")
    if run("git", "status", "--porcelain"):
        raise SystemExit("commit or set aside what has changed first")
    if run("git", "tag", "--list", f"v{version}"):
        raise SystemExit(f"v{version} is there already")
    prepare(version)
    with tempfile.TemporaryDirectory(dir=TOP / ".cache") as folder:
        first, second = (build(Path(folder) / name) for name in ("one", "two"))
        if first != second:
            raise SystemExit("two clones made different files")
        shutil.rmtree(DIST, ignore_errors=True)
        DIST.mkdir()
        for name, content in first.items():
            (DIST / name).write_bytes(content)
        prove(DIST / f"kbsearch-{version}-py3-none-any.whl", version, Path(folder) / "venv")
    sbom = DIST / f"kbsearch-{version}.cdx.json"
    run(sys.executable, TOP / "scripts" / "dependencies.py", "sbom", sbom)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(DIST.iterdir())
    ]
    (DIST / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    run("git", "tag", "--annotate", f"v{version}", "--message", f"kbsearch {version}")
    print("".join(sums) + f"v{version} is made; next: git push --follow-tags, then publish dist/")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/release 1.0.0")
    release(sys.argv[1])
