"""A server in which everything is as bad as it can be typed: names, titles, texts, questions.

What Discord would refuse of it, or show to somebody, `strict_discord` finds.
"""

from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.text.markdown import LAYOUT_CHARACTERS, MESSAGE_CHARACTERS
from tests.bot.extremes import EXTREMES, badly_shown
from tests.bot.world import World, buttons, text_of

TEXTS = [
    "emoji",
    "families",
    "marks upon marks",
    "turned round",
    "backticks with text",
    "fences",
    "masked links",
    "pings",
    "times and commands",
    "headings",
    "spoilers",
    "a table",
    "quotations in quotations",
    "marks that open only",
]

LOOKED_AT: list[tuple[str, dict[str, Any]]] = [
    ("note mine", {}),
    ("note show", {"note": "1"}),
    ("note history", {"note": "1"}),
    ("review note", {"note": 1}),
    ("review queue", {}),
    ("review log", {}),
    ("gaps", {}),
    ("leaderboard", {}),
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


@pytest.mark.parametrize("kind", TEXTS)
async def test_whatever_is_typed_is_shown_within_the_limits_and_as_text(
    world: World, kind: str
) -> None:
    text = EXTREMES[kind]
    backend = world.env.backend
    for actor in (world.member, world.moderator):
        backend.edit_member(world.guild.id, actor.id, {"nick": f"x{text}"[:32].strip()})
    backend.edit_guild(world.guild.id, {"name": f"x{text}"[:100].strip()})

    # Further lines of a title would be other ways to ask.
    line = " ".join(text.split())
    await world.propose(f"x {line}"[:100], f"Wagadugu is here. {text}"[:4_000])
    await world.moderator.click(world.card, label="What would change?")
    await world.moderator.click(world.card, label="Approve")
    await world.propose_as(
        world.second_member, f"y {line}"[:100], f"Zanzibar ferries. {text}"[:4_000]
    )
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": f"No. {text}"[:500]})
    refused = await world.ask(f"Timbuktu {text}"[:300], by=world.second_member)
    answered = await world.ask(f"Wagadugu {text}"[:300], private=True)
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
