"""A server in which something was said that not everybody may read."""

from dataclasses import dataclass
from typing import Final

import discord
from simcord import ChannelHandle
from simcord.backend.models.channel import Overwrite
from simcord.enums import ChannelType, OverwriteType

from indexer.ingest.pipeline import index_document
from knowledge.values.documents import Document, Kind, channel_scope
from tests.bot.world import TEXT, World

# What no article and no question here says.
SECRET: Final = f"{TEXT} Bring a xylophone."
HEADLINE: Final = "Xylophones among staff"

VIEW: Final = discord.Permissions(view_channel=True).value


@dataclass
class Town:
    """A world with a staff channel in which something was said, and its thread."""

    world: World
    staff: ChannelHandle
    thread: ChannelHandle

    async def say(self, channel: ChannelHandle, text: str = SECRET, title: str = HEADLINE) -> str:
        """Have something in the index that was said in a followed channel."""
        link = f"https://discord.com/channels/{self.world.guild.id}/{channel.id}/1"
        said = Document(
            f"chat:{channel.id}", channel_scope(channel.id), Kind.CHAT, title, text, link
        )
        await self.world.core(lambda core: index_document(core.index, core.embedder, said))
        self.world.bot.followed.setdefault(self.world.guild.id, set()).add(channel.id)
        return said.id

    async def forget(self, document_id: str) -> None:
        """Take out what was said, as when its message is deleted."""
        await self.world.core(lambda core: core.index.tables.apply([], [document_id]))

    def hide(self, channel: ChannelHandle, role_id: int) -> None:
        """Keep a role from a channel."""
        hidden = Overwrite(role_id, OverwriteType.ROLE, deny=VIEW)
        self.world.env.backend.set_overwrite(channel.id, hidden)

    def show(self, channel: ChannelHandle, target_id: int, kind: OverwriteType) -> None:
        """Let a role or a member see a channel."""
        shown = Overwrite(target_id, kind, allow=VIEW)
        self.world.env.backend.set_overwrite(channel.id, shown)

    def thread_in(self, channel: ChannelHandle, kind: int) -> ChannelHandle:
        """A new thread, begun by the moderator."""
        made = self.world.env.backend.create_thread(
            channel.id, "thread", self.world.moderator.id, type=kind
        )
        return ChannelHandle(self.world.env, self.world.guild, made)


async def build_town(world: World) -> Town:
    """A world with a staff channel in which something was said."""
    seen = discord.PermissionOverwrite(view_channel=True)
    staff = world.guild.create_text_channel(
        "staff",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.moderator_role: seen,
            world.bot_role: seen,
        },
    )
    made = Town(world, staff, staff)
    made.thread = made.thread_in(staff, ChannelType.PUBLIC_THREAD)
    await made.say(staff)
    return made


def is_told(text: str) -> bool:
    """Whether anything of what was said is in a text, or its title."""
    return "xylophone" in text.casefold()
