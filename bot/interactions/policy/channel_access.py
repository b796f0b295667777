"""Channel access control: the followed channels that a reply may quote to its readers.

Channels, roles and overwrites come from discord.py's cache; a channel outside the cache is not
quoted. `quotable` works on plain values and decides whether everybody who sees one channel may read
another.

The members of a guild are unknown, because listing them takes a privileged intent. So `quotable`
considers every possible member, with any set of the guild's roles and any overwrite of their own.
`quotable` says no exactly if such a member could see the first channel and not read the second.

It is enough to check members with at most two roles. Suppose that a member with more roles sees the
first channel and can't read the second. Leave the member at most two roles: one that shows the
first channel, if any, and one that denies reading the second, if any. With these roles, the member
still sees the first channel and can't read the second.

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
    """A permission needed for reading; its value is discord.py's name."""

    VIEW = "view_channel"
    HISTORY = "read_message_history"
    CONNECT = "connect"


READING: Final = frozenset({Need.VIEW, Need.HISTORY})
# Reading the text of a voice channel takes permission to join it.
READING_VOICE: Final = frozenset(Need)

_NOTHING: Final[frozenset[Need]] = frozenset()


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A channel's overwrite for a role or a member. Permissions in neither set are inherited."""

    allowed: frozenset[Need] = _NOTHING
    denied: frozenset[Need] = _NOTHING


@dataclass(frozen=True, slots=True)
class Place:
    """A channel with its overwrites. Its readers need the permissions `needs`."""

    id: int
    everyone: Overwrite = Overwrite()
    roles: Mapping[int, Overwrite] = field(default_factory=dict)
    members: Mapping[int, Overwrite] = field(default_factory=dict)
    needs: frozenset[Need] = READING
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Roles:
    """Permissions of the roles of a guild, by role id.

    Administrators' roles are left out, because administrators may read everything.
    """

    everyone: frozenset[Need]
    others: Mapping[int, frozenset[Need]] = field(default_factory=dict)


