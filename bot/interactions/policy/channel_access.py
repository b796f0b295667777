"""Channel access control: the followed channels that a reply may quote, by who can read it.

Channels, roles and overwrites are those in discord.py's cache, which Discord keeps up to date; what
is not there is not used. They become values, by which `usable` decides whether everybody who sees
one channel may read another.

Who is in a guild is not known: that would take a privileged intent. So it is decided for every
member there could be, with any of the guild's roles and with or without overwrites of their own,
and the answer is exact: no, where one of them could see the one and not read the other.

What has to be looked at is little. A set of roles lacks a permission because one role in it is
denied it or because none is granted it, and sees a channel because one role in it may, or everyone.
So if any set sees the one channel and can't read the other, a set of two roles does.

Source:
    How roles and overwrites make permissions: Discord's developer documentation, "Permissions".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import discord

from bot.interactions.services import Interaction, Services
from knowledge.values.questions import Question

_VOICE: Final = (discord.VoiceChannel, discord.StageChannel)


class Need(StrEnum):
    """A permission that reading can take, by discord.py's name for it."""

    VIEW = "view_channel"
    HISTORY = "read_message_history"
    CONNECT = "connect"


READING: Final = frozenset({Need.VIEW, Need.HISTORY})
# In the text of a voice channel nobody reads who may not join it.
READING_VOICE: Final = frozenset(Need)

