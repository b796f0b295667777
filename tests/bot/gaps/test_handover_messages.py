"""Messages of hand-overs: within Discord's limits, and without the names of unnamed helpers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.gaps import handover_messages
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.questions import (
    Evidence,
    Handover,
    HandoverState,
    OpenQuestion,
    Question,
    RecordedHit,
)
from tests.bot.spoken import english, said_in

AT = datetime(2026, 1, 1, tzinfo=UTC)
HELPER = 10**18
LONG = ["*" * 2_000, "😀" * 1_000, "<@1> @everyone [x](https://x.example) " * 60]


def handover(state: HandoverState, **changed: object) -> Handover:
    return replace(Handover(1, 1, state, True, AT, HELPER), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("state", HandoverState)
def test_a_question_is_one_message_in_every_state(
    language: Language, text: str, state: HandoverState
) -> None:
    hits = [
        RecordedHit("web:1", f"{number}{text}", "", "Text.", 1.0, (), f"https://e.example/{number}")
        for number in range(5)
    ]
    hits = [replace(hit, link=f"{hit.link}{'x' * 130}") for hit in hits]
    question = Question(1, 1, HELPER, 9, text, Evidence.NONE, AT, 1, hits)
    answer = text if state is HandoverState.ANSWERED else ""

    for name in ("", "A name"):
        shown = said_in(
            language,
            handover_messages.handover_message,
            handover(state, answer=answer, helper=name),
            question,
        )
        assert size(shown) <= MESSAGE_CHARACTERS
        assert "<@1>" not in shown
        assert "](https://x.example)" not in shown
    assert 1 <= len(handover_messages.form_title(text)) <= handover_messages.FORM_TITLE_CHARACTERS
    assert 1 <= len(handover_messages.thread_name(question)) <= handover_messages.THREAD_CHARACTERS


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("text", LONG)
def test_an_answer_is_whole_within_limits(text: str, private: bool) -> None:
    question = OpenQuestion(1, 1, 2, HELPER, text, "", AT, Evidence.NONE, False)
    answered = handover(HandoverState.ANSWERED, answer=text, helper="*" * 100)

    parts = handover_messages.answer_messages(question, answered, "@" * 200, private=private)

    assert all(1 <= size(part) <= MESSAGE_CHARACTERS for part in parts)
    assert sum(part.count("😀") for part in parts) >= text.count("😀")


def test_unnamed_helpers_are_named_to_helpers_only() -> None:
    question = OpenQuestion(1, 1, 2, 3, "Where?", "", AT, Evidence.NONE, False)
    unnamed = handover(HandoverState.ANSWERED, answer="There.")

    assert (
        "has answered"
        in handover_messages.answer_messages(question, unnamed, "S", private=False)[0]
    )
    assert str(HELPER) not in english(handover_messages.state_line, unnamed)
    # Helpers among themselves see who was there first.
    assert str(HELPER) in english(handover_messages.already_taken, unnamed)
