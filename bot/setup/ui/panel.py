"""The `/setup` panel: a private message with pages, rebuilt at every click.

Each page shows the stored settings and current warnings. Therefore the panel survives restarts, and
two administrators can use it at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import discord

from bot.answers.search_tiers import ArticlesUse
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.permissions import lacking_to_answer
from bot.interactions.services import Interaction, Services
from bot.setup import messages, phrasing_messages, service
from bot.setup import panel_messages as said
from bot.setup.panel_choices import (
    STEPS,
    TITLES,
    Page,
    Setting,
    label,
    offered,
    option,
    settings_on,
    step_of,
)
from bot.setup.service import State
from bot.setup.ui import checks
from bot.setup.ui.controls import CHANNEL_TYPES, SettingSelect, SetupButton
from bot.sources import messages as source_messages
from knowledge.values.guilds import Language, Phrasing

_MOST_CHANNELS: Final = 25  # Discord's limit for one list

_Item = discord.ui.Item[Any]


class SetupPanel:
    """Shows the pages of the panel. The controls find this object as `client.setup_panel`."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def show(self, interaction: Interaction, page: str | None = None) -> None:
        """Show a page in the interaction's response; None shows the first unfinished step."""
        guild = interaction.guild
        if guild is None:
            return
        language = await viewer_language(interaction)
        state = await self._bot.worker.call(lambda core: service.state(core, guild.id))
        shown = _Pages(self._bot, guild, state, language)
        view = await shown.view(Page(page) if page else next(iter(shown.unfinished), Page.TRIAL))
        await interaction.edit_original_response(content=None, view=view)

    async def next_steps(self, interaction: Interaction) -> str:
        """Suggestions after a trial question."""
        guild = interaction.guild
        if guild is None:
            return ""
        language = await viewer_language(interaction)
        state = await self._bot.worker.call(lambda core: service.state(core, guild.id))
        unfinished = _Pages(self._bot, guild, state, language).unfinished
        named = [TITLES[page](language) for page in unfinished]
        return messages.next_steps(
            state.settings.review_channel_id,
            named,
            helped=state.helped,
            sources=state.has_sources,
            language=language,
        )


