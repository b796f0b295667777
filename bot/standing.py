"""What contributors are shown of their notes: where they stand, their texts, their history. Pure.

Sentences that moderators see, too, are in `cards`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from bot.cards import Card, standing
from bot.contributing import Seen
from bot.display import (
    MESSAGE_CHARACTERS,
    Page,
    beginning,
    legible,
    plain,
    quoted_parts,
    shortened,
    shown,
    size,
)
from bot.findings import difference, near_lines
from bot.ids import NUMBER
from bot.nearby import Near
from knowledge.model import Note, Problem, State
from knowledge.reading import MAX_BYTES
from knowledge.submissions import FORM_CHARACTERS, TEXT_CHARACTERS

# Custom ids: which note, revision, page or question, so that the buttons work after a restart.
MINE_BUTTON: Final = (
    rf"mine:(?P<page>{NUMBER}):"
    r"(?P<filter>all|live|pending|changes_requested|rejected|withdrawn|retired)"
)
WITHDRAW_BUTTON: Final = rf"withdraw:(?P<revision>{NUMBER}):(?P<action>yes|no)"
DRAFT_BUTTON: Final = r"draft:(?P<action>edit|submit|same)"
EXTEND_BUTTON: Final = rf"extend:(?P<note>{NUMBER})"
HISTORY_BUTTON: Final = rf"history:(?P<note>{NUMBER}):(?P<number>{NUMBER})"
REPORT_BUTTON: Final = rf"report:(?P<kind>answer|note):(?P<number>{NUMBER})"
REPORT_FORM: Final = rf"report:(?P<note>{NUMBER})"

FILE_LIMITS: Final = (
    f"{MAX_BYTES / 1e6:.0f} MB, 2,000 pages, {TEXT_CHARACTERS:,} characters at most"
)


class Filter(StrEnum):
    """Which of one's own notes are listed."""

    ALL = "all"
    LIVE = "live"
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


FILTER_LABELS: Final[Mapping[Filter, str]] = {
    Filter.ALL: "All",
    Filter.LIVE: "Live",
    Filter.PENDING: "Pending",
    Filter.CHANGES_REQUESTED: "Changes requested",
    Filter.REJECTED: "Rejected",
    Filter.WITHDRAWN: "Withdrawn",
    Filter.RETIRED: "Retired",
}

_FILTERS: Final[Mapping[Filter, Callable[[Note], bool]]] = {
    Filter.ALL: lambda note: True,
    Filter.LIVE: lambda note: note.live_revision_id is not None,
    Filter.PENDING: lambda note: note.revision.state is State.PENDING,
    Filter.CHANGES_REQUESTED: lambda note: note.revision.state is State.CHANGES_REQUESTED,
    Filter.REJECTED: lambda note: note.revision.state is State.REJECTED,
    Filter.WITHDRAWN: lambda note: note.revision.state is State.WITHDRAWN,
    Filter.RETIRED: lambda note: note.retired_revision_id is not None,
}

# Four fit into a message even where each has a long reason and a link to its card.
PAGE_NOTES: Final = 4
_TITLE_CHARACTERS: Final = 100
_REASON_CHARACTERS: Final = 330
_LISTED_CHARACTERS: Final = 480
# What `where` adds at the most.
_ADDED_CHARACTERS: Final = 64


