"""Output of the commands `index` and `source`: text and JSON records. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, Final

from rich.text import Text

from bot.cli.source_check import SourceCheck
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge.corpus import SourceState
from knowledge.files.parsed_file import one_line
from knowledge.files.scan import FoundFile, Scan
from knowledge.sources.kinds.folder import Channel
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.link_check import LinkCheck
from knowledge.text import count_of
from knowledge.values.documents import SHARED, Failure, Scope, article_of_document, channel_of

# Kinds of unread files named in a line.
KINDS: Final = 5
# How many odd titles are named.
ODD_TITLES: Final = 5
# How many broken links of a kind are named.
BROKEN_LINKS: Final = 10

# Characters of an abbreviated commit id.
COMMIT_CHARACTERS: Final = 10


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


TRY: Final = "Try it with `commonplace ask`."
TRY_BOTH: Final = f"{TRY} The running bot uses it, too."
TRY_IN_PREVIEW: Final = "Try it on the preview's page."


def without_articles(document_ids: Sequence[str]) -> list[str]:
    return [document_id for document_id in document_ids if not article_of_document(document_id)]


def report_text(report: UpdateReport, passages: int, seconds: float, next_step: str) -> str:
    """Summary of an update of the sources, without the bundled articles, and the next step."""
    report = replace(
        report,
        added=without_articles(report.added),
        changed=without_articles(report.changed),
        removed=without_articles(report.removed),
    )
    quotable = count_of(passages, "passage")
    return f"{report}.\n{quotable} can be quoted. This took {seconds:,.1f} s.\n{next_step}".rstrip()


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


def _failure_records(failures: Iterable[Failure]) -> list[dict[str, str]]:
    return [{"source": failure.source, "reason": failure.reason} for failure in failures]


class Pace:
    """Speed and remaining time of an update."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started = now()
        self._total = 0
        self._embedded = 0

    def rate(self, progress: Progress) -> float:
        """The number of texts embedded per second since `progress.total` last changed."""
        if progress.total != self._total:
            self._started, self._total = self._now(), progress.total
            self._embedded = progress.report.embedded
        seconds = self._now() - self._started
        return (progress.report.embedded - self._embedded) / seconds if seconds > 0 else 0.0

    def record(self, progress: Progress) -> dict[str, Any]:
        """Progress as an object; until the first file is done, the remaining time is None."""
        rate = self.rate(progress)
        each = (self._now() - self._started) / progress.done if progress.done else None
        return {
            "done": progress.done,
            "total": progress.total,
            "current": progress.current,
            "embedded": progress.report.embedded,
            "texts_per_second": round(rate, 1),
            "remaining_seconds": (
                None if each is None else round(each * (progress.total - progress.done), 1)
            ),
        }


def plan_record(plan: Scan) -> dict[str, Any]:
    return {
        "new": [str(found.path) for found in plan.stale if found.before is None],
        "changed": [str(found.path) for found in _changed(plan)],
        "moved": plan.moved,
        "gone": [record.path for record in plan.vanished],
        "unchanged": len(plan.unchanged),
        "failed": _failure_records(plan.failures),
    }


def _changed(plan: Scan) -> list[FoundFile]:
    known = (found for found in plan.stale if found.before is not None)
    return [found for found in known if str(found.path) not in plan.moved]


def plan_text(plan: Scan) -> Text:
    lines = [
        *(f"new      {found.path}" for found in plan.stale if found.before is None),
        *(f"changed  {found.path}" for found in _changed(plan)),
        *(f"moved    {old} → {new}" for new, old in plan.moved.items()),
        *(f"gone     {record.path}" for record in plan.vanished),
        *(f"failed   {failure.source} {failure.reason}" for failure in plan.failures),
    ]
    lines.append(
        f"To read: {len(plan.stale):,}; to take out: {len(plan.vanished):,}; unchanged: "
        f"{len(plan.unchanged):,}. Nothing was changed."
    )
    return Text("\n".join(lines))


def source_record(state: SourceState) -> dict[str, Any]:
    return {
        "location": state.location,
        "scope": _whose(state.scope),
        "files": state.files,
        "documents": state.documents,
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


def sources_text(
    states: Sequence[SourceState], unread: Mapping[str, Mapping[str, int]] = MappingProxyType({})
) -> Text:
    """The list of sources; `unread` counts unread files by location and suffix."""
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
        if state.machine:
            text.append(f"  followed on the machine {state.machine} alone\n")
        if state.base_url:
            text.append(f"  cited at {state.base_url}\n")
        if kinds := unread.get(state.location):
            text.append(f"  not read: {_kinds(kinds)}\n")
        for failure in state.failures:
            text.append(f"  failed {failure.source} {failure.reason}\n", style="yellow")
    return text


def unread_kinds_text(location: str, kinds: Mapping[str, int]) -> Text:
    """A line that counts a folder's files of unreadable kinds; empty if there are no files."""
    return Text(f"Not read in {location}: {_kinds(kinds)}.\n" if kinds else "")


def _kinds(kinds: Mapping[str, int]) -> str:
    """Counts of files by suffix, the most frequent first: `12 .png, 3 .yml`."""
    most = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    named = [f"{count} {suffix}" for suffix, count in most[:KINDS]]
    others = sum(count for _, count in most[KINDS:])
    return ", ".join([*named, *([f"{others} of other kinds"] if others else [])])


def check_text(checked: SourceCheck) -> Text:
    """Lines about headings that find their section, and about titles that say little."""
    text = Text()
    if checked.asked:
        text.append(
            f"{checked.found} of {count_of(checked.asked, 'heading')}, asked as questions, found "
            "their section first.\n"
        )
    if checked.odd_titles:
        named = [
            f"“{title}”" + (f" ({count_of(count, 'document')})" if count > 1 else "")
            for title, count in [*checked.odd_titles.items()][:ODD_TITLES]
        ]
        more = ", …" if len(checked.odd_titles) > ODD_TITLES else ""
        text.append(f"Titles that say little: {', '.join(named)}{more}.\n", style="yellow")
    return text


def links_record(found: LinkCheck) -> dict[str, Any]:
    return {"links": {**asdict(found), "unanchored": sorted(found.unanchored)}}


def links_text(found: LinkCheck) -> Text:
    """Lines about cited pages: how many exist, and the first broken links of each kind."""
    asked = found.pages + len(found.missing) + len(found.unchecked)
    headings = found.anchors + len(found.unanchored)
    told = f"Found {found.pages:,} of {asked:,} cited pages"
    if headings:
        told += f" and {found.anchors:,} of {headings:,} cited headings"
    no_link = "No citation has a link: name the pages' address with --base-url.\n"
    text = Text(f"{told}.\n" if asked else no_link)
    kinds = (
        ("page is missing", [*found.missing.items()]),
        ("heading is missing", [(link, "") for link in sorted(found.unanchored)]),
        ("could not be checked", [*found.unchecked.items()]),
    )
    for kind, links in kinds:
        for link, reason in links[:BROKEN_LINKS]:
            text.append(f"{kind}: {link} {reason}".rstrip() + "\n", style="yellow")
        if len(links) > BROKEN_LINKS:
            text.append(f"{kind}: {len(links) - BROKEN_LINKS} more; --json names all\n", "yellow")
    return text


def chats_text(chats: Mapping[Scope, int]) -> Text:
    lines = [
        f"Everyone in server {scope}, and nobody else, can be shown "
        f"{count_of(count, 'conversation')} from chat exports."
        for scope, count in chats.items()
    ]
    lines.append("Remove exports of channels that not everyone there may read.")
    return Text("\n".join(lines), style="yellow")
