import pytest

from knowledge.files.formats.docx import MAX_XML_BYTES
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes
from tests.knowledge.made_files import docx, paragraph, table


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


ENTITIES = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (docx(""), "a Word file without text"),
        (docx(paragraph(" ")), "a Word file without text"),
        (
            docx(paragraph("&a9;"), f'<!DOCTYPE lolz [<!ENTITY a0 "lol">{ENTITIES}]>'),
            "document type declaration",
        ),
        (docx("<w:p>"), "is a torn Word file: save it again"),
        (
            docx("<w:p>" * 20_000 + "</w:p>" * 20_000),
            r"nested|can't be read as Word|broke the process",
        ),
    ],
    ids=["empty", "blank", "entities", "torn", "nested"],
)
def test_a_word_file_is_refused_with_the_reason(content: bytes, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(content, name="x.docx")


def test_a_word_file_that_expands_too_far_is_refused() -> None:
    content = docx(paragraph("x" * (MAX_XML_BYTES + 1)))
    assert len(content) < 100_000
    with pytest.raises(UnreadableError, match="expands to 20 MB of XML; the limit is 20 MB"):
        parse_bytes(content, name="x.docx")


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
