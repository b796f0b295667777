from datetime import UTC, datetime, timedelta

import pytest

from knowledge.chat.conversations import Message
from knowledge.sources.kinds.threads import is_question, maintainers_answer

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWER = "Set the port in config.toml, then start the server again."


def issue(*comments: tuple[str, str]) -> list[Message]:
    posts = [("mira", "How do I change the port?"), *comments]
    return [
        Message(at, 0, author, START + timedelta(hours=at), text)
        for at, (author, text) in enumerate(posts, start=1)
    ]


def answered(*comments: tuple[str, str]) -> str:
    found = maintainers_answer(issue(*comments), {"ada", "bo"})
    return found.text if found is not None else ""


def test_the_only_telling_comment_of_a_maintainer_is_the_answer() -> None:
    assert answered(("mira", "Nobody?"), ("ada", ANSWER), ("bo", "Closing, thanks!")) == ANSWER


def test_thanked_comment_is_the_answer() -> None:
    other = ("bo", "The default port is the one that most of our users want to have.")
    assert answered(other, ("ada", ANSWER), ("mira", "Thanks, that worked!")) == ANSWER
    assert answered(other, ("ada", ANSWER)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Closing this issue, because it is a duplicate of another one. Feel free to reopen it.",
        "This issue is stale, since there was no activity for sixty days in a row.",
        "Could you tell us which version of the server you have there?",
        "Please provide some more information, such as a log of the start.",
        "I will look into this problem as soon as I have some time for it.",
        "Please ask such questions in our forum instead, where more people see them.",
        "I can reproduce this problem here with the newest version of the server.",
        "> Set the port in config.toml, then start the server again.\n\n+1",
    ],
)
def test_closing_or_asking_comments_are_no_answers(text: str) -> None:
    assert answered(("ada", text)) == ""


def test_an_asker_who_goes_on_asking_has_no_answer_yet() -> None:
    assert answered(("ada", ANSWER), ("mira", "It still fails. Where is this file?")) == ""


def test_others_and_programs_answer_nothing() -> None:
    assert answered(("cleo", ANSWER)) == ""
    bot = Message(2, 0, "ada", START + timedelta(hours=2), ANSWER, bot=True)
    assert maintainers_answer([issue()[0], bot], {"ada"}) is None


@pytest.mark.parametrize(
    ("title", "labels", "expected"),
    [
        ("Change the port", [], False),
        ("Change the port", ["question"], True),
        ("The port is taken", ["enhancement"], False),
        ("The server fails to start", [], True),
        ("The port is taken", [], False),
    ],
)
def test_titles_and_labels_tell_questions(title: str, labels: list[str], expected: bool) -> None:
    assert is_question(title, "It is 8080.", labels) is expected
