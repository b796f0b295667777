"""Synonyms of a server: checks, preview and changes, in the worker's thread."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from bot.answers.synonyms import Synonyms
from bot.core.core import Core
from bot.review.impact import Impact, ImpactPreview
from indexer.text.analyzer import topic
from knowledge.values.settings import GuildSettings
from knowledge.values.synonyms import SYNONYMS, Synonym

# The last questions that a preview asks again.
QUESTIONS: Final = 100


class Problem(Enum):
    """Reasons to refuse a well-formed synonym."""

    KNOWN = auto()
    FULL = auto()
    TOO_COMMON = auto()


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a new synonym on the last questions.

    `channels` maps each question with a changed answer to the channels in which members asked the
    question in public.
    """

    impact: Impact
    channels: Mapping[str, Set[int]] = field(default_factory=dict)

    def readable(self, channels: Set[int]) -> Impact:
        """Return the impact with only those changed questions that were asked in these channels."""
        asked_in = self.channels
        shown = (one for one in self.impact.changes if asked_in.get(one.question, set()) & channels)
        return replace(self.impact, changes=tuple(shown))


def check_synonym(known: Synonyms, new: Synonym) -> Problem | None:
    if {(new.word, new.meaning), (new.meaning, new.word)} & {(o.word, o.meaning) for o in known}:
        return Problem.KNOWN
    if len(known) >= SYNONYMS:
        return Problem.FULL
    # Every question has words like "the".
    return None if topic(new.word) and topic(new.meaning) else Problem.TOO_COMMON


def synonyms(core: Core, guild_id: int) -> Synonyms:
    return core.store.guilds.settings(guild_id).synonyms


def preview(core: Core, guild_id: int, new: Synonym) -> Iterator[Preview | None]:
    """Ask the last questions again with a new synonym.

    Yields:
        None until the preview is complete, then the preview.
    """
    impact = Impact(0, 0)
    wanted = (*synonyms(core, guild_id), new)
    for known in core.part(ImpactPreview).of_synonyms(guild_id, wanted, QUESTIONS):
        impact = known
        yield None
    texts = [one.question for one in impact.changes]
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
