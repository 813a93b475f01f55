"""A new site: its settings file, its content under git, its folders."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kbsearch import config, resources
from kbsearch.articles.publishing.commits import OWN_ADDRESS
from kbsearch.errors import Problem

SHOWN = (  # what a new kbsearch.toml speaks of; the README lists the rest
    "site_name",
    "base_url",
    "host",
    "port",
    "workers",
    "languages",
    "default_audience",
    "categories",
    "branch",
    "support_phone",
    "support_email",
    "trusted_proxies",
)
BRANCH = "main"  # of the repository made here, whatever git calls a first branch
DEMO: Mapping[str, object] = {
    "site_name": "Prairial & Varlope",
    "default_audience": "everyone",
    "categories": ("troupelia", "sillonea", "etablia", "scellea", "account", "requests"),
    "support_phone": "+33 4 65 71 12 34",
    "support_email": "support@support.example",
}
WELCOME = {
    "articles/fr/start/welcome.md": """---
title: Bienvenue dans le centre d’aide
slug: bienvenue
audience: everyone
tags: [accueil]
summary: Ce que vous trouverez ici, et comment le chercher.
---

Tapez quelques mots de votre problème dans la barre de recherche : les réponses s’affichent
à mesure que vous tapez.

## Vous rédigez ce centre d’aide ?

Chaque page est un fichier Markdown de `content/articles/`. Enregistrez-la par un commit : elle est
en ligne quelques secondes plus tard.
""",
    "articles/en/start/welcome.md": """---
title: Welcome to the help centre
slug: welcome
audience: everyone
tags: [home]
summary: What you will find here, and how to search it.
---

Type a few words of your problem into the search box: answers appear while you type.

## Do you write this help centre?

Every page is a Markdown file of `content/articles/`. Commit it, and it is online seconds later.
""",
}
SYNONYMS = """# One group of words that mean the same a line, separated by commas.
mot de passe, password
"""
# Nothing of the machine's own git configuration may stop the first commit.
GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false")
AUTHOR = ("-c", "user.name=kbsearch", "-c", f"user.email={OWN_ADDRESS}")


class CannotCreate(Problem):
    """The folder cannot become a site."""


def is_site(folder: Path) -> bool:
    """Whether a folder was made by `create`."""
    return (folder / config.CONFIG_NAME).is_file()


def create(folder: Path, *, demo: bool = False) -> bool:
    """Lay out a site; whether its content is under git (git may be missing).

    kbsearch.toml comes last: a folder left half-way is not taken for a site.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotCreate("site.folder_not_empty", folder=folder)
    content = folder / "content"
    if demo:
        shutil.copytree(demo_content(), content)
    else:
        for name, text in WELCOME.items():
            _write(content / name, text)
        _write(content / "synonyms.txt", SYNONYMS)
    under_git = _commit(content)
    (folder / "var").mkdir(mode=0o700)
    (folder / "index").mkdir(mode=0o700)  # it holds what people wrote, too
    settings = {**(DEMO if demo else {}), **({"branch": BRANCH} if under_git else {})}
    _write(folder / config.CONFIG_NAME, settings_file(settings))
    return under_git


def demo_content() -> Path:
    """The help centre of the demo's vendor: articles on software that nobody sells."""
    return resources.folder("demo") / "content"


def settings_file(values: Mapping[str, object]) -> str:
    """A kbsearch.toml that shows the usual settings, commented out at their default."""
    lines = ["# Settings of this site. Paths are relative to this folder."]
    for name in SHOWN:
        item = config.FIELDS[name]
        sign = "" if name in values else "# "
        value = _toml(values.get(name, item.default))
        lines += ["", f"# {item.metadata['told']}", f"{sign}{name} = {value}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A text, a number or a list of texts: JSON writes them as TOML does."""
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _commit(content: Path) -> bool:
    if shutil.which("git") is None:
        return False
    environment = {name: v for name, v in os.environ.items() if not name.startswith("GIT_")}
    for arguments in (
        ("init", "--quiet", f"--initial-branch={BRANCH}"),
        ("add", "--all"),
        (*AUTHOR, "commit", "--quiet", "--message", "First articles"),
    ):
        result = subprocess.run(
            [*GIT, *arguments], cwd=content, env=environment, capture_output=True, text=True
        )
        if result.returncode:
            raise CannotCreate("site.git_failed", told=result.stderr.strip().replace("\n", " "))
    return True
