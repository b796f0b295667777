"""Reason list and form after a click on *Not helpful*. The click counts without a reason, too."""

from typing import Any, Final

import discord

from bot.ask import button_messages, service
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, CustomId, Select, view_of
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import readers_of_answer
from bot.interactions.services import Interaction
from bot.text import error_messages
from bot.text.question_labels import FEEDBACK_REASONS
from knowledge.values.guilds import Language
from knowledge.values.questions import Feedback, FeedbackReason, Verdict
from knowledge.values.submissions import REASON_CHARACTERS


def reason_view(question_id: int, language: Language) -> discord.ui.View | None:
    options = [
        discord.SelectOption(label=label(language), value=reason.value)
        for reason, label in FEEDBACK_REASONS.items()
    ]
    placeholder = button_messages.WHAT_WAS_WRONG(language)
    return view_of([ReasonSelect(placeholder, options, question_id=question_id)])


_READERS: Final = readers_of_answer(button_messages.FEEDBACK_GONE)
# *Other* opens a form.
_OFFERED: Final = [[one.value] for one in FeedbackReason if one is not FeedbackReason.OTHER]


class ReasonSelect(Select, ids=CustomId("reason", question_id=int), rule=_READERS):
    """The reasons to choose from."""

    question_id: int

    def first_response(self, _interaction: Interaction) -> First:
        return First.IN_PLACE if self.item.values[:1] in _OFFERED else First.OWN

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        language = await viewer_language(interaction)
        if value not in set(FeedbackReason):
            sentence = error_messages.UNKNOWN_BUTTON(language)
            await interaction.response.send_message(sentence, ephemeral=True)
            return
        reason = FeedbackReason(value)
        if reason is FeedbackReason.OTHER:
            await interaction.response.send_modal(ReasonModal(self.question_id, language))
            return
        await record_reason(interaction, self.question_id, chosen=reason)


class ReasonModal(
    Form,
    ids=CustomId("form:reason", question_id=int, nonce=NONCE),
    rule=_READERS,
    first=First.IN_PLACE,
):
    """The form for a reason in the member's own words."""

    def __init__(self, question_id: int, language: Language) -> None:
        super().__init__(button_messages.WHAT_WAS_WRONG(language), question_id=question_id)
        self.ask_text(button_messages.REASON(language), "reason", REASON_CHARACTERS, paragraph=True)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        await record_reason(interaction, subject["question_id"], filled.text("reason").strip())


async def record_reason(
    interaction: Interaction,
    question_id: int,
    reason: str = "",
    chosen: FeedbackReason = FeedbackReason.OTHER,
) -> None:
    """Record that an answer did not help, with the reason."""
    feedback = Feedback(question_id, interaction.user.id, Verdict.UNHELPFUL, reason, chosen)
    known = await interaction.client.worker.call(
        lambda core: service.record_reason(
            core, feedback, interaction.guild_id or 0, interaction.id
        ),
        priority=Priority.ASKING,
    )
    said = button_messages.REASON_KEPT if known else button_messages.FEEDBACK_GONE
    language = await viewer_language(interaction)
    await interaction.edit_original_response(content=said(language), view=None)
