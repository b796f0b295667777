"""Review cards: their texts in every state of a note. Pure.

A card stays one message in all its states. A text that doesn't fit is attached as a file, and the
card says if anything is left out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from bot.review.impact import Effect, Impact
from bot.review.service import NO_DATA, CardData
from bot.review.similar_notes import Closeness, SimilarDocument
from bot.text.languages import Plural, Sentence, plural, speak
from bot.text.markdown import LAYOUT_CHARACTERS, plain, quoted_parts, safe_markdown, shorten, size
from indexer.contradictions.detector import Statement
from knowledge.review.risk_flags import Flag, Risk
from knowledge.review.text_diff import Change, compact, differences
from knowledge.values.notes import (
    CheckReason,
    CheckState,
    Decision,
    Note,
    NoteCheck,
    PageVeto,
    Picture,
    Problem,
    Review,
    SourceChange,
    State,
)
from knowledge.values.submissions import Submission

# Longest text shown whole, in all states of the card. A longer one is cut, and attached as a file.
TEXT_CHARACTERS: Final = 1_900
# The largest number of characters in the status line: room for names, a time and most reasons.
STATUS_CHARACTERS: Final = 450


class Card(NamedTuple):
    """A message about a note, with the note's pictures. A long text is attached as a file."""

    content: str
    file_name: str = ""
    file_text: str = ""
    pictures: tuple[Picture, ...] = ()


class CardState(StrEnum):
    """State of a note, shown by the colour of its card."""

    WAITING = "waiting"
    LIVE = "live"
    RETURNED = "returned"
    REJECTED = "rejected"
    CLOSED = "closed"


class ReviewCard(NamedTuple):
    """A review card.

    The first of its texts has state, title and author; the second is the note's text, or the
    difference from the live text; the third, if any, has everything else.
    """

    state: CardState
    texts: tuple[str, ...]
    attached: Card


def card(
    note: Note,
    at: datetime,
    data: CardData = NO_DATA,
    room: int = LAYOUT_CHARACTERS,
    *,
    impact: Impact | None = None,
    on_page: bool = False,
) -> ReviewCard:
    """The review card of a note at the time `at`, in at most `room` characters.

    `impact` is the effect of publishing the revision, or None if the effect isn't known yet. With
    `on_page`, the card says whether the note is on the server's public page.
    """
    submission = note.revision.submission.safe
    status = status_line(note, data.quorum)
    title, by = f"**{plain(submission.title)}**", credit_line(note, data.record)
    head = "\n".join([status, title, by])
    spare = room - size(head) - _more_room() - len("\n> …")
    body, whole = _body(note, data.before, min(TEXT_CHARACTERS, spare))
    lines = [
        *_details(note),
        *([_SUGGESTED()] if data.suggests else []),
        *([page_line(note)] if on_page and is_live_or_pending(note) else []),
        *flag_lines(data.flags),
        *similar_lines(data.near),
        *(
            [IF_PUBLISHED(change=impact_sentence(impact))]
            if impact and (impact.total or impact.confirmed)
            else []
        ),
        *_warnings(note, at, data.check),
    ]
    foot = _fitting_lines(lines, room - size(head) - size(body))
    name = f"note-{note.id}-revision-{note.revision.number}.md"
    file = ("", "") if whole else (name, submission.text)
    texts = (head, body, *([foot] if foot else []))
    return ReviewCard(_card_state(note, at), texts, Card("", *file, data.pictures))


def _card_state(note: Note, at: datetime) -> CardState:
    if note.revision.state is State.PENDING or (note.live and note.needs_another_review(at)):
        return CardState.WAITING
    if note.revision.state is State.CHANGES_REQUESTED:
        return CardState.RETURNED
    if note.revision.state is State.REJECTED:
        return CardState.REJECTED
    return CardState.LIVE if note.live else CardState.CLOSED


