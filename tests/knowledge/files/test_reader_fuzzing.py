"""Fuzzing of every reader: damaged input is parsed or refused with a sentence."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import SUFFIXES, begin_parsing
from tests.knowledge.fuzzed import TARGETS


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")),
    st.sampled_from(sorted(SUFFIXES)),
)
def test_any_bytes_under_any_name(content: bytes, ending: str) -> None:
    """Through the real sandbox, unlike the targets below."""
    refusals: list[BaseException | None] = []
    try:
        for part in begin_parsing(content, name=f"x{ending}"):
            refusals.append(part.future.exception(timeout=90))
            if refusals[-1] is None:
                assert part.future.result().text.strip()
                assert part.future.result().title.strip()
    except UnreadableError as error:
        refusals.append(error)
    for refusal in filter(None, refusals):
        assert type(refusal) is UnreadableError
        assert str(refusal).strip()


@st.composite
def _damaged(draw: st.DrawFn, content: bytes, others: Sequence[bytes]) -> bytes:
    """Valid bytes with flipped bits, and with pieces cut, repeated, removed or spliced in."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        end = draw(st.integers(place, min(len(content), place + 100)))
        match draw(st.sampled_from(["bit", "cut", "repeated", "removed", "spliced"])):
            case "bit" if place < len(content):
                bit = 1 << draw(st.integers(0, 7))
                content = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
            case "cut":
                content = content[:place]
            case "repeated":
                piece = content[place:end] * draw(st.integers(2, 30))
                content = content[:place] + piece + content[end:]
            case "removed":
                content = content[:place] + content[end:]
            case "spliced":
                other = draw(st.sampled_from(others))
                content = content[:place] + other[draw(st.integers(0, len(other))) :]
    return content[:100_000]


@pytest.mark.filterwarnings("ignore")
def test_every_reader_accepts_one_of_its_seeds() -> None:
    refusing = [
        name
        for name, target in TARGETS.items()
        if "given" not in {target.run(seed) for seed in target.seeds}
    ]
    assert not refusing


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
def test_every_reader_parses_or_refuses_damaged_input(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    words = [word for word in target.words if word] or [b"\xff"]
    content = data.draw(_damaged(data.draw(st.sampled_from(target.seeds)), [*target.seeds, *words]))
    assert target.run(content) in ("given", "refused", "netted")
