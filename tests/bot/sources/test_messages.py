"""Messages about sources: in both languages, within Discord's limits."""

from datetime import UTC, datetime

import pytest

from bot.answers.search_tiers import ArticlesUse
from bot.sources import messages as sources_messages
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.service import ArticlesReport, Overview
from bot.text.markdown import MESSAGE_CHARACTERS
from knowledge.corpus import SourceState
from knowledge.discord_archive.archive import (
    ArchivedChannel,
    ChannelProblem,
    Counts,
    ProblemCode,
    ProgressMessage,
    SyncStage,
    stored_problem,
)
from knowledge.values.documents import SHARED, Failure, Scope
from knowledge.values.guilds import Language, SyncedContent
from tests.bot.spoken import english, said_in

BUNDLED = ArticlesReport(16, ArticlesUse.GUEST)
COUNTS = Counts(1_340, 340, 12_345, 87)
AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def channel_report(
    stage: SyncStage = SyncStage.DONE,
    problem: ChannelProblem | None = None,
    failures: tuple[tuple[str, str], ...] = (),
    reads: SyncedContent = SyncedContent.THREADS,
    counts: Counts = COUNTS,
) -> ChannelReport:
    read_at = AT if stage is SyncStage.DONE else None
    channel = ArchivedChannel(
        3, 10, "help", reads, stage, 1, "", read_at, problem, ProgressMessage()
    )
    return ChannelReport(channel, counts, failures)


def test_each_stage_and_channel_kind_has_progress() -> None:
    reading = channel_report(stage=SyncStage.READING)
    assert english(sources_messages.progress, reading) == english(
        sources_messages._READING,
        channel="<#3>",
        done=1000,
        threads=1340,
        messages="12,345 messages",
    )
    german = said_in(Language.GERMAN, sources_messages.progress, channel_report())
    assert german.startswith("<#3> ist gelesen: 87 Dokumente")
    for counts, sentence in (
        (Counts(1, 0, 1, 1), sources_messages._DONE_PINS),
        (Counts(1, 0, 0, 0), sources_messages._NO_PINS),
    ):
        report = channel_report(reads=SyncedContent.PINS, counts=counts)
        assert english(sources_messages.progress, report) == english(
            sentence, channel="<#3>", documents="1 document", messages="1 message"
        )


@pytest.mark.parametrize(
    ("problem", "named"),
    [
        (ChannelProblem(ProblemCode.GONE), ""),
        (ChannelProblem(ProblemCode.SWITCHED_OFF), "`sources.channels`"),
        (
            ChannelProblem(
                ProblemCode.LACKS_PERMISSIONS,
                {"permissions": ["view_channel", "read_message_history"]},
            ),
            "View Channel and Read Message History",
        ),
        (ChannelProblem(ProblemCode.ANSWERED, {"status": 503}), "503"),
        (ChannelProblem(ProblemCode.UNREACHED), ""),
        (ChannelProblem(ProblemCode.OTHER, {"text": "can't read {Missing} Access"}), "{Missing}"),
    ],
)
def test_stored_problems_are_translated(problem: ChannelProblem, named: str) -> None:
    stored = stored_problem(str(problem))
    assert stored == problem
    english, german = (
        said_in(language, sources_messages.progress, channel_report(problem=stored))
        for language in (Language.ENGLISH, Language.GERMAN)
    )
    assert english.startswith("⚠ <#3> ")
    assert named in english
    assert (english == german) is (problem.code is ProblemCode.OTHER)


def test_an_empty_problem_is_none() -> None:
    assert stored_problem("") is None


FAILURES = tuple((f"Thread {number} @everyone", "can't be read") for number in range(9))


def test_public_progress_counts_failed_threads_without_names() -> None:
    told = english(sources_messages.progress, channel_report(failures=FAILURES))

    assert english(sources_messages._UNREAD, number=9) in told
    assert "Thread" not in told


def test_the_list_names_the_first_failed_threads() -> None:
    report = channel_report(failures=FAILURES)

    told = english(sources_messages.source_list, Overview([report], [], BUNDLED), 0).content

    assert told.count("⚠") == sources_messages.FAILURES_SHOWN
    assert "and 6 more" in told
    assert " @everyone" not in told


def test_a_page_of_long_sources_fits_one_message() -> None:
    failures = tuple(Failure("https://example.org/" + "x" * 500, "y" * 500, "") for _ in range(5))
    states = [
        SourceState(f"https://example.org/{number}" + "z" * 500, Scope(10), 5, 4, AT, failures)
        for number in range(20)
    ]

    pages = [
        english(sources_messages.source_list, Overview([channel_report()], states, BUNDLED), number)
        for number in range(40)
    ]

    assert all(len(page.content) <= MESSAGE_CHARACTERS for page in pages)
    assert pages[-1].number == pages[0].count - 1


def test_paths_of_the_operators_files_are_not_shown() -> None:
    state = SourceState("/srv/private/manuals", SHARED, 5, 4, AT, ())

    page = english(sources_messages.source_list, Overview([], [state], BUNDLED), 0)

    assert "manuals · 4 documents" in page.content
    assert "srv" not in page.content
    assert "for every server" in page.content


@pytest.mark.parametrize("standing", list(ArticlesUse))
def test_the_list_shows_if_articles_are_quoted(standing: ArticlesUse) -> None:
    bundled = ArticlesReport(16, standing)
    shown = english(
        sources_messages.source_list, Overview([channel_report()], [], bundled), 0
    ).content
    *_, last = shown.splitlines()
    assert last.startswith(f"{sources_messages.ARTICLES_NAME.english} · 16 documents · ")
    assert last == english(sources_messages.articles_entry, bundled)
    assert ("not quoted" in last) is (standing in (ArticlesUse.OFF, ArticlesUse.ENDED))
