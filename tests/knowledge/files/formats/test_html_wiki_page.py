from knowledge.files.formats.html import parse_html

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


def test_an_infobox_of_divisions_keeps_its_rows_and_one_without_rows_stays() -> None:
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
