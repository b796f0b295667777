"""Controls of the `/setup` panel: buttons and lists. Choices are stored immediately.

A list for a setting has one id in every release, so panels that stand open go on working.
"""

from collections.abc import Callable
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Part, Select
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Form
from bot.interactions.services import Interaction
from bot.setup import panel_messages as said
from bot.setup import service
from bot.setup.settings import SETTINGS, Kind, Page, Setting
from bot.setup.ui.checks import missing_permissions, review_channel
from bot.setup.ui.forms import (
    ADMINISTRATORS,
    AnsweredFromForm,
    DigestForm,
    HostsForm,
    LimitsForm,
    LooksForm,
    NewcomersForm,
    TrialForm,
    store,
)
from bot.sources import service as sources_service
from bot.sources.ui.cog import AddressForm
from bot.statistics.ui.weekly import show_preview
from knowledge.values.quotas import Limits
from knowledge.values.settings import Edition, GuildSettings

_TEXT: Final = (discord.ChannelType.text, discord.ChannelType.news)
_WRITTEN_IN: Final = (*_TEXT, discord.ChannelType.voice, discord.ChannelType.stage_voice)
_POSTED_IN: Final = (discord.ChannelType.forum, discord.ChannelType.category)
CHANNEL_TYPES: Final = {
    "review_channel": _TEXT,
    # Channels with messages, and their categories.
    "listen": (*_WRITTEN_IN, *_POSTED_IN),
    "help": (discord.ChannelType.text, *_POSTED_IN),
    "handover_channel": (discord.ChannelType.text, discord.ChannelType.forum),
    "digest_channel": (discord.ChannelType.text,),
    "news_channel": (discord.ChannelType.text,),
}
# Channels with settings of their own: all but media channels.
PLACES: Final = (
    *(*_WRITTEN_IN, *_POSTED_IN),
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.news_thread,
)
Control = discord.ui.Select[Any] | discord.ui.ChannelSelect[Any] | discord.ui.RoleSelect[Any]
_FORMS: Final[dict[str, Callable[[GuildSettings], Form]]] = {
    "hosts": HostsForm,
    "looks": LooksForm,
}
_OWN: Final = ("ask", "address", "everyone", "newcomers")
_PREVIEWS: Final = {f"preview_{edition}": edition for edition in Edition}
_FIRST: Final = {
    **dict.fromkeys(_OWN, First.OWN),
    **dict.fromkeys(("open", *_PREVIEWS), First.THINKING),
}
_SETUP_ACTIONS: Final = (*Page, *said.ACTIONS)
_OF_SERVERS: Final = [
    key
    for key, setting in SETTINGS.items()
    if setting.kind is not Kind.FORM and setting.page is not Page.CHANNELS
]
_SETTING: Final = Part("|".join(_OF_SERVERS), SETTINGS.__getitem__)
_IN_CHANNELS: Final = [key for key, setting in SETTINGS.items() if setting.place]
_SETTING_IN_CHANNEL: Final = Part(
    "|".join(key for key in _IN_CHANNELS if SETTINGS[key].kind is Kind.CHOICE), SETTINGS.__getitem__
)


async def _settings(interaction: Interaction) -> GuildSettings:
    """The stored settings, in time for a form."""
    async with in_time(interaction):
        return await interaction.client.guild_settings.settings(interaction.guild_id or 0)


class SetupButton(
    Button,
    ids=CustomId("setup", action=_SETUP_ACTIONS),
    rule=ADMINISTRATORS,
    first={action: _FIRST.get(action, First.IN_PLACE) for action in _SETUP_ACTIONS},
    labels=said.ACTIONS,
    styles=dict.fromkeys(("open", "ask"), discord.ButtonStyle.primary),
):
    """Button that opens a page of the panel or starts an action. The greeting has one, too."""

    action: str

    async def on_click(self, interaction: Interaction) -> None:
        panel = interaction.client.setup_panel
        if self.action in _OWN:
            await self._open_form(interaction)
        elif self.action == "open":
            await panel.show(interaction)
        elif self.action in _PREVIEWS:
            await show_preview(interaction, _PREVIEWS[self.action])
        elif self.action == "unlimited":
            await store(interaction, service.change_limits, lambda _: Limits())
            await panel.show(interaction, Page.LIMITS)
        elif self.action == "documents":
            await panel.show(interaction, Page.SOURCES)
        elif self.action in ("end", "quote"):
            quoted = self.action == "quote"
            await store(interaction, sources_service.choose_articles, quoted=quoted)
            await panel.show(interaction, Page.SOURCES)
        else:
            await panel.show(interaction, self.action)

    async def _open_form(self, interaction: Interaction) -> None:
        if self.action in ("ask", "address"):
            form: Form = (TrialForm if self.action == "ask" else AddressForm)()
        elif self.action == "everyone":
            form = LimitsForm(await _settings(interaction), None)
        else:
            form = NewcomersForm(await _settings(interaction))
        await interaction.response.send_modal(form)


