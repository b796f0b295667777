"""Small files of the packed formats, written by hand so that a test shows what is in them."""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO

DOCX_TYPES = """\
<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="application/\
vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
</Types>"""

DOCX_RELATIONS = """\
<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/\
officeDocument/2006/relationships/officeDocument"/>
</Relationships>"""

DOCX_STYLES = """\
<?xml version="1.0" encoding="UTF-8"?>
<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style>
</w:styles>"""

DOCX_LINKS = """\
<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="s" Target="styles.xml" Type="http://schemas.openxmlformats.org/\
officeDocument/2006/relationships/styles"/>
<Relationship Id="l" Target="https://a.org/" TargetMode="External" \
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"/>
</Relationships>"""

DOCX_DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>{prolog}
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" \
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<w:body>{body}</w:body></w:document>"""


def zipped(files: Mapping[str, str | bytes], *, stored: bool = False) -> bytes:
    """A zip of these files."""
    buffer = BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def paragraph(text: str, style: str = "") -> str:
    """A paragraph of a Word file."""
    chosen = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{chosen}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table of a Word file."""
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx(body: str, prolog: str = "") -> bytes:
    """A Word file with this body; `prolog` stands in front of the document's own element."""
    return zipped(
        {
            "[Content_Types].xml": DOCX_TYPES,
            "_rels/.rels": DOCX_RELATIONS,
            "word/styles.xml": DOCX_STYLES,
            "word/_rels/document.xml.rels": DOCX_LINKS,
            "word/document.xml": DOCX_DOCUMENT.format(prolog=prolog, body=body),
        }
    )


def pdf(
    pages: Sequence[str],
    outline: Sequence[tuple[str, int]] = (),
    *,
    title: str = "",
    trailer: str = "",
) -> bytes:
    """A PDF with a page for each text.

    Args:
        pages: the lines of each page.
        outline: headings with the page that each leads to, counting from 0.
        title: what the PDF says it is called.
        trailer: more entries of the trailer.
    """
    objects: dict[int, str] = {}
    first_page, first_entry = 10, 10 + 2 * len(pages)
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(len(pages)))
    has_outline = "/Outlines 4 0 R" if outline else ""
    objects[1] = f"<< /Type /Catalog /Pages 2 0 R {has_outline} >>"
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"
    objects[3] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    last = first_entry + len(outline) - 1
    objects[4] = f"<< /First {first_entry} 0 R /Last {last} 0 R /Count {len(outline)} >>"
    objects[5] = f"<< /Title ({title}) >>"
    for n, text in enumerate(pages):
        lines = "".join(f"({_escaped(line)}) Tj T* " for line in text.split("\n"))
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {lines}ET" if text else ""
        number = first_page + 2 * n
        objects[number] = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {number + 1} 0 R >>"
        )
        objects[number + 1] = f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream"
    for n, (heading, page) in enumerate(outline):
        following = f"/Next {first_entry + n + 1} 0 R" if n + 1 < len(outline) else ""
        objects[first_entry + n] = (
            f"<< /Title ({_escaped(heading)}) /Parent 4 0 R {following} "
            f"/Dest [{first_page + 2 * page} 0 R /Fit] >>"
        )
    return _pdf_file(objects, trailer)


def _pdf_file(objects: Mapping[int, str], trailer: str) -> bytes:
    parts = [b"%PDF-1.4\n"]
    places: dict[int, int] = {}
    at = len(parts[0])
    for number, body in objects.items():
        places[number] = at
        parts.append(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
        at += len(parts[-1])
    rows = "".join(f"{number} 1\n{place:010d} 00000 n \n" for number, place in places.items())
    size = max(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R /Info 5 0 R {trailer} >>\n"
    return b"".join(parts) + f"xref\n{rows}{end}startxref\n{at}\n%%EOF\n".encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
