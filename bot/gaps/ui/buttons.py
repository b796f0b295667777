"""Button below a refusal: *Write this note*."""

import discord

from bot.engine.job_queue import Priority
from bot.gaps import messages, service
from bot.interactions.buttons import Button, CustomId
from bot.interactions.errors import in_time
from bot.interactions.permissions import may_decide
from bot.interactions.services import Interaction
from bot.notes.drafts import Draft
from bot.notes.ui.form import open_form
from knowledge.model.guilds import GuildSettings
from knowledge.model.questions import Question


def _may_read(member: discord.abc.User, question: Question, settings: GuildSettings) -> bool:
    """Whether somebody may read what was asked: of what was asked privately, a moderator may."""
    mine = question.asker_id == member.id
    return mine or not question.private or may_decide(member, settings)


class GapButton(Button, ids=CustomId("gap", question_id=int, action=("write",))):
    """*Write this note* below a refusal and below what is told of gaps."""

    question_id: int

    async def clicked(self, interaction: Interaction) -> None:
        await open_note(interaction, self.question_id)


async def open_note(interaction: Interaction, question_id: int) -> None:
    """Open the form of a note for a question; whoever may not read that gets an empty form."""
    bot = interaction.client
    guild_id = interaction.guild_id or 0
    async with in_time():
        asked = await bot.worker.call(
            lambda core: service.to_write_for(core, guild_id, question_id),
            priority=Priority.ASKING,
        )
        settings = await bot.worker.call(
            lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
        )
    draft = Draft()
    if asked is not None and _may_read(interaction.user, asked, settings):
        # Where a tag is answered from, a note without it would not answer.
        tags = asked.answered_from.tags if len(asked.answered_from.tags) == 1 else ()
        draft = Draft(messages.note_title(asked.text), tags="".join(tags), question_id=asked.id)
    await open_form(interaction, draft)