def mine(
    notes: Sequence[tuple[Note, int]], wanted: Filter, number: int, *, with_cards: bool
) -> Page:
    """A page of one's own notes, each with its quorum."""
    chosen = [(note, quorum) for note, quorum in notes if _FILTERS[wanted](note)]
    if not chosen:
        return Page(NO_NOTES if wanted is Filter.ALL else _NONE_OF_THESE, 0, 1)
    count = -(-len(chosen) // PAGE_NOTES)
    number = min(number, count - 1)
    shown_now = chosen[number * PAGE_NOTES : (number + 1) * PAGE_NOTES]
    some = "1 note" if len(chosen) == 1 else f"{len(chosen)} notes"
    head = f"**Your notes**: {some}"
    if wanted is not Filter.ALL:
        head += f" · {FILTER_LABELS[wanted].lower()}"
    if count > 1:
        head += f" · page {number + 1} of {count}"
    lines = [_listed(note, quorum, with_cards=with_cards) for note, quorum in shown_now]
    return Page("\n".join([head, *lines]), number, count)


def _listed(note: Note, quorum: int, *, with_cards: bool) -> str:
    """A note in the list: its number, title, and where it stands."""
    title = plain(shortened(legible(note.revision.submission.title), _TITLE_CHARACTERS))
    line = f"{note.id}\\. **{title or 'Untitled'}**"
    if with_cards and note.card is not None:
        place = f"{note.guild_id}/{note.card[0]}/{note.card[1]}"
        line += f" · [card](<https://discord.com/channels/{place}>)"
    room = _LISTED_CHARACTERS - size(line) - len("\n-# ") - _ADDED_CHARACTERS
    return f"{line}\n-# {where(note, quorum, min(room, _REASON_CHARACTERS))}"


def where(note: Note, quorum: int = 1, room: int = _REASON_CHARACTERS) -> str:
    """Where a note stands, with its latest revision, in one line.

    Up to the reason it has at most `room` characters.
    """
    line = standing(note, quorum)
    if size(line) > room:
        line = beginning(line, room - 1).rstrip("\\ ") + "…"
    if note.live:
        return f"{line}; questions are answered from it"
    if note.retired:
        return f"{line}; **retired**, so that questions are not answered from it"
    if note.live_revision_id is not None:
        return f"{line}; an earlier text is **live**"
    return line


# One note.


def shown_note(found: Seen) -> list[Card]:
    """A note as somebody may see it: the live text, then what waits or was refused, if theirs."""
    cards_ = [_text_of(found.live, "")] if found.live else []
    latest = found.latest
    if latest is not None and not latest.live:
        cards_.append(_text_of(latest, where(latest, found.quorum)))
    return cards_


def _text_of(note: Note, line: str) -> Card:
    """A revision's text with its title, credit, tags and source; as a file where it is long."""
    submission = note.revision.submission
    credit = [f"Note {note.id}", f"by {plain(shortened(note.contributor, 40))}"]
    if submission.tags:
        credit.append(", ".join(plain(tag) for tag in submission.tags))
    if note.live and note.verified_at:
        credit.append(f"verified <t:{int(note.verified_at.timestamp())}:d>")
    head = [f"**{plain(submission.title)}**", f"-# {' · '.join(credit)}"]
    if line:
        head.append(line)
    foot = f"\n\nSource: <{submission.link}>" if submission.link else ""
    top = "\n".join(head)
    room = MESSAGE_CHARACTERS - size(top) - size(foot) - len("\n> …\n")
    first, *rest = quoted_parts(shown(submission.text), room)
    if not rest:
        return Card(f"{top}\n{first}{foot}")
    return Card(f"{top}\n{first}\n> …{foot}", file_name(note), submission.text)


def file_name(note: Note) -> str:
    """What the file with a revision's text is called."""
    return f"note-{note.id}-revision-{note.revision.number}.md"


def is_long(text: str) -> bool:
    """Whether a text is edited as a file, because no form holds it."""
    return size(text) > FORM_CHARACTERS


def as_file(note: Note) -> str:
    """To a contributor whose text no form holds, beside the file."""
    title = plain(note.revision.submission.title)
    return (
        f"“{title}” has {len(note.revision.submission.text):,} characters, more than a form holds "
        f"({FORM_CHARACTERS:,}): here it is as a file. Edit the file, then press *Upload the "
        "edited text*."
    )


def revision(revisions: Sequence[Note], number: int) -> Card:
    """A revision of those that somebody may see, with what it changed; `number` from 0.

    The first one is shown whole; of any, what does not fit is in a file.
    """
    note = revisions[number]
    title = plain(note.revision.submission.title)
    written = int(note.revision.created_at.timestamp())
    who = plain(shortened(note.revision.writer, 40))
    top = "\n".join(
        [
            f"**{title}**",
            f"-# Note {note.id} · revision {note.revision.number} · by {who} · <t:{written}:f> · "
            f"{number + 1} of {len(revisions)}",
            _place_in_history(note),
        ]
    )
    if number:
        text = difference(revisions[number - 1], note)
    else:
        text = shown(note.revision.submission.text)
    first, *rest = quoted_parts(text, MESSAGE_CHARACTERS - size(top) - len("\n\n> …"))
    if not rest:
        return Card(f"{top}\n{first}")
    return Card(f"{top}\n{first}\n> …", file_name(note), note.revision.submission.text)


def _place_in_history(note: Note) -> str:
    if note.live:
        return "**Live**: questions are answered from it"
    return where(note)


# What is near to a new note.


def asks_about_near(near: Sequence[Near]) -> str:
    """Before a new note is submitted that is like something on record: what, and what to do."""
    lines = [NEAR_FOUND]
    room = MESSAGE_CHARACTERS - len(NEAR_FOUND) - len(NEAR_CHOICES) - 2
    for line in (line for one in near for line in near_lines([one])):
        if size(line) + 1 <= room:
            lines.append(line)
            room -= size(line) + 1
    return "\n".join([*lines, NEAR_CHOICES])


def is_the_same(asked: str) -> str:
    """To who says that what they wrote is on record already; `asked` is what they were asked."""
    found = [line for line in asked.split("\n") if line not in {NEAR_FOUND, NEAR_CHOICES}]
    return "\n".join([SAME, *found])


def extend_label(near: Near) -> str:
    """The button that opens one's own note instead; 80 characters."""
    return f"Extend “{shortened(legible(near.title), 60)}”"


NEAR_FOUND: Final = "Before I hand it in: there is something like it already."
NEAR_CHOICES: Final = (
    "-# `/note show` shows a note. Is yours the same? Then nothing is submitted. Else submit it: "
    "the moderators see these, too."
)
SAME: Final = "Thank you for looking: nothing was submitted. This is on record."


# Withdrawing and reporting.


def asks_to_withdraw(note: Note) -> str:
    """Before something is withdrawn: what that will mean."""
    title = plain(note.revision.submission.title)
    if note.live:
        return f"Withdraw “{title}”? Questions will no longer be answered from it."
    if note.retired:
        return f"Withdraw “{title}”? It is retired; moderators can't put it back then."
    kept = " The text that is live stays live." if note.live_revision_id is not None else ""
    return f"Withdraw “{title}”, which waits for a decision?{kept}"


def withdrawn(note: Note) -> str:
    """When something has been withdrawn."""
    title = plain(note.revision.submission.title)
    if note.live_revision_id is not None:
        return f"The revision of “{title}” is withdrawn. The text that is live stays live."
    return f"“{title}” is withdrawn. Its text is kept for you: `/note edit` proposes it again."


NOT_WITHDRAWN: Final = "Nothing was withdrawn."
MOVED_ON: Final = (
    "This note has changed since you were asked. Nothing was withdrawn: `/note withdraw` asks anew."
)
NOTHING_TO_WITHDRAW: Final = (
    "None of your notes with that title can be withdrawn. `/note mine` lists yours."
)


def reported(note: Note, problem: Problem) -> str:
    """To a member who reported a note."""
    title = plain(note.revision.submission.title)
    return f"Thank you. The moderators see that “{title}” is reported as {problem.value}."


NOTHING_TO_REPORT: Final = (
    "None of the notes in this answer is live any more: there is nothing to report."
)
NO_NOTES: Final = "You have not proposed a note here yet. `/note add` does."
_NONE_OF_THESE: Final = "None of your notes is in that state. `/note mine` lists them all."
NO_HISTORY: Final = "There is no such note here, or it is not live."
NOT_A_MEMBER: Final = "You are not a member of the server that this note belongs to."
TEXT_AND_FILE: Final = (
    "There is a text and a file, and I can't tell which is the note: leave one of them out."
)
NEITHER: Final = "There is neither a text nor a file: write the text, or upload it as a file."
TAKEN_ALREADY: Final = "This has been submitted already. `/note mine` says where it stands."
DRAFT_LOST: Final = (
    "What you wrote is in the file above, but I can't fetch it from Discord: copy it from there."
)
FILE_LOST: Final = (
    "I was restarted while the form was open, and no longer have the file that you gave with the "
    "command: give it again, or continue without it. What you typed is kept."
)
TEXT_LOST: Final = (
    "I was restarted while the form was open, and can't find the text that it was about: open it "
    "again."
)


def from_channel(name: str) -> str:
    """On the form for a message from a channel that not everybody may read; 100 characters."""
    ending = " is not for everybody: may this be public?"
    return f"#{shortened(legible(name), 100 - 1 - len(ending))}{ending}"
