"""Messages of the page *Synonyms* of `/review`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.synonyms import Synonyms
from bot.review.cards import impact_sentence
from bot.review.impact import Impact
from bot.review.messages import changed_questions
from bot.review.synonym_service import Problem
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, split
from knowledge.values.guilds import Language
from knowledge.values.synonyms import SYNONYMS, WORD_CHARACTERS, Synonym

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
