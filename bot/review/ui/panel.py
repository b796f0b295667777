"""The panel of `/review`: a private message with a page for each task of moderators."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import discord

from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import CustomId, Select
from bot.interactions.kit.layouts import rows
from bot.interactions.kit.panels import pages_menu, panel
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.text.languages import Sentence


class ReviewPage(StrEnum):
    """A page of the panel."""

    QUEUE = "queue"
    NOTE = "note"
    LOG = "log"
    RULES = "rules"
    SYNONYMS = "synonyms"
    CHANGES = "changes"
    PUBLIC = "public"
    IMPORTED = "imported"


TITLES: Final[Mapping[ReviewPage, Sentence]] = {
    ReviewPage.QUEUE: Sentence("Notes awaiting a decision"),
    ReviewPage.NOTE: Sentence("Find a note"),
    ReviewPage.LOG: Sentence("Who decided what"),
    ReviewPage.RULES: Sentence("Rules by tag"),
    ReviewPage.SYNONYMS: Sentence("Synonyms"),
    ReviewPage.CHANGES: Sentence("Confirmed answers that changed"),
    ReviewPage.PUBLIC: Sentence("Notes for the public page"),
    ReviewPage.IMPORTED: Sentence("Imported notes"),
}
_REVIEW: Final = Sentence("-# Review")


def heading(page: ReviewPage) -> str:
    return f"{_REVIEW()}\n### {TITLES[page]()}"


async def show_page(
    interaction: Interaction,
    page: ReviewPage,
    texts: Sequence[str],
    *controls: Sequence[discord.ui.Item[Any]],
) -> None:
    """Show a page in the interaction's response, with a row for each group of controls."""
    items = [row for group in controls for row in rows(group)]
    shown = panel([heading(page), "\n".join(texts)], items, review_menu(page))
    await interaction.edit_original_response(**shown, attachments=[])


def review_menu(page: ReviewPage) -> Select:
    return pages_menu(ReviewMenu, TITLES, page)


class ReviewPanel:
    """Shows the pages. The menu finds this object as `client.review_panel`."""

    def __init__(
        self, pages: Mapping[ReviewPage, Callable[[Interaction], Awaitable[None]]]
    ) -> None:
        self._pages = pages

    async def show(self, interaction: Interaction, page: str = ReviewPage.QUEUE) -> None:
        # A choice can be forged.
        known = ReviewPage(page) if page in set(ReviewPage) else ReviewPage.QUEUE
        await self._pages[known](interaction)


class ReviewMenu(Select, ids=CustomId("review_page"), rule=moderators(), first=First.IN_PLACE):
    """List of the panel's pages."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        await interaction.client.review_panel.show(interaction, value)
