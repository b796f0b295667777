"""Error messages, with the member's input given back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import size
from knowledge.values.guilds import Language
from knowledge.values.submissions import InvalidNoteError

BUSY: Final = Sentence(
    "I am busy at the moment and could not look that up in time. Nothing was done: try it again."
)

TRY_AGAIN: Final = Sentence(
    "I'm busy: I'm asked more than I can answer at once. Nothing was done; try again in "
    "{seconds} s."
)

DATABASE_AWAY: Final = Sentence(
    "I can't reach my database at the moment, so I can't do that. Nothing was changed: try again "
    "in a few minutes."
)

TOO_FAST: Final = Sentence("You ask faster than I may answer. Ask again in {seconds} s.")

STILL_ANSWERING: Final = Sentence(
    "I'm still working on your last question. Ask again once it's answered."
)

THEN_SILENT: Final = Sentence("{sentence} I'll stay silent until then.")

QUESTIONS_USED_UP: Final = Sentence(
    "That's as many questions as you may ask here for now. You can go on {when}."
)

NOT_AN_ADMINISTRATOR: Final = Sentence("You need the **Manage Server** permission for that.")

UNKNOWN_BUTTON: Final = Sentence(
    "I don't know this button any more: an earlier version of me may have made it. "
    "Run the command again that showed it."
)

BUTTON_GONE: Final = Sentence(
    "That button is gone: the message has changed since. Look at it as it is now."
)

COMMAND_CHANGED: Final = Sentence(
    "This command has changed since your Discord last looked: reload Discord (Ctrl+R, or close the "
    "app and open it again), then use it as it is now."
)

OPTION_MISFIT: Final = Sentence(
    "The option `{option}` doesn't take that value, so I did nothing. Choose one that Discord "
    "offers you. If it offers none, reload Discord (Ctrl+R, or close the app and open it again)."
)

RESTARTED: Final = Sentence(
    "I was restarted while I was at this. Look whether it was done before you try it again."
)
FORM_DONE: Final = Sentence("This was done; I was restarted before I could say so.")
FORM_TAKEN: Final = Sentence(
    "This has been submitted; I was restarted before I could say so. `/note mine` says where it "
    "stands."
)

NOT_SERVED: Final = Sentence(
    "I only answer members of the servers that I was set up for, and you are in none of them."
)
NOT_A_MEMBER: Final = Sentence(
    "I only answer in servers that I was added to, and in direct messages. This is neither."
)
LEAVES: Final = Sentence(
    "I was set up for certain servers, and this isn't one of them, so I'm leaving. Whoever runs "
    "me can allow it with `guilds.allowed` in config.toml."
)

UNKNOWN_FORM: Final = Sentence(
    "I don't know this form any more: an earlier version of me may have opened it, so nothing was "
    "done with it. Open it again."
)

# Longest input that is repeated in the message itself.
TYPED_CHARACTERS: Final = 1_400

_FIELDS: Final[Mapping[str, Sentence]] = {
    "title": Sentence("Title"),
    "text": Sentence("Text"),
    "tags": Sentence("Tags"),
    "link": Sentence("Link"),
    "reason": Sentence("Reason"),
    "duplicate_of": Sentence("Duplicate of"),
}

_IN_THE_FILE: Final = Sentence("What you typed is in the file.")

_YOU_HAD_TYPED: Final = Sentence("You had typed:")


def typed(fields: Sequence[tuple[str, str]], language: Language = Language.ENGLISH) -> str:
    """Return a form's input as one text, each field under its name; a lone field without one."""
    filled = [(name, text) for name, text in fields if text.strip()]
    if len(filled) == 1:
        return filled[0][1]
    return "\n\n".join(f"{_field(name, language)}:\n{text}" for name, text in filled)


def _field(name: str, language: Language) -> str:
    known = _FIELDS.get(name)
    return known(language) if known else name.replace("_", " ").capitalize()


def given_back(sentence: str, text: str, language: Language = Language.ENGLISH) -> tuple[str, bool]:
    """Return the message with a reason and the input, and whether the input needs a file."""
    if not text:
        return sentence, False
    if size(text) > TYPED_CHARACTERS or "```" in text:
        return f"{sentence}\n{_IN_THE_FILE(language)}", True
    return f"{sentence}\n{_YOU_HAD_TYPED(language)}\n```\n{text}\n```", False


FAILED: Final = Sentence(
    "Something went wrong on my side, and nothing was lost that had been confirmed. Please tell an "
    "administrator this number: `{error_id}`."
)

EXPLAINED: Final = Sentence("{reason}")


def invalid(error: InvalidNoteError, language: Language = Language.ENGLISH) -> str:
    return Sentence(error.sentence)(language, **error.values)


NOT_A_MODERATOR: Final = Sentence("Only moderators can decide on notes.")
