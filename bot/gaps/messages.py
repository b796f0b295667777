"""Messages of `/gaps` and *Point to …*, and the first line of answers to earlier askers. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.sections import passage_markdown
from bot.gaps.service import Group
from bot.text import markdown
from bot.text.languages import Plural, Sentence, plural, speak
from bot.text.paging import PAGE, QUOTED, TIMES, Page, page_count, page_number
from indexer.index.stored_passage import StoredPassage
from knowledge.values.questions import Evidence, Handover, HandoverState, OpenQuestion

# Fills one or two screens of a phone.
GROUPS_A_PAGE: Final = 5
# The largest number of characters of each question, because a page is one message.
QUESTION_CHARACTERS: Final = 240
# Characters around a question, and at the start of the line below.
_MARKS: Final = len("1.999. “”\n-# \n")
OPTION_CHARACTERS: Final = 100

NOT_A_MODERATOR: Final = Sentence("Only moderators can see unanswered questions.")


def groups_on_page(groups: Sequence[Group], page: int) -> Sequence[Group]:
    """The groups on a page; if there are fewer pages, the groups on the last page."""
    first = page_number(page, len(groups), GROUPS_A_PAGE) * GROUPS_A_PAGE
    return groups[first : first + GROUPS_A_PAGE]


_GAPS: Final = Plural(
    "**{number:,} question without a good answer**, in {groups}",
    "**{number:,} questions without a good answer**, in {groups}",
)
_MEMBERS: Final = Plural(
    "asked {times} by {number:,} member", "asked {times} by {number:,} members"
)
_UNHELPFUL: Final = Sentence("{number} rated not helpful")
_STANDING: Final[Mapping[HandoverState, Sentence]] = {
    HandoverState.OPEN: Sentence("with the helpers since {when}"),
    HandoverState.CLAIMED: Sentence("claimed by {helper} {when}"),
    HandoverState.ANSWERED: Sentence("answered by {helper} {when}"),
    HandoverState.DECLINED: Sentence("not for the helpers"),
}
_STALE: Final = Sentence("unanswered since {when}")
_STALE_CLAIM: Final = Sentence("claimed by {helper} {when}, no answer since")
_AWAITED: Final = Sentence("a note for it is awaiting review")
DISMISS_LABEL: Final = Sentence("Dismiss")
ACTION_LABELS: Final[Mapping[str, Sentence]] = {
    "write": Sentence("Write this note"),
    "point": Sentence("Point to …"),
    "claim": Sentence("Claim"),
    "back": Sentence("Give it back"),
    "merge": Sentence("Merge"),
    "dismiss": DISMISS_LABEL,
}
CHOOSE: Final = Sentence("Choose questions to work on")
NONE_CHOSEN: Final = Sentence("Choose a question in the list first.")
_TAKEN: Final = Sentence("Somebody beat you to it: {standing}.")


def page_of_gaps(groups: Sequence[Group], page: int) -> Page:
    if not groups:
        return Page(speak("No open questions: all were answered or dismissed."), 0, 1)
    number = page_number(page, len(groups), GROUPS_A_PAGE)
    count = page_count(len(groups), GROUPS_A_PAGE)
    number_asked = sum(len(group.questions) for group in groups)
    lines = [
        _GAPS(number_asked, groups=plural(len(groups), "{number:,} group", "{number:,} groups"))
        + (PAGE(number=number + 1, count=count) if count > 1 else "")
    ]
    last = speak("When a note answers a question, I'll tell everyone who asked it.")
    room = (
        markdown.MESSAGE_CHARACTERS - markdown.size(lines[0]) - markdown.size(last) - 1
    ) // GROUPS_A_PAGE - _MARKS
    first = number * GROUPS_A_PAGE
    for place, group in enumerate(groups_on_page(groups, page), first + 1):
        below = group_details(group)
        most = min(QUESTION_CHARACTERS, room - markdown.size(below))
        example = markdown.plain_within(in_context(group.example), most)
        lines += [f"{place}. {QUOTED(text=example)}", f"-# {below}"]
    return Page("\n".join([*lines, last]), number, count)


def group_details(group: Group) -> str:
    unhelpful = sum(question.unhelpful for question in group.questions)
    partial = sum(
        question.evidence is not Evidence.NONE and not question.unhelpful
        for question in group.questions
    )
    parts = [
        times_asked(group),
        speak("last {when}", when=f"<t:{int(group.last.timestamp())}:R>"),
    ]
    if unhelpful:
        parts.append(_UNHELPFUL(number=unhelpful))
    if partial:
        parts.append(speak("{number} answered in part", number=partial))
    if group.awaited:
        parts.append(_AWAITED())
    if group.handover is not None:
        parts.append(_standing(group.handover))
    return " · ".join(parts)


def times_asked(group: Group) -> str:
    """How often and by how many members a group was asked, in plain text."""
    times = TIMES(len(group.questions))
    return _MEMBERS(group.askers, times=times)


def _standing(handover: Handover) -> str:
    sentence = _STANDING[handover.state]
    if handover.stale:
        sentence = _STALE_CLAIM if handover.state is HandoverState.CLAIMED else _STALE
    when = f"<t:{int(handover.changed_at.timestamp())}:R>"
    return sentence(helper=f"<@{handover.helper_id}>", when=when)


def option(group: Group, place: int) -> str:
    """The plain-text label of a group in the list; `place` is the group's number."""
    return markdown.shorten(
        f"{place} · {markdown.legible(in_context(group.example))}", OPTION_CHARACTERS
    )


