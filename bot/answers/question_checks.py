"""Messages that aren't looked up: small talk and invalid questions, with the responses. Pure."""

import re
from typing import Final

from bot.answers.small_talk import SmallTalk, small_talk
from bot.text.languages import Sentence

# Discord's limit for messages; a longer text is a document.
QUESTION_CHARACTERS: Final = 2_000

_NO_QUESTION: Final = Sentence("I need some words to go on: what would you like to know?")
_LONG_QUESTION: Final = Sentence(
    "Your question has {number:,} characters; the limit is {most:,}. Ask one thing, in a sentence "
    "or two."
)


_UNREADABLE: Final = Sentence("Your question contains a broken character. Remove it and ask again.")
# Neither the database nor the model accepts lone surrogates.
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# Replies to small talk, which is not recorded.
_TO_SMALL_TALK: Final = {
    SmallTalk.IDENTITY: Sentence(
        "I'm a bot. I quote what this community has written down, with its source; I don't make "
        "anything up."
    ),
    SmallTalk.ABILITIES: Sentence(
        "Ask me about this community in your own words, and I'll quote passages that answer you, "
        "with their sources. `/note add` proposes a note for everyone."
    ),
    SmallTalk.HELP: Sentence(
        "Go ahead! What would you like to know? One sentence in your own words works best."
    ),
    SmallTalk.THANKS: Sentence("You're welcome."),
    SmallTalk.SCOLDING: Sentence(
        "Sorry! Press *Not helpful* below an answer to tell the moderators what was wrong with it."
    ),
    SmallTalk.PRAISE: Sentence("Thank you!"),
    SmallTalk.GREETING: Sentence("Hello! What would you like to know?"),
    SmallTalk.ACKNOWLEDGEMENT: Sentence("All right. Ask me whenever you like."),
    SmallTalk.LAUGHTER: Sentence("Ha! What would you like to know?"),
}


def needs_lookup(text: str) -> bool:
    """Whether a text is a valid question, and no small talk."""
    return small_talk(text) is None and fault(text) is None


def response_without_lookup(text: str) -> str:
    """The response to small talk or an invalid question; empty for a valid question."""
    talk = small_talk(text)
    return problem_with(text) if talk is None else _TO_SMALL_TALK[talk]()


def problem_with(text: str) -> str:
    """The reason why `text` can't be looked up, or empty for a valid question."""
    problem = fault(text)
    return problem(number=len(text), most=QUESTION_CHARACTERS) if problem is not None else ""


def fault(text: str) -> Sentence | None:
    """The reason why a text can't be looked up, with its `number` of characters and the `most`."""
    if not any(character.isalnum() for character in text):
        return _NO_QUESTION
    if _LONE_SURROGATE.search(text):
        return _UNREADABLE
    return _LONG_QUESTION if len(text) > QUESTION_CHARACTERS else None
