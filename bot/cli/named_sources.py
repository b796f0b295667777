"""Sources named on the command line: their kinds, and the options of each kind.

A path is a file or folder or, with `--branch` or `--path`, a Git repository. An address is a
repository if it belongs to a known code host, ends in `.git`, or has `--git`. With `--crawl`, it is
a site. With `--kind`, it is a wiki, forum, tracker or feed; many such addresses are recognised
without `--kind`. Any other address is a page, a sitemap or an llms.txt.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.console import err, fail, guild_scope, say
from bot.config.settings import Settings
from bot.core.core import Core
from bot.sources.web_sync import recognise_service
from knowledge.files.parsed_file import one_line
from knowledge.files.reader import SUFFIXES
from knowledge.files.scan import sizes_of
from knowledge.sources import addition
from knowledge.sources.git.repository import MISSING, is_installed
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import KINDS, SERVICES, Channel, Folder, source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import DEPTH, MOST_DEPTH, MOST_PAGES, PAGES
from knowledge.sources.net import addresses
from knowledge.sources.net.addresses import InternalHosts, can_be_named
from knowledge.sources.source import Service, Source
from knowledge.text import count_of
from knowledge.values.documents import SHARED, Scope

# An address of another scheme, also with a kind or generator in front.
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.:-]*://", re.IGNORECASE)


# A larger folder is read only after a question: it may be mistyped, as `/` is.
MOST_FILES: Final = 20_000
MOST_BYTES: Final = 2_000_000_000
COUNT_SECONDS: Final = 1.0

YesOption = Annotated[
    bool,
    typer.Option(
        "--yes",
        help=f"Read folders of more than {MOST_FILES:,} files or {MOST_BYTES // 10**9} GB unasked.",
    ),
]


@dataclass(frozen=True)
class SourceOptions:
    """Options of `source add`; an option that isn't given is None."""

    guild: Annotated[
        str | None, typer.Option(metavar="ID", help="For this server only; default: every server.")
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Web address of the folder or repository, for links in citations. Its generator "
            "may stand in front (mkdocs:https://…), or it may be a template (see "
            'docs/sources.md). Default: the remote of its Git checkout; "" for none.',
        ),
    ] = None
    git: Annotated[bool, typer.Option("--git", help="Treat the address as a Git repository.")] = (
        False
    )
    branch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The branch to follow; default: the repository's own."),
    ] = None
    path: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Read only this folder of a repository.")
    ] = None
    crawl: Annotated[
        bool, typer.Option("--crawl", help="Also read the pages below the address, found by links.")
    ] = False
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=f"How many links deep to crawl, 0 to {MOST_DEPTH}; default: {DEPTH}."
        ),
    ] = None
    pages: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=f"How many pages to crawl, 1 to {MOST_PAGES}; default: {PAGES}."
        ),
    ] = None
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help=f"What is there, if no page: {', '.join(sorted(SERVICES))}."
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Read only a part of a wiki, forum or tracker, such as category=Guides.",
        ),
    ] = None

    yes: YesOption = False

    @property
    def is_for_repositories(self) -> bool:
        return self.git or self.branch is not None or self.path is not None


def add(core: Core, named: Sequence[str], options: SourceOptions, settings: Settings) -> list[str]:
    """Add the named sources, and return their locations, also of sources added earlier."""
    for name in named:
        check_source_name(name)
    _check(named, options)
    scope = SHARED if options.guild is None else guild_scope(options.guild)
    internal = InternalHosts.of(settings.sources.internal)
    located = [source_at(_location(name, options, internal)) for name in named]
    if options.only and not all(isinstance(source, Service) for source in located):
        fail("--only narrows a wiki, forum or tracker: add its --kind.")
    if options.base_url is not None and (len(named) > 1 or located[0].unit != "file"):
        fail("--base-url is for one file, folder or repository: add the others separately.")
    sources = [_recognise(source, settings) for source in located]
    locations = [source.location for source in sources]
    for location in locations:
        _check_scope(core, location, scope)
    if not is_installed() and any(isinstance(source, GitRepository) for source in sources):
        fail(f"A repository {MISSING}.")
    if paths := [Path(source.location) for source in sources if not source.is_visited]:
        addition.check_paths(paths)
        confirm_sizes(core, paths, yes=options.yes)
        addition.add_paths(core.store, paths, scope, options.base_url)
    for source in sources:
        if source.is_visited:
            addition.add_visited(core.store, source.location, scope, options.base_url)
    claim_on_this_machine(core, locations)
    return locations


def confirm_sizes(core: Core, paths: Sequence[Path], *, yes: bool) -> None:
    """Ask before a very large new source is read; exits if nobody agrees."""
    known = core.sources()
    for path in () if yes else paths:
        said_at = time.monotonic()
        for files, size in sizes_of(path) if str(path.resolve()) not in known else ():
            counted = f"{count_of(files, 'file')} ({size / 1e9:,.1f} GB)"
            if files > MOST_FILES or size > MOST_BYTES:
                _confirm(path, counted)
                break
            if time.monotonic() - said_at >= COUNT_SECONDS:
                said_at = time.monotonic()
                say(f"Counting the files in {path}: {counted} so far.", err)


def _confirm(path: Path, counted: str) -> None:
    if not sys.stdin.isatty():
        fail(
            f"{path} has at least {counted}, so nothing was added. Name a smaller folder, or read "
            "all of it with --yes."
        )
    if not typer.confirm(f"{path} has at least {counted}. Read all of it?", err=True):
        fail("Nothing was added.")


