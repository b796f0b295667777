import pytest

from knowledge.files.formats.html import parse_html
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
def test_generators_frame_is_no_text(body: str) -> None:
    page = f'<!doctype html><link rel=canonical href="https://a.org/ferry">{body}'
    assert parse_bytes(page.encode(), name="x.html").text == READ


def test_wikis_last_table_of_links_is_left_out() -> None:
    row = "".join(f"<td><a href=/{number}>Pier {number}</a>" for number in range(12))
    page = (
        f"<!doctype html><div id=mw-content-text><p>T.</p><table><tr><td>12 piers</table>"
        f"<table><tr>{row}</table><p>End.</p><table><tr><th>Piers{row}</table></div>"
    )
    text = parse_bytes(page.encode(), name="x.html").text
    assert (text.count("Pier 3"), "12 piers" in text, text[-4:]) == (1, True, "End.")


def test_part_beside_a_small_article_is_kept() -> None:
    page = f"<!doctype html><main><article>{ARTICLE}</article><p>{'And more. ' * 30}</p></main>"
    assert "And more." in parse_bytes(page.encode(), name="x.html").text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>around</div><main><p>Inside.</p></main>", "Inside."),
        # Tables of contents.
        (
            '<div class="toc"><p><b>Parts</b></p><dl><dt>1. How?</dt></dl></div><p>So it is.</p>',
            "So it is.",
        ),
        ('<div id="toc" class="x"><ul><li>How?</li></ul></div><p>So it is.</p>', "So it is."),
        (
            '<div class="contents local topic"><ul><li>How?</li></ul></div><p>So it is.</p>',
            "So it is.",
        ),
        (
            '<div class="toctree-wrapper compound"><ul><li>How?</li></ul></div><p>So it is.</p>',
            "So it is.",
        ),
        ("<p>T.</p><aside class=footnote>1 Note.</aside><aside>Ad</aside>", "T.\n\n1 Note."),
        (
            "<dl><dt>Undo</dt><dd><pre>git reset\ngit commit</pre></dd></dl>",
            "**Undo**\n\n```\ngit reset\ngit commit\n```",
        ),
        # Links lead out of the folder, or are words.
        (
            '<a href="a.html">One</a> <a href="https://a.org/x">two</a>',
            "One [two](https://a.org/x)",
        ),
        (
            "<link rel=canonical href='https://a.org/x'><p>Words, <a href='http://[x'>more</a>.",
            "Words, more.",
        ),
    ],
)
def test_only_the_text_of_a_page_is_read(body: str, text: str) -> None:
    reading = parse_bytes(
        f"<!doctype html><title>T</title><body>{body}</body>".encode(), name="x.html"
    )
    assert (reading.title, reading.text) == ("T", text)


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        ("iso-8859-1", "latin-1"),
        # What it can't be in.
        *((said, "utf-8") for said in ("utf-16", "UTF-16LE", "utf-32", "punycode")),
        # The mark at its beginning decides.
        ("utf-8", "utf-16"),
    ],
)
def test_a_page_is_read_in_its_encoding(said: str, encoding: str) -> None:
    page = f'<!doctype html><meta charset="{said}"><p>Grüße-tda</p>'.encode(encoding)
    assert parse_bytes(page, name="x.html").text == "Grüße-tda"


