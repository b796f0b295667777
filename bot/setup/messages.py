"""Messages of `/about`, of arriving in a server and of trying the bot there. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened
from knowledge.values.guilds import Language

_WORD: Final = Sentence("“{word}”")


def _words(typed: Sequence[str], language: Language) -> str:
    """The first of the words that were typed, as they are named to whoever typed them."""
    return ", ".join(_WORD(language, word=plain(shortened(word, 50))) for word in typed[:5])


_NO_HOSTS: Final = Sentence(
    "{words} is no web host. Name hosts as in `example.org`, separated by blanks. "
    "Nothing was changed."
)


def no_hosts(typed: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """To the administrator whose web hosts are none; nothing was changed."""
    return _NO_HOSTS(language, words=_words(typed, language))


_WHAT: Final = Sentence(
    "**Commonplace {version}** answers from what this community knows, in quotations."
)
_SIZE: Final = Sentence(
    "{documents:,} documents in {passages:,} passages; index generation {generation:,}; "
    "model {model}."
)
_CHANGED: Final = Sentence("The index changed {when}.")
_HERE: Final = Sentence("Here: {notes} live, {pending:,} waiting for review, {questions} asked.")
_HOW: Final = Sentence("Ask with `/ask`, add what you know with `/note add`.")
NOTES: Final = Plural("{number:,} note", "{number:,} notes")
QUESTIONS: Final = Plural("{number:,} question", "{number:,} questions")


def about(
    version: str,
    counts: Mapping[str, int],
    model: str,
    changed_at: datetime | None,
    language: Language = Language.ENGLISH,
    phrasing: str = "",
) -> str:
    """What the bot is and knows; the index `changed_at` last, None where that is not known.

    `phrasing` is what is said of a language model, where one is asked.
    """
    lines = [
        _WHAT(language, version=version),
        _SIZE(language, model=plain(model), **counts),
    ]
    if changed_at is not None:
        lines.append(_CHANGED(language, when=f"<t:{int(changed_at.timestamp())}:R>"))
    if "live" in counts:
        notes = NOTES(counts["live"], language)
        questions = QUESTIONS(counts["questions"], language)
        pending = counts["pending"]
        lines.append(_HERE(language, notes=notes, pending=pending, questions=questions))
    lines += [*filter(None, [phrasing]), _HOW(language)]
    return "\n".join(lines)


# Trying it.

TRY: Final = Sentence("Ask me something, as a member would. I show you alone how I would answer.")
_LEFT: Final = Sentence("Not done yet: {steps}.")
_READY: Final = Sentence("✓ Everything is set up. `/setup` brings you back here at any time.")


def trial(left: Sequence[str], language: Language) -> str:
    """The last step; `left` are the titles of steps to be done still."""
    state = _LEFT(language, steps=", ".join(left)) if left else _READY(language)
    return f"{TRY(language)}\n{state}"


QUESTION_FIELD: Final = Sentence("Your question")
EXAMPLE: Final = Sentence("Why were early AI systems closed?")
_NEXT: Final = Sentence("**What next?**")
_NEXT_NOTE: Final = Sentence(
    "- `/note add`: write down what is asked again and again here. The card comes to {channel}."
)
_NEXT_ASK: Final = Sentence(
    "- Ask in a channel with `/ask`, or mention me: so do your members from now on."
)
_NEXT_HELP: Final = Sentence(
    "- Ask something new in {channels}: I answer it by myself, if I'm sure."
)
_NEXT_SOURCE: Final = Sentence("- `/source add`: let me read a forum or your website, too.")
_NEXT_MORE: Final = Sentence(
    "- `/channel set`, `/digest set`, `/limits set` and `/review rule` go further, if you like."
)
_NEXT_STEPS: Final = Sentence("- `/setup`: still to be done are {steps}.")


def next_steps(
    review_channel_id: int | None,
    left: Sequence[str],
    *,
    helped: Sequence[int],
    sources: bool,
    language: Language,
) -> str:
    """What an administrator may do next who has seen an answer.

    `left` are the titles of steps to be done still, `helped` the channels with help, and `sources`
    whether there are any.
    """
    lines = [_NEXT(language)]
    if left:
        lines.append(_NEXT_STEPS(language, steps=", ".join(left)))
    lines.append(_NEXT_ASK(language))
    if helped:
        lines.append(
            _NEXT_HELP(
                language, channels=", ".join(f"<#{channel_id}>" for channel_id in helped[:10])
            )
        )
    if review_channel_id is not None and not left:
        lines.append(_NEXT_NOTE(language, channel=f"<#{review_channel_id}>"))
    if not sources:
        lines.append(_NEXT_SOURCE(language))
    lines.append(_NEXT_MORE(language))
    return "\n".join(lines)


# Arriving.

ARRIVED: Final = Sentence(
    "**Hello! I answer questions from what this server knows**, in quotations with their source, "
    "and I say so when I don't know. `/ask` works already.\n"
    "The next step is for whoever manages this server: *Set up* says who decides on what members "
    "add, and where I answer. It takes two minutes."
)
_ARRIVED_DIRECTLY: Final = Sentence(
    "Hello! I'm in **{server}** now, and there is no channel in which I could say so. The next "
    "step is to set me up: type `/setup` there. It takes two minutes."
)


def arrived_directly(server: str, language: Language) -> str:
    return _ARRIVED_DIRECTLY(language, server=plain(server))


RETURNED: Final = Sentence(
    "**I'm here again**, and everything is as it was. *Set up* shows what is set, and changes it."
)
TO_THE_SERVER: Final = Sentence("Open the server")
