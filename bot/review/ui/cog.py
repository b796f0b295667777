"""Review cog: `/review queue`, `note`, `log`, `rules` and `rule`.

The queue is a private message that shows one note at a time, with its card's buttons.
"""

import functools
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands

from bot.core.job_queue import Priority
from bot.interactions.features import Feature, Round
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Part, view_of
from bot.interactions.kit.layouts import layout
from bot.interactions.kit.localisation import description, viewer_language
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.command_groups import moderators_group
from bot.interactions.policy.component_access import moderators
from bot.interactions.policy.permissions import manages
from bot.interactions.services import Cog, Interaction, Services
from bot.review import cards, messages, service
from bot.review.service import LogDirection, LogFilters
from bot.review.ui.cards import CardsCog, card_buttons, card_message, files_of
from bot.review.ui.outbox import ROUND_SECONDS, OutboxDispatcher
from bot.text import error_messages
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.values.guilds import Rule
from knowledge.values.submissions import TAG_CHARACTERS, InvalidNoteError, checked_tags

_EVENTS = [
    app_commands.Choice(name=description(*name), value=key) for key, name in messages.EVENTS.items()
]


_DAYS: Final = Part(r"[0-9]{1,4}", int)
_EVENT: Final = Part(r"[a-z_]{1,32}", str)


class ReviewCog(Cog):
    """The `/review` commands."""

    review = moderators_group("review", description("Decide on what members propose."))

    @review.command(
        name="queue",
        description=description("Notes awaiting a decision, oldest first."),
    )
    async def queue(self, interaction: Interaction) -> None:
        """Show the queue, and post deleted cards again."""
        await interaction.edit_original_response(**await self.bot.queue.page(interaction, 0))
        await self.bot.outbox.find_lost_cards(interaction.guild_id or 0)
        await self.bot.outbox.catch_up()

    @review.command(
        name="note",
        description=description("Show one note and decide on it."),
    )
    @app_commands.describe(
        note=description("The note's number, as on its card and in `/note mine`.")
    )
    async def note(self, interaction: Interaction, note: app_commands.Range[int, 1]) -> None:
        language, now = await viewer_language(interaction), datetime.now(UTC)
        guild_id, channels = interaction.guild_id or 0, quotable_channels(interaction, private=True)
        found = await self.bot.worker.run_slices(
            lambda core: service.note_page(core, guild_id, note, channels),
            priority=Priority.REVIEWING,
        )
        if found is None:
            await interaction.edit_original_response(content=messages.NO_SUCH_NOTE(language))
            return
        settings = found.settings
        card = cards.card(
            found.note, now, found.card_data, on_page=settings.page, language=language
        )
        await interaction.edit_original_response(
            **card_message(card, card_buttons(found.note, settings, now, language)),
            attachments=files_of(card.attached),
        )

    @review.command(
        name="log",
        description=description("Who decided what, when and why."),
    )
    @app_commands.describe(
        member=description("Only actions of this member."),
        event=description("Only this kind of event."),
        days=description("Only this many days back."),
        export=description("Get the log as a file."),
    )
    @app_commands.choices(event=_EVENTS)
    async def log(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        event: str = "",
        days: app_commands.Range[int, 1, 3650] | None = None,
        export: bool = False,
    ) -> None:
        filters = LogFilters(days or 0, member.id if member else 0, event or "any")
        if export:
            await self._export(interaction, filters)
        else:
            await show_log(interaction, filters, LogDirection.OLDER, 0)

    async def _export(self, interaction: Interaction, filters: LogFilters) -> None:
        """Send the filtered log as a file."""
        lines = await self.bot.worker.call(
            lambda core: service.log(core, interaction.guild_id or 0, filters)
        )
        file = discord.File(io.BytesIO(log_as_json(lines).encode()), "review-log.jsonl")
        language = await viewer_language(interaction)
        await interaction.edit_original_response(
            content=messages.EXPORTED(language, number=len(lines)), attachments=[file]
        )

    @review.command(
        name="rules",
        description=description("How many approvals notes need, by tag."),
    )
    async def rules(self, interaction: Interaction) -> None:
        rules = await self.bot.worker.call(
            lambda core: core.store.guilds.rules(interaction.guild_id or 0)
        )
        language = await viewer_language(interaction)
        await interaction.edit_original_response(content=messages.rules(rules, language))

    @review.command(
        name="rule",
        description=description("Set the requirements for notes with a tag."),
    )
    @app_commands.describe(
        tag=description("The notes' tag; leave it out for all notes."),
        quorum=description("Number of approvals needed."),
        review_after_days=description("Days until a live note is reviewed again."),
        publish_role=description("Members with this role publish such notes at once."),
    )
    async def rule(
        self,
        interaction: Interaction,
        tag: app_commands.Range[str, 0, TAG_CHARACTERS + 1] = "",
        quorum: app_commands.Range[int, 1, 10] = 1,
        review_after_days: app_commands.Range[int, 1, 3650] | None = None,
        publish_role: discord.Role | None = None,
    ) -> None:
        """Replace the rule of a tag. Without other options, the rule is dropped."""
        if not await manages(interaction):
            return
        member_id, guild_id = interaction.user.id, interaction.guild_id or 0
        language = await viewer_language(interaction)
        try:
            tags = checked_tags(tag)
        except InvalidNoteError as error:
            await interaction.edit_original_response(
                content=error_messages.invalid(error, language)
            )
            return
        if len(tags) > 1:
            await interaction.edit_original_response(content=messages.ONE_TAG(language))
            return
        role_id = publish_role.id if publish_role else None
        rule = Rule(tags[0] if tags else "", quorum, review_after_days, role_id)
        await self.bot.worker.call(
            lambda core: core.store.guilds.save_rule(guild_id, rule, member_id)
        )
        await interaction.edit_original_response(content=messages.rule_line(rule, language))


