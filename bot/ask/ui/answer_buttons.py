"""Buttons below a reply: feedback, more passages, why, share; which of them a reply has."""

from typing import Final

import discord

from bot.answers.conversation import Reply
from bot.answers.decision import Answer, Refusal
from bot.ask import messages
from bot.ask.share import share
from bot.ask.ui.feedback import reason_view
from bot.engine.job_queue import Priority
from bot.gaps import messages as gaps_messages
from bot.gaps.ui.buttons import GapButton, HandOnButton
from bot.interactions.buttons import Button, CustomId
from bot.interactions.channel_access import may_write, readable_answer, readable_in
from bot.interactions.guild_settings import viewer_language
from bot.interactions.services import Interaction, Services
from bot.notes import messages as notes_messages
from bot.notes.ui.report import ReportButton
from knowledge.model.documents import Kind
from knowledge.model.guilds import Language
from knowledge.model.questions import Feedback, Verdict

# *Share* is only there where the answer is private.
_STYLES: Final = {"share": discord.ButtonStyle.primary}


def answer_view(
    reply: Reply,
    *,
    private: bool,
    language: Language = Language.ENGLISH,
    hands_on: bool = False,
) -> discord.ui.View:
    """The buttons below a reply; with `hands_on`, a refused question can go to the moderators."""
    view = discord.ui.View(timeout=None)
    if reply.question_id is None:
        return view
    if isinstance(reply.outcome, Answer):
        for action in messages.ANSWER_LABELS:
            if action != "share" or private:
                view.add_item(AnswerButton(language, question_id=reply.question_id, action=action))
        if any(quote.citation.kind is Kind.NOTE for quote in reply.outcome.quotes):
            label = notes_messages.REPORT_LABEL(language)
            view.add_item(ReportButton(label, kind="answer", number=reply.question_id))
    elif isinstance(reply.outcome, Refusal):
        label = gaps_messages.WRITE_LABEL(language)
        view.add_item(GapButton(label, question_id=reply.question_id, action="write"))
        if hands_on:
            view.add_item(HandOnButton(language, question_id=reply.question_id, action="ask"))
    return view


class AnswerButton(
    Button,
    ids=CustomId("answer", question_id=int, action=tuple(messages.ANSWER_LABELS)),
    labels=messages.ANSWER_LABELS,
    styles=_STYLES,
):
    """A button below an answer."""

    question_id: int
    action: str

    async def clicked(self, interaction: Interaction) -> None:
        bot = interaction.client
        if self.action in ("helpful", "unhelpful"):
            await self._keep_verdict(interaction, bot)
        elif self.action == "share":
            await self._share(interaction, bot)
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
            language = await viewer_language(interaction)
            question = await bot.worker.call(
                lambda core: core.store.question_records.question(self.question_id),
                priority=Priority.ASKING,
            )
            channels = await readable_answer(interaction, question)
            if channels is not None:
                question = await bot.worker.call(
                    lambda core: core.shown_question(self.question_id, channels),
                    priority=Priority.ASKING,
                )
            if question is None or channels is None:
                await interaction.edit_original_response(content=messages.FEEDBACK_GONE(language))
                return
            show = messages.why if self.action == "why" else messages.more
            first, *rest = show(question, language)
            await interaction.edit_original_response(content=first)
            for part in rest:
                await interaction.followup.send(part, ephemeral=True)

    async def _keep_verdict(self, interaction: Interaction, bot: Services) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        language = await viewer_language(interaction)
        feedback = Feedback(self.question_id, interaction.user.id, Verdict(self.action))
        question = await bot.worker.call(
            lambda core: core.store.question_records.question(self.question_id),
            priority=Priority.ASKING,
        )
        # Nobody counts for what another guild's members asked.
        if await readable_answer(interaction, question) is None:
            await interaction.edit_original_response(content=messages.FEEDBACK_GONE(language))
            return
        known = await bot.worker.call(
            lambda core: core.store.question_records.record_feedback(feedback),
            priority=Priority.ASKING,
        )
        thanks = {
            Verdict.HELPFUL: messages.FEEDBACK_HELPFUL,
            Verdict.UNHELPFUL: messages.FEEDBACK_UNHELPFUL,
        }[feedback.verdict](language)
        if not known:
            await interaction.edit_original_response(content=messages.FEEDBACK_GONE(language))
        elif feedback.verdict is Verdict.UNHELPFUL:
            # The click counts already, whether or not a reason is given.
            await interaction.edit_original_response(
                content=f"{thanks} {messages.ASKS_WHY(language)}",
                view=reason_view(self.question_id, language),
            )
        else:
            await interaction.edit_original_response(content=thanks)

    async def _share(self, interaction: Interaction, bot: Services) -> None:
        mine = await viewer_language(interaction)
        if not may_write(interaction):
            await interaction.response.send_message(messages.CAN_NOT_SHARE(mine), ephemeral=True)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        question = await bot.worker.call(
            lambda core: core.store.question_records.question(self.question_id),
            priority=Priority.ASKING,
        )
        readable = await readable_answer(interaction, question)
        if question is None or question.pruned or readable is None:
            await interaction.edit_original_response(content=messages.FEEDBACK_GONE(mine))
            return
        channels = readable_in(interaction, private=False)
        shared = await bot.worker.call(
            lambda core: share(core, question, interaction.channel_id, channels),
            priority=Priority.ASKING,
        )
        await interaction.edit_original_response(content=messages.shared(shared, mine))
        if shared.reply is not None:
            language = await bot.guild_settings.language(interaction.guild_id)
            await interaction.followup.send(
                messages.answer(shared.reply, language=language),
                view=answer_view(shared.reply, private=False, language=language),
            )
