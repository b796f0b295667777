"""The commands that bring sources in and keep them in step: `index`, and `source` with its own.

A source is a file, a folder or an address of the web that was named once. Files are looked at again
by every `index`, by `index --watch` whenever something in them changes, and by a running bot every
few seconds. The web is visited by `source add`, by `source sync`, and by a running bot once a day;
`index` takes in what was fetched then, and needs no network.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from bot.cli import source_output
from bot.cli.console import (
    ConfigOption,
    DataOption,
    JsonOption,
    err,
    fail,
    out,
    print_json,
    settings_from,
    shown,
    tell_event,
)
from bot.config import Settings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.index_updates import run_to_end
from bot.engine.web_sync import visits
from bot.sources.messages import problem
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.corpus import channel_location, located_channel
from knowledge.files.parsed_file import one_line
from knowledge.files.scan import Scan
from knowledge.model.documents import INSIDE, SHARED, Failure, Scope
from knowledge.model.guilds import Language
from knowledge.web.crawl import is_web
from knowledge.web.addresses import normal_url

# Single files and network folders send no word of a change: all are looked at this often, too.
LOOK_SECONDS: Final = 10

# The exit code where nothing could be read from a source that was added.
UNREAD: Final = 1

source = typer.Typer(
    help="The files, folders and addresses of the web that are answered from.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

LocationsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE…", help="Files, folders, addresses of the web.", show_default=False
    ),
]

SomeArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE…", help="Some of the sources.", show_default="all of them"),
]


def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files and folders to import.", show_default=False),
    ] = None,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and take in every change until Ctrl+C.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which files would be read.")
    ] = False,
) -> None:
    """Import files and folders, and bring the index up to date with every source.

    Files that have not changed since they were imported are not read again. It can be stopped at
    any moment: the next run goes on from there. A running bot follows by itself.

    With --json, events a line on standard error say how far it is, and the report at the end is
    one object on standard output.
    """
    settings = settings_from(config_file, data)
    # A path without a name would be the folder that the command was given in.
    for path in paths or ():
        _check_named(path)
    named = [Path(path) for path in paths or ()]
    with Core(settings, rebuild=not dry_run) as core:
        if dry_run:
            _show_plan(core.plan(named), as_json=as_json)
            return
        corpus.add_sources(core.store, named)
        _update(core, as_json=as_json)
    if watch:
        with Core(settings) as core:
            _watch(core, as_json=as_json)


def _show_plan(plan: Scan, *, as_json: bool) -> None:
    if as_json:
        print_json(source_output.plan_record(plan))
    else:
        out.print(source_output.plan_text(plan), soft_wrap=True)


def _update(
    core: Core, *, as_json: bool, retry: bool = False, named: Sequence[str] = ()
) -> list[str]:
    """Bring everything in step, close the core, and show what was done.

    Returns:
        Those of the named sources that could not be read, and gave nothing to answer from.
    """
    started = time.monotonic()
    report = shown(index_updates.update(core, retry=retry), "Reading the sources", as_json=as_json)
    chats = core.chats() if any(INSIDE in document_id for document_id in report.added) else {}
    unread = [
        state.location
        for state in core.source_states()
        if state.location in named and state.failures and not state.documents
    ]
    passages = sum(core.index.tables.passages_by_scope().values())
    index_updates.complete(core)
    if as_json:
        print_json(source_output.report_record(report))
        return unread
    seconds = time.monotonic() - started
    out.print(source_output.report_text(report, passages, seconds), soft_wrap=True)
    if chats:
        out.print(source_output.chats_text(chats), soft_wrap=True)
    _show_failures(report.failed)
    return unread


def _show_failures(failures: Sequence[Failure]) -> None:
    for failure in failures:
        line = f"[yellow]failed[/yellow] {escape(failure.source)} {escape(failure.reason)}"
        err.print(line, soft_wrap=True)


def _watch(core: Core, *, as_json: bool) -> None:
    """Take in every change until the process is stopped; sources may be added meanwhile."""
    if not as_json:
        err.print("Watching the sources; Ctrl+C ends it.")
    shown_before: set[Failure] = set(core.failures())
    while True:
        locations = core.locations()
        for _ in _changes(locations):
            report = run_to_end(index_updates.follow(core))
            new = [failure for failure in report.failed if failure not in shown_before]
            shown_before = set(report.failed)
            _show_step(report, new, as_json=as_json)
            if core.locations() != locations:
                break


def _changes(locations: Sequence[Path]) -> Iterator[object]:
    """Something whenever a source may have changed, at the latest after `LOOK_SECONDS`."""
    from watchfiles import watch

    there = [location for location in locations if location.exists()]
    # Without a folder there is nothing to watch but the clock.
    yield from watch(
        *(there or [Path.cwd()]),
        watch_filter=None if there else lambda *_: False,
        recursive=bool(there),
        rust_timeout=LOOK_SECONDS * 1000,
        yield_on_timeout=True,
        raise_interrupt=True,
    )


def _show_step(report: UpdateReport, new: Sequence[Failure], *, as_json: bool) -> None:
    if not (report.touched or new):
        return
    if as_json:
        tell_event("indexed", source_output.report_record(report))
        return
    out.print(str(report))
    _show_failures(new)


@source.command("list")
def list_sources(
    config_file: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """List every source: what it gave, when, and every failure with its reason."""
    with Core(settings_from(config_file, data)) as core:
        english = partial(problem, language=Language.ENGLISH)
        states = [*core.source_states(), *core.channel_states(english)]
    if as_json:
        for state in states:
            print_json(source_output.source_record(state))
    elif states:
        out.print(source_output.sources_text(states), soft_wrap=True)
    else:
        out.print("There is no source yet: name files or folders to `commonplace source add`.")


@source.command("add")
def add_sources(
    locations: LocationsArgument,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    guild: Annotated[
        str | None,
        typer.Option(metavar="ID", help="For this server only; else for every server."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the folder can be read on the web, for citations to lead there; else at "
            'the remote of its Git checkout. "" for nowhere.',
        ),
    ] = None,
) -> None:
    """Add files, folders or addresses of the web as sources, and read them.

    An address is that of a page, of a sitemap or of an llms.txt; a sitemap's pages are all read,
    with a pause between two of them. Chat exports are answered from in their own server only.
    """
    settings = settings_from(config_file, data)
    scope = guild_scope(guild) if guild is not None else SHARED
    with Core(settings, rebuild=True) as core:
        for location in locations:
            _check_named(location)
            _check_scope(core, location, scope)
        paths = [Path(each) for each in locations if not is_web(each)]
        addresses = [_location(each) for each in locations if is_web(each)]
        if base_url is not None and (addresses or len(paths) > 1):
            fail("--base-url says where one file or folder can be read: add others by themselves.")
        corpus.add_sources(core.store, paths, scope, base_url)
        for address in addresses:
            corpus.add_web_source(core.store, address, scope)
        _visit(settings, core, addresses, as_json=as_json)
        named = [_location(each) for each in locations]
        unread = _update(core, as_json=as_json, named=named)
    if unread:
        fail(source_output.unread_text(unread), UNREAD)


def guild_scope(guild: str) -> Scope:
    number = int(guild) if guild.isascii() and guild.isdigit() and len(guild) < 20 else 0
    if not 0 < number < 1 << 63:
        fail(
            f"--guild {one_line(guild)} is no server's id: give the number that *Copy Server ID* "
            "in Discord gives."
        )
    return Scope(number)


def _check_named(location: str) -> None:
    """Refuse what is neither a path nor an address of a kind that can be fetched."""
    if not location.strip():
        fail("A source without a name was given: name a file, a folder or an address of the web.")
    scheme, colon, _ = location.partition("://")
    if colon and scheme.isalnum() and not is_web(location):
        fail(f"{one_line(location)} is no address that can be fetched: name one of http or https.")


def _check_scope(core: Core, location: str, scope: Scope) -> None:
    """Refuse to add a source once more for somebody else: it would be for whoever was first."""
    scopes = core.sources().get(_location(location), [scope])
    if scope not in scopes:
        whose = "every server" if SHARED in scopes else f"server {scopes[0]}"
        fail(f"{one_line(location)} is a source for {whose} already: remove it first.")


def _location(named: str) -> str:
    if located_channel(named) is not None:
        return named
    if is_web(named):
        return normal_url(named) or named
    try:
        return str(Path(named).resolve())
    except (OSError, RuntimeError, ValueError):
        # Links that lead in a circle; it is said when the path is looked at.
        return str(Path(named).absolute())


@source.command("remove")
def remove_sources(
    locations: LocationsArgument,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove sources: what was read from them is answered from no more."""
    with Core(settings_from(config_file, data), rebuild=True) as core:
        _check_known(core, locations)
        for location in locations:
            channel_id = located_channel(location)
            if channel_id is not None:
                core.remove_channel(channel_id)
            else:
                core.remove_source(_location(location))
        _update(core, as_json=as_json)


