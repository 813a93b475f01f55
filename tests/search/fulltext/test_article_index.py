import unicodedata

import pytest

from kbsearch.access import ANONYMOUS, Viewer, principals
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.fulltext.article_index import PageLookup
from kbsearch.search.fulltext.query import understand
from kbsearch.search.ranking import Search
from tests.kit.search import ask, counts, ids, put_live, write

PASSWORD, PRINTER = "fr/compte/mot-de-passe", "fr/materiel/imprimante"
COLLAR, CODES = "fr/materiel/collier", "fr/pannes/codes"
DECOMPOSED = "fr/sante/elan"
LONG, GLOBEX, COEUR = "fr/pannes/journal", "fr/globex/reserve", "fr/sante/coeur"
EN_PASSWORD, EN_PRINTER = "en/compte/mot-de-passe", "en/materiel/imprimante"
FILLER = "Rien de particulier sur cette ligne du journal. " * 1_300  # over 60,000 characters

GLOBEX_PERSON = Viewer(
    role="customer", person_id="c", principals=principals("customer", "c", ["globex"])
)
ACME_PERSON = Viewer(
    role="customer", person_id="a", principals=principals("customer", "a", ["acme"])
)


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    content = site / "content"
    write(
        content,
        PASSWORD,
        "Vous avez oublié votre mot de passe.\n\n"
        "## Demander un lien\n\nUn lien arrive par courriel, valable quinze minutes.\n\n"
        "## Choisir un mot de passe\n\nDouze caractères au moins, avec `<b>` & compagnie.\n",
        title="Réinitialiser son mot de passe",
        summary="Recevoir un lien.",
        product=["icownect"],
    )
    write(
        content,
        PRINTER,
        "Les imprimantes réseau perdent leur adresse.\n\n"
        "## Imprimer des étiquettes\n\nChoisissez le rouleau et relancez l’impression.\n",
        title="L’imprimante ne répond plus",
        product=["cervo-atelier"],
        tags=["bourrage"],
    )
    write(
        content,
        COLLAR,
        "Le collier de l’employeur envoie sa position.\n\n## Batterie\n\nDeux ans d’autonomie.\n",
        title="Localiser un collier",
        product=["icownect", "cervo-atelier"],
    )
    write(
        content,
        CODES,
        "## ERR-1042\n\nLa base est verrouillée : relancez le service.\n\n"
        "## 0x80070005\n\nAccès refusé au fichier iis.config depuis la 4.2.1.\n",
        title="Codes d’erreur",
    )
    write(
        content,
        LONG,
        FILLER + "\n\n## Fin\n\nLe terme zanzibar clôt le journal.\n",
        title="Journal",
    )
    write(
        content,
        GLOBEX,
        "La procédure quetzalcoatl : imprimante et mot de passe.\n",
        title="Réservé",
        audience="org:globex",
        product=["secret"],
    )
    write(
        content,
        COEUR,
        "Le cœur de l’élève bat à l’été. Ma sœur œuvre.\n",
        title="Fréquence",
    )
    write(
        content,
        EN_PASSWORD,
        "You forgot your password.\n\n## Ask for a link\n\nA link comes by e-mail.\n",
        title="Reset your password",
        slug="reset-your-password",
        product=["icownect"],
    )
    write(
        content,
        EN_PRINTER,
        "Network printers lose their address. Labels jam.\n",
        title="The printer does not answer",
        slug="printer",
    )
    decomposed = "## Été à l’évêché\n\nÀ Étampes l’élan s’égaie.\n\n## Autre\n\nRien.\n"
    write(content, DECOMPOSED, unicodedata.normalize("NFD", decomposed), title="Élan")
    for number in range(25):
        write(content, f"fr/serie/page-{number:02}", f"Girafe numéro {number}.", title=f"N{number}")
    (content / "synonyms.txt").write_text("courriel, mail\nmot de passe, mdp, password\n")
    settings = Settings(site=site)
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    put_live(db, settings)
    yield Search(settings, db)
    db.close()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("réinitialiser", PASSWORD),
        ("reinitialiser", PASSWORD),  # accents dropped
        ("REINITIALISER", PASSWORD),
        (unicodedata.normalize("NFD", "réinitialiser"), PASSWORD),
        ("mots de passes", PASSWORD),  # plurals
        ("étiquette", PRINTER),
        ("imprimante reseaux", PRINTER),
        ("l'imprimante", PRINTER),  # elisions, of both apostrophes
        ("l’imprimante", PRINTER),
        ("bourrage", PRINTER),  # an editor's word
        ("coeur", COEUR),
        ("cœur", COEUR),
        ("soeur", COEUR),
    ],
)
def test_the_article_is_found_however_its_words_are_written(search: Search, text, expected):
    results = ask(search, text)
    assert ids(results.hits)[0] == expected
    assert results.corrected is None


def test_a_glued_word_is_taken_apart_and_said(search: Search):
    results = ask(search, "lemployeur ")
    assert (results.corrected, results.fallback) == ("employeur ", "corrected")
    assert ids(results.hits) == [COLLAR]


