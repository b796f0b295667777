"""Messages of buttons, lists and forms below an answer."""

from collections.abc import Mapping
from typing import Final

from bot.ask.service import Shared
from bot.text.languages import Sentence
from knowledge.values.guilds import Language

SOURCE: Final = Sentence("Source")
# Leads to a page that the quoted text names, but not to the text.
REFERENCE: Final = Sentence("Reference")
OTHER_PASSAGES: Final = Sentence("Other passages")
SECTIONS: Final = Sentence("Sections and other passages")
# Below an answer, with its actions.
MORE: Final = Sentence("More about this answer…")
QUOTED_ABOVE: Final = Sentence("Quoted above; read all of it here")
PICK_LABELS: Final[Mapping[str, Sentence]] = {"answers": Sentence("This answers it")}
PICKED: Final = Sentence("Thank you. I've counted your vote for this passage.")
CONFIRMED: Final = Sentence("Thank you. This passage now comes first for questions like yours.")
REPLACED: Final = Sentence(
    "Thank you. The answer now quotes this passage, which will come first for questions like yours."
)


def share_result(found: Shared, language: Language = Language.ENGLISH) -> str:
    """The response to *Share*: whether everybody now sees the whole answer, a part or nothing."""
    if found.reply is None:
        return (NOT_SHARED if found.complete else NOT_FOR_EVERYBODY)(language)
    return (SHARED if found.complete else SHARED_IN_PART)(language)


SHARED: Final = Sentence("Shared. Everybody here can see the answer now.")
SHARED_IN_PART: Final = Sentence(
    "Shared in part: I left out quotes from a channel that not everybody here can read."
)
NOT_FOR_EVERYBODY: Final = Sentence(
    "Not shared: your answer is from a channel that not everybody here can read."
)
NOT_SHARED: Final = Sentence("Not shared: I can't find an answer to this question any more.")

FOR_YOU_ALONE: Final = Sentence(
    "Only you can see this: it's from a channel that not everybody here can read."
)
ASK_ALONE: Final = Sentence(
    "I can only answer this privately. Ask again with `/ask`, and only you will see the answer."
)

FEEDBACK_HELPFUL: Final = Sentence("Thank you. I've noted that this helped.")
FEEDBACK_UNHELPFUL: Final = Sentence("Thank you. I've noted that this didn't help.")
FEEDBACK_GONE: Final = Sentence("That answer is no longer on record.")
ASK_ME: Final = Sentence("Ask me something: mention me with a question, or use `/ask`.")
ANSWER_LABELS: Final[Mapping[str, Sentence]] = {
    "helpful": Sentence("Helpful"),
    "unhelpful": Sentence("Not helpful"),
    "why": Sentence("Why this answer?"),
    "share": Sentence("Share"),
}


MENU_LABELS: Final[Mapping[str, Sentence]] = {
    "why": ANSWER_LABELS["why"],
    "report": Sentence("Report"),
    "share": Sentence("Share with everyone here"),
    "correct": Sentence("Correct this note"),
}
CORRECT: Final = Sentence("Correct “{title}”")
FOR_MODERATORS: Final = Sentence("For moderators")


CAN_NOT_WRITE: Final = Sentence(
    "You asked me something in {channel}, but I can't write there. Use `/ask` instead, or have an "
    "administrator give me *Send Messages*."
)


CAN_NOT_SHARE: Final = Sentence("Not shared: you can't write in this channel.")


WHAT_WAS_WRONG: Final = Sentence("What was wrong with it?")

REASON: Final = Sentence("Reason")

ASKS_WHY: Final = Sentence(
    "What was wrong with it? Moderators will see the reason, but not your name."
)

REASON_KEPT: Final = Sentence("Thank you. I've noted the reason.")