NUMBERED: Final = Sentence("Note {number}")
REVISION: Final = Sentence("revision {number}")
_SAVED_FROM: Final = Sentence("Saved from a message in {channel}.")
_FROM_REPLY: Final = Sentence(
    "**From a reply** in {channel}. Its author was told and can withdraw it."
)
_SOURCE_CHANGED: Final[Mapping[SourceChange, Sentence]] = {
    SourceChange.EDITED: Sentence("⚠ The message it was saved from has been edited."),
    SourceChange.DELETED: Sentence("⚠ The message it was saved from has been deleted."),
}
IF_PUBLISHED: Final = Sentence("If published: {change}")
_NO_ANSWER: Final = Sentence("I asked {member} {when} whether it's still true, and got no answer.")
_MORE_LINES: Final = Sentence("-# {number} more lines don't fit here.")


def credit_line(note: Note, record: Mapping[str, int]) -> str:
    """A line such as "Note 7 · proposed by Ann, whose earlier notes: 4 approved · an hour ago".

    `record` has the numbers of the contributor's other notes by state.
    """
    revision = note.revision
    parts = [NUMBERED(number=note.id)]
    if revision.number > 1:
        parts.append(REVISION(number=revision.number))
    earlier = []
    if number := record.get("approved"):
        earlier.append(speak("{number} approved", number=number))
    if number := record.get("rejected"):
        earlier.append(speak("{number} rejected", number=number))
    by = Sentence("proposed by {name}")
    if earlier:
        by = Sentence("proposed by {name}, whose earlier notes: {earlier}")
    name = plain(shorten(note.contributor, 40))
    parts.append(by(name=name, earlier=", ".join(earlier)))
    if revision.writer_id != note.contributor_id:
        by = Sentence("extended by {name}") if revision.extension else Sentence("edited by {name}")
        parts.append(by(name=plain(shorten(revision.writer, 40))))
    parts.append(f"<t:{int(revision.created_at.timestamp())}:R>")
    return f"-# {' · '.join(parts)}"


def asked_as(submission: Submission) -> str:
    """The wordings of a note, in one line."""
    return f"{ASKED_AS()}: " + " · ".join(map(plain, submission.wordings))


_SUGGESTED: Final = Sentence("*Asked as…* suggests questions for which members picked this note.")


def _details(note: Note) -> list[str]:
    submission = note.revision.submission.safe
    lines = []
    if submission.wordings:
        lines.append(asked_as(submission))
    if submission.tags:
        lines.append(f"{TAGS()}: " + ", ".join(plain(tag) for tag in submission.tags))
    if submission.link:
        lines.append(f"{SOURCE()}: <{submission.link}>")
    if note.source is not None:
        origin = _SAVED_FROM if note.asked_message_id is None else _FROM_REPLY
        lines.append(origin(channel=f"<#{note.source.channel_id}>"))
        if note.source.change is not SourceChange.NONE:
            lines.append(_SOURCE_CHANGED[note.source.change]())
    return lines


_ON_PAGE: Final = Sentence("Released for the public page.")
_UNRELEASED: Final = Sentence(
    "Not on the public page: its writer wasn't told about the page. Release it in `/review`."
)
_OFF_PAGE: Final[Mapping[PageVeto, Sentence]] = {
    PageVeto.WRITER: Sentence("Its writer keeps it off the public page."),
    PageVeto.MODERATOR: Sentence("A moderator keeps it off the public page."),
}


def is_live_or_pending(note: Note) -> bool:
    return note.live or note.revision.state is State.PENDING


def page_line(note: Note) -> str:
    """Say that a note is or will be on the public page, or the reason why not."""
    for veto in PageVeto:
        if veto in note.off_page:
            return _OFF_PAGE[veto]()
    if not note.revision.for_page:
        return _UNRELEASED()
    if note.live:
        return _ON_PAGE()
    return speak("Released for the public page, once it's live.")


