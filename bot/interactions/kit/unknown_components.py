"""Handler of unknown components: buttons of other versions, forms from before a restart.

discord.py ignores unknown ids, so Discord would show *This interaction failed*.
"""

from collections.abc import Sequence
from typing import Any

import discord
from discord.ext import commands

from bot.interactions.kit.buttons import CustomId
from bot.interactions.kit.errors import say
from bot.interactions.kit.forms import Form, handle_unopened_form
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.services import Interaction, Services
from bot.text import error_messages


class UnknownComponents(commands.Cog):
    """Answers forms opened by other processes, and clicks on buttons of other versions."""

    def __init__(
        self, bot: Services, ids: Sequence[CustomId], forms: tuple[type[Form], ...]
    ) -> None:
        self._bot = bot
        self._ids = ids
        self._forms = forms

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            await handle_unopened_form(interaction, self._forms)
        elif interaction.type is discord.InteractionType.component:
            sentence = None
            if not self._is_known(interaction):
                sentence = error_messages.UNKNOWN_BUTTON
            elif not _still_there(interaction):
                sentence = error_messages.BUTTON_GONE
            if sentence is not None:
                await say(
                    interaction,
                    sentence(await viewer_language(interaction)),
                )

    def _is_known(self, interaction: Interaction) -> bool:
        sent: Any = interaction.data
        return any(ids.parse(sent["custom_id"]) is not None for ids in self._ids)


def _still_there(interaction: Interaction) -> bool:
    """Whether the clicked component is still on its message.

    If not, discord.py ignores the click without a response.
    """
    sent: Any = interaction.data
    message = interaction.message
    if message is None:
        return False
    kind = discord.ui.LayoutView if message.flags.components_v2 else discord.ui.View
    shown = kind.from_message(message, timeout=None).walk_children()
    return any(getattr(item, "custom_id", None) == sent["custom_id"] for item in shown)
