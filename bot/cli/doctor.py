"""Checks of `commonplace doctor`, in the order in which the bot needs each part."""

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from rich.markup import escape

from bot.cli.console import ConfigOption, DataOption, out
from bot.config import settings as config
from bot.config.settings import ANYBODY, ConfigError, Settings
from bot.models.calibrations import chosen_calibration
from bot.models.serving_model import (
    Opened,
    chosen_model,
    chosen_reranker,
    is_building,
    open_serving,
)
from bot.storage.data_folder import (
    COMMUNITY,
    DataFolderError,
    checked_data_folder,
    data_folder,
    is_bot_running,
    open_server,
    open_store,
    paths_open_to_others,
)
from bot.storage.derived_data import open_entries, open_work_queue, unembedded_texts_warning
from bot.text.languages import COMMAND_FOR_LANGUAGES, language_name, languages_read
from indexer.embedding.embedder import ModelError
from indexer.embedding.model_records import open_record
from indexer.index.database import IndexError_
from indexer.retrieval.evidence import CalibrationError
from indexer.retrieval.reranker import open_reranking
from knowledge.corpus import FailingSource, failing_sources, on_the_web
from knowledge.dependencies import has_modules, install_hint
from knowledge.files import picture_text
from knowledge.sources.git.repository import MISSING, is_installed
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.store.database_url import database_label
from knowledge.store.erasure.tombstones import FILE
from knowledge.store.sqlite_database import copies_beside
from knowledge.store.store import Store, StoreError
from knowledge.text import count_of
from knowledge.values.documents import ARTICLES, SHARED
from knowledge.values.settings import GuildChoices

# Locks held longer are reported. A change takes milliseconds; a purge or large import, seconds.
LONG_SECONDS: Final = 60
# The exit code if something is wrong.
UNHEALTHY: Final = 1

EMPTY: Final = (
    "It is empty, as after `commonplace cluster migrate` or in a new data folder. The bot fills it "
    "when it starts next; `commonplace index` fills it now."
)


class Finding(NamedTuple):
    """Result of one check; with `warning`, it passed, but the operator may want a change."""

    subject: str
    passed: bool
    details: str
    warning: bool = False


def doctor(config_file: ConfigOption = None, data: DataOption = None) -> None:
    """Check the configuration, the model, the index, the log and, with a token, permissions.

    Example:
        commonplace doctor --config /etc/commonplace/config.toml
    """
    healthy = True
    for finding in examine(config_file, data):
        healthy = healthy and finding.passed
        mark = "[green]ok[/green]  " if finding.passed else "[red]wrong[/red]"
        if finding.warning:
            mark = "[yellow]warn[/yellow] "
        out.print(f"{mark} {escape(finding.subject)}: {escape(finding.details)}", soft_wrap=True)
    if not healthy:
        sys.exit(UNHEALTHY)


def examine(config_file: Path | None, data: Path | None) -> Iterator[Finding]:
    """Run all checks in order; stop at a failure that prevents the others."""
    try:
        settings = config.load(config_file, data)
        folder = data_folder(checked_data_folder(settings.data.folder, may_begin=False))
    except (ConfigError, DataFolderError) as error:
        yield Finding("configuration", False, str(error))
        return
    yield Finding("configuration", True, f"data in {folder}, model {settings.model.name}")
    if settings.warning:
        yield Finding("configuration", True, settings.warning, warning=True)
    url = settings.data.database
    yield from _machine(folder)
    choices: Collection[GuildChoices] = ()
    try:
        with open_store(folder, url) as store:
            yield from _community(store, database_label(url) if url else str(folder / COMMUNITY))
            yield from _server(folder, url)
            yield from _sources(store, folder, url)
            choices = store.channel_settings.every().values()
    except StoreError as error:
        yield Finding("community database", False, str(error))
    yield from _copies(folder)
    yield from _workers(url)
    try:
        serving = open_serving(folder, settings.model.name, database=url)
    except ModelError as error:
        yield Finding("model", False, str(error))
        return
    except (DataFolderError, IndexError_) as error:
        yield Finding("index", False, str(error))
        serving = None
    if serving is not None:
        with serving.index:
            yield from _model(serving, folder, settings.model.name)
            yield from _languages(serving.served.model.languages, choices)
            yield from _index(serving, folder)
    yield from _reranker(settings, folder)
    if settings.pictures.read_text:
        problem = picture_text.problem()
        yield Finding("text in pictures", not problem, problem or "can be read")
    yield from _phrasing(settings)
    yield from _discord(settings)


