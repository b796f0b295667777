"""Golden questions in Discord: the round that asks them again, and the page of changed answers."""

import functools
import time
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import DIGEST, Button, CustomId
from bot.interactions.kit.layouts import rows
from bot.interactions.kit.panels import panel
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction, Services
from bot.review import golden_questions as service
from bot.review.ui.panel import ReviewPage, heading, review_menu
from knowledge.values.questions import GoldenState

CHECK_SECONDS: Final = 60.0
# The budget of all checks of this process: seconds of the worker's thread in each hour.
BUDGET_SECONDS: Final = 60.0
_HOUR_SECONDS: Final = 3_600.0
# They fit in the 4,000 characters of a message.
MOST_SHOWN: Final = 4
_SEEN_CHARACTERS: Final = 8


class GoldenChecks:
    """Asks the golden questions of this process's guilds again, within the budget."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._hour = time.monotonic()
        self._seconds = 0.0
        # The state of each guild at its last complete check, the oldest check first.
        self._checked: dict[int, str] = {}

    async def round(self) -> None:
        """Check the guilds with changes, the one checked longest ago first."""
        if time.monotonic() - self._hour >= _HOUR_SECONDS:
            self._hour, self._seconds = time.monotonic(), 0.0
        mine, known = self._bot.serves, dict(self._checked)
        due = await self._bot.worker.call(
            lambda core: service.guilds_to_check(core, mine, known), priority=Priority.INDEXING
        )
        turns = [*known]
        due.sort(key=lambda guild: turns.index(guild[0]) if guild[0] in known else -1)
        for guild_id, state in due:
            left = BUDGET_SECONDS - self._seconds
            if left <= 0:
                return
            last = await self._bot.worker.run_slices(
                functools.partial(service.check, guild_id=guild_id, most_seconds=left)
            )
            if last is not None:
                self._seconds += last.seconds
                if last.is_complete:
                    self._checked.pop(guild_id, None)
                    self._checked[guild_id] = state


# The page.


async def show_changes(interaction: Interaction, said: str = "") -> None:
    """Show the page with the changed answers, below the sentence `said`."""
    guild_id = interaction.guild_id or 0
    channels = quotable_channels(interaction, private=True)
    changes = await interaction.client.worker.call(
        lambda core: service.changes(core, guild_id, MOST_SHOWN)
    )
    settings = await interaction.client.guild_settings.current(guild_id)
    intro = service.introduction(changes, is_checked=settings.golden_questions)
    items: list[discord.ui.Item[Any]] = []
    for result in changes.moved:
        items.append(discord.ui.TextDisplay(service.change(result, channels)))
        buttons = [
            ChangeButton(
                question_id=result.question.id, seen=result.key[:_SEEN_CHARACTERS], action=action
            )
            for action in service.LABELS
            if action != "keep" or result.state is not GoldenState.GONE
            if action != "accept" or service.is_readable(result.first, channels)
        ]
        items += rows(buttons)
    if changes.gone:
        lines = [service.before(result, channels) for result in changes.gone]
        items.append(discord.ui.TextDisplay("\n".join(lines)))
        items += rows([GoneButton(service.SETTLE_GONE())])
    more = service.more(changes)
    if more:
        items.append(discord.ui.TextDisplay(more))
    texts = [heading(ReviewPage.CHANGES), *filter(None, [said]), intro]
    shown = panel(texts, items, review_menu(ReviewPage.CHANGES))
    await interaction.edit_original_response(**shown, attachments=[])


class ChangeButton(
    Button,
    ids=CustomId("golden", question_id=int, seen=DIGEST, action=tuple(service.LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=service.LABELS,
):
    """Button *Keep the old* or *Accept the new* below a changed answer."""

    question_id: int
    seen: str
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        accept = self.action == "accept"
        done = await interaction.client.worker.call(
            lambda core: service.decide(
                core, guild_id, self.question_id, self.seen, member_id, accept=accept
            )
        )
        said = service.DECIDED if done else service.DECIDED_ALREADY
        await show_changes(interaction, said())


class GoneButton(Button, ids=CustomId("golden_gone"), rule=moderators(), first=First.IN_PLACE):
    """Button that takes note of answers whose documents are gone."""

    async def on_click(self, interaction: Interaction) -> None:
        guild_id = interaction.guild_id or 0
        await interaction.client.worker.call(
            lambda core: core.store.golden_questions.settle_gone(guild_id)
        )
        await show_changes(interaction)


class ShowChangesButton(
    Button, ids=CustomId("golden_changes"), rule=moderators(), first=First.THINKING
):
    """Button of the digest that opens the page for its clicker."""

    async def on_click(self, interaction: Interaction) -> None:
        await show_changes(interaction)
