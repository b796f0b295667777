"""What `/gaps`, `/stats`, `/leaderboard` and messages to those who asked say. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.display import Page, plain, plain_within, shortened
from bot.gaps import Group
from bot.ids import NUMBER
from bot.languages import Both
from knowledge.credit import Activity, Contributor
from knowledge.gaps import OpenQuestion
from knowledge.model import Language
from knowledge.privacy import Stored
from knowledge.questions import Evidence

# A custom_id says what a button does and to what, so that it works after a restart.
GAPS_BUTTON: Final = rf"gaps:(?P<page>{NUMBER}):(?P<question>{NUMBER}):(?P<action>page|dismiss)"
BOARD_BUTTON: Final = rf"board:(?P<page>{NUMBER}):(?P<period>week|month|year|all)"
REASON_SELECT: Final = rf"reason:(?P<question>{NUMBER})"
REASON_FORM: Final = REASON_SELECT

# Discord shows five rows of buttons: a row a group, and one to page.
GROUPS_A_PAGE: Final = 4
CONTRIBUTORS_A_PAGE: Final = 10
# Of each group, so that a page of them is one message.
QUESTION_CHARACTERS: Final = 280

NOT_A_MODERATOR: Final = "Only moderators can see what found no good answer."
NOT_HERE: Final = "This belongs to a server: use it there."


# Gaps.


def shown_groups(groups: Sequence[Group], page: int) -> Sequence[Group]:
    """The groups on a page; on the last one if there are not so many."""
    first = _page_number(page, len(groups), GROUPS_A_PAGE) * GROUPS_A_PAGE
    return groups[first : first + GROUPS_A_PAGE]


def gaps(groups: Sequence[Group], page: int) -> Page:
    """Groups of questions that found no good answer, the largest first."""
    if not groups:
        return Page("Nothing is open: every question found an answer, or was dismissed.", 0, 1)
    number = _page_number(page, len(groups), GROUPS_A_PAGE)
    count = _page_count(len(groups), GROUPS_A_PAGE)
    asked = sum(len(group.questions) for group in groups)
    lines = [
        f"**{counted(asked, 'question')} found no good answer**, in {counted(len(groups), 'group')}"
        + (f" · page {number + 1} of {count}" if count > 1 else "")
    ]
    first = number * GROUPS_A_PAGE
    for place, group in enumerate(shown_groups(groups, page), first + 1):
        lines.append(f"{place}. “{plain_within(group.example.text, QUESTION_CHARACTERS)}”")
        lines.append(f"-# {_about(group)}")
    lines.append("When a note that answers goes live, everyone who asked is told.")
    return Page("\n".join(lines), number, count)


def _about(group: Group) -> str:
    unhelpful = sum(question.evidence is not Evidence.NONE for question in group.questions)
    parts = [
        f"asked {counted(len(group.questions), 'time')} by {counted(group.askers, 'member')}",
        f"last <t:{int(group.last.timestamp())}:R>",
    ]
    if unhelpful:
        parts.append(f"{unhelpful} answered, but found unhelpful")
    if group.awaited:
        parts.append("a note for it waits for review")
    return " · ".join(parts)


def dismissed(group: Group | None) -> str:
    """To the moderator who dismissed a group."""
    if group is None:
        return "This is no gap any more: it was answered or dismissed meanwhile."
    return (
        f"Dismissed: “{plain(shortened(group.example.text, 100))}”. "
        "If it is asked again, it comes back."
    )


def note_title(question: str) -> str:
    """The title that a note about a question begins with."""
    return shortened(question, 100)


_TOLD: Final = Both(
    "{asker} You asked this {when}. Now there is an answer:",
    "{asker} Du hast das {when} gefragt. Jetzt gibt es eine Antwort:",
)
_TOLD_PRIVATELY: Final = Both(
    "You asked this in {server} {when}. Now there is an answer:",
    "Du hast das {when} in {server} gefragt. Jetzt gibt es eine Antwort:",
)


def told(
    question: OpenQuestion,
    server: str,
    *,
    private: bool,
    language: Language = Language.ENGLISH,
) -> str:
    """What stands above an answer that is told later."""
    when = f"<t:{int(question.asked_at.timestamp())}:R>"
    if private:
        return _TOLD_PRIVATELY(language, server=plain(shortened(server, 60)), when=when)
    return _TOLD(language, asker=f"<@{question.asker_id}>", when=when)


# Why an answer did not help.


class Reason(StrEnum):
    """Why an answer did not help, to choose from."""

    OFF_TOPIC = "off_topic"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    WRONG = "wrong"
    UNCLEAR = "unclear"
    OTHER = "other"


REASON_LABELS: Final[Mapping[Reason, str]] = {
    Reason.OFF_TOPIC: "It's about something else",
    Reason.INCOMPLETE: "A part of the answer is missing",
    Reason.OUTDATED: "It's outdated",
    Reason.WRONG: "It's wrong",
    Reason.UNCLEAR: "I don't understand it",
    Reason.OTHER: "Something else…",
}
ASKS_WHY: Final = "What was wrong with it? Moderators see what you choose, but not that it was you."
REASON_KEPT: Final = "Thank you. I've kept the reason."


# Credit, and what goes on.


class Period(StrEnum):
    """From when on citations count."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"

    def since(self, at: datetime) -> datetime | None:
        """When the period that ends now began; None: there is no beginning."""
        days = {Period.WEEK: 7, Period.MONTH: 30, Period.YEAR: 365}.get(self)
        return at - timedelta(days=days) if days else None


