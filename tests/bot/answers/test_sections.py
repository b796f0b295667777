"""Sections: whole if they fit, and pages that end between blocks."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.sections import (
    PAGE_CHARACTERS,
    QUOTED_CHARACTERS,
    REST_CHARACTERS,
    Section,
    section_of,
)
from bot.text.markdown import size
from indexer.index.stored_passage import StoredPassage
from indexer.text.sentences import announces, units
from tests.bot.values import file_passage
from tests.indexer.text.markdown_texts import markdown

PARAGRAPH = "It rains a lot in the harbour, so the ropes are dried. " * 9


def passages(*parts: tuple[str, str]) -> list[StoredPassage]:
    """Passages in a row, each a section of its own, by heading and text."""
    return [
        replace(file_passage(text, heading=heading), id=n + 1, position=n, section=n)
        for n, (heading, text) in enumerate(parts)
    ]


def blocks_of(text: str) -> list[str]:
    return re.split(r"\n+", text)


@given(st.integers(1, 12), st.booleans())
def test_pages_have_every_block_once_in_order(count: int, is_listed: bool) -> None:
    mark = "- " if is_listed else ""
    text = "\n\n".join(f"{mark}{n}. {PARAGRAPH.strip()}" for n in range(count))
    pages = Section(text, 0).pages(from_passage=False)
    assert [block for page in pages for block in blocks_of(page)] == blocks_of(text)


@given(markdown)
def test_pages_joined_are_the_whole_text(text: str) -> None:
    pages = Section(text, 0).pages(from_passage=False)
    assert "".join("".join(pages).split()) == "".join(text.split())


@given(markdown, st.floats(0, 1))
def test_pages_from_a_passage_have_all_behind_it(text: str, share: float) -> None:
    start = int(len(text) * share)
    pages = Section(text, start).pages(from_passage=True)
    assert "".join("".join(pages).split()).endswith("".join(text[start:].split()))


PIECES = (
    "Dry the ropes:",
    "Do as follows.",
    "**Ropes**",
    "```\nrope --dry\n```",
    "- hemp\n- steel",
    "> Dry it.",
    PARAGRAPH.strip(),
)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30))
def test_a_page_never_ends_before_what_it_announces(pieces: list[str]) -> None:
    *pages, _ = Section("\n\n".join(pieces), 0).pages(from_passage=False)
    last = [page[slice(*units(page)[-1])] for page in pages]
    assert not any(map(announces, last))


@pytest.mark.parametrize("before", range(0, 1_100, 50))
def test_long_lists_are_not_cut_behind_lead_ins(before: int) -> None:
    said = "In the loft, do the following:\n   - pull the rope\n   - let it go again when it rains"
    items = "\n".join(f"{n}. {said}" for n in range(1, 40))
    pages = Section(f"{'a' * before}.\n\n{items}", 0).pages(from_passage=False)
    assert len(pages) > 1
    assert not any(page.endswith(":") for page in pages)


@pytest.mark.parametrize("length", [200, QUOTED_CHARACTERS, QUOTED_CHARACTERS + REST_CHARACTERS])
def test_a_section_that_fits_is_one_page(length: int) -> None:
    text = f"{'a' * 99}\n\n{'b' * (length - 101)}"
    assert Section(text, 101).pages(from_passage=True) == [text]


def test_a_long_section_begins_at_the_passages_block() -> None:
    text = "\n\n".join([PARAGRAPH.strip()] * 3 + ["Dry the ropes:", "1. Hang them.\n2. Wait."])
    first, *more = Section(text, text.index("2. Wait")).pages(from_passage=True)
    assert first == "Dry the ropes:\n\n1. Hang them.\n2. Wait."
    assert not more
    assert Section(text, 0).pages(from_passage=False)[0].startswith("It rains")


@pytest.mark.parametrize(
    "lead", ["Run this:", "Open the file and replace the line with", "Do as follows"]
)
def test_no_page_ends_after_a_lead_in(lead: str) -> None:
    code = "```\n" + "\n".join(f"pull rope {n}" for n in range(60)) + "\n```"
    text = f"{PARAGRAPH}\n\n{PARAGRAPH}\n\n{lead}\n\n{code}\n\n{PARAGRAPH}"
    pages = Section(text, 0).pages(from_passage=True)
    assert not any(page.rstrip().endswith(lead) for page in pages)
    assert any(f"{lead}\n\n{code}" in page for page in pages)


@pytest.mark.parametrize(
    "block",
    [
        "\n".join(f"{n}. Pull the rope number {n} until it is tight." for n in range(1, 21)),
        "\n".join(f"{n}. Pull rope {n}:\n```\nrope --pull {n}\n```" for n in range(1, 21)),
        "```\n" + "\n".join(f"pull --rope {n} --tight" for n in range(40)) + "\n```",
        "| Rope | Use |\n|---|---|\n" + "\n".join(f"| {n} | mooring {n} |" for n in range(40)),
    ],
    ids=["steps", "steps with code", "code", "table"],
)
def test_a_block_that_fits_is_never_cut(block: str) -> None:
    text = "\n\n".join([PARAGRAPH.strip()] * 2 + [block, PARAGRAPH.strip()])
    pages = Section(text, 0).pages(from_passage=True)
    assert sum(block in page for page in pages) == 1


def test_overlong_code_is_cut_into_fenced_parts() -> None:
    code = "```py\n" + "\n".join(f"rope({n}, 'tight')" for n in range(400)) + "\n```"
    pages = Section(code, 0).pages(from_passage=True)
    assert len(pages) > 1
    assert all(page.startswith("```py\n") and page.endswith("```") for page in pages)
    assert all(size(page) <= PAGE_CHARACTERS + QUOTED_CHARACTERS for page in pages)


def test_subsections_are_quoted_with_a_short_section() -> None:
    found = passages(("Ropes", "Two kinds."), ("Ropes › Hemp", "Old."), ("Boats", "Big."))
    section = section_of(found[0], found)
    assert section.text == "Two kinds.\n\n**Hemp**\nOld."
    assert (section.below, section.beside) == ((), (found[2],))


def test_subsections_that_do_not_fit_are_named() -> None:
    found = passages(
        ("Sails", "White."),
        ("Ropes", "Two kinds."),
        ("Ropes › Hemp", PARAGRAPH * 2),
        ("Ropes › Hemp › Care", "Dry."),
        ("Ropes › Steel › Care", PARAGRAPH),
    )
    section = section_of(found[1], found)
    assert section.text == "Two kinds."
    assert section.below == (found[2], found[4])
    assert section.beside == (found[0],)


@pytest.mark.parametrize("separator", [" ", "\n", "\n\n", ""])
def test_passages_of_a_section_are_joined_as_written(separator: str) -> None:
    first, second = passages(("Ropes", "Hang them."), ("Ropes", "Then wait."))
    second = replace(second, section=first.section, separator=separator)
    section = section_of(second, [first, second])
    assert section.text == f"{first.text}{separator}{second.text}"
    assert section.start == len(f"{first.text}{separator}")


def test_equal_headings_of_two_sections_stay_apart() -> None:
    first, second = passages(("Example", "Hang them."), ("Example", "Then wait."))
    assert section_of(first, [first, second]).text == "Hang them."


def test_passages_of_an_earlier_index_are_grouped_by_heading() -> None:
    found = [replace(passage, section=-1) for passage in passages(("A", "x."), ("A", "y."))]
    assert section_of(found[0], found).text.split() == ["x.", "y."]
