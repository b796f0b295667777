"""Messages to contributors about their notes: state, text, history, submission. Pure."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from bot.notes.service import VisibleNote
from bot.review import cards
from bot.review.similar_notes import SimilarDocument
from bot.text import markdown
from bot.text.languages import Sentence, plural, speak
from bot.text.paging import PAGE, Page
from knowledge.values.notes import Note, Problem, State
from knowledge.values.submissions import FORM_CHARACTERS

SHOWN_REASON_CHARACTERS: Final = 330


HISTORY: Final = Sentence("History")
HISTORY_LABELS: Final = (Sentence("Earlier"), Sentence("Later"))


_ANSWERED_FROM: Final = Sentence("{line}; used for answers")


def state_line(note: Note, quorum: int = 1, room: int = SHOWN_REASON_CHARACTERS) -> str:
    """A note's state with its latest revision, in one line; at most `room` for the reason."""
    line = cards.status_line(note, quorum)
    if markdown.size(line) > room:
        line = markdown.beginning(line, room - 1).rstrip("\\ ") + "…"
    if note.live:
        return _ANSWERED_FROM(line=line)
    if note.retired:
        return speak("{line}; **retired**: no longer used for answers", line=line)
    if note.live_revision_id is not None:
        return speak("{line}; an earlier text is **live**", line=line)
    return line


_BY: Final = Sentence("by {name}")


def note_cards(found: VisibleNote) -> list[cards.Card]:
    """The card of a note's live revision, then the card of a newer revision, if visible."""
    cards_ = [_card_of_revision(found.live, found, "")] if found.live else []
    latest = found.latest
    if latest is not None and not latest.live:
        line = state_line(latest, found.quorum)
        cards_.append(_card_of_revision(latest, found, line))
    return cards_


def _card_of_revision(note: Note, found: VisibleNote, line: str) -> cards.Card:
    """The card of a revision: title, credit, tags, text and source; a long text as a file."""
    submission = note.revision.submission.safe
    credit = [
        cards.NUMBERED(number=note.id),
        _BY(name=markdown.plain(markdown.shorten(note.authors_line, 80))),
    ]
    if submission.tags:
        credit.append(", ".join(markdown.plain(tag) for tag in submission.tags))
    if note.live and note.verified_at:
        credit.append(speak("verified {when}", when=f"<t:{int(note.verified_at.timestamp())}:d>"))
    head = [f"**{markdown.plain(submission.title)}**", f"-# {' · '.join(credit)}"]
    if line:
        head.append(line)
    if submission.wordings:
        head.append(f"-# {cards.asked_as(submission)}")
    foot = f"\n\n{cards.SOURCE()}: <{submission.link}>" if submission.link else ""
    top = "\n".join(head)
    room = markdown.MESSAGE_CHARACTERS - markdown.size(top) - markdown.size(foot) - len("\n> …\n")
    first, *rest = markdown.quoted_parts(markdown.safe_markdown(submission.text), room)
    pictures = found.pictures.get(note.revision.id, ())
    if not rest:
        return cards.Card(f"{top}\n{first}{foot}", pictures=pictures)
    return cards.Card(f"{top}\n{first}\n> …{foot}", file_name(note), submission.text, pictures)


def file_name(note: Note) -> str:
    return f"note-{note.id}-revision-{note.revision.number}.md"


def is_long(text: str) -> bool:
    """Whether a text doesn't fit in a form, so that the text is edited as a file."""
    return markdown.size(text) > FORM_CHARACTERS


PAGE_LABELS: Final[Mapping[str, Sentence]] = {
    "off": Sentence("Keep off the public page"),
    "on": Sentence("Allow on the public page"),
}
OPEN_PAGE: Final = Sentence("Open page")
REVISE_LABELS: Final[Mapping[str, Sentence]] = {
    "revise": Sentence("Revise and resubmit"),
    "change": Sentence("Change it"),
    "edit": Sentence("Edit"),
    "details": Sentence("Add details"),
    "bare": Sentence("Remove the pictures"),
    "upload": Sentence("Upload the edited text"),
}


def introduce_file(note: Note) -> str:
    """Introduce the file with a note's text, because the text doesn't fit in a form."""
    submission = note.revision.submission.safe
    return speak(
        "“{title}” has {number:,} characters; a form holds {most:,}. Here it is as a file: edit "
        "it, then press *Upload the edited text*.",
        title=markdown.plain(submission.title),
        number=len(submission.text),
        most=FORM_CHARACTERS,
    )


