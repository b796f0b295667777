"""A server with hostile names, titles, texts and questions.

The `strict_discord` fixture finds requests that Discord would refuse.
"""

import itertools
from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.text.markdown import LAYOUT_CHARACTERS, MESSAGE_CHARACTERS
from tests.bot.extremes import EXTREMES, badly_shown
from tests.bot.world import World, buttons, text_of

# Texts of one server: the nickname, title, note, reason and question each begin with another one.
SERVERS = [
    ["emoji", "backticks with text", "masked links", "pings", "fences"],
    ["families", "times and commands", "headings", "spoilers", "a table"],
    ["marks upon marks", "turned round", "quotations in quotations", "marks that open only"],
]

LOOKED_AT: list[tuple[str, dict[str, Any]]] = [
    ("note mine", {}),
    ("note show", {"note": "1"}),
    ("review", {}),
    ("gaps", {}),
    ("stats", {}),
    ("privacy", {}),
]


async def everything_clicked(
    actor: MemberActor, result: InteractionResult, besides: set[str]
) -> None:
    """Press every button of a response, one after another, and leave the forms that open."""
    if result.response is None:
        return
    for label in buttons(result.response):
        if label not in besides:
            await actor.click(result.response, label=label)


def most(message: Any) -> int:
    """Discord's limit for what a message says."""
    return MESSAGE_CHARACTERS if message.content else LAYOUT_CHARACTERS


@pytest.mark.parametrize("kinds", SERVERS)
async def test_hostile_text_is_shown_within_limits(world: World, kinds: list[str]) -> None:
    texts = itertools.cycle(EXTREMES[kind] for kind in kinds)

    def typed(start: str, most: int) -> str:
        """Two of the texts, each half as long as allowed."""
        half = (most - len(start)) // 2
        return f"{start}{next(texts)[:half]}{next(texts)[:half]}"

    def title(start: str) -> str:
        # Further lines of a title would be synonyms.
        return " ".join(typed(start, 100).split())

    backend = world.env.backend
    for actor in (world.member, world.moderator):
        backend.edit_member(world.guild.id, actor.id, {"nick": typed("x", 32).strip()})
    backend.edit_guild(world.guild.id, {"name": typed("x", 100).strip()})

    await world.propose(title("x "), typed("Wagadugu is here. ", 4_000))
    await world.moderator.click(world.card, label="What would change?")
    await world.moderator.click(world.card, label="Approve")
    await world.propose_as(world.second_member, title("y "), typed("Zanzibar ferries. ", 4_000))
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": typed("No. ", 500)})
    refused = await world.ask(typed("Timbuktu ", 300), by=world.second_member)
    answered = await world.ask(typed("Wagadugu ", 300), private=True)
    await everything_clicked(world.member, refused, set())
    await everything_clicked(world.member, answered, {"Share"})
    for command, options in LOOKED_AT:
        result = await world.moderator.slash(world.general, command, **options)
        assert result.response is not None
        assert badly_shown(text_of(result.response), most(result.response)) == []

    for channel in (world.general, world.review, world.member.user.dm_channel):
        for message in channel.history():
            if message.author.bot:
                assert badly_shown(text_of(message), most(message)) == []
                assert [one.id for one in message.mentions] in (
                    [],
                    [world.member.id],
                    [world.second_member.id],
                )
                assert message.raw_role_mentions == []
                assert not message.mention_everyone
