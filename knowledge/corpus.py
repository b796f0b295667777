"""Corpus: all quotable documents with their scopes (articles, files, pages, notes, channels).

Only this module knows all kinds of sources. `documents` yields the present documents of all
sources, and a `Failure` with the reason for each unreadable file.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final, NamedTuple

from knowledge.chat import export_file
from knowledge.discord_archive.archive import ChannelArchive, ChannelProblem, documents_of_thread
from knowledge.files.document import parse_document
from knowledge.files.parsed_file import ParsedFile, UnreadableError
from knowledge.files.reader import FilePart, begin_parsing, parser_name
from knowledge.files.scan import (
    FoundFile,
    Scan,
    in_order_of_claim,
    missing_source_failures,
    read_with_inclusions,
    scan,
)
from knowledge.files.site_addresses import OWN, cited_address, with_absolute_links, without_rule
from knowledge.sources.addition import check_paths
from knowledge.sources.entries import EntryStore, SyncState
from knowledge.sources.kinds.registry import Channel, source_at
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld
from knowledge.store.store import Store
from knowledge.values.documents import (
    ARTICLES,
    INSIDE,
    SHARED,
    Document,
    Failure,
    FileRecord,
    Kind,
    Scope,
    channel_scope,
    document_of_article,
    document_of_note,
)
from knowledge.values.notes import Note

_ARTICLES: Final = "knowledge.articles"


@dataclass(frozen=True, slots=True)
class SourceState:
    """The contents, last sync and problems of a source.

    Attributes:
        files: the number of files, a web source's pages, or a channel's messages.
        documents: the number of documents.
        without_text: the number of documents that have no text of their own, only links and titles.
        read_at: the time of the last sync.
        base_url: the web address of the source's files.
        commit: the last synced commit of a repository.
        licence: the licence of a service's documents.
        machine: the name of the machine with the source's files, if it is another machine.
    """

    location: str
    scope: Scope
    files: int
    documents: int
    read_at: datetime | None
    failures: tuple[Failure, ...]
    base_url: str = ""
    commit: str = ""
    licence: str = ""
    machine: str = ""
    without_text: int = 0


class FailingSource(NamedTuple):
    """A source with an alarm; `reason` is a sentence about it without its subject, or empty."""

    location: str
    scope: Scope
    state: SyncState
    reason: str


def documents(
    store: Store, pages: EntryStore | None = None, archive: ChannelArchive | None = None
) -> Iterator[Document | Failure]:
    """All quotable documents, and a `Failure` for each that can't be read.

    Web documents are included if `pages` is given, and channel documents if `archive` is given.
    """
    yield from articles()
    yield from imported_documents(store)
    if pages is not None:
        yield from web_pages(store, pages)
    if archive is not None:
        withheld = store.quote_opt_outs.withheld()
        for thread_id in archive.threads.complete_ids():
            yield from filter(None, documents_of_thread(archive, thread_id, withheld))
    for note in store.notes.every_live():
        yield note_document(note)


@cache
def articles() -> tuple[Document | Failure, ...]:
    """The bundled articles, parsed once per process."""
    found: list[Document | Failure] = []
    for entry in sorted(files(_ARTICLES).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".md"):
            continue
        name = entry.name.removesuffix(".md")
        document_id = document_of_article(name)
        try:
            # Trusted content, so startup needn't wait for the sandbox.
            reading = parse_document(entry.read_bytes(), name)
            found.append(_document(document_id, ARTICLES, Kind.ARTICLE, reading))
        except UnreadableError as error:
            found.append(Failure(f"article {name}", str(error), document_id))
    return tuple(found)


def imported_documents(store: Store) -> Iterator[Document | Failure]:
    """The documents of all imported files, in the order of their sources and paths."""
    *_, look = scan(_on_disk(store), store.file_ids(), {}, base_urls=store.base_urls())
    withheld = store.quote_opt_outs.withheld()
    yield from look.failures
    for found in look.stale:
        try:
            if is_export(found.path):
                yield from filter(None, exported(found, withheld))
                continue
            content, _ = read_with_inclusions(found)
            for part in begin_parsing(content, name=parser_name(found.path)):
                if part.export is None:
                    yield imported_part(found, part)
                    continue
                try:
                    yield from filter(None, exported(found, withheld, part))
                except UnreadableError as error:
                    yield part_failure(found, part, error)
        except UnreadableError as error:
            yield Failure(str(found.path), str(error), found.document_id)


def scan_files(
    store: Store,
    records: Mapping[str, FileRecord],
    *,
    retry: bool = False,
    withheld: Withheld = NOTHING,
    elsewhere: Collection[str] = (),
) -> Iterator[Scan]:
    """Scan the imported files; ids of moved files are kept in the store.

    If `retry`, files that couldn't be read are read again. Chats are always read again after a
    change of opt-outs. Sources in `elsewhere` are skipped.

    Yields:
        The same `Scan` after each step; the `Scan` is complete after the last step.
    """
    new_ids: Mapping[str, str] = {}
    looked = scan(
        _on_disk(store),
        store.file_ids(),
        records,
        retry=retry,
        withheld=withheld.version,
        base_urls=store.base_urls(),
        elsewhere=elsewhere,
    )
    for look in looked:
        new_ids = look.new_ids
        yield look
    if new_ids:
        store.keep_file_ids(new_ids)


def imported_part(found: FoundFile, part: FilePart) -> Document | Failure:
    """A document of an imported file, or its failure; waits until the sandbox has parsed it."""
    try:
        reading = part.future.result()
    except UnreadableError as error:
        return part_failure(found, part, error)
    document = _document(part_id(found, part), found.scope, Kind.FILE, reading)
    if not found.base_url:
        return document
    text = with_absolute_links(document.text, found.base_url, PurePosixPath(found.inside))
    document = replace(document, text=text)
    if document.link:
        return document
    link, rule = without_rule(
        cited_address(found.base_url, PurePosixPath(found.inside), reading.page)
    )
    return replace(document, link=link, anchors=rule or OWN)


def part_failure(found: FoundFile, part: FilePart, error: UnreadableError) -> Failure:
    """Why a document of an imported file, or an export in it, can't be read."""
    inside = f"{INSIDE}{part.path}" if part.path else ""
    return Failure(f"{found.path}{inside}", str(error), part_id(found, part))


