"""The same thing is found however it is written, by those who read articles and by customers."""

import unicodedata

import pytest

from kbsearch.access import ANONYMOUS
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.search.ranking import Search
from tests.conftest import introduce, take_over
from tests.kit.search import ask, follow, ids, put_live, write

TEXTS = {
    "wifi": ("Régler le Wi-Fi de la salle", "Le Wi-Fi demande un code."),
    "conseil": ("Saisir les prud’hommes", "Le conseil de prud’hommes répond."),
    "haut": ("Régler le haut-parleur", "Le haut-parleur est coupé."),
    "fin": ("Travailler un weekend", "Le weekend compte double."),
    "mdp": ("Changer de mot de passe", "Le mot de passe se change dans le profil."),
    "tel": ("Joindre le service", "Téléphonez au +33 1 70 00 00 45."),
    "son": ("Pas de son pendant une visioconférence", "Vérifiez le volume."),
    "sondage": ("Créer un sondage", "Un sondage se crée en deux clics."),
    "zh": ("Phrase de démonstration", "这是一段简单的测试文本。 Le ERP系统 démarre."),
    "zw": ("Serveur injoignable", "Un zéro\u200blargeur et un mot in\u00adsécable."),
    "code": ("Panne connue", "L’écran affiche E-1042, puis ERR_2210 et KB 5034441."),
    "taille": ("Joindre un fichier", "Au plus 10 Mo, ou 1 000 € d’achat, remise de 3,5 %."),
    "camel": ("Journal technique", "Appel de getUserName, puis export_csv, échec."),
    "travaux": ("Déclarer des travaux", "Les yeux se fatiguent, les tuyaux aussi."),
    "version": ("Nouveautés", "Ce qui change en 4.2.1."),
    "hexa": ("Mise à jour refusée", "Windows répond 0x80070643, puis 0x8007007e."),
    "decimal": ("Journal du poste", "Le service rend 80090016 avant de se fermer."),
    "shape": ("Importer un shapefile", "Le shapefile vient du drone."),
    "fort": ("Pare-feu d’un client", "Le FortiGate coupe la liaison."),
    "porte": ("Fermer une porte", "Une porte se ferme à clé ; voir gate et forti."),
}  # fmt: skip
WAYS = [
    *[("wifi", way) for way in ("wifi", "WIFI", "Wi-Fi", "wi fi", "WiFi")],
    ("conseil", "prudhommes"),
    ("conseil", "prud'hommes"),
    ("haut", "hautparleur"),
    ("haut", "haut parleur"),
    ("fin", "week-end"),
    ("fin", "week end"),
    ("mdp", "motdepasse "),
    *[
        ("tel", way)
        for way in ("0170000045", "+33170000045", "01 70 00 00 45", "01.70.00.00.45", "170000045")
    ],
    ("son", "aucun son"),
    ("son", "son"),
    ("son", "pas de son"),
    *[("zh", way) for way in ("一段", "段简", "简单的测试", "系统", "erp")],
    ("zw", "zérolargeur"),
    ("zw", "insécable"),
    *[("code", way) for way in ("e1042", "E-1042", "e_1042", "ERR2210", "err-2210", "KB5034441")],
    *[("taille", way) for way in ("10Mo", "10 mo", "1000 €", "1 000 €", "1000", "3,5 %", "3.5%")],
    *[("camel", way) for way in ("username", "user name", "exportcsv", "export csv")],
    *[("travaux", way) for way in ("travail", "travaux", "œil", "tuyau")],
    *[("hexa", way) for way in ("0x80070643", "80070643", "erreur 80070643", "8007007E")],
    ("decimal", "0x80090016"),
    *[("shape", way) for way in ("shape file", "shape-file", "shapefile")],
    ("fort", "FortiGate"),
    *[("version", way) for way in ("4.2.1", "v4.2.1", "4.2")],
]