def claim_on_this_machine(core: Core, locations: Sequence[str]) -> None:
    """Make this machine read these sources' files; print the machines that read them before."""
    before = {} if core.machines is None else core.machines.claim(locations)
    for location, name in before.items():
        say(f"{source_at(location).url} was read on the machine {name}; now it is read here.", err)


def _location(named: str, options: SourceOptions, internal: InternalHosts) -> str:
    if not (addresses.is_web(named) or options.is_for_repositories):
        return _path_location(named)
    return addition.location_of(
        named,
        kind=options.kind or "",
        only=options.only or (),
        crawl=options.crawl,
        depth=DEPTH if options.depth is None else options.depth,
        pages=PAGES if options.pages is None else options.pages,
        git=options.is_for_repositories,
        branch=options.branch or "",
        folder=options.path or "",
        internal=addresses.is_web(named) and _is_internal(named, internal),
    )


def _recognise(source: Source, settings: Settings) -> Source:
    """The wiki, forum or tracker whose main page is at a page's address, or the source itself."""
    is_page = isinstance(source, Page)
    found = recognise_service(source.location, settings) if is_page else None
    if found is None:
        return source
    say(f"{one_line(source.url)} is read by the API of {found.label}.", err)
    return source_at(addition.service_location(found.kind, found.url, internal=source.is_internal))


def _is_internal(named: str, hosts: InternalHosts) -> bool:
    """Whether `sources.internal` lists an address's host; exits for an unlisted private IP."""
    if hosts.has(named):
        return True
    if not addresses.problem_with_url(named) and (problem := addresses.problem_with_literal(named)):
        remedy = "If it is yours, name it in `sources.internal`."
        remedy = remedy if can_be_named(named) else "Such an address is never read."
        fail(f"{one_line(named)} {problem}. {remedy}")
    return False


def _check(named: Sequence[str], options: SourceOptions) -> None:
    """Refuse options that exclude each other, or need an address."""
    if options.crawl and options.is_for_repositories:
        fail("--crawl is for sites; --git, --branch and --path are for repositories.")
    if not options.crawl and (options.depth is not None or options.pages is not None):
        fail("--depth and --pages limit a crawl: add --crawl.")
    if options.kind is not None and (options.crawl or options.is_for_repositories):
        fail("--kind says how to read an address: leave out --crawl, --git and their like.")
    if (options.crawl or options.kind is not None) and not all(map(addresses.is_web, named)):
        fail("--crawl and --kind need a web address.")


def check_source_name(named: str) -> None:
    """Refuse names that are neither a path nor a fetchable address."""
    if not named.strip():
        fail("A source without a name was given: name a file, a folder or an address of the web.")
    addition.refuse_login_address(named)
    if addresses.is_web(named) and (problem := addresses.problem_with_url(named)):
        fail(f"{one_line(named)} {problem}.")
    host = named.partition("/")[0]
    looks_like_host = "." in host.strip(".") and Path(host).suffix.lower() not in SUFFIXES
    if looks_like_host and not _SCHEME.match(named) and not os.path.lexists(named):
        fail(f"{one_line(named)} is not there. If it is a web address, begin it with https://.")
    if addresses.is_web(named) or not _SCHEME.match(named):
        return
    kind, plus, address = named.partition("+")
    if plus and addresses.is_web(address) and kind in KINDS:
        option = f"--kind {kind}" if kind in SERVICES else f"--{kind}"
        typed = f"`commonplace source add {one_line(address)} {option}`"
        fail(f"{one_line(named)} is no address: to add it, type {typed}.")
    fail(f"{one_line(named)} can't be fetched: name an http or https address.")


def _check_scope(core: Core, location: str, scope: Scope) -> None:
    """Refuse a source that already belongs to another scope."""
    scopes = core.sources().get(location, [scope])
    if scope not in scopes:
        whose = "every server" if SHARED in scopes else f"server {scopes[0]}"
        fail(
            f"{one_line(source_at(location).url)} is already a source for {whose}: remove it first."
        )


def _path_location(named: str) -> str:
    try:
        return str(Path(named).resolve())
    except (OSError, RuntimeError, ValueError):
        # The path has a loop of links; an error follows when it is read.
        return str(Path(named).absolute())


def find_locations(core: Core, named: Sequence[str]) -> list[str]:
    """Find the locations of named sources; exits if one is unknown or ambiguous."""
    followed = [Channel.at(channel.id) for channel in core.store.synced_channels.all()]
    known = [*core.sources(), *followed]
    return [_find_location(name, known) for name in named]


def _find_location(typed: str, known: Sequence[str]) -> str:
    if not typed.strip():
        fail("A source without a name was given: name a file, a folder or an address of the web.")
    named = typed
    if isinstance(source_at(named), Folder):
        named = _path_location(named)
    elif addresses.is_web(named):
        named = addresses.normal_url(named) or named
    if named in known:
        return named
    # The bare address, given without `--crawl` or `--git`.
    wanted = {named, named.rstrip("/"), named.removesuffix(".git")}
    same = [
        location
        for location in known
        if (url := source_at(location).url) in wanted and location != url
    ]
    if len(same) != 1:
        fail(_unknown(typed, same, known))
    return same[0]


def _unknown(typed: str, same: Sequence[str], known: Sequence[str]) -> str:
    if same:
        return f"{one_line(typed)} matches several sources: name one of {', '.join(same)}."
    if typed == "articles":
        return (
            'To stop quoting the bundled articles, set `articles.bundled = "never"` in config.toml.'
        )
    listed = ", ".join(known) or "none"
    return f"{one_line(typed)} is not a source. The sources are: {listed}."
