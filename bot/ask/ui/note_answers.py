"""*Answer with a note…*: helpers choose a note, and the bot posts it as a reply to a message.

A choice is stored before it is posted, by one dispatcher that runs after each choice and every
minute. Before it posts, it looks for the reply of an interrupted attempt.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import discord
from cachetools import TTLCache
from discord import app_commands

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.answers.question_checks import QUESTION_CHARACTERS
from bot.ask import messages, service
from bot.ask.question_rules import questions_of_post
from bot.ask.ui.answer_message import answer_message, with_pictures
from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.autocomplete import choices_at_once
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, NUMBER, Button, CustomId, Select, view_of
from bot.interactions.kit.errors import UNREACHED, worth_retrying
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import followed_readable_by_viewers, may_write
from bot.interactions.policy.component_access import helpers
from bot.interactions.policy.permissions import lacking_to_answer, may_decide, may_send
from bot.interactions.services import Interaction, Services
from bot.review.messages import CHOOSE_NOTE, FIND, FIND_FIELD, FIND_HELP, NO_SUCH_NOTE
from bot.text.languages import Sentence, speak, speaking
from bot.text.markdown import legible, shorten
from knowledge.values.documents import note_of_document
from knowledge.values.guilds import Language
from knowledge.values.questions import HelperAnswer
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import TITLE_CHARACTERS

_logger = logging.getLogger(__name__)

# Without the Message Content intent, the message's text comes only with the menu.
_TEXTS: Final = 500
_TEXT_SECONDS: Final = 15 * 60
# The most messages after the choice among which an interrupted attempt's reply is looked for.
_LATER: Final = 1_000

TURNED_OFF: Final = Sentence(
    "*Answer with a note…* is off on this server. Administrators can turn it on in `/setup`."
)
CAN_NOT_WRITE: Final = Sentence(
    "I posted nothing. You and I both need permission to write here and to read earlier messages."
)
MESSAGE_GONE: Final = Sentence("I posted nothing: that message was deleted.")
NOTE_GONE: Final = Sentence("That note is no longer live. Choose another one.")
POSTED: Final = Sentence("Posted: {link}.")
CONFIRMED: Final = Sentence(
    "From now on, I'll put this note first when somebody asks nearly the same question."
)
NOT_YET: Final = Sentence(
    "Discord isn't accepting my message right now. I'll keep trying, so you don't "
    "need to do anything."
)
CHOOSE: Final = Sentence(
    "Which note answers {message}? I'll post it there as a reply, with your name."
)
NOTHING_NEAR: Final = Sentence(
    "I found no note that fits {message}. You can look for one by its title."
)


async def _helpers(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit helpers and moderators where both they and the bot may write."""
    found = await helpers(interaction, values)
    if isinstance(found, Sentence):
        return found
    settings: GuildSettings = found["settings"]
    if not settings.note_answers:
        return TURNED_OFF
    channel: Any = interaction.channel
    writes = may_write(interaction) and may_send(channel) and not lacking_to_answer(channel)
    return found if writes else CAN_NOT_WRITE


