"""HTML, reStructuredText, PDF and Word files: what is kept of them, and what they can't do."""

import pytest

from knowledge.files.formats.docx import MAX_XML_BYTES
from knowledge.files.formats.pdf import MAX_PAGES
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes
from tests.knowledge.files import docx, paragraph, pdf, table

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


# HTML.


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


def test_code_that_explains_a_term_is_a_block_of_its_own() -> None:
    page = "<!doctype html><dl><dt>Undo</dt><dd><pre>git reset\ngit commit</pre></dd></dl>"
    text = parse_bytes(page.encode(), name="x.html").text
    assert text == "Undo\n\n```\ngit reset\ngit commit\n```"


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


@pytest.mark.parametrize("depth", [300, 200_000])
def test_tags_nested_without_end_are_refused(depth: int) -> None:
    with pytest.raises(UnreadableError, match=r"nested more than 200 levels deep"):
        parse_bytes(b"<!doctype html>" + b"<div>" * depth + b"x", name="x.html")


def test_thousands_of_unclosed_paragraphs_are_not_nested() -> None:
    text = parse_bytes(b"<!doctype html>" + b"<p>word<li>item" * 2_000, name="x.html").text
    assert text.count("word") == 2_000


# reStructuredText.

RST = """\
Feeding quokkas
===============

:Author: Ada

Use :func:`~zoo.feed` or :ref:`the plan <plan>`; see `the zoo <https://zoo.org/>`_.

.. toctree::

   other

.. note:: They bite.

.. code-block:: python
   :linenos:
   :emphasize-lines: 1

   feed(quokka)

.. versionadded:: 2.0

.. py:function:: feed(animal)

   Feed it.

Plan
----

=====  ======
Day    Food
=====  ======
Mon    leaves
=====  ======

.. include:: /etc/passwd
.. raw:: html
   :file: /etc/passwd
.. csv-table::
   :file: /etc/passwd
"""


def test_restructured_text_is_understood_with_what_sphinx_adds() -> None:
    reading = parse_bytes(RST.encode(), name="feeding.rst")
    assert reading.title == "Feeding quokkas"
    for kept in (
        "Use `feed` or the plan; see [the zoo](https://zoo.org/).",
        "They bite.",
        "```python\nfeed(quokka)\n```",
        "Added in version 2.0.",
        "`feed(animal)`\n\nFeed it.",
        "## Plan",
        "| Day | Food |\n| --- | --- |\n| Mon | leaves |",
    ):
        assert kept in reading.text


def test_restructured_text_takes_nothing_from_other_files() -> None:
    text = parse_bytes(RST.encode(), name="feeding.rst").text
    assert "root" not in text
    assert "other" not in text


def test_substitutions_that_grow_without_end_are_bounded() -> None:
    lines = ["|a9|", "", ".. |a0| replace:: lol"]
    lines += [f".. |a{n + 1}| replace:: " + f"|a{n}| " * 10 for n in range(9)]
    text = "T\n=\n\n" + "\n".join(lines) + "\n"
    assert len(parse_bytes(text.encode(), name="x.rst").text) < 100_000


# PDF.


def test_a_pdfs_outline_becomes_headings_with_page_numbers() -> None:
    content = pdf(
        ["1  Feeding\nThey eat lea-\nves.", "And grass.\n2 Sleeping\nThey sleep."],
        [("Feeding", 0), ("Sleeping", 1)],
        title="Quokkas",
    )
    reading = parse_bytes(content, name="q.pdf")
    assert reading.title == "Quokkas"
    assert reading.text == (
        "## Feeding (page 1)\n\nThey eat leaves.\n\nAnd grass.\n\n## Sleeping (page 2)\n\n"
        "They sleep."
    )


def test_a_pdf_without_an_outline_is_cited_by_its_pages() -> None:
    reading = parse_bytes(pdf(["One.", "", "# Three."]), name="the_plan.pdf")
    assert reading.title == "the plan"
    assert reading.text == "## Page 1\n\nOne.\n\n## Page 3\n\n\\# Three."


def test_what_stands_on_every_page_is_left_out() -> None:
    pages = [f"The Zoo {n}\nText of page {n}.\n({n})" for n in range(1, 7)]
    text = parse_bytes(pdf(pages), name="x.pdf").text
    assert "Zoo" not in text
    assert "(" not in text
    assert text.count("Text of page") == 6


def test_a_file_name_that_a_program_left_as_a_title_is_none() -> None:
    assert parse_bytes(pdf(["x"], title="report.doc"), name="plan.pdf").title == "plan"


def test_a_pdf_of_pictures_is_refused_with_the_remedy() -> None:
    with pytest.raises(UnreadableError, match=r"only pictures of pages: run text recognition"):
        parse_bytes(pdf(["", ""]), name="x.pdf")