_CHECKED: Final[Mapping[CheckReason, Sentence]] = {
    CheckReason.UNHELPFUL: Sentence("⚠ Its last three ratings: *Not helpful*."),
    CheckReason.RELEASE: Sentence("⚠ It names a version older than {release}."),
}


def _warnings(note: Note, at: datetime, check: NoteCheck | None) -> list[str]:
    """Reports, due reviews, the question to the note's writer, and who looks after the note."""
    lines = [
        speak(
            "⚠ Reported as **{problem}** {when}: {reason}",
            problem=problem_name(report.problem),
            when=f"<t:{int(report.created_at.timestamp())}:R>",
            reason=plain(shorten(report.reason, 200)),
        )
        for report in note.reports
    ]
    if note.due(at) and note.review_at:
        lines.append(
            speak("⚠ Due for review since {when}.", when=f"<t:{int(note.review_at.timestamp())}:d>")
        )
    if note.sampled and note.live:
        lines.append(speak("⚠ Published at once; picked for a spot check."))
    if check is not None:
        if check.reason in _CHECKED:
            lines.append(_CHECKED[check.reason](release=plain(check.cause)))
        question = Sentence("I asked {member} {when} whether it's still true.")
        if check.state is not CheckState.ASKED:
            question = _NO_ANSWER
        when = f"<t:{int(check.asked_at.timestamp())}:R>"
        lines.append(question(member=f"<@{note.responsible_id}>", when=when))
    if note.owner_id:
        lines.append(speak("Looked after by {member}.", member=f"<@{note.owner_id}>"))
    if note.offered_id:
        lines.append(speak("I've asked {member} to look after it.", member=f"<@{note.offered_id}>"))
    return lines


def _fitting_lines(lines: Sequence[str], room: int) -> str:
    """Join as many lines as fit in `room`, and say how many lines are left out."""
    kept: list[str] = []
    left = room - _more_room()
    for line in lines:
        if size(line) + 1 <= left:
            kept.append(line)
            left -= size(line) + 1
    if len(kept) < len(lines):
        kept.append(_MORE_LINES(number=len(lines) - len(kept)))
    return "\n".join(kept)


def _more_room() -> int:
    """Characters to reserve for the line about omitted lines."""
    return size(_MORE_LINES(number=999)) + len("\n")


def _body(note: Note, before: Note | None, room: int) -> tuple[str, bool]:
    """The note's text or its difference from `before`, and whether that is the whole text."""
    text = (
        revision_difference(before, note)
        if before
        else safe_markdown(note.revision.submission.safe.text)
    )
    first, *rest = quoted_parts(text, room)
    return (f"{first}\n> …", False) if rest else (first, before is None)


_APPROVALS: Final = Sentence("**Pending**: {number} of {quorum} approvals, by {names}")
_REPLACED: Final = Sentence("**Replaced** by a later revision")
_WITHDRAWN: Final = Sentence("**Withdrawn** by its contributor")
_DECIDED: Final = Sentence("Decided")
_STATES: Final[Mapping[Decision, Sentence]] = {
    Decision.REQUEST_CHANGES: Sentence("Changes requested"),
    Decision.REJECT: Sentence("Rejected"),
    Decision.DUPLICATE: Sentence("Duplicate"),
}


def status_line(note: Note, quorum: int = 1) -> str:
    if note.revision.state is State.PENDING:
        if not note.approvals:
            return speak("**Pending**")
        names = _names(note.approvals)
        return _APPROVALS(number=len(note.approvals), quorum=quorum, names=names)
    if note.revision.state is State.WITHDRAWN:
        return (_WITHDRAWN if note.revision.replaced_by is None else _REPLACED)()
    review = note.review
    if review is None:
        return f"**{_DECIDED()}**"
    if note.retired and note.retirement is not None:
        review = note.retirement
    line = _decision(note, review)
    if review.duplicate_of:
        line += f" ({plain(shorten(review.duplicate_of, 80))})"
    if not review.reason:
        return line
    reason = plain(review.reason)
    if size(line) + 2 + size(reason) > STATUS_CHARACTERS:
        reason = plain(shorten(review.reason, 200))
    return f"{line}: {reason}"


