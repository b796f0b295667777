"""Layouts: rows of components, and the text of any message."""

from typing import Any

import discord

from bot.interactions.kit.layouts import layout, rows, text_of
from tests.bot.world import World


def _button(number: int) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=str(number), custom_id=str(number))


def test_five_buttons_are_a_row_and_a_list_another() -> None:
    option = discord.SelectOption(label="a", value="a")
    select = discord.ui.Select[Any](custom_id="list", options=[option])

    found = rows([*map(_button, range(6)), select, _button(6)])

    assert [len(row.children) for row in found] == [5, 1, 1, 1]
    assert rows([]) == []


async def test_a_message_has_content_or_ordered_layout_texts(world: World) -> None:
    channel = world.bot.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    container = discord.ui.Container[Any](
        discord.ui.TextDisplay("One."),
        discord.ui.Section("Two.", accessory=discord.ui.Button(label="Go", url="https://a.org")),
    )

    before = await channel.send("A text.", view=discord.ui.View().add_item(_button(1)))
    after = await channel.send(**layout([container], [_button(1)]))

    assert text_of(before) == "A text."
    assert text_of(after) == "One.\nTwo."
    became = await before.edit(**layout([discord.ui.TextDisplay("Three.")]))
    assert text_of(became) == "Three."
