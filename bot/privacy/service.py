"""Personal data: overview, export, and deletion with derived data; pruning of old questions."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.answers import small_talk
from bot.core.core import Core
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.chat import intents
from knowledge.store.erasure.personal_data import Stored
from knowledge.values.guilds import GuildFilter
from knowledge.values.notes import PageName
from knowledge.values.questions import FeedbackReason

# Questions pruned in one slice, in a few milliseconds.
SLICE: Final = 50


def count_stored(core: Core, member_id: int, guild_id: int | None) -> dict[str, Stored]:
    written = core.archive.messages_of(member_id)
    here = sum(message["guild"] == guild_id for message in written)
    stored = core.store.personal_data.summary(member_id, guild_id)
    return {**stored, "messages": Stored(here, len(written))} if written else stored


def export(core: Core, member_id: int) -> dict[str, Any]:
    """Return all stored data of a member. Reasons of feedback are given in words."""
    data = core.store.personal_data.export(member_id)
    for row in data["feedback"]:
        chosen = row.pop("reason_code")
        if chosen not in ("", FeedbackReason.OTHER):
            row["reason"] = FEEDBACK_REASONS[FeedbackReason(chosen)].english
    return {
        "member": member_id,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **data,
        "messages": core.archive.messages_of(member_id),
    }


def name_on_pages(core: Core, member_id: int) -> PageName | None:
    """Return the name on public pages that a member chose.

    None if no server has a page and the member chose no name.
    """
    chosen = core.store.public_notes.name_of(member_id)
    return chosen if core.store.public_notes.guilds() or chosen is not PageName.NOBODY else None


def choose_quotation(core: Core, member_id: int, name: str, withheld: bool) -> None:
    """Exclude a member's messages from quotation, or allow them again.

    Passages from imported chats change with the next sync. Exported messages without an id of their
    author are recognized by the member's user `name`.
    """
    if withheld:
        core.store.quote_opt_outs.withhold(member_id, name)
    else:
        core.store.quote_opt_outs.quote_again(member_id, name)


def forget(core: Core, member_id: int, withdraw: bool, name: str = "") -> list[int]:
    """Delete a member's data, and clear the caches of questions.

    With `withdraw`, the member's live notes are withdrawn; otherwise these notes only lose the
    member's name. Quotations from chats are removed with the next sync. Exported messages without
    an id of their author are found by the user `name`.

    Returns:
        The ids of the changed notes, to be passed to `update_index`.
    """
    note_ids = core.store.personal_data.forget(member_id, withdraw=withdraw, name=name)
    core.clear_question_caches()
    small_talk.forget()
    intents.forget()
    return note_ids


def update_index(core: Core, note_ids: Sequence[int]) -> Iterator[int]:
    """Update the index after `forget`, one note per slice, because there may be thousands of notes.

    Afterwards the index's write-ahead log doesn't hold the deleted words either. If the process
    dies during the update, the next start finishes it.
    """
    core.unindexed_notes.update(note_ids)
    for note_id in note_ids:
        core.index_note(note_id)
        yield note_id
    core.index.tables.db.forget_deleted()


def prune_questions(core: Core, before: datetime) -> Iterator[int]:
    """Delete the text of questions asked earlier than `before`; yields the total so far."""
    core.store.helped_questions.prune(before)
    total = 0
    while pruned := core.store.question_records.prune(before, SLICE):
        total += pruned
        yield total


# Data of former guilds: kept for a while after they removed the bot, then deleted.


def compare_guilds(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime
) -> tuple[list[int], list[int]]:
    """Record the guilds that removed the bot, or added it again, while the bot was offline.

    `present` has the guilds of the bot. `known` excludes the guilds on shards that haven't received
    their list of guilds yet.

    Returns:
        The guilds newly recorded as removed, and the guilds with the bot again.
    """
    guilds = core.store.guilds
    gone = sorted(set(filter(known, guilds.known())) - set(present))
    back = sorted(guilds.departed() & set(present))
    return (
        [guild_id for guild_id in gone if guilds.leave(guild_id, at)],
        [guild_id for guild_id in back if guilds.come_back(guild_id)],
    )


def purge_former_guilds(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime, keep: timedelta
) -> list[int]:
    """Delete the data of guilds that removed the bot more than `keep` ago, and return their ids.

    The other arguments are as for `compare_guilds`. Only time with a running bot counts
    (`Guilds.count_absence`). The guilds' notes leave the index at once, or at the next start if the
    process dies meanwhile. Their sources leave the index with the next sync.
    """
    core.store.guilds.count_absence(at)
    purged = sorted(
        set(filter(known, core.store.purge.guilds_left_before(at - keep))) - set(present)
    )
    for guild_id in purged:
        notes = core.store.purge.guild(guild_id)
        core.unindexed_notes.update(notes)
        for note_id in notes:
            core.index_note(note_id)
    return purged