def _machine(folder: Path) -> Iterator[Finding]:
    """Name the installed libraries of models, and files that other users can read."""
    names = {"sentence_transformers": "sentence-transformers", "torch": "torch"}
    libraries = [f"{name} {version(name)}" for module, name in names.items() if has_modules(module)]
    # A bot may do without.
    none = f"none; models that come with Commonplace need none, others {install_hint('models')}"
    yield Finding("libraries of other models", True, ", ".join(libraries) or none)
    # `data_folder` restricted all it can.
    if paths := paths_open_to_others(folder):
        files = count_of(len(paths), "file or folder", "files and folders")
        yield Finding(
            "file permissions",
            False,
            f"Other users of this machine can read {files}, such as {paths[0]}. This user can't "
            "change that; remove the permission as the owner.",
        )


def _reranker(settings: Settings, folder: Path) -> Iterator[Finding]:
    name, budget_ms = chosen_reranker(folder, settings.model.reranker), settings.model.reranker_ms
    try:
        reranking = open_reranking(name, budget_ms)
    except ModelError as error:
        yield Finding("reranker", False, f"{error} Answers are not reranked until then.")
        return
    if reranking is not None:
        fit = reranking.fitting()
        speed = f"{name} reads {fit} passages in {budget_ms} ms"
        too_slow = f"{name} is too slow to read two passages in {budget_ms} ms; it is not used"
        yield Finding("reranker", fit > 0, speed if fit else too_slow)


def _phrasing(settings: Settings) -> Iterator[Finding]:
    """Check that the phrasing endpoint accepts the settings, without sending members' text."""
    if settings.phrasing.mode == "off":
        return
    from bot.phrasing.phraser import endpoint_problem

    problem = endpoint_problem(settings.phrasing, config.phrasing_key())
    answers = f"{settings.phrasing.model} answers at {settings.phrasing.url}"
    yield Finding("phrasing", not problem, problem or answers)


def _sources(store: Store, folder: Path, url: str) -> Iterator[Finding]:
    """Check that dulwich is installed if any source is a repository, and name failing sources.

    A source is failing if two visits in a row failed, or a third of its documents is lost.
    """
    sources = [source_at(location) for location, _ in store.sources()]
    if followed := sum(isinstance(source, GitRepository) for source in sources):
        commits = f"{followed:,} followed by commit"
        yield Finding("repositories", is_installed(), commits if is_installed() else MISSING)
    failing: dict[str, FailingSource] = {}
    # Another check reports entries that can't be opened.
    with suppress(StoreError, IndexError_):
        if on_the_web(store):
            with open_entries(folder, url) as entries:
                failing = {source.location: source for source in failing_sources(store, entries)}
    for location, source in failing.items():
        lost = f"lost documents: {source.state.found:,} of {source.state.documents:,} are left."
        reason = source.reason if source.state.failed_visits > 1 else lost
        yield Finding("sources", True, f"{source_at(location).url} {reason}", warning=True)


def _workers(url: str) -> Iterator[Finding]:
    """Count the connected workers, and report texts that they could not embed."""
    if not url:
        return
    try:
        with closing(open_work_queue(url)) as work:
            state = work.state()
    except StoreError as error:
        yield Finding("workers", False, str(error))
        return
    problem = unembedded_texts_warning(state.set_aside)
    if problem and state.error:
        problem = f"{problem} One failed of {state.error}."
    workers = count_of(sum(state.workers.values()), "worker")
    load = f"{workers}; {count_of(state.waiting, 'text')} left to embed"
    yield Finding("workers", not problem, problem or load)


def _copies(folder: Path) -> Iterator[Finding]:
    """List database copies that upgrades and restores kept, because they hold private data."""
    if copies := copies_beside(folder / COMMUNITY):
        names = ", ".join(copy.name for copy in copies)
        size = sum(copy.stat().st_size for copy in copies) / 1_000_000
        yield Finding(
            "copies of the database",
            True,
            f"Upgrades and restores kept {names} ({size:.1f} MB). Delete them once you don't need "
            "them. They are also deleted when a member's data is.",
        )


