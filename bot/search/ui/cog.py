"""Search cog: `/search`, private pages of passages."""

from typing import Final

import discord
from discord import app_commands

from bot.answers.ask import scopes_of
from bot.core.job_queue import Priority
from bot.interactions import autocomplete
from bot.interactions.features import Feature
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Part, pages_view
from bot.interactions.kit.localisation import description
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.component_access import anybody
from bot.interactions.policy.flood_control import flood_controlled
from bot.interactions.policy.permissions import also_directly
from bot.interactions.services import Cog, Interaction, Services
from bot.search import messages, service
from bot.search.service import Search
from knowledge.values.documents import ARTICLES
from knowledge.values.submissions import TAG_CHARACTERS

_TAG: Final = Part(rf"[\w-]{{0,{TAG_CHARACTERS}}}", str)


class SearchCog(Cog):
    """The command `/search`."""

    @app_commands.command(
        name="search",
        description=description("Search, and browse the closest passages."),
    )
    @app_commands.describe(
        query=description("Some words, or a title. Choose a title to see that document first."),
        tag=description("Only notes with this tag."),
        contributor=description("Only notes by this member."),
    )
    @app_commands.autocomplete(query=autocomplete.titles, tag=autocomplete.one_tag)
    @also_directly
    @flood_controlled
    async def search(
        self,
        interaction: Interaction,
        query: app_commands.Range[str, 1, messages.QUERY_CHARACTERS],
        tag: app_commands.Range[str, 1, TAG_CHARACTERS + 1] | None = None,
        contributor: discord.User | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        query = messages.query_of(query)
        tag = (tag or "").strip().removeprefix("#").casefold()
        problem = messages.problem_with(query)
        if not problem and interaction.guild_id is None and (tag or contributor):
            problem = messages.ONLY_IN_SERVERS()
        if problem:
            await interaction.edit_original_response(content=problem)
            return
        await _show(interaction, query, tag, contributor.id if contributor else 0, 0)


async def _show(
    interaction: Interaction, query: str, tag: str, contributor_id: int, number: int
) -> None:
    """Edit the response to show a page of passages that the member may read now."""
    bot = interaction.client
    await bot.answerable()
    channels = quotable_channels(interaction, private=True)
    titles = await autocomplete.every_title(interaction)
    wanted = Search(
        query,
        interaction.guild_id,
        channels,
        tag,
        contributor_id or None,
        tuple(titles.ids_of_title(query, (*scopes_of(interaction.guild_id, channels), ARTICLES))),
    )
    result = await bot.worker.call(
        lambda core: service.search(core, wanted), priority=Priority.ASKING
    )
    member = f"<@{contributor_id}>" if contributor_id else ""
    if result.nothing is not None:
        sentence = messages.nothing(result.nothing, tag, member)
        await interaction.edit_original_response(content=sentence, view=None)
        return
    about = messages.filter_labels(tag, member)
    page = messages.page(query, about, result, number)

    def button(other: int, label: str) -> SearchButton:
        return SearchButton(label, page=other, contributor_id=contributor_id, tag=tag)

    view = pages_view(page, messages.LABELS, button)
    await interaction.edit_original_response(content=page.content, view=view)


class SearchButton(
    Button,
    ids=CustomId("search", page=int, contributor_id=int, tag=_TAG),
    rule=anybody,
    first=First.IN_PLACE,
):
    """A button that shows another page of the same search."""

    page: int
    contributor_id: int
    tag: str

    async def on_click(self, interaction: Interaction) -> None:
        message = interaction.message
        # The query is read from a private page only, never from a public message.
        is_page = message is not None and message.flags.ephemeral
        query = messages.query_in(message.content) if is_page and message is not None else ""
        if messages.problem_with(query):
            await interaction.followup.send(messages.GONE(), ephemeral=True)
            return
        await _show(interaction, query, self.tag, self.contributor_id, self.page)


def feature(bot: Services) -> Feature:
    return Feature([SearchCog(bot)])
