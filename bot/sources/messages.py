"""Messages of `/source`: sources, progress and problems. Pure.

The parsers of sources explain failures in English; these explanations are shown untranslated.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.search_tiers import ArticlesUse
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.service import MOST_SITES, AddOutcome, ArticlesReport, Overview, TagImport
from bot.text import error_messages
from bot.text.languages import Plural, Sentence, speak
from bot.text.markdown import MESSAGE_CHARACTERS, beginning, plain, plain_within, shorten, size
from bot.text.paging import Page
from bot.text.permission_names import permission_name
from knowledge.corpus import FailingSource, SourceState
from knowledge.discord_archive.archive import (
    ArchivedChannel,
    ChannelProblem,
    ProblemCode,
    SyncStage,
)
from knowledge.sources.entries import ALARMING_VISITS
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.kinds.site import PAGES, Site
from knowledge.sources.net.addresses import is_web
from knowledge.values.guilds import SyncedContent

FAILURES_SHOWN: Final = 3
# Most synced channels of a guild; this many can be read within a day, whatever their size.
MOST_CHANNELS: Final = 50
_LINE_CHARACTERS: Final = 200
# Characters of an abbreviated commit id.
_COMMIT_CHARACTERS: Final = 10
# Leaves room for the page's heading.
_PAGE_CHARACTERS: Final = MESSAGE_CHARACTERS - 200

# Each continues a sentence about a channel.
_PROBLEMS: Final[Mapping[ProblemCode, Sentence]] = {
    ProblemCode.GONE: Sentence("was deleted in Discord; I no longer quote from it"),
    ProblemCode.SWITCHED_OFF: Sentence(
        "isn't read or quoted: `sources.channels` is off in config.toml"
    ),
    ProblemCode.LACKS_PERMISSIONS: Sentence("can't be read or quoted: I need {permissions} there"),
    ProblemCode.ANSWERED: Sentence("is waiting: Discord answered {status}; I'll keep trying"),
    ProblemCode.UNREACHED: Sentence("is waiting: I can't reach Discord, but I'll keep trying"),
}

OFF: Final = Sentence(
    "Reading channels is off. The bot's operator must turn on *Message Content Intent* on "
    "the Bot page of Discord's developer portal, set `sources.channels = true` in "
    "config.toml, and restart me."
)
WHICH: Final = Sentence(
    "Name a channel or an address, or attach a file with another bot's tags: "
    "`/source add channel:#help`, `/source add address:https://…` or `/source add "
    "tags:`."
)
TAGS_NEED_SETUP: Final = Sentence(
    "First choose the review channel and the moderators in `/setup`. They approve "
    "the imported tags as notes."
)
_TAGS_IMPORTED: Final = Plural(
    "**{number:,} tag** is now a pending note in your name. Moderators can approve "
    "it in `/review`, at *Imported notes*.",
    "**{number:,} tags** are now pending notes in your name. Moderators can "
    "approve them in `/review`, at *Imported notes*, up to twenty at once.",
)
_TAGS_KNOWN: Final = Plural(
    "I skipped {number:,} tag: it already is or was a note here.",
    "I skipped {number:,} tags: they already are or were notes here.",
)
_TAGS_REFUSED: Final = Plural("{number:,} tag can't be a note:", "{number:,} tags can't be notes:")
_FILES_UNREAD: Final = Plural("{number:,} file can't be read:", "{number:,} files can't be read:")
ADD_ADDRESS: Final = Sentence("Add a web address")
ADDRESS_FIELD: Final = Sentence("Address")
ADDRESS_HELP: Final = Sentence("A page, wiki, forum, feed, sitemap or Git repository.")
AMOUNT_FIELD: Final = Sentence("Pages to read")
AMOUNT_HELP: Final = Sentence("I always read a whole wiki, forum, feed or repository.")
AMOUNTS: Final[Mapping[str, Sentence]] = {
    "page": Sentence("only this page"),
    "site": Sentence("also the pages below it"),
}
NOT_READABLE: Final = Sentence(
    "{channel} can't be a source: I read forums, announcement channels, and the pinned "
    "messages of text channels."
)
_LACKING: Final = Sentence(
    "I need permissions in {channel}: {permissions}. Grant them, then try again."
)
KNOWN: Final = Sentence("{channel} is already a source. `/source list` shows its progress.")
TOO_MANY: Final = Sentence(
    "This server already has {most:,} channels as sources, the limit. Remove one first."
)
ADDRESS_REFUSED: Final = Sentence("This can't be a source: {problem}")
ADDRESS_WAITS: Final = Sentence("Added {address}. I'll read it after the sources before it.")
ADDRESS_UNREAD: Final = Sentence(
    "Still a source: `/source sync` tries again, `/source remove` removes it."
)
ADDRESS_KNOWN: Final = Sentence("{address} is already a source.")
ADDRESS_ADDED: Final = Sentence("Added {address}. I'm reading it now, one page a second.")
_TOO_MANY_SITES: Final = Sentence(
    "This server already has {most:,} sites, repositories, wikis, forums and trackers, the limit. "
    "Remove one first."
)
_ADDED: Final[Mapping[AddOutcome, Sentence]] = {
    AddOutcome.PAGE: ADDRESS_ADDED,
    AddOutcome.SITE: Sentence(
        "Added {address} and the pages below it. I'm reading up to {most:,} pages, one a second."
    ),
    AddOutcome.REPOSITORY: Sentence(
        "Added the Git repository {address}. I'm reading its files, and will follow new commits."
    ),
    AddOutcome.SERVICE: Sentence(
        "Added {address}. I'm reading it through its API, one document a second, and will follow "
        "changes."
    ),
    AddOutcome.KNOWN: ADDRESS_KNOWN,
    AddOutcome.TOO_MANY: _TOO_MANY_SITES,
    AddOutcome.WITHOUT_GIT: Sentence(
        "I can't read the Git repository {address}. The bot's operator must install the extra "
        "`git` and restart me."
    ),
}
REMOVED: Final = Sentence("Removed {source}. I no longer answer from it.")
UNKNOWN: Final = Sentence("This server has no such source. Choose one that I suggest as you type.")
SYNCING: Final = Sentence(
    "I'm reading all sources of this server again. `/source list` shows the progress."
)
ARTICLES_NAME: Final = Sentence("The bundled articles on open-source AI")
_STANDINGS: Final[Mapping[ArticlesUse, Sentence]] = {
    ArticlesUse.OFF: Sentence('not quoted: `articles.bundled` is "never" in config.toml'),
    ArticlesUse.ENDED: Sentence(
        "not quoted in this server; `/source add address:articles` brings them back"
    ),
    ArticlesUse.BESIDE: Sentence("quoted like all other sources"),
    ArticlesUse.ALONE: Sentence("quoted until there is a source or a note"),
    ArticlesUse.GUEST: Sentence("quoted only if nothing else fits"),
}
NO_SOURCE: Final = Sentence("No sources yet. `/source add` adds a channel or a web address.")
_HEADING: Final = Sentence("**Sources of this server**")
_LISTING: Final = Sentence("Reading {channel}: {threads:,} threads found so far.")
_READING: Final = Sentence("Reading {channel}: {done:,} of {threads:,} threads, {messages} so far.")
_READING_POSTS: Final = Sentence("Reading {channel}: {messages} so far.")
_DONE: Final = Sentence(
    "Finished {channel}: {documents} from {messages}. I'll follow new messages, edits and "
    "deletions."
)
_DONE_PINS: Final = Sentence(
    "Finished {channel}: {documents} from {messages}. I'll follow new pins, edits and deletions."
)
_NO_PINS: Final = Sentence(
    "Finished {channel}: nothing is pinned yet. New pins will become documents."
)
_UNREAD: Final = Sentence("⚠ {number:,} not read: see `/source list`.")
_UNREADABLE: Final = Sentence("⚠ {channel} {reason}.")
_WHEN: Final = Sentence("read {when}")
_TRIED: Final = Sentence("tried {when}")
_NEVER: Final = Sentence("not read yet")
_COMMIT: Final = Sentence("commit {commit}")
_MORE: Final = Sentence("… and {number:,} more.")
_CHANNEL_ADDED: Final[Mapping[SyncedContent, Sentence]] = {
    SyncedContent.THREADS: Sentence(
        "I'm starting to read {channel}. Threads with an answer become documents."
    ),
    SyncedContent.POSTS: Sentence(
        "I'm starting to read {channel}. Each announcement becomes a document."
    ),
    SyncedContent.PINS: Sentence(
        "I'm starting to read {channel}. Each pinned message becomes a document."
    ),
}
_DOCUMENTS: Final = Plural("{number:,} document", "{number:,} documents")
_MESSAGES: Final = Plural("{number:,} message", "{number:,} messages")

READS: Final[Mapping[SyncedContent, Sentence]] = {
    SyncedContent.THREADS: Sentence("threads"),
    SyncedContent.POSTS: Sentence("announcements"),
    SyncedContent.PINS: Sentence("pinned messages"),
}


def address_added(what: AddOutcome, address: str) -> str:
    """Describe the outcome of adding an address."""
    most = MOST_SITES if what is AddOutcome.TOO_MANY else PAGES
    return _ADDED[what](address=address, most=most)


def missing_permissions(channel: str, permissions: Sequence[str]) -> str:
    names = ", ".join(f"**{permission_name(name)}**" for name in permissions)
    return _LACKING(channel=channel, permissions=names)


_AND: Final = Sentence(" and ")


def problem(why: ChannelProblem) -> str:
    """Return a clause that says why a channel can't be read."""
    if why.code is ProblemCode.OTHER:
        return str(why.values["text"])
    names = [permission_name(name) for name in why.values.get("permissions", ())]
    return _PROBLEMS[why.code](**{**why.values, "permissions": _AND().join(names)})


