"""PDF files: what is kept of them, and what they can not do."""

import zlib

import pytest

from knowledge.files.formats.pdf import parse_pdf
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes
from tests.knowledge.made_files import pdf


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
    assert reading.title == "The plan"
    assert reading.text == "## Page 1\n\nOne.\n\n## Page 3\n\n\\# Three."


def test_what_stands_on_every_page_is_left_out() -> None:
    pages = [f"The Zoo {n}\nText of page {n}.\n({n})" for n in range(1, 7)]
    text = parse_bytes(pdf(pages), name="x.pdf").text
    assert "Zoo" not in text
    assert "(" not in text
    assert text.count("Text of page") == 6


def test_a_file_name_that_a_program_left_as_a_title_is_none() -> None:
    assert parse_bytes(pdf(["x"], title="report.doc"), name="plan.pdf").title == "Plan"


def test_a_pdf_of_pictures_is_refused_with_the_remedy() -> None:
    with pytest.raises(UnreadableError, match=r"only pictures of pages: run text recognition"):
        parse_bytes(pdf(["", ""]), name="x.pdf")


def test_a_pdf_of_too_many_pages_is_refused_with_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("knowledge.files.formats.pdf.MAX_PAGES", 20)
    with pytest.raises(UnreadableError, match="has 21 pages; the limit is 20"):
        parse_pdf(pdf(["x"] * 21), "x")


def test_an_encrypted_pdf_is_refused() -> None:
    locked = (
        "/Encrypt << /Filter /Standard /V 1 /R 2 /P -1 "
        f"/O <{'00' * 32}> /U <{'11' * 32}> >> /ID [<00> <00>]"
    )
    with pytest.raises(UnreadableError, match="is encrypted: save a copy without a password"):
        parse_bytes(pdf(["x"], trailer=locked), name="x.pdf")


@pytest.mark.parametrize("keep", [9, 200, 500])
def test_a_torn_pdf_is_refused(keep: int) -> None:
    with pytest.raises(UnreadableError, match=r"damaged PDF|can't be read: |no text"):
        parse_bytes(pdf(["Some words."])[:keep], name="x.pdf")


def test_a_pdf_whose_page_refers_to_another_object_is_refused_in_our_words() -> None:
    content = pdf(["Words."]).replace(b"(Words.) Tj", b"1 0 R    Tj")
    with pytest.raises(UnreadableError, match=r"^is a damaged PDF: save it again\.$"):
        parse_bytes(content, name="x.pdf")


def test_a_pdf_that_expands_without_end_is_refused_in_our_words() -> None:
    packed = zlib.compress(b" " * 80_000_000)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed)
    content = pdf(["Words."])
    begin = content.index(b"<<", content.index(b"stream") - 60)
    end = content.index(b"endstream") + len(b"endstream")
    with pytest.raises(UnreadableError, match=r"^expands too far when it is unpacked: split it\.$"):
        parse_bytes(content[:begin] + stream + content[end:], name="bomb.pdf")