@pytest.mark.parametrize(
    "typed, meant, expected",
    [
        ("imprimente ", "imprimante ", PRINTER),
        ("colier perdu ", "collier perdu ", COLLAR),
        ("reinitailiser ", "réinitialiser ", PASSWORD),  # two letters exchanged
    ],
)
def test_a_typo_is_corrected_and_said_in_the_written_form(search: Search, typed, meant, expected):
    results = ask(search, typed)
    assert (results.corrected, results.fallback) == (meant, "corrected")
    assert ids(results.hits)[0] == expected


def test_a_typo_of_an_editors_word_is_corrected(search: Search):
    """`bourrage` is a tag, and stands in no text."""
    results = ask(search, "bourage ")
    assert (results.corrected, results.hits[0].id) == ("bourrage ", "fr/materiel/imprimante")


def test_a_literal_question_is_not_corrected(search: Search):
    results = ask(search, "imprimente ", literal=True)
    assert (results.corrected, results.fallback, results.hits) == (None, None, ())


@pytest.mark.parametrize("text", ["dxx ", "9.9.9 ", "ERR-1043 ", "0x80070006 "])
def test_short_words_and_codes_are_never_corrected(search: Search, text):
    assert ask(search, text).corrected is None


def test_an_unfinished_word_finds_what_it_begins(search: Search):
    for typed in ("impr", "imprim", "étiqu", "etiqu"):
        results = ask(search, typed)
        assert ids(results.hits)[0] == PRINTER, typed
        assert results.corrected is None
    assert "<mark>imprim" in ask(search, "imprim").hits[0].snippet.lower()


def test_a_finished_word_is_not_a_prefix(search: Search):
    assert ask(search, "étiqu ", literal=True).hits == ()


def test_synonyms_find_and_are_said(search: Search):
    results = ask(search, "mail")
    assert results.synonyms == ("courriel",)
    assert ids(results.hits)[0] == PASSWORD
    assert ids(ask(search, "mdp").hits)[0] == PASSWORD
    assert ask(search, "imprimante").synonyms == ()


@pytest.mark.parametrize("code", ["ERR-1042", "err-1042", "0x80070005", "iis.config", "4.2.1"])
def test_an_exact_code_comes_first_whatever_is_around_it(search: Search, code: str):
    assert ids(ask(search, f"mot de passe imprimante {code}").hits)[0] == CODES


def test_a_hit_opens_at_its_best_section(search: Search):
    hit = ask(search, "lien courriel").hits[0]
    assert (hit.section, hit.url) == (
        "Demander un lien",
        "/fr/articles/mot-de-passe#demander-un-lien",
    )
    assert "<mark>lien</mark> arrive par <mark>courriel</mark>" in hit.snippet
    code = ask(search, "0x80070005").hits[0]
    assert code.section == "0x80070005"


def test_what_the_introduction_answers_opens_at_the_top(search: Search):
    hit = ask(search, "perdent leur adresse").hits[0]
    assert (hit.section, hit.url) == ("", "/fr/articles/imprimante")


def test_only_what_was_found_is_marked(search: Search):
    snippet = ask(search, "rouleaux").hits[0].snippet
    assert snippet == "Choisissez le <mark>rouleau</mark> et relancez l’impression."
    hit = ask(search, "eleve").hits[0]
    assert "<mark>élève</mark>" in hit.snippet and hit.snippet.count("<mark>") == 1


def test_ligatures_are_marked_whole(search: Search):
    assert "<mark>cœur</mark>" in ask(search, "coeur").hits[0].snippet
    assert "<mark>sœur</mark> <mark>œuvre</mark>" in ask(search, "soeur oeuvre").hits[0].snippet


def test_a_snippet_is_escaped(search: Search):
    snippet = ask(search, "douze caractères").hits[0].snippet
    assert "&lt;b&gt; &amp; compagnie" in snippet
    assert "<b>" not in snippet


def test_decomposed_accents_leave_the_snippet_whole(search: Search):
    (hit,) = ask(search, "étampes").hits
    assert (hit.id, hit.section) == (DECOMPOSED, "Été à l’évêché")
    assert hit.snippet == "À <mark>Étampes</mark> l’élan s’égaie."


def test_a_word_after_sixty_thousand_characters_is_found_and_shown(search: Search):
    (hit,) = ask(search, "zanzibar").hits
    assert (hit.id, hit.section) == (LONG, "Fin")
    assert "<mark>zanzibar</mark>" in hit.snippet


def test_facets_count_what_was_found(search: Search):
    results = ask(search, "password imprimante collier")
    assert set(ids(results.hits)) == {PASSWORD, PRINTER, COLLAR}
    assert counts(results.facets.products) == {"icownect": 2, "cervo-atelier": 2}
    assert counts(results.facets.kinds) == {"article": 3}
    assert counts(results.facets.languages) == {"fr": 3, "en": 1}
    assert results.total == 3