def channel_added(channel_id: int, reads: SyncedContent) -> str:
    return _CHANNEL_ADDED[reads](channel=f"<#{channel_id}>")


def progress(report: ChannelReport) -> str:
    channel, counts = report.channel, report.counts
    place = f"<#{channel.id}>"
    if channel.problem:
        return _UNREADABLE(channel=place, reason=problem(channel.problem))
    if not channel.is_busy:
        sentence = _DONE
        if channel.reads is SyncedContent.PINS:
            sentence = _DONE_PINS if counts.messages else _NO_PINS
    elif channel.reads is not SyncedContent.THREADS:
        sentence = _READING_POSTS
    else:
        is_listing = channel.stage in (SyncStage.ACTIVE, SyncStage.ARCHIVED)
        sentence = _LISTING if is_listing else _READING
    text = sentence(
        channel=place,
        threads=counts.threads,
        done=counts.threads - counts.unread,
        messages=_MESSAGES(counts.messages),
        documents=_DOCUMENTS(counts.documents),
    )
    if report.failures and not channel.is_busy:
        # No thread names: readers of this message may not read their channel.
        text += f"\n{_UNREAD(number=len(report.failures))}"
    return text


def _failures(failures: Sequence[tuple[str, str]]) -> list[str]:
    shown = [
        f"> ⚠ {plain(shorten(what, 80))} {plain(shorten(reason, _LINE_CHARACTERS))}"
        for what, reason in failures[:FAILURES_SHOWN]
    ]
    left = len(failures) - FAILURES_SHOWN
    return [*shown, f"> {_MORE(number=left)}"] if left > 0 else shown


