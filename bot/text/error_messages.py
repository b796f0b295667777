"""Error messages that repeat the member's input, so that it isn't lost. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.text.languages import Sentence, speak
from bot.text.markdown import size
from knowledge.values.submissions import InvalidNoteError

BUSY: Final = Sentence(
    "I was too busy to look that up in time. Nothing was changed; please try again."
)

TRY_AGAIN: Final = Sentence(
    "I have too many questions to answer right now. Please try again in {seconds} s."
)

DATABASE_AWAY: Final = Sentence(
    "I can't reach my database right now. Nothing was changed; please try again in a few minutes."
)

TOO_FAST: Final = Sentence("That was too fast for me. Ask again in {seconds} s.")

STILL_ANSWERING: Final = Sentence(
    "I'm still working on your last question. Ask again once it's answered."
)

THEN_SILENT: Final = Sentence("{sentence} I'll stay silent until then.")

QUESTIONS_USED_UP: Final = Sentence(
    "You've used up your questions here for now. You can ask again {when}."
)

NOT_AN_ADMINISTRATOR: Final = Sentence("You need the **Manage Server** permission for that.")

UNKNOWN_BUTTON: Final = Sentence(
    "This button is from an older version of me and no longer works. Run its command again."
)

BUTTON_GONE: Final = Sentence(
    "This message has changed, and that button is gone. Look at the current version."
)

COMMAND_CHANGED: Final = Sentence(
    "This command has changed. Reload Discord (Ctrl+R, or restart the app) and try again."
)

OPTION_MISFIT: Final = Sentence(
    "Nothing was changed: the option `{option}` doesn't accept that value. Choose "
    "one that Discord suggests. If there are no suggestions, reload Discord "
    "(Ctrl+R, or restart the app)."
)

RESTARTED: Final = Sentence(
    "I was restarted in the middle of this. Check whether it went through before you try again."
)
FORM_DONE: Final = Sentence("Done. I was restarted before I could tell you.")
FORM_TAKEN: Final = Sentence(
    "Submitted. I was restarted before I could tell you; `/note mine` shows the status."
)

NOT_SERVED: Final = Sentence(
    "I only answer members of certain servers, and you aren't in one of them."
)
NOT_A_MEMBER: Final = Sentence(
    "I can't answer here. Ask me in a server that I'm in, or in a direct message."
)
LEAVES: Final = Sentence(
    "I'm leaving: this server isn't on my list. My operator can add it to "
    "`guilds.allowed` in config.toml."
)

UNKNOWN_FORM: Final = Sentence(
    "Nothing was submitted: this form is from an older version of me. Please open it again."
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


def typed_text(fields: Sequence[tuple[str, str]]) -> str:
    """Return a form's input as one text. If several fields are filled, each is under its name."""
    filled = [(name, text) for name, text in fields if text.strip()]
    if len(filled) == 1:
        return filled[0][1]
    return "\n\n".join(f"{_field(name)}:\n{text}" for name, text in filled)


def _field(name: str) -> str:
    known = _FIELDS.get(name)
    return known() if known else name.replace("_", " ").capitalize()


def given_back(sentence: str, text: str) -> tuple[str, bool]:
    """Return a message with the error and the input, and whether the input must go into a file."""
    if not text:
        return sentence, False
    if size(text) > TYPED_CHARACTERS or "```" in text:
        return "\n".join((sentence, speak("Your text is in the file."))), True
    return "\n".join((sentence, speak("You wrote:"), "```", text, "```")), False


FAILED: Final = Sentence(
    "Something went wrong on my side. Anything I've already confirmed is safe. Please give an "
    "administrator this number: `{error_id}`."
)

EXPLAINED: Final = Sentence("{reason}")


def invalid(error: InvalidNoteError) -> str:
    return Sentence(error.sentence)(**error.values)


NOT_A_HELPER: Final = Sentence("Only helpers and moderators can do this.")
NOT_A_MODERATOR: Final = Sentence("Only moderators can decide on notes.")
