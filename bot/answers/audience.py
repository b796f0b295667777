"""Whether everybody who sees one channel may read another. Pure.

Who is in a guild is not known: that would take a privileged intent. So it is decided for every
member there could be, with any of the guild's roles and with or without overwrites of their own,
and the answer is exact: no, where one of them could see the one and not read the other.

What has to be looked at is little. A set of roles lacks a permission because one role in it is
denied it or because none is granted it, and sees a channel because one role in it may, or everyone.
So if any set sees the one channel and can't read the other, a set of two roles does.

Source:
    How roles and overwrites make permissions: Discord's developer documentation, "Permissions".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


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
