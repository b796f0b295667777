"""Sync of sources of every kind: list a source, take out removed entries, fetch changed ones.

Each entry is stored right after its request, the state of the listing at the end of the sync. So an
interrupted sync resumes without requesting an entry twice. A failing source keeps its texts; a
lost source keeps them for a time of grace. A visit ends at the deadline of the fetcher's
clock, after any request.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from knowledge.files.parsed_file import NO_TEXT, UnreadableError, one_line
from knowledge.files.reader import PARSERS_VERSION, SUFFIXES, parse_bytes
from knowledge.sources.entries import Entry, SyncState, mark_gone
from knowledge.sources.net.addresses import normal_url, problem_with_url
from knowledge.sources.net.api_client import BusyError, LoginError
from knowledge.sources.net.polite_fetcher import Gone
from knowledge.sources.net.safe_network import LostError, RefusedError, VisitOverError
from knowledge.sources.source import (
    HIDES,
    AnswerFormatError,
    Content,
    EntryError,
    Listed,
    ListingEnd,
    Removed,
    Skipped,
    Source,
    SyncStep,
    Visit,
    checked_answers,
    dump_details,
)
from knowledge.text import storable

# At a second an entry, half a day.
MOST_ENTRIES: Final = 50_000
# Longer titles, tags and names are cut.
NAME_CHARACTERS: Final = 300
# Longer keys and revisions are refused.
KEY_CHARACTERS: Final = 2_000
# Titles or tags of a document.
MOST_NAMES: Final = 20
# After this many failures in a row, the visit stops asking the host.
FAILURES_IN_A_ROW: Final = 5
# An interrupted sync of pages can resume within this time; later it starts again.
UNFINISHED: Final = timedelta(days=1)
# How long a listing's dates of change replace a request.
DATES_TRUSTED_FOR: Final = timedelta(days=7)
# Listed entries between two steps of a listing.
_STEP: Final = 500

# The problem of a source without room for more entries.
FULL: Final = (
    "has no more room: the pages of a server's own sources may take 500 MB, so the rest is not read"
)
# The problem of a source with no document, or only hidden ones.
EMPTY: Final = "lists no document that can be quoted"
# The problem of a source with a list longer than half of a visit.
LONG: Final = "has a list that takes too long to read; its documents listed until then are read"

_AGAIN: Final = "is read again without people who asked not to be quoted"
_LATER: Final = "; the rest waits for the next look"
_ENDINGS: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/pdf": ".pdf",
}


def sync(source: Source, visit: Visit) -> Generator[SyncStep, None, None]:
    """Sync a source, an entry a step; VisitOverError at the end of the visit."""
    entries, location = visit.entries, source.location
    yield SyncStep(0, 0, source.url)
    before = entries.state(location)
    state, run, failed = before.state, _Run(source, visit, before), False
    documents = entries.count_documents(location)
    try:
        with checked_answers():
            source.open(visit)
        run.withdraw_named()
        read = run.read_as_listed if source.lists_as_it_reads else run.read_listed
        ending = yield from read()
        state, reason = ending.state, run.reason or ending.reason
    except LostError as error:
        advice = f"; {visit.login}" if visit.login and isinstance(error, LoginError) else ""
        reason, failed = f"{_reason(error)}{advice}", True
        for entry in entries.of(location):
            entries.keep(mark_gone(entry, reason, visit.now, visit.grace))
    except RefusedError as error:
        reason = f"{_reason(error)}{_LATER if isinstance(error, BusyError) else ''}"
        failed = True
        if isinstance(error, AnswerFormatError):
            # The state may be the cause, at every visit.
            state = {}
    finally:
        source.close()
    # A single page, or the list of the others.
    root = entries.entry(location, source.list_key).reason if source.list_key else ""
    failed = failed or (bool(root) and not root.startswith(HIDES))
    after = replace(before, synced_at=visit.now, reason=reason, state=state)
    found = entries.count_documents(location)
    entries.keep_state(after.count(failed=failed, documents=documents, found=found))


def _reason(error: RefusedError | UnreadableError) -> str:
    """The error's text in one line, because it may quote the source."""
    return storable(one_line(str(error))).rstrip(".")


