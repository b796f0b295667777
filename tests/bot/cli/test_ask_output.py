"""What the command line shows, to people and to programs: answers, `stats`, progress, sources."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from bot.answers.outcome import CLOSE_ENOUGH, Answer, Quote, Refusal, Reply, citation
from bot.answers.places import Place
from bot.ask import messages as ask_messages
from bot.cli.ask import REFUSED, reply_parts, reply_record
from bot.cli.console import Pace
from bot.cli.sources import source_record, sources_text
from bot.cli.stats import overview_record, panel_text, stats_record, stats_rows
from bot.core.core import Figures
from bot.statistics.overview import Panel, panels
from indexer.ingest.pipeline import Progress, UpdateReport
from indexer.retrieval.hit import Hit
from knowledge.corpus import SourceState
from knowledge.values.documents import SHARED, Failure, Scope
from knowledge.values.questions import Evidence
from tests.bot.statistics.overviews import MANY, full
from tests.bot.values import file_passage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIGURES = Figures(
    questions={"strong": 1_500, "partial": 300, "none": 200},
    verdicts={"helpful": 40, "unhelpful": 2},
    notes={"live": 12, "pending": 3},
    documents={"shared": 16, "guild": 12},
    passages={"shared": 70, "guild": 14},
    generation=9,
    changed_at=NOW - timedelta(hours=5),
    model="a-model",
    embedder="1234 int8",
)


def _hit(score: float, text: str, title: str = "GPU hours") -> Hit:
    return Hit(file_passage(text, title=title), score, score, score, 0.5, ("meaning",))


def _answer(evidence: Evidence, *hits: Hit) -> Answer:
    quotes = tuple(Quote(hit.passage.text, citation(hit.passage), hit) for hit in hits)
    places = tuple(Place((hit,), [hit.passage.text]) for hit in hits)
    return Answer(evidence, quotes, () if evidence is Evidence.STRONG else places)


def test_programs_get_the_places_of_an_unsure_answer() -> None:
    hits = [_hit(0.9, "It is open."), _hit(0.8, "Ask Mira.", title="People")]
    record = reply_record(Reply("how?", _answer(Evidence.PARTIAL, *hits), tuple(hits)))
    assert (record["state"], record["quotes"]) == ("unsure", [])
    assert [(one["title"], one["lines"]) for one in record["places"]] == [
        ("GPU hours", ["It is open."]),
        ("People", ["Ask Mira."]),
    ]


def test_programs_get_an_answer_with_its_probability() -> None:
    hits = [
        _hit(0.9, "It is open. The club has 40 hours."),
        _hit(0.8, "Ask Mira.", title="People"),
        _hit(0.7, "It has a roof."),
    ]
    outcome = _answer(Evidence.STRONG, *hits)
    record = reply_record(
        Reply("how many?", outcome, tuple(hits), signals={"probability": 0.91234})
    )
    assert record["probability"] == 0.9123
    assert (record["state"], record["places"]) == ("sure", [])
    assert record["answer"] == "It is open. The club has 40 hours."
    assert record["quotes"] == [
        {
            "document": "file:x",
            "title": "GPU hours",
            "heading": "H",
            "text": "It is open. The club has 40 hours.",
            "link": "https://own.org/",
            "whole": True,
        }
    ]
    assert record["nearest"] == ["GPU hours", "People"]


def _printed(reply: Reply, **settings: Any) -> list[str]:
    """The lines of a reply on a terminal, without those that are empty."""
    console = Console(width=80, **settings)
    with console.capture() as captured:
        for part in reply_parts(reply):
            console.print(part, soft_wrap=isinstance(part, Text))
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


def test_an_answer_is_what_discord_shows_of_it() -> None:
    hits = [_hit(0.9, "It is open. The club has 40 hours."), _hit(0.8, "Ask Mira.", title="People")]
    reply = Reply("how many?", _answer(Evidence.STRONG, *hits), tuple(hits))
    head = ask_messages.answer(reply).head.removeprefix("**how many?**\n").removeprefix("-# ")
    assert _printed(reply) == [
        "how many?",
        head,
        "▌ It is open. The club has 40 hours.",
        "GPU hours › H",
        "https://own.org/",
    ]


def test_a_refusal_on_the_terminal_promises_no_moderator() -> None:
    """Nothing that is asked there is recorded."""
    near = replace(_hit(0.2, "It has a roof."), window_cosine=CLOSE_ENOUGH)
    shown = _printed(Reply("how many?", Refusal(), (near,)))
    nearest = ask_messages.nearest_titles([near]).removeprefix("-# ").replace("**", "")
    assert shown == ["how many?", REFUSED, nearest]
    assert nearest == "Closest titles: GPU hours › H"


def test_language_and_missing_words_have_their_own_lines() -> None:
    foreign = ask_messages.not_my_language("de").removeprefix("-# ")
    refused = _printed(Reply("wie viele?", Refusal(), (), foreign="de"))
    assert " ".join(refused[1:-1]) == foreign
    assert refused[-1] == REFUSED
    hits = [_hit(0.9, "It is open.")]
    partial = _answer(Evidence.PARTIAL, *hits)
    assert isinstance(partial, Answer)
    shown = _printed(Reply("a roof?", replace(partial, missing=("roof",)), tuple(hits)))
    assert shown[:2] == ["a roof?", ask_messages.unsure(["roof"])]


def test_distant_titles_are_not_named() -> None:
    far = replace(_hit(0.2, "It has a roof."), window_cosine=CLOSE_ENOUGH - 0.01)
    assert _printed(Reply("how many?", Refusal(), (far,)))[:2] == ["how many?", REFUSED]
    assert ask_messages.nearest_titles([far]) == ""
    record = reply_record(Reply("how many?", Refusal(), (_hit(0.2, "It has a roof."),)))
    assert (record["quotes"], record["nearest"]) == ([], ["GPU hours"])
    assert record["probability"] == 0.0


def test_stats_for_people_count_answers() -> None:
    shown = stats_rows(FIGURES, NOW)
    assert shown["questions"] == "2,000"
    assert shown["  answered"] == "1,500 (75%)"
    assert shown["  answered in part"] == "300 (15%)"
    assert shown["  not answered"] == "200 (10%)"
    assert shown["servers' own documents"] == "12 in 14 passages"
    assert shown["notes waiting for review"] == "3"
    assert shown["model"] == "a-model (1234 int8)"
    shown = stats_rows(replace(FIGURES, questions=dict.fromkeys(FIGURES.questions, 0)), NOW)
    assert (shown["questions"], shown["  answered"]) == ("0", "0")


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=90), "changed 90 seconds ago"),
        (timedelta(minutes=3), "changed 3 minutes ago"),
        (timedelta(hours=47), "changed 47 hours ago"),
        (timedelta(days=400), "changed 400 days ago"),
        (timedelta(seconds=-5), "changed 0 seconds ago"),
        (timedelta(seconds=1), "changed 1 second ago"),
        (None, "never changed"),
    ],
)
def test_an_index_age_has_a_fitting_unit(ago: timedelta | None, said: str) -> None:
    changed_at = None if ago is None else NOW - ago
    shown = stats_rows(replace(FIGURES, changed_at=changed_at), NOW)
    assert shown["index"] == f"generation 9, {said}"


def test_stats_for_programs_have_every_figure() -> None:
    assert stats_record(FIGURES, NOW) == {
        "questions": {"strong": 1_500, "partial": 300, "none": 200, "all": 2_000},
        "verdicts": {"helpful": 40, "unhelpful": 2},
        "notes": {"live": 12, "pending": 3},
        "documents": {"shared": 16, "guild": 12},
        "passages": {"shared": 70, "guild": 14},
        "index": {
            "generation": 9,
            "changed_at": "2026-11-24T07:00:00+00:00",
            "age_seconds": 18_000,
            "model": "a-model",
            "embedder": "1234 int8",
        },
    }


def _progress(done: int, embedded: int) -> Progress:
    return Progress(done, 10, "guide.md", UpdateReport(embedded=embedded))


def test_pace_counts_from_known_work() -> None:
    seconds = iter([0.0, 100.0, 100.0, 104.0, 104.0]).__next__
    pace = Pace(seconds)
    pace.rate(_progress(0, 5))
    record = pace.record(_progress(2, 45))
    assert (record["texts_per_second"], record["remaining_seconds"]) == (10.0, 16.0)
    record = Pace(lambda: 1.0).record(_progress(0, 0))
    assert (record["texts_per_second"], record["remaining_seconds"]) == (0.0, None)


def test_a_source_is_listed_with_server_and_machine() -> None:
    failure = Failure("/a/b.md", "is empty.", "file:/a/b.md")
    state = SourceState("/a", Scope(10), 2, 1, NOW, (failure,))
    assert str(sources_text([state])) == (
        "/a  server 10\n  1 document from 2 files · 24 Nov 2026 12:00 UTC\n"
        "  failed /a/b.md is empty.\n"
    )
    assert source_record(state)["scope"] == "10"
    state = SourceState("/a", SHARED, 2, 1, NOW, (), machine="harbour")
    assert str(sources_text([state])) == (
        "/a\n  1 document from 2 files · 24 Nov 2026 12:00 UTC\n"
        "  followed on the machine harbour alone\n"
    )
    assert source_record(state)["machine"] == "harbour"


def _drawn(panel: Panel) -> list[str]:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(panel_text(panel))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_overview_fits_eighty_columns() -> None:
    days, asked, *_ = panels(full("How do kites fly? " * 9))

    _, heading, *rows = _drawn(days)
    assert heading.endswith("█ answered ▒ answered in part ░ not answered")
    bars = rows[: len(days.rows)]
    assert all(row.endswith(" 2,999,997") for row in bars)
    assert all(row.count("█") == row.count("▒") == row.count("░") == 20 for row in bars)
    assert max(map(len, _drawn(asked))) <= 80


def test_the_overview_for_programs_has_all_of_it() -> None:
    record = json.loads(json.dumps(overview_record(full("How do kites fly?"))))

    assert [len(part) for part in record.values()] == [30, 10, 99, 5]
    assert record["days"][0]["questions"] == dict.fromkeys(("strong", "partial", "none"), MANY)
    assert record["days"][0]["date"] == "2026-03-01"
