"""Channel access control: the followed channels that a reply may quote, by who can read it.

Discord's objects become the values that `audience` decides by. Channels, roles and overwrites are
those in discord.py's cache, which Discord keeps up to date; what is not there is not used.
"""

from typing import Any, Final

import discord

from bot.answers.audience import READING, READING_VOICE, Need, Overwrite, Place, Roles, usable
from bot.interactions.services import Interaction, Services
from knowledge.model.questions import Question

_VOICE: Final = (discord.VoiceChannel, discord.StageChannel)


def readable_by_all(bot: Services, channel: Any) -> tuple[int, ...]:
    """The followed channels that everybody may read who sees what is said in a channel.

    A thread is seen by nobody who does not see the channel that it is in.
    """
    guild = _guild_of(bot, channel)
    here = _around(channel, guild)
    if guild is None or here is None:
        return ()
    # The bot is told nothing by itself, and nothing is kept from the owner.
    passed_over = {bot.user.id if bot.user is not None else None, guild.owner_id}
    followed = [_place(one, passed_over) for one in _followed(bot, guild)]
    return usable(_roles(guild), _place(here, passed_over), followed)


def readable_by(bot: Services, member: discord.abc.User, channel: Any = None) -> tuple[int, ...]:
    """The followed channels that a member may read, for what is shown to them alone.

    `channel` is where it is shown: what is for adults is shown in channels for adults only.
    """
    if not isinstance(member, discord.Member):
        return ()
    guild = bot.get_guild(member.guild.id)
    if guild is None:
        return ()
    restricted = _is_restricted(_around(channel, guild))
    return tuple(
        sorted(
            one.id
            for one in _followed(bot, guild)
            if (restricted or not _is_restricted(one))
            and _granted(one.permissions_for(member)) >= _needs(one)
        )
    )


def readable_in(interaction: Interaction, *, private: bool) -> tuple[int, ...]:
    """The followed channels that an answer to an interaction may use."""
    bot = interaction.client
    if private:
        return readable_by(bot, interaction.user, interaction.channel)
    return readable_by_all(bot, interaction.channel)


async def readable_answer(
    interaction: Interaction, question: Question | None
) -> tuple[int, ...] | None:
    """The followed channels of which whoever clicked may see what was answered; None: no answer.

    A custom_id can be forged: a question of another guild is as good as none, and so is one that
    somebody else asked privately. An answer that was told by direct message is its asker's, for as
    long as they are a member.
    """
    bot = interaction.client
    mine = question is not None and question.asker_id == interaction.user.id
    if question is None or (question.private and not mine):
        return None
    if interaction.guild_id is not None:
        here = question.guild_id == interaction.guild_id
        return readable_in(interaction, private=True) if here else None
    if question.guild_id is None or not mine:
        return () if mine else None
    guild = bot.get_guild(question.guild_id)
    if guild is None:
        return None
    try:
        return readable_by(bot, await guild.fetch_member(interaction.user.id))
    except discord.NotFound:
        return None


def _guild_of(bot: Services, channel: Any) -> discord.Guild | None:
    """The guild as it is in the cache: one that came with an event may know no channel."""
    guild = getattr(channel, "guild", None)
    return bot.get_guild(guild.id) if guild is not None else None


def _around(channel: Any, guild: discord.Guild | None) -> discord.abc.GuildChannel | None:
    """The channel that a thread is in, or the channel itself, if the guild has it."""
    if channel is None or guild is None:
        return None
    parent = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    return guild.get_channel(parent)


def _followed(bot: Services, guild: discord.Guild) -> list[discord.abc.GuildChannel]:
    found = (guild.get_channel(one) for one in bot.followed.get(guild.id, ()))
    return [channel for channel in found if channel is not None]


def _granted(permissions: discord.Permissions) -> frozenset[Need]:
    return frozenset(need for need in Need if getattr(permissions, need.value))


def _needs(channel: discord.abc.GuildChannel) -> frozenset[Need]:
    return READING_VOICE if isinstance(channel, _VOICE) else READING


def _is_restricted(channel: discord.abc.GuildChannel | None) -> bool:
    return bool(getattr(channel, "nsfw", False))


def _roles(guild: discord.Guild) -> Roles:
    """The guild's roles but those of administrators, and but the bot's own."""
    own = guild.self_role
    return Roles(
        _granted(guild.default_role.permissions),
        {
            role.id: _granted(role.permissions)
            for role in guild.roles
            if not (role.is_default() or role.permissions.administrator or role == own)
        },
    )


def _place(channel: discord.abc.GuildChannel, passed_over: set[int | None]) -> Place:
    """A channel with its overwrites, without those for members who are passed over."""
    roles: dict[int, Overwrite] = {}
    members: dict[int, Overwrite] = {}
    for target, said in channel.overwrites.items():
        allowed, denied = said.pair()
        overwrite = Overwrite(_granted(allowed), _granted(denied))
        if _is_role(target):
            roles[target.id] = overwrite
        elif target.id not in passed_over:
            members[target.id] = overwrite
    everyone = roles.pop(channel.guild.id, Overwrite())
    return Place(channel.id, everyone, roles, members, _needs(channel), _is_restricted(channel))


def _is_role(target: Any) -> bool:
    """Whether an overwrite is for a role; of who is not in the cache, only the kind is known."""
    return isinstance(target, discord.Role) or getattr(target, "type", None) is discord.Role
