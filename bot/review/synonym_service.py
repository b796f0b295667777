"""Synonyms of a server: checks, preview and changes in the worker's thread, and their messages."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from bot.answers.synonyms import Synonyms
from bot.core.core import Core
from bot.review.cards import impact_sentence
from bot.review.impact import Impact, ImpactPreview
from bot.review.messages import changed_questions
from bot.text.languages import Sentence, plural, speak
from bot.text.markdown import plain, split
from indexer.text.analyzer import topic
from knowledge.values.settings import GuildSettings
from knowledge.values.synonyms import SYNONYMS, WORD_CHARACTERS, Synonym

# The last questions that a preview asks again.
QUESTIONS: Final = 100


class Problem(Enum):
    """Reasons to refuse a well-formed synonym."""

    KNOWN = auto()
    FULL = auto()
    TOO_COMMON = auto()


@dataclass(frozen=True, slots=True)
class Preview:
    """Effect of a new synonym; `channels` are where each changed question was asked in public."""

    impact: Impact
    channels: Mapping[str, Set[int]] = field(default_factory=dict)

    def readable(self, channels: Set[int]) -> Impact:
        """Return the impact with only those changed questions that were asked in these channels."""
        asked_in = self.channels
        shown = (
            change
            for change in self.impact.changes
            if asked_in.get(change.question, set()) & channels
        )
        return replace(self.impact, changes=tuple(shown))


def check_synonym(synonyms: Synonyms, new: Synonym) -> Problem | None:
    if {(new.word, new.meaning), (new.meaning, new.word)} & {(o.word, o.meaning) for o in synonyms}:
        return Problem.KNOWN
    if len(synonyms) >= SYNONYMS:
        return Problem.FULL
    # Every question has words like "the".
    return None if topic(new.word) and topic(new.meaning) else Problem.TOO_COMMON


def preview_effect(core: Core, guild_id: int, new: Synonym) -> Iterator[Preview | None]:
    """Ask the last questions again with a new synonym; the last value is the preview."""
    impact = Impact(0, 0)
    wanted = (*core.store.guilds.settings(guild_id).synonyms, new)
    for so_far in core.part(ImpactPreview).of_synonyms(guild_id, wanted, QUESTIONS):
        impact = so_far
        yield None
    texts = [change.question for change in impact.changes]
    yield Preview(impact, core.store.question_records.public_places(guild_id, texts))


def add(core: Core, guild_id: int, member_id: int, new: Synonym) -> Synonyms | Problem:
    """Store a new synonym, and return all synonyms, or the reason for a refusal."""
    against: Problem | None = None

    def change(settings: GuildSettings) -> GuildSettings:
        nonlocal against
        against = check_synonym(settings.synonyms, new)
        return settings if against else replace(settings, synonyms=(*settings.synonyms, new))

    changed = core.store.guilds.update(guild_id, change, member_id)
    return against or changed.synonyms


def remove(core: Core, guild_id: int, member_id: int, word: str) -> Synonyms:
    """Remove all synonyms with a word, and return the removed synonyms."""
    gone: list[Synonym] = []

    def change(settings: GuildSettings) -> GuildSettings:
        synonyms = settings.synonyms
        gone.extend(pair for pair in synonyms if word in (pair.word, pair.meaning, str(pair)))
        return replace(settings, synonyms=tuple(pair for pair in synonyms if pair not in gone))

    core.store.guilds.update(guild_id, change, member_id)
    return tuple(gone)


LABELS: Final[Mapping[str, Sentence]] = {
    "keep": Sentence("Keep"),
    "discard": Sentence("Discard"),
}
_BAD_WORD: Final = Sentence(
    "“{word}” can't be a synonym. Give two different terms, each of one to three words and at most "
    "{most} characters, without punctuation."
)
_PROBLEMS: Final[Mapping[Problem, Sentence]] = {
    Problem.KNOWN: Sentence("“{word}” and “{meaning}” are already synonyms."),
    Problem.FULL: Sentence("{most} synonyms is the limit. Remove one to make room for another."),
    Problem.TOO_COMMON: Sentence(
        "“{word}” or “{meaning}” has only everyday words, such as “how”. Use words from your topic."
    ),
}
_KEPT: Final = Sentence("Saved. I now also read “{word}” as “{meaning}”, and vice versa.")
_UNKNOWN: Final = Sentence("“{word}” isn't among the synonyms.")
_NONE: Final = Sentence("This server has no synonyms yet.")
ADD: Final = Sentence("Add a pair…")
# One message, in which each takes 200 characters at most.
_SHOWN: Final = 8


def bad_word(word: str) -> str:
    return _BAD_WORD(word=plain(word[:WORD_CHARACTERS]), most=WORD_CHARACTERS)


def problem(why: Problem, new: Synonym) -> str:
    return _PROBLEMS[why](most=SYNONYMS, **_sides(new))


def preview(new: Synonym, impact: Impact, readable: Impact) -> str:
    """Describe a synonym's effect. `readable` is the part that the moderator may read."""
    if not impact.total:
        return speak(
            "Not saved yet. Nobody has asked anything here, so there's nothing to compare for "
            "“{word}” and “{meaning}”.",
            **_sides(new),
        )
    head = speak(
        "Not saved yet. If “{word}” and “{meaning}” mean the same here: {change}",
        change=impact_sentence(impact),
        **_sides(new),
    )
    lines = [head, *changed_questions(readable.changes[:_SHOWN])]
    if hidden := len(impact.changes) - len(readable.changes):
        lines.append(
            plural(
                hidden,
                "-# {number:,} more of these was asked in a channel that you can't read.",
                "-# {number:,} more of these were asked in channels that you can't read.",
            )
        )
    first, *_ = split("\n".join(lines))
    return first


def kept(new: Synonym) -> str:
    return _KEPT(**_sides(new))


def removed(word: str, gone: Synonyms) -> str:
    if not gone:
        return _UNKNOWN(word=plain(word))
    return speak("Removed: {synonyms}.", synonyms=", ".join(map(_line, gone)))


def synonym_lines(synonyms: Sequence[Synonym]) -> str:
    head = speak("Words that mean the same in questions here, such as *perm* and *permission*.")
    pairs = [f"- {_line(pair)}" for pair in synonyms] or [_NONE()]
    return "\n".join([head, *pairs])


def _line(pair: Synonym) -> str:
    return f"{plain(pair.word)} = {plain(pair.meaning)}"


def _sides(pair: Synonym) -> dict[str, str]:
    return {"word": plain(pair.word), "meaning": plain(pair.meaning)}
