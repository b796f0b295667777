"""Controls of the `/setup` panel: buttons, select menus, forms. Choices are stored immediately."""

from collections.abc import Callable
from typing import Any, Final

import discord

from bot.answers.pipeline import QUESTION_CHARACTERS
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, Button, CustomId, Select
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import administrators
from bot.interactions.services import Interaction
from bot.setup import messages, service
from bot.setup import panel_messages as said
from bot.setup.panel_choices import TITLES, Page, Setting
from bot.setup.ui import checks
from bot.sources import service as sources_service
from knowledge.review.risk_flags import parse_hosts
from knowledge.values.guilds import GuildSettings, Language, is_accent

_HOSTS_CHARACTERS: Final = 2_000
_COLOUR_CHARACTERS: Final = 7
_WELCOME_CHARACTERS: Final = 1_500
CHANNEL_TYPES: Final = {
    Setting.REVIEW_CHANNEL: [discord.ChannelType.text, discord.ChannelType.news],
    # Channels with messages, and their categories.
    Setting.LISTEN: [
        discord.ChannelType.text,
        discord.ChannelType.news,
        discord.ChannelType.voice,
        discord.ChannelType.stage_voice,
        discord.ChannelType.forum,
        discord.ChannelType.category,
    ],
    Setting.HANDOVER_CHANNEL: [discord.ChannelType.text, discord.ChannelType.forum],
    Setting.HELP: [
        discord.ChannelType.forum,
        discord.ChannelType.text,
        discord.ChannelType.category,
    ],
}
# Above the ids that Discord gives to components without one, from 1.
_FIRST_LIST: Final = 1_000
Control = discord.ui.Select[Any] | discord.ui.ChannelSelect[Any] | discord.ui.RoleSelect[Any]


_ADMINISTRATORS: Final = administrators()
_FIRST: Final = dict.fromkeys(("ask", "hosts", "looks"), First.OWN) | {"open": First.THINKING}
_SETUP_ACTIONS: Final = (*Page, *said.ACTIONS)


class SetupButton(
    Button,
    ids=CustomId("setup", action=_SETUP_ACTIONS),
    rule=_ADMINISTRATORS,
    first={one: _FIRST.get(one, First.IN_PLACE) for one in _SETUP_ACTIONS},
    labels=said.ACTIONS,
    styles=dict.fromkeys(("open", "ask"), discord.ButtonStyle.primary),
):
    """Button that opens a page of the panel or starts an action. The greeting has one, too."""

    action: str

    async def clicked(self, interaction: Interaction) -> None:
        panel = interaction.client.setup_panel
        if self.action == "ask":
            form = TrialForm(await viewer_language(interaction))
            await interaction.response.send_modal(form)
        elif self.action == "hosts":
            await _open_form(interaction, HostsForm)
        elif self.action == "looks":
            await _open_form(interaction, LooksForm)
        elif self.action == "open":
            await panel.show(interaction)
        elif self.action in ("end", "quote", "documents"):
            if self.action != "documents":
                await _choose_articles(interaction, quoted=self.action == "quote")
            await panel.show(interaction, Page.SOURCES)
        else:
            await panel.show(interaction, Page(self.action))


async def _open_form(
    interaction: Interaction, form: Callable[[Language, GuildSettings], Form]
) -> None:
    """Open a form with the stored settings."""
    async with in_time(interaction):
        settings = await interaction.client.guild_settings.settings(interaction.guild_id or 0)
    await interaction.response.send_modal(form(await viewer_language(interaction), settings))


async def store_settings(interaction: Interaction, **changes: Any) -> None:
    guild_id, member_id = interaction.guild_id or 0, interaction.user.id
    await interaction.client.worker.call(
        lambda core: service.change(core, guild_id, member_id, **changes)
    )
    interaction.client.guild_settings.forget(guild_id)


async def _choose_articles(interaction: Interaction, *, quoted: bool) -> None:
    guild_id, member_id = interaction.guild_id or 0, interaction.user.id
    await interaction.client.worker.call(
        lambda core: sources_service.choose_articles(core, guild_id, member_id, quoted=quoted)
    )
    interaction.client.guild_settings.forget(guild_id)