class PageMenu(Select, ids=CustomId("setup_page"), rule=ADMINISTRATORS, first=First.IN_PLACE):
    """List of the panel's pages."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        await interaction.client.setup_panel.show(interaction, Page(value))


class SettingsMenu(
    Select,
    ids=CustomId("change", page=Page, channel_id=int),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """List of the settings on a page, of the server (`channel_id` is 0) or of a channel.

    A chosen setting is shown with its control, or in a form.
    """

    page: Page
    channel_id: int

    def first_response(self, interaction: Interaction) -> First:
        setting = SETTINGS.get(next(iter(self.item.values), ""))
        return First.OWN if setting and setting.kind is Kind.FORM else First.IN_PLACE

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        # A forged choice names no setting: the page is shown again.
        setting = SETTINGS.get(value)
        if setting is None or setting.kind is not Kind.FORM:
            await interaction.client.setup_panel.show(
                interaction, self.page, setting=setting, channel_id=self.channel_id
            )
            return
        guild_id = interaction.guild_id or 0
        bot = interaction.client
        if setting.edition is not None:
            edition = setting.edition
            async with in_time(interaction):
                digest = await bot.worker.call(
                    lambda core: core.store.digests.of_guild(guild_id).get(edition),
                    priority=Priority.ASKING,
                )
            await interaction.response.send_modal(DigestForm(edition, digest))
        elif setting.place:
            async with in_time(interaction):
                choices = await bot.guild_settings.choices(guild_id)
                offered = await bot.worker.call(
                    lambda core: service.offer(core, guild_id), priority=Priority.ASKING
                )
            own = choices.channels.get(self.channel_id, {}).get(setting.place)
            form: Form = AnsweredFromForm(self.channel_id, own, offered)
            await interaction.response.send_modal(form)
        else:
            form = _FORMS[setting.key](await _settings(interaction))
            await interaction.response.send_modal(form)


class SettingSelect(
    Select,
    ids=CustomId("setting", setting=_SETTING),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """List for one setting of the server, with choices, channels or roles."""

    setting: Setting
    item: Any

    def __init__(self, item: Control | None = None, **values: Any) -> None:
        super().__init__(**values)
        if item is not None:
            item.custom_id = self.ids.format(**values)
            self.item = item

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        """Store the choice, then show the page again."""
        sent: Any = interaction.data
        bot, setting = interaction.client, self.setting
        values: list[str] = sent["values"]
        # Ids may be forged, and a channel may be deleted while its list is shown.
        guild = interaction.guild
        if setting.kind is Kind.ROLE:
            values = [value for value in values if guild and guild.get_role(int(value))]
        elif setting.kind is not Kind.CHOICE:
            channels = [guild.get_channel(int(value)) if guild else None for value in values]
            types = CHANNEL_TYPES[setting.key]
            values = [str(channel.id) for channel in channels if channel and channel.type in types]
        is_offered = setting.key != "phrasing" or bot.phrasing is not None
        stored = True
        if is_offered and (values or setting.optional):
            shown = {str(default.id) for default in getattr(self.item, "default_values", ())}
            host = bot.settings.phrasing.host
            stored = await store(
                interaction, service.choose, setting, values=values, shown=shown, host=host
            )
        note = None if stored else said.NO_DIGEST_CHANNEL
        await bot.setup_panel.show(interaction, setting.page, note=note)
        if setting.key == "review_channel":
            await deliver_cards(interaction)


class ChannelMenu(Select, ids=CustomId("setup_channel"), rule=ADMINISTRATORS, first=First.IN_PLACE):
    """List of channels, threads and categories, to see and change settings there."""

    item: Any

    def __init__(self, item: Control | None = None) -> None:
        super().__init__()
        if item is not None:
            item.custom_id = self.ids.format()
            self.item = item

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        sent: Any = interaction.data
        channel_id = int(sent["values"][0])
        await interaction.client.setup_panel.show(interaction, Page.CHANNELS, channel_id=channel_id)


class ChannelSettingSelect(
    Select,
    ids=CustomId("setting_in", channel_id=int, setting=_SETTING_IN_CHANNEL),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """List for one setting of a channel, thread or category, with the choice to inherit it."""

    channel_id: int
    setting: Setting

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        panel = interaction.client.setup_panel
        # An id can be forged.
        if await panel.find(interaction, self.channel_id) is not None:
            inherited = value == service.INHERITED
            content = None if inherited else self.setting.choices[value]
            await store(
                interaction, service.choose_in, self.channel_id, {self.setting.place: content}
            )
        await panel.show(interaction, Page.CHANNELS, channel_id=self.channel_id)


class ChannelButton(
    Button,
    ids=CustomId("setup_in", channel_id=int, action=("back", "reset")),
    rule=ADMINISTRATORS,
    first=dict.fromkeys(("back", "reset"), First.IN_PLACE),
    labels={"back": said.BACK, "reset": said.RESET},
):
    """Button *Back* to a channel's settings, or *Reset* of all of them."""

    channel_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "reset":
            nothing = dict.fromkeys(SETTINGS[key].place for key in _IN_CHANNELS)
            await store(interaction, service.choose_in, self.channel_id, nothing)
        await interaction.client.setup_panel.show(
            interaction, Page.CHANNELS, channel_id=self.channel_id
        )


class RoleMenu(Select, ids=CustomId("limits_of"), rule=ADMINISTRATORS, first=First.OWN):
    """List of roles, to limit one in a form."""

    item: Any

    def __init__(self, item: Control | None = None) -> None:
        super().__init__()
        if item is not None:
            item.custom_id = self.ids.format()
            self.item = item

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        sent: Any = interaction.data
        guild = interaction.guild
        role = guild.get_role(int(sent["values"][0])) if guild is not None else None
        form = LimitsForm(await _settings(interaction), role)
        await interaction.response.send_modal(form)


async def deliver_cards(interaction: Interaction) -> None:
    """Post waiting review cards, because the review channel may be new."""
    guild, bot = interaction.guild, interaction.client
    if guild is None:
        return
    settings = await bot.guild_settings.settings(guild.id)
    channel = review_channel(guild, settings)
    if settings.complete and channel is not None and not missing_permissions(channel):
        await bot.outbox.move_cards(guild.id)
        await bot.outbox.catch_up()