def revision_card(revisions: Sequence[Note], number: int) -> cards.Card:
    """The card of a revision: the first whole, later ones as changes; long texts as a file."""
    note = revisions[number]
    submission = note.revision.submission.safe
    title = markdown.plain(submission.title)
    about = [
        cards.NUMBERED(number=note.id),
        cards.REVISION(number=note.revision.number),
        _BY(name=markdown.plain(markdown.shorten(note.revision.writer, 40))),
        f"<t:{int(note.revision.created_at.timestamp())}:f>",
        speak("{number} of {count}", number=number + 1, count=len(revisions)),
    ]
    state = speak("**Live**: used for answers") if note.live else state_line(note)
    top = "\n".join([f"**{title}**", f"-# {' · '.join(about)}", state])
    text = (
        cards.revision_difference(revisions[number - 1], note)
        if number
        else markdown.safe_markdown(submission.text)
    )
    first, *rest = markdown.quoted_parts(
        text, markdown.MESSAGE_CHARACTERS - markdown.size(top) - len("\n\n> …")
    )
    if not rest:
        return cards.Card(f"{top}\n{first}")
    return cards.Card(f"{top}\n{first}\n> …", file_name(note), submission.text)


def ask_about_similar(near: Sequence[SimilarDocument]) -> str:
    """Ask the sender of a new note about similar documents."""
    found, choices = NEAR_FOUND(), NEAR_CHOICES()
    lines = [found]
    room = markdown.MESSAGE_CHARACTERS - markdown.size(found) - markdown.size(choices) - 2
    for line in (line for document in near for line in cards.similar_lines([document])):
        if markdown.size(line) + 1 <= room:
            lines.append(line)
            room -= markdown.size(line) + 1
    return "\n".join([*lines, choices])


def confirm_same(asked: str) -> str:
    """Confirm that nothing was submitted, with the documents listed in `asked`."""
    around = {*NEAR_FOUND.in_every_language(), *NEAR_CHOICES.in_every_language()}
    found = [line for line in asked.split("\n") if line not in around]
    return "\n".join([SAME(), *found])


def extend_label(near: SimilarDocument) -> str:
    """The label of the button that extends a similar note; at most 80 characters."""
    return speak("Extend “{title}”", title=markdown.shorten(markdown.legible(near.title), 60))


ADD_TEXT_LABEL: Final = Sentence("Add to the text")
DRAFT_LABELS: Final[Mapping[str, Sentence]] = {
    "edit": Sentence("Continue editing"),
    "submit": Sentence("Submit anyway"),
    "same": Sentence("This is the same"),
    "picture": ADD_TEXT_LABEL,
}
NEAR_FOUND: Final = Sentence("Not submitted yet: this may already exist.")
NEAR_CHOICES: Final = Sentence(
    "-# `/note show` shows a whole note. If yours adds something, submit it anyway: the moderators "
    "will see these, too."
)
SAME: Final = Sentence("Thanks for checking. Nothing was submitted, because this already exists:")


WITHDRAW_LABELS: Final[Mapping[str, Sentence]] = {
    "yes": Sentence("Withdraw"),
    "no": Sentence("Keep it"),
}
_WITHDRAW_LIVE: Final = Sentence("Withdraw “{title}”? I'll no longer answer from it.")
_WITHDRAW_RETIRED: Final = Sentence("Withdraw “{title}”? Moderators can't restore it after that.")
_WITHDRAW_PENDING: Final = Sentence("Withdraw “{title}”? The moderators haven't decided on it yet.")
_WITHDRAW_REVISION: Final = Sentence("Withdraw the pending text of “{title}”? The live text stays.")
_REVISION_WITHDRAWN: Final = Sentence(
    "The pending text of “{title}” is withdrawn. The live text stays."
)
_WITHDRAWN: Final = Sentence(
    "“{title}” is withdrawn, and its pictures are deleted. I've kept the text for you: *Edit* in "
    "`/note mine` proposes it again."
)


def ask_to_withdraw(note: Note) -> str:
    sentence = _WITHDRAW_PENDING
    if note.live:
        sentence = _WITHDRAW_LIVE
    elif note.retired:
        sentence = _WITHDRAW_RETIRED
    elif note.live_revision_id is not None:
        sentence = _WITHDRAW_REVISION
    return sentence(title=markdown.plain(note.revision.submission.safe.title))


def confirm_withdrawal(note: Note) -> str:
    sentence = _WITHDRAWN if note.live_revision_id is None else _REVISION_WITHDRAWN
    return sentence(title=markdown.plain(note.revision.submission.safe.title))


NOT_WITHDRAWN: Final = Sentence("Nothing was withdrawn.")
MOVED_ON: Final = Sentence(
    "Not withdrawn: the note has changed since I asked. Open it again in `/note mine`."
)
NOTHING_TO_WITHDRAW: Final = Sentence(
    "You have no such note to withdraw. `/note mine` lists yours."
)
REPORT_TITLE: Final = Sentence("Report a note")
WHICH_NOTE: Final = Sentence("Which note")
PROBLEM: Final = Sentence("The problem")
REPORT_REASON_HELP: Final = Sentence(
    "The correct facts, or the harm it does. Moderators read this."
)


