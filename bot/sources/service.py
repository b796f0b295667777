"""Sources of a guild: addresses, synced channels and the bundled articles.

Administrators can add only web addresses. The operator adds local paths, and configures how web
sources are visited. Functions that take a core run in the worker's thread.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from bot.answers.ask import scopes_of
from bot.answers.search_tiers import ArticlesUse
from bot.core.core import Core
from bot.sources.channel_sync_steps import ChannelReport, reports
from knowledge.corpus import FailingSource, SourceState
from knowledge.files.foreign_tags import ForeignTag
from knowledge.sources.addition import add_visited, location_of
from knowledge.sources.git.hosts import is_repository
from knowledge.sources.git.repository import is_installed
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import service_of, source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import Site
from knowledge.sources.net.addresses import is_web
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, SHARED, Scope
from knowledge.values.guilds import GuildFilter, SourceCard
from knowledge.values.notes import Member
from knowledge.values.submissions import (
    WORDING_CHARACTERS,
    WORDINGS,
    InvalidNoteError,
    Submission,
    checked_submission,
)

# Most addresses of a guild: each site or repository may have thousands of pages.
MOST_SITES: Final = 10


class AddOutcome(Enum):
    """Outcome of adding an address."""

    PAGE = "page"
    SITE = "site"
    REPOSITORY = "repository"
    SERVICE = "service"
    KNOWN = "known"
    TOO_MANY = "too many"
    WITHOUT_GIT = "without git"


_OUTCOMES: Final = {
    Page: AddOutcome.PAGE,
    Site: AddOutcome.SITE,
    GitRepository: AddOutcome.REPOSITORY,
}


class TypedAddress(NamedTuple):
    """An address that an administrator typed, with options.

    `kind` is the software of a wiki, forum or tracker, and `only` its filters, separated by commas.
    """

    address: str
    crawl: bool = False
    kind: str = ""
    only: str = ""


def add_address(
    core: Core, named: TypedAddress, scope: Scope, actor_id: int
) -> tuple[str, AddOutcome]:
    """Add an address as a guild's source. Return the source's location and the outcome.

    Raises MissingSourceError if the address can't be a source.
    """
    only = [*filter(None, named.only.split(","))]
    location = location_of(named.address.strip(), kind=named.kind, only=only, crawl=named.crawl)
    kind = _kind(location)
    if kind is AddOutcome.REPOSITORY and not is_installed():
        return location, AddOutcome.WITHOUT_GIT
    sources = core.sources()
    if {scope, SHARED}.intersection(sources.get(location, ())):
        return location, AddOutcome.KNOWN
    sites = [
        address
        for address in own_addresses(sources, scope)
        if _kind(address) is not AddOutcome.PAGE
    ]
    if kind is not AddOutcome.PAGE and len(sites) >= MOST_SITES:
        return location, AddOutcome.TOO_MANY
    add_visited(core.store, location, scope, actor_id=actor_id)
    return location, kind


def own_addresses(sources: dict[str, list[Scope]], scope: Scope) -> list[str]:
    """A guild's own addresses, without the operator's local files."""
    own = {location: source_at(location) for location, its in sources.items() if scope in its}
    return [location for location, source in own.items() if source.is_visited and not source.path]


def find_by_address(locations: Sequence[str], address: str) -> str | None:
    """Find the only source with this address; None if there are none or several."""
    typed = address.strip()
    same = [location for location in locations if source_at(location).url == typed]
    return same[0] if len(same) == 1 else None


class ArticlesReport(NamedTuple):
    """Number of bundled articles, and their use in a guild's answers."""

    documents: int
    use: ArticlesUse


class Overview(NamedTuple):
    """Sources of a guild: synced channels, addresses and files, bundled articles."""

    channels: Sequence[ChannelReport]
    others: Sequence[SourceState]
    articles: ArticlesReport


def overview(core: Core, scope: Scope) -> Overview:
    return Overview(
        reports(core, scope), states(core, [scope, SHARED]), articles_report(core, scope)
    )


def states(core: Core, scopes: Collection[Scope]) -> list[SourceState]:
    return [state for state in core.source_states() if state.scope in scopes]


def articles_report(core: Core, guild_id: int) -> ArticlesReport:
    followed = [one.id for one in core.store.synced_channels.all() if one.guild_id == guild_id]
    return ArticlesReport(
        core.index.tables.counts([ARTICLES])["documents"],
        core.articles.articles_use(scopes_of(guild_id, followed)),
    )


def choose_articles(core: Core, guild_id: int, actor_id: int, *, quoted: bool) -> ArticlesReport:
    """Turn quoting of the bundled articles on or off in a guild, as far as the operator allows."""
    if core.store.guilds.settings(guild_id).articles is not quoted:
        core.store.guilds.change(guild_id, {"articles": quoted}, actor_id)
    return articles_report(core, guild_id)


def needs_recognition(named: TypedAddress) -> bool:
    """Whether the page at an address must be fetched to find out the kind of the source."""
    address = named.address.strip()
    told = named.crawl or named.kind or is_repository(address) or service_of(address)
    return is_web(address) and not told


def _kind(location: str) -> AddOutcome:
    return _OUTCOMES.get(type(source_at(location)), AddOutcome.SERVICE)


def alarms(
    core: Core, guilds: Collection[int], mine: GuildFilter
) -> tuple[dict[tuple[int, str], FailingSource], dict[tuple[int, str], SourceCard]]:
    """The failing sources and the posted cards of guilds, by guild and location."""
    failing = {
        (guild_id, source.location): source
        for source in core.failing_sources()
        for guild_id in (guilds if source.scope == SHARED else [source.scope])
        if mine(guild_id)
    }
    cards = core.store.source_cards.all(mine)
    return failing, {(card.guild_id, card.source): card for card in cards}


# Notes of one transaction, during which a question waits.
_SLICE: Final = 20


@dataclass(slots=True)
class TagImport:
    """The result of an import so far; other valid tags than the `new` ones were imported before."""

    new: int = 0
    known: int = 0
    refused: list[tuple[str, InvalidNoteError]] = field(default_factory=list)


def import_tags(
    store: Store, guild_id: int, member: Member, channel_id: int, tags: Sequence[ForeignTag]
) -> Iterator[TagImport]:
    """Propose tags as notes in slices; yields the result so far."""
    result = TagImport()
    for start in range(0, len(tags), _SLICE):
        submissions = []
        for tag in tags[start : start + _SLICE]:
            try:
                submissions.append(_submission(tag))
            except InvalidNoteError as error:
                result.refused.append((tag.name, error))
        new = store.imports.propose(guild_id, member, channel_id, submissions)
        result.new += new
        result.known += len(submissions) - new
        yield result


def _submission(tag: ForeignTag) -> Submission:
    """The note of a tag. Of its aliases, as many as a note can have become other ways to ask."""
    askable = [
        alias
        for alias in dict.fromkeys(" ".join(alias.split()) for alias in tag.aliases)
        if len(alias) <= WORDING_CHARACTERS
        and any(map(str.isalnum, alias))
        and alias.casefold() != " ".join(tag.name.split()).casefold()
    ]
    return checked_submission(tag.name, tag.text, wordings="\n".join(askable[:WORDINGS]))
