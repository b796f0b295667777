"""What the bot says of sources in Discord, in English and German: `/source`, and how reading goes.

Pure. A reason why something can't be read is kept in English, and continues a sentence about it;
that of a file or a page is also said so.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.sources.channels import ChannelReport
from bot.text.custom_ids import NUMBER
from bot.text.languages import Sentence, written
from bot.text.markdown import MESSAGE_CHARACTERS, Page, beginning, plain, shortened, size
from bot.text.permission_names import PERMISSION_NAMES, permission_name
from knowledge.channels.sync_state import SyncStage
from knowledge.corpus import SourceState
from knowledge.model.guilds import Language
from knowledge.store.synced_channels import SyncedContent

SOURCE_BUTTON: Final = rf"sources:(?P<page>{NUMBER})"
FAILURES_SHOWN: Final = 3
# Read one after the other; so many are read within a day, however full they are.
MOST_CHANNELS: Final = 50
MOST_ADDRESSES: Final = 50
_LINE_CHARACTERS: Final = 200
# Room for the heading, whatever the page's number.
_PAGE_CHARACTERS: Final = MESSAGE_CHARACTERS - 200

# Why a channel can't be read. It is kept in English and said in either language.
_GONE: Final = Sentence("is gone from Discord; what was read of it is quoted no more")
_SWITCHED_OFF: Final = Sentence(
    "is not read: `sources.channels` is off in config.toml; what was read of it is quoted no more"
)
_LOST: Final = Sentence(
    "can't be read: the bot lacks {names} there; what was read of it is quoted no more"
)
_UNANSWERED: Final = Sentence("waits: Discord answered with {status}; reading goes on by itself")
_UNREACHED: Final = Sentence("waits: Discord could not be reached; reading goes on by itself")
GONE: Final = _GONE.english
SWITCHED_OFF: Final = _SWITCHED_OFF.english
_REASONS: Final = (_GONE, _SWITCHED_OFF, _LOST, _UNANSWERED, _UNREACHED)


_SENTENCES: Final[Mapping[str, Sentence]] = {
    "needs_admin": Sentence("Only somebody who may manage the server can change its sources."),
    "off": Sentence(
        "I don't read channels here: whoever runs me has to turn on *Message Content Intent* on "
        "the Bot page of Discord's developer portal, set `sources.channels = true` in config.toml "
        "and start me again."
    ),
    "which": Sentence(
        "Name a channel or an address: `/source add channel:#help` or `/source add address:https://…`."
    ),
    "not_readable": Sentence(
        "{channel} can't be a source: I read forums, announcement channels, and the pinned "
        "messages of text channels."
    ),
    "lacking": Sentence(
        "I lack permissions in {channel}: {permissions}. Grant me these there, then try again."
    ),
    "known": Sentence("{channel} is a source already: `/source list` says how it stands."),
    "too_many": Sentence(
        "There are {most} channels among the sources already, the most that I read in one server. "
        "Remove one first."
    ),
    "begun_threads": Sentence(
        "I begin to read {channel}: its threads, of which those become documents that answer "
        "something."
    ),
    "begun_posts": Sentence("I begin to read {channel}: each announcement becomes a document."),
    "begun_pins": Sentence("I begin to read {channel}: each pinned message becomes a document."),
    "address_refused": Sentence("This can't be a source: {problem}"),
    "address_waits": Sentence(
        "{address} is a source of this server now. Sources are being visited at the moment; its "
        "turn comes later."
    ),
    "address_known": Sentence("{address} is a source already."),
    "address_added": Sentence(
        "{address} is a source of this server now. I'm visiting it, a page a second."
    ),
    "removed": Sentence(
        "{source} is a source no more. What was read from it is answered from no more."
    ),
    "unknown": Sentence("That is no source of this server: choose one of those that are offered."),
    "syncing": Sentence(
        "I read everything of this server's sources once more. `/source list` says how far I am."
    ),
    "earlier": Sentence("Previous"),
    "later": Sentence("Next"),
    "none": Sentence(
        "There is no source yet. `/source add` takes a channel or an address of the web."
    ),
    "heading": Sentence("**Sources of this server**"),
    "listing": Sentence("Reading {channel}: listing its threads, {threads} so far."),
    "reading": Sentence("Reading {channel}: {done} of {threads} threads, {messages} so far."),
    "reading_posts": Sentence("Reading {channel}: {messages} so far."),
    "done": Sentence(
        "{channel} is read: {documents} from {messages}. I follow what is written, edited and "
        "deleted there."
    ),
    "done_pins": Sentence(
        "{channel} is read: {documents} from {messages}. I follow what is pinned, edited and "
        "deleted there."
    ),
    "no_pins": Sentence(
        "{channel} is read: no pinned message there to answer from yet. What is pinned becomes a "
        "document by itself."
    ),
    "unread": Sentence("⚠ Not read: {number}. `/source list` says which, and why."),
    "failed": Sentence("⚠ {channel} {reason}."),
    "more": Sentence("… and {number} more."),
    "shared": Sentence("for every server"),
    "when": Sentence("read {when}"),
    "never": Sentence("not read yet"),
}

# What numbers of these are called, one and several.
_NOUNS: Final[Mapping[str, tuple[Sentence, Sentence]]] = {
    "documents": (Sentence("document"), Sentence("documents")),
    "messages": (Sentence("message"), Sentence("messages")),
}

READS: Final[Mapping[SyncedContent, Sentence]] = {
    SyncedContent.THREADS: Sentence("threads"),
    SyncedContent.POSTS: Sentence("announcements"),
    SyncedContent.PINS: Sentence("pinned messages"),
}


def say(language: Language, sentence: str, **values: object) -> str:
    """A sentence in a language; numbers get their separators, and what is counted its noun."""
    told = {
        key: _counted(language, key, value) if isinstance(value, int) else value
        for key, value in values.items()
    }
    return _SENTENCES[sentence](language, **told)


def _counted(language: Language, what: str, number: int) -> str:
    if what not in _NOUNS:
        return written(number, language)
    one, several = _NOUNS[what]
    return f"{written(number, language)} {(one if number == 1 else several)(language)}"


def lacks(language: Language, channel: str, permissions: Sequence[str]) -> str:
    """To an administrator, where the bot may not read a channel."""
    names = ", ".join(f"**{permission_name(name, language)}**" for name in permissions)
    return say(language, "lacking", channel=channel, permissions=names)


def lost(permissions: Sequence[str]) -> str:
    """Why a channel can't be read any more, as it is kept."""
    names = " and ".join(permission_name(name, Language.ENGLISH) for name in permissions)
    return _LOST(Language.ENGLISH, names=names)


