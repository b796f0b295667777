"""What can be chosen in a guild. Functions of the core, in whose thread they run."""

from collections.abc import Sequence
from typing import Final

from bot.answers.conversation import scopes_of
from bot.autocomplete.choices import Choices
from bot.engine.core import Core
from knowledge.model.documents import Scope


def choices(core: Core, guild_id: int) -> Choices:
    """What can be chosen in a guild."""
    return Choices(core.store.note_list.notes(guild_id))


# How many titles are held for choosing, the newest; a key that is pressed looks at each of them.
TITLES: Final = 20_000


def titles(
    core: Core, guild_id: int | None, channels: Sequence[int]
) -> list[tuple[str, Scope, str]]:
    """Id, scope and title of a guild's documents, those of these channels among them."""
    return core.index.titles(scopes_of(guild_id, channels), TITLES)
