"""*Save as note*: drafts made of a message, or of a whole thread from its first message.

A draft exists only in the form, or in the file of a private message, until it's submitted.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import discord

from bot.interactions.kit.errors import UNREACHED, in_time
from bot.interactions.kit.layouts import text_of
from bot.interactions.pictures import pictures_among
from bot.interactions.policy.admission import note_refusal
from bot.interactions.services import Interaction
from bot.notes import drafts, service
from bot.notes.answer_detection import title_of_question
from bot.notes.drafts import too_many_pictures
from bot.notes.ui.form import open_form
from bot.notes.ui.source_watcher import SourceWatcher
from bot.sources.ui.discord_messages import archived_message, archived_thread, find_opener
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import beginning, size
from knowledge.chat.conversations import THREAD_MESSAGES
from knowledge.chat.intents import asks
from knowledge.chat.transcript import Channel, Transcript, title_of
from knowledge.values.drafts import Draft
from knowledge.values.notes import PICTURES, Picture
from knowledge.values.submissions import FORM_CHARACTERS, InvalidNoteError


async def save_as_note(
    interaction: Interaction, message: discord.Message, sources: SourceWatcher
) -> None:
    """Open the form with a message's text and link, credited to its author.

    Threads and pictures take longer to fetch than Discord waits for a form. A draft of these is put
    into a private message instead, with a button to the form.
    """
    async with in_time(interaction):
        quotable = await _may_be_quoted(interaction, message)
        begins = quotable and await _begins_thread(message)
    if not quotable:
        said = drafts.NOT_QUOTED()
        await interaction.response.send_message(said, ephemeral=True)
        return
    name = name_if_closed(message.channel)
    warning = drafts.from_channel(name) if name else ""
    if begins or pictures_among(message.attachments):
        if refusal := await note_refusal(interaction, None):
            await interaction.response.send_message(refusal, ephemeral=True)
            return
        await _make_ready(interaction, message, sources, warning, begins=begins)
    else:
        await open_form(interaction, _draft(interaction, message, sources), warning=warning)


async def _may_be_quoted(interaction: Interaction, message: discord.Message) -> bool:
    said = archived_message(message)
    mine = message.author == interaction.user
    return (
        mine
        or said is None
        or await interaction.client.worker.call(
            lambda core: said.message not in core.store.quote_opt_outs.withheld()
        )
    )


def _draft(interaction: Interaction, message: discord.Message, sources: SourceWatcher) -> Draft:
    text = text_of(message)
    credit = f"\n\n— {message.author.display_name}" if text else ""
    return Draft(
        title=_question_before(message) or title_of(text),
        text=beginning(text, FORM_CHARACTERS - size(credit)) + credit,
        link=message.jump_url,
        source=sources.watch(message, interaction.created_at),
    )


def _question_before(message: discord.Message) -> str:
    """The question that a message replies to, or an empty string without a question."""
    asked = message.reference.resolved if message.reference is not None else None
    if not isinstance(asked, discord.Message) or asked.author.bot or not asks(asked.content):
        return ""
    return title_of_question(asked.content, is_known=True)


# The exchange.


async def _begins_thread(message: discord.Message) -> bool:
    """Whether a message is the first of its thread, or a thread was started from the message."""
    if message.flags.has_thread or message.id == message.channel.id:
        return True
    channel = message.channel
    if not isinstance(channel, discord.Thread) or isinstance(channel.parent, discord.ForumChannel):
        return False
    try:
        return [message.id async for message in channel.history(limit=1, oldest_first=True)] == [
            message.id
        ]
    except UNREACHED:
        return False


class _DraftSources(NamedTuple):
    """Source messages of a draft, and why they are one message alone, or None."""

    messages: Sequence[discord.Message]
    exchange: Transcript | None = None
    why_alone: Sentence | None = None


async def _make_ready(
    interaction: Interaction,
    message: discord.Message,
    sources: SourceWatcher,
    warning: str,
    *,
    begins: bool,
) -> None:
    bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    chosen = await _exchange(interaction, message) if begins else _DraftSources([message])
    # The first message of the thread may differ from the message checked before.
    if not await _may_be_quoted(interaction, chosen.messages[0]):
        said = drafts.NOT_QUOTED()
        await interaction.edit_original_response(content=said)
        return
    draft = _draft(interaction, chosen.messages[0], sources)
    found = chosen.exchange
    if found is not None:
        told = [drafts.exchange(found)]
        draft = Draft(found.title, found.text, link=draft.link, source=draft.source)
    else:
        why = chosen.why_alone() if chosen.why_alone is not None else ""
        told = [f"{why} {drafts.ONE_MESSAGE()}".strip()]
    pictures, problem = await _pictures(interaction, chosen.messages)
    draft = replace(draft, pictures=tuple(pictures))
    if pictures:
        told.append(drafts.PICTURES_TAKEN(len(pictures)))
    if problem is not None:
        told.append(error_messages.invalid(problem))
    shown = "\n".join([*told, *filter(None, [warning])])
    await interaction.edit_original_response(**bot.submissions.given_back(draft, shown))


async def _pictures(
    interaction: Interaction, messages: Sequence[discord.Message]
) -> tuple[list[Picture], InvalidNoteError | None]:
    """The first pictures of messages, up to a note's maximum, and an error if some are left out."""
    attached = pictures_among(
        attachment for message in messages for attachment in message.attachments
    )
    found: list[Picture] = []
    problem: InvalidNoteError | None = None
    for attachment in attached[:PICTURES]:
        try:
            picture = await interaction.client.attachments.picture(attachment, interaction.user.id)
            found.append(picture)
        except InvalidNoteError as error:
            problem = error
    if len(attached) > PICTURES:
        problem = problem or too_many_pictures(len(attached))
    return found, problem


async def _exchange(interaction: Interaction, message: discord.Message) -> _DraftSources:
    """The exchange in a message's thread, or the message alone with `why_alone`."""
    if not interaction.client.intents.message_content:
        return _DraftSources([message], why_alone=drafts.NO_CONTENT)
    thread, member = await _thread(message), interaction.user
    alone = _DraftSources([message], why_alone=drafts.NOT_READABLE)
    if thread is None or not isinstance(member, discord.Member):
        return alone
    have = thread.permissions_for(member)
    if not (have.view_channel and have.read_message_history):
        return alone
    try:
        found = [
            message async for message in thread.history(limit=THREAD_MESSAGES, oldest_first=True)
        ]
    except UNREACHED:
        return alone
    _, begun_from = find_opener(thread.id, found)
    if not begun_from and message.id not in {earlier.id for earlier in found}:
        begun_from = [message]
    first = begun_from[0] if begun_from else message
    solved = archived_thread(thread).solved
    place = Channel(thread.guild.id, thread.id, thread.name, thread=True, solved=solved)
    said = [*filter(None, map(archived_message, [*begun_from, *found]))]
    made = await interaction.client.worker.call(
        lambda core: service.thread_transcript(core, place, said)
    )
    if made is None:
        return _DraftSources([first], why_alone=drafts.NO_ANSWER)
    kept = {message.id for message in made.messages}
    others = [
        message
        for message in [*begun_from, *found]
        if message.id in kept and message.id != first.id
    ]
    return _DraftSources([first, *others], made)


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


def name_if_closed(channel: Any) -> str:
    """The name of a server's channel that not everyone can read; empty for other channels."""
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return ""
    private = isinstance(channel, discord.Thread) and channel.is_private()
    everybody = channel.permissions_for(channel.guild.default_role)
    if not private and everybody.view_channel and everybody.read_message_history:
        return ""
    return channel.name