def unanswered(status: int) -> str:
    """Why reading does not get on for now, as it is kept."""
    sentence = _UNANSWERED if status else _UNREACHED
    return sentence(Language.ENGLISH, status=status)


def reason_in(language: Language, reason: str) -> str:
    """Why a channel can't be read, as it is kept, in a language; in English if it is no such."""
    for known in _REASONS:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(known.english))
        if found := re.fullmatch(pattern, reason):
            names = found.groupdict()
            if "names" in names:
                names["names"] = _permissions_in(language, names["names"])
            return known(language, **names)
    return reason


def _permissions_in(language: Language, names: str) -> str:
    kept = {both.english: both for both in PERMISSION_NAMES.values()}
    said = [kept[name](language) if name in kept else name for name in names.split(" and ")]
    return _AND(language).join(said)


_AND: Final = Sentence(" and ")


def begun(language: Language, channel_id: int, reads: SyncedContent) -> str:
    """That reading begins."""
    return say(language, f"begun_{reads.value}", channel=f"<#{channel_id}>")


def progress(language: Language, report: ChannelReport) -> str:
    """How far reading a channel is, or what came of it."""
    channel, counts = report.channel, report.counts
    place = f"<#{channel.id}>"
    if channel.reason:
        return say(language, "failed", channel=place, reason=reason_in(language, channel.reason))
    values = {
        "channel": place,
        "threads": counts.threads,
        "done": counts.threads - counts.unread,
        "messages": counts.messages,
        "documents": counts.documents,
    }
    if not channel.is_busy:
        done = [say(language, _done(channel.reads, counts.messages), **values)]
        if report.failures:
            # Threads are not named: whoever sees this may not read the channel that they are in.
            done.append(say(language, "unread", number=len(report.failures)))
        return "\n".join(done)
    if channel.reads is not SyncedContent.THREADS:
        return say(language, "reading_posts", **values)
    listing = channel.stage in (SyncStage.ACTIVE, SyncStage.ARCHIVED)
    return say(language, "listing" if listing else "reading", **values)


