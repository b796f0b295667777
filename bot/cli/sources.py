"""The commands `index` and `source`: add sources and keep the index in step with them.

A source is a file, a folder or a web address. Files are read again after a change, by `index`, by
`index --watch` and by a running bot. Web pages are fetched by `source add`, `source sync` and, once
a day, a running bot; `index` uses the pages fetched before and needs no network.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from bot.cli import named_sources, source_output
from bot.cli.console import (
    Begins,
    JsonOption,
    err,
    fail,
    out,
    print_event,
    print_json,
    run_with_progress,
    show,
    with_settings,
)
from bot.cli.help_text import PlainCommand, plain_group
from bot.cli.named_sources import SourceOptions
from bot.cli.source_check import check, cited_pages
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.models.serving_model import is_serving
from bot.sources import messages
from bot.sources.tag_import import import_tags
from bot.sources.web_sync import fetchers, recognise_service, visit_sources
from bot.storage.data_folder import data_folder, is_bot_running, open_store
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge.files.foreign_tags import tags_at
from knowledge.files.parsed_file import UnreadableError, one_line
from knowledge.files.scan import Scan, count_unread_files, files_in
from knowledge.files.site_addresses import split_base_url
from knowledge.sources.addition import add_paths
from knowledge.sources.kinds.folder import Channel
from knowledge.sources.kinds.registry import SERVICES, source_at
from knowledge.sources.kinds.site import DEPTH, MOST_DEPTH, MOST_PAGES, PAGES
from knowledge.sources.link_check import LinkCheck, check_links
from knowledge.sources.net.internal_hosts import InternalHosts
from knowledge.text import count_of
from knowledge.values.documents import INSIDE, SHARED, Failure, Scope
from knowledge.values.guilds import Language
from knowledge.values.notes import Member

# Polling interval, for single files and network folders, which report no changes.
POLL_SECONDS: Final = 10

# The largest id that a database holds.
MOST_ID: Final = (1 << 63) - 1

# The exit code if a new source gave nothing.
UNREAD: Final = 1

source = plain_group("Add, list, sync and remove sources.")

LocationsArgument = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE…", help="Files, folders, web addresses.", show_default=False),
]

SomeArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE…", help="Sources to sync; default: all."),
]


@with_settings(Begins.ANY)
def index(
    settings: Settings,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files and folders to import.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep indexing changes until Ctrl+C.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the files that would be read.")
    ] = False,
) -> None:
    """Import files and folders, and update the index from every source.

    Unchanged files are not read again. If you stop the command, the next run continues. A running
    bot uses the new index by itself.

    With --json, progress events go to standard error, one a line, and the final report to standard
    output.

    Example:
        commonplace index handbook/ faq.md
        commonplace index --watch
    """
    # An empty path would be the current folder.
    for path in paths or ():
        named_sources.check_source_name(path)
    named = [Path(path) for path in paths or ()]
    with Core(settings, rebuild=not dry_run) as core:
        if dry_run:
            _show_plan(core.plan(named), as_json=as_json)
            _show_unread(named, as_json=as_json)
            return
        import_paths(core, named, as_json=as_json)
    while watch:
        # Reopen once another model serves, to keep its index in step.
        with Core(settings) as core:
            _watch(core, as_json=as_json)


def import_paths(
    core: Core, paths: Sequence[Path], *, as_json: bool = False, next_step: str = ""
) -> None:
    """Add files and folders as sources, update the index, and print the report.

    `next_step` replaces the hint to try `commonplace ask`.
    """
    add_paths(core.store, paths)
    named_sources.claim_on_this_machine(core, [str(path.resolve()) for path in paths])
    _update(core, as_json=as_json, next_step=next_step)
    _show_unread(paths, as_json=as_json)


def _show_unread(paths: Sequence[Path], *, as_json: bool) -> None:
    """Count files of unreadable kinds, and name folders without a readable file."""
    if not as_json:
        for path in paths:
            text = source_output.unread_kinds_text(str(path), count_unread_files(path))
            out.print(text, end="", soft_wrap=True)
            if path.is_dir() and next(files_in(path.resolve()), None) is None:
                out.print(f"{path} has no file to read yet.", soft_wrap=True, markup=False)


def _show_plan(plan: Scan, *, as_json: bool) -> None:
    if as_json:
        print_json(source_output.plan_record(plan))
    else:
        out.print(source_output.plan_text(plan), soft_wrap=True)


def _update(
    core: Core,
    *,
    as_json: bool,
    retry: bool = False,
    named: Sequence[str] = (),
    new: Collection[str] = (),
    next_step: str = "",
    checks: bool = False,
) -> list[str]:
    """Update the index, close the core, and print the report.

    With `named` sources, only their failures are printed. A `new` source among them is removed
    again if nothing could be read from it.

    Returns:
        The named sources that failed and have no documents.
    """
    started = time.monotonic()
    report = run_with_progress(
        index_updates.update(core, retry=retry), "Reading the sources", as_json=as_json
    )
    chats = core.chats() if any(INSIDE in document_id for document_id in report.added) else {}
    states = [state for state in core.source_states() if state.location in named]
    unread = [state.location for state in states if state.failures and not state.documents]
    if named:
        report.failed = [failure for state in states for failure in state.failures]
    refused = [location for location in unread if location in new]
    for location in refused:
        core.remove_source(location)
    if refused:
        # Delete their documents and records, too.
        run_to_end(index_updates.update(core))
    passages = sum(core.index.tables.passages_by_scope().values())
    added = source_output.without_articles(report.added)
    checked = check(core, added) if checks and added else None
    index_updates.complete_update(core)
    if as_json:
        print_json(source_output.report_record(report, checked))
        return unread
    seconds = time.monotonic() - started
    follows = (report.added or report.changed) and is_bot_running(core.folder)
    ask = source_output.TRY_BOTH if follows else source_output.TRY
    step = "" if refused else next_step or ask
    text = source_output.report_text(report, passages, seconds, step)
    out.print(text, soft_wrap=True)
    if chats:
        out.print(source_output.chats_text(chats), soft_wrap=True)
    if checked is not None:
        out.print(source_output.check_text(checked), end="", soft_wrap=True)
    _show_failures(report.failed)
    return unread


def _show_failures(failures: Sequence[Failure]) -> None:
    for failure in failures:
        line = f"[yellow]failed[/yellow] {escape(failure.source)} {escape(failure.reason)}"
        err.print(line, soft_wrap=True)


def _watch(core: Core, *, as_json: bool) -> None:
    """Index all changes, also in sources added meanwhile, until another model serves."""
    if not as_json:
        err.print("Watching the sources. Press Ctrl+C to stop.")
    shown_before: set[Failure] = set(core.failures())
    while is_serving(core.folder, core.served):
        locations = core.locations()
        for _ in _changes(locations):
            report = run_to_end(index_updates.update_files(core))
            new = [failure for failure in report.failed if failure not in shown_before]
            shown_before = set(report.failed)
            _show_step(report, new, as_json=as_json)
            if core.locations() != locations or not is_serving(core.folder, core.served):
                break


def _changes(locations: Sequence[Path]) -> Iterator[object]:
    """Yield whenever a source has changed, and at least every `POLL_SECONDS`."""
    from watchfiles import watch

    there = [location for location in locations if location.exists()]
    # Without a path, only the timeout wakes it.
    yield from watch(
        *(there or [Path.cwd()]),
        watch_filter=None if there else lambda *_: False,
        recursive=bool(there),
        rust_timeout=POLL_SECONDS * 1000,
        yield_on_timeout=True,
        raise_interrupt=True,
    )


def _show_step(report: UpdateReport, new: Sequence[Failure], *, as_json: bool) -> None:
    if not (report.touched or new):
        return
    if as_json:
        print_event("indexed", source_output.report_record(report))
        return
    out.print(str(report))
    _show_failures(new)


@source.command("list", cls=PlainCommand)
@with_settings()
def list_sources(
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """List every source with its documents, the time it was read, and its failures.

    Example:
        commonplace source list
    """
    with Core(settings) as core:
        english = partial(messages.problem, language=Language.ENGLISH)
        states = [*core.source_states(), *core.channel_states(english)]
    if as_json:
        for state in states:
            print_json(source_output.source_record(state))
    elif states:
        unread = {
            state.location: count_unread_files(Path(state.location))
            for state in states
            if Path(state.location).is_absolute()
        }
        out.print(source_output.sources_text(states, unread), soft_wrap=True)
    else:
        out.print("There is no source yet. Add one with `commonplace source add`.")


@source.command("add", cls=PlainCommand)
@with_settings(Begins.ANY)
def add_sources(
    settings: Settings,
    locations: LocationsArgument,
    as_json: JsonOption = False,
    guild: Annotated[
        str | None,
        typer.Option(metavar="ID", help="For this server only; default: every server."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Web address of the folder or repository, for links in citations. Its generator "
            "may stand in front (mkdocs:https://…), or it may be a template (see "
            'docs/sources.md). Default: the remote of its Git checkout; "" for none.',
        ),
    ] = None,
    git: Annotated[
        bool, typer.Option("--git", help="Treat the address as a Git repository.")
    ] = False,
    branch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The branch to follow; default: the repository's own."),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Read only this folder of a repository."),
    ] = None,
    crawl: Annotated[
        bool, typer.Option("--crawl", help="Also read the pages below the address, found by links.")
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"How many links deep to crawl, 0 to {MOST_DEPTH}; default: {DEPTH}.",
        ),
    ] = None,
    pages: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"How many pages to crawl, 1 to {MOST_PAGES}; default: {PAGES}.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help=f"What is there, if no page: {', '.join(sorted(SERVICES))}.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Read only a part of a wiki, forum or tracker, such as category=Guides.",
        ),
    ] = None,
    links: Annotated[
        bool,
        typer.Option("--check-links", help="Fetch the cited pages, and name links that break."),
    ] = False,
) -> None:
    """Add files, folders, repositories or web addresses as sources, and read them.

    A web address may be a page, a sitemap or an llms.txt. A sitemap's pages are all read, with a
    pause between requests. https://github.com/owner/name, and any address that ends in .git, is a
    Git repository. A chat export is quoted in its own server only.

    --check-links fetches up to 300 cited pages, one a second. With --json, the result of this
    check is a second line.

    Example:
        commonplace source add handbook/ --base-url https://docs.example.org
        commonplace source add https://docs.example.org/guide/ --crawl
        commonplace source add https://github.com/owner/name --path docs/
    """
    options = SourceOptions(
        scope=guild_scope(guild) if guild is not None else SHARED,
        base_url=base_url,
        git=git,
        branch=branch,
        folder=path,
        crawl=crawl,
        depth=depth,
        pages=pages,
        kind=kind,
        only=only or (),
        internal=InternalHosts.of(settings.sources.internal),
        recognise=partial(recognise_service, settings=settings),
    )
    with Core(settings, rebuild=True) as core:
        before = set(core.sources())
        named = named_sources.add(core, locations, options)
        visited = [location for location in named if source_at(location).is_visited]
        _visit(settings, core, visited, as_json=as_json)
        unread = _update(core, as_json=as_json, named=named, new=set(named) - before, checks=True)
    if links:
        _check_links(settings, named, as_json=as_json)
    paths = [Path(location) for location in named if location not in visited]
    _show_unread(paths, as_json=as_json)
    if unread:
        fail(source_output.unread_text(unread, before), UNREAD)


def _check_links(settings: Settings, named: Sequence[str], *, as_json: bool) -> None:
    """Fetch the pages that citations of these sources link to, and print the broken links."""
    hosts = InternalHosts.of(settings.sources.internal)
    with Core(settings) as core:
        base_urls = core.store.base_urls()
        cited = {location: cited_pages(core, location) for location in named}
    found, report = LinkCheck(), UpdateReport()
    with fetchers(settings.sources, time.sleep) as fetcher_for:
        for location, pages in cited.items():
            _, address = split_base_url(base_urls.get(location, ""))
            is_internal = hosts.has(address) or source_at(location).is_internal
            steps = (
                Progress(step.done, step.total, step.key, report)
                for step in check_links(pages, fetcher_for(is_internal), found)
            )
            run_with_progress(steps, "Checking the links", as_json=as_json)
    if as_json:
        print_json(source_output.links_record(found))
    else:
        out.print(source_output.links_text(found), end="", soft_wrap=True)


def guild_scope(guild: str) -> Scope:
    return Scope(_id(guild, "--guild", "server"))


def _id(typed: str, option: str, thing: str) -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 20 else 0
    if not 0 < number <= MOST_ID:
        fail(
            f"{option} {one_line(typed)} is no {thing}'s id. Discord's *Copy {thing.title()} ID* "
            "gives the number."
        )
    return number


@source.command("remove", cls=PlainCommand)
@with_settings()
def remove_sources(
    settings: Settings,
    locations: LocationsArgument,
    as_json: JsonOption = False,
) -> None:
    """Remove sources, and their documents from the index.

    Example:
        commonplace source remove handbook/
    """
    with Core(settings, rebuild=True) as core:
        for location in named_sources.find_locations(core, locations):
            if (channel_id := Channel.id_of(location)) is not None:
                core.remove_channel(channel_id)
            else:
                core.remove_source(location)
        _update(core, as_json=as_json)


@source.command("sync", cls=PlainCommand)
@with_settings()
def sync_sources(
    settings: Settings,
    locations: SomeArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch all or only the named web sources; read all changed or previously failed files.

    Example:
        commonplace source sync https://docs.example.org/guide/
    """
    with Core(settings, rebuild=True) as core:
        named = named_sources.find_locations(core, locations or ())
        if [*core.store.synced_channels.all()] and (
            not named or any(Channel.id_of(location) for location in named)
        ):
            err.print("Only the running bot reads channels: use `/source sync` in Discord.")
        visited = [each for each in core.web_sources() if not named or each in named]
        _visit(settings, core, visited, as_json=as_json)
        _update(core, as_json=as_json, retry=True, named=named)


