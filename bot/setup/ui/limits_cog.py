"""Limits cog: `/limits set`, `newcomers`, `show` and `reset`, for administrators."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import discord
from discord import app_commands

from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.command_groups import administrators_group
from bot.interactions.services import Cog, Interaction
from bot.setup import limit_messages as messages
from bot.setup import service
from knowledge.values.quotas import MOST, Limits, Newcomers, Quota

_Number = app_commands.Range[int, 0, MOST]
_ANY: Final = Quota()


class LimitsCog(Cog):
    """The `/limits` commands."""

    limits = administrators_group(
        "limits", described("How many questions and notes members may send.")
    )

    @limits.command(
        name="set",
        description=described(
            "Limit how much a role may send; options you leave out stay as they are."
        ),
    )
    @app_commands.describe(
        role=described("The role; everyone if you choose none."),
        questions_an_hour=described("Questions an hour; 0 for no limit."),
        questions_a_day=described("Questions a day; 0 for no limit."),
        notes_an_hour=described("Notes an hour; 0 for no limit."),
        notes_a_day=described("Notes a day; 0 for no limit."),
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
        description=described(
            "Make new members wait before proposing notes, or let them propose fewer."
        ),
    )
    @app_commands.describe(
        account_days=described("New: a Discord account younger than this many days."),
        member_days=described("New: a member who joined less than this many days ago."),
        notes_a_day=described("Notes a day that a new member may propose; 0 for none."),
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
            before = limits.newcomers or Newcomers()
            return replace(limits, newcomers=replace(before, **chosen))

        await self._change(interaction, change)

    @limits.command(name="show", description=described("Show the limits of each role."))
    async def show(self, interaction: Interaction) -> None:
        await self._change(interaction, None)

    @limits.command(name="reset", description=described("Remove a role's limits, or all limits."))
    @app_commands.describe(role=described("The role; all limits if you choose none."))
    async def reset(self, interaction: Interaction, role: discord.Role | None = None) -> None:
        role_id = role.id if role is not None else None
        await self._change(
            interaction,
            lambda limits: Limits() if role_id is None else limits.without_role(role_id),
        )

    async def _change(
        self, interaction: Interaction, change: Callable[[Limits], Limits] | None
    ) -> None:
        """Apply `change`, if any, then show the limits."""
        language = await viewer_language(interaction)
        guild_id, actor_id = interaction.guild_id or 0, interaction.user.id
        if change is not None:
            await self.bot.worker.call(
                lambda core: service.change_limits(core, guild_id, actor_id, change)
            )
            self.bot.guild_settings.forget(guild_id)
        settings = await self.bot.guild_settings.settings(guild_id)
        said = messages.limits(settings.limits, guild_id, language)
        await interaction.edit_original_response(content=said)


def _quota(before: Quota | None, hour: int | None, day: int | None) -> Quota | None:
    """Return the quota `before` with the given numbers, or None if no number is given."""
    if hour is None and day is None:
        return None
    kept = before or _ANY
    return Quota(kept.hour if hour is None else hour, kept.day if day is None else day)
