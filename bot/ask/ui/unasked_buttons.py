"""Messages and buttons of unasked help: below an answer, and below the titles of similar posts.

A message with similar posts has the post's id, so its buttons need no id: the question is that of
the post they are clicked in. Members choose from the titles that all readers of the post can read
now.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import discord

from bot.answers.ask import Ask
from bot.answers.outcome import Citation
from bot.answers.quotations import place
from bot.ask import messages, unasked
from bot.ask.question_rules import questions_of_post
from bot.ask.ui.answer_message import AnswerButton
from bot.ask.ui.settled_check import MOST_LATER_MESSAGES, Place
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, Select, view_of
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.channel_access import followed_readable_by_viewers
from bot.interactions.policy.component_access import readers_of_answer
from bot.interactions.policy.permissions import is_moderator, may_decide, may_help
from bot.interactions.services import Interaction, Services
from bot.text.error_messages import NOT_A_HELPER
from bot.text.languages import Sentence, speaking
from bot.text.markdown import shorten
from knowledge.chat.intents import is_marked_solved
from knowledge.values.documents import Kind
from knowledge.values.questions import Feedback, HelpedQuestion, Question, Verdict

LEAD: Final = Sentence("-# Posted automatically. This may help:")

LABELS: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("This solved it"),
    "dismiss": Sentence("Dismiss", "an answer"),
}

THANKS_FOR_SOLVED: Final = Sentence("Glad to hear it. Thanks for telling me!")
MARKED_SOLVED: Final = Sentence("Glad to hear it. I've marked the post as solved.")
DISMISSED: Final = Sentence("Done: I've deleted my message.")
NOT_DISMISSED: Final = Sentence("I couldn't delete my message. Please try again in a moment.")
NOT_YOURS: Final = Sentence(
    "Only the asker and moderators can do that. Anyone can press *Not helpful*."
)

SIMILAR_LABELS: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("One of these solved it"),
    "duplicate": Sentence("Duplicate of…"),
    "read": Sentence("Read the notes"),
    "dismiss": LABELS["dismiss"],
}

CHOOSE: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("Which one solved it?"),
    "duplicate": Sentence("Which one is it a duplicate of?"),
}
# Above the choice, in place of `LEAD`.
CHOSEN: Final[Mapping[str, Sentence]] = {
    "solved": Sentence("-# This solved it:"),
    "duplicate": Sentence("-# This post is a duplicate of:"),
}

NOT_FOR_YOU: Final = Sentence("Only the asker, helpers and moderators can do that.")
SIMILAR_GONE: Final = Sentence("These posts and notes no longer exist.")


def similar(lead: str, documents: Sequence[Citation]) -> str:
    """The titles of similar documents below a lead, linked where they have an address."""
    return "\n".join(
        [lead, *(f"- {place(document.title, '', document.link)}" for document in documents)]
    )


# Discord's limit of tags on a post.
_MOST_TAGS: Final = 5

_READERS: Final = readers_of_answer(messages.FEEDBACK_GONE)

_logger = logging.getLogger(__name__)


def help_buttons(question_id: int) -> list[discord.ui.Item[Any]]:
    return [
        HelpedButton(question_id=question_id, action="solved"),
        AnswerButton(question_id=question_id, action="unhelpful"),
        HelpedButton(question_id=question_id, action="dismiss"),
    ]


async def _askers_and_moderators(
    interaction: Interaction, values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit the asker and moderators, if the question was asked in this channel."""
    found = await _READERS(interaction, values)
    if isinstance(found, Sentence):
        return found
    question: Question = found["question"]
    # The id may be forged, so the channel is checked.
    if question.channel_id not in (interaction.channel_id, None):
        return messages.FEEDBACK_GONE
    mine = question.asker_id == interaction.user.id
    return found if mine or await is_moderator(interaction) else NOT_YOURS