def _names(approvals: Sequence[Review]) -> str:
    names = [plain(shorten(review.moderator, 40)) for review in approvals]
    more = [speak("{number} more", number=len(names) - 3)] if len(names) > 3 else []
    return ", ".join([*names[:3], *more])


def _decision(note: Note, review: Review) -> str:
    """A decision in bold, by whom and when."""
    by, names = Sentence(" by {names} {when}"), plain(shorten(review.moderator, 40))
    state = _STATES.get(review.decision, _DECIDED)
    if note.revision.state is State.APPROVED:
        state = Sentence("Approved") if note.live else Sentence("No longer live; approved")
        if note.retired:
            state = Sentence("Retired")
        if review is not note.retirement and review.moderator_id == note.contributor_id:
            by = Sentence(" by {names} {when}, at once")
        elif review is not note.retirement:
            names = _names(note.approvals)
    when = f"<t:{int(review.created_at.timestamp())}:R>"
    return f"**{state()}**{by(names=names, when=when)}"


PROBLEM_LABELS: Final[Mapping[Problem, Sentence]] = {
    Problem.OUTDATED: Sentence("Outdated"),
    Problem.WRONG: Sentence("Wrong"),
    Problem.UNSAFE: Sentence("Unsafe"),
}


def problem_name(problem: Problem) -> str:
    return PROBLEM_LABELS[problem]().lower()


# Differences, word by word.

TITLE: Final = Sentence("Title")
TAGS: Final = Sentence("Tags")
SOURCE: Final = Sentence("Source")
ASKED_AS: Final = Sentence("Asked as")


def revision_difference(old: Note, new: Note) -> str:
    """The difference between two revisions: removed text struck out, added text bold."""
    before, after = old.revision.submission.safe, new.revision.submission.safe
    lines = [
        f"{name()}: {_mark(Change.REMOVED, was)} {_mark(Change.ADDED, became)}".replace("  ", " ")
        for name, was, became in (
            (TITLE, before.title, after.title),
            (ASKED_AS, " · ".join(before.wordings), " · ".join(after.wordings)),
            (TAGS, ", ".join(before.tags), ", ".join(after.tags)),
            (SOURCE, before.link, after.link),
        )
        if was != became
    ]
    pieces = compact(differences(before.text, after.text))
    if pieces:
        lines.append("".join(_mark(piece.change, piece.text) for piece in pieces))
    return "\n".join(lines) or speak("No difference.")


def _mark(change: Change, text: str) -> str:
    """A text with escaped Markdown, and with the marks of a change around each line.

    Blanks stay outside of the marks, because Discord ignores marks next to blanks.
    """
    mark = {Change.KEPT: "", Change.REMOVED: "~~", Change.ADDED: "**"}[change]
    lines = []
    for line in text.split("\n"):
        inner = line.strip()
        start = len(line) - len(line.lstrip())
        marked = f"{mark}{plain(inner)}{mark}" if inner else ""
        lines.append(f"{line[:start]}{marked}{line[start + len(inner) :]}")
    return "\n".join(lines)


# Automatic checks: similar documents, risk flags, impact.


def similar_lines(near: Sequence[SimilarDocument]) -> list[str]:
    """List similar documents, and their contradictions with the submission."""
    if not near:
        return []
    places = [
        _place(document)
        + (speak(" (**nearly the same text**)") if document.closeness is Closeness.SAME else "")
        for document in near
    ]
    return [speak("Similar: {places}", places=" · ".join(places))] + [
        speak(
            "⚠ Disagrees with {place}: here “{here}”, there “{there}”",
            place=_place(document),
            here=_statement(contradiction.left),
            there=_statement(contradiction.right),
        )
        for document in near
        for contradiction in document.contradictions[:1]
    ]


