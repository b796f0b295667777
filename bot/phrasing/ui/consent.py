"""Whether a language model is asked where somebody is, for `/about` and `/privacy`."""

from bot.interactions.services import Interaction
from knowledge.model.guilds import Phrasing


async def phrasing_in(interaction: Interaction) -> Phrasing:
    """What a model does with answers in a guild, or in direct messages."""
    bot, guild_id = interaction.client, interaction.guild_id
    if bot.phrasing is None:
        return Phrasing.OFF
    guild = None if guild_id is None else await bot.guild_settings.settings(guild_id)
    mode = bot.phrasing.mode_in(guild)
    return Phrasing.OFF if mode is None else Phrasing(mode.value)
