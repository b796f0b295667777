"""What is stored about a member: shown, exported, and forgotten with everything that follows it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.core import Core
from knowledge.privacy import Forgotten, Stored


def stored(core: Core, member_id: int, guild_id: int | None) -> dict[str, Stored]:
    """How much is stored about a member, by kind."""
    return core.store.privacy.stored(member_id, guild_id)


def exported(core: Core, member_id: int) -> dict[str, Any]:
    """Everything that is stored about a member."""
    return {
        "member": member_id,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **core.store.privacy.export(member_id),
    }


def forget(core: Core, member_id: int, withdraw: bool) -> Forgotten:
    """Forget a member, and everything that was remembered of their questions; see `follow`."""
    forgotten = core.store.privacy.forget(member_id, withdraw=withdraw)
    core.conversation.forget()
    core.question_vectors.forget()
    core.asked_again.clear()
    return forgotten


def follow(core: Core, forgotten: Forgotten) -> Iterator[int]:
    """Let the index follow, a note a step; a moderator may have decided on thousands.

    Should the process die in between, the next opening brings the index in step.
    """
    for note_id in forgotten.note_ids:
        core.follow_note(note_id)
        yield note_id
