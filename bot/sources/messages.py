"""Messages of `/source`: what is read, how far that is, and why something can't be. Pure.

Why a file or a page can't be read is said in English by what reads it, and shown as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.bundled_articles import Standing
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.service import MOST_SITES, Added, ArticlesReport
from bot.text.languages import Plural, Sentence
from bot.text.markdown import MESSAGE_CHARACTERS, beginning, plain, shortened, size
from bot.text.paging import Page
from bot.text.permission_names import permission_name
from knowledge.channels.sync_state import (
    ArchivedChannel,
    ChannelProblem,
    Counts,
    ProblemCode,
    SyncStage,
)
from knowledge.corpus import SourceState
from knowledge.values.guilds import Language
from knowledge.values.source_locations import PAGES, address_of, crawl_at, is_web, repository_at
from knowledge.values.synced_channels import SyncedContent

FAILURES_SHOWN: Final = 3
# Read one after the other; so many are read within a day, however full they are.
MOST_CHANNELS: Final = 50
_LINE_CHARACTERS: Final = 200
# As much of a commit's id as people read.
_COMMIT_CHARACTERS: Final = 10
# Room for the heading, whatever the page's number.
_PAGE_CHARACTERS: Final = MESSAGE_CHARACTERS - 200

# Each continues a sentence about a channel.
_PROBLEMS: Final[Mapping[ProblemCode, Sentence]] = {
    ProblemCode.GONE: Sentence("is gone from Discord; what I read there is no longer quoted"),
    ProblemCode.SWITCHED_OFF: Sentence(
        "is not read: `sources.channels` is off in config.toml; what I read there is no longer "
        "quoted"
    ),
    ProblemCode.LACKS_PERMISSIONS: Sentence(
        "can't be read: the bot lacks {permissions} there; what I read there before is no longer "
        "quoted"
    ),
    ProblemCode.ANSWERED: Sentence(
        "waits: Discord answered with {status}; reading goes on by itself"
    ),
    ProblemCode.UNREACHED: Sentence(
        "waits: Discord could not be reached; reading goes on by itself"
    ),
}

OFF: Final = Sentence(
    "I don't read channels here: whoever runs me has to turn on *Message Content Intent* on "
    "the Bot page of Discord's developer portal, set `sources.channels = true` in config.toml "
    "and start me again."
)
WHICH: Final = Sentence(
    "Name a channel or an address: `/source add channel:#help` or `/source add address:https://…`."
)
NOT_READABLE: Final = Sentence(
    "{channel} can't be a source: I read forums, announcement channels, and the pinned "
    "messages of text channels."
)
_LACKING: Final = Sentence(
    "I lack permissions in {channel}: {permissions}. Grant me these there, then try again."
)
KNOWN: Final = Sentence("{channel} is a source already: `/source list` shows how far it is.")
TOO_MANY: Final = Sentence(
    "I already read {most:,} channels here, and that is the limit for one server. Remove one first."
)
ADDRESS_REFUSED: Final = Sentence("This can't be a source: {problem}")
ADDRESS_WAITS: Final = Sentence(
    "{address} is a source of this server now. Sources are being visited at the moment; its "
    "turn comes later."
)
ADDRESS_KNOWN: Final = Sentence("{address} is a source already.")
ADDRESS_ADDED: Final = Sentence(
    "{address} is a source of this server now. I'm visiting it, a page a second."
)
_SITE_ADDED: Final = Sentence(
    "{address} is a source of this server now, with the pages below it. I'm visiting them, a page "
    "a second, up to {most:,}."
)
_REPOSITORY_ADDED: Final = Sentence(
    "{address} is a Git repository, and a source of this server now. I'm reading its files, and "
    "follow what is committed."
)
_TOO_MANY_SITES: Final = Sentence(
    "I already crawl or follow {most:,} sites and repositories here, and that is the limit for one "
    "server. Remove one first."
)
_WITHOUT_GIT: Final = Sentence(
    "{address} is a Git repository, which I can't read: whoever runs me has to install "
    "`commonplace[git]` and start me again."
)
_ADDED: Final[Mapping[Added, Sentence]] = {
    Added.PAGE: ADDRESS_ADDED,
    Added.SITE: _SITE_ADDED,
    Added.REPOSITORY: _REPOSITORY_ADDED,
    Added.KNOWN: ADDRESS_KNOWN,
    Added.TOO_MANY: _TOO_MANY_SITES,
    Added.WITHOUT_GIT: _WITHOUT_GIT,
}
REMOVED: Final = Sentence("{source} is no longer a source: I don't answer from it any more.")
UNKNOWN: Final = Sentence("That is no source of this server: choose one of those that are offered.")
SYNCING: Final = Sentence(
    "I'm reading all sources of this server again. `/source list` shows how far I am."
)
ARTICLES_NAME: Final = Sentence("The bundled articles on open-source AI")
_STANDINGS: Final[Mapping[Standing, Sentence]] = {
    Standing.OFF: Sentence('not quoted: `articles.bundled` is "never" in config.toml'),
    Standing.ENDED: Sentence(
        "not quoted in this server; `/source add address:articles` brings them back"
    ),
    Standing.BESIDE: Sentence("quoted beside everything else"),
    Standing.ALONE: Sentence("quoted until there is a source or a note to answer from"),
    Standing.GUEST: Sentence("quoted only where nothing else is near"),
}
NO_SOURCE: Final = Sentence(
    "There is no source yet. `/source add` takes a channel or an address of the web."
)
_HEADING: Final = Sentence("**Sources of this server**")
_LISTING: Final = Sentence("Reading {channel}: listing its threads, {threads:,} so far.")
_READING: Final = Sentence("Reading {channel}: {done:,} of {threads:,} threads, {messages} so far.")
_READING_POSTS: Final = Sentence("Reading {channel}: {messages} so far.")
_DONE: Final = Sentence(
    "{channel} is read: {documents} from {messages}. I follow what is written, edited and "
    "deleted there."
)
_DONE_PINS: Final = Sentence(
    "{channel} is read: {documents} from {messages}. I follow what is pinned, edited and "
    "deleted there."
)
_NO_PINS: Final = Sentence(
    "{channel} is read: no pinned message there to answer from yet. What is pinned becomes a "
    "document by itself."
)
_UNREAD: Final = Sentence("⚠ Not read: {number:,}. `/source list` says which, and why.")
_UNREADABLE: Final = Sentence("⚠ {channel} {reason}.")
_SHARED: Final = Sentence("for every server")
_WHEN: Final = Sentence("read {when}")
_NEVER: Final = Sentence("not read yet")
_CRAWLED: Final = Sentence("crawled")
_COMMIT: Final = Sentence("commit {commit}")
_MORE: Final = Sentence("… and {number:,} more.")
_BEGUN: Final[Mapping[SyncedContent, Sentence]] = {
    SyncedContent.THREADS: Sentence(
        "I begin to read {channel}: its threads, of which those become documents that answer "
        "something."
    ),
    SyncedContent.POSTS: Sentence(
        "I begin to read {channel}: each announcement becomes a document."
    ),
    SyncedContent.PINS: Sentence(
        "I begin to read {channel}: each pinned message becomes a document."
    ),
}
_DOCUMENTS: Final = Plural("{number:,} document", "{number:,} documents")
_MESSAGES: Final = Plural("{number:,} message", "{number:,} messages")

READS: Final[Mapping[SyncedContent, Sentence]] = {
    SyncedContent.THREADS: Sentence("threads"),
    SyncedContent.POSTS: Sentence("announcements"),
    SyncedContent.PINS: Sentence("pinned messages"),
}


def added(language: Language, what: Added, address: str) -> str:
    """What became of an address that an administrator named."""
    most = MOST_SITES if what is Added.TOO_MANY else PAGES
    return _ADDED[what](language, address=address, most=most)


def is_visited_now(what: Added) -> bool:
    return what in (Added.PAGE, Added.SITE, Added.REPOSITORY)


def lacks(language: Language, channel: str, permissions: Sequence[str]) -> str:
    names = ", ".join(f"**{permission_name(name, language)}**" for name in permissions)
    return _LACKING(language, channel=channel, permissions=names)


_AND: Final = Sentence(" and ")


def problem(why: ChannelProblem, language: Language) -> str:
    """Why a channel can't be read; it continues a sentence about the channel."""
    if why.code is ProblemCode.OTHER:
        return str(why.values["text"])
    names = [permission_name(name, language) for name in why.values.get("permissions", ())]
    return _PROBLEMS[why.code](
        language, **{**why.values, "permissions": _AND(language).join(names)}
    )


