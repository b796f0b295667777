"""Guarded command groups: private answers to moderators or administrators only.

Discord's own permissions are a default that a server can change, so each command is checked.
"""

import discord
from discord import app_commands

from bot.interactions.kit.authorization import Rule
from bot.interactions.kit.errors import say
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import administrators, moderators
from bot.interactions.policy.permissions import SHOWN_TO_ADMINISTRATORS, SHOWN_TO_MODERATORS
from bot.interactions.services import Interaction
from bot.text.languages import Sentence


class GuardedGroup(app_commands.Group):
    """Group of server commands with an access rule.

    With `defers`, the group sends an ephemeral *thinking…* before it applies the rule. Without
    `defers`, each command sends the first response.
    """

    def __init__(
        self,
        name: str,
        description: app_commands.locale_str,
        *,
        rule: Rule,
        shown_to: discord.Permissions,
        defers: bool = True,
    ) -> None:
        super().__init__(
            name=name, description=description, guild_only=True, default_permissions=shown_to
        )
        self._rule = rule
        self._defers = defers

    async def lets_in(self, interaction: Interaction) -> bool:
        """Whether the rule admits the sender of a command; if not, send the refusal.

        The command tree calls this method. A check of discord.py would raise an exception instead.
        """
        if self._defers:
            await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._rule(interaction, {})
        if isinstance(found, Sentence):
            await say(interaction, found(await viewer_language(interaction)))
            return False
        return True


def moderators_group(name: str, description: app_commands.locale_str) -> GuardedGroup:
    return GuardedGroup(name, description, rule=moderators(), shown_to=SHOWN_TO_MODERATORS)


def administrators_group(
    name: str, description: app_commands.locale_str, *, defers: bool = True
) -> GuardedGroup:
    return GuardedGroup(
        name, description, rule=administrators(), shown_to=SHOWN_TO_ADMINISTRATORS, defers=defers
    )
