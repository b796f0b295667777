"""Every reader against damage: whatever comes, it is read or refused with a sentence, in time."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.readers import SUFFIXES, UnreadableError, begin_parts
from tests.knowledge.files import docx, paragraph, pdf, table, zipped

VALID = {
    "a.pdf": pdf(["1 Intro\nSome words.", "More words."], [("Intro", 0)], title="T"),
    "a.docx": docx(paragraph("T", "Title") + paragraph("Words.") + table([["a", "b"]])),
    "a.html": b"<!doctype html><title>T</title><h1>T</h1><p>Words <a href='https://a.org'>x</a>"
    b"<ul><li>a<li>b</ul><table><tr><td>1<td>2</table><pre><code>x</code></pre>",
    "a.rst": b"T\n=\n\nWords :ref:`x <y>`.\n\n.. note::\n   a\n\n.. code-block:: c\n\n   x\n\n"
    b"===  ===\na    b\n===  ===\n1    2\n===  ===\n",
    "a.md": b"---\ntitle: T\ntags: [a]\n---\n# T\n\nWords.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "a.txt": b"Introduction\nWords.\n1. One\ntext\n2. Two\ntext\n",
    "a.csv": b"question,answer\nWhy?,Because.\n",
    "a.json": json.dumps({"faqs": [{"question": "Why?", "answer": "Because."}]}).encode(),
    "a.zip": zipped({"a.md": "# T\n\nWords.", "b/c.csv": "a,b\n1,2\n"}),
}

DAMAGE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _readable_or_refused(content: bytes, name: str) -> None:
    refusals: list[BaseException | None] = []
    try:
        parts = list(begin_parts(content, name=name))
    except UnreadableError as error:
        parts, refusals = [], [error]
    for part in parts:
        refusals.append(part.future.exception(timeout=90))
        if refusals[-1] is None:
            assert part.future.result().text.strip()
            assert part.future.result().title.strip()
    for refusal in refusals:
        assert refusal is None or type(refusal) is UnreadableError
        assert refusal is None or str(refusal).strip()


@DAMAGE
@given(st.binary(max_size=300), st.sampled_from(sorted(SUFFIXES)))
def test_any_bytes_under_any_name(content: bytes, ending: str) -> None:
    _readable_or_refused(content, f"x{ending}")


@DAMAGE
@given(st.text(max_size=300), st.sampled_from(sorted(SUFFIXES)))
def test_any_text_under_any_name(text: str, ending: str) -> None:
    _readable_or_refused(text.encode("utf-8", "replace"), f"x{ending}")


@pytest.mark.parametrize("name", sorted(VALID))
@DAMAGE
@given(data=st.data())
def test_a_valid_file_with_some_bytes_changed(name: str, data: st.DataObject) -> None:
    content = bytearray(VALID[name])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    _readable_or_refused(bytes(content), name)


@pytest.mark.parametrize("name", sorted(VALID))
@DAMAGE
@given(data=st.data())
def test_a_valid_file_with_pieces_moved_and_repeated(name: str, data: st.DataObject) -> None:
    content = VALID[name]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 200)))
        place = data.draw(st.integers(0, len(content)))
        times = data.draw(st.integers(0, 30))
        content = content[:place] + content[start:end] * times + content[place:]
    _readable_or_refused(content[:200_000], name)