def begun(language: Language, channel_id: int, reads: SyncedContent) -> str:
    return _BEGUN[reads](language, channel=f"<#{channel_id}>")


def progress(language: Language, report: ChannelReport) -> str:
    channel, counts = report.channel, report.counts
    place = f"<#{channel.id}>"
    if channel.problem:
        return _UNREADABLE(language, channel=place, reason=problem(channel.problem, language))
    sentence = _progress(channel, counts)
    lines = [
        sentence(
            language,
            channel=place,
            threads=counts.threads,
            done=counts.threads - counts.unread,
            messages=_MESSAGES(counts.messages, language),
            documents=_DOCUMENTS(counts.documents, language),
        )
    ]
    if report.failures and not channel.is_busy:
        # Threads are not named: whoever sees this may not read the channel that they are in.
        lines.append(_UNREAD(language, number=len(report.failures)))
    return "\n".join(lines)


def _progress(channel: ArchivedChannel, counts: Counts) -> Sentence:
    if not channel.is_busy:
        if channel.reads is not SyncedContent.PINS:
            return _DONE
        return _DONE_PINS if counts.messages else _NO_PINS
    if channel.reads is not SyncedContent.THREADS:
        return _READING_POSTS
    return _LISTING if channel.stage in (SyncStage.ACTIVE, SyncStage.ARCHIVED) else _READING


