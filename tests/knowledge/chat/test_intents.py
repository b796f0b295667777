import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.chat import intents


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "Hello everyone!",
        "ty :)",
        "Thank you so much",
        "gm all ☀️",
        "<3",
        "",
        "yes",
        "lol",
        ":pepe: :wave:",
        "@Ada thanks!",
        "Danke dir",
        "(attached: screenshot.png)",
        "bump",
        "Thanks, that worked!",
    ],
)
def test_what_nobody_would_look_up_is_small_talk(text: str) -> None:
    assert intents.is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://docs.example.org/setup",
        "`--force`",
        "Set the port first",
        "You need administrator rights",
        "今日はサーバーが動きません",
        "fixed it by restarting",
        "```py\nx = 1\n```",
    ],
)
def test_link_code_and_sentence_say_something(text: str) -> None:
    assert not intents.is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password",
        "is this normal?",
        "I can't log in since yesterday",
        "Anyone know where the logs are",
        "hi, how can I add a role",
        "Wie setze ich das zurück",
        "これは普通ですか？",
        "I am getting an error on start",
    ],
)
def test_a_question_is_told_with_or_without_its_mark(text: str) -> None:
    assert intents.asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Set the port to 8080.",
        "See https://a.org/?page=2",
        "`what?` is printed",
        "That is how it works.",
        "Somehow it does that.",
    ],
)
def test_a_question_mark_in_an_address_or_code_asks_nothing(text: str) -> None:
    assert not intents.asks(text)


@pytest.mark.parametrize(
    "text",
    ["Thanks, that worked", "it works now!", "that fixed it", "Solved", "danke!", "ありがとう"],
)
def test_thanks_are_told(text: str) -> None:
    assert intents.thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks in advance",
        "thanks, but it still fails",
        "That didn't work, thanks anyway",
        "thanks! which port?",
        "not solved",
        "I tried that",
        "Danke, aber es geht nicht",
    ],
)
def test_thanks_in_advance_or_with_a_but_are_none(text: str) -> None:
    assert not intents.thanks(text)


@pytest.mark.parametrize(
    "title",
    [
        "[SOLVED] Login fails",
        "Login fails ✅",
        "(resolved) x",
        "Login does not work [solved]",
        "Solved",
        "✅ answered",
        "Gelöst",
        "beantwortet",
        "[erledigt] Router",
    ],
)
def test_a_title_says_that_a_thread_is_solved(title: str) -> None:
    assert intents.is_marked_solved(title)


@pytest.mark.parametrize(
    "title", ["Not solved yet", "noch nicht gelöst", "It isn't resolved", "unsolved", "Router"]
)
def test_a_title_that_says_otherwise_keeps_its_words(title: str) -> None:
    assert not intents.is_marked_solved(title)
    assert intents.without_solved_mark(title) == title


def test_a_title_loses_its_mark() -> None:
    assert intents.without_solved_mark("[SOLVED] - Login fails ✅") == "Login fails"
    assert not intents.is_marked_solved("How are unsolved cases counted")


@given(st.text(max_size=300))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    intents.asks(text)
    intents.thanks(text)
    intents.is_small_talk(text)
    assert intents.word_count(text) <= len(text)