def test_a_product_narrows_the_hits_and_leaves_the_choice_of_products(search: Search):
    results = ask(search, "password imprimante collier", product="icownect")
    assert set(ids(results.hits)) == {PASSWORD, COLLAR}
    assert results.total == 2
    assert counts(results.facets.products) == {"icownect": 2, "cervo-atelier": 2}
    assert ids(results.other_language) == [EN_PASSWORD]
    nothing = ask(search, "password imprimante collier", product="nowhere")
    assert (nothing.total, nothing.hits) == (0, ())
    assert nothing.facets.products == results.facets.products  # the way out


COUNTED = (
    "mot de passe", "mot de pas", "imprimante réseau", "bourrage", "ERR-1042", "4.2.1", "le la de",
    "les", "lien journal", "coeur", "journal ligne collier batterie", "employeur lien", "x" * 60,
    "vous avez oublié votre mot de passe un lien arrive par courriel valable quinze minutes "
    "choisir un mot de passe douze caractères au moins avec les imprimantes réseau perdent",
)  # fmt: skip


@pytest.mark.parametrize("text", COUNTED)
@pytest.mark.parametrize("product", ["", "icownect"])
def test_what_is_only_counted_is_what_would_be_found(search: Search, text: str, product: str):
    ask(search, "lien")
    assert search._articles is not None
    index = search._articles.by_language["fr"]
    for viewer in (ANONYMOUS, GLOBEX_PERSON):
        asked = understand(text, search._articles.synonyms)
        lookup = PageLookup(asked, viewer.principals, 1, product=product)
        count = index.count_found(asked, viewer.principals, product)
        assert count == index.search(lookup).total


def test_the_other_language_is_a_group_of_its_own(search: Search):
    results = ask(search, "password")
    assert ids(results.hits) == [PASSWORD]  # by its synonym
    assert ids(results.other_language) == [EN_PASSWORD]
    assert results.other_language[0].url.startswith("/en/articles/reset-your-password")
    english = ask(search, "password", language="en")
    assert (ids(english.hits), ids(english.other_language)) == ([EN_PASSWORD], [PASSWORD])


def test_one_language_only_is_that_one(search: Search):
    results = ask(search, "password", only_language="en")
    assert (ids(results.hits), results.other_language) == ([EN_PASSWORD], ())


def test_pages_follow_each_other_without_a_gap_or_a_repeat(search: Search):
    pages = [ids(ask(search, "girafe", page=page).hits) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert len({path for page in pages for path in page}) == 25
    assert {ask(search, "girafe", page=page).total for page in (1, 2, 3, 4)} == {25}
    assert ids(ask(search, "girafe", limit=25).hits) == [*pages[0], *pages[1], *pages[2]]


@pytest.mark.parametrize("page, limit", [(0, 0), (-5, -1), (10**9, 10**9), (1, 101)])
def test_absurd_pages_and_limits_are_brought_to_reason(search: Search, page: int, limit: int):
    assert ask(search, "girafe", page=page, limit=limit).total == 25


@pytest.mark.parametrize("text", ["de la", "le", "pour qui"])
def test_a_question_of_stop_words_only_finds_by_the_words_as_written(search: Search, text: str):
    assert ask(search, text).total > 0 or text == "pour qui"
    assert ask(search, text).corrected is None


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "!!!", "\ud800", "\u200f\u202e", "😀", "\u0301"]
)
def test_a_text_without_a_word_finds_nothing_and_says_so(search: Search, text: str):
    results = ask(search, text)
    assert (results.hits, results.total, results.fallback) == ((), 0, None)


@pytest.mark.parametrize(
    "text",
    ["impri\x00mante imprimante", "😀 imprimante 😀", "\u202eimprimante\u202c", "(imprimante"],
)
def test_strange_signs_around_a_word_do_not_hide_it(search: Search, text: str):
    assert PRINTER in ids(ask(search, text).hits)


def test_the_same_text_gives_the_same_answer_twice(search: Search):
    first, second = (ask(search, "mot de passe imprimante") for _ in range(2))
    assert first.hits == second.hits and first.facets == second.facets


@pytest.mark.parametrize(
    "text", ["quetzalcoatl", "mot de passe", "imprimante", "réservé", "procédure"]
)
def test_an_article_of_an_organisation_is_for_its_people(search: Search, text: str):
    assert GLOBEX in ids(ask(search, text, GLOBEX_PERSON).hits)
    for outsider in (ANONYMOUS, ACME_PERSON):
        results = ask(search, text, outsider)
        assert GLOBEX not in ids(results.hits)
        assert "secret" not in counts(results.facets.products)


def test_the_words_of_hidden_articles_are_not_offered(search: Search):
    for outsider in (ANONYMOUS, ACME_PERSON):
        assert ask(search, "quetzalcoatk ", outsider).corrected is None
        assert ask(search, "quetzalc", outsider).hits == ()
    assert ids(ask(search, "quetzalc", GLOBEX_PERSON).hits) == [GLOBEX]


def test_an_explanation_names_the_words_that_made_the_score(search: Search):
    hit = ask(search, "imprimante", explain=True).hits[0]
    assert any(reason.startswith("Dans son titre\xa0: imprimante (") for reason in hit.reasons)
    assert ask(search, "imprimante").hits[0].reasons == ()