def source_list(sources: Overview, number: int) -> Page:
    """A page of a guild's sources, the bundled articles last."""
    articles = articles_entry(sources.articles)
    entries = [_channel_entry(channel) for channel in sources.channels]
    entries += [source_entry(source) for source in sources.others]
    if not entries:
        return Page(f"{NO_SOURCE()}\n{articles}", 0, 1)
    pages: list[str] = []
    for entry in [*entries, articles]:
        if pages and size(pages[-1]) + 1 + size(entry) <= _PAGE_CHARACTERS:
            pages[-1] += f"\n{entry}"
        else:
            pages.append(beginning(entry, _PAGE_CHARACTERS))
    number = min(number, len(pages) - 1)
    heading = _HEADING()
    if len(pages) > 1:
        heading += f" · {number + 1}/{len(pages)}"
    return Page(f"{heading}\n{pages[number]}", number, len(pages))


def articles_entry(report: ArticlesReport) -> str:
    documents = _DOCUMENTS(report.documents)
    return " · ".join((ARTICLES_NAME(), documents, _STANDINGS[report.use]()))


def source_name(channel: ArchivedChannel) -> str:
    return f"#{channel.name or channel.id} ({READS[channel.reads]()})"


def _channel_entry(report: ChannelReport) -> str:
    channel, counts = report.channel, report.counts
    parts = [
        f"<#{channel.id}> ({READS[channel.reads]()})",
        _DOCUMENTS(counts.documents),
        _WHEN(when=f"<t:{int(channel.synced_at.timestamp())}:R>")
        if channel.synced_at
        else _NEVER(),
    ]
    lines = [" · ".join(parts)]
    if channel.is_busy or channel.problem:
        lines.append(f"> {progress(report)}")
    return "\n".join([*lines, *_failures(report.failures)])