@dataclass(slots=True)
class _Run:
    """A running sync; `reason` is a problem beside the end."""

    source: Source
    visit: Visit
    before: SyncState
    failures: int = 0
    reason: str = ""

    def withdraw_named(self) -> None:
        """Clear texts with names of people to leave out; they are fetched again without them."""
        entries = self.visit.entries
        for entry in entries.of(self.source.location) if self.source.without else ():
            if self.source.has_named(entry.text):
                entries.keep(replace(entry, content=b"", text="", reason=_AGAIN))

    def read_listed(self) -> Generator[SyncStep, None, ListingEnd]:
        """Read the listing, drop removed entries, and fetch changed ones."""
        source, entries = self.source, self.visit.entries
        revisions: dict[str, str] = {}
        removed: set[str] = set()
        ending = yield from self._read_listing(revisions, removed)
        known = {entry.key: entry for entry in entries.outlines(source.location)}
        if ending.whole and not revisions and not source.may_be_empty:
            if known:
                raise RefusedError("lists no document any more, so the earlier ones are kept")
            self.reason = EMPTY
        if ending.whole:
            removed |= known.keys() - revisions.keys()
        entries.drop(source.location, [*removed & known.keys()])
        # Retry failed entries, and parse again those of earlier parsers.
        for key, entry in known.items():
            if key not in removed and (entry.reason or entry.readers != PARSERS_VERSION):
                revisions.setdefault(key, entry.revision)
        wanted = [
            Listed(key, revision)
            for key, revision in revisions.items()
            if key not in known or not _has_revision(known[key], revision)
        ]
        for done, listed in enumerate(wanted, start=1):
            self._read_entry(listed)
            yield SyncStep(done, len(wanted), listed.key)
        return ending

    def _read_listing(
        self, revisions: dict[str, str], removed: set[str]
    ) -> Generator[SyncStep, None, ListingEnd]:
        """Read the listing into `revisions` and `removed`.

        A listing has half of the visit's time. If it is cut, it ends with the state from before.
        """
        clock, state = self.visit.fetcher.clock, self.before.state
        listing, halfway = self.source.listing(state), clock.halfway()
        while True:
            try:
                with clock.until(halfway), checked_answers():
                    listed = _check(next(listing))
            except StopIteration as end:
                ending: ListingEnd = end.value
                return ending
            except VisitOverError:
                # The whole visit may be over, too.
                clock.check_visit()
                self.reason = LONG
                return ListingEnd(state)
            if isinstance(listed, Removed):
                if len(removed) < MOST_ENTRIES:
                    removed.add(listed.key)
                revisions.pop(listed.key, None)
            elif listed.key in revisions or len(revisions) < MOST_ENTRIES:
                removed.discard(listed.key)
                revisions[listed.key] = listed.revision
                if len(revisions) % _STEP == 0:
                    yield SyncStep(0, len(revisions), listed.key)
            else:
                self.reason = f"has more than {MOST_ENTRIES:,} documents; so many are read"

    def read_as_listed(self) -> Generator[SyncStep, None, ListingEnd]:
        """Read each entry before the next one is listed; retire unlisted ones."""
        source, entries = self.source, self.visit.entries
        listing, reached = source.listing(self.before.state), set[str]()
        while True:
            try:
                with checked_answers():
                    listed = _check(next(listing))
            except StopIteration as end:
                ending: ListingEnd = end.value
                break
            if isinstance(listed, Listed) and self._read_entry(listed):
                reached.add(listed.key)
            yield SyncStep(len(reached), len(reached) + source.waiting, listed.key)
        for key in entries.keys(source.location) if ending.whole else ():
            if key not in reached:
                entry = entries.entry(source.location, key)
                entry = mark_gone(entry, source.unlisted, self.visit.now, self.visit.grace)
                if entry.text:
                    entries.keep(entry)
                else:
                    entries.drop(source.location, [key])
        return ending

    def _read_entry(self, listed: Listed) -> bool:
        """Fetch and store an entry if necessary; returns whether it is part of the source."""
        source, visit = self.source, self.visit
        before = visit.entries.entry(source.location, listed.key)
        if listed.revision:
            is_current = _has_revision(before, listed.revision)
        else:
            is_current = self._was_read(before) or _is_older(before, listed.modified, visit.now)
        if is_current:
            return True
        if self.reason == FULL and not (before.content or before.text):
            return False
        try:
            entry = self._next(before, listed)
        except (BusyError, LostError):
            raise
        except (RefusedError, UnreadableError) as error:
            visit.entries.keep(replace(before, checked_at=visit.now, reason=_reason(error)))
            self.failures = 0 if isinstance(error, EntryError) else self.failures + 1
            if self.failures >= FAILURES_IN_A_ROW:
                raise RefusedError(f"failed {self.failures} times in a row{_LATER}") from error
            return True
        self.failures = 0
        if entry is not None and not visit.entries.keep_within(entry, visit.most):
            self.reason = FULL
        return entry is not None

    def _next(self, entry: Entry, listed: Listed) -> Entry | None:
        """The entry after an attempt to fetch it; None if it is no part of the source.

        A stored entry is only parsed if its revision is known, and the last visit didn't fail.
        """
        source, visit = self.source, self.visit
        if entry.revision == listed.revision != "" and entry.content and not entry.reason:
            return self._parse(entry)
        with checked_answers():
            found = source.content(listed.key)
            if isinstance(found, Content):
                return self._with_content(entry, found, listed)
        if isinstance(found, Skipped):
            return None
        if isinstance(found, Gone):
            return mark_gone(entry, found.reason, visit.now, visit.grace)
        if found is None:
            # Kept without text, so it isn't requested until it changes.
            entry = Entry(source.location, listed.key, revision=listed.revision)
            return replace(entry, readers=PARSERS_VERSION, checked_at=visit.now)
        entry = replace(entry, checked_at=visit.now, gone_at=None, reason="")
        if found.hidden and entry.text:
            return _hide(entry, f"its host says {found.hidden}")
        return replace(entry, details="") if found.nofollow else entry

    def _was_read(self, entry: Entry) -> bool:
        """Whether an interrupted sync after the last complete one read an entry."""
        if entry.checked_at is None or entry.gone_at is not None:
            return False
        since = self.before.synced_at
        return (
            (entry.is_parsed or bool(entry.reason))
            and (since is None or entry.checked_at > since)
            and timedelta() <= self.visit.now - entry.checked_at < UNFINISHED
        )

    def _with_content(self, entry: Entry, content: Content, listed: Listed) -> Entry:
        link = normal_url(content.link)
        details: Mapping[str, object] = {
            "verified": content.verified.isoformat() if content.verified else None,
            "titles": [_name(title) for title in content.titles[:MOST_NAMES]],
            "tags": [_name(tag) for tag in content.tags[:MOST_NAMES]],
            "anchors": content.anchors,
            "attribution": _name(content.attribution),
            **content.details,
        }
        entry = replace(
            entry,
            link="" if problem_with_url(link) else link,
            content=content.body if content.text is None else b"",
            content_type=content.content_type,
            revision=content.revision or listed.revision,
            last_modified=content.last_modified,
            fetched_at=self.visit.now,
            checked_at=self.visit.now,
            gone_at=None,
            reason="",
            title=_name(content.title),
            details=dump_details(details),
        )
        if content.text is not None or content.is_list:
            return replace(entry, readers=PARSERS_VERSION, text=content.text or "")
        if content.hidden:
            return _hide(entry, f"its host says {content.hidden}")
        return self._parse(entry)

    def _parse(self, entry: Entry) -> Entry:
        """Parse an entry's content into its text; UnreadableError if it can't be read."""
        entry = replace(entry, readers=PARSERS_VERSION)
        if self.source.may_lack_text and not entry.content.strip():
            return replace(entry, text="")
        try:
            parsed = parse_bytes(entry.content, name=_file_name(entry))
        except UnreadableError as error:
            if self.source.may_lack_text and str(error) == NO_TEXT:
                # A wiki's page may have only categories.
                return replace(entry, text="")
            raise
        if parsed.hidden and self.source.obeys_robots:
            return _hide(entry, f"it says {parsed.hidden}")
        return replace(entry, title=entry.title or parsed.title, text=parsed.text)