def confirm_report(note: Note, problem: Problem) -> str:
    title = markdown.plain(note.revision.submission.safe.title)
    return speak(
        "Thanks. I've reported “{title}” to the moderators as {problem}.",
        title=title,
        problem=cards.problem_name(problem),
    )


NOTHING_TO_REPORT: Final = Sentence("Nothing to report: this answer quotes no note that is live.")
QUOTES_NO_NOTE: Final = Sentence(
    "This message doesn't quote a note. Choose an answer of mine that does, or open the note with "
    "`/note show`."
)
NO_HISTORY: Final = Sentence("There's no such note here, or it isn't live.")
NOT_A_MEMBER: Final = Sentence("This note belongs to a server that you're not in.")
TAKEN_ALREADY: Final = Sentence("You've already submitted this. `/note mine` shows its state.")
DRAFT_LOST: Final = Sentence("I can't fetch your text from Discord. Copy it from the file above.")


REPORT_LABEL: Final = Sentence("Report")
WRITE_LABEL: Final = Sentence("Write this note")


_LIVE_AT_ONCE: Final = Sentence("Thank you. “{title}” is live: I can answer from it now.")
_WITH_MODERATORS: Final = Sentence(
    "Thank you. “{title}” is with the moderators; I'll tell you their decision."
)
_PUBLIC_ONCE_APPROVED: Final = Sentence(
    "Once it is live, it can be on the public page, where anyone on the web can read it."
)


def note_submitted(note: Note, *, public: bool = False) -> str:
    title = markdown.plain(note.revision.submission.safe.title)
    taken = (_LIVE_AT_ONCE if note.live else _WITH_MODERATORS)(title=title)
    return f"{taken}\n-# {_PUBLIC_ONCE_APPROVED()}" if public else taken


NO_REVIEW_CHANNEL: Final = Sentence(
    "You can't submit notes here yet: an administrator has to choose the review channel and the "
    "moderators in `/setup` first."
)
NOTES_NEED_A_SERVER: Final = Sentence("Notes belong to a server. Propose this one there.")
CARD_NOT_POSTED: Final = Sentence(
    "I've saved your note, but can't post it in the review channel. I'll keep trying; please tell "
    "a moderator that I may need permission to write there."
)
NO_SUCH_NOTE: Final = Sentence("There's no such note here. `/note mine` lists yours.")
NOT_YOURS: Final = Sentence("Only its contributor can revise this note.")


# Offers to make a reply a note.

OFFER_LABEL: Final = Sentence("Make this a note")
OFFER_TAKEN: Final = Sentence("I've proposed your reply to the moderators as a note.")
OFFER_GONE: Final = Sentence(
    "I can't propose this reply any more. The question may have a note by now, the reply or the "
    "question may be deleted, or you may not propose notes from replies here now."
)


def offer(title: str, link: str) -> str:
    return speak(
        "[Your reply]({link}) to “{title}” may help others, too. Shall I propose it to the "
        "moderators as a note under your name?",
        title=markdown.plain(title),
        link=link,
    )


# Pages of a member's own notes.


class Filter(StrEnum):
    """Filter of the list of own notes."""

    ALL = "all"
    LIVE = "live"
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


FILTER_LABELS: Final[Mapping[Filter, Sentence]] = {
    Filter.ALL: Sentence("All"),
    Filter.LIVE: Sentence("Live"),
    Filter.PENDING: Sentence("Pending"),
    Filter.CHANGES_REQUESTED: Sentence("Changes requested"),
    Filter.REJECTED: Sentence("Rejected", "filter"),
    Filter.WITHDRAWN: Sentence("Withdrawn"),
    Filter.RETIRED: Sentence("Retired"),
}
# Four fit in a message even if each has a long reason and a link to its card.
PAGE_NOTES: Final = 4
_TITLE_CHARACTERS: Final = 100
# Discord's limit for the label of an option.
_LABEL_CHARACTERS: Final = 100
_LISTED_CHARACTERS: Final = 480
# Longest text of `where` besides state and reason.
_ADDED_CHARACTERS: Final = 64
LIST_LABELS: Final = (Sentence("Newer"), Sentence("Older"))
OPEN_NOTE: Final = Sentence("Open a note")
_UNTITLED: Final = Sentence("Untitled")


