"""Opt-outs from being quoted, recognised by digest and stored without ids or names.

A member who was forgotten, or who chose not to be quoted, is recognised by the digest on a
tombstone: the same that keeps an older copy of the data from bringing them back. Nothing here
holds a Discord id or a name, so whoever reads the database can't tell who does not want to be read.
The choice holds in every guild. What counts is a member's latest tombstone.
"""

import hashlib
import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final, Protocol

from knowledge.store.database import Database
from knowledge.store.erasure.tombstones import MEMBERS, Tombstone, TombstoneKind, Tombstones

# What Discord calls an account that was deleted: by its user name now, and as it did before.
_DELETED: Final = re.compile(
    r"deleted_user_[0-9a-f]{6,32}|Deleted User(?: [0-9a-f]{8})?(?:#\d{4})?"
)


class AuthoredMessage(Protocol):
    """A message, as far as it tells whether it may be quoted."""

    @property
    def id(self) -> int:
        """Discord's id of it, or 0."""

    @property
    def author_id(self) -> int:
        """Discord's id of whoever wrote it, or 0."""

    @property
    def author(self) -> str:
        """The name of whoever wrote it."""


def is_deleted_account(name: str) -> bool:
    """Whether this is the name that Discord gives to whoever deleted their account."""
    return _DELETED.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Withheld:
    """What must not be quoted: members, the names that plain text has instead, single messages.

    Accounts that were deleted are withheld always. `version` is another one whenever other members
    are withheld: what was read under another version has to be read again.
    """

    member_ids: Container[int] = frozenset()
    message_ids: Container[int] = frozenset()
    names: Container[str] = frozenset()
    version: str = ""

    def __contains__(self, message: AuthoredMessage) -> bool:
        if message.id in self.message_ids or is_deleted_account(message.author):
            return True
        if message.author_id:
            return message.author_id in self.member_ids
        return message.author in self.names


NOTHING: Final = Withheld()


@dataclass(frozen=True, slots=True)
class _Recognised:
    """Those whose digest is among some; a channel has many messages by few members."""

    digests: frozenset[str]
    digest: Callable[[str], str]
    spelled: Callable[[str], str] = str
    _known: dict[object, bool] = field(default_factory=dict)

    def __contains__(self, item: object) -> bool:
        known = self._known.get(item)
        if known is None:
            known = self.digest(self.spelled(str(item))) in self.digests
            self._known[item] = known
        return known


class QuoteOptOuts:
    """Who is withheld, by what the tombstones of a community database say."""

    def __init__(self, database: Database, tombstones: Tombstones) -> None:
        self._database = database
        self._tombstones = tombstones

    def withheld(self) -> Withheld:
        """Whose messages must not be quoted from chats, in whichever guild."""
        digests = self._digests()
        version = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()[:16]
        if not digests:
            return Withheld(version=version)
        digest = self._tombstones.digester()
        return Withheld(
            member_ids=_Recognised(digests, digest),
            names=_Recognised(digests, digest, _named),
            version=version,
        )

    def is_withheld(self, member_id: int) -> bool:
        digests = self._digests()
        return bool(digests) and self._tombstones.digester()(str(member_id)) in digests

    def withhold(self, member_id: int, name: str = "") -> None:
        """Quote a member's messages no more; exports as plain text know them by `name`."""
        with self._database.writing():
            self._tombstones.add(TombstoneKind.OPTED_OUT, member_id)
            self.withhold_name(name)

    def withhold_name(self, name: str) -> None:
        """Quote no more what exports without ids say was written under a user name."""
        if name:
            self._tombstones.add_digest(TombstoneKind.OPTED_OUT, _named(name))

    def quote_again(self, member_id: int, name: str = "") -> None:
        """Quote a member's messages again, as if they had never asked for anything else."""
        with self._database.writing():
            self._tombstones.add(TombstoneKind.OPTED_IN, member_id)
            if name:
                self._tombstones.add_digest(TombstoneKind.OPTED_IN, _named(name))

    def unrecognisable(self) -> int:
        """How many are withheld who can't be recognised, for the key to their digests is gone."""
        here = {tombstone.subject for tombstone in self._tombstones.beside()}
        return len(self._digests() - here)

    def _digests(self) -> frozenset[str]:
        """The digests of those whose latest tombstone says that they are not to be read."""
        latest: dict[str, Tombstone] = {}
        for tombstone in sorted(self._tombstones.kept()):
            if tombstone.kind in MEMBERS:
                latest[tombstone.subject] = tombstone
        return frozenset(
            subject for subject, last in latest.items() if last.kind is not TombstoneKind.OPTED_IN
        )


def _named(name: str) -> str:
    """A name as it is digested: no member's id looks like it."""
    return f"name:{' '.join(name.split()).casefold()}"
