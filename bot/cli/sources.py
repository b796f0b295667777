"""The commands `index` and `source`: add sources and keep the index in step with them.

A source is a file, a folder or a web address. Files are read again after a change, by `index`, by
`index --watch` and by a running bot. Web pages are fetched by `source add`, `source sync` and, once
a day, a running bot; `index` uses the pages fetched before and needs no network.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from bot.cli import console, named_sources
from bot.cli.named_sources import SourceOptions
from bot.cli.source_check import SourceCheck, check, check_text, cited_pages, links_text
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.models.serving_model import is_serving
from bot.sources import messages
from bot.sources.service import import_tags
from bot.sources.web_sync import fetchers, visit_sources
from bot.storage.data_folder import data_folder, is_bot_running, open_store
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge.corpus import SourceState
from knowledge.files.foreign_tags import tags_at
from knowledge.files.parsed_file import UnreadableError, one_line
from knowledge.files.scan import Scan, count_unread_files, files_in
from knowledge.files.site_addresses import split_base_url
from knowledge.sources.addition import add_paths, check_paths
from knowledge.sources.kinds.registry import Channel, source_at
from knowledge.sources.link_check import LinkCheck, check_links
from knowledge.sources.net.addresses import InternalHosts
from knowledge.text import count_of
from knowledge.values.documents import (
    INSIDE,
    SHARED,
    Failure,
    Scope,
    article_of_document,
    channel_of,
)
from knowledge.values.notes import Member

# Polling interval, for single files and network folders, which report no changes.
POLL_SECONDS: Final = 10

# The exit code if a new source gave nothing.
UNREAD: Final = 1

TRY: Final = "Try it with `commonplace ask`."
TRY_BOTH: Final = f"{TRY} The running bot uses it, too."
TRY_IN_PREVIEW: Final = "Try it on the preview's page."

# How many kinds of unread files a line names.
KINDS: Final = 5
# Characters of an abbreviated commit id.
COMMIT_CHARACTERS: Final = 10

source = console.plain_group("Add, list, sync and remove sources.")

LocationsArgument = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE…", help="Files, folders, web addresses.", show_default=False),
]

SomeArgument = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE…", help="Sources to sync; default: all.")
]


@console.with_settings(console.Begins.ANY)
def index(
    settings: Settings,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files and folders to import.", show_default=False),
    ] = None,
    as_json: console.JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep indexing changes until Ctrl+C.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the files that would be read.")
    ] = False,
    yes: named_sources.YesOption = False,
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
            plan = plan_record(core.plan(named))
            console.show(plan, plan_text(plan), as_json=as_json)
            _show_unread(named, as_json=as_json)
            return
        check_paths(named)
        named_sources.confirm_sizes(core, named, yes=yes)
        import_paths(core, named, as_json=as_json)
    while watch:
        # Reopen once another model serves, to keep its index in step.
        with Core(settings) as core:
            _watch(core, as_json=as_json)


def import_paths(
    core: Core, paths: Sequence[Path], *, as_json: bool = False, next_step: str = ""
) -> None:
    """Add files and folders as sources, update the index, and print the report and `next_step`."""
    add_paths(core.store, paths)
    named_sources.claim_on_this_machine(core, [str(path.resolve()) for path in paths])
    _update(core, as_json=as_json, next_step=next_step)
    _show_unread(paths, as_json=as_json)


def _show_unread(paths: Sequence[Path], *, as_json: bool) -> None:
    """Count files of unreadable kinds, and name folders without a readable file."""
    if not as_json:
        for path in paths:
            if kinds := count_unread_files(path):
                console.say(f"Not read in {path}: {_kinds(kinds)}.")
            if path.is_dir() and next(files_in(path.resolve()), None) is None:
                console.say(f"{path} has no file to read yet.")


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
    report = console.run_with_progress(
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
    added = _without_articles(report.added)
    checked = check(core, added) if checks and added else None
    index_updates.complete_update(core)
    follows = (report.added or report.changed) and is_bot_running(core.folder)
    # The report of people leaves out the bundled articles.
    own = replace(
        report,
        added=added,
        changed=_without_articles(report.changed),
        removed=_without_articles(report.removed),
    )
    lines = [
        f"{own}.",
        f"{count_of(passages, 'passage')} can be quoted. This took "
        f"{time.monotonic() - started:,.1f} s.",
        "" if refused else next_step or (TRY_BOTH if follows else TRY),
    ]
    console.show(report_record(report, checked), "\n".join(filter(None, lines)), as_json=as_json)
    if not as_json:
        if chats:
            console.say(chats_text(chats))
        if checked is not None:
            console.say(check_text(checked))
        _show_failures(report.failed)
    return unread


def _show_failures(failures: Sequence[Failure]) -> None:
    for failure in failures:
        failed = ("failed", "yellow")
        console.say(Text.assemble(failed, f" {failure.source} {failure.reason}"), console.err)


def _watch(core: Core, *, as_json: bool) -> None:
    """Index all changes, also in sources added meanwhile, until another model serves."""
    if not as_json:
        console.err.print("Watching the sources. Press Ctrl+C to stop.")
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
        console.print_event("indexed", report_record(report))
        return
    console.out.print(str(report))
    _show_failures(new)


@source.command("list", cls=console.PlainCommand)
@console.with_settings()
def list_sources(settings: Settings, as_json: console.JsonOption = False) -> None:
    """List every source with its documents, the time it was read, and its failures.

    Example:
        commonplace source list
    """
    with Core(settings) as core:
        states = [*core.source_states(), *core.channel_states(messages.problem)]
    # Unread files are counted only to be named.
    text = Text() if as_json else sources_text(states)
    console.show([*map(source_record, states)], text, as_json=as_json)


@source.command("add", cls=console.PlainCommand)
@console.with_settings(console.Begins.ANY)
def add_sources(
    settings: Settings,
    locations: LocationsArgument,
    options: SourceOptions,
    as_json: console.JsonOption = False,
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
    with Core(settings, rebuild=True) as core:
        before = set(core.sources())
        named = named_sources.add(core, locations, options, settings)
        visited = [location for location in named if source_at(location).is_visited]
        _visit(settings, core, visited, as_json=as_json)
        unread = _update(core, as_json=as_json, named=named, new=set(named) - before, checks=True)
    if links:
        _check_links(settings, named, as_json=as_json)
    paths = [Path(location) for location in named if location not in visited]
    _show_unread(paths, as_json=as_json)
    if unread:
        console.fail(unread_text(unread, before), UNREAD)


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
            console.run_with_progress(steps, "Checking the links", as_json=as_json)
    record = {"links": {**asdict(found), "unanchored": sorted(found.unanchored)}}
    console.show(record, links_text(found), as_json=as_json)


@source.command("remove", cls=console.PlainCommand)
@console.with_settings()
def remove_sources(
    settings: Settings, locations: LocationsArgument, as_json: console.JsonOption = False
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


@source.command("sync", cls=console.PlainCommand)
@console.with_settings()
def sync_sources(
    settings: Settings, locations: SomeArgument = None, as_json: console.JsonOption = False
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
            console.err.print("Only the running bot reads channels: use `/source sync` in Discord.")
        visited = [location for location in core.web_sources() if not named or location in named]
        _visit(settings, core, visited, as_json=as_json)
        _update(core, as_json=as_json, retry=True, named=named)


@source.command("import-tags", cls=console.PlainCommand)
@console.with_settings()
def import_tags_of(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file, zip or folder of another bot's tags.")
    ],
    guild: Annotated[str, typer.Option(metavar="ID", help="The server for the notes.")],
    member: Annotated[str, typer.Option(metavar="ID", help="The member whose notes they become.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="The member's name in the server.")],
    as_json: console.JsonOption = False,
) -> None:
    """Make another bot's tags notes that moderators approve in `/review`, twenty at once.

    Reads the settings.json of Red's CustomCommands and Tags cogs, tables with the columns name,
    text and aliases, and Markdown files with front matter. Aliases become other ways to ask. Tags
    imported before are left out.

    Example:
        commonplace source import-tags settings.json --guild 1 --member 2 --name Ada
    """
    guild_id, member_id = console.guild_scope(guild), console.id_of(member, "--member", "user")
    try:
        found = tags_at(file, guild_id)
    except UnreadableError as error:
        console.fail(f"{file} {error}")
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        if not store.guilds.settings(guild_id).complete:
            console.fail(
                f"The server {guild_id} has no review yet: an administrator uses `/setup`."
            )
        *_, result = import_tags(store, guild_id, Member(member_id, name), 0, found.tags)
    refused = {name: str(error) for name, error in result.refused}
    record = {"new": result.new, "known": result.known, "refused": refused, "unread": found.unread}
    lines = [
        f"{count_of(result.new, 'new note')}, to approve in `/review`, *Imported notes*.",
        f"{count_of(result.known, 'tag')} known here already." if result.known else "",
        *(f"left out {name}: {why}" for name, why in {**refused, **found.unread}.items()),
    ]
    console.show(record, "\n".join(filter(None, lines)), as_json=as_json)


def _visit(settings: Settings, core: Core, visited: Sequence[str], *, as_json: bool) -> None:
    if not visited:
        return
    report = UpdateReport()
    steps = (
        Progress(step.done, step.total, step.key, report)
        for step in visit_sources(core.web_sources(), settings, named=visited)
    )
    console.run_with_progress(steps, "Visiting the web", as_json=as_json)


# Output.


def report_record(report: UpdateReport, checked: SourceCheck | None = None) -> dict[str, Any]:
    check = {} if checked is None else {"check": asdict(checked)}
    return {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "failed": _failure_records(report.failed),
        "passages": report.passages,
        "embedded": report.embedded,
        **check,
    }


def _failure_records(failures: Iterable[Failure]) -> list[dict[str, str]]:
    return [{"source": failure.source, "reason": failure.reason} for failure in failures]


def _without_articles(document_ids: Sequence[str]) -> list[str]:
    return [document_id for document_id in document_ids if not article_of_document(document_id)]


def plan_record(plan: Scan) -> dict[str, Any]:
    stale = {str(found.path): found.before is None for found in plan.stale}
    return {
        "new": [path for path, is_new in stale.items() if is_new],
        "changed": [
            path for path, is_new in stale.items() if not is_new and path not in plan.moved
        ],
        "moved": plan.moved,
        "gone": [record.path for record in plan.vanished],
        "unchanged": len(plan.unchanged),
        "failed": _failure_records(plan.failures),
    }


def plan_text(plan: Mapping[str, Any]) -> Text:
    lines = [
        *(f"new      {path}" for path in plan["new"]),
        *(f"changed  {path}" for path in plan["changed"]),
        *(f"moved    {old} → {new}" for new, old in plan["moved"].items()),
        *(f"gone     {path}" for path in plan["gone"]),
        *(f"failed   {failure['source']} {failure['reason']}" for failure in plan["failed"]),
    ]
    stale = len(plan["new"]) + len(plan["changed"]) + len(plan["moved"])
    lines.append(
        f"To read: {stale:,}; to take out: {len(plan['gone']):,}; unchanged: "
        f"{plan['unchanged']:,}. Nothing was changed."
    )
    return Text("\n".join(lines))


def source_record(state: SourceState) -> dict[str, Any]:
    return {
        "location": state.location,
        "scope": _whose(state.scope),
        "files": state.files,
        "documents": state.documents,
        "without_text": state.without_text,
        "read_at": state.read_at.isoformat() if state.read_at else None,
        "failed": _failure_records(state.failures),
        "base_url": state.base_url,
        "commit": state.commit,
        "licence": state.licence,
        "machine": state.machine,
    }


def _whose(scope: Scope) -> str:
    if scope == SHARED:
        return "shared"
    channel_id = channel_of(scope)
    return str(scope) if channel_id is None else Channel.at(channel_id)


def sources_text(states: Sequence[SourceState]) -> Text:
    if not states:
        return Text("There is no source yet. Add one with `commonplace source add`.")
    text = Text()
    for state in states:
        text.append(state.location, style="bold")
        if state.scope > SHARED:
            text.append(f"  server {state.scope}", style="dim")
        never = "not read yet" if source_at(state.location).is_visited else "nothing to read yet"
        read = f"{state.read_at:%d %b %Y %H:%M} UTC" if state.read_at else never
        read += f" · commit {state.commit[:COMMIT_CHARACTERS]}" if state.commit else ""
        read += f" · {state.licence}" if state.licence else ""
        entries = count_of(state.files, source_at(state.location).unit)
        given = f"{count_of(state.documents, 'document')} from {entries}"
        text.append(f"\n  {given} · {read}\n")
        if state.without_text:
            text.append(f"  no text of their own, only links or a title: {state.without_text}\n")
        if state.machine:
            text.append(f"  followed on the machine {state.machine} alone\n")
        if state.base_url:
            text.append(f"  cited at {state.base_url}\n")
        folder = Path(state.location)
        if folder.is_absolute() and (kinds := count_unread_files(folder)):
            text.append(f"  not read: {_kinds(kinds)}\n")
        for failure in state.failures:
            text.append(f"  failed {failure.source} {failure.reason}\n", style="yellow")
    return text


def _kinds(kinds: Mapping[str, int]) -> str:
    """Counts of files by suffix, the most frequent first: `12 .png, 3 .yml`."""
    most = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    named = [f"{count} {suffix}" for suffix, count in most[:KINDS]]
    others = sum(count for _, count in most[KINDS:])
    return ", ".join([*named, *([f"{others} of other kinds"] if others else [])])


def unread_text(unread: Collection[str], before: Collection[str]) -> str:
    """Name the unreadable sources. Sources known `before` remain; other sources aren't added."""
    old = ", ".join(one_line(source_at(location).url) for location in unread if location in before)
    new = ", ".join(
        one_line(source_at(location).url) for location in unread if location not in before
    )
    sentences = [
        f"Nothing could be read from {new}, so nothing was added." if new else "",
        f"Nothing could be read from {old}. It stays a source, as before: "
        "`commonplace source sync` retries, `commonplace source remove` removes it."
        if old
        else "",
    ]
    return " ".join(filter(None, sentences))


def chats_text(chats: Mapping[Scope, int]) -> Text:
    lines = [
        f"Everyone in server {scope}, and nobody else, can be shown "
        f"{count_of(count, 'conversation')} from chat exports."
        for scope, count in chats.items()
    ]
    lines.append("Remove exports of channels that not everyone there may read.")
    return Text("\n".join(lines), style="yellow")
