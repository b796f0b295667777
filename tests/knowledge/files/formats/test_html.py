"""Pages of HTML: what is kept of them, and what they can not do."""

import pytest

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes

PAGE = """\
<!DOCTYPE html>
<html><head><title>Quokkas – The Zoo</title><link rel="canonical" href="https://zoo.org/q/">
<style>p { color: red }</style></head><body>
<nav><a href="/">Home</a></nav><header><div>The Zoo</div></header>
<h1>Quokkas<a class="headerlink" href="#q">¶</a></h1>
<p>They <em>smile</em>. See <a href="more.html">more</a>, <a href="#x">below</a> and
<a href="javascript:alert(1)">this</a>.<p>An unclosed paragraph.
<ul><li>leaves<li>grass</ul>
<h2>Code</h2>
<div class="highlight-python"><div><pre><span>feed</span>(quokka_1)</pre></div></div>
<table><tr><th>Day<th>Food<tr><td>Mon<td>leaves</table>
<img src="data:image/png;base64,xxxx" alt="A quokka">
<script>alert(1)</script><footer>© The Zoo</footer></body></html>
"""

MARKDOWN = """\
# Quokkas

They *smile*. See [more](https://zoo.org/q/more.html), [below](https://zoo.org/q/#x) and
this.

An unclosed paragraph.

- leaves
- grass

## Code

```python
feed(quokka_1)
```

| Day | Food |
| --- | --- |
| Mon | leaves |

A quokka"""


def test_a_page_is_read_without_what_surrounds_it() -> None:
    reading = parse_bytes(PAGE.encode(), name="q.html")
    assert (reading.title, reading.link) == ("Quokkas", "https://zoo.org/q/")
    assert reading.text == MARKDOWN


def test_a_page_that_has_a_main_part_is_that_part() -> None:
    page = "<!doctype html><title>T</title><div>around</div><main><p>Inside.</p></main>"
    reading = parse_bytes(page.encode(), name="x.html")
    assert (reading.title, reading.text) == ("T", "Inside.")


@pytest.mark.parametrize(
    "contents",
    [
        '<div class="toc"><p><b>Table of Contents</b></p><dl><dt>1. How?</dt></dl></div>',
        '<div id="toc" class="x"><ul><li>How?</li></ul></div>',
        '<div class="contents local topic"><ul><li>How?</li></ul></div>',
        '<div class="toctree-wrapper compound"><ul><li>How?</li></ul></div>',
    ],
)
def test_a_table_of_contents_is_no_text_of_the_page(contents: str) -> None:
    page = f"<!doctype html><title>T</title><body>{contents}<p>So it is.</p></body>"
    assert parse_bytes(page.encode(), name="x.html").text == "So it is."


ARTICLE = (
    "<h1>Ferry</h1><p>The ferry to Lisbon leaves at nine.</p><h2 id=a>A</h2><p>From pier 4.</p>"
)
READ = "# Ferry\n\nThe ferry to Lisbon leaves at nine.\n\n## A {#a}\n\nFrom pier 4."
SELF = '<a href="#a" title="Direct link">\u200b</a>'


@pytest.mark.parametrize(
    "body",
    [
        # An article beside its contents, as Docusaurus, Hugo's book and pydata's theme write it.
        f"<main><div>Menu</div><article>{ARTICLE}</article><ul><li><a href=#a>A</a></ul></main>",
        # A heading's link to itself, without words or around them.
        f"<main>{ARTICLE.replace('>A<', f'>A{SELF}<')}</main>",
        f"<main>{ARTICLE.replace('>A<', '><a href=#a>A</a><')}</main>",
        # By its author, for no search engine.
        f"<main>{ARTICLE}<div data-nosnippet>Rate this page</div></main>",
        # DokuWiki.
        f"<main><div class=pageId>ferry</div><div class=dw__toc><h3>Table of Contents</h3></div>"
        f"{ARTICLE}<div class=docInfo>ferry.txt · Last modified</div></main>",
    ],
)
def test_what_generators_write_around_an_article_is_no_text_of_it(body: str) -> None:
    page = f'<!doctype html><link rel=canonical href="https://a.org/ferry">{body}'
    assert parse_bytes(page.encode(), name="x.html").text == READ


def test_a_table_of_links_at_the_end_of_a_wikis_article_is_no_text_of_it() -> None:
    row = "".join(f"<td><a href=/{number}>Pier {number}</a>" for number in range(12))
    page = (
        f"<!doctype html><div id=mw-content-text><p>T.</p><table><tr><td>12 piers</table>"
        f"<table><tr>{row}</table><p>End.</p><table><tr><th>Piers{row}</table></div>"
    )
    text = parse_bytes(page.encode(), name="x.html").text
    assert (text.count("Pier 3"), "12 piers" in text, text[-4:]) == (1, True, "End.")


