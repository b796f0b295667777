"""Pages of `/gaps`: one message for any questions, states and languages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.gaps import messages
from bot.gaps.service import Group
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence, Handover, HandoverState, OpenQuestion
from tests.bot.spoken import said_in
from tests.bot.values import file_passage

AT = datetime(2026, 1, 1, tzinfo=UTC)
MEMBER = 10**18


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", ["*" * 2_000, "😀" * 900, "Where is it? " * 100, "q"])
@pytest.mark.parametrize("state", HandoverState)
def test_a_page_of_the_largest_groups_is_one_message(
    language: Language, text: str, state: HandoverState
) -> None:
    asked = [
        OpenQuestion(
            number, 1, 2, MEMBER + number, text, "", AT, Evidence.PARTIAL, False, unhelpful=odd
        )
        for number in range(1_000)
        for odd in (False, True)
    ]
    handover = Handover(1, 1, state, True, AT, MEMBER)
    group = Group(tuple(asked), asked[0], awaited=True, handover=handover)

    shown = said_in(language, messages.page_of_gaps, [group] * 12, 1)

    assert size(shown.content) <= MESSAGE_CHARACTERS
    assert shown.content.count("-# ") == messages.GROUPS_A_PAGE
    assert 1 <= len(messages.option(group, 12)) <= 100
    assert 1 <= len(said_in(language, messages.times_asked, group)) <= 100


def test_a_follow_up_is_listed_after_its_question() -> None:
    alone = OpenQuestion(1, 1, 2, MEMBER, "When was PyTorch made?", "", AT, Evidence.NONE, False)
    after = replace(alone, text="and where?", earlier="Who?\nWhen was PyTorch made?")

    assert messages.in_context(alone) == alone.text
    assert messages.in_context(after) == "When was PyTorch made? › and where?"


def test_a_long_passage_is_shortened_visibly() -> None:
    shown = messages.passage_to_confirm(file_passage("word " * 1_000, title="T", heading="H"))

    assert size(shown) <= MESSAGE_CHARACTERS
    assert "> …" in shown
    assert messages.passage_to_confirm(file_passage("word", heading="")) == "> word\n-# **T**"