def test_a_page_needs_no_closing_tag() -> None:
    assert parse_bytes(b"\n<center>Words", name="x.html").text == "Words"
    assert parse_bytes(b"Words<p>more", name="x.md").text == "Words<p>more"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<body><script>x</script></body>", "a page without text"),
        ("<div>" * 300 + "x", "nested more than 200 levels deep"),
        ("<div>" * 20_000 + "x", "nested more than 200 levels deep"),
    ],
)
def test_a_page_that_cannot_be_read_says_why(body: str, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(f"<!doctype html>{body}".encode(), name="x.html")


def test_thousands_of_unclosed_paragraphs_are_not_nested() -> None:
    text = parse_bytes(b"<!doctype html>" + b"<p>word<li>item" * 2_000, name="x.html").text
    assert text.count("word") == 2_000


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


def test_sections_id_is_its_first_headings() -> None:
    page = '<section id="one"><h2>One</h2><p>Text.</p><h2>Two</h2><p>Text.</p></section>'
    assert "## Two\n" in parse_bytes(page.encode(), name="page.html").text


# Pages of wikis.


BODY = '<div class="mw-content-ltr mw-parser-output" lang="en" dir="ltr">{}</div>'


def text_of(html: str) -> str:
    return parse_html(BODY.format(html).encode(), "Ferry").text


def test_the_chrome_of_a_wiki_is_left_out() -> None:
    assert (
        text_of(
            '<div class="hatnote navigation-not-searchable">For the boat, see Boat.</div>'
            '<p>It leaves at six.<sup class="reference"><a href="#n">[1]</a></sup>'
            '<span style="display: none">6 a.m.</span><span class="noprint">(edit)</span></p>'
            '<div class="mw-heading mw-heading2"><h2 id="Fares">Fares</h2>'
            '<span class="mw-editsection">[<a href="/edit">edit</a>]</span></div>'
            '<p>Two coins.</p><ol class="references"><li>The harbour office.</li></ol>'
            '<table class="navbox"><tr><td>All ferries</td></tr></table>'
        )
        == "It leaves at six.\n\n## Fares {#Fares}\n\nTwo coins."
    )


def test_terms_become_a_list_and_indentations_paragraphs() -> None:
    assert (
        text_of(
            "<dl><dt><code>n</code></dt><dd>The <b>first</b> number.</dd><dd>Or none.</dd>"
            "<dt>m</dt></dl><dl><dd>Mind the gap.<dl><dd>Again.</dd></dl></dd></dl>"
        )
        == "- **`n`**: The **first** number. Or none.\n- **m**\n\nMind the gap.\n\nAgain."
    )


def test_code_keeps_its_language() -> None:
    code = '<div class="mw-highlight mw-highlight-lang-lua"><pre>cls()</pre></div>'
    assert text_of(code) == "```lua\ncls()\n```"


def test_headings_of_older_wikis_are_cited_too() -> None:
    assert text_of('<h2><span class="mw-headline" id="Fares">Fares</span></h2><p>Two.</p>') == (
        "## Fares {#Fares}\n\nTwo."
    )


def test_an_infobox_becomes_facts_behind_the_introduction() -> None:
    assert (
        text_of(
            '<table class="infobox"><tbody><tr><th colspan="2">Ferry</th></tr>'
            '<tr><td colspan="2" class="infobox-caption">At the pier</td></tr>'
            "<tr><th>Built</th><td>1987<br>(rebuilt 2011)</td></tr>"
            '<tr><th colspan="2">Engine</th></tr>'
            '<tr><th>Price</th><td>5 <img alt="Gold Coin"><img alt="Coin.png"></td></tr>'
            "</tbody></table><p>A boat.</p><h2>Fares</h2><p>Two coins.</p>"
        )
        == "A boat.\n\n- Built: 1987; (rebuilt 2011)\n- Engine\n- Price: 5 Gold Coin\n\n"
        "## Fares\n\nTwo coins."
    )


def test_the_infoboxes_of_fandom_become_facts() -> None:
    # As its wikis write them: https://community.fandom.com/wiki/Help:Infoboxes
    assert (
        text_of(
            '<aside role="region" class="portable-infobox pi-background pi-theme-wikia">'
            '<h2 class="pi-item pi-item-spacing pi-title" data-source="title">Ferry</h2>'
            '<figure class="pi-item pi-image"><figcaption class="pi-caption">At sea</figcaption>'
            '</figure><div class="pi-item pi-data pi-item-spacing" data-source="built">'
            '<h3 class="pi-data-label pi-secondary-font">Built</h3>'
            '<div class="pi-data-value pi-font">1987</div></div>'
            '<section class="pi-item pi-group"><h2 class="pi-item pi-header">Crew</h2>'
            '<table class="pi-horizontal-group"><thead><tr><th class="pi-data-label">Day</th>'
            '<th class="pi-data-label">Night</th></tr></thead><tbody><tr>'
            '<td class="pi-data-value">4</td><td class="pi-data-value">2</td></tr></tbody></table>'
            '</section><section class="pi-item pi-group pi-smart-group">'
            '<section class="pi-smart-group-head"><h3 class="pi-smart-data-label">Deck</h3>'
            '</section><section class="pi-smart-group-body">'
            '<div class="pi-smart-data-value">Steel</div></section></section>'
            '<nav class="pi-navigation">See also</nav></aside><p>A boat.</p>'
        )
        == "A boat.\n\n- Built: 1987\n- Crew\n- Day: 4\n- Night: 2\n- Deck: Steel"
    )


def test_infobox_of_divisions_keeps_its_rows() -> None:
    # As at wiki.gg.
    assert (
        text_of(
            '<div class="infobox item float-right"><div class="title">Ferry</div>'
            '<table class="stat"><tr><th>Damage</th><td>26</td></tr></table></div><p>A boat.</p>'
        )
        == "A boat.\n\n- Damage: 26"
    )
    assert text_of('<p>A boat.</p><div class="infobox-notice">Mind the gap.</div>') == (
        "A boat.\n\nMind the gap."
    )


def test_a_crawled_page_has_its_own_title_and_no_frame() -> None:
    page = (
        "<title>Ferry - Harbour Wiki</title><header><h1 id='firstHeading'>Ferry</h1></header>"
        f"<div id='siteNotice'>{BODY.format('<p>New!</p>')}</div>"
        f"<main><div id='siteSub'>From Harbour Wiki</div>{BODY.format('<p>It leaves at six.</p>')}"
        "<div class='printfooter'>Retrieved from …</div><div id='catlinks'>Boats</div></main>"
    )
    found = parse_html(page.encode(), "x")
    assert (found.title, found.text) == ("Ferry", "# Ferry {#firstHeading}\n\nIt leaves at six.")
