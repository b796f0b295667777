"""The `/setup` panel: a private message with pages, rebuilt at every click.

A page lists its settings, each with its value and origin, and changes one at a time. It shows the
stored settings and current warnings. Therefore the panel survives restarts, and two administrators
can use it at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot.answers.search_tiers import ArticlesUse
from bot.core.job_queue import Priority
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.panels import pages_menu, panel
from bot.interactions.policy.permissions import lacking_to_answer
from bot.interactions.services import Interaction, Services
from bot.setup import messages, service
from bot.setup import panel_messages as said
from bot.setup.service import INHERITED, State
from bot.setup.settings import (
    SETTINGS,
    STEPS,
    TITLES,
    Kind,
    Page,
    Setting,
    settings_on,
)
from bot.setup.ui import checks
from bot.setup.ui.controls import (
    CHANNEL_TYPES,
    PLACES,
    ChannelButton,
    ChannelMenu,
    ChannelSettingSelect,
    PageMenu,
    RoleMenu,
    SettingSelect,
    SettingsMenu,
    SetupButton,
)
from bot.sources import messages as source_messages
from bot.statistics import weekly
from bot.statistics.ui.weekly import is_writable, moderators_only
from bot.text.languages import Sentence
from bot.text.markdown import beginning, legible, shorten
from knowledge.values.guilds import Phrasing
from knowledge.values.settings import Edition, Level, Mode

_MOST_CHANNELS: Final = 25  # Discord's limit for one list
_OPTION_CHARACTERS: Final = 100
_TEXT_CHARACTERS: Final = 3_600  # below Discord's limit for one message, with room for headings

# The pages of columns that several settings or a form share.
_OTHER_COLUMNS: Final = {
    "articles": Page.SOURCES,
    "limits": Page.LIMITS,
    "page_accent": Page.PUBLIC,
    "phrasing_host": Page.ANSWERS,
}

_Item = discord.ui.Item[Any]


class SetupPanel:
    """Shows the pages of the panel. The controls find this object as `client.setup_panel`."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def show(
        self,
        interaction: Interaction,
        page: str | None = None,
        *,
        setting: Any = None,
        channel_id: int = 0,
        note: Sentence | None = None,
    ) -> None:
        """Show a page, or one `setting` with its control, in the interaction's response.

        Without a `page`, the first unfinished step is shown. The `note` stands above the settings.
        """
        guild = interaction.guild
        if guild is None:
            return
        state = await self._bot.worker.call(lambda core: service.state(core, guild.id))
        pages = _Pages(self._bot, guild, state)
        shown = next(iter(pages.unfinished), Page.TRIAL)
        if page is not None:
            shown = Page(page)
        channel = await self.find(interaction, channel_id) if channel_id else None
        if channel_id and channel is None:
            note = said.UNSEEN
        await interaction.edit_original_response(**await pages.view(shown, setting, channel, note))

    def name_of(self, column: str) -> str:
        """The name of a server's setting by its column; of a form's, the name of its page."""
        named = next((one for one in SETTINGS.values() if one.column == column), None)
        label = named.label if named is not None else TITLES[_OTHER_COLUMNS.get(column, Page.RULES)]
        return legible(label())

    async def find(self, interaction: Interaction, channel_id: int) -> Any:
        """A channel, thread or category of the guild; None if the bot can't see it."""
        guild = interaction.guild
        if guild is None:
            return None
        try:
            # `fetch` for archived threads, which are never cached.
            found = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
        except (*UNREACHED, discord.InvalidData):
            return None
        return found if found.type in PLACES else None

    async def next_steps(self, interaction: Interaction) -> str:
        """Suggestions after a trial question."""
        guild = interaction.guild
        if guild is None:
            return ""
        state = await self._bot.worker.call(lambda core: service.state(core, guild.id))
        unfinished = _Pages(self._bot, guild, state).unfinished
        return messages.next_steps(
            state.settings.review_channel_id,
            [TITLES[page]() for page in unfinished],
            helped=state.helped,
            sources=state.has_sources,
        )