def page_of_own_notes(
    notes: Sequence[tuple[Note, int]], wanted: Filter, number: int, *, with_cards: bool
) -> Page:
    """A page of a member's own notes, each with the number of approvals that it needs."""
    matching = [(note, quorum) for note, quorum in notes if _matches(note, wanted)]
    if not matching:
        return Page((NO_NOTES if wanted is Filter.ALL else _NONE_OF_THESE)(), 0, 1)
    count = -(-len(matching) // PAGE_NOTES)
    number = min(number, count - 1)
    shown_now = notes_on_page(notes, wanted, number)
    head = plural(
        len(matching), "**Your notes**: {number:,} note", "**Your notes**: {number:,} notes"
    )
    if wanted is not Filter.ALL:
        head += f" · {FILTER_LABELS[wanted]()}"
    if count > 1:
        head += PAGE(number=number + 1, count=count)
    lines = [_list_line(note, quorum, with_cards=with_cards) for note, quorum in shown_now]
    return Page("\n".join([head, *lines]), number, count)


def notes_on_page(
    notes: Sequence[tuple[Note, int]], wanted: Filter, number: int
) -> Sequence[tuple[Note, int]]:
    """The own notes on the page with the index `number`."""
    matching = [(note, quorum) for note, quorum in notes if _matches(note, wanted)]
    return matching[number * PAGE_NOTES : (number + 1) * PAGE_NOTES]


def menu_label(note: Note) -> str:
    """The label of an own note in the menu below the list."""
    title = markdown.legible(note.revision.submission.safe.title) or _UNTITLED()
    return markdown.shorten(f"{note.id}. {title}", _LABEL_CHARACTERS)


def _matches(note: Note, wanted: Filter) -> bool:
    if wanted is Filter.ALL:
        return True
    if wanted is Filter.LIVE:
        return note.live_revision_id is not None
    if wanted is Filter.RETIRED:
        return note.retired_revision_id is not None
    return note.revision.state is State(wanted)


def _list_line(note: Note, quorum: int, *, with_cards: bool) -> str:
    title = markdown.plain(
        markdown.shorten(markdown.legible(note.revision.submission.safe.title), _TITLE_CHARACTERS)
    )
    line = f"{note.id}\\. **{title or _UNTITLED()}**"
    if with_cards and note.card is not None:
        place = f"{note.guild_id}/{note.card[0]}/{note.card[1]}"
        card = speak("card")
        line += f" · [{card}](<https://discord.com/channels/{place}>)"
    if note.owner_id:
        name, member = markdown.plain(markdown.shorten(note.contributor, 40)), f"<@{note.owner_id}>"
        line += " · " + speak("by {name}, looked after by {member}", name=name, member=member)
    room = _LISTED_CHARACTERS - markdown.size(line) - len("\n-# ") - _ADDED_CHARACTERS
    return f"{line}\n-# {state_line(note, quorum, min(room, SHOWN_REASON_CHARACTERS))}"


NO_NOTES: Final = Sentence("You haven't proposed a note here yet. Start with `/note add`.")
_NONE_OF_THESE: Final = Sentence(
    "None of your notes are in that state. `/note mine` lists them all."
)


# Text recognized in pictures.

TEXT_READ: Final = Sentence(
    "Not submitted yet: I read this in the pictures. Questions only find a note by its text. *Add "
    "to the text* puts it there, so that you can correct it."
)
TEXT_UNREAD: Final = Sentence(
    "I couldn't read the text in every picture. Type it into the note if questions should find it."
)
_TEXT_CHARACTERS: Final = 1_500
_BLANKS: Final = re.compile(r"\s+")
_BETWEEN: Final = "\n\n"
# Less text isn't worth a question.
_LEAST_CHARACTERS: Final = 20


def offer_text(text: str, read: str, *, is_whole: bool = True) -> str:
    """Return a message that offers to add the text `read` in a note's pictures, or an empty string.

    Lines that the note already has are left out. There is no offer if the remaining text is too
    short, or if the form has no room for it.
    """
    have = _fold(text)
    new = [line for line in read.splitlines() if _fold(line) not in have]
    room = min(_TEXT_CHARACTERS, FORM_CHARACTERS - markdown.size(text) - len(_BETWEEN))
    if markdown.size("\n".join(new)) < _LEAST_CHARACTERS or room < _LEAST_CHARACTERS:
        return ""
    unread = "" if is_whole else f"\n{TEXT_UNREAD()}"
    # Whole lines, as many as fit, but at least one.
    kept = new[:1]
    for line in new[1:]:
        if markdown.size("\n".join([*kept, line])) > room:
            break
        kept.append(line)
    block = markdown.code_block("\n".join(kept), room)
    return f"{TEXT_READ()}\n{block}{unread}"


def _fold(text: str) -> str:
    return _BLANKS.sub(" ", text.strip().casefold())


def with_text(text: str, offered: str) -> str:
    """The text of a note, followed by the text that `offer_text` showed."""
    return _BETWEEN.join(filter(None, [text.strip(), *markdown.code_blocks(offered)[:1]]))