_NOTHING: Final[frozenset[Need]] = frozenset()


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel says of one role or one member. What is in neither, it leaves as it is."""

    allowed: frozenset[Need] = _NOTHING
    denied: frozenset[Need] = _NOTHING


@dataclass(frozen=True, slots=True)
class Place:
    """A channel: its overwrites for everyone, for other roles and for members, by their ids.

    `needs` is what reading it takes. A `restricted` one is for adults.
    """

    id: int
    everyone: Overwrite = Overwrite()
    roles: Mapping[int, Overwrite] = field(default_factory=dict)
    members: Mapping[int, Overwrite] = field(default_factory=dict)
    needs: frozenset[Need] = READING
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Roles:
    """What everyone in a guild may do, and what each other role adds to that, by its id.

    Roles of administrators are left out: nothing is kept from them.
    """

    everyone: frozenset[Need]
    others: Mapping[int, frozenset[Need]] = field(default_factory=dict)


def usable(roles: Roles, here: Place, followed: Iterable[Place]) -> tuple[int, ...]:
    """The ids of those channels that everybody who sees what is said here may read, sorted.

    Seeing takes less than reading: what is said while somebody looks needs no history.
    """
    seen = _Rule.of(roles, here, Need.VIEW)
    return tuple(
        sorted(
            there.id
            for there in followed
            if (here.restricted or not there.restricted)
            and not any(
                _somebody_lacks(roles.others.keys(), seen, _Rule.of(roles, there, need))
                for need in there.needs
            )
        )
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """Who has one permission in one channel.

    A set of roles has it with one of `allowing`; else not with one of `denying`; else if it is
    `everyone`'s or with one of `granting`. A member who is `allowed` or `denied` it has or lacks it
    whatever their roles are.
    """

    everyone: bool
    granting: frozenset[int]
    allowing: frozenset[int]
    denying: frozenset[int]
    allowed: frozenset[int]
    denied: frozenset[int]

    @classmethod
    def of(cls, roles: Roles, place: Place, need: Need) -> "_Rule":
        """The rule for a permission, as Discord applies overwrites one after the other."""
        kept = need not in place.everyone.denied
        allowed = frozenset(one for one, said in place.members.items() if need in said.allowed)
        return cls(
            everyone=need in place.everyone.allowed or (kept and need in roles.everyone),
            # What everyone is denied, no role's own grant in the guild gives back.
            granting=frozenset(
                one for one, granted in roles.others.items() if kept and need in granted
            ),
            allowing=frozenset(one for one, said in place.roles.items() if need in said.allowed),
            denying=frozenset(one for one, said in place.roles.items() if need in said.denied),
            allowed=allowed,
            denied=frozenset(one for one, said in place.members.items() if need in said.denied)
            - allowed,
        )

    def given_to_some(self, roles: Iterable[int]) -> bool:
        roles = frozenset(roles)
        return bool(
            self.everyone or self.allowing & roles or (self.granting & roles) - self.denying
        )


def _somebody_lacks(roles: Iterable[int], seen: _Rule, needed: _Rule) -> bool:
    """Whether a member there could be sees the one channel and lacks a permission in the other."""
    roles = frozenset(roles)
    # With any other role, the permission is there whatever else somebody has.
    rest = roles - needed.allowing
    deniers = rest & needed.denying
    if deniers and (seen.allowing & rest or (deniers - seen.denying and seen.given_to_some(rest))):
        return True
    if not needed.everyone and seen.given_to_some(rest - needed.granting):
        return True
    if needed.denied - seen.denied and (seen.given_to_some(roles) or seen.allowed & needed.denied):
        return True
    if seen.allowed - needed.allowed:
        return bool(deniers) or not needed.everyone
    return False


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


def readable_by_all_in(bot: Services, here: Any, there: Any) -> bool:
    """Whether everybody who sees what is said in one channel may read another one."""
    guild = _guild_of(bot, here)
    here, there = _around(here, guild), _around(there, guild)
    if guild is None or here is None or there is None:
        return False
    passed_over = {bot.user.id if bot.user is not None else None, guild.owner_id}
    return bool(usable(_roles(guild), _place(here, passed_over), [_place(there, passed_over)]))


def seen_by_others(channel: discord.abc.GuildChannel, role_ids: Collection[int | None]) -> bool:
    """Whether somebody sees a channel who neither has one of these roles nor manages the server.

    Roles add permissions: whoever sees a channel has one role that alone would show it to them.
    Other bots don't count.
    """
    guild = channel.guild

    def trusted(role: discord.Role) -> bool:
        have = role.permissions
        bots = role.is_bot_managed() or (role.managed and role in guild.me.roles)
        known = have.administrator or have.manage_guild or bots or role.id in role_ids
        return known and not role.is_default()

    if any(
        not trusted(role) and channel.permissions_for(role).view_channel for role in guild.roles
    ):
        return True
    own = {guild.me.id, guild.owner_id}
    return any(
        said.view_channel and target.id not in own
        for target, said in channel.overwrites.items()
        if not _is_role(target)
        and not (
            isinstance(target, discord.Member)
            and (target.bot or any(trusted(role) for role in target.roles))
        )
    )


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


def may_write(interaction: Interaction) -> bool:
    if interaction.guild_id is None:
        return True
    have = interaction.permissions
    if isinstance(interaction.channel, discord.Thread):
        return have.send_messages_in_threads
    return have.send_messages


async def readable_answer(
    interaction: Interaction, question: Question | None
) -> tuple[int, ...] | None:
    """The followed channels of which whoever clicked may see what was answered; None: no answer.

    A custom_id can be forged: a question of another guild is as good as none, and so is one that
    somebody else asked privately or in a channel that whoever clicked can't see. An answer that was
    told by direct message is its asker's, for as long as they are a member.
    """
    bot = interaction.client
    mine = question is not None and question.asker_id == interaction.user.id
    if question is None or (question.private and not mine):
        return None
    if interaction.guild_id is not None:
        here = question.guild_id == interaction.guild_id
        shown = here and (mine or sees(interaction, question.channel_id))
        return readable_in(interaction, private=True) if shown else None
    if question.guild_id is None or not mine:
        return () if mine else None
    guild = bot.get_guild(question.guild_id)
    if guild is None:
        return None
    try:
        return readable_by(bot, await guild.fetch_member(interaction.user.id))
    except discord.NotFound:
        return None


def sees(interaction: Interaction, channel_id: int | None) -> bool:
    """Whether whoever clicked sees a channel or thread of the guild in which they clicked.

    Of an archived thread nothing is known: it is seen only by who clicks in it. So is a private
    thread, but for who manages threads.
    """
    guild, member = interaction.guild, interaction.user
    if guild is None or channel_id is None or not isinstance(member, discord.Member):
        return False
    if channel_id == interaction.channel_id:
        return True
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:
        return False
    have = channel.permissions_for(member)
    open_to_all = not (isinstance(channel, discord.Thread) and channel.is_private())
    return have.view_channel and (open_to_all or have.manage_threads)


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
