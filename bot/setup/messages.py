"""What the bot says of itself: what it is to do in a server, what it lacks, what it knows. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.text import languages
from bot.text.languages import Both, Counted, written
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.model.records import GuildSettings, Language

# As Discord's client calls them.


_REVIEWED: Final = Both(
    "Notes are reviewed in {channel}, by {role} and by administrators.",
    "Notizen werden in {channel} geprüft, von {role} und von der Administration.",
)
_DECIDE: Final = Both(
    "{needed}; `/review rule` asks for more by tag. Moderators decide {own}, can take a decision "
    "back for {minutes} minutes, and are {reminded}.",
    "{needed}; `/review rule` verlangt je nach Tag mehr. Die Moderation entscheidet {own}, kann "
    "eine Entscheidung {minutes} Minuten lang zurücknehmen und wird {reminded}.",
)
_OWN_NOT: Final = Both("not on their own", "nicht über eigene Notizen")
_OWN_TOO: Final = Both("on their own, too", "auch über eigene Notizen")
_REMINDED: Final = Both("reminded after {hours} hours", "nach {hours} Stunden erinnert")
_NEVER: Final = Both("never reminded", "nie erinnert")
_NEEDED: Final = Counted(
    Both("One approval publishes a note", "Eine Zustimmung veröffentlicht eine Notiz"),
    Both("A note needs {number} approvals", "Eine Notiz braucht {number} Zustimmungen"),
)
_ANSWERS_ASKER: Final = Both(
    "`/ask` answers the asker alone, unless they choose otherwise.",
    "`/ask` antwortet nur der Person, die fragt, wenn sie es nicht anders will.",
)
_ANSWERS_PUBLICLY: Final = Both(
    "`/ask` answers in public, unless they choose otherwise.",
    "`/ask` antwortet öffentlich, wenn die Frage nicht privat gestellt wird.",
)
_EVERYWHERE: Final = Both(
    "I answer mentions in every channel that I can read.",
    "Auf Erwähnungen antworte ich in jedem Kanal, den ich lesen kann.",
)
_ONLY_IN: Final = Both(
    "I answer mentions in {channels}, with their threads; elsewhere I stay silent, and `/ask` "
    "works.",
    "Auf Erwähnungen antworte ich in {channels}, mit ihren Threads; anderswo bleibe ich still, "
    "und `/ask` geht.",
)
_LANGUAGE: Final = Both(
    "My language here is {chosen}; what I say to one member alone is in that of their Discord, "
    "where I speak it.",
    "Meine Sprache hier ist {chosen}; was ich nur einem Mitglied sage, ist in der Sprache "
    "seines Discord, wenn ich sie spreche.",
)
_HANDS_ON: Final = Both(
    "Below a refusal, *Ask the moderators* posts the question there.",
    "Wo ich keine Antwort weiß, stellt *Die Moderation fragen* die Frage dort ein.",
)
_HOSTS: Final = Both(
    "Links to {hosts} are not flagged.", "Links zu {hosts} werden nicht angemerkt."
)
_LACKING: Final = Both(
    "I still lack permissions in {channel}: {names}. Grant me these there.",
    "Mir fehlen noch Rechte in {channel}: {names}. Gib sie mir dort.",
)
_NOTHING_LACKING: Final = Both(
    "I have every permission I need there.", "Dort habe ich jedes Recht, das ich brauche."
)


def set_up(
    mentions: tuple[str, str],
    missing: Sequence[str],
    settings: GuildSettings,
    quorum: int,
    language: Language = Language.ENGLISH,
) -> str:
    """To the administrator, when `/setup` is done.

    Args:
        mentions: the review channel and the moderator role.
        missing: the permissions that the bot lacks in that channel.
        settings: what was chosen, or is in force where nothing was.
        quorum: how many approvals a note needs.
        language: the administrator's.
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
    answers = _ANSWERS_ASKER if settings.private_answers else _ANSWERS_PUBLICLY
    listening = _ONLY_IN if settings.listen_channels else _EVERYWHERE
    how = (
        answers(language),
        listening(language, channels=_named(settings.listen_channels, language)),
        _LANGUAGE(language, chosen=languages.NAMES[settings.language]),
    )
    lines = [_REVIEWED(language, channel=channel, role=role), decide, " ".join(how)]
    if settings.hand_on:
        lines.append(_HANDS_ON(language))
    if settings.allowed_hosts:
        hosts = plain(shortened(" ".join(settings.allowed_hosts), 300))
        lines.append(_HOSTS(language, hosts=hosts))
    if missing:
        names = ", ".join(f"**{permission_name(name, language)}**" for name in missing)
        lines.append(_LACKING(language, channel=channel, names=names))
    else:
        lines.append(_NOTHING_LACKING(language))
    return "\n".join(lines)