def _done(reads: SyncedContent, messages: int) -> str:
    """Which sentence says that a channel is read."""
    if reads is not SyncedContent.PINS:
        return "done"
    return "done_pins" if messages else "no_pins"


def _failures(language: Language, failures: Sequence[tuple[str, str]]) -> list[str]:
    shown = [
        f"> ⚠ {plain(shortened(what, 80))} {plain(shortened(reason, _LINE_CHARACTERS))}"
        for what, reason in failures[:FAILURES_SHOWN]
    ]
    left = len(failures) - FAILURES_SHOWN
    return [*shown, f"> {say(language, 'more', number=left)}"] if left > 0 else shown


def sources(
    language: Language,
    channels: Sequence[ChannelReport],
    others: Sequence[SourceState],
    number: int,
) -> Page:
    """A page of the sources that a server is answered from."""
    entries = [
        *(_channel_entry(language, each) for each in channels),
        *(_other_entry(language, each) for each in others),
    ]
    if not entries:
        return Page(say(language, "none"), 0, 1)
    pages = _pages(entries)
    number = min(number, len(pages) - 1)
    heading = say(language, "heading")
    if len(pages) > 1:
        heading += f" · {number + 1}/{len(pages)}"
    return Page(f"{heading}\n{pages[number]}", number, len(pages))


def source_name(language: Language, report: ChannelReport) -> str:
    """What a channel is called among the sources to choose from."""
    channel = report.channel
    return f"#{channel.name or channel.id} ({READS[channel.reads](language)})"


def came_of(language: Language, state: SourceState) -> str:
    """What came of a source on the web."""
    return _other_entry(language, state)


def _pages(entries: Sequence[str]) -> list[str]:
    """Entries together on pages, as many as fit."""
    pages: list[str] = []
    for entry in entries:
        if pages and size(pages[-1]) + 1 + size(entry) <= _PAGE_CHARACTERS:
            pages[-1] += f"\n{entry}"
        else:
            pages.append(beginning(entry, _PAGE_CHARACTERS))
    return pages


def _channel_entry(language: Language, report: ChannelReport) -> str:
    channel, counts = report.channel, report.counts
    parts = [
        f"<#{channel.id}> ({READS[channel.reads](language)})",
        _counted(language, "documents", counts.documents),
        say(language, "when", when=f"<t:{int(channel.synced_at.timestamp())}:R>")
        if channel.synced_at
        else say(language, "never"),
    ]
    lines = [" · ".join(parts)]
    if channel.is_busy or channel.reason:
        lines.append(f"> {progress(language, report)}")
    return "\n".join([*lines, *_failures(language, report.failures)])


def _other_entry(language: Language, state: SourceState) -> str:
    parts = [
        # A folder's whole path is the operator's own business.
        plain(shortened(_last_part(state.location), _LINE_CHARACTERS)),
        _counted(language, "documents", state.documents),
        say(language, "when", when=f"<t:{int(state.read_at.timestamp())}:R>")
        if state.read_at
        else say(language, "never"),
    ]
    if not state.scope:
        parts.append(say(language, "shared"))
    failures = [(_last_part(each.source), each.reason) for each in state.failures]
    return "\n".join([" · ".join(parts), *_failures(language, failures)])


def _last_part(location: str) -> str:
    if location.startswith(("http://", "https://")):
        return location
    return location.rstrip("/").rsplit("/", 1)[-1]
