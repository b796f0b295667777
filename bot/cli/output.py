"""How the command line shows things: text for people, records for programs. Pure.

The records of `--json` are promises to other programs: a name is added, never changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.answers.conversation import Reply
from bot.answers.decision import Answer, Citation, Clarification, Quote, citation
from bot.answers.replay import Replay
from bot.ask import messages as ask_messages
from bot.engine.core import Figures
from indexer.evaluation.runner import Comparison, RankingChange
from indexer.ingest.pipeline import Progress, UpdateReport
from indexer.retrieval.retriever import Hit
from knowledge.corpus import SourceState, channel_location, located_channel
from knowledge.files.scan import FoundFile, Scan
from knowledge.model.documents import SHARED, Failure, Scope, channel_of
from knowledge.model.questions import Evidence
from knowledge.web.crawl import is_web

# How many of the questions that changed are shown to people, of each kind; programs get all.
CHANGES_SHOWN: Final = 5

# Below this p a difference is called more than chance: the customary one in twenty.
HARDLY_CHANCE: Final = 0.05


def reply_record(reply: Reply) -> dict[str, Any]:
    """A reply as an object: the passages quoted joined as `answer`, every hit with its legs."""
    outcome = reply.outcome
    answer = ""
    if isinstance(outcome, Answer):
        answer = "\n\n".join(quote.text for quote in outcome.quotes)
    elif isinstance(outcome, Clarification):
        answer = outcome.problem
    return {
        "question": reply.question,
        "evidence": reply.evidence.value,
        "answer": answer,
        "hits": [hit_record(hit) for hit in reply.hits],
        "seconds": round(reply.seconds, 4),
    }


def hit_record(hit: Hit) -> dict[str, Any]:
    """A hit as an object."""
    return {
        "document": hit.passage.document_id,
        "title": hit.passage.title,
        "heading": hit.passage.heading,
        "passage": hit.passage.text,
        "score": round(hit.score, 4),
        "link": citation(hit.passage).link,
        "legs": list(hit.legs),
    }


def replay_record(replay: Replay) -> dict[str, Any]:
    """A replay as an object: what was recorded, what would be answered now, what changed."""
    question = replay.question
    return {
        "question": question.text,
        "earlier": question.earlier,
        "guild": question.guild_id,
        "asked_at": question.asked_at.isoformat(),
        "then": {
            "evidence": question.evidence.value,
            "generation": question.generation,
            "settings": question.settings,
            "signals": dict(question.signals),
            "hits": [
                {
                    "document": hit.document_id,
                    "title": hit.title,
                    "heading": hit.heading,
                    "passage": hit.passage,
                    "score": round(hit.score, 4),
                    "link": hit.link,
                    "legs": list(hit.legs),
                }
                for hit in question.hits
            ],
        },
        "now": {
            **reply_record(replay.now),
            "generation": replay.now.generation,
            "settings": replay.settings,
            "signals": dict(replay.now.signals),
        },
        "places": [
            {
                "document": place.document_id,
                "then": place.then,
                "now": place.now,
                "state": place.state.value,
            }
            for place in replay.places
        ],
        "changes": replay.changes,
    }


def replay_text(replay: Replay) -> RenderableType:
    """A replay for people: the signals then and now, every document's place, what changed."""
    question, now = replay.question, replay.now
    asked = f"asked {question.asked_at:%d %b %Y %H:%M} UTC, generation {question.generation}"
    if question.earlier:
        asked += "\nfollowing up: " + " › ".join(question.earlier.split("\n"))
    places = Table("document", "then", "now", "score", "found by", "passage")
    for place, hit in zip_longest(replay.places, question.hits):
        where = " › ".join(part for part in (place.title, place.heading) if part)
        places.add_row(
            escape(f"{place.document_id}\n{where}"),
            str(place.then or "–"),
            str(place.now or "–"),
            f"{hit.score:.3f}" if hit else "–",
            ask_messages.found_by(hit.legs) if hit else "–",
            place.state.value,
        )
    signals = Table("signal", "then", "now")
    signals.add_row("evidence", question.evidence.value, now.evidence.value)
    for name in dict.fromkeys([*question.signals, *now.signals]):
        signals.add_row(name, _number(question.signals.get(name)), _number(now.signals.get(name)))
    changes = replay.changes or ["Nothing changed: the same would be answered today."]
    return Group(
        Text(f"{question.text}\n", style="bold").append(asked, style="dim not bold"),
        places,
        signals,
        Text("\n".join(changes)),
    )