@source.command("import-tags", cls=PlainCommand)
@with_settings()
def import_tags_of(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file, zip or folder of another bot's tags.")
    ],
    guild: Annotated[str, typer.Option(metavar="ID", help="The server for the notes.")],
    member: Annotated[str, typer.Option(metavar="ID", help="The member whose notes they become.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The member's name in the server.")],
    as_json: JsonOption = False,
) -> None:
    """Make another bot's tags notes that moderators approve in `/review`, twenty at once.

    Reads the settings.json of Red's CustomCommands and Tags cogs, tables with the columns name,
    text and aliases, and Markdown files with front matter. Aliases become other ways to ask. Tags
    imported before are left out.

    Example:
        commonplace source import-tags settings.json --guild 1 --member 2 --name Ada
    """
    guild_id, member_id = guild_scope(guild), _id(member, "--member", "user")
    try:
        found = tags_at(file, guild_id)
    except UnreadableError as error:
        fail(f"{file} {error}")
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        if not store.guilds.settings(guild_id).complete:
            fail(f"The server {guild_id} has no review yet: an administrator uses `/setup`.")
        *_, result = import_tags(store, guild_id, Member(member_id, name), 0, found.tags)
    refused = {name: str(error) for name, error in result.refused}
    record = {"new": result.new, "known": result.known, "refused": refused, "unread": found.unread}
    lines = [
        f"{count_of(result.new, 'new note')}, to approve in `/review`, *Imported notes*.",
        f"{count_of(result.known, 'tag')} known here already." if result.known else "",
        *(f"left out {name}: {why}" for name, why in {**refused, **found.unread}.items()),
    ]
    show(record, "\n".join(filter(None, lines)), as_json=as_json)


def _visit(settings: Settings, core: Core, visited: Sequence[str], *, as_json: bool) -> None:
    if not visited:
        return
    report = UpdateReport()
    steps = (
        Progress(step.done, step.total, step.key, report)
        for step in visit_sources(core.web_sources(), settings, named=visited)
    )
    run_with_progress(steps, "Visiting the web", as_json=as_json)
