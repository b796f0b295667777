"""What moderators read besides the cards: the queue, reminders, rules, the log. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.cards import Card, card
from bot.display import MESSAGE_CHARACTERS, plain, shortened, size, split
from bot.findings import impact_sentence
from bot.ids import NUMBER
from bot.impact import Impact, Standing
from bot.languages import Both
from bot.reviewing import Findings, LogLine
from knowledge.model import Language, Note
from knowledge.rules import Rule

QUEUE_BUTTON: Final = rf"queue:(?P<place>{NUMBER}):(?P<action>previous|next)"
LOG_BUTTON: Final = (
    rf"log:(?P<side>newer|older):(?P<entry>{NUMBER}):(?P<days>[0-9]{{1,4}}):(?P<member>{NUMBER}):"
    r"(?P<event>[a-z_]{1,32})"
)
NO_SUCH_NOTE: Final = "There is no note with that number here."
QUEUE_EMPTY: Final = "Nothing waits for a decision."
LOG_EMPTY: Final = "The log has nothing like that."
RULES_NEED_ADMIN: Final = "Only somebody who may manage the server can change rules."
ONE_TAG: Final = "A rule is for one tag: give one, or none for every note."


def exported(lines: int) -> str:
    """With the log as a file."""
    return f"The log as JSON lines, oldest first: {lines:,} of them."


def queued(note: Note, place: int, total: int, at: datetime, findings: Findings, said: str) -> Card:
    """One note of the queue as a moderator sees it, after what was just decided."""
    days = (at - note.waiting_since).days
    age = "today" if days < 1 else "since yesterday" if days == 1 else f"for {days} days"
    head = f"{said}\n" if said else ""
    head += f"-# {place + 1} of {total} · waiting {age}\n"
    shown = card(note, at, findings, MESSAGE_CHARACTERS - size(head))
    return replace(shown, content=head + shown.content)


def impact(note: Note, found: Impact) -> list[str]:
    """What publishing a revision would change, question by question, in messages."""
    title = plain(note.revision.submission.title)
    if not found.total:
        return ["Nobody has asked anything here yet: there is nothing to replay."]
    head = f"**If “{title}” were published:** {impact_sentence(found)}"
    lines = [
        f"- “{plain(shortened(change.question, 120))}”"
        + (f" (asked {change.times} times)" if change.times > 1 else "")
        + f": {_standing(change.before)} → {_standing(change.after)}"
        for change in found.changes[:IMPACT_LINES]
    ]
    if len(found.changes) > IMPACT_LINES:
        lines.append(f"… and {len(found.changes) - IMPACT_LINES:,} more.")
    return split("\n".join([head, *lines]))


# Four messages at the most: whoever has read so many has seen enough to decide.
IMPACT_LINES: Final = 30


def _standing(standing: Standing) -> str:
    if standing.refused:
        return "no answer"
    source = plain(shortened(standing.title, 50)) or "what was said in a channel"
    return f"{standing.evidence.value}, from {source}"


_ONE_WAITS: Final = Both(
    "1 note waits for a decision, since {since}. `/review queue` shows it.",
    "1 Notiz wartet auf eine Entscheidung, seit {since}. `/review queue` zeigt sie.",
)
_SOME_WAIT: Final = Both(
    "{waiting:,} notes wait for a decision, the first since {since}. `/review queue` shows them "
    "one by one.",
    "{waiting} Notizen warten auf eine Entscheidung, die erste seit {since}. `/review queue` zeigt "
    "sie nacheinander.",
)


def reminder(waiting: int, since: datetime, language: Language = Language.ENGLISH) -> str:
    """To the moderators, in the review channel."""
    sentence = _ONE_WAITS if waiting == 1 else _SOME_WAIT
    return sentence(language, waiting=waiting, since=f"<t:{int(since.timestamp())}:R>")


def rule_line(rule: Rule) -> str:
    """A rule in one line."""
    parts = [f"{rule.quorum} approvals" if rule.quorum > 1 else "1 approval"]
    if rule.review_after_days:
        parts.append(f"looked at again after {rule.review_after_days} days")
    if rule.publish_role_id:
        parts.append(f"<@&{rule.publish_role_id}> publishes at once")
    name = f"Notes tagged “{plain(rule.tag)}”" if rule.tag else "Every note"
    return f"{name}: {', '.join(parts)}."


def rules(found: Sequence[Rule]) -> str:
    """Every rule of a guild."""
    if not found:
        return "There are no rules: one approval publishes a note."
    return shortened_lines([rule_line(rule) for rule in found])


def shortened_lines(lines: Sequence[str]) -> str:
    """As many lines as one message holds, and how many more there are."""
    kept: list[str] = []
    for number, line in enumerate(lines):
        if size("\n".join([*kept, line])) > MESSAGE_CHARACTERS - 40:
            return "\n".join([*kept, f"… and {len(lines) - number:,} more."])
        kept.append(line)
    return "\n".join(kept)


EVENTS: Final[Mapping[str, str]] = {
    "proposed": "proposed",
    "revised": "revised",
    "published_at_once": "published at once",
    "approval": "approved (one of several)",
    "approved": "approved",
    "rejected": "rejected",
    "duplicate": "closed as a duplicate",
    "changes_requested": "asked for changes",
    "withdrawn": "withdrew",
    "undone": "took back the decision",
    "retired": "retired",
    "restored": "restored",
    "rolled_back": "made an earlier text live",
    "kept": "kept as it is",
    "reported": "reported",
    "refused_own_note": "tried to decide on their own note",
    "settings": "changed the settings",
    "rule": "changed a rule",
    "followed": "had a channel read",
    "unfollowed": "had a channel read no more",
}


def log_page(lines: Sequence[LogLine]) -> str:
    """Lines of the log, newest first."""
    return "\n".join(map(log_line, lines)) if lines else LOG_EMPTY


def fitting(lines: Sequence[LogLine]) -> int:
    """How many of these lines one message holds, counted from the first."""
    room = MESSAGE_CHARACTERS
    for number, line in enumerate(lines):
        room -= size(log_line(line)) + 1
        if room < 0:
            return number
    return len(lines)


def log_line(line: LogLine) -> str:
    """A line of the log: when, who, what, to which note, why."""
    who = f"<@{line.member_id}>" if line.member_id else "somebody"
    if line.entry.actor is None:
        who = "the bot"
    what = EVENTS.get(line.entry.event, line.entry.event.replace("_", " "))
    title = f" “{plain(shortened(line.title, 50))}”" if line.title else ""
    reason = f": {plain(shortened(line.reason, 80))}" if line.reason else ""
    return f"<t:{int(line.entry.at.timestamp())}:f> {who} {what}{title}{reason}"
