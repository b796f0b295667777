"""Each sentence that is kept in two languages is the same sentence in both."""

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import ModuleType

import pytest

from bot.answers import conversation
from bot.ask import messages as ask_messages
from bot.autocomplete import choices
from bot.community import messages as community_messages
from bot.gaps import ask_moderators
from bot.gaps import messages as gaps_messages
from bot.notes import messages as notes_messages
from bot.notices import messages as notices_messages
from bot.privacy import messages as privacy_messages
from bot.review import cards as review_cards
from bot.review import findings
from bot.review import messages as review_messages
from bot.search import messages as search_messages
from bot.setup import messages as setup_messages
from bot.sources import messages as sources_messages
from bot.text import markdown, paging
from bot.text.languages import Both, Counted, of_locale, written
from knowledge.model.records import Language

MODULES = (
    search_messages,
    review_cards,
    choices,
    conversation,
    findings,
    ask_moderators,
    setup_messages,
    review_messages,
    notices_messages,
    gaps_messages,
    sources_messages,
    notes_messages,
    ask_messages,
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
        review_cards.LABELS,
        ask_moderators.LABELS,
        review_messages.LOG_LABELS,
        review_messages.QUEUE_LABELS,
        gaps_messages.DISMISS_LABEL,
        paging.PAGE_LABELS,
        privacy_messages.PRIVACY_LABELS,
        notes_messages.DRAFT_LABELS,
        notes_messages.EXTEND_LABEL,
        notes_messages.HISTORY_LABELS,
        notes_messages.PAGE_LABELS,
        notes_messages.REVISE_LABELS,
        notes_messages.WITHDRAW_LABELS,
        ask_messages.ANSWER_LABELS,
        notes_messages.REPORT_LABEL,
        gaps_messages.WRITE_LABEL,
    )
    # In `/gaps` a number stands before it.
    assert max(map(markdown.size, on_buttons)) <= 80 - len("99 · ")
    in_lists = labels(
        review_cards.PROBLEM_LABELS,
        review_messages.EVENTS,
        community_messages.PERIOD_LABELS,
        ask_messages.REASON_LABELS,
        ask_messages.WHAT_WAS_WRONG,
        notes_messages.FILTER_LABELS,
    )
    assert max(map(markdown.size, in_lists)) <= 100
    on_forms = labels(
        review_cards.DUPLICATE_OF,
        review_cards.EDIT_TITLE,
        review_cards.REASON,
        review_cards.RULING_TITLES,
        review_cards.TEXT,
        review_cards.TEXT_AS_FILE,
        findings.TAGS,
        findings.TITLE,
        ask_messages.WHAT_WAS_WRONG,
        notes_messages.LINK,
        notes_messages.NEW_TITLE,
        notes_messages.OR_FILE,
        notes_messages.OTHER_TAGS,
        notes_messages.PROBLEM,
        notes_messages.REPORT_TITLE,
        notes_messages.REVISION_TITLE,
        notes_messages.WHICH_NOTE,
    )
    assert max(map(markdown.size, on_forms)) <= 45
    below_fields = labels(
        review_cards.DUPLICATE_HELP,
        review_cards.FILE_HELP,
        review_cards.REASON_HELP,
        review_cards.TAGS_HELP,
        notes_messages.FILE_HELP,
        notes_messages.KNOWN_TAGS_HELP,
        notes_messages.KNOWN_TAGS_ONLY_HELP,
        notes_messages.LINK_HELP,
        notes_messages.REPORT_REASON_HELP,
        notes_messages.TAGS_HELP,
        notes_messages.TEXT_HELP,
        notes_messages.TITLE_HELP,
        notes_messages.TITLE_OF_FILE_HELP,
    )
    below_fields += [notes_messages.from_channel("c" * 100, language) for language in Language]
    below_fields += [notes_messages.kept_help("a" * 30_000, language) for language in Language]
    assert max(map(markdown.size, below_fields)) <= 100


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
    assert len(said) <= markdown.MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("language", "said"), [(Language.ENGLISH, "04 Mar 2026"), (Language.GERMAN, "04.03.2026")]
)
def test_a_day_is_written_as_the_language_does(language: Language, said: str) -> None:
    assert said in ask_messages._VERIFIED(language, day=date(2026, 3, 4))


@pytest.mark.parametrize("waiting", [1, 2])
def test_moderators_are_reminded_in_the_servers_language(waiting: int) -> None:
    since = datetime(2026, 3, 4, tzinfo=UTC)
    english = review_messages.reminder(waiting, since)
    german = review_messages.reminder(waiting, since, Language.GERMAN)
    assert "decision" in english
    assert "Entscheidung" in german
