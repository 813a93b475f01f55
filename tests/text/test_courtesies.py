import pytest

from kbsearch.text.courtesies import is_thanks

NAMES = ("Damien Roux", "Claire Vasseur")


@pytest.mark.parametrize(
    "text",
    [
        "Merci",
        "merci beaucoup \U0001f44d",
        "Bonjour Damien,\n\nMerci pour votre réponse rapide.\n\nBonne journée,\nClaire",
        "Merci, ça marche !",
        "Super merci",
        "Parfait, un grand merci à vous.",
        "Je vous remercie pour votre aide.",
        "C’est réglé, merci. Cordialement, Claire Vasseur",
        "Merci bien, bon week-end à vous",
        "Merci M. Roux :-)",
        "Thanks!",
        "Hi Damien,\nThanks a lot, it works now.\nBest regards\nClaire",
        "Thank you very much for your quick help. Have a nice day!",
        "Perfect, thank you so much!",
    ],
)
def test_a_short_thanks_is_one(text: str):
    assert is_thanks(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bonjour",
        "Ça marche",
        "Merci d’avance",
        "Merci de me rappeler",
        "Merci de votre retour",
        "Merci, mais ça ne marche pas",
        "Merci. Et la pompe 2 ?",
        "Merci, je teste demain.",
        "Merci pour votre réponse, j’attends la pièce",
        "Non merci, ça ne va pas",
        "Merci pour rien",
        "Merci. 7741",
        "Merci Bernard",
        "Thanks, but it fails",
        "Thanks in advance",
        "Thank you for calling me back",
        "Merci " * 100,
    ],
)
def test_whatever_else_is_said_is_a_message(text: str):
    assert not is_thanks(text, NAMES)