def report_record(report: UpdateReport) -> dict[str, Any]:
    """What an update did, as an object."""
    return {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "failed": _failure_records(report.failed),
        "passages": report.passages,
        "embedded": report.embedded,
    }


def _failure_records(failures: Iterable[Failure]) -> list[dict[str, str]]:
    return [{"source": failure.source, "reason": failure.reason} for failure in failures]


class Pace:
    """How fast an update goes, and how long it will still take."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin to count; `now` tells the seconds."""
        self._now = now
        self._started = now()
        self._total = 0
        self._embedded = 0

    def rate(self, progress: Progress) -> float:
        """Texts embedded a second, since the work began whose total is known."""
        if progress.total != self._total:
            self._started, self._total = self._now(), progress.total
            self._embedded = progress.report.embedded
        seconds = self._now() - self._started
        return (progress.report.embedded - self._embedded) / seconds if seconds > 0 else 0.0

    def record(self, progress: Progress) -> dict[str, Any]:
        """How far it is, as an object; the time that remains is unknown before the first file."""
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
    """What an update would do with the imported files, as an object."""
    return {
        "new": [str(found.path) for found in plan.stale if found.before is None],
        "changed": [str(found.path) for found in _changed(plan)],
        "moved": plan.moved,
        "gone": [record.path for record in plan.vanished],
        "unchanged": len(plan.kept),
        "failed": _failure_records(plan.failures),
    }


def _changed(plan: Scan) -> list[FoundFile]:
    known = (found for found in plan.stale if found.before is not None)
    return [found for found in known if str(found.path) not in plan.moved]


def plan_text(plan: Scan) -> Text:
    """What an update would do with the imported files, a line for each that would be touched."""
    lines = [
        *(f"new      {found.path}" for found in plan.stale if found.before is None),
        *(f"changed  {found.path}" for found in _changed(plan)),
        *(f"moved    {old} → {new}" for new, old in plan.moved.items()),
        *(f"gone     {record.path}" for record in plan.vanished),
        *(f"failed   {failure.source} {failure.reason}" for failure in plan.failures),
    ]
    lines.append(
        f"To read: {len(plan.stale):,}; to take out: {len(plan.vanished):,}; unchanged: "
        f"{len(plan.kept):,}. Nothing was done."
    )
    return Text("\n".join(lines))


def source_record(state: SourceState) -> dict[str, Any]:
    """A source as an object."""
    return {
        "location": state.location,
        "scope": _whose(state.scope),
        "files": state.files,
        "documents": state.documents,
        "read_at": state.read_at.isoformat() if state.read_at else None,
        "failed": _failure_records(state.failures),
    }


def _whose(scope: Scope) -> str:
    """Who a source is for: everybody, one server, the readers of one channel."""
    if scope == SHARED:
        return "shared"
    channel_id = channel_of(scope)
    return str(scope) if channel_id is None else channel_location(channel_id)


def sources_text(states: Sequence[SourceState]) -> Text:
    """Every source for people: what it gave, when, and what failed."""
    text = Text()
    for state in states:
        text.append(state.location, style="bold")
        if state.scope > SHARED:
            text.append(f"  server {state.scope}", style="dim")
        read = f"{state.read_at:%d %b %Y %H:%M} UTC" if state.read_at else "not read yet"
        parts = "pages" if is_web(state.location) else "files"
        parts = "messages" if located_channel(state.location) else parts
        text.append(f"\n  {state.documents:,} documents from {state.files:,} {parts} · {read}\n")
        for failure in state.failures:
            text.append(f"  failed {failure.source} {failure.reason}\n", style="yellow")
    return text


