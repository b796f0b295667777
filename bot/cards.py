"""What review cards show, which buttons they have, and every other sentence about notes. Pure.

A card is one message in all its states. What does not fit into it is attached as a file; nothing
is cut off without saying so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.display import (
    MESSAGE_CHARACTERS,
    plain,
    quoted_parts,
    shortened,
    shown,
    size,
)
from bot.findings import difference, flag_lines, impact_sentence, near_lines
from bot.ids import NUMBER
from bot.impact import Impact
from bot.reviewing import NOTHING_FOUND, Findings
from knowledge.deciding import can_be_undone
from knowledge.model import (
    Decision,
    GuildSettings,
    Note,
    Obstacle,
    Problem,
    Review,
    SourceChange,
    State,
)


class Action(StrEnum):
    """What a button on a card does."""

    APPROVE = "approve"
    EDIT = "edit"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    DUPLICATE = "duplicate"
    IMPACT = "impact"
    UNDO = "undo"
    KEEP = "keep"
    RETIRE = "retire"
    RESTORE = "restore"
    ROLL_BACK = "roll_back"


# A custom_id says what a button does and to what, so that it works after a restart.
NOTE_BUTTON: Final = rf"note:(?P<note>{NUMBER}):(?P<action>revise|upload|edit)"
CARD_BUTTON: Final = rf"card:(?P<revision>{NUMBER}):(?P<action>{'|'.join(Action)})"
RULING_FORM: Final = rf"ruling:(?P<revision>{NUMBER}):(?P<action>request_changes|reject|duplicate)"
EDIT_FORM: Final = rf"edit:(?P<revision>{NUMBER})"

LABELS: Final[Mapping[Action, str]] = {
    Action.APPROVE: "Approve",
    Action.EDIT: "Edit & approve",
    Action.REQUEST_CHANGES: "Request changes",
    Action.REJECT: "Reject",
    Action.DUPLICATE: "Duplicate of…",
    Action.IMPACT: "What would change?",
    Action.UNDO: "Undo",
    Action.KEEP: "Keep as it is",
    Action.RETIRE: "Retire",
    Action.RESTORE: "Restore",
    Action.ROLL_BACK: "Make live again",
}

# A text of so many characters, as it is shown, is on the card whole in all its states; of a longer
# one the card shows the beginning, and has the whole of it as a file.
TEXT_CHARACTERS: Final = 900
# Where a note stands takes at most this much: names, a time and most reasons whole.
STANDING_CHARACTERS: Final = 450


@dataclass(frozen=True, slots=True)
class Card:
    """A review card: its message, and the whole text as a file where it does not fit."""

    content: str
    file_name: str = ""
    file_text: str = ""


def actions(note: Note, settings: GuildSettings, at: datetime) -> tuple[Action, ...]:
    """The buttons that a card has now, in order."""
    found: list[Action] = []
    if note.revision.state is State.PENDING:
        found = [
            Action.APPROVE,
            Action.EDIT,
            Action.REQUEST_CHANGES,
            Action.REJECT,
            Action.DUPLICATE,
            Action.IMPACT,
        ]
    elif note.live:
        found = [Action.KEEP] if note.reconsidered(at) else []
        found.append(Action.RETIRE)
    elif note.retired:
        found = [Action.RESTORE]
    elif note.revision.state is State.APPROVED:
        found = [Action.ROLL_BACK]
    if can_be_undone(note, at, timedelta(minutes=settings.undo_minutes)):
        found.append(Action.UNDO)
    return tuple(found)


def card(
    note: Note,
    at: datetime,
    findings: Findings = NOTHING_FOUND,
    room: int = MESSAGE_CHARACTERS,
    *,
    impact: Impact | None = None,
) -> Card:
    """A review card as it is to look now, in at most `room` characters.

    `impact` is what publishing the revision would change, where that was found out already.
    """
    submission = note.revision.submission
    head = "\n".join([f"**{plain(submission.title)}**", origin(note, findings.record)])
    last = standing(note, findings.quorum)
    spare = room - size(head) - size(last) - len(_MORE_LINES) - len("\n> …\n\n")
    body, whole = _body(note, findings.before, min(TEXT_CHARACTERS, spare))
    lines = [
        *_details(note),
        *flag_lines(findings.flags),
        *near_lines(findings.near),
        *([f"If published: {impact_sentence(impact)}"] if impact and impact.total else []),
        *_reports(note, at),
        last,
    ]
    # A blank line, because some clients draw what follows a quotation as a part of it.
    foot = _fitted(lines, room - size(head) - size(body) - len("\n\n\n"))
    content = f"{head}\n{body}\n\n{foot}"
    if whole:
        return Card(content)
    name = f"note-{note.id}-revision-{note.revision.number}.md"
    return Card(content, name, submission.text)


def origin(note: Note, record: Mapping[str, int]) -> str:
    """Which revision of which note this is, by whom, and what became of their others."""
    revision = note.revision
    parts = [f"Note {note.id}"]
    if revision.number > 1:
        parts.append(f"revision {revision.number}")
    parts.append(f"proposed by {plain(shortened(note.contributor, 40))}")
    if revision.writer_id != note.contributor_id:
        parts.append(f"edited by {plain(shortened(revision.writer, 40))}")
    parts.append(f"<t:{int(revision.created_at.timestamp())}:R>")
    earlier = [
        f"{record[state]} {name}"
        for state, name in (("approved", "approved"), ("rejected", "rejected"))
        if record.get(state)
    ]
    known = f" · so far {', '.join(earlier)}" if earlier else ""
    return f"-# {' · '.join(parts)}{known}"


def _details(note: Note) -> list[str]:
    submission = note.revision.submission
    lines = []
    if submission.tags:
        lines.append("Tags: " + ", ".join(plain(tag) for tag in submission.tags))
    if submission.link:
        lines.append(f"Source: <{submission.link}>")
    if note.source is not None:
        lines.append(f"Saved from a message in <#{note.source.channel_id}>.")
    if note.source is not None and note.source.change is not SourceChange.NONE:
        lines.append(f"⚠ The message it was saved from has been {note.source.change.value}.")
    return lines


def _reports(note: Note, at: datetime) -> list[str]:
    lines = [
        f"⚠ Reported as **{report.problem.value}** "
        f"<t:{int(report.created_at.timestamp())}:R>: {plain(shortened(report.reason, 200))}"
        for report in note.reports
    ]
    if note.due(at) and note.review_at:
        lines.append(f"⚠ Due for review since <t:{int(note.review_at.timestamp())}:d>.")
    if note.sampled and note.live:
        lines.append("⚠ Published at once; picked to be looked at.")
    return lines


def _fitted(lines: list[str], room: int) -> str:
    """The lines in as much room as there is, the last one always whole."""
    *others, last = lines
    kept: list[str] = []
    left = room - size(last) - len(_MORE_LINES)
    for line in others:
        if size(line) + 1 <= left:
            kept.append(line)
            left -= size(line) + 1
    if len(kept) < len(others):
        kept.append(_MORE_LINES.format(len(others) - len(kept)))
    return "\n".join([*kept, last])


_MORE_LINES: Final = "-# {:,} more things to know have no room here.\n"


def _body(note: Note, before: Note | None, room: int) -> tuple[str, bool]:
    """The text, or how it differs from the live one, and whether that is all there is to see."""
    text = difference(before, note) if before else shown(note.revision.submission.text)
    first, *rest = quoted_parts(text, room)
    return (f"{first}\n> …", False) if rest else (first, before is None)


def standing(note: Note, quorum: int = 1) -> str:
    """Where a revision stands, in one line."""
    if note.revision.state is State.PENDING:
        if not note.approvals:
            return "**Pending**"
        names = _names(note.approvals)
        return f"**Pending**: {len(note.approvals)} of {quorum} approvals, by {names}"
    if note.revision.state is State.WITHDRAWN:
        replaced = note.revision.replaced_by is not None
        return (
            "**Replaced** by a later revision" if replaced else "**Withdrawn** by its contributor"
        )
    review = note.review
    if review is None:
        return "**Decided**"
    line = f"**{_state_name(note, review)}**{_by(note, review)}"
    if review.duplicate_of:
        line += f" ({plain(shortened(review.duplicate_of, 80))})"
    if not review.reason:
        return line
    reason = plain(review.reason)
    if size(line) + 2 + size(reason) > STANDING_CHARACTERS:
        reason = plain(shortened(review.reason, 200))
    return f"{line}: {reason}"


def _names(approvals: Sequence[Review]) -> str:
    """Who approved: three of them by name."""
    names = [plain(shortened(one.moderator, 40)) for one in approvals]
    more = [f"{len(names) - 3} more"] if len(names) > 3 else []
    return ", ".join([*names[:3], *more])


def _state_name(note: Note, review: Review) -> str:
    if note.revision.state is State.APPROVED:
        if note.retired:
            return "Retired; approved"
        return "Approved" if note.live else "No longer live; approved"
    return {
        Decision.REQUEST_CHANGES: "Changes requested",
        Decision.REJECT: "Rejected",
        Decision.DUPLICATE: "Duplicate",
    }.get(review.decision, "Decided")


def _by(note: Note, review: Review) -> str:
    when = f"<t:{int(review.created_at.timestamp())}:R>"
    if note.revision.state is State.APPROVED:
        if review.moderator_id == note.contributor_id:
            return f" by {plain(shortened(review.moderator, 40))} {when}, at once"
        return f" by {_names(note.approvals)} {when}"
    return f" by {plain(shortened(review.moderator, 40))} {when}"


# To contributors.


def note_taken(note: Note) -> str:
    """To the contributor, when a note or a revision has been taken."""
    title = plain(note.revision.submission.title)
    if note.live:
        return f"Thank you. “{title}” is live at once: questions are answered from it now."
    return f"Thank you. “{title}” is with the moderators; I'll tell you what they decide."


NO_REVIEW_CHANNEL: Final = (
    "Notes can't be taken here yet: an administrator has to run `/setup` first and choose the "
    "channel where they are reviewed."
)
NOTES_NEED_A_SERVER: Final = "Notes belong to a server: propose this one there."
CARD_NOT_POSTED: Final = (
    "Your note is kept, but I can't post it in the review channel now; I'll try again every "
    "minute. Please tell a moderator if it does not come: I may not be allowed to write there."
)
NOT_A_MODERATOR: Final = "Only moderators can decide on notes."
OWN_NOTE: Final = "You proposed this note: another moderator has to decide on it."
CARD_GONE: Final = "That note is no longer on record."
NOT_USED: Final = "What you typed was not used."
NO_SUCH_NOTE: Final = "There is no such note here. `/note mine` lists yours."
NOT_YOURS: Final = "Only its contributor can revise this note."
NOT_A_CARD: Final = "That message is not a review card that can be decided on."

RULING_TITLES: Final[Mapping[Action, str]] = {
    Action.REQUEST_CHANGES: "Request changes",
    Action.REJECT: "Reject this note",
    Action.DUPLICATE: "Close as a duplicate",
}


def obstacle(note: Note, why: Obstacle) -> str:
    """Why something could not be done to a note."""
    title = plain(note.revision.submission.title)
    return {
        Obstacle.DECIDED: f"This note has been decided already. {standing(note)}",
        Obstacle.OWN_NOTE: OWN_NOTE,
        Obstacle.VOTED: f"You have approved this already. {standing(note)}",
        Obstacle.TOO_LATE: f"It is too late to undo this. {standing(note)}",
        Obstacle.NOT_LIVE: f"“{title}” is not live. {standing(note)}",
        Obstacle.NOT_YOURS: f"“{title}” is not yours: only its contributor can do that.",
        Obstacle.UNCHANGED: f"Nothing would change in “{title}”.",
        Obstacle.NO_ORIGINAL: "Nothing here has that title, number or link: give a note's number, "
        f"a title as /search shows it, or a link. “{title}” still waits.",
        Obstacle.PENDING: f"A revision of “{title}” waits for a decision: decide on that first.",
    }[why]


def done(note: Note, action: Action, quorum: int = 1) -> str:
    """To the moderator, when what they clicked has been done."""
    title = plain(note.revision.submission.title)
    name = plain(shortened(note.contributor, 40))
    if note.revision.state is State.PENDING and action in {Action.APPROVE, Action.EDIT}:
        return f"Your approval of “{title}” counts. {standing(note, quorum)}"
    return {
        Action.APPROVE: f"“{title}” is live: questions are answered from it now.",
        Action.EDIT: f"“{title}” is live in your words. I'm showing {name} what you changed.",
        Action.REQUEST_CHANGES: f"I'm asking {name} to revise “{title}”.",
        Action.REJECT: f"“{title}” is rejected. I'm telling {name}.",
        Action.DUPLICATE: f"“{title}” is closed as a duplicate. I'm telling {name}.",
        Action.UNDO: f"Taken back: “{title}” is pending again.",
        Action.KEEP: f"“{title}” stays as it is, verified today.",
        Action.RETIRE: f"“{title}” is retired: questions are no longer answered from it.",
        Action.RESTORE: f"“{title}” is live again.",
        Action.ROLL_BACK: f"“{title}” is live again with this text.",
    }.get(action, standing(note))


PROBLEM_LABELS: Final[Mapping[Problem, str]] = {
    Problem.OUTDATED: "Outdated",
    Problem.WRONG: "Wrong",
    Problem.UNSAFE: "Unsafe",
}
