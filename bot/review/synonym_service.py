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
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, split
from indexer.text.analyzer import topic
from knowledge.values.guilds import Language
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


def check_synonym(known: Synonyms, new: Synonym) -> Problem | None:
    if {(new.word, new.meaning), (new.meaning, new.word)} & {(o.word, o.meaning) for o in known}:
        return Problem.KNOWN
    if len(known) >= SYNONYMS:
        return Problem.FULL
    # Every question has words like "the".
    return None if topic(new.word) and topic(new.meaning) else Problem.TOO_COMMON


def preview_effect(core: Core, guild_id: int, new: Synonym) -> Iterator[Preview | None]:
    """Ask the last questions again with a new synonym; the last value is the preview."""
    impact = Impact(0, 0)
    wanted = (*core.store.guilds.settings(guild_id).synonyms, new)
    for known in core.part(ImpactPreview).of_synonyms(guild_id, wanted, QUESTIONS):
        impact = known
        yield None
    texts = [change.question for change in impact.changes]
    yield Preview(impact, core.store.question_records.public_places(guild_id, texts))


def add(core: Core, guild_id: int, member_id: int, new: Synonym) -> Synonyms | Problem:
    """Store a new synonym, and return all synonyms, or the reason for a refusal."""
    found: list[Problem] = []

    def change(settings: GuildSettings) -> GuildSettings:
        against = check_synonym(settings.synonyms, new)
        if against:
            found.append(against)
            return settings
        return replace(settings, synonyms=(*settings.synonyms, new))

    changed = core.store.guilds.update(guild_id, change, member_id)
    return found[0] if found else changed.synonyms


def remove(core: Core, guild_id: int, member_id: int, word: str) -> Synonyms:
    """Remove all synonyms with a word, and return the removed synonyms."""
    gone: list[Synonym] = []

    def change(settings: GuildSettings) -> GuildSettings:
        known = settings.synonyms
        gone.extend(pair for pair in known if word in (pair.word, pair.meaning, str(pair)))
        return replace(settings, synonyms=tuple(pair for pair in known if pair not in gone))

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
_PREVIEW: Final = Sentence(
    "Not saved yet. If “{word}” and “{meaning}” mean the same here: {change}"
)
_NOBODY_ASKED: Final = Sentence(
    "Not saved yet. Nobody has asked anything here, so there's nothing to compare for “{word}” and "
    "“{meaning}”."
)
_ELSEWHERE: Final = Plural(
    "-# {number:,} more of these was asked in a channel that you can't read.",
    "-# {number:,} more of these were asked in channels that you can't read.",
)
_KEPT: Final = Sentence("Saved. I now also read “{word}” as “{meaning}”, and vice versa.")
DISCARDED: Final = Sentence("Nothing was changed.")
_REMOVED: Final = Sentence("Removed: {synonyms}.")
_UNKNOWN: Final = Sentence("“{word}” isn't among the synonyms.")
_NONE: Final = Sentence("This server has no synonyms yet.")
_MEANING: Final = Sentence(
    "Words that mean the same in questions here, such as *perm* and *permission*."
)
ADD: Final = Sentence("Add a pair…")
REMOVE: Final = Sentence("Remove a pair…")
WORD: Final = Sentence("A word that members use")
WORD_HELP: Final = Sentence("For example: perm")
MEANING: Final = Sentence("The word that documents use")
MEANING_HELP: Final = Sentence("For example: permission")


def bad_word(word: str, language: Language = Language.ENGLISH) -> str:
    return _BAD_WORD(language, word=plain(word[:WORD_CHARACTERS]), most=WORD_CHARACTERS)


def problem(found: Problem, new: Synonym, language: Language = Language.ENGLISH) -> str:
    return _PROBLEMS[found](language, most=SYNONYMS, **_sides(new))


def preview(
    new: Synonym, impact: Impact, readable: Impact, language: Language = Language.ENGLISH
) -> str:
    """Describe a synonym's effect. `readable` is the part that the moderator may read."""
    if not impact.total:
        return _NOBODY_ASKED(language, **_sides(new))
    head = _PREVIEW(language, change=impact_sentence(impact, language), **_sides(new))
    hidden = len(impact.changes) - len(readable.changes)
    more = [_ELSEWHERE(hidden, language)] if hidden else []
    lines = changed_questions(readable.changes[:_SHOWN], language)
    first, *_ = split("\n".join([head, *lines, *more]))
    return first


# One message, in which each takes 200 characters at most.
_SHOWN: Final = 8


def kept(new: Synonym, language: Language = Language.ENGLISH) -> str:
    return _KEPT(language, **_sides(new))


def removed(word: str, gone: Synonyms, language: Language = Language.ENGLISH) -> str:
    if not gone:
        return _UNKNOWN(language, word=plain(word))
    return _REMOVED(language, synonyms=", ".join(map(_line, gone)))


def listed(found: Sequence[Synonym], language: Language = Language.ENGLISH) -> str:
    pairs = [f"- {_line(pair)}" for pair in found] or [_NONE(language)]
    return "\n".join([_MEANING(language), *pairs])


def _line(one: Synonym) -> str:
    return f"{plain(one.word)} = {plain(one.meaning)}"


def _sides(one: Synonym) -> dict[str, str]:
    return {"word": plain(one.word), "meaning": plain(one.meaning)}
