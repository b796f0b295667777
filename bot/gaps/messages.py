"""Messages of `/gaps`, of *Ask the moderators*, and to those whose question is answered. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.gaps.service import Group
from bot.text.languages import Plural, Sentence
from bot.text.markdown import Page, plain, plain_within, shortened
from bot.text.paging import PAGE, QUOTED, TIMES, page_count, page_number
from knowledge.model.guilds import Language
from knowledge.model.questions import Evidence, Question
from knowledge.store.questions.gaps import HANDING_PAUSE, NotHandedOn, OpenQuestion

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


# Why an answer did not help.


# Credit, and what goes on.


# Privacy.


WRITE_LABEL: Final = Sentence("Write this note")


# Asking the moderators.

# With every sign made plain, a question of any length leaves room for what is around it.
_PUT_CHARACTERS: Final = 1_500

ASK_MODERATORS_LABELS: Final[Mapping[str, Sentence]] = {
    "ask": Sentence("Ask the moderators"),
    "sure": Sentence("Ask them"),
}

ASKS_FIRST: Final = Sentence(
    "You asked this privately. If you ask the moderators, all of them read the question in their "
    "channel, though not that it is yours."
)
QUESTION_GONE: Final = Sentence("That question is no longer on record: ask it again with `/ask`.")
NOT_SET_UP: Final = Sentence(
    "Questions are not put to the moderators here any more. They see it in `/gaps` all the same."
)
NOT_POSTED: Final = Sentence(
    "I couldn't write to the moderators just now: try it again later. They see the question in "
    "`/gaps` all the same."
)
_REFUSED: Final[Mapping[NotHandedOn, Sentence]] = {
    NotHandedOn.ALREADY: Sentence(
        "The moderators have been asked this already. When a note answers it, everyone who asked "
        "is told."
    ),
    NotHandedOn.TOO_SOON: Sentence(
        "You have asked the moderators something in the last {minutes} minutes: give them a "
        "little time, then press it again."
    ),
    NotHandedOn.NO_GAP: Sentence(
        "This question was answered or put aside meanwhile: ask it again with `/ask`."
    ),
}
_HANDED_ON: Final = Sentence("The moderators have been asked.")
_YOU_ARE_TOLD: Final = Sentence("When a note answers it, I'll tell you.")
_QUIET: Final = Sentence(
    "You chose not to be told of answers, so I won't tell you; `/privacy` undoes that."
)
_ASKER_TOLD: Final = Sentence("When a note answers it, whoever asked is told.")
_PUT: Final = Sentence("**A member asks the moderators** what I could not answer:")
_WHERE: Final = Sentence("asked {when} in <#{channel}>")
_PRIVATELY: Final = Sentence("asked privately {when}")


def not_handed_on(why: NotHandedOn, language: Language) -> str:
    return _REFUSED[why](language, minutes=int(HANDING_PAUSE.total_seconds() // 60))


def handed_on(*, mine: bool, quiet: bool, language: Language) -> str:
    """That a question was put to the moderators, to whoever had it put."""
    mine_after = _QUIET if quiet else _YOU_ARE_TOLD
    after = mine_after if mine else _ASKER_TOLD
    return f"{_HANDED_ON(language)} {after(language)}"


def put_to_moderators(question: Question, language: Language) -> str:
    """The question in the moderators' channel, without a word of who asked it."""
    when = f"<t:{int(question.asked_at.timestamp())}:R>"
    place = (
        _PRIVATELY(language, when=when)
        if question.private or question.channel_id is None
        else _WHERE(language, when=when, channel=question.channel_id)
    )
    asked = plain_within(question.text, _PUT_CHARACTERS)
    return "\n".join([_PUT(language), f"> {asked}", f"-# {place}", _ASKER_TOLD(language)])