class HelpedButton(
    Button,
    ids=CustomId("helped", question_id=int, action=tuple(LABELS)),
    rule=_askers_and_moderators,
    labels=LABELS,
    styles={"solved": discord.ButtonStyle.success},
):
    """*This solved it* and *Dismiss*, for the asker and moderators."""

    question_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        said = await self._act(interaction)
        await interaction.edit_original_response(content=said())

    async def _act(self, interaction: Interaction) -> Sentence:
        if self.action == "dismiss":
            return await self._dismiss(interaction)
        feedback = Feedback(self.question_id, interaction.user.id, Verdict.HELPFUL)
        known = await interaction.client.worker.call(
            lambda core: core.store.feedback_records.record(feedback), priority=Priority.ASKING
        )
        if not known:
            return messages.FEEDBACK_GONE
        marked = await mark_solved(interaction.channel)
        return MARKED_SOLVED if marked else THANKS_FOR_SOLVED

    async def _dismiss(self, interaction: Interaction) -> Sentence:
        message = interaction.message
        values = HelpedButton.values_on(message)
        if message is None or values is None or values["question_id"] != self.question_id:
            return messages.FEEDBACK_GONE
        return await delete_dismissed(message)


async def delete_dismissed(message: discord.Message) -> Sentence:
    """Delete a message of the bot's, and return the response to the click."""
    try:
        await message.delete()
    except discord.NotFound:
        return DISMISSED
    except UNREACHED as error:
        _logger.warning("An answer that was dismissed could not be deleted: %s", error)
        return NOT_DISMISSED
    return DISMISSED


async def mark_solved(channel: Any) -> bool:
    """Tag a post as solved, if its forum has such a tag and the bot may set it."""
    forum = channel.parent if isinstance(channel, discord.Thread) else None
    if not isinstance(forum, discord.ForumChannel):
        return False
    tag = next((tag for tag in forum.available_tags if is_marked_solved(tag.name)), None)
    may = channel.permissions_for(channel.guild.me).manage_threads
    if tag is None or not may or tag in channel.applied_tags:
        return False
    if len(channel.applied_tags) >= _MOST_TAGS:
        return False
    try:
        await channel.add_tags(tag)
    except UNREACHED as error:
        _logger.warning("A post could not be marked as solved: %s", error)
        return False
    return True


def similar_message(found: Sequence[Citation], lead: Sentence = LEAD) -> dict[str, Any]:
    """Arguments for discord.py to send or edit a message with titles and buttons."""
    # A note's title is a link only if its writer named a source.
    has_notes = any(document.kind is Kind.NOTE for document in found)
    actions = [action for action in SIMILAR_LABELS if action != "read" or has_notes]
    view = view_of([SimilarButton(action=action) for action in actions])
    return {"content": similar(lead(), found), "view": view}


async def asks_of(bot: Services, message: discord.Message, place: Place) -> list[Ask]:
    """The questions to look up: the message, or a post's title and its whole text."""
    texts = [message.content]
    if isinstance(place, discord.Thread):
        texts = questions_of_post(place.name, message.content)
    settings = await bot.guild_settings.in_channel(place)
    ask = Ask(
        "",
        message.author.id,
        place.guild.id,
        place.id,
        channels=followed_readable_by_viewers(bot, place),
        answered_from=settings.answered_from,
        quotations=settings.quotations,
    )
    return [replace(ask, text=text) for text in texts]


async def find_posted(bot: Services, question: HelpedQuestion, place: Place) -> int | None:
    """The id of the message with similar posts that was sent before a restart, if it was."""
    after = discord.Object(question.message_id)
    async for message in place.history(limit=MOST_LATER_MESSAGES, after=after):
        if message.author == bot.user and SimilarButton.values_on(message) is not None:
            return message.id
    return None