def quotable(roles: Roles, here: Place, followed: Iterable[Place]) -> tuple[int, ...]:
    """Return the sorted ids of the channels that every viewer of `here` may read.

    Viewers don't need Read Message History in `here`, because new messages are visible anyway.
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
    """The members with one permission in one channel.

    Discord checks a member's own overwrite first (`allowed`, `denied`), then the overwrites of the
    member's roles (`allowing`, `denying`), and at last the permissions of the roles (`granting`).
    The first match decides. No role grants what the overwrite for @everyone denies.
    """

    allowed: frozenset[int]
    denied: frozenset[int]
    allowing: frozenset[int]
    denying: frozenset[int]
    granting: frozenset[int]
    everyone: bool

    @classmethod
    def of(cls, roles: Roles, place: Place, need: Need) -> "_Rule":
        kept = need not in place.everyone.denied
        allowed = frozenset(
            member_id for member_id, said in place.members.items() if need in said.allowed
        )
        return cls(
            everyone=need in place.everyone.allowed or (kept and need in roles.everyone),
            # An overwrite that denies everyone cancels the roles' guild-wide grants.
            granting=frozenset(
                role_id for role_id, granted in roles.others.items() if kept and need in granted
            ),
            allowing=frozenset(
                role_id for role_id, said in place.roles.items() if need in said.allowed
            ),
            denying=frozenset(
                role_id for role_id, said in place.roles.items() if need in said.denied
            ),
            allowed=allowed,
            denied=frozenset(
                member_id for member_id, said in place.members.items() if need in said.denied
            )
            - allowed,
        )

    def is_given_to_some(self, roles: Iterable[int]) -> bool:
        roles = frozenset(roles)
        return bool(
            self.everyone or self.allowing & roles or (self.granting & roles) - self.denying
        )


def _somebody_lacks(roles: Iterable[int], seen: _Rule, needed: _Rule) -> bool:
    """Whether a possible member sees one channel and lacks a permission in another."""
    roles = frozenset(roles)
    # Any role in `allowing` grants the permission, whatever the other roles say.
    rest = roles - needed.allowing
    deniers = rest & needed.denying
    if deniers and (
        seen.allowing & rest or (deniers - seen.denying and seen.is_given_to_some(rest))
    ):
        return True
    if not needed.everyone and seen.is_given_to_some(rest - needed.granting):
        return True
    if needed.denied - seen.denied and (
        seen.is_given_to_some(roles) or seen.allowed & needed.denied
    ):
        return True
    if seen.allowed - needed.allowed:
        return bool(deniers) or not needed.everyone
    return False


def followed_readable_by_viewers(bot: Services, channel: Any) -> tuple[int, ...]:
    """The followed channels that every viewer of a channel or thread may read."""
    guild = _guild_of(bot, channel)
    return () if guild is None else _quotable(bot, channel, _followed_channels(bot, guild))


def all_readable_by_viewers(bot: Services, channel: Any) -> frozenset[int]:
    """Return all channels and active public threads that every viewer of `channel` may read."""
    guild = _guild_of(bot, channel)
    if guild is None:
        return frozenset()
    return _with_threads(guild, _quotable(bot, channel, guild.channels))


def viewers_may_read(bot: Services, here: Any, there: Any) -> bool:
    """Whether every viewer of one channel may read another."""
    there = _parent_or_self(there, _guild_of(bot, here))
    return there is not None and bool(_quotable(bot, here, [there]))


def _quotable(
    bot: Services, channel: Any, others: Iterable[discord.abc.GuildChannel]
) -> tuple[int, ...]:
    guild = _guild_of(bot, channel)
    here = _parent_or_self(channel, guild)
    if guild is None or here is None:
        return ()
    # The bot itself needs no check, and the owner may read everything.
    passed_over = {bot.user.id if bot.user is not None else None, guild.owner_id}
    there = [_place(role, passed_over) for role in others]
    return quotable(_roles(guild), _place(here, passed_over), there)


def _with_threads(guild: discord.Guild, channels: Iterable[int]) -> frozenset[int]:
    ids = frozenset(channels)
    threads = (
        thread for thread in guild.threads if thread.parent_id in ids and not thread.is_private()
    )
    return ids.union(thread.id for thread in threads)


def visible_without_roles(
    channel: discord.abc.GuildChannel, role_ids: Collection[int | None]
) -> bool:
    """Whether a member who has none of these roles, and can't manage the server, sees the channel.

    Each role that such a member can have is checked alone, because one role, or @everyone, is
    enough to see a channel. Bots don't count as members.
    """
    guild = channel.guild

    def is_trusted(role: discord.Role) -> bool:
        have = role.permissions
        bots = role.is_bot_managed() or (role.managed and role in guild.me.roles)
        known = have.administrator or have.manage_guild or bots or role.id in role_ids
        return known and not role.is_default()

    if any(
        not is_trusted(role) and channel.permissions_for(role).view_channel for role in guild.roles
    ):
        return True
    own = {guild.me.id, guild.owner_id}
    return any(
        said.view_channel and target.id not in own
        for target, said in channel.overwrites.items()
        if not _is_role(target)
        and not (
            isinstance(target, discord.Member)
            and (target.bot or any(is_trusted(role) for role in target.roles))
        )
    )


def readable_by(bot: Services, member: discord.abc.User, channel: Any = None) -> tuple[int, ...]:
    """Return the followed channels that a member may read, for an ephemeral reply in `channel`.

    Adult content is shown only in channels for adults.
    """
    guild = _guild_of(bot, member)
    if guild is None:
        return ()
    return _readable(guild, member, channel, _followed_channels(bot, guild))


def all_readable_by(bot: Services, member: discord.abc.User, channel: Any) -> frozenset[int]:
    """Like `readable_by`, but for all channels, followed or not, and active public threads."""
    guild = _guild_of(bot, member)
    if guild is None:
        return frozenset()
    return _with_threads(guild, _readable(guild, member, channel, guild.channels))


def _readable(
    guild: discord.Guild,
    member: Any,
    channel: Any,
    channels: Iterable[discord.abc.GuildChannel],
) -> tuple[int, ...]:
    restricted = _is_restricted(_parent_or_self(channel, guild))
    return tuple(
        sorted(
            channel.id
            for channel in channels
            if (restricted or not _is_restricted(channel))
            and _grants(channel.permissions_for(member)) >= _needs(channel)
        )
    )


def quotable_channels(interaction: Interaction, *, private: bool) -> tuple[int, ...]:
    """Return the followed channels that an answer to an interaction may quote.

    Only the member sees a `private` answer. All viewers of the channel see any other answer.
    """
    bot = interaction.client
    if private:
        return readable_by(bot, interaction.user, interaction.channel)
    return followed_readable_by_viewers(bot, interaction.channel)


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
    """Return the followed channels that the answer to a question may quote to the clicker.

    Return None to refuse a click with a forged id. In a guild, the question must have been asked
    there, by the clicker or publicly in a channel that the clicker sees. In direct messages, the
    question must be the clicker's own. If the question was asked in a guild, the clicker must still
    be a member of the guild.
    """
    bot = interaction.client
    mine = question is not None and question.asker_id == interaction.user.id
    if question is None or (question.private and not mine):
        return None
    if interaction.guild_id is not None:
        here = question.guild_id == interaction.guild_id
        shown = here and (mine or sees(interaction, question.channel_id))
        return quotable_channels(interaction, private=True) if shown else None
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
    """Whether the clicker sees a channel or thread of this guild.

    The channel or thread of the click counts as visible. Any other archived thread counts as
    invisible, because the cache lacks archived threads. Any other private thread counts as visible
    only to members who may manage threads.
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


