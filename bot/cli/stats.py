"""The command `stats`: questions, verdicts, notes, documents and the index in figures."""

from datetime import UTC, datetime
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table

from bot.cli.console import JsonOption, out, print_json, with_settings
from bot.config.settings import Settings
from bot.core.core import Core, Figures
from knowledge.text import counted
from knowledge.values.questions import Evidence


@with_settings
def stats(settings: Settings, as_json: JsonOption = False) -> None:
    """Show figures of questions, verdicts, notes, documents and the index.

    Example:
        commonplace stats --json
    """
    with Core(settings) as core:
        figures = core.figures()
    now = datetime.now(UTC)
    if as_json:
        print_json(stats_record(figures, now))
    else:
        out.print(stats_text(figures, now))


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


def stats_text(figures: Figures, now: datetime) -> RenderableType:
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
    if changed_at is None:
        return "never changed"
    seconds = max(round((now - changed_at).total_seconds()), 0)
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"changed {seconds // size:,} {name} ago"
    return f"changed {counted(seconds, 'second')} ago"
