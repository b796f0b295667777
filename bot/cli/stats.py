"""The command `stats`: questions, verdicts, notes, documents and the index in figures and bars."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.cli.console import JsonOption, out, show, table, with_settings
from bot.config.settings import Settings
from bot.core.core import Core, Figures
from bot.statistics.overview import PARTS, Audience, Overview, Panel, Part, overview, panels
from knowledge.text import count_of
from knowledge.values.questions import Evidence


@with_settings()
def stats(settings: Settings, as_json: JsonOption = False) -> None:
    """Show figures of questions, verdicts, notes, sources and the index, of all servers.

    The words of a question are shown only if the question was asked in public.

    Example:
        commonplace stats --json
    """
    now = datetime.now(UTC)
    with Core(settings) as core:
        figures = core.figures()
        found = overview(core, Audience(), now, settings.answers.passages)
    record = {**stats_record(figures, now), **overview_record(found)}
    show(record, table(stats_rows(figures, now)), as_json=as_json)
    if not as_json and any(found.questions.values()):
        out.print(*map(panel_text, panels(found)), sep="\n")


def stats_record(figures: Figures, now: datetime) -> dict[str, Any]:
    """The figures as an object; `age_seconds` counts from the last change of the index."""
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


def overview_record(found: Overview) -> dict[str, Any]:
    """The overview's parts as lists of objects."""
    return {
        "days": [{**day._asdict(), "date": day.date.isoformat()} for day in found.days],
        "asked_most": [group._asdict() for group in found.asked],
        "sources": [source._asdict() for source in found.sources],
        "doubtful_answers": [answer._asdict() for answer in found.doubtful],
    }


def stats_rows(figures: Figures, now: datetime) -> dict[str, str]:
    asked = sum(figures.questions.values())
    return {
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


_EVIDENCE_WORDS: Final = {
    Evidence.STRONG.value: "answered",
    Evidence.PARTIAL.value: "answered in part",
    Evidence.NONE.value: "not answered",
}


# Bars differ in sign, too, for terminals without colours.
_BARS: Final = {
    Part.ANSWERED: ("█", "blue"),
    Part.PARTIAL: ("▒", "yellow"),
    Part.REFUSED: ("░", "red"),
    Part.QUOTED: ("█", "blue"),
    Part.UNHELPFUL: ("░", "red"),
    Part.CORRECTED: ("▒", "yellow"),
}
_BAR_CHARACTERS: Final = 15
_DAY_CHARACTERS: Final = 60


def panel_text(panel: Panel) -> RenderableType:
    """A panel as a heading with a legend, and a table of bars."""
    parts = panel.rows[0].parts
    names = (Text(f" {_BARS[part][0]} {PARTS[part].english}", _BARS[part][1]) for part in parts)
    heading = Text.assemble("\n", (panel.heading, "bold"), *(names if len(parts) > 1 else ()))
    bars = Table.grid(padding=(0, 1))
    longest = max(sum(row.parts.values()) for row in panel.rows) or 1
    room = _DAY_CHARACTERS if panel.daily else _BAR_CHARACTERS
    for row in panel.rows:
        bar = Text.assemble(*_bar(row.parts, room / longest))
        bars.add_row(Text(row.label), bar, Text(row.value))
    return Group(heading, bars, *([Text(panel.line)] if panel.line else []))


def _bar(parts: Mapping[Part, int], width: float) -> Iterator[tuple[str, str]]:
    """Yield the characters and colour of each part; rounded ends give the bar the right length."""
    start = 0
    for part, number in parts.items():
        sign, colour = _BARS[part]
        yield sign * (round((start + number) * width) - round(start * width)), colour
        start += number


def _share(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.0%})" if of else f"{count:,}"


def _size(figures: Figures, scope: str) -> str:
    return f"{figures.documents[scope]:,} in {count_of(figures.passages[scope], 'passage')}"


def _age(changed_at: datetime | None, now: datetime) -> str:
    if changed_at is None:
        return "never changed"
    seconds = max(round((now - changed_at).total_seconds()), 0)
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"changed {seconds // size:,} {name} ago"
    return f"changed {count_of(seconds, 'second')} ago"
