"""Messages of `/setup` and `/about`: what is chosen, missing and known. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.text import languages
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.model.guilds import GuildSettings, Language

# As Discord's client calls them.


_REVIEWED: Final = Sentence("Notes are reviewed in {channel}, by {role} and by administrators.")
_DECIDE: Final = Sentence(
    "{needed}; `/review rule` asks for more by tag. Moderators decide {own}, can take a decision "
    "back for {minutes} minutes, and are {reminded}."
)
_OWN_NOT: Final = Sentence("not on their own")
_OWN_TOO: Final = Sentence("on their own, too")
_REMINDED: Final = Sentence("reminded after {hours} hours")
_NEVER: Final = Sentence("never reminded")
_NEEDED: Final = Plural("One approval publishes a note", "A note needs {number:,} approvals")
_ANSWERS_ASKER: Final = Sentence("`/ask` answers the asker alone, unless they choose otherwise.")
_ANSWERS_PUBLICLY: Final = Sentence("`/ask` answers in public, unless they choose otherwise.")
_EVERYWHERE: Final = Sentence("I answer mentions in every channel that I can read.")
_ONLY_IN: Final = Sentence(
    "I answer mentions in {channels}, with their threads; elsewhere I stay silent, and `/ask` "
    "works."
)
_LANGUAGE: Final = Sentence(
    "My language here is {chosen}; what I say to one member alone is in that of their Discord, "
    "where I speak it."
)
_HANDS_ON: Final = Sentence(
    "Below a refusal, *Ask the moderators* hands the question over to {helpers}, in {channel}."
)
_HELPERS: Final = Sentence("{role} and the moderators")
_THE_MODERATORS: Final = Sentence("the moderators")
_READ_BY_OTHERS: Final = Sentence(
    "Others than helpers and moderators can read {channel}: what was asked privately, or in a "
    "channel that not all of them read, is not posted there."
)
_HOSTS: Final = Sentence("Links to {hosts} are not flagged.")
_LACKING: Final = Sentence("I still lack permissions in {channel}: {names}. Grant me these there.")
_NOTHING_LACKING: Final = Sentence("I have every permission I need there.")


def set_up(
    mentions: tuple[str, str],
    missing: Sequence[str],
    settings: GuildSettings,
    quorum: int,
    language: Language = Language.ENGLISH,
) -> str:
    """To the administrator, when `/setup` is done.

    `mentions` are of the review channel and the moderator role, `missing` the permissions that the
    bot lacks in that channel, `quorum` how many approvals a note needs.
    """
    channel, role = mentions
    hours = settings.reminder_hours
    decide = _DECIDE(
        language,
        needed=_NEEDED(quorum, language),
        own=(_OWN_NOT if settings.four_eyes else _OWN_TOO)(language),
        minutes=settings.undo_minutes,
        reminded=(_REMINDED if hours else _NEVER)(language, hours=hours),
    )
    reviewed = _REVIEWED(language, channel=channel, role=role)
    lines = [reviewed, decide, _answering(settings, language)]
    if settings.hand_on:
        lines.append(_handing_over(settings, language))
    if settings.allowed_hosts:
        hosts = plain(shortened(" ".join(settings.allowed_hosts), 300))
        lines.append(_HOSTS(language, hosts=hosts))
    if missing:
        names = ", ".join(f"**{permission_name(name, language)}**" for name in missing)
        lines.append(_LACKING(language, channel=channel, names=names))
    else:
        lines.append(_NOTHING_LACKING(language))
    return "\n".join(lines)


def _handing_over(settings: GuildSettings, language: Language) -> str:
    helpers = (
        _HELPERS(language, role=f"<@&{settings.helper_role_id}>")
        if settings.helper_role_id
        else _THE_MODERATORS(language)
    )
    place = settings.handover_channel_id or settings.review_channel_id
    return _HANDS_ON(language, helpers=helpers, channel=f"<#{place}>")


def read_by_others(channel_id: int, language: Language = Language.ENGLISH) -> str:
    """To the administrator, of where questions are handed over."""
    return _READ_BY_OTHERS(language, channel=f"<#{channel_id}>")


def _answering(settings: GuildSettings, language: Language) -> str:
    """Where and in which language questions are answered, and who sees that."""
    answers = _ANSWERS_ASKER if settings.private_answers else _ANSWERS_PUBLICLY
    listening = _ONLY_IN if settings.listen_channels else _EVERYWHERE
    sentences = (
        answers(language),
        listening(language, channels=_named(settings.listen_channels, language)),
        _LANGUAGE(language, chosen=languages.NAMES[settings.language]),
    )
    return " ".join(sentences)


_NO_CHANNEL: Final = Sentence(
    "{words} is no channel of this server that can be written in. Choose channels or categories "
    "by typing `#`, or `all`. Nothing was changed."
)
_WORD: Final = Sentence("“{word}”")


def _words(typed: Sequence[str], language: Language) -> str:
    """The first of the words that were typed, as they are named to whoever typed them."""
    return ", ".join(_WORD(language, word=plain(shortened(word, 50))) for word in typed[:5])


def no_channels(typed: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """To the administrator whose channels are none; nothing was changed."""
    return _NO_CHANNEL(language, words=_words(typed, language))


_NO_HOSTS: Final = Sentence(
    "{words} is no web host. Name hosts as in `example.org`, separated by blanks, or `none`. "
    "Nothing was changed."
)


def no_hosts(typed: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """To the administrator whose web hosts are none; nothing was changed."""
    return _NO_HOSTS(language, words=_words(typed, language))


_CAN_NOT_ANSWER: Final = Sentence(
    "I can't answer in {channels}: grant me **View Channel**, **Send Messages** and **Read "
    "Message History** there."
)
_AND_MORE: Final = Sentence("{named} and {number} more")


def can_not_answer(channel_ids: Sequence[int], language: Language = Language.ENGLISH) -> str:
    """To the administrator, of channels in which mentions are to be answered."""
    return _CAN_NOT_ANSWER(language, channels=_named(channel_ids, language))


def _named(channel_ids: Sequence[int], language: Language) -> str:
    """Channels as mentions; of many, the first ones."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    more = len(channel_ids) - 10
    return _AND_MORE(language, named=named, number=more) if more > 0 else named


SETUP_NEEDS_ADMIN: Final = Sentence("Only somebody who may manage the server can run `/setup`.")


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
) -> str:
    """What the bot is and knows; the index `changed_at` last, None where that is not known."""
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
    lines.append(_HOW(language))
    return "\n".join(lines)
