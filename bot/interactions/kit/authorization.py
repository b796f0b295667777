"""Authorization of clicks, choices and forms by the rules of their component classes.

Discord sends component ids back, and anybody may forge them. So each component class must declare
a rule. The rule looks up the objects that the component needs, or returns a refusal for the member.
The bot's rules are in `bot.interactions.policy.component_access`.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from typing import Any, TypeAlias

import discord

from bot.interactions.kit import inbox
from bot.interactions.kit.errors import in_time, say
from bot.interactions.kit.layouts import layout
from bot.interactions.services import Interaction
from bot.text import error_messages
from bot.text.languages import Sentence


class First(Enum):
    """First response to a click or a form, due within three seconds."""

    THINKING = auto()  # an ephemeral *thinking…*
    IN_PLACE = auto()  # edits an ephemeral message
    IN_PUBLIC = auto()  # edits a public message; the handler checks that it is one
    OWN = auto()  # a form or message of the handler; the rule must be quick


# Attributes that a rule looks up and adds to the component.
Found: TypeAlias = Mapping[str, Any]
# Finds what a component may act on, from the values in its id, or returns a refusal.
Rule: TypeAlias = Callable[[Interaction, Mapping[str, Any]], Awaitable[Found | Sentence]]


async def authorize(
    interaction: Interaction, first: First, rule: Rule, values: Mapping[str, Any]
) -> Found | Sentence:
    """Acknowledge an interaction, then apply the component's rule; the caller sends a refusal.

    With `First.OWN`, nothing is acknowledged, because the handler sends the first response.
    """
    message = interaction.message
    if first is First.IN_PLACE and message is not None and not message.flags.ephemeral:
        return error_messages.UNKNOWN_BUTTON
    if first is First.OWN:
        async with in_time(interaction):
            return await rule(interaction, values)
    if first is First.THINKING or message is None:
        inbox.keep(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
    else:
        await interaction.response.defer()
    return await rule(interaction, values)


async def refuse(interaction: Interaction, first: First, refusal: Sentence) -> None:
    """Send a refusal to the member.

    If the component edits its own ephemeral message (`First.IN_PLACE`), the refusal replaces the
    message. So the screen of a former moderator doesn't keep showing moderators' content.
    """
    sentence = refusal()
    message = interaction.message
    if first is not First.IN_PLACE or message is None or not interaction.response.is_done():
        await say(interaction, sentence)
        return
    shown: dict[str, Any] = {"content": sentence, "view": None}
    if message.flags.components_v2:
        shown = layout([discord.ui.TextDisplay(sentence)])
    await interaction.edit_original_response(**shown, attachments=[])
