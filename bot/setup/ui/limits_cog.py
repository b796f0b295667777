"""Limits cog: `/limits set`, `newcomers`, `show` and `reset`, for administrators."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import discord
from discord import app_commands

from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.permissions import SHOWN_TO_ADMINISTRATORS, manages
from bot.interactions.services import Cog, Interaction
from bot.setup import limit_messages as messages
from knowledge.values.limits import MOST, Limits, Quota

_Number = app_commands.Range[int, 0, MOST]
_ANY: Final = Quota()


class LimitsCog(Cog):
    """The `/limits` commands."""

    limits = app_commands.Group(
        name="limits",
        description=described("How many questions and notes members may send."),
        guild_only=True,
        default_permissions=SHOWN_TO_ADMINISTRATORS,
    )

    @limits.command(
        name="set",
        description=described("Choose how much a role may send; what you leave out stays."),
    )
    @app_commands.describe(
        role=described("Whose it is; everybody's unless you choose a role."),
        questions_an_hour=described("Questions in any hour; 0 for any number."),
        questions_a_day=described("Questions in any day; 0 for any number."),
        notes_an_hour=described("Notes in any hour; 0 for any number."),
        notes_a_day=described("Notes in any day; 0 for any number."),
    )
    async def choose(
        self,
        interaction: Interaction,
        role: discord.Role | None = None,
        questions_an_hour: _Number | None = None,
        questions_a_day: _Number | None = None,
        notes_an_hour: _Number | None = None,
        notes_a_day: _Number | None = None,
    ) -> None:
        role_id = role.id if role is not None else interaction.guild_id or 0

        def change(limits: Limits) -> Limits:
            return limits.with_role(
                role_id,
                _quota(limits.questions.get(role_id), questions_an_hour, questions_a_day),
                _quota(limits.notes.get(role_id), notes_an_hour, notes_a_day),
            )

        await self._change(interaction, change)

    @limits.command(
        name="newcomers",
        description=described("Have members who are new wait with notes, or propose fewer."),
    )
    @app_commands.describe(
        account_days=described("New is whose Discord account is younger than so many days."),
        member_days=described("New is who joined less than so many days ago."),
        notes_a_day=described("How many notes a day they may propose meanwhile; 0 for none."),
    )
    async def newcomers(
        self,
        interaction: Interaction,
        account_days: _Number | None = None,
        member_days: _Number | None = None,
        notes_a_day: _Number | None = None,
    ) -> None:
        given = {"account_days": account_days, "member_days": member_days, "notes": notes_a_day}
        chosen = {name: value for name, value in given.items() if value is not None}

        def change(limits: Limits) -> Limits:
            before = limits.newcomers or self.bot.settings.limits.newcomers
            return replace(limits, newcomers=replace(before, **chosen))

        await self._change(interaction, change)

    @limits.command(
        name="show",
        description=described("Which limits hold, by role."),
    )
    async def show(self, interaction: Interaction) -> None:
        await self._change(interaction, None)

    @limits.command(
        name="reset",
        description=described("Forget what was chosen: for a role, or all of it."),
    )
    @app_commands.describe(role=described("Whose it is; everything unless you choose a role."))
    async def reset(self, interaction: Interaction, role: discord.Role | None = None) -> None:
        role_id = role.id if role is not None else None
        await self._change(
            interaction,
            lambda limits: Limits() if role_id is None else limits.without_role(role_id),
        )

    async def _change(
        self, interaction: Interaction, change: Callable[[Limits], Limits] | None
    ) -> None:
        """Change the limits, unless it is None, and say which hold then."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not await manages(interaction, messages.NEEDS_ADMIN):
            return
        language = await viewer_language(interaction)
        guild_id, actor_id = interaction.guild_id or 0, interaction.user.id
        if change is not None:
            await self.bot.worker.call(
                lambda core: core.store.guilds.change_limits(guild_id, change, actor_id)
            )
            self.bot.guild_settings.forget(guild_id)
        settings = await self.bot.guild_settings.settings(guild_id)
        operators = self.bot.settings.limits
        said = messages.limits(settings.limits, operators, guild_id, language)
        await interaction.edit_original_response(content=said)


def _quota(before: Quota | None, hour: int | None, day: int | None) -> Quota | None:
    """A quota with what was given in place of what it was; None where nothing was."""
    if hour is None and day is None:
        return None
    kept = before or _ANY
    return Quota(kept.hour if hour is None else hour, kept.day if day is None else day)
