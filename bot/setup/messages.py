"""Messages of the greeting, of the trial question and of the forms of `/setup`. Pure."""

from collections.abc import Sequence
from typing import Final

from bot.text.languages import COMMAND_FOR_LANGUAGES, Sentence, language_name, languages_read, speak
from bot.text.markdown import plain, shorten
from knowledge.values.guilds import Language

_WORD: Final = Sentence("“{word}”")


_NO_HOSTS: Final = Sentence(
    "Nothing changed: {words} isn't a web host. Write hosts like `example.org`, with spaces "
    "between them."
)


def no_hosts(typed: Sequence[str]) -> str:
    """Say that nothing was changed, because some words aren't web hosts."""
    words = ", ".join(_WORD(word=plain(shorten(word, 50))) for word in typed[:5])
    return _NO_HOSTS(words=words)


_READ: Final = Sentence("-# My search model reads {names}.")
_NOT_READ: Final = Sentence(
    "⚠ My search model reads {names}, but not {name}. I'll look for a question's exact words, and "
    "miss other wordings."
)
_COMMAND: Final = Sentence("Ask the bot's operator to run `{command}`.")


def model_reads(chosen: Language, model_languages: Sequence[str]) -> str:
    """Say which languages the serving model reads, and how to get a model for the chosen one.

    The text is empty if the `model_languages` are unknown.
    """
    name = language_name(chosen.value)
    names = languages_read(model_languages)
    if chosen.value in model_languages or not model_languages:
        return _READ(names=names) if names else ""
    remedy = _COMMAND(command=COMMAND_FOR_LANGUAGES)
    return f"{_NOT_READ(names=names, name=name)} {remedy}"


TRY: Final = Sentence("Ask a question as a member would. Only you will see my answer.")
_LEFT: Final = Sentence("Still to do: {steps}.")
_NO_SOURCES: Final = Sentence(
    "**Next: add your documents.** Without sources, I answer only from approved notes and, if they "
    "are on, from the bundled articles."
)
_READY: Final = Sentence("✓ Everything is set up. `/setup` opens this again.")


def trial(unfinished: Sequence[str], *, sources: bool) -> str:
    """Introduce the trial question, the last step of the panel, and name `unfinished` steps.

    `sources` means that the guild has sources.
    """
    state = _READY() if sources else _NO_SOURCES()
    if unfinished:
        state = _LEFT(steps=", ".join(unfinished))
    return f"{TRY()}\n{state}"


QUESTION_FIELD: Final = Sentence("Your question")
EXAMPLE: Final = Sentence("Why were early AI systems closed?")
_NEXT: Final = Sentence("**What next?**")


def next_steps(
    review_channel_id: int | None,
    unfinished: Sequence[str],
    *,
    helped: Sequence[int],
    sources: bool,
) -> str:
    """Suggest next steps after a trial question.

    `unfinished` has the titles of steps, and `helped` the channels where the bot answers questions
    that don't mention it.
    """
    lines = [_NEXT()]
    if unfinished:
        lines.append(speak("- `/setup`: still to do: {steps}.", steps=", ".join(unfinished)))
    if not sources:
        lines.append(speak("- `/source add`: let me read a forum or your website."))
    lines.append(speak("- `/ask`: your members can use this now or mention me in a channel."))
    if helped:
        lines.append(
            speak(
                "- Ask in {channels} without mentioning me: I'll answer if I'm sure.",
                channels=", ".join(f"<#{channel_id}>" for channel_id in helped[:10]),
            )
        )
    if review_channel_id is not None and not unfinished:
        lines.append(
            speak(
                "- `/note add`: answer a frequent question. Its card will appear in {channel}.",
                channel=f"<#{review_channel_id}>",
            )
        )
    lines.append(
        speak(
            "- `/setup` also has settings of channels, digests and limits; `/review` has rules by "
            "tag."
        )
    )
    return "\n".join(lines)


ARRIVED: Final = Sentence(
    "**Hello! I answer questions from this server's knowledge**, with quotations and their "
    "sources. If I don't know, I say so. Ask with `/ask`.\nAdministrators choose my moderators, "
    "my sources and the channels where I answer with *Set up*. It takes two minutes."
)
_ARRIVED_DIRECTLY: Final = Sentence(
    "Hello! I've joined **{server}**, but I can't write in any channel there. To set me up, "
    "type `/setup` there. It takes two minutes."
)


def direct_arrival(server: str) -> str:
    return _ARRIVED_DIRECTLY(server=plain(server))


RETURNED: Final = Sentence(
    "**I'm back**, with the same settings as before. Press *Set up* to see or change them."
)
TO_THE_SERVER: Final = Sentence("Open the server")
