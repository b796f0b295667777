"""The queue: one private message with one note after another, each with its card's buttons."""

import re
from datetime import UTC, datetime
from typing import Any

import discord

from bot.interactions.channel_access import readable_in
from bot.interactions.errors import explained
from bot.interactions.permissions import moderator_refusal
from bot.interactions.services import Services
from bot.review import messages, service
from bot.review.ui.cards import card_view, text_file
from knowledge.model.guilds import GuildSettings, Language
from knowledge.model.notes import Note


class Queue:
    """The queues of one bot; what a click in one comes to turns its page."""

    def __init__(self, bot: Services) -> None:
        """Show what waits for this bot's moderators."""
        self._bot = bot

    def place(self, message: discord.Message | None) -> int | None:
        """The place in the queue that a message shows, by its buttons; None if it is no queue."""
        for row in message.components if message else ():
            for component in getattr(row, "children", ()):
                custom_id = getattr(component, "custom_id", None) or ""
                match = re.fullmatch(messages.QUEUE_BUTTON, custom_id)
                if match:
                    return int(match["place"])
        return None

    async def page(
        self, interaction: discord.Interaction[Any], place: int, said: str = ""
    ) -> dict[str, Any]:
        """The message that shows a place in the queue, or that the queue is empty.

        Returns:
            What `edit_original_response` takes.
        """
        guild_id = interaction.guild_id or 0
        now = datetime.now(UTC)
        waiting = await self._bot.worker.call(lambda core: core.store.notes.queue(guild_id, now))
        language = await self._bot.guild_settings.viewer_language(interaction)
        if not waiting:
            nothing = f"{said}\n{messages.QUEUE_EMPTY(language)}".strip()
            return {"content": nothing, "view": None, "attachments": []}
        place = min(place, len(waiting) - 1)
        note = waiting[place]
        settings, findings = await found_of(interaction, note)
        where = (place, len(waiting))
        card = messages.queued(note, where, now, findings, said, language)
        view = card_view(note, settings, now, language) or discord.ui.View(timeout=None)
        for action in ("previous", "next"):
            view.add_item(QueueButton(place, action, language))
        files = [text_file(card)] if card.file_name else []
        return {"content": card.content, "view": view, "attachments": files}


async def found_of(
    interaction: discord.Interaction[Any], note: Note
) -> tuple[GuildSettings, service.Findings]:
    """What a card needs besides its note, to be shown to one moderator alone."""
    bot: Services = interaction.client
    settings = await bot.worker.call(lambda core: core.store.guilds.settings(note.guild_id))
    channels = readable_in(interaction, private=True)
    findings = await bot.worker.call(lambda core: service.findings(core, note, channels))
    return settings, findings


class QueueButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=messages.QUEUE_BUTTON
):
    """*Previous* and *Next* in the queue; they work after a restart."""

    def __init__(self, place: int, action: str, language: Language = Language.ENGLISH) -> None:
        """The button that leads on from a place in the queue."""
        label = messages.QUEUE_LABELS[action](language)
        super().__init__(discord.ui.Button(label=label, row=3, custom_id=f"queue:{place}:{action}"))
        self.place = place
        self.action = action

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "QueueButton":
        """Make the button anew from its id."""
        return cls(int(match["place"]), match["action"])

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the note before or after."""
        await interaction.response.defer()
        refusal = await moderator_refusal(interaction)
        if refusal:
            await interaction.edit_original_response(content=refusal, view=None)
            return
        place = max(self.place + (1 if self.action == "next" else -1), 0)
        await interaction.edit_original_response(
            **await interaction.client.queue.page(interaction, place)
        )