def is_open_to_everyone(guild: discord.Guild | None, channel_id: int | None) -> bool:
    """Whether every member can read a channel or thread, as far as the cache knows it."""
    channel = guild.get_channel_or_thread(channel_id or 0) if guild is not None else None
    around = _parent_or_self(channel, guild)
    if guild is None or around is None:
        return False
    private = isinstance(channel, discord.Thread) and channel.is_private()
    granted = _grants(around.permissions_for(guild.default_role))
    return not private and not _is_restricted(around) and granted >= _needs(around)


def _guild_of(bot: Services, thing: Any) -> discord.Guild | None:
    """The guild of a channel or member from the cache: a guild from an event may lack channels."""
    guild = getattr(thing, "guild", None)
    return bot.get_guild(guild.id) if guild is not None else None


def _parent_or_self(channel: Any, guild: discord.Guild | None) -> discord.abc.GuildChannel | None:
    """Return a thread's channel, or the channel itself; None if the cache lacks it."""
    if channel is None or guild is None:
        return None
    parent = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    return guild.get_channel(parent)


def _followed_channels(bot: Services, guild: discord.Guild) -> list[discord.abc.GuildChannel]:
    channels = (guild.get_channel(channel_id) for channel_id in bot.followed.get(guild.id, ()))
    return [channel for channel in channels if channel is not None]


def _grants(permissions: discord.Permissions) -> frozenset[Need]:
    return frozenset(need for need in Need if getattr(permissions, need.value))


def _needs(channel: discord.abc.GuildChannel) -> frozenset[Need]:
    return READING_VOICE if isinstance(channel, _VOICE) else READING


def _is_restricted(channel: discord.abc.GuildChannel | None) -> bool:
    return bool(getattr(channel, "nsfw", False))


def _roles(guild: discord.Guild) -> Roles:
    own = guild.self_role
    return Roles(
        _grants(guild.default_role.permissions),
        {
            role.id: _grants(role.permissions)
            for role in guild.roles
            if not (role.is_default() or role.permissions.administrator or role == own)
        },
    )


def _place(channel: discord.abc.GuildChannel, passed_over: set[int | None]) -> Place:
    roles: dict[int, Overwrite] = {}
    members: dict[int, Overwrite] = {}
    for target, said in channel.overwrites.items():
        allowed, denied = said.pair()
        overwrite = Overwrite(_grants(allowed), _grants(denied))
        if _is_role(target):
            roles[target.id] = overwrite
        elif target.id not in passed_over:
            members[target.id] = overwrite
    everyone = roles.pop(channel.guild.id, Overwrite())
    return Place(channel.id, everyone, roles, members, _needs(channel), _is_restricted(channel))


def _is_role(target: Any) -> bool:
    """Whether the target of an overwrite is a role; a target outside the cache has only a type."""
    return isinstance(target, discord.Role) or getattr(target, "type", None) is discord.Role