class NoteAnswers:
    """The menu entry, and the dispatcher of chosen notes."""

    def __init__(self, bot: Services, guilds: set[int]) -> None:
        """Add the guilds with chosen notes to `guilds`, where deleted messages are forgotten."""
        self._bot = bot
        self._guilds = guilds
        self._texts: TTLCache[int, str] = TTLCache(_TEXTS, _TEXT_SECONDS)
        self._one_at_a_time = asyncio.Lock()
        menu = app_commands.ContextMenu(name="Answer with a note…", callback=self.offer)
        menu.guild_only = True
        bot.tree.add_command(menu)

    async def offer(self, interaction: Interaction, message: discord.Message) -> None:
        """Offer the notes nearest to a message, privately."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await _helpers(interaction, {})
        if isinstance(found, Sentence):
            await interaction.edit_original_response(content=found())
            return
        self._texts[message.id] = text_of(message)
        text = self.text_of(message)
        guild_id = interaction.guild_id or 0
        channels = followed_readable_by_viewers(self._bot, interaction.channel)
        passages = await self._bot.worker.call(
            lambda core: service.nearest_notes(core, text, guild_id, channels),
            priority=Priority.ASKING,
        )
        options = [
            discord.SelectOption(
                label=shorten(legible(passage.title), 100) or passage.document_id,
                value=str(note_of_document(passage.document_id)),
                description=shorten(legible(passage.text), 100) or None,
            )
            for passage in passages
        ]
        said = (CHOOSE if options else NOTHING_NEAR)(message=message.jump_url)
        view = _view(message.id, options)
        await interaction.edit_original_response(content=said, view=view)

    def text_of(self, message: discord.Message) -> str:
        """The question in a message; with the title if it is the first message of a post."""
        text = text_of(message) or self._texts.get(message.id, "")
        post = message.channel
        if isinstance(post, discord.Thread) and post.id == message.id:
            text = questions_of_post(post.name, text)[-1]
        return text[:QUESTION_CHARACTERS]

    # Posting.

    async def round(self) -> None:
        """Post the chosen notes that an interruption left unposted."""
        mine = self._bot.serves
        left = await self._bot.worker.call(lambda core: core.store.helper_answers.due(mine))
        for answer in left:
            guild = self._bot.get_guild(answer.guild_id)
            if guild is not None and not guild.unavailable:
                # Nobody reads what it says to the helper.
                with speaking(Language.ENGLISH):
                    await self.post(answer)

    async def post(self, answer: HelperAnswer) -> str:
        """Post a chosen note, unless it is posted already, and return what to tell the helper."""
        call = self._bot.worker.call
        self._guilds.add(answer.guild_id)
        async with self._one_at_a_time:
            known = await call(
                lambda core: core.store.helper_answers.find(answer.message_id, answer.note_id)
            )
            reply = await call(lambda core: service.reply_with_note(core, answer))
            if known is None:
                return MESSAGE_GONE()
            reply_id = known.reply_id
            try:
                if reply_id is None and reply is not None:
                    reply_id = (await self._reply(answer, reply)).id
            except UNREACHED as error:
                _logger.info("A helper's note could not be posted: %s", error)
                if worth_retrying(error):
                    return NOT_YET()
                await call(lambda core: core.store.helper_answers.drop(answer))
                refused = isinstance(error, discord.Forbidden)
                return (CAN_NOT_WRITE if refused else MESSAGE_GONE)()
            if reply_id is None:
                await call(lambda core: core.store.helper_answers.drop(answer))
                return NOTE_GONE()
            await call(lambda core: core.store.helper_answers.record_reply(answer, reply_id))
        place = f"{answer.guild_id}/{answer.channel_id}/{reply_id}"
        posted = POSTED(link=f"https://discord.com/channels/{place}")
        is_confirmed = reply is not None and bool(reply.question)
        return f"{posted} {CONFIRMED()}" if is_confirmed else posted

    async def _reply(self, answer: HelperAnswer, reply: Reply) -> discord.Message:
        """Reply to the message, or return the reply of an interrupted attempt."""
        channel: Any = self._bot.get_channel(answer.channel_id)
        channel = channel or await self._bot.fetch_channel(answer.channel_id)
        after = answer.chosen_at - timedelta(seconds=1)
        later: discord.Message
        async for later in channel.history(limit=_LATER, after=after):
            is_own = later.author == self._bot.user
            if is_own and shared_buttons.question_of(later) == answer.question_id:
                return later
        assert isinstance(reply.outcome, Answer)  # noqa: S101 - made with a quote
        with speaking(await self._bot.guild_settings.language_in(channel)):
            helper = f"<@{answer.helper_id}>" if answer.helper_id else speak("A helper")
            lead = speak("{helper} answers with this note:", helper=helper)
            shown = answer_message(
                await with_pictures(self._bot, reply, channel),
                private=False,
                shown=messages.whole_note(reply.outcome.quotes[0], lead),
            )
        reference = discord.MessageReference(
            message_id=answer.message_id,
            channel_id=answer.channel_id,
            guild_id=answer.guild_id,
            fail_if_not_exists=True,
        )
        sent: discord.Message = await send_with_retries(
            lambda: channel.send(
                reference=reference,
                mention_author=False,
                nonce=f"note-{answer.question_id}",
                **shown,
            )
        )
        return sent


# Components.


def _view(message_id: int, options: list[discord.SelectOption]) -> discord.ui.View | None:
    items: list[discord.ui.Item[Any]] = []
    if options:
        items.append(NoteAnswerMenu(CHOOSE_NOTE(), options, message_id=message_id))
    items.append(NoteTitleButton(FIND(), message_id=message_id))
    return view_of(items)


class NoteAnswerMenu(
    Select, ids=CustomId("note_answer", message_id=int), rule=_helpers, first=First.IN_PLACE
):
    """The list of notes to answer a message with; its values are their ids."""

    message_id: int
    settings: GuildSettings

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        bot = interaction.client
        channel: Any = interaction.channel
        note_id = int(value) if re.fullmatch(NUMBER, value) else 0
        try:
            message = await channel.fetch_message(self.message_id)
        except discord.NotFound:
            gone = MESSAGE_GONE()
            await interaction.edit_original_response(content=gone, view=None)
            return
        ask = Ask(
            bot.note_answers.text_of(message),
            message.author.id,
            interaction.guild_id,
            interaction.channel_id,
            channels=followed_readable_by_viewers(bot, channel),
        )
        by_moderator = may_decide(interaction.user, self.settings)
        answer = await bot.worker.call(
            lambda core: service.choose_note(
                core,
                ask,
                message.id,
                note_id,
                interaction.user.id,
                interaction.created_at,
                by_moderator=by_moderator,
            ),
            priority=Priority.ASKING,
        )
        if answer is None:
            await interaction.edit_original_response(content=NOTE_GONE())
            return
        said = await bot.note_answers.post(answer)
        await interaction.edit_original_response(content=said, view=None)


class NoteTitleButton(
    Button, ids=CustomId("note_title", message_id=int), rule=_helpers, first=First.OWN
):
    """Opens the form that asks for a title."""

    message_id: int

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(NoteTitleForm(self.message_id))


class NoteTitleForm(
    Form,
    ids=CustomId("form:note_title", message_id=int, nonce=NONCE),
    rule=_helpers,
    first=First.IN_PLACE,
):
    """The form for a part of a note's title, or its number."""

    def __init__(self, message_id: int) -> None:
        super().__init__(CHOOSE_NOTE(), message_id=message_id)
        self.ask_text(FIND_FIELD(), "title", TITLE_CHARACTERS, FIND_HELP())

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        typed = filled.text("title")
        message_id = subject["message_id"]
        choices = (await choices_at_once(interaction, interaction.guild_id)).live(typed)
        options = [
            discord.SelectOption(label=choice.name, value=choice.value) for choice in choices
        ]
        place = f"{interaction.guild_id}/{interaction.channel_id}/{message_id}"
        link = f"https://discord.com/channels/{place}"
        said = CHOOSE(message=link) if options else NO_SUCH_NOTE()
        view = _view(message_id, options)
        await interaction.edit_original_response(content=said, view=view)
