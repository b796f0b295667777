"""Guilds' synonyms, which apply to the questions asked in the same guild.

A question with a synonym is looked up as typed and with the synonym replaced
(`bot.answers.lookup`). The synonyms are cached, so that they are known during an outage.
"""

from collections import Counter
from collections.abc import Mapping

from bot.answers.outage import Outage, not_in_memory
from indexer.text.synonyms import Pair, synonym_variants
from knowledge.store.guilds import Guilds
from knowledge.values.synonyms import Synonym

Synonyms = tuple[Synonym, ...]


class GuildSynonyms:
    """The synonyms of guilds, read from a cache during an outage of the database."""

    def __init__(self, guilds: Guilds, outage: Outage) -> None:
        self._guilds = guilds
        self._outage = outage
        # As read last, and this process's saves of each guild by then.
        self._known: Mapping[int, Synonyms] | None = None
        self._saves: Counter[int] = Counter()

    def of(self, guild_id: int | None) -> Synonyms:
        """The synonyms of a guild; empty for a direct message (None)."""
        if guild_id is None:
            return ()
        if not self._outage.bridged:
            return self._guilds.settings(guild_id).synonyms
        if self._known is None or self._guilds.saves[guild_id] != self._saves[guild_id]:
            raise not_in_memory()
        return self._known.get(guild_id, ())

    def refresh(self) -> None:
        """Refresh the cache from the database."""
        self._known = self._guilds.synonyms()
        self._saves = Counter(self._guilds.saves)


def pairs_of(synonyms: Synonyms) -> list[Pair]:
    return [(synonym.word, synonym.meaning) for synonym in synonyms]


def synonyms_in(question: str, synonyms: Synonyms) -> Synonyms:
    """The synonyms that occur in a question, by word or by meaning."""
    return tuple(
        synonym for synonym in synonyms if len(synonym_variants(question, pairs_of((synonym,)))) > 1
    )
