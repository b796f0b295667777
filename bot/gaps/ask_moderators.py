"""Messages where a refused question is put to the moderators. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import plain_within
from knowledge.model.guilds import Language
from knowledge.model.questions import Question
from knowledge.store.gaps import HANDING_PAUSE, NotHandedOn

# With every sign made plain, a question of any length leaves room for what is around it.
_QUESTION_CHARACTERS: Final = 1_500

LABELS: Final[Mapping[str, Sentence]] = {
    "ask": Sentence("Ask the moderators"),
    "sure": Sentence("Ask them"),
}

ASKS_FIRST: Final = Sentence(
    "You asked this privately. If you ask the moderators, all of them read the question in their "
    "channel, though not that it is yours."
)
GONE: Final = Sentence("That question is no longer on record: ask it again with `/ask`.")
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
_TOLD: Final = Sentence("When a note answers it, I'll tell you.")
_QUIET: Final = Sentence(
    "You chose not to be told of answers, so I won't tell you; `/privacy` undoes that."
)
_ASKER_TOLD: Final = Sentence("When a note answers it, whoever asked is told.")
_PUT: Final = Sentence("**A member asks the moderators** what I could not answer:")
_WHERE: Final = Sentence("asked {when} in <#{channel}>")
_PRIVATELY: Final = Sentence("asked privately {when}")


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
