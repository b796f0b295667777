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
    # A file's name that a program left as the title is none.
    content = pdf(["One.", "", "# Three."], title="report.doc")
    reading = parse_bytes(content, name="the_plan.pdf")
    assert reading.title == "The plan"
    assert reading.text == "## Page 1\n\nOne.\n\n## Page 3\n\n\\# Three."


def test_what_stands_on_every_page_is_left_out() -> None:
    pages = [f"The Zoo {n}\nText of page {n}.\n({n})" for n in range(1, 7)]
    text = parse_bytes(pdf(pages), name="x.pdf").text
    assert "Zoo" not in text
    assert "(" not in text
    assert text.count("Text of page") == 6


def test_pdf_of_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.files.formats.pdf.MAX_PAGES", 20)
    with pytest.raises(UnreadableError, match="has 21 pages; the limit is 20"):
        parse_pdf(pdf(["x"] * 21), "x")


LOCKED = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -1 /O <{'00' * 32}> /U <{'11' * 32}> >>"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (pdf(["", ""]), "only pictures of pages: run text recognition"),
        (
            pdf(["x"], trailer=f"{LOCKED} /ID [<00> <00>]"),
            "is encrypted: save a copy without a password",
        ),
        *(
            (pdf(["Some words."])[:keep], r"damaged PDF|can't be read: |no text")
            for keep in (9, 200, 500)
        ),
        # Its page refers to another object.
        (
            pdf(["Words."]).replace(b"(Words.) Tj", b"1 0 R    Tj"),
            r"^is a damaged PDF: save it again\.$",
        ),
    ],
    ids=["pictures", "encrypted", "9 bytes", "200 bytes", "500 bytes", "reference"],
)
def test_a_pdf_is_refused_with_the_reason(content: bytes, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(content, name="x.pdf")


def test_a_pdf_that_expands_without_end_is_refused() -> None:
    packed = zlib.compress(b" " * 80_000_000)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed)
    content = pdf(["Words."])
    begin = content.index(b"<<", content.index(b"stream") - 60)
    end = content.index(b"endstream") + len(b"endstream")
    with pytest.raises(UnreadableError, match=r"^expands too far when it is unpacked: split it\.$"):
        parse_bytes(content[:begin] + stream + content[end:], name="bomb.pdf")