def is_export(path: Path) -> bool:
    """Whether a file is a chat export, to be read by `exported`.

    Raises UnreadableError if the system refuses to read the file.
    """
    return export_file.is_export(path)


def exported(
    found: FoundFile, withheld: Withheld = NOTHING, part: FilePart | None = None
) -> Iterator[Document | None]:
    """The documents of a chat export, or of the export `part` in a ZIP.

    At times yields None, so the caller can do other work.

    Raises:
        UnreadableError: at the point where the export can't be read further.
    """
    if part is not None and part.export is not None:
        export = export_file.ExportFile(PurePosixPath(part.path).name, part.export)
    else:
        export = export_file.on_disk(found.path)
    return export_file.export_documents(export, part_id(found, part), found.scope, withheld)


def part_id(found: FoundFile, part: FilePart | None) -> str:
    return found.document_id + (f"{INSIDE}{part.path}" if part and part.path else "")


def plan_import(
    store: Store,
    paths: Sequence[Path],
    records: Mapping[str, FileRecord],
    elsewhere: Collection[str] = (),
) -> Scan:
    """Scan the imported files like `scan_files`, with `paths` as additional sources.

    Raises MissingSourceError if a path is missing or can't be read.
    """
    check_paths(paths)
    sources = [*_on_disk(store), *((str(path.resolve()), SHARED) for path in paths)]
    withheld = store.quote_opt_outs.withheld().version
    *_, look = scan(
        sources,
        store.file_ids(),
        records,
        withheld=withheld,
        base_urls=store.base_urls(),
        elsewhere=elsewhere,
    )
    return look


def source_states(
    store: Store,
    records: Mapping[str, FileRecord],
    pages: EntryStore,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
    without_text: Collection[str] = (),
) -> list[SourceState]:
    """The state of each source; `elsewhere` has the other machine's name by location.

    `without_text` has the ids of all documents without text of their own.
    """
    left = dict(records)
    on_disk = {
        source: _file_state(*source, left, without_text, here=source[0] not in elsewhere)
        for source in in_order_of_claim(_on_disk(store))
    }
    base_urls = store.base_urls()
    states = [
        on_disk.get(source) or _web_state(*source, pages, without_text)
        for source in store.sources()
    ]
    return [
        replace(
            state,
            base_url=base_urls.get(state.location, ""),
            machine=elsewhere.get(state.location, ""),
        )
        for state in states
    ]


