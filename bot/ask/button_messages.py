"""Sentences of the buttons, lists and forms below an answer, and of what can't be done there."""

from collections.abc import Mapping
from typing import Final

from bot.ask.service import Shared
from bot.text.languages import Sentence
from knowledge.values.guilds import Language

SOURCE: Final = Sentence("Source")
OTHER_PASSAGES: Final = Sentence("Other passages")
QUOTED_ABOVE: Final = Sentence("Quoted above; this shows all of it")
PICK_LABELS: Final[Mapping[str, Sentence]] = {"answers": Sentence("This answers it")}
PICKED: Final = Sentence("Thank you. That counts for this passage.")
CONFIRMED: Final = Sentence(
    "Thank you. That helps to rank it: it comes first when nearly the same is asked here again."
)
REPLACED: Final = Sentence(
    "Thank you. The answer quotes it now. That helps to rank it, too: it comes first when nearly "
    "the same is asked here again."
)


def shared(found: Shared, language: Language = Language.ENGLISH) -> str:
    """To whoever shared a private answer: that everybody sees it, or what of it they do not."""
    if found.reply is None:
        return (NOT_SHARED if found.complete else NOT_FOR_EVERYBODY)(language)
    return (SHARED if found.complete else SHARED_IN_PART)(language)


SHARED: Final = Sentence("Shared: everybody here sees the answer now.")
SHARED_IN_PART: Final = Sentence(
    "Shared in part: your answer also quoted a channel that not everybody here may read. What "
    "everybody sees now was looked up without it."
)
NOT_FOR_EVERYBODY: Final = Sentence(
    "Not shared: your answer quoted a channel that not everybody here may read, and nothing else "
    "answers the question."
)
NOT_SHARED: Final = Sentence("Not shared: nothing that I may quote answers the question any more.")

FOR_YOU_ALONE: Final = Sentence(
    "There is something for you alone: not everybody here may read the channel that it is from."
)
ASK_ALONE: Final = Sentence(
    "There is something for you alone. Ask again with `/ask`: nobody else will see the answer."
)

FEEDBACK_HELPFUL: Final = Sentence("Thank you. That counts for what is quoted.")
FEEDBACK_UNHELPFUL: Final = Sentence("Thank you. I've noted that this didn't help.")
FEEDBACK_GONE: Final = Sentence("That answer is no longer on record.")
ASK_ME: Final = Sentence("Ask me something: mention me with a question, or use `/ask`.")
ANSWER_LABELS: Final[Mapping[str, Sentence]] = {
    "helpful": Sentence("Helpful"),
    "unhelpful": Sentence("Not helpful"),
    "why": Sentence("Why this answer?"),
    "share": Sentence("Share"),
}


# When something can't be done.

CAN_NOT_WRITE: Final = Sentence(
    "You asked me something in {channel}, but I may not write there. `/ask` works there all the "
    "same; an administrator can give me *Send Messages*."
)


CAN_NOT_SHARE: Final = Sentence(
    "You may not write in this channel, so I don't share it there for you."
)


WHAT_WAS_WRONG: Final = Sentence("What was wrong with it?")

REASON: Final = Sentence("Reason")

ASKS_WHY: Final = Sentence(
    "What was wrong with it? Moderators see what you choose, but not that it was you."
)

REASON_KEPT: Final = Sentence("Thank you. I've kept the reason.")
