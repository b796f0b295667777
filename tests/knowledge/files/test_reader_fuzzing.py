"""Every reader against damage: whatever comes, it is read or refused with a sentence, in time."""

import contextlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import SUFFIXES, begin_parsing, parse_bytes
from tests.knowledge.fuzzed import TARGETS
from tests.knowledge.made_files import docx, paragraph, pdf, table, zipped

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
        parts = list(begin_parsing(content, name=name))
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


@st.composite
def _damaged(draw: st.DrawFn, content: bytes, others: Sequence[bytes]) -> bytes:
    """Valid bytes after some of what happens to files: bits, beginnings, pieces, other files."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        end = draw(st.integers(place, min(len(content), place + 100)))
        match draw(st.sampled_from(["bit", "cut", "doubled", "taken out", "spliced"])):
            case "bit" if place < len(content):
                bit = 1 << draw(st.integers(0, 7))
                content = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
            case "cut":
                content = content[:place]
            case "doubled":
                content = content[:end] + content[place:]
            case "taken out":
                content = content[:place] + content[end:]
            case "spliced":
                other = draw(st.sampled_from(others))
                content = content[:place] + other[draw(st.integers(0, len(other))) :]
    return content[:100_000]


@pytest.mark.parametrize("name", sorted(VALID))
@DAMAGE
@given(data=st.data())
def test_a_file_that_is_one_thing_in_front_and_another_behind(
    name: str, data: st.DataObject
) -> None:
    content = data.draw(_damaged(VALID[name], list(VALID.values())))
    with contextlib.suppress(UnreadableError):
        assert parse_bytes(content, name=name).text.encode().strip()


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.filterwarnings("ignore")
def test_something_that_fuzzing_begins_with_is_valid(name: str) -> None:
    assert "given" in {TARGETS[name].run(seed) for seed in TARGETS[name].seeds}


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.filterwarnings("ignore")
@DAMAGE
@given(data=st.data())
def test_every_reader_gives_or_refuses_what_is_damaged(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    words = [word for word in target.words if word] or [b"\xff"]
    content = data.draw(_damaged(data.draw(st.sampled_from(target.seeds)), [*target.seeds, *words]))
    assert target.run(content) in ("given", "refused", "netted")
