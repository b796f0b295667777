"""Messages of `/gaps`, and to those whose question is answered. Pure."""

from collections.abc import Sequence
from typing import Final

from bot.gaps.service import Group
from bot.text.languages import Plural, Sentence
from bot.text.markdown import Page, plain, plain_within, shortened
from bot.text.paging import PAGE, QUOTED, TIMES, page_count, page_number
from knowledge.model.guilds import Language
from knowledge.model.questions import Evidence
from knowledge.store.questions.gaps import OpenQuestion

# Discord shows five rows of buttons: a row a group, and one to page.
GROUPS_A_PAGE: Final = 4
# Of each group, so that a page of them is one message.
QUESTION_CHARACTERS: Final = 280

NOT_A_MODERATOR: Final = Sentence("Only moderators can see what found no good answer.")


# Gaps.


def shown_groups(groups: Sequence[Group], page: int) -> Sequence[Group]:
    """The groups on a page; on the last one if there are not so many."""
    first = page_number(page, len(groups), GROUPS_A_PAGE) * GROUPS_A_PAGE
    return groups[first : first + GROUPS_A_PAGE]


_NO_GAPS: Final = Sentence("Nothing is open: every question found an answer, or was dismissed.")
_GAPS: Final = Plural(
    "**{number:,} question found no good answer**, in {groups}",
    "**{number:,} questions found no good answer**, in {groups}",
)
_GROUPS: Final = Plural("{number:,} group", "{number:,} groups")
_MEMBERS: Final = Plural(
    "asked {times} by {number:,} member", "asked {times} by {number:,} members"
)
_LAST: Final = Sentence("last {when}")
_UNHELPFUL: Final = Sentence("{number} answered, but found unhelpful")
_AWAITED: Final = Sentence("a note for it waits for review")
_ALL_ARE_TOLD: Final = Sentence("When a note that answers goes live, everyone who asked is told.")
DISMISS_LABEL: Final = Sentence("Dismiss")
_NO_GAP: Final = Sentence("This is no gap any more: it was answered or dismissed meanwhile.")
_DISMISSED: Final = Sentence("Dismissed: “{question}”. If it is asked again, it comes back.")


def gaps(groups: Sequence[Group], page: int, language: Language = Language.ENGLISH) -> Page:
    if not groups:
        return Page(_NO_GAPS(language), 0, 1)
    number = page_number(page, len(groups), GROUPS_A_PAGE)
    count = page_count(len(groups), GROUPS_A_PAGE)
    asked = sum(len(group.questions) for group in groups)
    lines = [
        _GAPS(asked, language, groups=_GROUPS(len(groups), language))
        + (PAGE(language, number=number + 1, count=count) if count > 1 else "")
    ]
    first = number * GROUPS_A_PAGE
    for place, group in enumerate(shown_groups(groups, page), first + 1):
        example = plain_within(group.example.text, QUESTION_CHARACTERS)
        lines.append(f"{place}. {QUOTED(language, text=example)}")
        lines.append(f"-# {about(group, language)}")
    lines.append(_ALL_ARE_TOLD(language))
    return Page("\n".join(lines), number, count)


def about(group: Group, language: Language) -> str:
    unhelpful = sum(question.evidence is not Evidence.NONE for question in group.questions)
    times = TIMES(len(group.questions), language)
    parts = [
        _MEMBERS(group.askers, language, times=times),
        _LAST(language, when=f"<t:{int(group.last.timestamp())}:R>"),
    ]
    if unhelpful:
        parts.append(_UNHELPFUL(language, number=unhelpful))
    if group.awaited:
        parts.append(_AWAITED(language))
    return " · ".join(parts)


def dismissed(group: Group | None, language: Language = Language.ENGLISH) -> str:
    if group is None:
        return _NO_GAP(language)
    return _DISMISSED(language, question=plain(shortened(group.example.text, 100)))


def note_title(question: str) -> str:
    return shortened(question, 100)


_TOLD: Final = Sentence("{asker} You asked this {when}. Now there is an answer:")
_TOLD_PRIVATELY: Final = Sentence("You asked this in {server} {when}. Now there is an answer:")


def answer_lead(
    question: OpenQuestion,
    server: str,
    *,
    private: bool,
    language: Language = Language.ENGLISH,
) -> str:
    when = f"<t:{int(question.asked_at.timestamp())}:R>"
    if private:
        return _TOLD_PRIVATELY(language, server=plain(shortened(server, 60)), when=when)
    return _TOLD(language, asker=f"<@{question.asker_id}>", when=when)


WRITE_LABEL: Final = Sentence("Write this note")
