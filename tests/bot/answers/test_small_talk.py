"""Small talk: what asks nothing is told from what asks, and nothing that asks is swallowed."""

import json
from pathlib import Path

import pytest

from bot.answers.small_talk import SmallTalk, small_talk
from indexer.evaluation.judged_sets import COMMITTED

JUDGED = Path(__file__).parents[2] / "judged"
ROWS = [
    json.loads(line)
    for line in (JUDGED / "small_talk.jsonl").read_text(encoding="utf-8").splitlines()
]

# The rules were made with these rows; at most 1 in 50 of what is small talk may be missed.
MISSED = 0.02


def test_questions_and_statements_are_no_small_talk() -> None:
    asking = [row["text"] for row in ROWS if "kind" not in row]

    assert len(asking) > 300
    assert [text for text in asking if small_talk(text) is not None] == []


def test_small_talk_is_recognised() -> None:
    talk = [row["text"] for row in ROWS if "kind" in row]
    missed = [text for text in talk if small_talk(text) is None]

    assert len(missed) <= MISSED * len(talk), missed


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("merci beaucoup !", SmallTalk.THANKS),
        ("bonjour à tous", SmallTalk.GREETING),
        ("qui es-tu ?", SmallTalk.IDENTITY),
        ("que peux-tu faire ?", SmallTalk.ABILITIES),
        ("muchas gracias", SmallTalk.THANKS),
        ("hola, qué tal", SmallTalk.GREETING),
        ("¿qué puedes hacer?", SmallTalk.ABILITIES),
        ("jajaja", SmallTalk.LAUGHTER),
        ("muito obrigado", SmallTalk.THANKS),
        ("bom dia pessoal", SmallTalk.GREETING),
        ("quem é você?", SmallTalk.IDENTITY),
        ("merci, mais comment je change mon mot de passe ?", None),
        ("gracias, pero cómo cambio la clave", None),
    ],
)
def test_small_talk_in_other_languages_is_recognised(text: str, kind: SmallTalk | None) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize("folder", [JUDGED, *COMMITTED.values()], ids=lambda folder: folder.name)
def test_no_judged_question_is_taken_for_small_talk(folder: Path) -> None:
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()

    assert [text for line in lines if small_talk(text := json.loads(line)["text"])] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hello", SmallTalk.GREETING),
        ("helloooo there!!!", SmallTalk.GREETING),
        ("hello?", SmallTalk.GREETING),
        ("thanks!!", SmallTalk.THANKS),
        ("ok thx, that worked", SmallTalk.THANKS),
        ("<@123456789012345678> danke dir", SmallTalk.THANKS),
        ("good bot", SmallTalk.PRAISE),
        ("👍🏽", SmallTalk.PRAISE),
        ("you're useless", SmallTalk.SCOLDING),
        ("LOL", SmallTalk.LAUGHTER),
        ("hahahahahaha", SmallTalk.LAUGHTER),
        ("heh ^_^", SmallTalk.LAUGHTER),
        ("thanx :-/", SmallTalk.THANKS),
        ("hi, can someone help me?", SmallTalk.HELP),
        ("hey, what can you do?", SmallTalk.ABILITIES),
        ("Wer bist du?", SmallTalk.IDENTITY),
    ],
)
def test_a_message_has_its_strongest_kind(text: str, kind: SmallTalk) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize(
    "text",
    [
        "thanks, but how do I update it?",
        "ok?",
        "nice?",
        "hello world in go",
        "help with install",
        "danke, und wo liegt die config",
        "the",
        "?",
        "",
        "a" * 5_000,
    ],
)
def test_an_unknown_word_makes_a_question(text: str) -> None:
    assert small_talk(text) is None


def test_a_long_row_of_phrases_is_given_up() -> None:
    assert small_talk("thank you " * 500) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("thanks for the quick reply!", SmallTalk.THANKS),
        ("danke für die info", SmallTalk.THANKS),
        ("halt's maul", SmallTalk.SCOLDING),
        ("have a nice day", SmallTalk.GREETING),
        ("are you there?", SmallTalk.GREETING),
        ("congrats", SmallTalk.PRAISE),
        ("roger that", SmallTalk.ACKNOWLEDGEMENT),
        ("what's the info on mods", None),
        ("die beste klasse", None),
        ("does that stimmt nicht mean wrong", None),
    ],
)
def test_missed_and_swallowed_questions_are_told_apart(text: str, kind: SmallTalk | None) -> None:
    assert small_talk(text) is kind
