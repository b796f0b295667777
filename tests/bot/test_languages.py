"""Each sentence that is kept in two languages is the same sentence in both."""

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import ModuleType

import pytest

from bot import display, moderating, outcomes, showing, wording
from bot.languages import Both
from knowledge.model import Language


def kept(module: ModuleType) -> Iterator[tuple[str, Both]]:
    """Every pair of sentences in a module, by its name."""
    for name, value in vars(module).items():
        if isinstance(value, Both):
            yield name, value
        elif isinstance(value, dict):
            yield from (
                (f"{name} {key}", one) for key, one in value.items() if isinstance(one, Both)
            )


SENTENCES = [
    pytest.param(both, id=f"{module.__name__} {name}")
    for module in (wording, outcomes, showing, moderating)
    for name, both in kept(module)
]

# Names that are the same in both.
SAME = {"Hindi"}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("both", SENTENCES)
def test_both_have_the_same_to_fill_in(both: Both) -> None:
    assert fields(both.english) == fields(both.german)


@pytest.mark.parametrize("both", SENTENCES)
def test_both_say_it_in_their_own_words(both: Both) -> None:
    assert both.english != both.german or both.english in SAME


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
