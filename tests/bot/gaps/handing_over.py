"""A world with helpers, and the messages of hand-overs to helpers and askers."""

from dataclasses import replace
from typing import Any

import discord
from simcord import ChannelHandle, InteractionResult, MemberActor, RoleHandle
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from knowledge.values.guilds import Language
from knowledge.values.questions import Handover
from tests.bot.world import UNKNOWN, World

EN = Language.ENGLISH
ANSWER = "It leaves at **nine** and at four. @everyone"


class Helping:
    """A world with a helper role."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.role: RoleHandle = world.guild.create_role("Helpers")
        self.helper = self.joined("hana", self.role)
        self.second = self.joined("hugo", self.role)

    def joined(self, name: str, *roles: RoleHandle) -> MemberActor:
        user = self.world.env.create_user(f"{name}-{self.world.guild.id}")
        return self.world.guild.add_member(user, roles=roles)

    def closed(self) -> dict[Any, discord.PermissionOverwrite]:
        """Overwrites of a channel that only helpers, moderators and the bot can see."""
        seen = discord.PermissionOverwrite(view_channel=True)
        world = self.world
        return {
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            self.role: seen,
            world.moderator_role: seen,
            world.bot_role: seen,
        }

    def sees(self, channel: ChannelHandle) -> None:
        """Show a channel to helpers, too."""
        allow = discord.Permissions(view_channel=True).value
        self.world.env.backend.set_overwrite(
            channel.id, Overwrite(self.role.id, OverwriteType.ROLE, allow=allow)
        )

    def forum(self) -> ChannelHandle:
        """A forum that helpers, moderators and the bot see, and nobody else."""
        made = self.world.guild.create_forum_channel("questions")
        for role, seen in self.closed().items():
            allow, deny = (one.value for one in seen.pair())
            self.world.env.backend.set_overwrite(
                made.id, Overwrite(role.id, OverwriteType.ROLE, allow=allow, deny=deny)
            )
        return made

    def demote(self, member: MemberActor) -> None:
        world = self.world
        world.env.backend.remove_member_role(world.guild.id, member.id, self.role.id)

    async def choose(self, **changed: Any) -> None:
        world = self.world
        chosen = {"hand_on": True, "helper_role_id": self.role.id, **changed}
        settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
        kept = replace(settings, **chosen)
        await world.core(lambda core: core.store.guilds.save_settings(kept, world.admin.id))
        world.bot.guild_settings.forget(world.guild.id)

    async def hand_over(self, **asked: Any) -> InteractionResult:
        """A member asks, is refused, and has the question handed over."""
        refused = await self.world.ask(UNKNOWN, **asked)
        assert refused.response is not None
        pressed = await self.world.member.click(refused.response, label="Ask the moderators")
        if asked.get("private"):
            assert pressed.response is not None
            pressed = await self.world.member.click(pressed.response, label="Ask them")
        return pressed

    async def standing(self, question_id: int = 1) -> Handover:
        guild_id = self.world.guild.id
        found = await self.world.core(lambda core: core.store.handovers.find(guild_id, question_id))
        assert isinstance(found, Handover)
        return found

    async def answer(
        self, post: discord.Message, by: MemberActor | None = None, name: str = "named"
    ) -> InteractionResult:
        by = by or self.helper
        form = await by.click(post, label="Answer")
        return await by.submit_modal(form, {"answer": ANSWER, "name": [name]})


def posts(channel: Any) -> list[discord.Message]:
    return [one for one in channel.history() if "is asking the moderators" in one.content]


def post(helping: Helping) -> discord.Message:
    [found] = posts(helping.world.review)
    return found


def told(channel: Any) -> list[discord.Message]:
    return [one for one in channel.history() if "You asked this" in one.content]


def direct(world: World) -> list[discord.Message]:
    return told(world.member.user.dm_channel)
