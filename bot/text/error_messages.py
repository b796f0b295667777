"""What the bot says when something fails, and how what was typed is given back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.text.languages import Both
from bot.text.markdown import size
from knowledge.model.records import Language
from knowledge.model.submissions import InvalidNoteError

BUSY: Final = Both(
    "I am busy at the moment and could not look that up in time. Nothing was done: try it again.",
    "Ich bin gerade beschäftigt und konnte das nicht rechtzeitig nachsehen. Nichts ist geschehen: "
    "Versuche es noch einmal.",
)

UNKNOWN_BUTTON: Final = Both(
    "I don't know this button any more: an earlier version of me may have made it. "
    "Run the command again that showed it.",
    "Ich kenne diesen Button nicht mehr: Vielleicht stammt er von einer früheren Version von mir. "
    "Benutze den Befehl noch einmal, der ihn gezeigt hat.",
)

BUTTON_GONE: Final = Both(
    "That button is no longer on the message: look at it as it is now.",
    "Dieser Button ist nicht mehr an der Nachricht: Sieh sie dir an, wie sie jetzt ist.",
)

UNKNOWN_FORM: Final = Both(
    "I don't know this form any more: an earlier version of me may have opened it, so nothing was "
    "done with it. Open it again.",
    "Ich kenne dieses Formular nicht mehr: Vielleicht hat es eine frühere Version von mir "
    "geöffnet, darum ist nichts damit geschehen. Öffne es noch einmal.",
)

# What was typed is repeated in a message up to this length.
TYPED_CHARACTERS: Final = 1_400

_FIELDS: Final[Mapping[str, Both]] = {
    "title": Both("Title", "Titel"),
    "text": Both("Text", "Text"),
    "tags": Both("Tags", "Tags"),
    "link": Both("Link", "Link"),
    "reason": Both("Reason", "Grund"),
    "duplicate_of": Both("Duplicate of", "Duplikat von"),
}

_IN_THE_FILE: Final = Both(
    "What you typed is in the file.", "Was du eingegeben hast, ist in der Datei."
)

_YOU_HAD_TYPED: Final = Both("You had typed:", "Du hattest eingegeben:")


def typed(fields: Sequence[tuple[str, str]], language: Language = Language.ENGLISH) -> str:
    """What was typed into a form's fields, as one text; a lone field without its name."""
    filled = [(name, text) for name, text in fields if text.strip()]
    if len(filled) == 1:
        return filled[0][1]
    return "\n\n".join(f"{_field(name, language)}:\n{text}" for name, text in filled)


def _field(name: str, language: Language) -> str:
    known = _FIELDS.get(name)
    return known(language) if known else name.replace("_", " ").capitalize()


def given_back(sentence: str, text: str, language: Language = Language.ENGLISH) -> tuple[str, bool]:
    """Why something was not taken, with what was typed below it; and whether that is in a file."""
    if not text:
        return sentence, False
    if size(text) > TYPED_CHARACTERS or "```" in text:
        return f"{sentence}\n{_IN_THE_FILE(language)}", True
    return f"{sentence}\n{_YOU_HAD_TYPED(language)}\n```\n{text}\n```", False


_FAILED: Final = Both(
    "Something went wrong on my side, and nothing was lost that had been confirmed. Please tell an "
    "administrator this number: `{error_id}`.",
    "Bei mir ist etwas schiefgegangen; nichts ist verloren, was schon bestätigt war. Bitte nenne "
    "der Administration diese Nummer: `{error_id}`.",
)

_EXPLAINED: Final = Both(
    "{reason}",
    "Das geht gerade nicht. Bitte gib der Administration weiter, woran es liegt: {reason}",
)


def invalid(error: InvalidNoteError, language: Language = Language.ENGLISH) -> str:
    """Why something can't be a note, a tag or a file with one."""
    return error.german if language is Language.GERMAN else str(error)


def failed(error_id: str, language: Language = Language.ENGLISH) -> str:
    """When something went wrong that nobody foresaw."""
    return _FAILED(language, error_id=error_id)


def explained(reason: str, language: Language = Language.ENGLISH) -> str:
    """When something failed whose reason is known; it is in English, as it is in the log."""
    return _EXPLAINED(language, reason=reason)


NOT_A_MODERATOR: Final = Both(
    "Only moderators can decide on notes.", "Nur die Moderation kann über Notizen entscheiden."
)