class _Pages:
    """The pages of the panel for a guild's present state, and the guild's `unfinished` steps."""

    def __init__(
        self, bot: Services, guild: discord.Guild, state: State, language: Language
    ) -> None:
        self._bot = bot
        self._guild = guild
        self._state = state
        self._settings = state.settings
        self._language = language
        self._channel = checks.review_channel(guild, state.settings)
        self._role = guild.get_role(state.settings.moderator_role_id or 0)
        self.unfinished: list[Page] = []
        if self._channel is None or checks.missing_permissions(self._channel):
            self.unfinished.append(Page.REVIEW)
        if self._role is None:
            self.unfinished.append(Page.MODERATORS)
        required = {Page.REVIEW, Page.MODERATORS, *([Page.SOURCES] if state.has_sources else [])}
        self._finished = required.difference(self.unfinished)

    async def view(self, page: Page) -> discord.ui.LayoutView:
        place = STEPS.index(step_of(page))
        head = said.heading(page, place + 1, len(STEPS), self._language)
        container = discord.ui.Container[Any](_text(head), accent_colour=discord.Colour.blurple())
        for item in await self._body(page):
            container.add_item(item)
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(container)
        view.add_item(_row(self._steps(page, place)))
        return view

    def _steps(self, page: Page, place: int) -> Iterable[SetupButton]:
        """Buttons of all steps; finished steps have a tick, and the next step has a colour."""
        for number, step in enumerate(STEPS):
            done = step in self._finished
            tick = "✓" if done else str(number + 1)
            label = f"{tick} {TITLES[step](self._language)}"
            button = SetupButton(label, action=step.value)
            button.item.disabled = step is page
            if number == place + 1:
                button.item.style = discord.ButtonStyle.primary
            yield button

    async def _body(self, page: Page) -> list[_Item]:
        """The items of a page, between its heading and the step buttons."""
        if page is Page.MODERATORS:
            return await self._moderators()
        make = {
            Page.REVIEW: self._review,
            Page.RULES: self._rules,
            Page.REMINDERS: self._reminders,
            Page.PUBLIC: self._public,
            Page.ANSWERS: self._answers,
            Page.HANDOVER: self._handover,
            Page.PHRASING: self._phrasing,
            Page.SOURCES: self._sources,
            Page.TRIAL: self._trial,
        }[page]
        return make()

    def _review(self) -> list[_Item]:
        channel = self._channel
        text = said.review(
            self._settings.review_channel_id,
            None if channel is None else checks.missing_permissions(channel),
            public=channel is not None and checks.is_public(channel),
            language=self._language,
        )
        select = self._channels(Setting.REVIEW_CHANNEL, [channel.id] if channel else [])
        items = [_text(text), select]
        address = checks.invitation(self._guild, self._bot.application_id or 0)
        if address is not None:
            label = said.INVITE(self._language)
            items.append(_row([discord.ui.Button(label=label, url=address)]))
        return items

    async def _moderators(self) -> list[_Item]:
        state = self._state
        warnings = await checks.role_warnings(self._guild, self._settings, self._language)
        text = said.moderators(self._settings.moderator_role_id, warnings, self._language)
        further = (
            SetupButton(TITLES[one](self._language), action=one.value)
            for one in (Page.RULES, Page.REMINDERS, Page.PUBLIC)
        )
        return [
            _text(text),
            self._role_select(Setting.MODERATOR_ROLE, self._role),
            discord.ui.Separator(),
            _text(said.rules(self._settings, state.quorum, state.digest_day, self._language)),
            _row(further),
        ]

    def _rules(self) -> list[_Item]:
        return [
            *self._choices(*settings_on(Page.RULES)),
            _text(said.BY_TAG(self._language)),
            _text(said.linked(self._settings.allowed_hosts, self._language)),
            _row([SetupButton(self._language, action="hosts")]),
        ]

    def _reminders(self) -> list[_Item]:
        return [*self._choices(*settings_on(Page.REMINDERS))]

    def _public(self) -> list[_Item]:
        page = self._bot.settings.page
        text = said.public_page(
            self._settings,
            self._state.unreleased,
            page.url_of(self._guild.id),
            self._language,
            published=bool(page.folder),
        )
        return [
            _text(text),
            *self._choices(Setting.PAGE, Setting.PAGE_INDEXED),
            _row([SetupButton(self._language, action="looks")]),
        ]

    def _answers(self) -> list[_Item]:
        chosen = self._settings.listen_channels
        silent = checks.silent_in(self._guild, chosen)
        hidden = not self._bot.intents.message_content
        helped = self._state.helped
        lacking = self._lacking_to_help(helped)
        further = [Page.HANDOVER, *([Page.PHRASING] if self._bot.phrasing is not None else [])]
        buttons = (SetupButton(TITLES[page](self._language), action=page.value) for page in further)
        reads = messages.model_reads(self._settings.language, self._state.languages, self._language)
        return [
            _text(said.mentions(silent, self._language)),
            self._channels(Setting.LISTEN, chosen),
            discord.ui.Separator(),
            _text(said.helping(lacking, content_hidden=hidden, language=self._language)),
            self._channels(Setting.HELP, helped),
            discord.ui.Separator(),
            _text(said.HOW(self._language)),
            *self._choices(Setting.PRIVATE_ANSWERS, Setting.LANGUAGE),
            *([_text(reads)] if reads else []),
            _row(buttons),
        ]

    def _handover(self) -> list[_Item]:
        settings = self._settings
        channel = checks.handover_channel(self._guild, settings)
        open_to = channel.id if channel and checks.read_by_others(channel, settings) else None
        return [
            _text(said.HANDOVER(self._language)),
            *self._choices(Setting.ASK_MODERATORS),
            _text(label(Setting.HELPER_ROLE, self._language)),
            self._role_select(
                Setting.HELPER_ROLE, self._guild.get_role(settings.helper_role_id or 0)
            ),
            _text(label(Setting.HANDOVER_CHANNEL, self._language)),
            self._channels(Setting.HANDOVER_CHANNEL, [settings.handover_channel_id or 0]),
            *([_text(said.read_by_others(open_to, self._language))] if open_to else []),
            *self._choices(Setting.HANDOVER_HOURS, Setting.FROM_REPLIES),
        ]

    def _phrasing(self) -> list[_Item]:
        """Return the items of the page about phrasing.

        If the bot has no language model any more, return the items of the answers page instead.
        """
        chosen = self._bot.settings.phrasing
        if self._bot.phrasing is None:
            return self._answers()
        settings = self._settings
        text = phrasing_messages.consent(
            chosen.host,
            self._language,
            ten=chosen.reorder,
            conversations=chosen.is_private or chosen.may_send_messages,
            other_host=settings.phrasing is not Phrasing.OFF
            and settings.phrasing_host != chosen.host,
        )
        return [_text(text), *self._choices(Setting.PHRASING)]

    def _lacking_to_help(self, channel_ids: Sequence[int]) -> dict[int, list[str]]:
        """By channel, the permissions that the bot needs to answer questions there but lacks."""
        channels = map(self._guild.get_channel, channel_ids)
        found = {one.id: lacking_to_answer(one) for one in channels if one is not None}
        return {channel_id: names for channel_id, names in found.items() if names}

    def _sources(self) -> list[_Item]:
        found = self._state.sources
        listed = source_messages.source_list(
            self._language, found.channels, found.others, found.articles, 0
        )
        items: list[_Item] = [_text(said.SOURCES(self._language)), _text(listed.content)]
        if found.articles.use is not ArticlesUse.OFF:
            action = "quote" if found.articles.use is ArticlesUse.ENDED else "end"
            items.append(_row([SetupButton(self._language, action=action)]))
        return items

    def _trial(self) -> list[_Item]:
        unfinished = [TITLES[page](self._language) for page in self.unfinished]
        has_sources = self._state.has_sources
        text = messages.trial(unfinished, self._language, sources=has_sources)
        buttons = [SetupButton(self._language, action="ask")]
        if not has_sources:
            buttons.append(SetupButton(self._language, action="documents"))
        return [_text(text), _row(buttons)]

    def _role_select(self, setting: Setting, role: discord.Role | None) -> _Item:
        select = discord.ui.RoleSelect[Any](
            placeholder=setting.menu.empty and setting.menu.empty(self._language),
            min_values=0 if setting.menu.optional else 1,
            default_values=[] if role is None or role.is_default() else [role],
        )
        return _row([SettingSelect(select, setting=setting)])

    def _channels(self, setting: Setting, chosen: Sequence[int]) -> _Item:
        several = setting in (Setting.LISTEN, Setting.HELP)
        # Deleted channels can't be preselected.
        there = [one for one in chosen if self._guild.get_channel(one) is not None]
        kind = discord.SelectDefaultValueType.channel
        select = discord.ui.ChannelSelect[Any](
            placeholder=setting.menu.empty and setting.menu.empty(self._language),
            channel_types=CHANNEL_TYPES[setting],
            min_values=0 if setting.menu.optional else 1,
            max_values=_MOST_CHANNELS if several else 1,
            default_values=[
                discord.SelectDefaultValue(id=one, type=kind) for one in there[:_MOST_CHANNELS]
            ],
        )
        return _row([SettingSelect(select, setting=setting)])

    def _choices(self, *settings: Setting) -> Iterator[_Item]:
        """Labels of settings, each with its select menu."""
        state, private = self._state, self._bot.settings.answers.private
        for setting in settings:
            values, current = (
                self._phrasings()
                if setting is Setting.PHRASING
                else offered(setting, self._settings, state.quorum, state.digest_day)
            )
            options = [
                discord.SelectOption(
                    label=option(setting, value, self._language, private=private),
                    value=value,
                    default=value == current,
                )
                for value in values
            ]
            yield _text(label(setting, self._language))
            yield _row([SettingSelect(discord.ui.Select(options=options), setting=setting)])

    def _phrasings(self) -> tuple[list[str], str]:
        """The phrasing modes that the operator allows, and the guild's current mode."""
        most = self._bot.settings.phrasing
        values = [one.value for one in Phrasing]
        if most.mode != Phrasing.PHRASE.value:
            values.remove(Phrasing.PHRASE.value)
        mode = self._bot.phrasing.mode_in(self._settings) if self._bot.phrasing else None
        return values, Phrasing.OFF.value if mode is None else mode.value


def _text(text: str) -> _Item:
    return discord.ui.TextDisplay(text)


def _row(items: Iterable[_Item]) -> _Item:
    return discord.ui.ActionRow(*items)