async def _members(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the asker, helpers and moderators, as the action demands, and look up the question."""
    bot, guild_id = interaction.client, interaction.guild_id or 0
    question = await bot.worker.call(
        lambda core: core.store.helped_questions.find(guild_id, interaction.channel_id or 0),
        priority=Priority.ASKING,
    )
    if question is None:
        return SIMILAR_GONE
    action, settings = values["action"], await bot.guild_settings.current(guild_id)
    helps = action == "read" or may_help(interaction.user, settings)
    if action == "duplicate" and not helps:
        return NOT_A_HELPER
    if not helps and interaction.user.id != question.asker_id:
        return NOT_FOR_YOU
    return {"helped": question, "by_moderator": may_decide(interaction.user, settings)}


async def _ask(interaction: Interaction, question: HelpedQuestion) -> Ask | None:
    """The whole post as its readers ask it; None if its first message is gone."""
    post: Any = interaction.channel
    try:
        message = await post.fetch_message(question.message_id)
    except discord.NotFound:
        return None
    return (await asks_of(interaction.client, message, post))[-1]


class SimilarButton(
    Button,
    ids=CustomId("similar", action=tuple(SIMILAR_LABELS)),
    rule=_members,
    labels=SIMILAR_LABELS,
    styles={"solved": discord.ButtonStyle.success},
):
    """A button below the titles of similar posts."""

    action: str
    helped: HelpedQuestion
    by_moderator: bool

    async def on_click(self, interaction: Interaction) -> None:
        message = interaction.message
        ask = await _ask(interaction, self.helped)
        if message is None or SimilarButton.values_on(message) is None or ask is None:
            await interaction.edit_original_response(content=SIMILAR_GONE())
        elif self.action == "dismiss":
            await self._dismiss(interaction, message)
        elif self.action == "read":
            await self._read(interaction, ask)
        else:
            await self._list(interaction, message, ask)

    async def _dismiss(self, interaction: Interaction, message: discord.Message) -> None:
        """Delete the message, and withdraw a choice."""
        question_id = self.helped.question_id
        if question_id is not None:
            await interaction.client.worker.call(
                lambda core: core.store.feedback_records.take_back(
                    question_id, by_moderator=self.by_moderator
                ),
                priority=Priority.ASKING,
            )
        said = await delete_dismissed(message)
        await interaction.edit_original_response(content=said())

    async def _read(self, interaction: Interaction, ask: Ask) -> None:
        """Show the notes to the member alone."""
        found = await interaction.client.worker.call(
            lambda core: unasked.similar_notes(core, self.helped, ask), priority=Priority.ASKING
        )
        parts = [part for note in found for part in messages.section_page(note, 0).parts]
        first, *rest = parts or [SIMILAR_GONE()]
        await interaction.edit_original_response(content=first)
        for part in rest:
            await interaction.followup.send(part, ephemeral=True)

    async def _list(self, interaction: Interaction, message: discord.Message, ask: Ask) -> None:
        """Show the titles to choose from to the member alone."""
        found = await interaction.client.worker.call(
            lambda core: unasked.similar_documents(core, self.helped, ask),
            priority=Priority.ASKING,
        )
        if not found:
            await interaction.edit_original_response(content=SIMILAR_GONE())
            return
        options = [
            discord.SelectOption(
                label=shorten(document.title, messages.OPTION_CHARACTERS),
                value=str(self.helped.similar_ids.index(document.document_id)),
            )
            for document in found
        ]
        placeholder = CHOOSE[self.action]()
        select = SimilarSelect(placeholder, options, message_id=message.id, action=self.action)
        await interaction.edit_original_response(view=view_of([select]))


class SimilarSelect(
    Select,
    ids=CustomId("similar_choice", message_id=int, action=tuple(CHOOSE)),
    rule=_members,
    first=First.IN_PLACE,
):
    """The titles to choose from; `message_id` is the message with the similar posts."""

    message_id: int
    action: str
    helped: HelpedQuestion
    by_moderator: bool

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        ask = await _ask(interaction, self.helped)
        chosen = None
        if ask is not None and value in map(str, range(len(self.helped.similar_ids))):
            document_id = self.helped.similar_ids[int(value)]
            chosen = await interaction.client.worker.call(
                lambda core: unasked.choose_similar(
                    core, ask, document_id, interaction.user.id, by_moderator=self.by_moderator
                ),
                priority=Priority.ASKING,
            )
        said = SIMILAR_GONE
        if chosen is not None:
            await self._show(interaction, chosen)
            marked = await mark_solved(interaction.channel)
            said = MARKED_SOLVED if marked else THANKS_FOR_SOLVED
        await interaction.edit_original_response(content=said(), view=None)

    async def _show(self, interaction: Interaction, chosen: Citation) -> None:
        """Edit the message to show the chosen title alone."""
        bot, post = interaction.client, cast("discord.Thread", interaction.channel)
        try:
            # The id may be forged.
            message = await post.fetch_message(self.message_id)
            if message.author == bot.user and SimilarButton.values_on(message) is not None:
                with speaking(await bot.guild_settings.language_in(post)):
                    shown = similar_message([chosen], CHOSEN[self.action])
                await message.edit(**shown)
        except UNREACHED as error:
            _logger.info("The choice among similar posts could not be shown: %s", error)