def log_as_json(lines: list[service.LogLine]) -> str:
    """The log as JSON lines, oldest first."""
    return "".join(
        json.dumps(
            {
                "id": line.entry.id,
                "at": line.entry.at.isoformat(),
                "member_id": line.member_id,
                "event": line.entry.event,
                "subject": line.entry.subject,
                "title": line.title,
                "reason": line.reason,
                "detail": json.loads(line.entry.detail),
            },
            ensure_ascii=False,
        )
        + "\n"
        for line in lines
    )


async def show_log(
    interaction: Interaction, filters: LogFilters, side: LogDirection, entry_id: int
) -> None:
    language = await viewer_language(interaction)
    guild_id = interaction.guild_id or 0
    fitting = functools.partial(messages.count_fitting_lines, language=language)
    page = await interaction.client.worker.call(
        lambda core: service.log_page(core, guild_id, filters, (side, entry_id), fitting)
    )
    beside = [(LogDirection.NEWER, page.lines[0])] if page.newer else []
    beside += [(LogDirection.OLDER, page.lines[-1])] if page.older else []
    view = view_of(
        LogButton(language, action=side, entry_id=line.entry.id, **asdict(filters))
        for side, line in beside
    )
    said = messages.log_page(page.lines, language)
    await interaction.edit_original_response(content=said, view=view)


class LogButton(
    Button,
    ids=CustomId("log", action=LogDirection, entry_id=int, days=_DAYS, member_id=int, event=_EVENT),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=messages.LOG_LABELS,
):
    """The buttons *Newer* and *Older* in the log, with the filters of the log."""

    action: LogDirection
    entry_id: int
    days: int
    member_id: int
    event: str

    async def clicked(self, interaction: Interaction) -> None:
        filters = LogFilters(self.days, self.member_id, self.event)
        await show_log(interaction, filters, self.action, self.entry_id)


class Queue:
    """Shows the review queue, page by page."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    def place(self, message: discord.Message | None) -> int | None:
        """Return the place that a message of the queue shows, or None for other messages."""
        values = QueueButton.values_on(message)
        return values["place"] if values is not None else None

    async def page(self, interaction: Interaction, place: int, said: str = "") -> dict[str, Any]:
        """Arguments of `edit_original_response` that show a note in the queue or an empty queue."""
        guild_id, now = interaction.guild_id or 0, datetime.now(UTC)
        channels = quotable_channels(interaction, private=True)
        found = await self._bot.worker.run_slices(
            lambda core: service.queue_page(core, guild_id, place, now, channels),
            priority=Priority.REVIEWING,
        )
        language = await viewer_language(interaction)
        if found is None:
            nothing = f"{said}\n{messages.QUEUE_EMPTY(language)}".strip()
            return {**layout([discord.ui.TextDisplay(nothing)]), "attachments": []}
        note, settings = found.note, found.settings
        above = messages.queue_header(note, (found.place, found.total), now, said, language)
        room = LAYOUT_CHARACTERS - size(above)
        card = cards.card(
            note, now, found.card_data, room, on_page=settings.page, language=language
        )
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
    """The buttons *Previous* and *Next* in the queue."""

    place: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        place = max(self.place + (1 if self.action == "next" else -1), 0)
        await interaction.edit_original_response(
            **await interaction.client.queue.page(interaction, place)
        )


def feature(bot: Services) -> Feature:
    bot.queue = Queue(bot)
    dispatcher = OutboxDispatcher(bot)
    bot.outbox = dispatcher
    return Feature([CardsCog(bot), ReviewCog(bot)], [Round(ROUND_SECONDS, dispatcher.round)])
