"""Privacy cog: `/privacy` shows, exports and deletes stored data."""

import functools
import gzip
import io
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.core import index_updates
from bot.core.core import ROUND_ERRORS
from bot.interactions.features import Feature, Round, Start
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, view_of
from bot.interactions.kit.localisation import description
from bot.interactions.policy.component_access import anybody
from bot.interactions.policy.permissions import also_directly
from bot.interactions.services import Cog, Interaction, Services
from bot.privacy import messages, service
from bot.privacy.messages import PRIVACY_LABELS
from bot.text.languages import speak
from knowledge.text import count_of
from knowledge.values.notes import PageName

# Discord accepts 10 MB from a bot; larger files are compressed.
_FILE_BYTES: Final = 8_000_000

# Interval of pruning old questions, from the start on.
PRUNE_SECONDS: Final = 86_400

_STYLES: Final = dict.fromkeys(("delete", "keep", "withdraw"), discord.ButtonStyle.danger)

_logger = logging.getLogger(__name__)


class PrivacyCog(Cog):
    """The `/privacy` command."""

    @app_commands.command(
        name="privacy",
        description=description("Show, export or delete your stored data."),
    )
    @also_directly
    async def privacy(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        member_id = interaction.user.id
        stored, quiet, withheld, named, published = await self.bot.worker.call(
            lambda core: (
                service.count_stored(core, member_id, interaction.guild_id),
                core.store.gaps.has_opted_out(member_id),
                core.store.quote_opt_outs.is_withheld(member_id),
                service.name_on_pages(core, member_id),
                core.store.public_notes.number_of_member(member_id),
            )
        )
        choices = ["tell" if quiet else "quiet", "quote" if withheld else "withhold"]
        if named is not None:
            choices += [name.value for name in PageName if name is not named]
        view = _view("export", *choices, "delete")
        phrasing = self.bot.settings.phrasing
        content = messages.privacy(
            stored,
            quiet=quiet,
            withheld=withheld,
            named=named,
            published=published,
            model_host=phrasing.host if phrasing.is_on else "",
        )
        await interaction.edit_original_response(content=content, view=view)


_FIRST: Final = {"delete": First.OWN} | dict.fromkeys(
    ("keep", "withdraw", "cancel"), First.IN_PLACE
)


class PrivacyButton(
    Button,
    ids=CustomId("privacy", action=tuple(PRIVACY_LABELS)),
    rule=anybody,
    first={action: _FIRST.get(action, First.THINKING) for action in PRIVACY_LABELS},
    labels=PRIVACY_LABELS,
    styles=_STYLES,
):
    """Button below a member's overview of stored data."""

    action: str

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "delete":
            view = _view("keep", "withdraw", "cancel")
            asks = messages.ASKS_TO_DELETE()
            await interaction.response.send_message(asks, view=view, ephemeral=True)
        elif self.action == "export":
            await _export(interaction)
        elif self.action in ("keep", "withdraw"):
            await _forget(interaction, withdraw=self.action == "withdraw")
        elif self.action == "cancel":
            nothing = speak("Nothing was deleted.")
            await interaction.edit_original_response(content=nothing, view=None)
        else:
            content = await _choose(interaction, self.action)
            await interaction.edit_original_response(content=content)


def _view(*actions: str) -> discord.ui.View:
    buttons = (PrivacyButton(action=action) for action in actions)
    return view_of(buttons) or discord.utils.MISSING


async def _export(interaction: Interaction) -> None:
    data = await interaction.client.worker.call(
        lambda core: service.export(core, interaction.user.id)
    )
    content, name = json.dumps(data, ensure_ascii=False, indent=1).encode(), "commonplace.json"
    if len(content) > _FILE_BYTES:
        content, name = gzip.compress(content), f"{name}.gz"
    await interaction.edit_original_response(
        content=messages.EXPORTED(),
        attachments=[discord.File(io.BytesIO(content), name)],
    )


async def _choose(interaction: Interaction, choice: str) -> str:
    """Store a choice about notices, quotations or the name on public pages, and confirm it."""
    bot, user = interaction.client, interaction.user
    if choice in ("quiet", "tell"):
        quiet = choice == "quiet"
        await bot.worker.call(lambda core: core.store.gaps.set_opt_out(user.id, quiet=quiet))
        again = speak("I'll tell you when your question is answered later.")
        return messages.QUIET() if quiet else again
    if choice in ("withhold", "quote"):
        account, withheld = _account(user), choice == "withhold"
        await bot.worker.call(
            lambda core: service.choose_quotation(core, user.id, account, withheld)
        )
        await bot.channel_sync.apply_quote_opt_outs()
        return (messages.WITHHELD if withheld else messages.QUOTED_AGAIN)()
    name = PageName(choice)
    await bot.worker.call(lambda core: core.store.public_notes.choose_name(user.id, name))
    return messages.now_named(name)


def _account(user: discord.User | discord.Member) -> str:
    """Return the account name as chat exports write it. Old accounts end with four digits."""
    return user.name if user.discriminator == "0" else f"{user.name}#{user.discriminator}"


async def _forget(interaction: Interaction, *, withdraw: bool) -> None:
    bot, member = interaction.client, interaction.user
    account = _account(member)
    note_ids = await bot.worker.call(
        lambda core: service.forget(core, member.id, withdraw, account)
    )
    await bot.worker.run_slices(lambda core: service.update_index(core, note_ids))
    await bot.channel_sync.apply_quote_opt_outs()
    withdrawn = speak(
        "Deleted. Your live notes are withdrawn, and nothing here identifies you any more."
    )
    content = withdrawn if withdraw else messages.DELETED()
    try:
        await interaction.edit_original_response(content=content, view=None)
    finally:
        await bot.outbox.catch_up()


def feature(bot: Services) -> Feature:
    removal = GuildRemoval(bot)
    rounds = [
        Round(ROUND_SECONDS, removal.round),
        Round(ROUND_SECONDS, removal.purge_round, by_leader=True),
    ]
    if bot.settings.questions.keep_days:
        step = functools.partial(prune_questions, bot)
        rounds.append(Round(PRUNE_SECONDS, step, by_leader=True, start=Start.INDEXED))
    return Feature([PrivacyCog(bot), removal], rounds, [removal.compare])


async def prune_questions(bot: Services) -> None:
    """Delete the text of questions older than the configured maximum."""
    before = datetime.now(UTC) - timedelta(days=bot.settings.questions.keep_days)
    pruned = await bot.worker.run_slices(lambda core: service.prune_questions(core, before))
    if pruned:
        _logger.info("The words of %s were dropped.", count_of(pruned, "old question"))


# Former guilds: a listener, and the purge after a period.

# Interval of purging the data of guilds left long ago.
ROUND_SECONDS: Final = 3_600


class GuildRemoval(commands.Cog):
    """Listener for guilds that remove the bot or add it again; purges data after `keep_days`."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._compared = False

    @property
    def _present(self) -> list[int]:
        """Ids of all guilds that the bot is in, including unavailable ones."""
        return [guild.id for guild in self._bot.guilds]

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Start the retention period. For outages, Discord sends another event."""
        now = datetime.now(UTC)
        await self._bot.worker.call(lambda core: core.store.guilds.leave(guild.id, now))
        _logger.info("The bot was removed from a server.", extra={"guild_id": guild.id})

    @commands.Cog.listener("on_guild_join")
    @commands.Cog.listener("on_guild_available")
    async def on_guild_back(self, guild: discord.Guild) -> None:
        """Cancel the retention period of a guild that has the bot again."""
        if not self._compared:
            # At the start, `compare` handles all guilds together.
            return
        if await self._bot.worker.call(lambda core: core.store.guilds.come_back(guild.id)):
            _logger.info("The bot is in a server again.", extra={"guild_id": guild.id})

    async def round(self) -> None:
        """Call `compare` once after each start of the bot."""
        if not self._compared:
            self._compared = True
            await self.compare()

    async def compare(self) -> None:
        """Record the guilds that removed the bot, or added it again, while the bot was offline."""
        try:
            present, known, now = self._present, self._bot.membership_known, datetime.now(UTC)
            gone, back = await self._bot.worker.call(
                lambda core: service.compare_guilds(core, present, known, now)
            )
        except ROUND_ERRORS as error:
            _logger.error("It is not known which servers the bot has left: %s", error)
            return
        if gone or back:
            counted = {"removed_from": len(gone), "back_in": len(back)}
            _logger.info("The bot was removed from servers, or is back in some.", extra=counted)

    async def purge_round(self) -> None:
        try:
            await self.purge(datetime.now(UTC))
        except ROUND_ERRORS as error:
            _logger.error("What is to be deleted waits for the next hour: %s", error)

    async def purge(self, at: datetime) -> None:
        """Delete data of guilds whose retention period is over."""
        keep = timedelta(days=self._bot.settings.guilds.keep_days)
        present, known = self._present, self._bot.all_memberships_known
        worker = self._bot.worker
        purged = await worker.call(
            lambda core: service.purge_former_guilds(core, present, known, at, keep)
        )
        if purged:
            await worker.run_slices(index_updates.update_files)
            await worker.run_slices(index_updates.update_pages)
            await worker.run_slices(index_updates.check_channels)
            await self._bot.channel_sync.load()
            _logger.info("Everything of servers left long ago was deleted: %d.", len(purged))
