"""Bundled articles as a source of a guild: where they stand, ended and brought back.

Each function takes the core that it works on, so that it can be called in the worker's thread.
"""

from dataclasses import dataclass

from bot.answers.bundled_articles import Standing
from bot.answers.lookup import scopes_of
from bot.core.core import Core
from knowledge.values.documents import ARTICLES


@dataclass(frozen=True, slots=True)
class ArticlesReport:
    """How many bundled articles there are, and whether a guild is answered from them."""

    documents: int
    standing: Standing


def report(core: Core, guild_id: int) -> ArticlesReport:
    followed = [one.id for one in core.store.synced_channels.all() if one.guild_id == guild_id]
    return ArticlesReport(
        core.index.tables.counts([ARTICLES])["documents"],
        core.articles.standing(scopes_of(guild_id, followed)),
    )


def choose(core: Core, guild_id: int, actor_id: int, *, quoted: bool) -> ArticlesReport:
    """Have a guild answered from the articles, as far as the operator has it so, or no more."""
    if core.store.guilds.settings(guild_id).articles is not quoted:
        core.store.guilds.change(guild_id, {"articles": quoted}, None, actor_id)
    return report(core, guild_id)
