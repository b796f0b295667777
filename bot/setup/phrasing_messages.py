"""Messages about phrasing by a language model: before it is turned on, and in `/about`."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import plain
from knowledge.values.guilds import Language, Phrasing

# For administrators.

_WHAT: Final = Sentence(
    "A language model at {host} can pick the sentences of the quoted passages that "
    "answer a question. The quotations stay below. Questions that I can't answer "
    "are never sent."
)
_SENT: Final = Sentence(
    "If you turn it on, {host} receives each answered question, the one before it, "
    "and the quoted passages, but not the asker's name."
)
_SENT_TEN: Final = Sentence(
    "If you turn it on, {host} receives each answered question, the one before it, "
    "and the ten nearest passages, but not the asker's name."
)
_MESSAGES: Final = Sentence("This includes quoted messages from channels and chats.")
_NO_MESSAGES: Final = Sentence("Answers that quote messages from channels or chats aren't sent.")
_OTHER_HOST: Final = Sentence("⚠ The host has changed, so this is off until you turn it on again.")
OPTIONS: Final[Mapping[Phrasing, Sentence]] = {
    Phrasing.OFF: Sentence("No language model"),
    Phrasing.CHOOSE: Sentence("A model chooses sentences, shown word for word"),
    Phrasing.PHRASE: Sentence("A model writes sentences, checked against the quotes"),
}


def consent(
    host: str, language: Language, *, ten: bool, conversations: bool, other_host: bool
) -> str:
    """Return the explanation for administrators before they turn phrasing on.

    Args:
        host: the endpoint's host.
        language: the reader's language.
        ten: whether the ten nearest passages are sent.
        conversations: whether messages from channels and chats are sent.
        other_host: whether phrasing is already on, but for another host.
    """
    named = f"**{plain(host)}**"
    lines = [
        _WHAT(language, host=named),
        (_SENT_TEN if ten else _SENT)(language, host=named),
        (_MESSAGES if conversations else _NO_MESSAGES)(language),
    ]
    return "\n".join([*lines, *([_OTHER_HOST(language)] if other_host else [])])


# For members.

_ABOUT: Final[Mapping[Phrasing, Sentence]] = {
    Phrasing.CHOOSE: Sentence(
        "A language model at {host} picks sentences from my quotations, shown word for word."
    ),
    Phrasing.PHRASE: Sentence(
        "A language model at {host} rewrites my quotations as an answer; they stay below it."
    ),
}


def about(host: str, phrasing: Phrasing, language: Language) -> str:
    """Return the line for `/about`; empty if phrasing is off."""
    return _ABOUT[phrasing](language, host=plain(host)) if phrasing in _ABOUT else ""
