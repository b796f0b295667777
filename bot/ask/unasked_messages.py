"""Messages of unasked answers and similar posts: leads, buttons, responses to clicks. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.outcome import Citation
from bot.answers.quotations import place
from bot.text.languages import Sentence

LEAD: Final = Sentence("-# Posted automatically. This may help:")

LABELS: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("This solved it"),
    "dismiss": Sentence("Dismiss", "an answer"),
}

SOLVED: Final = Sentence("Glad to hear it. Thanks for telling me!")
MARKED_SOLVED: Final = Sentence("Glad to hear it. I've marked the post as solved.")
DISMISSED: Final = Sentence("Done: I've deleted my message.")
NOT_DISMISSED: Final = Sentence("I couldn't delete my message. Please try again in a moment.")
NOT_YOURS: Final = Sentence(
    "Only the asker and moderators can do that. Anyone can press *Not helpful*."
)

SIMILAR_LABELS: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("One of these solved it"),
    "duplicate": Sentence("Duplicate of…"),
    "read": Sentence("Read the notes"),
    "dismiss": LABELS["dismiss"],
}

CHOOSE: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("Which one solved it?"),
    "duplicate": Sentence("Which one is it a duplicate of?"),
}
# Above the choice, in place of `LEAD`.
CHOSEN: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("-# This solved it:"),
    "duplicate": Sentence("-# This post is a duplicate of:"),
}

NOT_FOR_YOU: Final = Sentence("Only the asker, helpers and moderators can do that.")
SIMILAR_GONE: Final = Sentence("These posts and notes no longer exist.")


def similar(lead: str, documents: Sequence[Citation]) -> str:
    """The titles of similar documents below a lead, linked where they have an address."""
    return "\n".join([lead, *(f"- {place(each.title, '', each.link)}" for each in documents)])
