import pytest

from kbsearch.search.fulltext import essence


@pytest.mark.parametrize(
    "description, told",
    [
        (
            "Bonjour,\n\nLa vache 2217 n’apparaît plus.\n\nCordialement,\nAlice\nAcme SARL\n04 78",
            "La vache 2217 n’apparaît plus.",
        ),
        (
            "Bonjour Alice, la passerelle affiche ERR-1042. Merci d’avance. Cordialement, Bob",
            "la passerelle affiche ERR-1042.",
        ),
        (
            "Hi team,\nI hope you are well.\nThe printer is broken.\nThanks in advance\n"
            "Best regards,\nJohn\nHead of IT\n\n"
            "On Mon, Feb 3, 2026 at 10:12 AM S <s@x.example> wrote:\n"
            "> The gateway is slow.",
            "The printer is broken.",
        ),
        (
            "La balance ne pèse plus.\n-- \nJeanne Morel\nLaiterie Beauséjour",
            "La balance ne pèse plus.",
        ),
        (
            "La balance ne pèse plus rien.\nCe message est confidentiel et destiné à son "
            "destinataire.\nToute copie est interdite.",
            "La balance ne pèse plus rien.",
        ),
    ],
)
def test_what_is_told_is_what_is_left(description, told):
    assert essence.of_description(description) == told


@pytest.mark.parametrize(
    "description",
    [
        "Bonjour",  # all there is
        "Merci de corriger le prix du bon 12.",  # thanks that ask for something
        "Merci par avance de bien vouloir vérifier le certificat du serveur de secours.",
        "Thanks to the last update nothing prints any more, not even the labels.",
        "Voici ce qui aide.\nMerci pour votre patience.\nOuvrez le port 8883 en sortie.",
        "It is done.\nThanks for the logs\n"
        "Open port 8883, then restart the gateway twice, or more often",
        "Erreur au démarrage.\nMerci\n" + "\n".join(f"at line {n} of main" for n in range(12)),
    ],
)
def test_what_may_be_the_problem_is_kept(description):
    assert essence.of_description(description) == description


def test_a_subject_loses_the_marks_of_answers_alone():
    assert essence.of_subject("RE: TR : [Ticket 12] Panne") == "Panne"
    assert essence.of_subject("[Linux] Réponse vide : Re-install") == (
        "[Linux] Réponse vide : Re-install"
    )


def test_a_line_is_the_same_however_it_is_written():
    assert essence.line_key("Ferme des Chênes, 12 rue du Pré") == essence.line_key(
        "  FERME DES CHÊNES,  12 rue du pré "
    )
    assert essence.line_key("Ferme des Chênes") != essence.line_key("Ferme des Hêtres")
    assert essence.line_keys("Alice\n\nUne ligne\nune  LIGNE\n" + "mot " * 101) == [
        essence.line_key("Une ligne")
    ]
