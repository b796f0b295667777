"""A server's public page: turned on or off, and read."""

from knowledge.page.content import site_of_guild
from tests.bot.world import World


async def turn_on(world: World, *, page: bool = True) -> None:
    change = {"page": page}
    await world.core(lambda core: core.store.guilds.change(world.guild.id, change, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)


async def on_page(world: World) -> set[str]:
    """The titles on the page."""
    site = await world.core(lambda core: site_of_guild(core.store, world.guild.id, "Club"))
    return {note.title for note in site.notes}