def _community(store: Store, place: str) -> Iterator[Finding]:
    contradicted = store.audit_log.contradicted_notes()
    problem = store.database.integrity_problem()
    unrecognizable = store.quote_opt_outs.unrecognizable()
    yield Finding("community database", not problem, problem or place)
    if unrecognizable:
        yield Finding(
            "privacy",
            False,
            f"{count_of(unrecognizable, 'member or name', 'members or names')} opted out of "
            f"quotation can't be recognised, because {FILE} doesn't belong to this database. "
            "Restore the right file, or ask these members to use /privacy again.",
        )
    if contradicted:
        notes = ", ".join(map(str, contradicted[:10]))
        yield Finding(
            "notes",
            False,
            f"{count_of(len(contradicted), 'note')} ({notes}) in a state that contradicts the log: "
            "notes or log were changed outside Commonplace. Restore a backup.",
        )


def _server(folder: Path, url: str) -> Iterator[Finding]:
    """Describe the database server, and report locks held longer than `LONG_SECONDS`."""
    if not url:
        return
    with closing(open_server(folder, url)) as database:
        described, holders = database.description(), database.holders(LONG_SECONDS)
    yield Finding("database server", True, described)
    held = f"{', '.join(holders[:5])} block all writes: check or end these connections."
    yield Finding("locks", not holders, held if holders else "none held for long")


def _model(serving: Opened, folder: Path, configured: str) -> Iterator[Finding]:
    """Report the serving model, the one that will serve next, and a build of an index."""
    record, embedder = serving.served.model, serving.embedder
    model = f"{embedder.model}, passages of {embedder.max_tokens} tokens"
    yield Finding("model", True, f"{record.name or 'an earlier one'} serves ({model})")
    wanted = chosen_model(folder, configured)
    if wanted.name != record.name:
        try:
            open_record(wanted)
        except ModelError as error:
            yield Finding("next model", True, f"`model.name` can't serve. {error}", warning=True)
        else:
            yield Finding(
                "next model",
                True,
                f"{wanted.name} in config.toml serves from the bot's next start, which builds its "
                "index, or `commonplace index`",
            )
    if is_building(folder):
        yield Finding("next index", True, "another model's index is being built")


def _languages(read: Sequence[str], choices: Iterable[GuildChoices]) -> Iterator[Finding]:
    """Name the model's languages, and warn of servers and channels with another one."""
    if not read:
        return
    yield Finding("languages", True, f"the model reads {languages_read(read)}")
    chosen = Counter(
        language.value
        for guild in choices
        for language in {
            guild.server.language,
            *(own["language"] for own in guild.channels.values() if "language" in own),
        }
    )
    for language, servers in sorted(chosen.items()):
        if language not in read:
            name = language_name(language)
            choice = f"{count_of(servers, 'server')} chose {name}, which the model isn't made for."
            remedy = f"Run `{COMMAND_FOR_LANGUAGES}` for one that reads it."
            yield Finding("language", True, f"{choice} {remedy}", warning=True)


def _index(serving: Opened, folder: Path) -> Iterator[Finding]:
    """Report the calibration in use, also if a fitted one is ignored, and the index's size."""
    try:
        chosen = chosen_calibration(folder, serving.served.model)
        yield Finding("evidence", True, chosen.description())
    except CalibrationError as error:
        yield Finding("evidence", False, str(error))
    index = serving.index
    if not (sum(index.tables.passages_by_scope().values()) or is_bot_running(folder)):
        yield Finding("index", False, EMPTY)
        return
    counts = index.tables.counts([SHARED, ARTICLES])
    documents = count_of(counts["documents"], "shared document")
    size = f"{documents} in {count_of(counts['passages'], 'passage')}"
    yield Finding("index", True, f"generation {index.generation}, {size}")


def _discord(settings: Settings) -> Iterator[Finding]:
    try:
        token = config.token()
    except ConfigError as error:
        if os.environ.get(config.TOKEN_FILE_VARIABLE):
            yield Finding("Discord", False, str(error))
        else:
            yield from _servers(settings, public=True)
            yield Finding("Discord", True, "not checked: DISCORD_TOKEN is not set")
        return
    # Only this check needs discord.py.
    from bot.process.login import LoginError, application

    try:
        registered = application(token)
    except LoginError as error:
        yield Finding("Discord", False, str(error))
        return
    yield from _servers(settings, public=registered.public)
    if not registered.lacking:
        yield Finding("Discord", True, "the token works; the bot is in no server yet")
    for guild, lacking in registered.lacking.items():
        permissions = f"missing permissions: {', '.join(lacking)}"
        details = permissions if lacking else "all permissions granted"
        yield Finding(f"server {guild}", not lacking, details)


def _servers(settings: Settings, *, public: bool) -> Iterator[Finding]:
    """Warn if anyone can add the bot to a server."""
    if settings.guilds.allowed == "all" and public:
        yield Finding("servers", True, ANYBODY, warning=True)
