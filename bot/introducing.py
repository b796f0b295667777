"""What the bot says of itself: what it is to do in a server, what it lacks, what it knows. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot import languages
from bot.display import plain, shortened
from knowledge.model import GuildSettings

PERMISSION_NAMES: Final[Mapping[str, str]] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "read_message_history": "Read Message History",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
}


def set_up(
    mentions: tuple[str, str],
    missing: Sequence[str],
    settings: GuildSettings,
    quorum: int,
) -> str:
    """To the administrator, when `/setup` is done.

    Args:
        mentions: the review channel and the moderator role.
        missing: the permissions that the bot lacks in that channel.
        settings: what was chosen, or is in force where nothing was.
        quorum: how many approvals a note needs.
    """
    channel, role = mentions
    own = "not on their own" if settings.four_eyes else "on their own, too"
    reminded = (
        f"reminded after {settings.reminder_hours} hours"
        if settings.reminder_hours
        else "never reminded"
    )
    needed = "One approval publishes a note" if quorum == 1 else f"A note needs {quorum} approvals"
    seen = "the asker alone" if settings.private_answers else "in public"
    lines = [
        f"Notes are reviewed in {channel}, by {role} and by administrators.",
        f"{needed}; `/review rule` asks for more by tag. Moderators decide {own}, can take a "
        f"decision back for {settings.undo_minutes} minutes, and are {reminded}.",
        f"`/ask` answers {seen}, unless they choose otherwise. I answer mentions "
        f"{_listening(settings.listen_channels)} My language here is "
        f"{languages.NAMES[settings.language]}.",
    ]
    if settings.hand_on:
        lines.append("Below a refusal, *Ask the moderators* posts the question there.")
    if settings.allowed_hosts:
        lines.append(
            f"Links to {plain(shortened(' '.join(settings.allowed_hosts), 300))} are not flagged."
        )
    if missing:
        names = ", ".join(f"**{PERMISSION_NAMES.get(name, name)}**" for name in missing)
        lines.append(f"I still lack permissions in {channel}: {names}. Grant me these there.")
    else:
        lines.append("I have every permission I need there.")
    return "\n".join(lines)


def _listening(channel_ids: Sequence[int]) -> str:
    if not channel_ids:
        return "in every channel that I can read."
    named = _named(channel_ids)
    return f"in {named}, with their threads; elsewhere I stay silent, and `/ask` works."


def no_channels(typed: Sequence[str]) -> str:
    """To the administrator whose channels are none; nothing was changed."""
    words = ", ".join(f"“{plain(shortened(word, 50))}”" for word in typed[:5])
    return (
        f"{words} is no channel of this server that can be written in. Choose channels or "
        "categories by typing `#`, or `all`. Nothing was changed."
    )


def no_hosts(typed: Sequence[str]) -> str:
    """To the administrator whose web hosts are none; nothing was changed."""
    words = ", ".join(f"“{plain(shortened(word, 50))}”" for word in typed[:5])
    return (
        f"{words} is no web host. Name hosts as in `example.org`, separated by blanks, or `none`. "
        "Nothing was changed."
    )


def can_not_answer(channel_ids: Sequence[int]) -> str:
    """To the administrator, of channels in which mentions are to be answered."""
    return (
        f"I can't answer in {_named(channel_ids)}: grant me **View Channel**, **Send Messages** "
        "and **Read Message History** there."
    )


def _named(channel_ids: Sequence[int]) -> str:
    """Channels as mentions; of many, the first ones."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    return f"{named} and {len(channel_ids) - 10} more" if len(channel_ids) > 10 else named


SETUP_NEEDS_ADMIN: Final = "Only somebody who may manage the server can run `/setup`."


def about(version: str, counts: Mapping[str, int], model: str) -> str:
    """What this is and how much it knows."""
    lines = [
        f"**Commonplace {version}** answers from what this community knows, in quotations.",
        f"{counts['documents']:,} documents in {counts['passages']:,} passages; index generation "
        f"{counts['generation']:,}; model {plain(model)}.",
    ]
    if "live" in counts:
        lines.append(
            f"Here: {_counted(counts['live'], 'note')} live, {counts['pending']:,} waiting for "
            f"review, {_counted(counts['questions'], 'question')} asked."
        )
    lines.append("Ask with `/ask`, add what you know with `/note add`.")
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
