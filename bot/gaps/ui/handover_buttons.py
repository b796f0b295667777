"""Buttons of hand-overs: *Ask the moderators* below a refusal, and what helpers do; their form."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.gaps import handover_messages as messages
from bot.gaps import handovers as service
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.policy.door import First, Found, readers_of_answer
from bot.interactions.policy.guild_settings import viewer_language
from bot.interactions.policy.permissions import may_decide, may_help
from bot.interactions.services import Interaction, Services
from bot.text.languages import Sentence
from knowledge.store.questions.handovers import NotHandedOn
from knowledge.values.guilds import GuildSettings, Language
from knowledge.values.handovers import Handover, HandoverOutcome
from knowledge.values.notes import Member
from knowledge.values.questions import Question


class HandOnButton(
    Button,
    ids=CustomId("moderators", question_id=int, action=tuple(messages.ASK_MODERATORS_LABELS)),
    rule=readers_of_answer(messages.QUESTION_GONE),
    labels=messages.ASK_MODERATORS_LABELS,
):
    """*Ask the moderators* below a refusal, and whether to after all."""

    question_id: int
    action: str
    question: Question

    async def clicked(self, interaction: Interaction) -> None:
        """Put the question to the helpers; what was asked privately, once that is confirmed."""
        bot, guild, question = interaction.client, interaction.guild, self.question
        language = await viewer_language(interaction)
        view = discord.utils.MISSING
        if guild is None:
            sentence = messages.QUESTION_GONE(language)
        elif question.private and self.action != "sure":
            sentence = messages.ASKS_FIRST(language)
            view = view_of([HandOnButton(language, question_id=self.question_id, action="sure")])
        else:
            sentence = await _hand_on(bot, guild, question, interaction.user.id, language)
        await interaction.edit_original_response(content=sentence, view=view)


async def _hand_on(
    bot: Services,
    guild: discord.Guild,
    question: Question,
    member_id: int,
    language: Language,
) -> str:
    """Put a question to the helpers, once; what whoever clicked is told, in their language."""
    settings = await _settings(bot, guild.id)
    if not settings.hand_on:
        return messages.NOT_SET_UP(language)
    refusal = bot.handovers.refusal(guild, settings, question)
    now = datetime.now(UTC)
    claimed = refusal or await bot.worker.call(
        lambda core: service.hand_on(core, guild.id, question.id, member_id, now),
        priority=Priority.ASKING,
    )
    if isinstance(claimed, NotHandedOn):
        return messages.not_handed_on(claimed, language)
    await bot.handovers.catch_up()
    found = await bot.worker.call(
        lambda core: core.store.handovers.find(guild.id, claimed), priority=Priority.ASKING
    )
    # What could not be sent yet is sent in a minute.
    if found is None:
        return messages.NOT_POSTED(language)
    quiet = await bot.worker.call(
        lambda core: core.store.gaps.quiet(question.asker_id), priority=Priority.ASKING
    )
    return messages.handed_on(mine=question.asker_id == member_id, quiet=quiet, language=language)


async def _settings(bot: Services, guild_id: int) -> GuildSettings:
    """What holds at this moment, and not what held a minute ago."""
    return await bot.worker.call(
        lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
    )


async def _found(interaction: Interaction, question_id: int) -> Handover | None:
    guild_id = interaction.guild_id or 0
    return await interaction.client.worker.call(
        lambda core: core.store.handovers.find(guild_id, question_id), priority=Priority.ASKING
    )


_FIRST: Final = {"answer": First.OWN, "send": First.THINKING}


async def _helpers(interaction: Interaction, _values: Mapping[str, Any]) -> Found | Sentence:
    """Let those in who may help at this moment; finds the server's `settings`."""
    settings = await _settings(interaction.client, interaction.guild_id or 0)
    may = may_help(interaction.user, settings)
    return {"settings": settings} if may else messages.NOT_A_HELPER