def chats_text(chats: Mapping[Scope, int]) -> Text:
    """Whom the conversations of chat exports are for, and what that asks of the operator."""
    lines = [
        f"{count:,} {'conversation' if count == 1 else 'conversations'} from chat exports can be "
        f"quoted in server {scope} only, to everyone there."
        for scope, count in chats.items()
    ]
    lines.append("Remove the exports of channels that not everyone there may read.")
    return Text("\n".join(lines), style="yellow")


def reply_text(reply: Reply) -> Text:
    """A reply for people: quoted passages with the deciding sentence in bold, or the refusal."""
    outcome = reply.outcome
    text = Text(f"{reply.question}\n", style="bold")
    if reply.foreign:
        text.append(ask_messages.not_my_language(reply.foreign) + "\n", style="not bold yellow")
    if isinstance(outcome, Clarification):
        return text.append(outcome.problem, style="not bold")
    if not isinstance(outcome, Answer):
        return text.append(
            "I don't know: nothing I may quote answers this.\n", style="not bold yellow"
        )
    if outcome.evidence is Evidence.PARTIAL:
        text.append(ask_messages.partial(outcome.missing) + "\n", style="not bold yellow")
    for quote in outcome.quotes:
        text.append("\n").append_text(_quote_text(quote))
    return text


def _quote_text(quote: Quote) -> Text:
    body = Text(quote.text, style="not bold")
    if quote.deciding:
        body.stylize("bold", *quote.deciding)
    return body.append("\n— ", style="dim not bold").append_text(_citation_text(quote.citation))


def _citation_text(cited: Citation) -> Text:
    parts = [" › ".join(part for part in (cited.title, cited.heading) if part)]
    if cited.contributor:
        parts.append(f"by {cited.contributor}")
    if cited.verified:
        parts.append(f"verified {cited.verified:%d %b %Y}")
    if cited.link:
        parts.append(cited.link)
    return Text(" · ".join(parts) + "\n", style="dim not bold")


def hit_text(rank: int, hit: Hit) -> Text:
    """A hit for people: its place, its score, and the passage."""
    where = " › ".join(part for part in (hit.passage.title, hit.passage.heading) if part)
    text = Text(f"{rank}. {where}", style="bold")
    text.append(f"  {hit.score:.3f} by {ask_messages.found_by(hit.legs)}\n", style="dim not bold")
    return text.append(hit.passage.text + "\n", style="not bold")


def figures_table(name: str, figures: Mapping[str, Any]) -> RenderableType:
    """What an evaluation measured, as a table."""
    table = Table("figure", "value", title=name)
    for key, value in _flat(figures).items():
        table.add_row(key, _number(value))
    return table


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure by its name, those of a leg with the leg's name in front."""
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            for leg, measured in value.items():
                flat.update({f"{leg} {figure}": number for figure, number in measured.items()})
        else:
            flat[key] = value
    return flat


def comparison_text(name: str, comparison: Comparison) -> RenderableType:
    """Two evaluations side by side, whether chance explains it, and what changed most.

    Both were measured in one process, so the memory of the second includes the first's: there is
    no difference to show.
    """
    table = Table("figure", "current", "other", "difference", title=name)
    other = _flat(comparison.other.to_dict())
    for key, value in _flat(comparison.current.to_dict()).items():
        difference = None if key == "peak_rss_mb" else _difference(value, other[key])
        table.add_row(key, _number(value), _number(other[key]), difference or "–")
    changed = comparison.changed()
    gained = [change for change in reversed(changed) if change.gain > 0]
    lost = [change for change in changed if change.gain < 0]
    return Group(
        table,
        _verdict_text(comparison.p_value()),
        _changes_text("gained", gained),
        _changes_text("lost", lost),
    )


def _verdict_text(p: float) -> Text:
    verdict = "is hardly chance" if p < HARDLY_CHANCE else "may be nothing but chance"
    return Text(f"p = {p:.4f} (paired randomisation test): the difference in nDCG@10 {verdict}.")


