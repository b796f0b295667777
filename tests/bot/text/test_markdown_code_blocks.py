"""Code blocks, written and read again."""

from hypothesis import given
from hypothesis import strategies as st

from bot.text.markdown import code_block, code_blocks, legible


def test_nothing_ends_a_code_block_but_its_end() -> None:
    block = code_block("a\n```\n@everyone", 100)
    assert block == "```\na\n'''\n@everyone\n```"


def test_a_long_text_is_cut() -> None:
    assert code_block("x" * 50, 10) == "```\nxxxxxxxxxx\n```"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_what_is_in_code_blocks_is_read_again(texts: list[str]) -> None:
    message = "\n".join(f"Said:\n{code_block(text, 1_000)}" for text in texts)
    expected = [legible(text).replace("`", "'").strip() for text in texts]
    assert code_blocks(message) == expected