def test_a_pdf_of_10_000_pages_is_refused_with_the_limit() -> None:
    with pytest.raises(UnreadableError, match=rf"has 10,000 pages; {MAX_PAGES:,} is the most"):
        parse_bytes(pdf(["x"] * 10_000), name="x.pdf")


def test_an_encrypted_pdf_is_refused() -> None:
    locked = (
        "/Encrypt << /Filter /Standard /V 1 /R 2 /P -1 "
        f"/O <{'00' * 32}> /U <{'11' * 32}> >> /ID [<00> <00>]"
    )
    with pytest.raises(UnreadableError, match="is encrypted: save a copy without a password"):
        parse_bytes(pdf(["x"], trailer=locked), name="x.pdf")


@pytest.mark.parametrize("keep", [9, 200, 500])
def test_a_torn_pdf_is_refused(keep: int) -> None:
    with pytest.raises(UnreadableError, match=r"damaged PDF|can't be read as PDF|no text"):
        parse_bytes(pdf(["Some words."])[:keep], name="x.pdf")


# Word.


def test_a_link_that_is_no_address_costs_nothing_but_itself() -> None:
    link = b"<link rel=canonical href='https://a.org/x'>"
    page = b"<!doctype html>" + link + b"<p>Words, <a href='http://[x'>more</a>."
    assert parse_bytes(page, name="x.html").text == "Words, more."


def test_a_page_that_says_it_is_in_punycode_is_read_as_what_it_is() -> None:
    page = b"<!doctype html><meta charset=punycode><p>Words-tda"
    assert parse_bytes(page, name="x.html").text == "Words-tda"


def test_a_word_file_keeps_headings_tables_and_links() -> None:
    body = (
        paragraph("House rules", "Title")
        + paragraph("Quiet hours", "H1")
        + paragraph("From ten.")
        + table([["Day", "Who"], ["Mon", "Ada"]])
        + '<w:p><w:hyperlink r:id="l"><w:r><w:t>More</w:t></w:r></w:hyperlink></w:p>'
    )
    reading = parse_bytes(docx(body), name="x.docx")
    assert reading.title == "House rules"
    assert reading.text == (
        "# House rules\n\n# Quiet hours\n\nFrom ten.\n\n| Day | Who |\n| --- | --- |\n"
        "| Mon | Ada |\n\n[More](https://a.org/)"
    )


@pytest.mark.parametrize("body", ["", paragraph(" ")])
def test_a_word_file_without_words_is_refused(body: str) -> None:
    with pytest.raises(UnreadableError, match="a Word file without text"):
        parse_bytes(docx(body), name="x.docx")


def test_a_word_file_that_declares_entities_is_refused() -> None:
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    prolog = f'<!DOCTYPE lolz [<!ENTITY a0 "lol">{entities}]>'
    with pytest.raises(UnreadableError, match="document type declaration"):
        parse_bytes(docx(paragraph("&a9;"), prolog), name="x.docx")


def test_a_word_file_that_expands_too_far_is_refused() -> None:
    content = docx(paragraph("x" * (MAX_XML_BYTES + 1)))
    assert len(content) < 100_000
    with pytest.raises(UnreadableError, match="expands to 20 MB of XML; 20 MB is the most"):
        parse_bytes(content, name="x.docx")


def test_a_word_file_with_broken_xml_is_refused() -> None:
    with pytest.raises(UnreadableError, match="is a torn Word file: mismatched tag"):
        parse_bytes(docx("<w:p>"), name="x.docx")


@pytest.mark.parametrize(
    ("flag", "told"),
    [(0x01, "is encrypted"), (0x20, "is a torn Word file"), (0x40, "is encrypted")],
)
def test_a_word_file_with_encrypted_or_patched_parts_is_refused(flag: int, told: str) -> None:
    content = bytearray(docx(paragraph("Words.")))
    # The directory is at the end, and a name stands 46 bytes into its entry.
    content[content.rindex(b"word/document.xml") - 46 + 8] |= flag
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(bytes(content), name="x.docx")


def test_a_pdf_whose_page_refers_to_another_object_is_refused_in_our_words() -> None:
    content = pdf(["Words."]).replace(b"(Words.) Tj", b"1 0 R    Tj")
    with pytest.raises(UnreadableError, match=r"^is a damaged PDF: save it again\.$"):
        parse_bytes(content, name="x.pdf")


def test_elements_nested_without_end_are_refused() -> None:
    with pytest.raises(UnreadableError, match=r"nested|can't be read as Word|broke the process"):
        parse_bytes(docx("<w:p>" * 20_000 + "</w:p>" * 20_000), name="x.docx")
