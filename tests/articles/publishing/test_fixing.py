"""`check --fix`: what has one answer is written, what has several is not touched."""

import pytest

from kbsearch.articles.publishing import edition, fixing
from kbsearch.articles.publishing.tree import FolderTree
from kbsearch.config import Settings
from tests.kit.writers import write

NB = "\u00a0"
FILE = "articles/fr/guide/page.md"
OTHER = "articles/fr/guide/other.md"
HEAD = "---\ntitle: Une page\naudience: everyone\n---\n\n"


def after_fixing(content, text: str) -> str:
    """The file once nothing in it has one answer any more."""
    file = write(content, FILE, text)
    for _ in range(fixing.ROUNDS):
        tree = FolderTree(content, "")
        made = edition.make(tree, Settings())
        files, answered = fixing.fixed(tree, made, made.findings)
        assert bool(files) == bool(answered)
        for path, body in files.items():
            write(content, path, body)
        if not files:
            return file.read_bytes().decode()
    raise AssertionError("it goes on and on")


@pytest.fixture
def content(tmp_path):
    write(tmp_path, OTHER, HEAD.replace("Une page", "L'autre") + "## L'écran d'accueil\n\nMot.\n")
    return tmp_path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Vrai ? Oui!", f"Vrai{NB}? Oui{NB}!"),
        ("« Bon » : `a ? b` et « c »", f"«{NB}Bon{NB}»{NB}: `a ? b` et «{NB}c{NB}»"),
        ("`x y !` puis y !", f"`x y !` puis y{NB}!"),
        ("```\na ? b\n```\n\nc ?", f"```\na ? b\n```\n\nc{NB}?"),
        ("- un ;\n- deux ?", f"- un{NB};\n- deux{NB}?"),
        ("# Une page\n\nMot.", "\nMot."),
        ("# Un\n\nMot.\n\n## Deux\n\nMot.", "## Un\n\nMot.\n\n### Deux\n\nMot."),
        ('Un <b class="x">mot</b> et <i style="y">un autre</i>.', "Un **mot** et *un autre*."),
        ("Mot.\n\n<h2>Titre</h2>\n\nMot.", "Mot.\n\n## Titre\n\nMot."),
        ('<p align="center">Mot.</p>', "Mot."),
        ("Voir [là](other.md#l'ecran-d'accueil).", "Voir [là](other.md#l-ecran-d-accueil)."),
        ("Voir [là](other.md#L-ECRAN_D-ACCUEIL).", "Voir [là](other.md#l-ecran-d-accueil)."),
    ],
)
def test_what_has_one_answer_is_written(content, before, after):
    fixed = after_fixing(content, f"{HEAD}{before}\n")
    assert fixed == f"{HEAD}{after}\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}## Un\n\nMot.\n\n# Deux\n\nMot.\n",
        f"{HEAD}Un <font>mot</font> et <b>un autre.\n",
        f"{HEAD}Un `<b class='x'>` et <b class='x'>mot</b>.\n",
        f"{HEAD}[Là-bas](gone.md) et [ici](other.md#rien).\n",
        HEAD.replace("title:", "titre:") + "Mot.\n",
        HEAD.replace("audience:", "status: published\nstatuses:") + "Mot.\n",
        "pas d'en-tête\n\n---\n",
    ],
)
def test_what_has_several_answers_or_none_stays_byte_for_byte(content, text):
    assert after_fixing(content, text) == text


def test_a_key_spelled_nearly_right_is_renamed(content):
    text = "---\nTitle: Une page\nproducts: [a]\ntag: b\n---\n\nMot.\n"
    assert after_fixing(content, text) == (
        "---\ntitle: Une page\nproduct: [a]\ntags: b\n---\n\nMot.\n"
    )


def test_line_ends_and_the_first_mark_stay(content):
    text = f"\ufeff{HEAD}Vrai ?\n".replace("\n", "\r\n")
    assert after_fixing(content, text) == text.replace(" ?", f"{NB}?")