class _Pages:
    """The pages of the panel for a guild's present state, and the guild's `unfinished` steps."""

    def __init__(self, bot: Services, guild: discord.Guild, state: State) -> None:
        self._bot = bot
        self._guild = guild
        self._state = state
        self._settings = state.settings
        self._private = bot.settings.answers.private
        self._channel = checks.review_channel(guild, state.settings)
        self._role = guild.get_role(state.settings.moderator_role_id or 0)
        has_channel = self._channel and not checks.missing_permissions(self._channel)
        self.unfinished = [] if has_channel and self._role else [Page.REVIEW]

    async def view(
        self, page: Page, setting: Setting | None, channel: Any, note: Sentence | None
    ) -> dict[str, Any]:
        """Text, at most two lists, a row of buttons, and the list of pages: one phone screen."""
        title = TITLES[page]() if setting is None else setting.label()
        texts = [note()] if note is not None else []
        if setting is not None:
            items = await self._focus(page, setting, channel)
        elif page is Page.CHANNELS:
            items = await self._channels(channel)
        else:
            items = [item async for item in self._body(page)]
        head = said.heading(page, title)
        finished = {Page.REVIEW, *([Page.SOURCES] if self._state.has_sources else [])}
        finished -= {*self.unfinished}
        menu = pages_menu(PageMenu, TITLES, page, finished)
        return panel([head, *texts], items, menu)

    def _next(self, page: Page) -> Iterator[SetupButton]:
        """The button to the step after this page, if it is a step."""
        if page in STEPS[:-1]:
            following = STEPS[STEPS.index(page) + 1]
            label = said.NEXT(page=TITLES[following]())
            button = SetupButton(label, action=following.value)
            button.item.style = discord.ButtonStyle.primary
            yield button

    # Settings of the server.

    async def _body(self, page: Page) -> Any:
        """The items of a page: its texts and warnings, its settings, its buttons."""
        texts, buttons = await self._page(page)
        settings = [
            setting
            for setting in settings_on(page)
            if setting.key != "phrasing" or self._bot.phrasing is not None
        ]
        if page is Page.REVIEW:
            # The first step shows its controls at once, each below its text.
            for text, setting in zip(texts, settings, strict=True):
                yield _text(text)
                yield self._control(setting)
        else:
            texts += [self._line(setting) for setting in settings]
            yield _text(beginning("\n".join(texts), _TEXT_CHARACTERS))
            if settings:
                yield self._menu(page, 0, settings)
        if page is Page.LIMITS:
            select = discord.ui.RoleSelect[Any](placeholder=said.LIMIT_OF())
            yield _row([RoleMenu(select)])
        row = [*buttons, *self._next(page)]
        if row:
            yield _row(row)

    def _line(self, setting: Setting) -> str:
        if setting.key == "phrasing":
            words = setting.say(self._phrasing())
        else:
            words = said.value(self._state, setting, private=self._private)
        return said.server_line(self._state, setting, words)

    def _menu(self, page: Page, channel_id: int, settings: Sequence[Setting]) -> _Item:
        """The list of settings."""
        options = [
            discord.SelectOption(label=legible(item.label()), value=item.key) for item in settings
        ]
        placeholder = said.CHANGE()
        return _row([SettingsMenu(placeholder, options, page=page, channel_id=channel_id)])

    async def _focus(self, page: Page, setting: Setting, channel: Any) -> list[_Item]:
        """One setting with its explanation, its control, and the way back."""
        back: _Item = SetupButton(said.BACK(), action=page.value)
        texts = [setting.explanation()] if setting.explanation else []
        if channel is not None:
            back = ChannelButton(channel_id=channel.id, action="back")
            texts.append(await self._channel_line(setting, channel))
            control = await self._channel_control(setting, channel)
        else:
            if setting.key == "phrasing":
                own, settings = self._bot.settings.phrasing, self._settings
                is_on = settings.phrasing is not Phrasing.OFF
                consent = said.consent(
                    own.host,
                    ten=own.reorder,
                    conversations=own.is_private or own.may_send_messages,
                    other_host=is_on and settings.phrasing_host != own.host,
                )
                texts.append(consent)
            texts.append(self._line(setting))
            control = self._control(setting)
        return [_text("\n".join(texts)), control, _row([back])]

    def _control(self, setting: Setting) -> _Item:
        """The list of a server's setting, with choices, channels or roles."""
        content = self._state.content(setting)
        select: Any
        empty = setting.empty and setting.empty()
        least = 0 if setting.optional else 1
        if setting.kind is Kind.ROLE:
            role = self._guild.get_role(content or 0)
            select = discord.ui.RoleSelect[Any](
                placeholder=empty,
                min_values=least,
                default_values=[] if role is None or role.is_default() else [role],
            )
        elif setting.kind is Kind.CHOICE:
            select = discord.ui.Select[Any](options=self._options(setting, content))
        else:
            several = setting.kind is Kind.CHANNELS
            chosen = content if several else [content or 0]
            # Deleted channels can't be preselected.
            there = [id_ for id_ in chosen if self._guild.get_channel(id_) is not None]
            kind = discord.SelectDefaultValueType.channel
            select = discord.ui.ChannelSelect[Any](
                placeholder=empty,
                channel_types=[*CHANNEL_TYPES[setting.key]],
                min_values=least,
                max_values=_MOST_CHANNELS if several else 1,
                default_values=[
                    discord.SelectDefaultValue(id=id_, type=kind) for id_ in there[:_MOST_CHANNELS]
                ],
            )
        return _row([SettingSelect(select, setting=setting)])

    def _options(self, setting: Setting, content: Any) -> list[discord.SelectOption]:
        """The choices, with a stored one that isn't among them."""
        choices = dict(setting.choices)
        if setting.key == "phrasing":
            content = self._phrasing()
            if self._bot.settings.phrasing.mode != Phrasing.PHRASE.value:
                del choices[Phrasing.PHRASE.value]
        current = setting.value(content)
        choices.setdefault(current, content)
        private = self._private
        return [
            discord.SelectOption(
                label=said.option(setting, each, private=private),
                value=value,
                default=value == current,
            )
            for value, each in choices.items()
        ]

    def _phrasing(self) -> Phrasing:
        mode = self._bot.phrasing.mode_in(self._settings) if self._bot.phrasing else None
        return Phrasing.OFF if mode is None else Phrasing(mode.value)

    # Texts and buttons of the pages.

    async def _page(self, page: Page) -> tuple[list[str], list[_Item]]:
        settings, state = self._settings, self._state
        if page is Page.REVIEW:
            return await self._review()
        if page is Page.RULES:
            return [said.BY_TAG()], []
        if page is Page.ANSWERS:
            return self._answers()
        if page is Page.HANDOVER:
            texts = [said.HANDOVER()]
            place = settings.handover_channel_id or settings.review_channel_id
            channel = self._guild.get_channel(place or 0) if settings.hand_on else None
            if channel is not None and checks.read_by_others(channel, settings):
                texts.append(said.read_by_others(channel.id))
            return texts, []
        if page is Page.REMINDERS:
            return self._digests()
        if page is Page.LIMITS:
            text = said.limits(settings.limits, self._guild.id)
            actions = ("everyone", "newcomers", "unlimited")
            return [text], [SetupButton(action=action) for action in actions]
        if page is Page.SOURCES:
            return self._sources()
        if page is Page.PUBLIC:
            public = self._bot.settings.page
            text = said.public_page(
                settings,
                state.unreleased,
                public.url_of(self._guild.id),
                published=bool(public.folder),
            )
            return [text], []
        unfinished = [TITLES[page]() for page in self.unfinished]
        buttons = ["ask"] if state.has_sources else ["ask", "documents"]
        text = messages.trial(unfinished, sources=state.has_sources)
        return [text], [SetupButton(action=action) for action in buttons]

    async def _review(self) -> tuple[list[str], list[_Item]]:
        channel = self._channel
        review = said.review(
            self._settings.review_channel_id,
            None if channel is None else checks.missing_permissions(channel),
            public=channel is not None
            and channel.permissions_for(self._guild.default_role).view_channel,
        )
        warnings = await checks.role_warnings(self._guild, self._settings)
        moderators = said.moderators(self._settings.moderator_role_id, warnings)
        address = checks.invitation(self._guild, self._bot.application_id or 0)
        button: _Item = discord.ui.Button(label=said.INVITE(), url=address)
        return [review, moderators], [button] if address is not None else []

    def _answers(self) -> tuple[list[str], list[_Item]]:
        helped, listen = self._state.helped, self._settings.listen_channels
        channels = filter(None, map(self._guild.get_channel, {*helped, *listen}))
        lacking = {channel.id: lacking_to_answer(channel) for channel in channels}
        warnings = said.answer_warnings(
            [id_ for id_ in listen if lacking.get(id_)],
            {id_: lacking[id_] for id_ in helped if lacking.get(id_)},
            content_hidden=bool(helped) and not self._bot.intents.message_content,
        )
        reads = messages.model_reads(self._settings.language, self._state.languages)
        return [*warnings, *([reads] if reads else [])], []

    def _digests(self) -> tuple[list[str], list[_Item]]:
        now = datetime.now(UTC)
        texts = []
        for digest in self._state.digests.values():
            channel = self._guild.get_channel(digest.channel_id)
            texts.append(
                weekly.schedule_of(
                    digest,
                    now,
                    writable=is_writable(channel),
                    others_read=channel is not None
                    and not moderators_only(channel, self._settings),
                )
            )
        previews = (f"preview_{edition}" for edition in Edition)
        return texts, [SetupButton(action=action) for action in previews]

    def _sources(self) -> tuple[list[str], list[_Item]]:
        sources = self._state.sources
        listed = source_messages.source_list(sources, 0)
        buttons: list[_Item] = [SetupButton(action="address")]
        if sources.articles.use is not ArticlesUse.OFF:
            action = "quote" if sources.articles.use is ArticlesUse.ENDED else "end"
            buttons.append(SetupButton(action=action))
        return [said.SOURCES(), listed.content], buttons

    # Settings of a channel, thread or category.

    async def _channels(self, channel: Any) -> list[_Item]:
        default = [] if channel is None or isinstance(channel, discord.Thread) else [channel]
        select = discord.ui.ChannelSelect[Any](
            placeholder=said.CHOOSE_CHANNEL(),
            channel_types=[*PLACES],
            default_values=default,
        )
        texts = [said.CHANNELS()]
        if channel is not None:
            effective = await self._bot.guild_settings.in_channel(channel)
            settings = [
                setting
                for setting in settings_on(Page.CHANNELS)
                if setting.key != "wait" or effective.mode is Mode.HELP
            ]
            texts = [f"**{channel.mention}**"]
            texts += [await self._channel_line(setting, channel) for setting in settings]
            texts += await self._channel_warnings(channel)
        others = [id_ for id_ in self._state.channels if channel is None or id_ != channel.id]
        if others:
            texts.append(said.with_settings(others))
        items = [
            _text(beginning("\n".join(texts), _TEXT_CHARACTERS)),
            _row([ChannelMenu(select)]),
        ]
        if channel is not None:
            items.append(self._menu(Page.CHANNELS, channel.id, settings))
            if channel.id in self._state.channels:
                reset = ChannelButton(channel_id=channel.id, action="reset")
                items.append(_row([reset]))
        return items

    async def _channel_line(self, setting: Setting, channel: Any) -> str:
        effective = await self._bot.guild_settings.in_channel(channel)
        names: dict[str, str] = {}
        if setting.key == "answered_from":
            guild_id = self._guild.id
            offered = await self._bot.worker.call(
                lambda core: service.offer(core, guild_id), priority=Priority.ASKING
            )
            names = said.source_names(offered)
        level = Level.CATEGORY if isinstance(channel, discord.CategoryChannel) else Level.CHANNEL
        if isinstance(channel, discord.Thread):
            level = Level.THREAD
        return said.place_line(effective, setting, level, names)

    async def _channel_control(self, setting: Setting, channel: Any) -> _Item:
        own = self._state.channels.get(channel.id, {}).get(setting.place)
        # A server's choice of the operator's default is no choice for a channel.
        choices = {key: each for key, each in setting.choices.items() if each is not None}
        current = INHERITED if own is None else setting.value(own)
        if own is not None:
            choices.setdefault(current, own)
        labels = {
            INHERITED: said.INHERIT(),
            **{value: setting.say(content) for value, content in choices.items()},
        }
        options = [
            discord.SelectOption(
                label=shorten(label, _OPTION_CHARACTERS), value=value, default=value == current
            )
            for value, label in labels.items()
        ]
        select = ChannelSettingSelect("", options, channel_id=channel.id, setting=setting)
        return _row([select])

    async def _channel_warnings(self, channel: Any) -> list[str]:
        guild_id, effective = self._guild.id, await self._bot.guild_settings.in_channel(channel)
        answerable = await self._bot.worker.call(
            lambda core: service.is_answerable(core, guild_id, effective.answered_from),
            priority=Priority.ASKING,
        )
        warnings = said.channel_warnings(
            effective,
            lacking_to_answer(channel),
            content_hidden=not self._bot.intents.message_content,
            answerable=answerable,
        )
        read = self._state.languages
        if read and effective.language.value not in read:
            warnings.append(messages.model_reads(effective.language, read))
        return warnings


def _text(text: str) -> _Item:
    return discord.ui.TextDisplay(text)


def _row(items: Iterable[_Item]) -> _Item:
    return discord.ui.ActionRow(*items)
