"""*Save as note*: a message becomes a draft, and the first one of a thread the whole exchange.

What is made of a message is nowhere but in the form, or in the file of a private message, until
somebody submits it.
"""

import discord

from bot.interactions.errors import UNREACHED, in_time
from bot.interactions.guild_settings import viewer_language
from bot.interactions.services import Interaction
from bot.notes import form_messages, service
from bot.notes.drafts import Draft
from bot.notes.ui.form import open_form
from bot.notes.ui.source_messages import SourceMessages
from bot.sources.ui.discord_messages import listed, opening, written
from bot.text.languages import Sentence
from bot.text.markdown import beginning, size
from knowledge.chat.conversations import THREAD_MESSAGES
from knowledge.chat.transcript import Channel, Transcript
from knowledge.model.submissions import FORM_CHARACTERS


async def save_as_note(
    interaction: Interaction, message: discord.Message, sources: SourceMessages
) -> None:
    """Open the form with a message's text, its link and its author's credit.

    Of a thread's first message, the whole exchange is made ready instead, with a button to the
    form: reading it takes longer than a form may be waited for.
    """
    language = await viewer_language(interaction)
    async with in_time():
        quotable = message.author == interaction.user or await _may_be_quoted(interaction, message)
        begins = quotable and await _begins_thread(message)
    if not quotable:
        said = form_messages.NOT_QUOTED(language)
        await interaction.response.send_message(said, ephemeral=True)
        return
    name = _closed(message)
    warning = form_messages.from_channel(name, language) if name else ""
    if begins:
        await _save_exchange(interaction, message, sources, warning)
    else:
        await open_form(interaction, _draft(interaction, message, sources), warning=warning)


async def _may_be_quoted(interaction: Interaction, message: discord.Message) -> bool:
    said = written(message)
    return said is None or await interaction.client.worker.call(
        lambda core: said.message not in core.store.quote_opt_outs.withheld()
    )


def _draft(interaction: Interaction, message: discord.Message, sources: SourceMessages) -> Draft:
    credit = f"\n\n— {message.author.display_name}" if message.content else ""
    room = FORM_CHARACTERS - size(credit)
    return Draft(
        text=beginning(message.content, room) + credit,
        link=message.jump_url,
        source=sources.watch(message, interaction.created_at),
    )


# The exchange.


async def _begins_thread(message: discord.Message) -> bool:
    """Whether a thread was begun with a message, from it, or whether it is a thread's first one."""
    if message.flags.has_thread or message.id == message.channel.id:
        return True
    channel = message.channel
    if not isinstance(channel, discord.Thread) or isinstance(channel.parent, discord.ForumChannel):
        return False
    try:
        return [each.id async for each in channel.history(limit=1, oldest_first=True)] == [
            message.id
        ]
    except UNREACHED:
        return False


async def _save_exchange(
    interaction: Interaction, message: discord.Message, sources: SourceMessages, warning: str
) -> None:
    bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    language = await viewer_language(interaction)
    message, found = await _exchange(interaction, message)
    draft = _draft(interaction, message, sources)
    if isinstance(found, Transcript):
        said = form_messages.exchange(found, language)
        draft = Draft(found.title, found.text, link=draft.link, source=draft.source)
    else:
        said = f"{found(language)} {form_messages.ONE_MESSAGE(language)}"
    said = "\n".join(filter(None, [said, warning]))
    await interaction.edit_original_response(**bot.submissions.given_back(draft, said, language))


async def _exchange(
    interaction: Interaction, message: discord.Message
) -> tuple[discord.Message, Transcript | Sentence]:
    """The message that a thread began with, and the exchange or why it can't be had."""
    if not interaction.client.intents.message_content:
        return message, form_messages.NO_CONTENT
    thread = await _thread(message)
    member = interaction.user
    if thread is None or not isinstance(member, discord.Member):
        return message, form_messages.NOT_READABLE
    have = thread.permissions_for(member)
    if not (have.view_channel and have.read_message_history):
        return message, form_messages.NOT_READABLE
    try:
        found = [each async for each in thread.history(limit=THREAD_MESSAGES, oldest_first=True)]
    except UNREACHED:
        return message, form_messages.NOT_READABLE
    _, begun_from = opening(thread.id, found)
    if not begun_from and message.id not in {each.id for each in found}:
        begun_from = [message]
    message = begun_from[0] if begun_from else message
    solved = listed(thread).solved
    place = Channel(thread.guild.id, thread.id, thread.name, thread=True, solved=solved)
    said = [*filter(None, map(written, [*begun_from, *found]))]
    made = await interaction.client.worker.call(lambda core: service.exchange(core, place, said))
    return message, made or form_messages.NO_ANSWER


async def _thread(message: discord.Message) -> discord.Thread | None:
    if isinstance(message.channel, discord.Thread):
        return message.channel
    found: object = message.thread
    if found is None and message.guild is not None:
        try:
            found = await message.guild.fetch_channel(message.id)
        except UNREACHED:
            return None
    return found if isinstance(found, discord.Thread) else None


def _closed(message: discord.Message) -> str:
    """The name of the channel that a message is from if not everybody may read it, or nothing."""
    channel, guild = message.channel, message.guild
    if guild is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return ""
    private = isinstance(channel, discord.Thread) and channel.is_private()
    everybody = channel.permissions_for(guild.default_role)
    if not private and everybody.view_channel and everybody.read_message_history:
        return ""
    return channel.name