def _difference(current: object, other: object) -> str | None:
    if not isinstance(current, int | float) or not isinstance(other, int | float):
        return None
    difference = other - current
    return f"{difference:+,.3f}" if isinstance(difference, float) else f"{difference:+,}"


def _changes_text(verb: str, changes: Sequence[RankingChange]) -> Text:
    """How many questions gained or lost, and the first few, the largest change first."""
    questions = "question" if len(changes) == 1 else "questions"
    text = Text(f"{len(changes)} {questions} {verb}" + (":" if changes else "."))
    for change in changes[:CHANGES_SHOWN]:
        scores = f"{change.current:.3f} → {change.other:.3f}"
        text.append(f"\n  {change.gain:+.3f}  {scores}  {change.question}")
    if len(changes) > CHANGES_SHOWN:
        text.append(f"\n  … and {len(changes) - CHANGES_SHOWN} more; --json lists all.")
    return text


def _number(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


def stats_record(figures: Figures, now: datetime) -> dict[str, Any]:
    """How much there is and goes on, as an object; `age_seconds` since the index last changed."""
    changed_at = figures.changed_at
    return {
        "questions": {**figures.questions, "all": sum(figures.questions.values())},
        "verdicts": dict(figures.verdicts),
        "notes": dict(figures.notes),
        "documents": dict(figures.documents),
        "passages": dict(figures.passages),
        "index": {
            "generation": figures.generation,
            "changed_at": changed_at.isoformat(timespec="seconds") if changed_at else None,
            "age_seconds": round((now - changed_at).total_seconds()) if changed_at else None,
            "model": figures.model,
            "embedder": figures.embedder,
        },
    }


def stats_text(figures: Figures, now: datetime) -> RenderableType:
    """How much there is and goes on, for people."""
    asked = sum(figures.questions.values())
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "questions": f"{asked:,}",
        **{
            f"  {_EVIDENCE_WORDS[name]}": _share(figures.questions[name], asked)
            for name in _EVIDENCE_WORDS
        },
        "found helpful": f"{figures.verdicts['helpful']:,}",
        "found unhelpful": f"{figures.verdicts['unhelpful']:,}",
        "notes live": f"{figures.notes['live']:,}",
        "notes waiting for review": f"{figures.notes['pending']:,}",
        "shared documents": _size(figures, "shared"),
        "servers' own documents": _size(figures, "guild"),
        "index": f"generation {figures.generation}, {_age(figures.changed_at, now)}",
        "model": f"{figures.model} ({figures.embedder})",
    }
    for key, value in rows.items():
        table.add_row(key, value)
    return table


_EVIDENCE_WORDS: Final = {
    Evidence.STRONG.value: "answered",
    Evidence.PARTIAL.value: "answered in part",
    Evidence.NONE.value: "not answered",
}


def _share(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.0%})" if of else f"{count:,}"


def _size(figures: Figures, scope: str) -> str:
    return f"{figures.documents[scope]:,} in {figures.passages[scope]:,} passages"


def _age(changed_at: datetime | None, now: datetime) -> str:
    """When something last changed, in the largest unit of which there are two."""
    if changed_at is None:
        return "when it changed is not known"
    seconds = max(round((now - changed_at).total_seconds()), 0)
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"changed {seconds // size:,} {name} ago"
    return f"changed {seconds} seconds ago"


def preview_welcome(addresses: Mapping[str, str]) -> str:
    """What the preview prints once its page is there."""
    lines = ["Commonplace is running in your browser. Open", ""]
    lines += [f"  {name:<10} {address}" for name, address in addresses.items()]
    lines += [
        "",
        "Three things to try:",
        "  1. In #general, type /ask and a question: why were early AI systems closed?",
        "  2. Type /note add, fill in the form, and follow the link to #review at the top of the",
        "     page: as the moderator, press Approve.",
        "  3. Back in #general, ask about your note.",
        "",
        "“Viewing as” at the top switches between a member, a moderator and an admin.",
        "Ctrl+C ends it.",
    ]
    return "\n".join(lines)