def _place(near: SimilarDocument) -> str:
    title = plain(shorten(near.title, 60)) or near.document_id
    pending = speak(", pending") if near.pending else ""
    named = f"[{title}](<{near.link}>)" if near.link.startswith("http") else f"“{title}”"
    return f"{named}{pending}"


def _statement(statement: Statement) -> str:
    """A sentence with its differing words in bold; a long one is shortened, without bold words."""
    parts, position = [], 0
    for start, end in statement.differing:
        parts += [plain(statement.text[position:start]), f"**{plain(statement.text[start:end])}**"]
        position = end
    parts.append(plain(statement.text[position:]))
    whole = " ".join(part for part in parts if part)
    return whole if size(whole) <= 240 else plain(shorten(statement.text, 120))


_EFFECTS: Final[Mapping[Effect, Plural]] = {
    Effect.MORE_SURE: Plural("{number:,} more sure answer", "{number:,} more sure answers"),
    Effect.FEWER_SURE: Plural("{number:,} fewer sure answer", "{number:,} fewer sure answers"),
    Effect.MORE_UNSURE: Plural("{number:,} more unsure answer", "{number:,} more unsure answers"),
    Effect.FEWER_UNSURE: Plural(
        "{number:,} fewer unsure answer", "{number:,} fewer unsure answers"
    ),
    Effect.OTHER_QUOTE: Plural(
        "{number:,} answer with a different first quote",
        "{number:,} answers with a different first quote",
    ),
}
_OF_THE_LAST: Final = Plural(
    "{changes} for the last question.", "{changes} for the last {number:,} questions."
)
_LESS_OF_ARTICLES: Final = Sentence("Once you have notes, I'll quote the bundled articles less.")


def impact_sentence(impact: Impact) -> str:
    parts = [
        phrase(count) for effect, phrase in _EFFECTS.items() if (count := impact.count(effect))
    ]
    changes = ", ".join(parts) or speak("no change")
    sentences = [_OF_THE_LAST(impact.total, changes=changes)] if impact.total else []
    if impact.confirmed:
        sentences.append(
            plural(
                len(impact.confirmed),
                "**{number:,} answer** that a moderator confirmed would change.",
                "**{number:,} answers** that moderators confirmed would change.",
            )
        )
    if impact.loses_article_answers:
        sentences.append(_LESS_OF_ARTICLES())
    return " ".join(sentences)


_RISKS: Final[Mapping[Risk, Sentence]] = {
    Risk.UNLISTED_HOST: Sentence("Links to hosts that aren't trusted"),
    Risk.DISGUISED_HOST: Sentence("A deceptive address"),
    Risk.MASKED_LINK: Sentence("A link labelled with another address"),
    Risk.IP_ADDRESS: Sentence("A link to a bare IP address"),
    Risk.INVISIBLE: Sentence("Invisible characters"),
    Risk.BIDIRECTIONAL: Sentence("Characters that reverse the direction of text"),
    Risk.INSTRUCTION: Sentence("Text that reads like an instruction to a language model"),
    Risk.MASS_MENTION: Sentence("Mentions of many people"),
    Risk.UNBROKEN_TEXT: Sentence("Very long text without spaces"),
    Risk.SECRET: Sentence("Secrets, hidden wherever the text is shown"),
    Risk.CONTACT: Sentence("Personal contact details"),
    Risk.STACKED_MARKS: Sentence("Many accents stacked on one letter"),
}


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    """The risks in a submission. Each kind of risk gets a line, with examples."""
    examples: dict[Risk, list[str]] = {}
    for flag in flags:
        examples.setdefault(flag.risk, []).append(plain(shorten(flag.detail, 40)))
    return [
        f"⚠ {_RISKS[risk]()}: {', '.join(details[:3])}"
        + (speak(" and {number} more", number=len(details) - 3) if len(details) > 3 else "")
        for risk, details in examples.items()
    ]