class SettingSelect(
    Select,
    ids=CustomId("setting", setting=tuple(Setting)),
    rule=_ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """Select menu for one setting, with choices, channels or roles."""

    setting: Setting
    item: Any

    def __init__(self, item: Control | None = None, **values: Any) -> None:
        super().__init__(**values)
        if item is not None:
            item.custom_id = self.ids.format(**values)
            # One id for each setting: clients may reuse another page's list with the same id.
            item.id = _FIRST_LIST + [*Setting].index(self.setting)
            self.item = item

    async def chosen(self, interaction: Interaction, _value: str) -> None:
        """Store the choice, then show the page again."""
        sent: Any = interaction.data
        shown = {str(one.id) for one in getattr(self.item, "default_values", ())}
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        values = _existing_ids(interaction.guild, self.setting, sent["values"])
        host = interaction.client.settings.phrasing.host
        if self.setting is Setting.PHRASING and interaction.client.phrasing is None:
            values = None
        if values is not None:
            await interaction.client.worker.call(
                lambda core: service.choose(
                    core, guild_id, member_id, self.setting, values=values, shown=shown, host=host
                )
            )
            interaction.client.guild_settings.forget(guild_id)
        await interaction.client.setup_panel.show(interaction, self.setting.menu.page)
        if self.setting is Setting.REVIEW_CHANNEL:
            await deliver_cards(interaction)


def _existing_ids(
    guild: discord.Guild | None, setting: Setting, values: list[str]
) -> list[str] | None:
    """Return the chosen ids that exist in the guild, or None if a required choice has none.

    Ids may be forged, and a channel may be deleted while its select menu is shown.
    """
    if setting in (Setting.MODERATOR_ROLE, Setting.HELPER_ROLE):
        values = [one for one in values if guild and guild.get_role(int(one))]
    elif setting in CHANNEL_TYPES:
        found = [guild.get_channel(int(one)) if guild else None for one in values]
        types = CHANNEL_TYPES[setting]
        values = [str(one.id) for one in found if one is not None and one.type in types]
    return values if values or setting.menu.optional else None


async def deliver_cards(interaction: Interaction) -> None:
    """Post waiting review cards, because the review channel may be new."""
    guild, bot = interaction.guild, interaction.client
    if guild is None:
        return
    settings = await bot.guild_settings.settings(guild.id)
    channel = checks.review_channel(guild, settings)
    if settings.complete and channel is not None and not checks.missing_permissions(channel):
        await bot.outbox.move_cards(guild.id)
        await bot.outbox.catch_up()


class HostsForm(
    Form,
    ids=CustomId("form:hosts", nonce=NONCE),
    rule=_ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """Form for trusted link hosts."""

    def __init__(self, language: Language, settings: GuildSettings) -> None:
        super().__init__(said.ACTIONS["hosts"](language))
        self.ask_text(
            said.HOSTS_FIELD(language),
            "hosts",
            _HOSTS_CHARACTERS,
            said.HOSTS_HELP(language),
            text=" ".join(settings.allowed_hosts),
            required=False,
            paragraph=True,
        )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        hosts, others = parse_hosts(filled.text("hosts"))
        if others:
            language = await viewer_language(interaction)
            await give_back(interaction, messages.no_hosts(others, language))
            return
        await store_settings(interaction, allowed_hosts=hosts)
        await interaction.client.setup_panel.show(interaction, Page.RULES)


class LooksForm(
    Form, ids=CustomId("form:looks", nonce=NONCE), rule=_ADMINISTRATORS, first=First.IN_PLACE
):
    """Form for the public page's accent colour and welcome text."""

    def __init__(self, language: Language, settings: GuildSettings) -> None:
        super().__init__(TITLES[Page.PUBLIC](language))
        field, help_ = said.COLOUR_FIELD(language), said.COLOUR_HELP(language)
        accent, welcome = settings.page_accent, settings.page_welcome
        self.ask_text(field, "accent", _COLOUR_CHARACTERS, help_, text=accent, required=False)
        self.ask_text(
            said.WELCOME_FIELD(language),
            "welcome",
            _WELCOME_CHARACTERS,
            said.WELCOME_HELP(language),
            text=welcome,
            required=False,
            paragraph=True,
        )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        typed = filled.text("accent").strip().lower()
        accent = f"#{typed.removeprefix('#')}" if typed else ""
        if not is_accent(accent):
            language = await viewer_language(interaction)
            await give_back(interaction, said.NO_COLOUR(language))
            return
        welcome = filled.text("welcome").strip()
        await store_settings(interaction, page_accent=accent, page_welcome=welcome)
        await interaction.client.setup_panel.show(interaction, Page.PUBLIC)


class TrialForm(
    Form, ids=CustomId("form:trial", nonce=NONCE), rule=_ADMINISTRATORS, first=First.OWN
):
    """Form for a trial question."""

    def __init__(self, language: Language) -> None:
        super().__init__(said.ACTIONS["ask"](language))
        field = messages.QUESTION_FIELD(language)
        example = messages.EXAMPLE(language)
        self.ask_text(field, "question", QUESTION_CHARACTERS, text=example, paragraph=True)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        bot = interaction.client
        with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
            await _answer(interaction, filled.text("question"))


async def _answer(interaction: Interaction, question: str) -> None:
    """Answer a trial question in private, then suggest next steps."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.client.answers.answer_deferred(interaction, question, private=True)
    further = await interaction.client.setup_panel.next_steps(interaction)
    if further:
        await interaction.followup.send(further, ephemeral=True)
