"""Opt-outs from quotation, recognized by digest and stored without ids or names.

The tombstone of a forgotten or opted-out member has a digest of their id. A message's author is
looked up by that digest, so the database names nobody. Restores keep the tombstones. The choice
holds in every guild, and the latest tombstone counts.
"""

import hashlib
import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final, Protocol

from knowledge.store.erasure.tombstones import Tombstones
from knowledge.store.rows import Tables
from knowledge.values.tombstones import MEMBERS, Tombstone, TombstoneKind

# Discord's user name for deleted accounts, now and formerly.
_DELETED: Final = re.compile(
    r"deleted_user_[0-9a-f]{6,32}|Deleted User(?: [0-9a-f]{8})?(?:#\d{4})?"
)


class AuthoredMessage(Protocol):
    """A message with its author's name; ids of Discord are 0 if unknown."""

    @property
    def id(self) -> int: ...

    @property
    def author_id(self) -> int: ...

    @property
    def author(self) -> str: ...


def is_deleted_account(name: str) -> bool:
    """Whether this is Discord's name for a deleted account."""
    return _DELETED.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Withheld:
    """Members and single messages withheld from quotation.

    `names` are used for messages without an author's id. Messages of deleted accounts are always
    withheld. `version` identifies the set of members: once it changes, messages are read again.
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
class _DigestSet:
    """A set of ids or names, stored as digests, with a cache of look-ups."""

    digests: frozenset[str]
    digest: Callable[[str], str]
    normalize: Callable[[str], str] = str
    _known: dict[object, bool] = field(default_factory=dict)

    def __contains__(self, item: object) -> bool:
        if item not in self._known:
            self._known[item] = self.digest(self.normalize(str(item))) in self.digests
        return self._known[item]


@dataclass(eq=False)
class QuoteOptOuts(Tables):
    """Opt-outs, read from the tombstones of a community database."""

    _tombstones: Tombstones

    def withheld(self) -> Withheld:
        """The members and names withheld from quotation in every guild."""
        digests = self._digests()
        version = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()[:16]
        if not digests:
            return Withheld(version=version)
        digest = self._tombstones.digester()
        return Withheld(
            member_ids=_DigestSet(digests, digest),
            names=_DigestSet(digests, digest, _name_text),
            version=version,
        )

    def is_withheld(self, member_id: int) -> bool:
        digests = self._digests()
        return bool(digests) and self._tombstones.digester()(str(member_id)) in digests

    def withhold(self, member_id: int, name: str = "") -> None:
        """Stop quoting a member's messages; `name` is for exports without ids."""
        with self._db.writing():
            self._tombstones.add(TombstoneKind.OPTED_OUT, member_id)
            self.withhold_name(name)

    def withhold_name(self, name: str) -> None:
        """Stop quoting messages under a user name in exports without ids."""
        if name:
            self._tombstones.add_digest(TombstoneKind.OPTED_OUT, _name_text(name))

    def quote_again(self, member_id: int, name: str = "") -> None:
        with self._db.writing():
            self._tombstones.add(TombstoneKind.OPTED_IN, member_id)
            if name:
                self._tombstones.add_digest(TombstoneKind.OPTED_IN, _name_text(name))

    def unrecognizable(self) -> int:
        """The number of opt-outs whose digest was made with a lost key, so they have no effect.

        The tombstone file has the present key and every digest made with this key. If a digest
        isn't in the file, it was made with another key.
        """
        here = {tombstone.subject for tombstone in self._tombstones.in_file()}
        return len(self._digests() - here)

    def _digests(self) -> frozenset[str]:
        """The digests of members whose latest tombstone is an opt-out."""
        latest: dict[str, Tombstone] = {}
        for tombstone in sorted(self._tombstones.in_database()):
            if tombstone.kind in MEMBERS:
                latest[tombstone.subject] = tombstone
        return frozenset(
            subject for subject, last in latest.items() if last.kind is not TombstoneKind.OPTED_IN
        )


def _name_text(name: str) -> str:
    """The text to digest for a name. The prefix keeps a name of digits apart from an id."""
    return f"name:{' '.join(name.split()).casefold()}"
