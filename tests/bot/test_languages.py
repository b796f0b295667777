"""Each sentence that is kept in two languages is the same sentence in both."""

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import ModuleType

import pytest

from bot import (
    browsing,
    cards,
    choices,
    conversation,
    display,
    findings,
    handing,
    introducing,
    moderating,
    outcomes,
    showing,
    sourcing,
    standing,
    wording,
)
from bot.languages import Both, Counted, of_locale, written
from knowledge.model import Language

MODULES = (
    browsing,
    cards,
    choices,
    conversation,
    findings,
    handing,
    introducing,
    moderating,
    outcomes,
    showing,
    sourcing,
    standing,
    wording,
)


def pairs(name: str, value: object) -> Iterator[tuple[str, Both]]:
    """Every pair of sentences in a value, with a name."""
    if isinstance(value, Both):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from pairs(f"{name} {key}", one)
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from pairs(f"{name} {number}", one)


def kept(module: ModuleType) -> Iterator[tuple[str, Both]]:
    """Every pair of sentences in a module, by its name."""
    for name, value in vars(module).items():
        yield from pairs(name, value)


SENTENCES = [
    pytest.param(both, id=f"{module.__name__} {name}")
    for module in MODULES
    for name, both in kept(module)
]

# What is the same in both: names, and sentences that hold hardly a word of their own.
SAME = {"Hindi", "Link", "Tags", "Text", "⚠ {channel} {reason}."}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("both", SENTENCES)
def test_both_have_the_same_to_fill_in(both: Both) -> None:
    assert fields(both.english) == fields(both.german)


@pytest.mark.parametrize("both", SENTENCES)
def test_both_say_it_in_their_own_words(both: Both) -> None:
    assert both.english != both.german or both.english in SAME


def labels(*named: object) -> list[str]:
    """Both wordings of everything that is called so."""
    return [wording_ for value in named for _, both in pairs("", value) for wording_ in both]


def test_labels_are_not_longer_than_discord_takes_them() -> None:
    """What is on buttons, in lists to choose from, on forms and below their fields."""
    on_buttons = labels(
        cards.LABELS,
        handing.LABELS,
        moderating.LOG_LABELS,
        moderating.QUEUE_LABELS,
        showing.DISMISS_LABEL,
        showing.PAGE_LABELS,
        showing.PRIVACY_LABELS,
        standing.DRAFT_LABELS,
        standing.EXTEND_LABEL,
        standing.HISTORY_LABELS,
        standing.PAGE_LABELS,
        standing.REVISE_LABELS,
        standing.WITHDRAW_LABELS,
        wording.ANSWER_LABELS,
        wording.REPORT_LABEL,
        wording.WRITE_LABEL,
    )
    # In `/gaps` a number stands before it.
    assert max(map(display.size, on_buttons)) <= 80 - len("99 · ")
    in_lists = labels(
        cards.PROBLEM_LABELS,
        moderating.EVENTS,
        showing.PERIOD_LABELS,
        showing.REASON_LABELS,
        showing.WHAT_WAS_WRONG,
        standing.FILTER_LABELS,
    )
    assert max(map(display.size, in_lists)) <= 100
    on_forms = labels(
        cards.DUPLICATE_OF,
        cards.EDIT_TITLE,
        cards.REASON,
        cards.RULING_TITLES,
        cards.TEXT,
        cards.TEXT_AS_FILE,
        findings.TAGS,
        findings.TITLE,
        showing.WHAT_WAS_WRONG,
        standing.LINK,
        standing.NEW_TITLE,
        standing.OR_FILE,
        standing.OTHER_TAGS,
        standing.PROBLEM,
        standing.REPORT_TITLE,
        standing.REVISION_TITLE,
        standing.WHICH_NOTE,
    )
    assert max(map(display.size, on_forms)) <= 45
    below_fields = labels(
        cards.DUPLICATE_HELP,
        cards.FILE_HELP,
        cards.REASON_HELP,
        cards.TAGS_HELP,
        standing.FILE_HELP,
        standing.KNOWN_TAGS_HELP,
        standing.KNOWN_TAGS_ONLY_HELP,
        standing.LINK_HELP,
        standing.REPORT_REASON_HELP,
        standing.TAGS_HELP,
        standing.TEXT_HELP,
        standing.TITLE_HELP,
        standing.TITLE_OF_FILE_HELP,
    )
    below_fields += [standing.from_channel("c" * 100, language) for language in Language]
    below_fields += [standing.kept_help("a" * 30_000, language) for language in Language]
    assert max(map(display.size, below_fields)) <= 100


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", Language.GERMAN),
        ("en-US", Language.ENGLISH),
        ("en-GB", Language.ENGLISH),
        ("fr", None),
        ("pt-BR", None),
    ],
)
def test_a_clients_language_is_known_where_there_are_wordings_in_it(
    locale: str, language: Language | None
) -> None:
    assert of_locale(locale) is language


def test_numbers_are_written_and_counted_as_the_language_does() -> None:
    apples = Counted(
        Both("{number} apple", "{number} Apfel"), Both("{number} apples", "{number} Äpfel")
    )
    assert written(1_234_567, Language.ENGLISH) == "1,234,567"
    assert apples(1, Language.GERMAN) == "1 Apfel"
    assert apples(1_234, Language.GERMAN) == "1.234 Äpfel"
    assert apples(0, Language.ENGLISH) == "0 apples"


@pytest.mark.parametrize("both", SENTENCES)
@pytest.mark.parametrize("language", Language)
def test_what_is_filled_in_is_shown_as_it_is(both: Both, language: Language) -> None:
    """Braces in what somebody wrote are no fields."""
    values = dict.fromkeys(fields(both.english), "{title} {0} {}")
    values = {name: value for name, value in values.items() if name not in ("day", "waiting")}

    said = both(language, day=date(2026, 3, 4), waiting=2, **values)

    assert said.count("{title} {0} {}") == len(values)
    assert len(said) <= display.MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("language", "said"), [(Language.ENGLISH, "04 Mar 2026"), (Language.GERMAN, "04.03.2026")]
)
def test_a_day_is_written_as_the_language_does(language: Language, said: str) -> None:
    assert said in wording._VERIFIED(language, day=date(2026, 3, 4))


@pytest.mark.parametrize("waiting", [1, 2])
def test_moderators_are_reminded_in_the_servers_language(waiting: int) -> None:
    since = datetime(2026, 3, 4, tzinfo=UTC)
    english = moderating.reminder(waiting, since)
    german = moderating.reminder(waiting, since, Language.GERMAN)
    assert "decision" in english
    assert "Entscheidung" in german
