"""A server in which the bot helps without being asked."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import discord
from simcord import ChannelHandle

from bot.ask.ui.unasked_cog import UnaskedCog
from bot.core.core import Core
from knowledge.values.settings import Mode
from tests.bot.components import part
from tests.bot.forum import Forum, make_forum
from tests.bot.world import World, custom_ids

# The note answers it: the words are those of the note, as the tests' embedder wants it.
ASKED: Final = "Where is the community meetup in Lisbon at Rua Augusta on Fridays?"
POST_TITLE: Final = "Community meetup in Lisbon"
# No word of it is anywhere.
UNKNOWN: Final = "How does the Zanzibar ferry timetable look in winter?"


@dataclass
class Helped:
    """A world with a forum in which the bot helps, and a text channel, `world.help`."""

    world: World
    forum: Forum

    def said_in(self, channel: ChannelHandle) -> list[discord.Message]:
        """What the bot has said in a channel or post."""
        return [one for one in channel.history() if one.author == self.world.bot.user]

    async def set(self, channel_id: int, **changes: Any) -> None:
        """Choose settings of a channel, as `/channel` does."""
        guild_id, admin_id = self.world.guild.id, self.world.admin.id

        def change(core: Core) -> None:
            core.store.channel_settings.change(channel_id, guild_id, changes, admin_id)

        await self.world.core(change)
        self.world.bot.guild_settings.forget(guild_id)

    async def a_day_later(self) -> None:
        """Let the bot look again at what was asked, as it does after a day."""
        due = datetime(2020, 1, 1, tzinfo=UTC).isoformat()

        def let(core: Core) -> None:
            with core.store.database.writing():
                core.store.database.run("update helped_questions set due_at = ?", [due])

        await self.world.core(let)
        await part(self.world.bot, UnaskedCog).round()

    async def forget_offer(self) -> None:
        """Let a question wait as before the message with similar posts was recorded."""

        def forget(core: Core) -> None:
            with core.store.database.writing():
                core.store.database.run(
                    "update helped_questions set state = 'waiting', reply_id = null, "
                    "due_at = asked_at where similar_ids <> '[]'"
                )

        await self.world.core(forget)

    async def states(self) -> list[str]:
        """What is due for the questions, in the order of their messages."""
        return await self.world.core(
            lambda core: [
                row["state"]
                for row in core.store.database.rows(
                    "select state from helped_questions order by message_id"
                )
            ]
        )

    async def words(self) -> str:
        """Every value in every table, as one text."""

        def look(core: Core) -> str:
            rows = core.store.database.rows
            tables = rows("select name from sqlite_master where type = 'table'")
            return "\n".join(
                str(tuple(row.values()))
                for table in tables
                for row in rows(f"select * from {table['name']}")  # noqa: S608 - the schema's own
            )

        return await self.world.core(look)


async def help_in(world: World) -> Helped:
    """Publish the note, and have the bot help in a new forum and in the help channel."""
    await world.add_note()
    made = Helped(world, make_forum(world))
    for channel_id in (made.forum.id, world.help.id):
        await made.set(channel_id, mode=Mode.HELP, wait_seconds=0)
    return made


def labels(message: discord.Message) -> list[str]:
    """The ids of what is below an answer, without numbers."""
    return [one.translate(str.maketrans("", "", "0123456789")) for one in custom_ids(message)]
