"""Messages of unasked answers: the lead, buttons, and responses to clicks. Pure."""

from collections.abc import Mapping
from typing import Final

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