def _check(listed: Listed | Removed) -> Listed | Removed:
    """Refuse keys and revisions with too many characters, or with unstorable ones."""
    for told in (listed.key, listed.revision if isinstance(listed, Listed) else ""):
        if len(told) > KEY_CHARACTERS or storable(told) != told:
            raise ValueError("This is no key of a document.")
    return listed


def _has_revision(entry: Entry, revision: str) -> bool:
    return entry.revision == revision and entry.readers == PARSERS_VERSION and not entry.reason


def _is_older(entry: Entry, modified: datetime | None, now: datetime) -> bool:
    """Whether an entry was fetched after its last change; trusted only for a week."""
    return (
        modified is not None
        and entry.is_parsed
        and not entry.reason
        and entry.fetched_at is not None
        and entry.checked_at is not None
        and modified + timedelta(days=1) < entry.fetched_at
        and timedelta() <= now - entry.checked_at < DATES_TRUSTED_FOR
    )


def _hide(entry: Entry, told: str) -> Entry:
    """Take text and content from an entry with a rule against quoting.

    So the next request isn't conditional, and the rule against quoting is checked again.
    """
    reason = f"{HIDES} ({told}), so it is not quoted"
    entry = replace(entry, content=b"", title="", text="", reason=reason)
    return replace(entry, readers=PARSERS_VERSION)


def _name(text: str) -> str:
    return one_line(text)[:NAME_CHARACTERS]


def _file_name(entry: Entry) -> str:
    """A file name for an entry, with the suffix of its format."""
    path = PurePosixPath(unquote(urlsplit(entry.link or entry.key).path))
    ending = _ENDINGS.get(entry.content_type)
    # Many hosts send all text files as `text/plain`.
    is_told = entry.content_type == "text/plain" and path.suffix.lower() in SUFFIXES
    if ending is None or is_told or path.suffix.lower() == ending:
        return path.name or "page.html"
    return f"{path.name or urlsplit(entry.key).netloc}{ending}"