@pytest.fixture(scope="module")
def searches(tmp_path_factory, empty_database):
    """The same texts as articles for everyone, and as past requests of one organisation."""
    settings = Settings(site=tmp_path_factory.mktemp("site"))
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    cast = introduce(db)
    for name, (title, body) in TEXTS.items():
        write(settings.content_path, f"fr/essais/{name}", body, title=title)
    put_live(db, settings)
    for number, (title, body) in enumerate(TEXTS.values(), 7001):
        take_over(db, number=number, subject=title, description=body, language="fr")
    follow(settings, db)
    yield Search(settings, db), cast
    db.close()


@pytest.mark.parametrize(("name", "text"), WAYS)
def test_it_is_found_first_however_it_is_written(searches, name: str, text: str):
    search, cast = searches
    number = str(7001 + list(TEXTS).index(name))
    assert ids(ask(search, text, ANONYMOUS).hits)[:1] == [f"fr/essais/{name}"]
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, text, viewer, kind="ticket").hits)[:1] == [number]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("wifi", "Wi-Fi"),
        ("0170000045", "+33 1 70 00 00 45"),
        ("zérolargeur", "zérolargeur"),
        ("e1042", "E-1042"),
        ("1000 €", "1 000 €"),
        ("段简", "段简"),
        ("œil", "yeux"),
    ],
)
def test_what_was_meant_is_marked_as_it_is_written_there(searches, text: str, marked: str):
    search, _ = searches
    snippet = unicodedata.normalize("NFC", ask(search, text).hits[0].snippet)
    assert marked.removeprefix("+33 1 ") in "".join(
        piece.split("</mark>")[0] for piece in snippet.split("<mark>")[1:]
    )


@pytest.mark.parametrize("text", ["1118", "#1118", "n° 1118", "demande 1118"])
def test_a_number_is_the_request_of_that_number_and_of_nobody_else(searches, text: str):
    search, cast = searches
    take_over(search._db, number=1118, subject="Rien de cela", language="fr")
    follow(search._settings, search._db)
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, text, viewer).hits)[:1] == ["1118"]
    for viewer in (cast.chloe, ANONYMOUS):
        assert "1118" not in ids(ask(search, text, viewer, limit=100).hits)


def test_a_phrase_is_found_in_that_order_alone(searches):
    search, cast = searches
    for text in ('"mot de passe"', "« mot de passe »", "“mot de passe”"):
        assert ids(ask(search, text).hits) == ["fr/essais/mdp"]
    assert ask(search, '"passe mot"').hits == ()
    for viewer in (cast.alice, cast.dan):
        assert ids(ask(search, '"mot de passe"', viewer, kind="ticket").hits) == ["7005"]
        assert ask(search, '"passe mot"', viewer, kind="ticket").hits == ()


def test_what_is_excluded_is_never_shown(searches):
    search, cast = searches
    assert {"fr/essais/wifi", "fr/essais/haut"} <= set(ids(ask(search, "régler").hits))
    for text in ("régler -wifi", "régler -Wi-Fi", "-haut-parleur régler", 'régler -"haut parleur"'):
        gone = "wifi" if "i" in text.split("-", 1)[1][:4] else "haut"
        assert f"fr/essais/{gone}" not in ids(ask(search, text).hits), text
        for viewer in (cast.alice, cast.dan):
            titles = [hit.title for hit in ask(search, text, viewer).hits]
            assert TEXTS[gone][0] not in titles and titles, text
    assert ask(search, "-wifi").total == 0


def test_a_dash_or_a_quotation_in_a_long_text_is_only_a_sign(searches):
    search, _ = searches
    pasted = 'Bonjour,\n- le "fichier joint" -est- trop gros\n-sondage'
    assert "fr/essais/taille" in ids(ask(search, pasted).hits)


def test_a_right_word_is_not_corrected_into_another(searches):
    search, _ = searches
    for text in ("réchanger ", "précompter "):
        assert ask(search, text).corrected is None
