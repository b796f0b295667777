"""Messages of `/page review`, the list of notes not yet released for the public page. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.page.service import ReviewPage
from bot.text.languages import Plural, Sentence, Speaker
from bot.text.markdown import plain_within
from knowledge.values.guilds import Language

# Bound on each note, so that a page of the list fits one message.
_TITLE_CHARACTERS: Final = 60
_TEXT_CHARACTERS: Final = 90

LABELS: Final[Mapping[str, Sentence]] = {
    "release": Sentence("Put these on the page"),
    "earlier": Sentence("Earlier"),
    "later": Sentence("Later"),
}
KEEP_OFF: Final = Sentence("Choose notes to keep off the page")
_WAITING: Final = Plural(
    "**{number:,} live note** to review: its writer wasn't told about the public page. Releasing "
    "it makes it public.",
    "**{number:,} live notes** to review: their writers weren't told about the public page. "
    "Releasing these makes them public.",
)
_NOTHING: Final = Sentence(
    "No notes left to review: every live note is released or kept off the page."
)
_RELEASED: Final = Plural(
    "{number:,} note released.",
    "{number:,} notes released.",
)
_PAGE_IS_OFF: Final = Sentence(
    "⚠ The page is off. Notes that you release now will appear once it's turned on in `/setup`."
)
_FLAGGED: Final = Sentence(
    "-# ⚠ These have contact details, links or the like. Look at them with `/note show` first."
)


def review(
    page: ReviewPage, language: Language = Language.ENGLISH, *, released: int | None = None
) -> str:
    """Return a page of unreleased notes, after a line that says how many were just `released`."""
    speak = Speaker(language)
    lines = [] if released is None else [_RELEASED(released, language)]
    if not page.is_on:
        lines.append(_PAGE_IS_OFF(language))
    if not page.notes:
        return "\n".join([*lines, _NOTHING(language)])
    lines.append(_WAITING(page.total, language))
    for note in page.notes:
        title = plain_within(note.submission.title, _TITLE_CHARACTERS)
        text = plain_within(" ".join(note.submission.text.split()), _TEXT_CHARACTERS)
        sign = "⚠ " if note.id in page.flagged else ""
        lines.append(f"{note.id}\\. {sign}**{title}** {text}")
    if page.flagged:
        lines.append(_FLAGGED(language))
    if page.count > 1:
        lines.append(
            speak(
                "-# Page {number} of {count} · `/note show` shows a whole note.",
                number=page.number + 1,
                count=page.count,
            )
        )
    return "\n".join(lines)
