"""What is said where a refused question is put to the moderators. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.custom_ids import NUMBER
from bot.text.languages import Both
from bot.text.markdown import plain_within
from knowledge.model.questions import Question
from knowledge.model.records import Language
from knowledge.store.gaps import HANDING_PAUSE, NotHandedOn

HAND_ON_BUTTON: Final = rf"moderators:(?P<question>{NUMBER}):(?P<action>ask|sure)"

# With every sign made plain, a question of any length leaves room for what is around it.
_QUESTION_CHARACTERS: Final = 1_500

LABELS: Final[Mapping[str, Both]] = {
    "ask": Both("Ask the moderators", "Die Moderation fragen"),
    "sure": Both("Ask them", "Ja, fragen"),
}

ASKS_FIRST: Final = Both(
    "You asked this privately. If you ask the moderators, all of them read the question in their "
    "channel, though not that it is yours.",
    "Du hast das privat gefragt. Wenn du die Moderation fragst, lesen alle dort die Frage in ihrem "
    "Kanal, aber nicht, dass sie von dir ist.",
)
GONE: Final = Both(
    "That question is no longer on record: ask it again with `/ask`.",
    "Diese Frage ist nicht mehr gespeichert: Stell sie noch einmal mit `/ask`.",
)
NOT_SET_UP: Final = Both(
    "Questions are not put to the moderators here any more. They see it in `/gaps` all the same.",
    "Fragen gehen hier nicht mehr an die Moderation. In `/gaps` sieht sie sie trotzdem.",
)
NOT_POSTED: Final = Both(
    "I couldn't write to the moderators just now: try it again later. They see the question in "
    "`/gaps` all the same.",
    "Ich konnte der Moderation gerade nicht schreiben: Versuche es später noch einmal. In `/gaps` "
    "sieht sie die Frage trotzdem.",
)
_REFUSED: Final[Mapping[NotHandedOn, Both]] = {
    NotHandedOn.ALREADY: Both(
        "The moderators have been asked this already. When a note answers it, everyone who asked "
        "is told.",
        "Das wurde die Moderation schon gefragt. Wenn eine Notiz es beantwortet, erfahren es alle, "
        "die gefragt haben.",
    ),
    NotHandedOn.TOO_SOON: Both(
        "You have asked the moderators something in the last {minutes} minutes: give them a "
        "little time, then press it again.",
        "Du hast die Moderation in den letzten {minutes} Minuten schon etwas gefragt: Lass ihr "
        "etwas Zeit, dann drück noch einmal.",
    ),
    NotHandedOn.NO_GAP: Both(
        "This question was answered or put aside meanwhile: ask it again with `/ask`.",
        "Diese Frage wurde inzwischen beantwortet oder beiseitegelegt: Stell sie noch einmal mit "
        "`/ask`.",
    ),
}
_HANDED_ON: Final = Both("The moderators have been asked.", "Die Moderation ist gefragt.")
_TOLD: Final = Both(
    "When a note answers it, I'll tell you.",
    "Wenn eine Notiz es beantwortet, sage ich es dir.",
)
_QUIET: Final = Both(
    "You chose not to be told of answers, so I won't tell you; `/privacy` undoes that.",
    "Du möchtest von Antworten nichts erfahren, also sage ich dir nichts; `/privacy` ändert das.",
)
_ASKER_TOLD: Final = Both(
    "When a note answers it, whoever asked is told.",
    "Wenn eine Notiz es beantwortet, erfährt es, wer gefragt hat.",
)
_PUT: Final = Both(
    "**A member asks the moderators** what I could not answer:",
    "**Ein Mitglied fragt die Moderation**, was ich nicht beantworten konnte:",
)
_WHERE: Final = Both("asked {when} in <#{channel}>", "gefragt {when} in <#{channel}>")
_PRIVATELY: Final = Both("asked privately {when}", "privat gefragt {when}")


def not_handed_on(why: NotHandedOn, language: Language) -> str:
    """Why a question is not put to the moderators."""
    return _REFUSED[why](language, minutes=int(HANDING_PAUSE.total_seconds() // 60))


def handed_on(*, mine: bool, quiet: bool, language: Language) -> str:
    """That a question was put to the moderators, to whoever had it put."""
    mine_after = _QUIET if quiet else _TOLD
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
    asked = plain_within(question.text, _QUESTION_CHARACTERS)
    return "\n".join([_PUT(language), f"> {asked}", f"-# {place}", _ASKER_TOLD(language)])
