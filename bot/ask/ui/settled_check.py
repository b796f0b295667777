"""Check whether a question still needs an answer, by the messages after the question.

The messages are fetched from the history, so messages sent while the bot was off count, too.
"""

from typing import Final

import discord

from bot.ask.question_rules import (
    ANSWERED_WITHIN_SECONDS,
    LaterMessage,
    is_settled,
)
from bot.interactions import threads
from bot.interactions.policy.permissions import lacking_to_answer, may_help
from bot.interactions.services import Services
from knowledge.values.questions import HelpedQuestion

# The largest number of messages to fetch after a question.
MOST_LATER_MESSAGES: Final = 50
# The largest number of authors to fetch for their roles.
MOST_AUTHORS: Final = 5

TYPED: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})

Place = discord.TextChannel | discord.Thread


async def message_and_settled(
    bot: Services, question: HelpedQuestion, place: Place
) -> tuple[discord.Message | None, bool]:
    """A question's message unless deleted, and whether the question needs no answer any more."""
    before = discord.Object(question.message_id - 1)
    said = [message async for message in place.history(limit=MOST_LATER_MESSAGES, after=before)]
    if not said or said[0].id != question.message_id:
        return None, False
    message, *later = said
    heard = [
        LaterMessage(
            answer.author.id,
            answer.content,
            (answer.created_at - message.created_at).total_seconds(),
            by_bot=answer.author == bot.user,
            refers=message.author in answer.mentions
            or (answer.reference is not None and answer.reference.message_id == message.id),
        )
        for answer in later
        # Other bots don't count, nor do this bot's unasked answer and its ping of the helpers.
        if answer.type in TYPED
        and answer.id != question.reply_id
        and not is_ping(bot, answer)
        and (not answer.author.bot or answer.author == bot.user)
    ]
    settled = is_settled(question.asker_id, heard, in_post=question.is_post)
    return message, settled or await _helper_is_there(bot, question, place, heard)


def is_ping(bot: Services, message: discord.Message) -> bool:
    """Whether this is the bot's ping of the helpers; no other message of the bot names a role."""
    return message.author == bot.user and bool(message.raw_role_mentions)


async def _helper_is_there(
    bot: Services, question: HelpedQuestion, place: Place, heard: list[LaterMessage]
) -> bool:
    """Whether a helper, a moderator or more than `MOST_AUTHORS` people have written.

    The authors are fetched as members, because messages from the history have no roles.
    """
    settings = await bot.guild_settings.settings(question.guild_id)
    authors = {
        message.author_id
        for message in heard
        if question.is_post or message.seconds <= ANSWERED_WITHIN_SECONDS
    } - {question.asker_id}
    if len(authors) > MOST_AUTHORS:
        # Among so many people, somebody will help.
        return True
    for author_id in sorted(authors):
        try:
            member = await place.guild.fetch_member(author_id)
        except discord.NotFound:
            continue
        if may_help(member, settings):
            return True
    return False


def is_closed(place: Place, *, archived_ok: bool = False) -> bool:
    """Whether a place is a closed post; see `threads.is_closed`."""
    return isinstance(place, discord.Thread) and threads.is_closed(place, archived_ok=archived_ok)


def lacking_to_help(bot: Services, place: Place) -> list[str]:
    """Permissions and intents, by Discord's names, that the bot lacks to help in a channel."""
    return lacking_to_answer(place) + ([] if bot.intents.message_content else ["message_content"])
