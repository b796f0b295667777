"""Quota check: finds a member's quota of questions or notes, and whether the quota is used up.

`knowledge.values.quotas.Quota` holds the numbers per hour and day, and calculates the wait.
"""

from datetime import datetime
from typing import Final, NamedTuple

from bot.core.core import Core
from bot.text.languages import Sentence
from knowledge.values.notes import State
from knowledge.values.quotas import DAY, Limits, Newcomers, Quota, quota_of
from knowledge.values.submissions import InvalidNoteError


class Sender(NamedTuple):
    """A member of a guild; guild 0 stands for direct messages."""

    id: int
    guild_id: int
    role_ids: tuple[int, ...]
    account_at: datetime
    joined_at: datetime | None


class Wait(NamedTuple):
    """The wait before a sender's next note, because they are `new` or have used up their quota."""

    until: datetime
    new: bool = False


class Allowance(NamedTuple):
    """A sender's quota of notes, or how long a new member must wait."""

    sender: Sender
    notes: Quota | Wait


def notes_of(sender: Sender, limits: Limits, now: datetime) -> Quota | Wait:
    """Return a sender's quota of notes, or a new member's wait.

    New members don't wait if one of their roles has its own quota of notes.
    """
    quota = quota_of(limits.notes, sender.role_ids)
    # The guild's id is the id of its @everyone role.
    if any(role_id in limits.notes for role_id in sender.role_ids if role_id != sender.guild_id):
        return quota
    newcomers = limits.newcomers or Newcomers()
    until = newcomers.until(sender.account_at, sender.joined_at)
    if until <= now:
        return quota
    if not newcomers.notes:
        return Wait(until, new=True)
    return Quota(quota.hour, min(quota.day or newcomers.notes, newcomers.notes))


def note_wait(core: Core, allowance: Allowance, note_id: int | None, now: datetime) -> Wait | None:
    """The wait before a sender may propose a note; None for requested changes to `note_id`."""
    sender, allowed = allowance.sender, allowance.notes
    if note_id is not None:
        latest = core.store.notes.latest(sender.guild_id, note_id)
        if latest is not None and latest.revision.state is State.CHANGES_REQUESTED:
            return None
    if isinstance(allowed, Wait):
        return allowed
    written = core.store.contributions.written_since(sender.guild_id, sender.id, now - DAY)
    until = allowed.wait(written, now)
    return Wait(until) if until is not None else None


_NEW: Final = Sentence(
    "You're new here, so look around and ask questions first. You can propose notes {when}."
)
_NOTES_USED_UP: Final = Sentence(
    "Thanks for all your notes! Moderators read each one, so that's the limit for now: you can "
    "propose more {when}."
)


def wait_error(wait: Wait) -> InvalidNoteError:
    """Return the error for a member who can't propose a note yet."""
    sentence = _NEW if wait.new else _NOTES_USED_UP
    return InvalidNoteError(sentence.english, when=f"<t:{int(wait.until.timestamp()) + 1}:R>")
