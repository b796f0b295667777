"""What `/gaps`, `/stats`, `/leaderboard` and messages to those who asked say. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.display import Page, plain, plain_within, shortened
from bot.gaps import Group
from bot.ids import NUMBER
from bot.languages import Both, Counted, written
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

NOT_A_MODERATOR: Final = Both(
    "Only moderators can see what found no good answer.",
    "Nur die Moderation kann sehen, was keine gute Antwort fand.",
)
NOT_HERE: Final = Both(
    "This belongs to a server: use it there.", "Das gehört zu einem Server: Benutze es dort."
)
PAGE_LABELS: Final = (Both("Previous", "Zurück"), Both("Next", "Weiter"))

_PAGE: Final = Both(" · page {number} of {count}", " · Seite {number} von {count}")
_NOTES: Final = Counted(
    Both("{number} note", "{number} Notiz"), Both("{number} notes", "{number} Notizen")
)
_TIMES: Final = Counted(
    Both("{number} time", "{number}-mal"), Both("{number} times", "{number}-mal")
)
_QUESTIONS: Final = Counted(
    Both("{number} question", "{number} Frage"), Both("{number} questions", "{number} Fragen")
)
_QUOTED: Final = Both("“{text}”", "„{text}“")


# Gaps.


def shown_groups(groups: Sequence[Group], page: int) -> Sequence[Group]:
    """The groups on a page; on the last one if there are not so many."""
    first = _page_number(page, len(groups), GROUPS_A_PAGE) * GROUPS_A_PAGE
    return groups[first : first + GROUPS_A_PAGE]


_NO_GAPS: Final = Both(
    "Nothing is open: every question found an answer, or was dismissed.",
    "Nichts ist offen: Jede Frage fand eine Antwort oder wurde beiseitegelegt.",
)
_GAPS: Final = Counted(
    Both(
        "**{number} question found no good answer**, in {groups}",
        "**{number} Frage fand keine gute Antwort**, in {groups}",
    ),
    Both(
        "**{number} questions found no good answer**, in {groups}",
        "**{number} Fragen fanden keine gute Antwort**, in {groups}",
    ),
)
_GROUPS: Final = Counted(
    Both("{number} group", "{number} Gruppe"), Both("{number} groups", "{number} Gruppen")
)
_MEMBERS: Final = Counted(
    Both("asked {times} by {number} member", "{times} gefragt von {number} Mitglied"),
    Both("asked {times} by {number} members", "{times} gefragt von {number} Mitgliedern"),
)
_LAST: Final = Both("last {when}", "zuletzt {when}")
_UNHELPFUL: Final = Both(
    "{number} answered, but found unhelpful", "{number} beantwortet, aber nicht hilfreich"
)
_AWAITED: Final = Both(
    "a note for it waits for review", "eine Notiz dafür wartet auf die Moderation"
)
_ALL_ARE_TOLD: Final = Both(
    "When a note that answers goes live, everyone who asked is told.",
    "Wenn eine Notiz veröffentlicht wird, die antwortet, erfahren es alle, die gefragt haben.",
)
DISMISS_LABEL: Final = Both("Dismiss", "Beiseitelegen")
_NO_GAP: Final = Both(
    "This is no gap any more: it was answered or dismissed meanwhile.",
    "Das ist nicht mehr offen: Es wurde inzwischen beantwortet oder beiseitegelegt.",
)
_DISMISSED: Final = Both(
    "Dismissed: “{question}”. If it is asked again, it comes back.",
    "Beiseitegelegt: „{question}“. Wird das wieder gefragt, kommt es zurück.",
)


def gaps(groups: Sequence[Group], page: int, language: Language = Language.ENGLISH) -> Page:
    """Groups of questions that found no good answer, the largest first."""
    if not groups:
        return Page(_NO_GAPS(language), 0, 1)
    number = _page_number(page, len(groups), GROUPS_A_PAGE)
    count = _page_count(len(groups), GROUPS_A_PAGE)
    asked = sum(len(group.questions) for group in groups)
    lines = [
        _GAPS(asked, language, groups=_GROUPS(len(groups), language))
        + (_PAGE(language, number=number + 1, count=count) if count > 1 else "")
    ]
    first = number * GROUPS_A_PAGE
    for place, group in enumerate(shown_groups(groups, page), first + 1):
        example = plain_within(group.example.text, QUESTION_CHARACTERS)
        lines.append(f"{place}. {_QUOTED(language, text=example)}")
        lines.append(f"-# {_about(group, language)}")
    lines.append(_ALL_ARE_TOLD(language))
    return Page("\n".join(lines), number, count)


def _about(group: Group, language: Language) -> str:
    unhelpful = sum(question.evidence is not Evidence.NONE for question in group.questions)
    times = _TIMES(len(group.questions), language)
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
    """To the moderator who dismissed a group."""
    if group is None:
        return _NO_GAP(language)
    return _DISMISSED(language, question=plain(shortened(group.example.text, 100)))


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


REASON_LABELS: Final[Mapping[Reason, Both]] = {
    Reason.OFF_TOPIC: Both("It's about something else", "Es geht um etwas anderes"),
    Reason.INCOMPLETE: Both("A part of the answer is missing", "Ein Teil der Antwort fehlt"),
    Reason.OUTDATED: Both("It's outdated", "Es ist veraltet"),
    Reason.WRONG: Both("It's wrong", "Es ist falsch"),
    Reason.UNCLEAR: Both("I don't understand it", "Ich verstehe es nicht"),
    Reason.OTHER: Both("Something else…", "Etwas anderes …"),
}
WHAT_WAS_WRONG: Final = Both("What was wrong with it?", "Was stimmte daran nicht?")
REASON: Final = Both("Reason", "Grund")
ASKS_WHY: Final = Both(
    "What was wrong with it? Moderators see what you choose, but not that it was you.",
    "Was stimmte daran nicht? Die Moderation sieht, was du wählst, aber nicht, dass du es warst.",
)
REASON_KEPT: Final = Both("Thank you. I've kept the reason.", "Danke. Der Grund ist festgehalten.")


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


PERIOD_LABELS: Final[Mapping[Period, Both]] = {
    Period.WEEK: Both("The last 7 days", "Die letzten 7 Tage"),
    Period.MONTH: Both("The last 30 days", "Die letzten 30 Tage"),
    Period.YEAR: Both("The last 365 days", "Die letzten 365 Tage"),
    Period.ALL: Both("All time", "Die ganze Zeit"),
}
_BOARD: Final[Mapping[Period, Both]] = {
    period: Both(
        f"**Whose notes helped** · {label.english[:1].lower()}{label.english[1:]}",
        f"**Wessen Notizen geholfen haben** · {label.german[:1].lower()}{label.german[1:]}",
    )
    for period, label in PERIOD_LABELS.items()
}
_NOBODY_YET: Final = Both(
    "Nobody has found an answer from a note helpful yet. *Helpful* below an answer credits whoever "
    "wrote what it quotes.",
    "Noch hat niemand eine Antwort aus einer Notiz hilfreich gefunden. *Hilfreich* unter einer "
    "Antwort zählt für alle, die schrieben, was sie zitiert.",
)
_CREDIT: Final = Both("{times}, with {notes}", "{times}, mit {notes}")
_COUNTED: Final = Both(
    "-# Counted is how often somebody else found an answer helpful that quoted them.",
    "-# Gezählt wird, wie oft jemand anderes eine Antwort hilfreich fand, die daraus zitiert.",
)


def leaderboard(
    contributors: Sequence[Contributor],
    period: Period,
    page: int,
    language: Language = Language.ENGLISH,
) -> Page:
    """Contributors by how often an answer from their notes helped somebody else."""
    heading = _BOARD[period](language)
    if not contributors:
        return Page(f"{heading}\n{_NOBODY_YET(language)}", 0, 1)
    number = _page_number(page, len(contributors), CONTRIBUTORS_A_PAGE)
    count = _page_count(len(contributors), CONTRIBUTORS_A_PAGE)
    lines = [heading + (_PAGE(language, number=number + 1, count=count) if count > 1 else "")]
    first = number * CONTRIBUTORS_A_PAGE
    for place, one in enumerate(contributors[first : first + CONTRIBUTORS_A_PAGE], first + 1):
        times, notes = _TIMES(one.citations, language), _NOTES(one.notes, language)
        credit = _CREDIT(language, times=times, notes=notes)
        lines.append(f"{place}. **{plain(shortened(one.name, 40))}** – {credit}")
    lines.append(_COUNTED(language))
    return Page("\n".join(lines), number, count)


_ASKED: Final = Both(
    "**{questions} asked here**: {strong} answered with strong evidence, {partial} with partial, "
    "{refused} refused.",
    "**{questions} hier gestellt**: {strong} deutlich beantwortet, {partial} vielleicht nur zum "
    "Teil, {refused} gar nicht.",
)
_VERDICTS: Final = Both(
    "Answers were found helpful {helpful}, unhelpful {unhelpful}.",
    "Antworten waren {helpful} hilfreich, {unhelpful} nicht hilfreich.",
)
_PUBLISHED: Final = Both(
    "{notes} live, {pending} waiting for review.",
    "{notes} veröffentlicht, {pending} noch zu prüfen.",
)
_UNANSWERED: Final = Both(
    "{questions} without a good answer yet.", "{questions} noch ohne gute Antwort."
)
_QUOTED_MOST: Final = Both("Quoted most: {titles}.", "Am meisten zitiert: {titles}.")


def stats(activity: Activity, language: Language = Language.ENGLISH) -> str:
    """What goes on in a server."""
    answered = activity.questions
    lines = [
        _ASKED(
            language,
            questions=_QUESTIONS(activity.asked, language),
            strong=written(answered[Evidence.STRONG], language),
            partial=written(answered[Evidence.PARTIAL], language),
            refused=written(answered[Evidence.NONE], language),
        ),
        _VERDICTS(
            language,
            helpful=_TIMES(activity.helpful, language),
            unhelpful=_TIMES(activity.unhelpful, language),
        ),
        _PUBLISHED(
            language,
            notes=_NOTES(activity.live, language),
            pending=written(activity.pending, language),
        ),
        _UNANSWERED(language, questions=_QUESTIONS(activity.gaps, language)),
    ]
    if activity.quoted:
        titles = ", ".join(
            f"{_QUOTED(language, text=plain(shortened(title, 60)))} ({written(number, language)})"
            for title, number in activity.quoted
        )
        lines.append(_QUOTED_MOST(language, titles=titles))
    return "\n".join(lines)


def _page_count(number: int, each: int) -> int:
    return max(1, -(-number // each))


def _page_number(page: int, number: int, each: int) -> int:
    return min(page, _page_count(number, each) - 1)


# Privacy.

PRIVACY_BUTTON: Final = (
    r"privacy:(?P<action>export|quiet|tell|withhold|quote|delete|keep|withdraw|cancel)"
)

QUIET_LABEL: Final = Both("Don't tell me", "Nicht benachrichtigen")
PRIVACY_LABELS: Final[Mapping[str, Both]] = {
    "export": Both("Export", "Exportieren"),
    "quiet": QUIET_LABEL,
    "tell": Both("Tell me again", "Wieder benachrichtigen"),
    "withhold": Both("Don't quote my messages", "Meine Nachrichten nicht zitieren"),
    "quote": Both("Quote my messages again", "Meine Nachrichten wieder zitieren"),
    "delete": Both("Delete…", "Löschen …"),
    "keep": Both("Delete, but keep my live notes", "Löschen, meine Notizen behalten"),
    "withdraw": Both("Delete, and withdraw my live notes", "Löschen, meine Notizen zurückziehen"),
    "cancel": Both("Cancel", "Abbrechen"),
}

_KINDS: Final[Mapping[str, Both]] = {
    "notes": Both(
        "Notes you proposed: your name stands with each that is quoted.",
        "Notizen, die du vorgeschlagen hast: Wo sie zitiert werden, steht dein Name.",
    ),
    "revisions": Both(
        "Texts of these, and texts you wrote for others' notes.",
        "Deren Texte, und Texte, die du für Notizen anderer geschrieben hast.",
    ),
    "reviews": Both(
        "Decisions you made as a moderator, with your reasons.",
        "Entscheidungen, die du in der Moderation getroffen hast, mit deinen Gründen.",
    ),
    "decisions": Both(
        "Decisions on your notes, with the reasons you were told.",
        "Entscheidungen über deine Notizen, mit den Gründen, die du erfahren hast.",
    ),
    "reports": Both("What you reported about notes.", "Was du über Notizen gemeldet hast."),
    "questions": Both(
        "Questions you asked and which passages were found; for finding gaps.",
        "Fragen, die du gestellt hast, und welche Stellen gefunden wurden; um Lücken zu finden.",
    ),
    "feedback": Both(
        "Your *Helpful* and *Not helpful*, with reasons.",
        "Dein *Hilfreich* und *Nicht hilfreich*, mit Gründen.",
    ),
    "notices": Both(
        "What you were told, or are still to be told.",
        "Was dir gesagt wurde oder noch gesagt werden soll.",
    ),
    "handed_on": Both(
        "Questions that you had put to the moderators.",
        "Fragen, die du an die Moderation gegeben hast.",
    ),
    "log": Both(
        "Lines about you in the log of what was done, by a number.",
        "Zeilen über dich im Protokoll dessen, was getan wurde, unter einer Nummer.",
    ),
    "preferences": Both(
        "Your choices below, where you changed one.",
        "Was du unten gewählt hast, wo du etwas geändert hast.",
    ),
    "messages": Both(
        "Messages of yours in channels that I read, while they stand there.",
        "Nachrichten von dir in Kanälen, die ich lese, solange sie dort stehen.",
    ),
}
_STORED: Final = Both(
    "**What is stored about you** (here / in all servers that I serve)",
    "**Was über dich gespeichert ist** (hier / in allen Servern, für die ich da bin)",
)
_IS_QUIET: Final = Both(
    "When a question of yours is answered later, I don't tell you.",
    "Wird eine Frage von dir später beantwortet, sage ich es dir nicht.",
)
_TELLS: Final = Both(
    "When a question of yours is answered later, I tell you once, at most every hour.",
    "Wird eine Frage von dir später beantwortet, sage ich es dir einmal, höchstens jede Stunde.",
)
_WITHHOLDS: Final = Both(
    "Your messages are left out of chats that I quote from.",
    "Deine Nachrichten werden aus Chats weggelassen, die ich zitiere.",
)
_QUOTES: Final = Both(
    "Where I quote from channels or exported chats, your messages there can be quoted.",
    "Wo ich Kanäle oder exportierte Chats zitiere, können deine Nachrichten zitiert werden.",
)
_NOBODY_ELSE: Final = Both(
    "-# Nobody else gets this, and no text of yours leaves this bot's own computer.",
    "-# Niemand sonst bekommt das, und kein Text von dir verlässt den Rechner dieses Bots.",
)


def privacy(
    stored: Mapping[str, Stored],
    *,
    quiet: bool,
    withheld: bool,
    language: Language = Language.ENGLISH,
) -> str:
    """What is stored about whoever asks."""
    lines = [_STORED(language)]
    lines += [
        f"`{written(found.here, language):>5} / {written(found.everywhere, language):>5}` "
        f"{_KINDS[kind](language)}"
        for kind, found in stored.items()
    ]
    lines.append((_IS_QUIET if quiet else _TELLS)(language))
    lines.append((_WITHHOLDS if withheld else _QUOTES)(language))
    lines.append(_NOBODY_ELSE(language))
    return "\n".join(lines)


ASKS_TO_DELETE: Final = Both(
    "**Delete what is stored about you in all servers?** This can't be undone.\n"
    "Deleted: your questions, your texts that are not live, what I was to tell you, your reasons "
    "for verdicts, your choice whether to be told, and who you are in the log. Your messages in "
    "chats that I quote from are left out from now on.\n"
    "Kept without your name, because others rely on it: live notes and their earlier approved "
    "texts (unless you withdraw them), decisions and reports with their reasons, how often "
    "something was found helpful, and questions that others asked in the same words.\n"
    "Not in my hands: messages in Discord, mine included, and backups that the operator made.",
    "**Löschen, was in allen Servern über dich gespeichert ist?** Das lässt sich nicht rückgängig "
    "machen.\n"
    "Gelöscht: deine Fragen, deine Texte, die nicht gelten, was ich dir sagen sollte, deine Gründe "
    "für Bewertungen, deine Wahl, ob du benachrichtigt wirst, und wer du im Protokoll bist. Deine "
    "Nachrichten in Chats, die ich zitiere, werden von jetzt an weggelassen.\n"
    "Ohne deinen Namen behalten, weil andere darauf bauen: Notizen, die gelten, und ihre früheren "
    "angenommenen Texte (außer du ziehst sie zurück), Entscheidungen und Meldungen mit ihren "
    "Gründen, wie oft etwas hilfreich war, und Fragen, die andere in den gleichen Worten gestellt "
    "haben.\n"
    "Nicht in meiner Hand: Nachrichten in Discord, auch meine, und Sicherungen, die beim "
    "Betrieb angelegt wurden.",
)
NOT_DELETED: Final = Both("Nothing was deleted.", "Nichts wurde gelöscht.")
QUIET: Final = Both(
    "I won't tell you any more when a question of yours is answered. `/privacy` undoes it.",
    "Ich sage dir nicht mehr, wenn eine Frage von dir beantwortet wird. `/privacy` ändert das.",
)
TOLD_AGAIN: Final = Both(
    "I'll tell you when a question of yours is answered later.",
    "Ich sage dir, wenn eine Frage von dir später beantwortet wird.",
)
WITHHELD: Final = Both(
    "Your messages are left out of chats that I quote from, in every server. It may take some "
    "minutes until all chats have been read again. `/privacy` undoes it.",
    "Deine Nachrichten werden aus Chats weggelassen, die ich zitiere, in jedem Server. Es kann "
    "einige Minuten dauern, bis alle Chats neu gelesen sind. `/privacy` ändert das.",
)
QUOTED_AGAIN: Final = Both(
    "Your messages in chats that I quote from can be quoted again.",
    "Deine Nachrichten in Chats, die ich zitiere, können wieder zitiert werden.",
)
EXPORTED: Final = Both(
    "This is everything that is stored about you.", "Das ist alles, was über dich gespeichert ist."
)
_DELETED: Final = Both(
    "Done. Your live notes name nobody now. Nothing here says who you are any more.",
    "Erledigt. Bei deinen Notizen steht kein Name mehr. Nichts hier sagt noch, wer du bist.",
)
_DELETED_WITHDRAWN: Final = Both(
    "Done. Your live notes are withdrawn. Nothing here says who you are any more.",
    "Erledigt. Deine Notizen sind zurückgezogen. Nichts hier sagt noch, wer du bist.",
)


def deleted(*, withdrawn: bool, language: Language = Language.ENGLISH) -> str:
    """To whoever had what is stored about them deleted."""
    return (_DELETED_WITHDRAWN if withdrawn else _DELETED)(language)