_NO_CHANNEL: Final = Both(
    "{words} is no channel of this server that can be written in. Choose channels or categories "
    "by typing `#`, or `all`. Nothing was changed.",
    "{words} ist kein Kanal dieses Servers, in den man schreiben kann. Wähle Kanäle oder "
    "Kategorien, indem du `#` tippst, oder `all`. Nichts wurde geändert.",
)
_WORD: Final = Both("“{word}”", "„{word}“")


def _words(typed: Sequence[str], language: Language) -> str:
    """The first of the words that were typed, as they are named to whoever typed them."""
    return ", ".join(_WORD(language, word=plain(shortened(word, 50))) for word in typed[:5])


def no_channels(typed: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """To the administrator whose channels are none; nothing was changed."""
    return _NO_CHANNEL(language, words=_words(typed, language))


_NO_HOSTS: Final = Both(
    "{words} is no web host. Name hosts as in `example.org`, separated by blanks, or `none`. "
    "Nothing was changed.",
    "{words} ist kein Host im Web. Nenne Hosts wie `example.org`, getrennt durch Leerzeichen, oder "
    "`none`. Nichts wurde geändert.",
)


def no_hosts(typed: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """To the administrator whose web hosts are none; nothing was changed."""
    return _NO_HOSTS(language, words=_words(typed, language))


_CAN_NOT_ANSWER: Final = Both(
    "I can't answer in {channels}: grant me **View Channel**, **Send Messages** and **Read "
    "Message History** there.",
    "In {channels} kann ich nicht antworten: Gib mir dort **Kanal anzeigen**, **Nachrichten "
    "senden** und **Nachrichtenverlauf anzeigen**.",
)
_AND_MORE: Final = Both("{named} and {number} more", "{named} und {number} weiteren")


def can_not_answer(channel_ids: Sequence[int], language: Language = Language.ENGLISH) -> str:
    """To the administrator, of channels in which mentions are to be answered."""
    return _CAN_NOT_ANSWER(language, channels=_named(channel_ids, language))


def _named(channel_ids: Sequence[int], language: Language) -> str:
    """Channels as mentions; of many, the first ones."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    more = len(channel_ids) - 10
    return _AND_MORE(language, named=named, number=more) if more > 0 else named


SETUP_NEEDS_ADMIN: Final = Both(
    "Only somebody who may manage the server can run `/setup`.",
    "Nur wer den Server verwalten darf, kann `/setup` benutzen.",
)


_WHAT: Final = Both(
    "**Commonplace {version}** answers from what this community knows, in quotations.",
    "**Commonplace {version}** antwortet aus dem, was diese Gemeinschaft weiß, in Zitaten.",
)
_SIZE: Final = Both(
    "{documents} documents in {passages} passages; index generation {generation}; model {model}.",
    "{documents} Dokumente in {passages} Stellen; Generation {generation} des Index; Modell "
    "{model}.",
)
_HERE: Final = Both(
    "Here: {notes} live, {pending} waiting for review, {questions} asked.",
    "Hier: {notes} veröffentlicht, {pending} noch zu prüfen, {questions} gestellt.",
)
_HOW: Final = Both(
    "Ask with `/ask`, add what you know with `/note add`.",
    "Frag mit `/ask`, und trag mit `/note add` bei, was du weißt.",
)
NOTES: Final = Counted(
    Both("{number} note", "{number} Notiz"), Both("{number} notes", "{number} Notizen")
)
QUESTIONS: Final = Counted(
    Both("{number} question", "{number} Frage"), Both("{number} questions", "{number} Fragen")
)


def about(
    version: str,
    counts: Mapping[str, int],
    model: str,
    language: Language = Language.ENGLISH,
) -> str:
    """What this is and how much it knows."""
    numbers = {name: written(number, language) for name, number in counts.items()}
    lines = [
        _WHAT(language, version=version),
        _SIZE(language, model=plain(model), **numbers),
    ]
    if "live" in counts:
        notes = NOTES(counts["live"], language)
        questions = QUESTIONS(counts["questions"], language)
        pending = numbers["pending"]
        lines.append(_HERE(language, notes=notes, pending=pending, questions=questions))
    lines.append(_HOW(language))
    return "\n".join(lines)