def test_a_part_with_an_article_that_is_not_most_of_it_is_kept_whole() -> None:
    page = f"<!doctype html><main><article>{ARTICLE}</article><p>{'And more. ' * 30}</p></main>"
    assert "And more." in parse_bytes(page.encode(), name="x.html").text


def test_asides_of_the_text_are_kept() -> None:
    page = "<!doctype html><p>T.</p><aside class=footnote>1 Note.</aside><aside>Ad</aside>"
    assert parse_bytes(page.encode(), name="x.html").text == "T.\n\n1 Note."


def test_code_that_explains_a_term_is_a_block_of_its_own() -> None:
    page = "<!doctype html><dl><dt>Undo</dt><dd><pre>git reset\ngit commit</pre></dd></dl>"
    text = parse_bytes(page.encode(), name="x.html").text
    assert text == "**Undo**\n\n```\ngit reset\ngit commit\n```"


def test_links_lead_out_of_the_folder_or_are_words() -> None:
    page = '<!doctype html><a href="a.html">One</a> <a href="https://a.org/x">two</a>'
    assert parse_bytes(page.encode(), name="x.html").text == "One [two](https://a.org/x)"


def test_a_page_in_an_old_encoding_is_read_in_it() -> None:
    page = '<!doctype html><meta charset="iso-8859-1"><p>Grüße</p>'.encode("latin-1")
    assert parse_bytes(page, name="x.html").text == "Grüße"


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-16LE", "utf-32"])
def test_a_page_that_says_it_is_in_what_it_can_not_be_in_is_read_as_utf_8(encoding: str) -> None:
    page = f'<!doctype html><meta charset="{encoding}"><p>Grüße</p>'.encode()
    assert parse_bytes(page, name="x.html").text == "Grüße"


def test_a_page_in_utf_16_is_read_by_its_mark() -> None:
    page = '<!doctype html><meta charset="utf-8"><p>Grüße</p>'.encode("utf-16")
    assert parse_bytes(page, name="x.html").text == "Grüße"


def test_a_page_without_a_single_closing_tag_is_still_one() -> None:
    assert parse_bytes(b"\n<center>Words", name="x.html").text == "Words"
    assert parse_bytes(b"Words<p>more", name="x.md").text == "Words<p>more"


def test_a_page_without_words_is_refused() -> None:
    with pytest.raises(UnreadableError, match="a page without text"):
        parse_bytes(b"<!doctype html><body><script>x</script></body>", name="x.html")


@pytest.mark.parametrize("depth", [300, 20_000])
def test_tags_nested_without_end_are_refused(depth: int) -> None:
    with pytest.raises(UnreadableError, match=r"nested more than 200 levels deep"):
        parse_bytes(b"<!doctype html>" + b"<div>" * depth + b"x", name="x.html")


def test_thousands_of_unclosed_paragraphs_are_not_nested() -> None:
    text = parse_bytes(b"<!doctype html>" + b"<p>word<li>item" * 2_000, name="x.html").text
    assert text.count("word") == 2_000


def test_a_link_that_is_no_address_costs_nothing_but_itself() -> None:
    link = b"<link rel=canonical href='https://a.org/x'>"
    page = b"<!doctype html>" + link + b"<p>Words, <a href='http://[x'>more</a>."
    assert parse_bytes(page, name="x.html").text == "Words, more."


def test_a_page_that_says_it_is_in_punycode_is_read_as_what_it_is() -> None:
    page = b"<!doctype html><meta charset=punycode><p>Words-tda"
    assert parse_bytes(page, name="x.html").text == "Words-tda"


@pytest.mark.parametrize(
    "heading",
    [
        '<h2 id="fishing">Fishing</h2>',
        '<h2><span class="mw-headline" id="fishing">Fishing</span></h2>',
        '<section id="fishing"><h2>Fishing</h2></section>',
    ],
)
def test_a_heading_keeps_the_id_that_a_citation_leads_to(heading: str) -> None:
    page = f"<main><h1 id=guide>Guide</h1>{heading}<p>At dawn.</p></main>"
    read = parse_bytes(page.encode(), name="page.html")
    assert "## Fishing {#fishing}" in read.text
    assert read.title == "Guide"


def test_the_id_of_a_section_is_that_of_its_first_heading_alone() -> None:
    page = '<section id="one"><h2>One</h2><p>Text.</p><h2>Two</h2><p>Text.</p></section>'
    assert "## Two\n" in parse_bytes(page.encode(), name="page.html").text
