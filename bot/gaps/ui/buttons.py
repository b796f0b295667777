"""Buttons below a refusal: *Write this note*, *Ask the moderators*."""

import functools
import logging
from datetime import UTC, datetime

import discord

from bot.engine.job_queue import Priority
from bot.gaps import messages, service
from bot.interactions.buttons import Button, CustomId, view_of
from bot.interactions.channel_access import readable_answer
from bot.interactions.errors import UNREACHED, in_time
from bot.interactions.guild_settings import viewer_language
from bot.interactions.permissions import may_decide
from bot.interactions.retries import resent
from bot.interactions.services import Interaction, Services
from bot.notes.drafts import Draft
from bot.notes.ui.form import open_form
from knowledge.model.guilds import GuildSettings, Language
from knowledge.model.questions import Question
from knowledge.store.questions.gaps import NotHandedOn

_logger = logging.getLogger(__name__)


def _may_read(member: discord.abc.User, question: Question, settings: GuildSettings) -> bool:
    """Whether somebody may read what was asked: of what was asked privately, a moderator may."""
    mine = question.asker_id == member.id
    return mine or not question.private or may_decide(member, settings)


class GapButton(Button, ids=CustomId("gap", question_id=int, action=("write",))):
    """*Write this note* below a refusal, in the list of gaps, where moderators are asked."""

    question_id: int

    async def clicked(self, interaction: Interaction) -> None:
        bot = interaction.client
        guild_id = interaction.guild_id or 0
        async with in_time():
            asked = await bot.worker.call(
                lambda core: service.to_write_for(core, guild_id, self.question_id),
                priority=Priority.ASKING,
            )
            settings = await bot.worker.call(
                lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
            )
        draft = Draft()
        if asked is not None and _may_read(interaction.user, asked, settings):
            draft = Draft(title=messages.note_title(asked.text), question_id=asked.id)
        await open_form(interaction, draft)


class HandOnButton(
    Button,
    ids=CustomId("moderators", question_id=int, action=tuple(messages.ASK_MODERATORS_LABELS)),
    labels=messages.ASK_MODERATORS_LABELS,
):
    """*Ask the moderators* below a refusal, and whether to after all."""

    question_id: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        """Put the question to the moderators; what was asked privately, once that is confirmed."""
        bot = interaction.client
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id
        language = await viewer_language(interaction)
        question = await bot.worker.call(
            lambda core: core.store.question_records.question(self.question_id),
            priority=Priority.ASKING,
        )
        view = discord.utils.MISSING
        here = guild_id is not None and await readable_answer(interaction, question) is not None
        if guild_id is None or question is None or not here:
            sentence = messages.QUESTION_GONE(language)
        elif question.private and self.action != "sure":
            sentence = messages.ASKS_FIRST(language)
            view = view_of([HandOnButton(language, question_id=self.question_id, action="sure")])
        else:
            # Of two who click at once, the second is told what came of the first click.
            async with bot.ask_moderators_lock:
                sentence = await _hand_on(bot, question, guild_id, interaction.user.id, language)
        await interaction.edit_original_response(content=sentence, view=view)


async def _hand_on(
    bot: Services, question: Question, guild_id: int, member_id: int, language: Language
) -> str:
    """Put a question to the moderators, once; what whoever clicked is told, in their language."""
    settings = await bot.worker.call(
        lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
    )
    channel = bot.get_channel(settings.review_channel_id or 0)
    if not settings.hand_on or not isinstance(channel, discord.abc.Messageable):
        return messages.NOT_SET_UP(language)
    now = datetime.now(UTC)
    claimed = await bot.worker.call(
        lambda core: service.hand_on(core, guild_id, question.id, member_id, now),
        priority=Priority.ASKING,
    )
    if isinstance(claimed, NotHandedOn):
        return messages.not_handed_on(claimed, language)
    label = messages.WRITE_LABEL(settings.language)
    view = view_of([GapButton(label, question_id=question.id, action="write")])
    said = messages.put_to_moderators(question, settings.language)
    send = functools.partial(channel.send, said, view=view, nonce=f"asked-{claimed}")
    try:
        await resent(send)
    except UNREACHED as error:
        _logger.warning("A question could not be put to the moderators: %s", error)
        await bot.worker.call(
            lambda core: core.store.gaps.handed_on(claimed, posted=False),
            priority=Priority.ASKING,
        )
        return messages.NOT_POSTED(language)
    await bot.worker.call(
        lambda core: core.store.gaps.handed_on(claimed, posted=True), priority=Priority.ASKING
    )
    quiet = await bot.worker.call(
        lambda core: core.store.gaps.quiet(question.asker_id), priority=Priority.ASKING
    )
    return messages.handed_on(mine=question.asker_id == member_id, quiet=quiet, language=language)