def source_entry(state: SourceState) -> str:
    parts = [
        plain(shorten(location_name(state.location), _LINE_CHARACTERS)),
        _DOCUMENTS(state.documents),
        (_TRIED if is_unread(state) else _WHEN)(when=f"<t:{int(state.read_at.timestamp())}:R>")
        if state.read_at
        else _NEVER(),
    ]
    source = source_at(state.location)
    parts += [speak("crawled")] if isinstance(source, Site) else filter(None, [source.label])
    if state.commit:
        parts.append(_COMMIT(commit=state.commit[:_COMMIT_CHARACTERS]))
    if state.licence:
        parts.append(plain(shorten(state.licence, 100)))
    if not state.scope:
        parts.append(speak("for every server"))
    failures = [(location_name(failure.source), failure.reason) for failure in state.failures]
    return "\n".join([" · ".join(parts), *_failures(failures)])


def is_unread(state: SourceState) -> bool:
    """Whether reading a source failed, and the source has no documents."""
    return bool(state.failures) and not state.documents


def location_name(location: str) -> str:
    """Display name of a source; for a local path, only the last part."""
    source = source_at(location)
    name = source.url if is_web(source.url) else source.url.rstrip("/").rsplit("/", 1)[-1]
    return " › ".join(filter(None, (name, *source.parts)))


def alarm(location: str, source: FailingSource | None, *, is_named: bool) -> str:
    """The card of a failing source, or of one that doesn't fail any more."""
    name = speak("A source of this server")
    if is_named:
        name = plain(shorten(location_name(location), _LINE_CHARACTERS))
    if source is None:
        return speak("✅ **{source}**: no problem any more.", source=name)
    state = source.state
    if state.failed_visits >= ALARMING_VISITS:
        told = speak(
            "⚠ **{source}** couldn't be read at the last {number:,} visits.",
            source=name,
            number=state.failed_visits,
        )
        if is_named and source.reason:
            told += f"\n> {plain(shorten(source.reason, _LINE_CHARACTERS))}"
    else:
        told = speak(
            "⚠ **{source}** lost many documents at a visit: {found:,} of {documents:,} are left.",
            source=name,
            found=state.found,
            documents=state.documents,
        )
    rest = speak(
        "-# `/source list` shows more. `/setup` turns this off, at *Reminders and digests*."
    )
    return f"{told}\n{rest}"


def tags_imported(result: TagImport, unread: Mapping[str, str]) -> str:
    """The result of an import of tags, with the first reasons for what was left out."""
    lines = [_TAGS_IMPORTED(result.new)] if result.new else []
    lines += [_TAGS_KNOWN(result.known)] if result.known else []
    refused = [(name, error_messages.invalid(error)) for name, error in result.refused]
    for heading, reasons in ((_TAGS_REFUSED, refused), (_FILES_UNREAD, [*unread.items()])):
        if reasons:
            lines.append(heading(len(reasons)))
            lines += [
                f"- {plain_within(f'{name}: {reason}', _LINE_CHARACTERS)}"
                for name, reason in reasons[:FAILURES_SHOWN]
            ]
    return "\n".join(lines)
