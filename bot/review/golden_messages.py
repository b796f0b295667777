"""Sentences on answers that members confirmed or found helpful, and that changed since."""

from collections.abc import Collection, Mapping
from typing import Final

from bot.review.golden_questions import Changes, Result
from bot.review.messages import AND_MORE, SAID_SOMEWHERE
from bot.text.languages import Sentence, Speaker
from bot.text.markdown import plain_within
from bot.text.place_names import place_name
from knowledge.values.documents import note_of_document
from knowledge.values.golden_questions import GoldenState
from knowledge.values.guilds import Language
from knowledge.values.questions import RecordedHit

LABELS: Final[Mapping[str, Sentence]] = {
    "keep": Sentence("Keep the old answer"),
    "accept": Sentence("Accept the new answer"),
}
SHOW: Final = Sentence("Changed answers")
SETTLE_GONE: Final = Sentence("Clear this list")
DECIDED: Final = Sentence(
    "Done. I'll follow your choice when somebody asks nearly the same question."
)
DECIDED_ALREADY: Final = Sentence(
    "Nothing changed: somebody else decided first, or the answer has changed again."
)
_QUESTION_CHARACTERS: Final = 150
_TITLE_CHARACTERS: Final = 80
_WORDS_CHARACTERS: Final = 120


def introduction(found: Changes, language: Language, *, is_checked: bool) -> str:
    speak = Speaker(language)
    if not is_checked:
        return speak(
            "I don't check confirmed and helpful answers after changes. An administrator "
            "can turn that on in `/setup`, at *Reminders and digests*."
        )
    if not (found.number or found.number_gone):
        return speak(
            "When my sources change, I check the answers that members confirmed or found "
            "helpful. Nothing needs your decision now."
        )
    return speak(
        "I checked the answers that members confirmed or found helpful. These have "
        "changed. A confirmed answer stays first until you accept the new one."
    )


def count_changes(number: int, gone: int, language: Language) -> str:
    """The line of a digest on changed answers."""
    speak = Speaker(language)
    parts = []
    if number:
        parts.append(
            speak.plural(
                number,
                "**{number:,} confirmed answer** changed",
                "**{number:,} confirmed answers** changed",
            )
        )
    if gone:
        parts.append(
            speak.plural(
                gone,
                "**{number:,} confirmed answer** lost its note or source",
                "**{number:,} confirmed answers** lost their notes or sources",
            )
        )
    return ", ".join(parts) + ": `/review`."


_GONE: Final = {
    True: Sentence("Before: {place}, a note that was withdrawn, retired or deleted"),
    False: Sentence("Before: {place}, whose page or source was removed"),
}
_BEFORE: Final = {
    GoldenState.EDITED: Sentence("Before: {place}, edited since"),
    GoldenState.MOVED: Sentence("Before: {place}"),
}


def before(result: Result, channels: Collection[int], language: Language) -> str:
    """A question with its answer before; `channels` are those that the viewer may read."""
    expected = result.question.hits[0]
    gone = _GONE[note_of_document(expected.document_id) is not None]
    said = _BEFORE.get(result.state, gone)(language, place=_place(expected, channels, language))
    return f"**“{plain_within(result.question.text, _QUESTION_CHARACTERS)}”**\n{said}"


def change(result: Result, channels: Collection[int], language: Language) -> str:
    """A question with its answer before and now."""
    speak, lines = Speaker(language), [before(result, channels, language)]
    if result.state is GoldenState.MOVED:
        lines += _words(result.question.hits[0])
    if result.first is None:
        lines.append(speak("Now: no answer"))
    else:
        lines.append(speak("Now: {place}", place=_place(result.first, channels, language)))
        lines += _words(result.first)
    return "\n".join(lines)


def more(found: Changes, language: Language) -> str:
    """The number of changes that aren't shown; empty if all are."""
    number = found.number + found.number_gone - len(found.moved) - len(found.gone)
    return AND_MORE(language, number=number) if number else ""


def is_readable(hit: RecordedHit | None, channels: Collection[int]) -> bool:
    return hit is None or hit.source_channel_id is None or hit.source_channel_id in channels


def _place(hit: RecordedHit, channels: Collection[int], language: Language) -> str:
    if hit.source_channel_id is None:
        return f"“{plain_within(place_name(hit.title, hit.heading, 200), _TITLE_CHARACTERS)}”"
    if not is_readable(hit, channels):
        return SAID_SOMEWHERE(language)
    return Speaker(language)("a message in {channel}", channel=f"<#{hit.source_channel_id}>")


def _words(hit: RecordedHit) -> list[str]:
    """The beginning of a passage as a quotation; a passage from a channel is recorded without."""
    words = " ".join(hit.passage.split())
    return [f"> {plain_within(words, _WORDS_CHARACTERS)}"] if words else []