PERIOD_LABELS: Final[Mapping[Period, str]] = {
    Period.WEEK: "The last 7 days",
    Period.MONTH: "The last 30 days",
    Period.YEAR: "The last 365 days",
    Period.ALL: "All time",
}


def leaderboard(contributors: Sequence[Contributor], period: Period, page: int) -> Page:
    """Contributors by how often an answer from their notes helped somebody else."""
    heading = f"**Whose notes helped** · {PERIOD_LABELS[period].lower()}"
    if not contributors:
        return Page(
            f"{heading}\nNobody has found an answer from a note helpful yet. *Helpful* below an "
            "answer credits whoever wrote what it quotes.",
            0,
            1,
        )
    number = _page_number(page, len(contributors), CONTRIBUTORS_A_PAGE)
    count = _page_count(len(contributors), CONTRIBUTORS_A_PAGE)
    lines = [heading + (f" · page {number + 1} of {count}" if count > 1 else "")]
    first = number * CONTRIBUTORS_A_PAGE
    for place, one in enumerate(contributors[first : first + CONTRIBUTORS_A_PAGE], first + 1):
        lines.append(
            f"{place}. **{plain(shortened(one.name, 40))}** – {counted(one.citations, 'time')}, "
            f"with {counted(one.notes, 'note')}"
        )
    lines.append("-# Counted is how often somebody else found an answer helpful that quoted them.")
    return Page("\n".join(lines), number, count)


