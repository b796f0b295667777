"""The overview as text fits Discord's limits in every language, with any question."""

import pytest

from bot.statistics import overview as messages
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language
from tests.bot.statistics.overviews import full, small


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("room", [0, 40, MESSAGE_CHARACTERS])
def test_a_full_overview_fits_and_mentions_nobody(language: Language, room: int) -> None:
    said = messages.text(messages.panels(full(), language), room)

    assert size(said) <= room
    assert "<@&" not in said


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("text", ["How? " * 40, "🦘" * 200, "w"])
def test_a_description_names_each_panel(language: Language, text: str) -> None:
    panels = messages.panels(full(text), language)

    said = messages.description(panels)

    assert size(said) <= messages.DESCRIPTION_CHARACTERS
    assert len(panels) == 4
    assert [panel.heading for panel in panels if panel.heading not in said] == []


def test_never_quoted_sources_get_half_of_the_rows() -> None:
    [*_, sources] = messages.panels(full())

    never = [row for row in sources.rows if row.value.startswith("never quoted: ")]
    assert len(never) == messages.MOST_SOURCES // 2
    assert sources.line == "93 more sources, 47 never quoted"


def test_panels_without_rows_are_left_out() -> None:
    assert len(messages.panels(small("Where?"))) == 2
