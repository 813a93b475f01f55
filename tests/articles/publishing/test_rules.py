"""The rules: what each one says, where, and what it leaves alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kbsearch import check_levels, i18n
from kbsearch.articles.publishing import edition
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.tree import FolderTree
from kbsearch.config import Settings
from kbsearch.i18n import catalogue
from kbsearch.text.markup import slug_of
from tests.kit.writers import article, png, write

HERE = "articles/en/guide/page.md"
SEVERAL_REASONS = frozenset(
    {"broken-reuse", "category", "category-audience", "front-matter", "leftover", "narrower-link"}
    | {"personal-data", "stale", "translation-behind", "twin"}
)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """Two good articles and an image."""
    write(tmp_path, "articles/en/guide/other.md", article("The other page", "## Part\n\nWords."))
    write(tmp_path, "articles/en/guide/box.png", png())
    return tmp_path


def found(content: Path, settings: Settings | None = None) -> list[Finding]:
    return list(edition.make(FolderTree(content, ""), settings or Settings()).findings)


def rules(content: Path) -> list[str]:
    return [f"{finding.line}:{finding.column} {finding.rule}" for finding in found(content)]


def test_a_good_article_has_nothing_said_of_it(content):
    body = "See [the other page](other.md#part), [[other]] and ![a box](box.png)."
    write(content, HERE, article(body=body))
    assert rules(content) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# Big\n\nText", "6:1 h1-in-body"),
        ("## Two\n\nText\n\n#### Four\n\nText", "10:1 heading-jump"),
        ("## Empty\n\n## Full\n\nText", "6:1 empty-section"),
        ("Text\n\n## Last", "8:1 empty-section"),
        ("Go [there](gone.md).", "6:12 broken-link"),
        ("Go [there](other.md#gone).", "6:12 broken-anchor"),
        ("Go [there](#gone).", "6:12 broken-anchor"),
        ("Go [there](/en/articles/gone).", "6:12 broken-link"),
        ("Go [there](//evil.example/).", "6:12 broken-link"),
        ("Go [there](../../../../../../etc/passwd).", "6:12 broken-link"),
        ("Go to [[gone]].", "6:7 broken-link"),
        ("![a box](gone.png)", "6:10 broken-image"),
        ("![a box](https://x.example/1.png)", "6:10 image-external"),
        ("![](box.png)", "6:1 image-alt"),
        ("![box.png](box.png)", "6:1 image-alt"),
        ("Read [here](other.md).", "6:6 link-text"),
        ("[Cliquez ici !](other.md)", "6:1 link-text"),
        ("Go to https://kb.example/x now", "6:7 bare-url"),
        ("| | |\n|-|-|\n|a|b|", "6:1 table-header"),
        ("Some <font>bold</font> words", "6:6 raw-html"),
        ("Some <b>bold words", "6:6 raw-html"),
        ("Text\n\n<!-- hidden", "8:1 raw-html"),
        ("Dial [it](callto:0170000045).", "6:11 link-scheme"),
        ("Get <ftp://kb.example/x>.", "6:6 link-scheme"),
        ("See ![a box](data:image/png;base64,AAAA).", "6:14 link-scheme"),
        ("a\n\n<<<<<<< HEAD\n\nb", "8:1 leftover"),
        ("- a\n>>>>>>> branch", "7:1 leftover"),
        (":::unheard\na", "6:1 leftover"),
        ("a\n{% include x %}", "7:1 leftover"),
        ("{{< figure x >}}", "6:1 leftover"),
        ("--8<-- a.md", "6:1 leftover"),
        ("<Tabs groupId=a>\na\n</Tabs>", "6:1 leftover"),
        ("token ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R", "6:7 secret"),
        ("```\n-----BEGIN RSA PRIVATE KEY-----\n```", "7:1 secret"),
        ("Ask marie.curie@radium.fr", "6:5 personal-data"),
        ("Call 06 12 34 56 78", "6:6 personal-data"),
        ("Pay FR70 2004 1010 0512 3456 7A02 693", "6:5 personal-data"),
        ("Ask ‹name 2› first", "6:5 placeholder"),
        ("Restart.\n\n‹à compléter\u00a0: la cause›", "8:1 placeholder"),
    ],
)
def test_a_mistake_is_found_where_it_stands(content, body, expected):
    write(content, HERE, article(body=body))
    assert rules(content) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "## Two\n\n### Three at once\n\nText",
        "`<b>` and ``[[gone]]``\n\n```\n<b> https://kb.example [x](gone.md)\n```",
        "Replace <name> by yours, a<b and b>c",
        "| |a|\n|-|-|\n|1|2|",
        "[Support](mailto:support@kb.example), alice@acme.example, support@shop.fr",
        "Call 06 39 98 12 34 or 01 70 00 00 00, order 0612345678901",
        "Say postgres://user:password123@host and AKIAIOSFODNN7EXAMPLE",
        "Card 4242 4242 4242 4242",
        "[Request](/en/requests/new)",
    ],
)
def test_what_looks_like_a_mistake_and_is_not(content, body):
    write(content, HERE, article(body=body))
    assert rules(content) == []


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("Pourquoi ?", True),
        ("Pourquoi\u00a0? Parce que\u202f!", False),
        ("Pourquoi?", True),
        ("« Bonjour »", True),
        ("«\u00a0Bonjour\u00a0»", False),
        ("À 10:30, ratio 3:1, https\\://x et C:\\temp", False),
        ("`a ? b : c ;`", False),
        ("Ainsi : oui", True),
    ],
)
def test_french_punctuation_wants_a_no_break_space(content, text, is_wrong):
    write(content, "articles/fr/guide/page.md", article(body=text))
    assert [finding.rule for finding in found(content)] == (["nbsp"] if is_wrong else [])


def test_files_in_any_script_have_addresses_of_their_own(content):
    write(content, "articles/en/guide/庄子.md", article("One", "Text"))
    write(content, "articles/en/guide/猫.md", article("Two", "See [one](庄子.md) and [[庄子]]."))
    drawn = edition.make(FolderTree(content, ""), Settings())
    assert not drawn.findings
    page = next(page for page in drawn.articles if page.slug == "猫")
    assert 'href="/en/articles/%E5%BA%84%E5%AD%90"' in page.html


def test_other_endings_are_articles_too_or_are_said_to_be_left_out(content):
    write(content, "articles/en/guide/more.markdown", article("More", "See [it](other)."))
    write(content, "articles/en/guide/app.mdx", article("App"))
    drawn = edition.make(FolderTree(content, ""), Settings())
    assert {page.slug for page in drawn.articles} == {"other", "more"}
    assert [(finding.path, finding.rule) for finding in drawn.findings] == [
        ("articles/en/guide/app.mdx", "left-out")
    ]


def test_a_link_to_a_folder_leads_to_its_readme(content):
    write(content, "articles/en/guide/README.md", article("The guide", "Words."))
    write(content, "articles/en/page.md", article(body="See [it](guide/) and [it all](guide)."))
    drawn = edition.make(FolderTree(content, ""), Settings())
    assert not drawn.findings
    page = next(page for page in drawn.articles if page.slug == "page")
    assert page.html.count('href="/en/articles/guide"') == 2


@pytest.mark.parametrize("anchor", ["limites-d-acces", "limites-dacces", "limites-daccès", "ici"])
def test_a_link_may_use_every_anchor_of_a_heading(content, anchor):
    body = f'## Limites d’accès\n\n<a id="ici"></a>Un.\n\nVoir [plus haut](#{anchor}).'
    write(content, "articles/fr/guide/page.md", article(body=body))
    assert rules(content) == []


def test_english_does_not(content):
    write(content, HERE, article(body="Why ? Because !"))
    assert rules(content) == []


def test_images_are_checked_by_what_they_are(content):
    write(content, "articles/en/guide/big.png", png() + b"\0" * 600_000)
    write(content, "articles/en/guide/fake.png", b"<svg onload='x'/>")
    write(content, "articles/en/guide/a.svg", b"<svg/>")
    write(content, HERE, article(body="![one](big.png)\n![two](fake.png)\n![three](a.svg)"))
    assert rules(content) == ["6:8 image-size", "7:8 image-format", "8:10 image-format"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Only words", ["1:1 audience-missing", "1:1 title-missing"]),
        (
            "---\ntitle: a\naudience: everyone\nlayout: x\ndate: 2020-01-01\n---\nText",
            ["1:1 foreign-keys"],
        ),
        ("---\ntitle: a\naudience: everyone\nnavigation: x\n---\nText", ["4:1 unknown-key"]),
        ("---\ntitle: [\n---\nText", ["3:1 front-matter"]),
        (b"---\ntitle: caf\xe9\n---\n", ["2:11 encoding"]),
        ("---\ntitle: a\naudience: everyone\nlang: fr\n---\nText", ["4:1 front-matter"]),
        ("x" * 300_000, ["1:1 file-size"]),
    ],
)
def test_files_that_are_not_as_they_should_be(content, text, expected):
    write(content, HERE, text)
    assert rules(content) == expected


def test_bom_and_windows_line_ends_are_fine(content):
    text = article(body="## Part\n\nGo [there](gone.md).").replace("\n", "\r\n")
    write(content, HERE, b"\xef\xbb\xbf" + text.encode())
    assert rules(content) == ["8:12 broken-link"]


def test_two_files_may_not_have_one_address(content):
    write(content, "articles/en/faq/other.md", article("Another"))
    (told,) = found(content)
    assert (told.path, told.rule) == ("articles/en/guide/other.md", "slug-clash")
    assert told.values["other"] == "articles/en/faq/other.md"


def test_an_old_address_may_not_be_a_live_one(content):
    write(content, HERE, article(more="alias: [other]\n"))
    assert rules(content) == ["4:1 alias-clash"]


def test_names_that_differ_by_case_only(content):
    write(content, "articles/en/guide/Other.md", article(more="slug: another\n"))
    assert [finding.rule for finding in found(content)] == ["name-case"]


def test_an_article_outside_a_language_is_not_published(content):
    write(content, "articles/README.md", article())
    write(content, "articles/de/guide/page.md", article())
    assert rules(content) == ["1:1 misplaced", "1:1 misplaced"]


def test_an_article_must_be_found_by_its_phrases(content):
    for number in range(4):
        write(content, f"articles/en/guide/p{number}.md", article("Printer", "printer " * 9))
    more = 'found_by: ["box of tricks", "printer"]\n'
    write(content, HERE, article("The box of tricks", more=more))
    (told,) = found(content)
    assert (told.line, told.rule, told.values["phrase"]) == (4, "not-found-by", "printer")


def test_an_old_article_asks_to_be_read_again(content):
    old = (datetime.now(UTC) - timedelta(days=400)).date().isoformat()
    today = datetime.now(UTC).date().isoformat()
    write(content, HERE, article(more=f"updated: {old}\n"))
    assert rules(content) == ["4:1 stale"]
    write(content, HERE, article(more=f"updated: {old}\nreviewed: {today}\n"))
    assert rules(content) == []


@pytest.mark.parametrize(
    ("reader", "narrower"),
    [
        ("everyone", ["agents", "customers", "org:acme", "product:x"]),
        ("customers", ["agents", "org:acme", "product:x"]),
        ("org:acme", ["agents", "product:x"]),
        ("product:x", ["agents", "org:acme"]),
        ("agents", []),
    ],
)
def test_a_link_that_some_readers_cannot_follow_is_told(content, reader: str, narrower: list[str]):
    every = {"agents", "customers", "everyone", "org:acme", "product:x"}
    for audience in every:
        name = slug_of(audience)
        write(content, f"articles/en/guide/{name}.md", article(f"Secret {name}", audience=audience))
        body = f"[[{name}]], [[{name}|words]] and [a link]({name}.md)."
        write(content, HERE, article(body=body, audience=reader))
        made = edition.make(FolderTree(content, ""), Settings())
        page = next(each for each in made.articles if each.source.entry.path == HERE)
        told = [each.severity for each in made.findings if each.rule == "narrower-link"]
        assert told == (["error", "warning", "warning"] if audience in narrower else [])
        assert (f"Secret {name}" in page.html) == (audience not in narrower)
        assert page.html.count("<a ") == (2 if audience in narrower else 3)


def test_the_title_goes_when_the_audience_of_a_page_becomes_narrower(content):
    write(content, HERE, article(body="See [[other]]."))
    before = edition.make(FolderTree(content, ""), Settings())
    write(content, "articles/en/guide/other.md", article("The other page", audience="agents"))
    reusable = edition.Reusable({page.source.path: page for page in before.articles})
    after = edition.make(FolderTree(content, ""), Settings(), reusable)
    pages = {each.source.entry.path: each.html for each in after.articles}
    assert "The other page" not in pages[HERE] and "other" in pages[HERE]


def test_the_rule_on_drafts_is_the_rule_on_all_but_they_are_linked_by_nobody(content):
    write(content, HERE, article(more="status: draft\n", body="[[gone]]"))
    write(content, "articles/en/guide/next.md", article(body="[a page](page.md)"))
    assert [finding.rule for finding in found(content)] == ["broken-link", "broken-link"]


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("<!-- kbsearch-ignore broken-link: it comes with the next release -->", False),
        ("<!-- kbsearch-ignore broken-link: -->", True),
        ("<!-- kbsearch-ignore broken-link -->", True),
        ("<!-- kbsearch-ignore nbsp: another rule -->", True),
    ],
)
def test_a_comment_with_a_reason_silences_one_rule_on_one_line(content, comment, said):
    write(content, HERE, article(body=f"{comment}\n\n[a](gone.md)\n\n[b](gone.md)"))
    lines = [finding.line for finding in found(content) if finding.rule == "broken-link"]
    assert lines == ([8, 10] if said else [10])


def test_a_comment_above_a_key_silences_its_rule(content):
    more = "# kbsearch-ignore stale: the law has not changed since\nreviewed: 2001-01-01\n"
    write(content, HERE, article(more=more))
    assert rules(content) == []


@pytest.mark.parametrize("rule", sorted(check_levels.ERRORS | check_levels.WARNINGS))
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_rule_has_its_words(rule, language):
    known = catalogue(language)
    remedy = f"lint.{rule}.remedy"
    assert known.gettext(remedy) != remedy
    if rule not in SEVERAL_REASONS:
        assert known.gettext(f"lint.{rule}") != f"lint.{rule}"


def test_a_finding_is_written_for_people_and_machines():
    told = Finding("a,b.md", 3, 7, "broken-link", {"target": "x%\ny"})
    assert told.as_text("en").startswith("a,b.md:3:7 broken-link The link “x%\ny” leads to no")
    assert told.as_github("fr").startswith(
        "::error file=a%2Cb.md,line=3,col=7,title=broken-link::Le lien «\u00a0x%25%0Ay\u00a0» ne"
    )
    assert json.loads(json.dumps(told.as_json("en")))["severity"] == "error"


def test_the_language_is_that_of_the_terminal():
    assert i18n.terminal_language({"LANG": "fr_FR.UTF-8"}) == "fr"
    assert i18n.terminal_language({"KBSEARCH_LANG": "en", "LANG": "fr_FR.UTF-8"}) == "en"
    assert i18n.terminal_language({"LANG": "C"}) == "en"


def test_a_site_says_how_bad_a_rule_is(settings):
    write(settings.content_path, HERE, article(body="Why? https://kb.example\n\n![](a.png)"))
    levels = ("bare-url=error", "broken-image=off", "image-alt=warning")
    result = edition.make(FolderTree(settings.content_path), replace(settings, check_levels=levels))
    found = {(each.rule, each.severity) for each in result.findings}
    assert {("bare-url", "error"), ("image-alt", "warning")} <= found
    assert "broken-image" not in {rule for rule, _ in found}
    row = next(each.row() for each in result.findings if each.rule == "image-alt")
    assert Finding(**row).severity == "warning"
    for wrong in ("nbsp", "nbsp=loud", "no-such-rule=off"):
        with pytest.raises(ValueError, match=wrong):
            check_levels.parse([wrong])