def _failures(language: Language, failures: Sequence[tuple[str, str]]) -> list[str]:
    shown = [
        f"> ⚠ {plain(shortened(what, 80))} {plain(shortened(reason, _LINE_CHARACTERS))}"
        for what, reason in failures[:FAILURES_SHOWN]
    ]
    left = len(failures) - FAILURES_SHOWN
    return [*shown, f"> {_MORE(language, number=left)}"] if left > 0 else shown


def sources(
    language: Language,
    channels: Sequence[ChannelReport],
    others: Sequence[SourceState],
    bundled: ArticlesReport,
    number: int,
) -> Page:
    """A page of what a guild is answered from, the bundled articles last."""
    entries = [
        *(_channel_entry(language, each) for each in channels),
        *(source_entry(language, each) for each in others),
    ]
    if not entries:
        return Page(f"{NO_SOURCE(language)}\n{articles_entry(language, bundled)}", 0, 1)
    entries.append(articles_entry(language, bundled))
    pages = _pages(entries)
    number = min(number, len(pages) - 1)
    heading = _HEADING(language)
    if len(pages) > 1:
        heading += f" · {number + 1}/{len(pages)}"
    return Page(f"{heading}\n{pages[number]}", number, len(pages))


def articles_entry(language: Language, report: ArticlesReport) -> str:
    documents = _DOCUMENTS(report.documents, language)
    return " · ".join((ARTICLES_NAME(language), documents, _STANDINGS[report.standing](language)))


def source_name(language: Language, channel: ArchivedChannel) -> str:
    return f"#{channel.name or channel.id} ({READS[channel.reads](language)})"


def _pages(entries: Sequence[str]) -> list[str]:
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
        _DOCUMENTS(counts.documents, language),
        _WHEN(language, when=f"<t:{int(channel.synced_at.timestamp())}:R>")
        if channel.synced_at
        else _NEVER(language),
    ]
    lines = [" · ".join(parts)]
    if channel.is_busy or channel.problem:
        lines.append(f"> {progress(language, report)}")
    return "\n".join([*lines, *_failures(language, report.failures)])


def source_entry(language: Language, state: SourceState) -> str:
    parts = [
        plain(shortened(location_name(state.location), _LINE_CHARACTERS)),
        _DOCUMENTS(state.documents, language),
        _WHEN(language, when=f"<t:{int(state.read_at.timestamp())}:R>")
        if state.read_at
        else _NEVER(language),
    ]
    if crawl_at(state.location) is not None:
        parts.append(_CRAWLED(language))
    if state.commit:
        parts.append(_COMMIT(language, commit=state.commit[:_COMMIT_CHARACTERS]))
    if not state.scope:
        parts.append(_SHARED(language))
    failures = [(location_name(each.source), each.reason) for each in state.failures]
    return "\n".join([" · ".join(parts), *_failures(language, failures)])


def location_name(location: str) -> str:
    """What a source is called; of a path the last part: the whole is the operator's business."""
    address = address_of(location)
    name = address if is_web(address) else address.rstrip("/").rsplit("/", 1)[-1]
    repository = repository_at(location)
    within = (repository.branch, repository.folder) if repository is not None else ()
    return " › ".join(filter(None, (name, *within)))
