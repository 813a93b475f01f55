import pytest

from kbsearch.people.accounts import user_agents

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
         "Firefox, Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/150.0 Safari/537.36 Edg/150.0",
         "Edge, Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/150.0 Safari/537.36", "Chrome, Linux"),
        (f"Mozilla/5.0 (Linux; Android 16; Pixel 9) {WEBKIT} Chrome/150.0 Mobile Safari/537.36",
         "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
         "Safari, iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1.15",
         "Safari, Mac"),
        ("curl/8.15.0", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_told_in_two_words(text: str, told: str):
    assert user_agents.told(text) == told
