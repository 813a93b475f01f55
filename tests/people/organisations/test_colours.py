import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch.people.organisations import colours

hexes = st.binary(min_size=3, max_size=3).map(lambda channels: f"#{channels.hex()}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#000000", "#000000", 1.0),
        ("#777777", "#ffffff", 4.48),  # the known grey that just fails
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, ratio: float):
    assert colours.contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert colours.contrast(other, one) == colours.contrast(one, other)


@given(hexes)
def test_a_colour_that_passes_is_left_as_it_is(colour: str):
    assert colours.darkened(colour, lambda shade: True) == colour
    assert colours.lightened(colour, lambda shade: True) == colour


@given(hexes)
def test_every_colour_can_be_made_readable_on_white_and_on_black(colour: str):
    dark = colours.darkened(colour, lambda shade: colours.is_readable(shade, ["#ffffff"]))
    light = colours.lightened(colour, lambda shade: colours.is_readable(shade, ["#000000"]))
    assert colours.contrast(dark, "#ffffff") >= 4.5
    assert colours.contrast(light, "#000000") >= 4.5


def test_a_tint_lies_between_two_colours():
    assert colours.mixed("#000000", "#ffffff", 0.0) == "#ffffff"
    assert colours.mixed("#000000", "#ffffff", 1.0) == "#000000"
    assert colours.mixed("#ff0000", "#0000ff", 0.5) == "#800080"
