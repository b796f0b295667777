"""Review queue: a private message that shows one note at a time, with its card's buttons."""

from datetime import UTC, datetime
from typing import Any

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.door import First
from bot.interactions.kit.layouts import layout
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.channel_access import readable_in
from bot.interactions.policy.rules import moderators
from bot.interactions.services import Interaction, Services
from bot.review import cards, messages, service
from bot.review.ui.cards import card_buttons, card_message, files_of
from bot.text.markdown import LAYOUT_CHARACTERS, size


class Queue:
    """Shows the review queue, page by page."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    def place(self, message: discord.Message | None) -> int | None:
        """The queue's place that a message shows, by its buttons; None if it is no queue."""
        values = QueueButton.values_on(message)
        return values["place"] if values is not None else None

    async def page(self, interaction: Interaction, place: int, said: str = "") -> dict[str, Any]:
        """Arguments of `edit_original_response` for a place, or for an empty queue."""
        guild_id, now = interaction.guild_id or 0, datetime.now(UTC)
        channels = readable_in(interaction, private=True)
        found = await self._bot.worker.run_slices(
            lambda core: service.queue_page(core, guild_id, place, now, channels),
            priority=Priority.REVIEWING,
        )
        language = await viewer_language(interaction)
        if found is None:
            nothing = f"{said}\n{messages.QUEUE_EMPTY(language)}".strip()
            return {**layout([discord.ui.TextDisplay(nothing)]), "attachments": []}
        note, settings = found.note, found.settings
        above = messages.queue_head(note, (found.place, found.total), now, said, language)
        room = LAYOUT_CHARACTERS - size(above)
        card = cards.card(note, now, found.findings, room, on_page=settings.page, language=language)
        beside = [
            QueueButton(language, place=found.place, action=action)
            for action in messages.QUEUE_LABELS
        ]
        shown = card_message(card, card_buttons(note, settings, now, language), beside, above=above)
        return {**shown, "attachments": files_of(card.attached)}


class QueueButton(
    Button,
    ids=CustomId("queue", place=int, action=tuple(messages.QUEUE_LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=messages.QUEUE_LABELS,
):
    """*Previous* and *Next* in the queue."""

    place: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        place = max(self.place + (1 if self.action == "next" else -1), 0)
        await interaction.edit_original_response(
            **await interaction.client.queue.page(interaction, place)
        )
