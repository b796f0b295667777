"""What was read in a picture, shown and read again from what was shown."""

from hypothesis import given
from hypothesis import strategies as st

from bot.answers.pipeline import QUESTION_CHARACTERS
from bot.ask.ui import attachment_questions
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]))


@given(TEXTS.filter(lambda text: len(text) <= 300), TEXTS, st.sampled_from(Language))
def test_shown_text_fits_and_is_readable_again(words: str, text: str, language: Language) -> None:
    offered = attachment_questions.offer(words, text, language)
    assert size(offered) <= MESSAGE_CHARACTERS
    found_words, found_text = attachment_questions.words_and_text(offered)
    assert found_words == words.replace("`", "'")
    assert text.replace("`", "'").startswith(found_text)


def test_a_code_block_is_not_ended_from_inside() -> None:
    offered = attachment_questions.offer("", "a\n```\n@everyone ```b", Language.ENGLISH)
    assert offered.count("```") == 2
    assert attachment_questions.words_and_text(offered) == ("", "a\n'''\n@everyone '''b")


def test_a_long_text_is_cut_to_a_question() -> None:
    text = "error " * 2_000
    words, found = attachment_questions.words_and_text(
        attachment_questions.offer("why", text, Language.GERMAN)
    )
    assert (words, len(found) > 1_000) == ("why", True)
    assert len(attachment_questions.question(words, text)) <= QUESTION_CHARACTERS


def test_a_message_of_another_shape_says_nothing() -> None:
    assert attachment_questions.words_and_text("Hello") == ("", "")