def _file_state(
    location: str,
    scope: Scope,
    left: dict[str, FileRecord],
    without_text: Collection[str],
    *,
    here: bool,
) -> SourceState:
    """The state of a file or folder; its records are removed from `left`, the uncounted records."""
    inside = location.rstrip(os.sep) + os.sep
    # A file in two sources counts for the one that claims it first.
    paths = [path for path in left if path == location or path.startswith(inside)]
    records = [left.pop(path) for path in paths]
    failures = [failure for record in records for failure in record.failures]
    return SourceState(
        location,
        scope,
        len(records),
        sum(len(record.documents) for record in records),
        max((record.read_at for record in records), default=None),
        (*(missing_source_failures(location) if here else ()), *failures),
        without_text=sum(key in without_text for record in records for key in record.documents),
    )


def _web_state(
    location: str, scope: Scope, entries: EntryStore, without_text: Collection[str]
) -> SourceState:
    source, state = source_at(location), entries.state(location)
    has_text = {entry.key: bool(entry.text) for entry in entries.outlines(location)}
    if len(has_text) > 1:
        # The list itself is no page.
        has_text.pop(source.list_key, None)
    return SourceState(
        location,
        scope,
        len(has_text),
        sum(has_text.values()),
        state.synced_at,
        tuple(source.failures(entries, scope)),
        commit=state.state.get("commit", ""),
        licence=state.state.get("licence", ""),
        without_text=sum(key in without_text for key in source.document_ids(entries, scope)),
    )


def channel_states(
    archive: ChannelArchive, describe: Callable[[ChannelProblem], str]
) -> list[SourceState]:
    """The state of each synced channel, by id; `describe` returns a problem in words."""
    states = []
    for channel in archive.channels():
        counts, name = archive.counts(channel.id), f"#{channel.name or channel.id}"
        failures = [Failure(name, f"{describe(channel.problem)}.", "")] if channel.problem else []
        failures += [
            Failure(f"{name} › {thread.name}", f"{reason}.", "")
            for thread, reason in archive.threads.failures(channel.id)
        ]
        states.append(
            SourceState(
                Channel.at(channel.id),
                channel_scope(channel.id),
                counts.messages,
                counts.documents,
                channel.synced_at,
                tuple(failures),
            )
        )
    return states


def source_key(location: str) -> str:
    """A short key for a source, in place of the long location; a channel keeps its location."""
    if Channel.id_of(location) is not None:
        return location
    return f"source:{hashlib.sha256(location.encode()).hexdigest()[:16]}"


def _on_disk(store: Store) -> list[tuple[str, Scope]]:
    return [source for source in store.sources() if not source_at(source[0]).is_visited]


def on_the_web(store: Store) -> list[tuple[str, Scope]]:
    return [source for source in store.sources() if source_at(source[0]).is_visited]


def failing_sources(store: Store, entries: EntryStore) -> list[FailingSource]:
    """The sources that failed at two visits in a row, or lost a third of their documents."""
    alarming, failing = entries.alarming_states(), []
    for location, scope in on_the_web(store) if alarming else ():
        if location in alarming:
            failures = source_at(location).failures(entries, scope)
            reason = next((failure.reason for failure in failures), "")
            failing.append(FailingSource(location, scope, alarming[location], reason))
    return failing


def web_pages(store: Store, entries: EntryStore) -> Iterator[Document | Failure]:
    base_urls = store.base_urls()
    for location, scope in on_the_web(store):
        yield from source_at(location).documents(entries, scope, base_urls.get(location, ""))


def note_document(note: Note) -> Document:
    revision = note.revision
    submission = revision.submission.safe
    return Document(
        id=document_of_note(note.id),
        scope=Scope(note.guild_id),
        kind=Kind.NOTE,
        title=submission.title,
        text=submission.text,
        link=submission.link,
        tags=submission.tags,
        contributor=note.authors_line,
        verified=note.verified_at.date() if note.verified_at else None,
        revision=revision.number,
        approved_by=", ".join(review.moderator for review in note.approvals),
        wordings=submission.wordings,
    )


def _document(document_id: str, scope: Scope, kind: Kind, reading: ParsedFile) -> Document:
    return Document(
        id=document_id,
        scope=scope,
        kind=kind,
        title=reading.title,
        text=reading.text,
        link=reading.link,
        tags=reading.tags,
        verified=reading.verified,
    )
