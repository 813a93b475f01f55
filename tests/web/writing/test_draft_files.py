"""Pictures and files in the editor, with and without JavaScript; links picked as one types."""

import io
import re
from typing import Any

from tests.kit.web import HTMX
from tests.kit.writers import png
from tests.web.writing.test_articles import signed_in
from tests.web.writing.test_publishing import content, form_of, opened, settings, wendy

__all__ = ["content", "settings", "wendy"]


def with_file(
    form: dict[str, str], name: str, body: bytes, alternative: str = ""
) -> dict[str, Any]:
    file = (io.BytesIO(body), name)
    return {**form, "alternative": alternative, "file": file}


def test_a_picture_is_added_without_javascript(wendy, app, db, cast, content):
    url, form = opened(wendy)
    answer = wendy.post(f"{url}/files", data=with_file(form, "A shot.png", png(9, 8), "The page"))
    assert answer.status_code == 303 and answer.location == f"{url}#article-files"
    page = wendy.get(url).text
    form["body"] = form_of(page)[1]["body"]
    assert form["body"] == "One.\n\nTwo.\n\n![The page](a-shot.png)"
    shown = re.search(r'<img src="(/en/desk/[^"]+)"', page)
    assert shown and shown[1] == f"{url}/files/a-shot.png"
    answer = wendy.get(shown[1])
    assert answer.data == png(9, 8) and answer.content_type == "image/png"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert signed_in(app, db, cast.dan).get(shown[1]).status_code == 404
    wendy.post(f"{url}/publication", data=form)
    live = re.search(r'<img src="(/media/[^"]+)"', wendy.get("/en/articles/page").text)
    assert live and app.test_client().get(live[1]).data == png(9, 8)


def test_a_page_that_sends_it_in_the_background_gets_what_to_insert(wendy):
    url, form = opened(wendy)
    answer = wendy.post(f"{url}/files", data=with_file(form, "image.png", png(9, 8)), headers=HTMX)
    assert answer.text == "![‹to write: what the picture shows›](image.png)"
    answer = wendy.post(f"{url}/files", data=with_file(form, "a.exe", b"MZ"), headers=HTMX)
    assert (answer.status_code, answer.mimetype) == (422, "text/plain")
    answer = wendy.post(f"{url}/files", data=form)
    assert answer.status_code == 422 and "Choose a file first." in answer.text
    assert "One.\n\nTwo." in answer.text, "what was typed stays"


def test_two_brackets_and_words_offer_articles(wendy, app, db, cast):
    offered = wendy.get("/en/desk/articles/links?language=en&q=charge").text
    assert 'data-text="[[page]]"' in offered and "Charge it" in offered
    assert "data-text" not in wendy.get("/en/desk/articles/links?language=fr&q=charge").text
    assert "data-text" not in wendy.get("/en/desk/articles/links?q=").text
    assert signed_in(app, db, cast.alice).get("/en/desk/articles/links?q=a").status_code == 404