def _check_known(core: Core, locations: Sequence[str]) -> None:
    for location in locations:
        _check_named(location)
    followed = [channel_location(each.id) for each in core.store.synced_channels.all()]
    known = [*core.sources(), *followed]
    for location in locations:
        if _location(location) not in known:
            listed = ", ".join(known) or "none"
            if location == "articles":
                fail('The bundled articles end with `articles.bundled = "never"` in config.toml.')
            fail(f"{one_line(location)} is not a source. The sources are: {listed}.")


@source.command("sync")
def sync_sources(
    locations: SomeArgument = None,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at every source anew: files that failed are read again, the web is visited.

    Of the web, only addresses that are named are visited, where any source is named.
    """
    settings = settings_from(config_file, data)
    with Core(settings, rebuild=True) as core:
        _check_known(core, locations or ())
        named = [_location(each) for each in locations or ()]
        if [*core.store.synced_channels.all()] and (not named or any(map(located_channel, named))):
            err.print("Channels are read by the running bot alone: `/source sync` in Discord.")
        visited = [each for each in core.web_sources() if not named or each in named]
        _visit(settings, core, visited, as_json=as_json)
        _update(core, as_json=as_json, retry=True)


def _visit(settings: Settings, core: Core, visited: Sequence[str], *, as_json: bool) -> None:
    if not visited:
        return
    report = UpdateReport()
    steps = (
        Progress(step.done, step.total, step.url, report)
        for step in visits(core.folder, core.web_sources(), settings.sources, named=visited)
    )
    shown(steps, "Visiting the web", as_json=as_json)