class HandoverButton(
    Button,
    ids=CustomId("handover", question_id=int, action=tuple(messages.LABELS)),
    rule=_helpers,
    first={one: _FIRST.get(one, First.IN_PUBLIC) for one in messages.LABELS},
    labels=messages.LABELS,
    styles={
        "claim": discord.ButtonStyle.primary,
        "answer": discord.ButtonStyle.success,
        "send": discord.ButtonStyle.primary,
    },
):
    """What a helper does with a question that was put to them."""

    question_id: int
    action: str
    settings: GuildSettings

    async def clicked(self, interaction: Interaction) -> None:
        if self.action == "answer":
            await self._open_form(interaction)
        elif self.action == "send":
            await self._send(interaction)
        else:
            await self._step(interaction)

    async def _step(self, interaction: Interaction) -> None:
        """Claim, give back, decline or open again: the message shows it, or somebody else's."""
        bot, guild_id = interaction.client, interaction.guild_id or 0
        language = await viewer_language(interaction)
        moderator = may_decide(interaction.user, self.settings)
        step = _step(self.action, guild_id, self.question_id, interaction.user.id, moderator)
        outcome = await bot.worker.call(step, priority=Priority.ASKING)
        if outcome is None:
            await interaction.followup.send(messages.GONE(language), ephemeral=True)
            return
        await bot.handovers.catch_up()
        if not outcome.done:
            taken = messages.taken(outcome.handover, language)
            await interaction.followup.send(taken, ephemeral=True)

    async def _open_form(self, interaction: Interaction) -> None:
        async with in_time():
            found = await _found(interaction, self.question_id)
            asked = await interaction.client.worker.call(
                lambda core: core.store.question_records.question(self.question_id),
                priority=Priority.ASKING,
            )
        language = await viewer_language(interaction)
        sentence = _why_not(interaction, found, language)
        if sentence or asked is None or not asked.text:
            said = sentence or messages.GONE(language)
            await interaction.response.send_message(said, ephemeral=True)
            return
        form = HelperForm(asked, language)
        await interaction.response.send_modal(form)

    async def _send(self, interaction: Interaction) -> None:
        """Put the answer into the queue, as a note."""
        bot, guild_id = interaction.client, interaction.guild_id or 0
        language = await viewer_language(interaction)
        origin = interaction.message.id if interaction.message is not None else 0
        draft = await bot.worker.call(
            lambda core: service.draft(core, guild_id, self.question_id, origin)
        )
        if draft is None:
            await interaction.edit_original_response(content=messages.NOTED_ALREADY(language))
        else:
            await bot.submissions.submit(interaction, draft)
            await bot.handovers.catch_up()


def _step(
    action: str, guild_id: int, question_id: int, member_id: int, moderator: bool
) -> Callable[[Core], HandoverOutcome | None]:
    now = datetime.now(UTC)

    def step(core: Core) -> HandoverOutcome | None:
        store = core.store.handovers
        if action == "claim":
            return store.claim(guild_id, question_id, member_id, now)
        if action == "decline":
            return store.decline(guild_id, question_id, member_id, now, moderator=moderator)
        return store.give_back(guild_id, question_id, member_id, now, moderator=moderator)

    return step


def _why_not(interaction: Interaction, found: Handover | None, language: Language) -> str:
    """Why a helper may not answer, or nothing."""
    if found is None:
        return messages.GONE(language)
    return "" if found.free_for(interaction.user.id) else messages.taken(found, language)


class HelperForm(Form, ids=CustomId("form:helper", question_id=int, nonce=NONCE), rule=_helpers):
    """The form of a helper's answer."""

    def __init__(self, question: Question, language: Language) -> None:
        super().__init__(messages.form_title(question.text), question_id=question.id)
        goes = messages.GOES_PRIVATE if question.private else messages.GOES_PUBLIC
        self.ask_text(
            messages.ANSWER_LABEL(language),
            "answer",
            messages.ANSWER_CHARACTERS,
            goes(language),
            paragraph=True,
        )
        options = [
            discord.SelectOption(label=label(language), value=value)
            for value, label in messages.NAME_CHOICES.items()
        ]
        select = discord.ui.Select[Any](custom_id="name", options=options)
        self.ask(messages.NAME_LABEL(language), select)

    @classmethod
    async def take(cls, interaction: Interaction, subject: dict[str, Any], filled: Filled) -> None:
        """Keep the answer, and have it told; or give it back."""
        bot = interaction.client
        language = await viewer_language(interaction)
        found = await _found(interaction, subject["question_id"])
        sentence = _why_not(interaction, found, language)
        text = filled.text("answer").strip()
        if sentence or found is None or not text:
            await give_back(interaction, sentence or messages.EMPTY(language))
            return
        name = interaction.user.display_name if filled.choice("name") == "named" else ""
        helper, now = Member(interaction.user.id, name), datetime.now(UTC)
        answered = await bot.worker.call(
            lambda core: service.answer(core, found, helper, text, now, interaction.id),
            priority=Priority.ASKING,
        )
        if answered is None or not answered.outcome.done:
            gone = messages.GONE(language)
            said = messages.taken(answered.outcome.handover, language) if answered else gone
            await give_back(interaction, said)
            return
        await bot.handovers.catch_up()
        await bot.outbox.catch_up_in_time()
        thanks = messages.THANKS if answered.told else messages.THANKS_TO_NOBODY
        await interaction.edit_original_response(content=thanks(language))