def stats(activity: Activity) -> str:
    """What goes on in a server."""
    answered = activity.questions
    lines = [
        f"**{counted(activity.asked, 'question')} asked here**: "
        f"{answered[Evidence.STRONG]:,} answered with strong evidence, "
        f"{answered[Evidence.PARTIAL]:,} with partial, {answered[Evidence.NONE]:,} refused.",
        f"Answers were found helpful {counted(activity.helpful, 'time')}, "
        f"unhelpful {counted(activity.unhelpful, 'time')}.",
        f"{counted(activity.live, 'note')} live, {activity.pending:,} waiting for review.",
        f"{counted(activity.gaps, 'question')} without a good answer yet.",
    ]
    if activity.quoted:
        titles = ", ".join(
            f"“{plain(shortened(title, 60))}” ({number:,})" for title, number in activity.quoted
        )
        lines.append(f"Quoted most: {titles}.")
    return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _page_count(number: int, each: int) -> int:
    return max(1, -(-number // each))


def _page_number(page: int, number: int, each: int) -> int:
    return min(page, _page_count(number, each) - 1)


# Privacy.

PRIVACY_BUTTON: Final = (
    r"privacy:(?P<action>export|quiet|tell|withhold|quote|delete|keep|withdraw|cancel)"
)

QUIET_LABEL: Final = Both("Don't tell me", "Nicht benachrichtigen")
PRIVACY_LABELS: Final[Mapping[str, str]] = {
    "export": "Export",
    "quiet": QUIET_LABEL.english,
    "tell": "Tell me again",
    "withhold": "Don't quote my messages",
    "quote": "Quote my messages again",
    "delete": "Delete…",
    "keep": "Delete, but keep my live notes",
    "withdraw": "Delete, and withdraw my live notes",
    "cancel": "Cancel",
}

_KINDS: Final[Mapping[str, str]] = {
    "notes": "Notes you proposed: your name stands with each that is quoted.",
    "revisions": "Texts of these, and texts you wrote for others' notes.",
    "reviews": "Decisions you made as a moderator, with your reasons.",
    "decisions": "Decisions on your notes, with the reasons you were told.",
    "reports": "What you reported about notes.",
    "questions": "Questions you asked and which passages were found; for finding gaps.",
    "feedback": "Your *Helpful* and *Not helpful*, with reasons.",
    "notices": "What you were told, or are still to be told.",
    "handed_on": "Questions that you had put to the moderators.",
    "log": "Lines about you in the log of what was done, by a number.",
    "preferences": "Your choices below, where you changed one.",
    "messages": "Messages of yours in channels that I read, while they stand there.",
}


def privacy(stored: Mapping[str, Stored], *, quiet: bool, withheld: bool) -> str:
    """What is stored about whoever asks."""
    lines = ["**What is stored about you** (here / in all servers that I serve)"]
    lines += [
        f"`{found.here:>5,} / {found.everywhere:>5,}` {_KINDS[kind]}"
        for kind, found in stored.items()
    ]
    lines.append(
        "When a question of yours is answered later, I don't tell you."
        if quiet
        else "When a question of yours is answered later, I tell you once, at most every hour."
    )
    lines.append(
        "Your messages are left out of chats that I quote from."
        if withheld
        else "Where I quote from channels or exported chats, your messages there can be quoted."
    )
    lines.append("-# Nobody else gets this, and no text of yours leaves this bot's own computer.")
    return "\n".join(lines)


ASKS_TO_DELETE: Final = (
    "**Delete what is stored about you in all servers?** This can't be undone.\n"
    "Deleted: your questions, your texts that are not live, what I was to tell you, your reasons "
    "for verdicts, your choice whether to be told, and who you are in the log. Your messages in "
    "chats that I quote from are left out from now on.\n"
    "Kept without your name, because others rely on it: live notes and their earlier approved "
    "texts (unless you withdraw them), decisions and reports with their reasons, how often "
    "something was found helpful, and questions that others asked in the same words.\n"
    "Not in my hands: messages in Discord, mine included, and backups that the operator made."
)
NOT_DELETED: Final = "Nothing was deleted."
QUIET: Final = (
    "I won't tell you any more when a question of yours is answered. `/privacy` undoes it."
)
TOLD_AGAIN: Final = "I'll tell you when a question of yours is answered later."
WITHHELD: Final = (
    "Your messages are left out of chats that I quote from, in every server. It may take some "
    "minutes until all chats have been read again. `/privacy` undoes it."
)
QUOTED_AGAIN: Final = "Your messages in chats that I quote from can be quoted again."
EXPORTED: Final = "This is everything that is stored about you."


def deleted(*, withdrawn: bool) -> str:
    """To whoever had what is stored about them deleted."""
    notes = "Your live notes are withdrawn." if withdrawn else "Your live notes name nobody now."
    return f"Done. {notes} Nothing here says who you are any more."