def in_context(question: OpenQuestion) -> str:
    """The text of a question; a follow-up question is preceded by its earlier question."""
    return " › ".join([*question.earlier.split("\n")[-1:], question.text]).removeprefix(" › ")


def confirm_dismissal(groups: Sequence[Group]) -> str:
    if not groups:
        return speak("This question is no longer open: it was answered or dismissed.")
    if len(groups) > 1:
        return plural(
            len(groups),
            "{number:,} group dismissed. It'll come back if anyone asks again.",
            "{number:,} groups dismissed. They'll come back if anyone asks again.",
        )
    return speak(
        "Dismissed: “{question}”. It'll come back if anyone asks it again.",
        question=markdown.plain(markdown.shorten(groups[0].example.text, 100)),
    )


def already_taken(handovers: Sequence[Handover]) -> str:
    """The response to a claim of hand-overs that others have claimed or answered already."""
    return "\n".join(_TAKEN(standing=_standing(handover)) for handover in handovers)


# Pointing to a document.

PASSAGE_GONE: Final = Sentence(
    "Nothing changed: the passage was edited, the askers can't read it, or the question is already "
    "settled."
)
POINTED: Final = Sentence(
    "Done. That passage now comes first for questions like this, and I'll tell everyone who asked."
)
ANSWERS_LABELS: Final[Mapping[str, Sentence]] = {"answers": Sentence("This answers it")}


def passage_to_confirm(passage: StoredPassage) -> str:
    """A passage for a moderator to confirm; a long passage is cut."""
    parts = filter(None, (passage.title, passage.heading))
    name = " › ".join(markdown.plain(markdown.shorten(part, 100)) for part in parts)
    text = markdown.safe_markdown(passage_markdown(passage.kind, passage.text))
    first, *rest = markdown.quoted_parts(text, 1_500)
    return "\n".join([first, *(["> …"] if rest else []), f"-# **{name}**"])


# Answers to earlier askers.


_TOLD: Final = Sentence("{asker} You asked this {when}. Now there's an answer:")


def answer_lead(question: OpenQuestion, server: str, *, private: bool, helper: str = "") -> str:
    """The line above an answer to an earlier asker, with the `helper` in Markdown, if any."""
    if helper and private:
        sentence = Sentence("You asked this in {server} {when}. {helper} has answered:")
    elif helper:
        sentence = Sentence("{asker} You asked this {when}. {helper} has answered:")
    elif private:
        sentence = Sentence("You asked this in {server} {when}. Now there's an answer:")
    else:
        sentence = _TOLD
    return sentence(
        asker=f"<@{question.asker_id}>",
        server=markdown.plain(markdown.shorten(server, 60)),
        when=f"<t:{int(question.asked_at.timestamp())}:R>",
        helper=helper,
    )
