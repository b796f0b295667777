"""Forms of the `/setup` panel, for what is typed. A mistake gives the input back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import discord

from bot.answers.question_checks import QUESTION_CHARACTERS
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, CustomId
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import administrators
from bot.interactions.services import Interaction
from bot.setup import messages, service
from bot.setup import panel_messages as said
from bot.setup.service import ALL, Offered
from bot.setup.settings import SETTINGS, TITLES, Page
from bot.text.languages import spoken_language
from bot.text.markdown import legible, shorten
from knowledge.review.risk_flags import parse_hosts
from knowledge.values.quotas import MOST, Newcomers, Quota
from knowledge.values.settings import (
    EVERYTHING,
    AnsweredFrom,
    Edition,
    GuildSettings,
    WeeklyDigest,
    is_accent,
)

ADMINISTRATORS: Final = administrators()
_HOSTS_CHARACTERS: Final = 2_000
_COLOUR_CHARACTERS: Final = 7
_WELCOME_CHARACTERS: Final = 1_500
_NUMBER_CHARACTERS: Final = 4
_TYPED_CHARACTERS: Final = 500
_ZONE_CHARACTERS: Final = 60
_ZONES_LIKE: Final = 3
# Two weeks, because posts are reported for three.
_MOST_HOURS: Final = 336
# Discord's limits of a title, of a list, and of the name of a choice in it.
_TITLE_CHARACTERS: Final = 45
_OPTIONS: Final = 25
_OPTION_CHARACTERS: Final = 100


async def store(
    interaction: Interaction, change: Callable[..., Any], *args: Any, **more: Any
) -> Any:
    """Call `change(core, guild_id, member_id, …)` in the worker's thread."""
    guild_id, member_id = interaction.guild_id or 0, interaction.user.id
    bot = interaction.client
    done = await bot.worker.call(lambda core: change(core, guild_id, member_id, *args, **more))
    bot.guild_settings.forget(guild_id)
    # Rounds see the change by `known`.
    await bot.guild_settings.settings(guild_id)
    # The server's language may be another one now.
    spoken_language.set(await viewer_language(interaction))
    return done


class HostsForm(
    Form, ids=CustomId("form:hosts", nonce=NONCE), rule=ADMINISTRATORS, first=First.IN_PLACE
):
    """Form for trusted link hosts."""

    def __init__(self, settings: GuildSettings) -> None:
        super().__init__(SETTINGS["hosts"].label())
        self.ask_text(
            said.HOSTS_FIELD(),
            "hosts",
            _HOSTS_CHARACTERS,
            said.HOSTS_HELP(),
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
            await give_back(interaction, messages.no_hosts(others))
            return
        await store(interaction, service.change, allowed_hosts=hosts)
        await interaction.client.setup_panel.show(interaction, Page.RULES)


class LooksForm(
    Form, ids=CustomId("form:looks", nonce=NONCE), rule=ADMINISTRATORS, first=First.IN_PLACE
):
    """Form for the public page's accent colour and welcome text."""

    def __init__(self, settings: GuildSettings) -> None:
        super().__init__(TITLES[Page.PUBLIC]())
        field, help_ = said.COLOUR_FIELD(), said.COLOUR_HELP()
        accent, welcome = settings.page_accent, settings.page_welcome
        self.ask_text(field, "accent", _COLOUR_CHARACTERS, help_, text=accent, required=False)
        self.ask_text(
            said.WELCOME_FIELD(),
            "welcome",
            _WELCOME_CHARACTERS,
            said.WELCOME_HELP(),
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
            await give_back(interaction, said.NO_COLOUR())
            return
        welcome = filled.text("welcome").strip()
        await store(interaction, service.change, page_accent=accent, page_welcome=welcome)
        await interaction.client.setup_panel.show(interaction, Page.PUBLIC)


async def _numbers(
    interaction: Interaction, filled: Filled, fields: Iterable[str], most: Mapping[str, int]
) -> dict[str, int | None] | None:
    """The numbers in these fields, None for an empty one. If one is wrong, give all back.

    `most` has the largest number of a field, if it isn't `MOST`.
    """
    typed = {name: filled.text(name).strip() for name in fields}
    for name, text in typed.items():
        largest = most.get(name, MOST)
        if text and not (text.isascii() and text.isdigit() and int(text) <= largest):
            refusal = said.not_a_number(text, largest)
            await give_back(interaction, refusal)
            return None
    return {name: int(text) if text else None for name, text in typed.items()}


class LimitsForm(
    Form,
    ids=CustomId("form:limits", role_id=int, nonce=NONCE),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """Form for the limits of a role; the role of everyone has the guild's id."""

    def __init__(self, settings: GuildSettings, role: discord.Role | None) -> None:
        title = said.ACTIONS["everyone"]()
        if role is not None and not role.is_default():
            title = shorten(legible(role.name), _TITLE_CHARACTERS)
        role_id = role.id if role is not None else settings.guild_id
        super().__init__(title, role_id=role_id)
        limits = settings.limits
        for field, label in said.LIMIT_FIELDS.items():
            kind, _, window = field.partition("_")
            quota: Quota | None = getattr(limits, kind).get(role_id)
            self.ask_text(
                label(),
                field,
                _NUMBER_CHARACTERS,
                said.NUMBER_HELP(),
                text="" if quota is None else str(getattr(quota, window)),
                required=False,
            )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        numbers = await _numbers(interaction, filled, said.LIMIT_FIELDS, {})
        if numbers is None:
            return
        role_id, guild = subject["role_id"], interaction.guild
        # An id can be forged.
        if guild is not None and guild.get_role(role_id):
            chosen = {
                kind: (numbers[f"{kind}_hour"], numbers[f"{kind}_day"])
                for kind in ("questions", "notes")
            }
            quotas = {
                kind: None if pair == (None, None) else Quota(*(number or 0 for number in pair))
                for kind, pair in chosen.items()
            }
            await store(
                interaction,
                service.change_limits,
                lambda limits: limits.without_role(role_id).with_role(role_id, **quotas),
            )
        await interaction.client.setup_panel.show(interaction, Page.LIMITS)


class NewcomersForm(
    Form, ids=CustomId("form:newcomers", nonce=NONCE), rule=ADMINISTRATORS, first=First.IN_PLACE
):
    """Form for the rule for new members; if it is left empty, there is none."""

    def __init__(self, settings: GuildSettings) -> None:
        super().__init__(said.ACTIONS["newcomers"]())
        chosen = settings.limits.newcomers
        for field, label in said.NEWCOMER_FIELDS.items():
            self.ask_text(
                label(),
                field,
                _NUMBER_CHARACTERS,
                said.NEWCOMER_HELP[field](),
                text="" if chosen is None else str(getattr(chosen, field)),
                required=False,
            )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        numbers = await _numbers(interaction, filled, said.NEWCOMER_FIELDS, {})
        if numbers is None:
            return
        given = {name: number for name, number in numbers.items() if number is not None}
        if given and not (given.get("account_days") or given.get("member_days")):
            await give_back(interaction, said.NOBODY_NEW())
            return
        newcomers = replace(Newcomers(), **given) if given else None
        await store(
            interaction, service.change_limits, lambda limits: replace(limits, newcomers=newcomers)
        )
        await interaction.client.setup_panel.show(interaction, Page.LIMITS)


@cache
def _zones() -> dict[str, str]:
    """The time zones that this machine knows, by their lower-case names."""
    return {name.lower(): name for name in sorted(available_timezones() | {"UTC"})}


class DigestForm(
    Form,
    ids=CustomId("form:digest", edition=Edition, nonce=NONCE),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """Form for the hour of a digest, its time zone, and the age of unanswered posts in it."""

    def __init__(self, edition: Edition, digest: WeeklyDigest | None) -> None:
        key = "digest_time" if edition is Edition.MODERATORS else "news_time"
        super().__init__(SETTINGS[key].label(), edition=edition)
        at = digest or WeeklyDigest(0, edition, 0, chosen_at=datetime.now(UTC))
        hour, zone, posts = at.hour, at.zone, at.post_hours
        number = _NUMBER_CHARACTERS
        self.ask_text(said.HOUR_FIELD(), "hour", number, text=str(hour))
        help_ = said.ZONE_HELP()
        self.ask_text(said.ZONE_FIELD(), "zone", _ZONE_CHARACTERS, help_, text=zone)
        if edition is Edition.MODERATORS:
            help_ = said.POSTS_HELP()
            self.ask_text(said.POSTS_FIELD(), "post_hours", number, help_, text=str(posts))

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        most = {"hour": 23, "post_hours": _MOST_HOURS}
        numbers = await _numbers(interaction, filled, most, most)
        if numbers is None:
            return
        wanted = filled.text("zone").strip().lower().replace(" ", "_")
        zone = _zones().get(wanted)
        if zone is None:
            # Names with a continent first; the others (GMT+2, EST) are old.
            like = sorted(
                (name for key, name in _zones().items() if wanted and wanted in key),
                key=lambda name: ("/" not in name or name.startswith("Etc/"), name),
            )
            await give_back(interaction, said.no_zone(filled.text("zone"), like[:_ZONES_LIKE]))
            return
        changes: dict[str, Any] = {"hour": numbers["hour"], "zone": zone}
        # A post is unanswered after an hour at least.
        changes["post_hours"] = max(numbers["post_hours"], 1) if numbers["post_hours"] else None
        done = await store(
            interaction,
            service.change_digest,
            subject["edition"],
            {name: value for name, value in changes.items() if value is not None},
        )
        note = None if done else said.NO_DIGEST_CHANNEL
        await interaction.client.setup_panel.show(interaction, Page.REMINDERS, note=note)


class AnsweredFromForm(
    Form,
    ids=CustomId("form:from", channel_id=int, nonce=NONCE),
    rule=ADMINISTRATORS,
    first=First.IN_PLACE,
):
    """Form for the tags and sources that a channel is answered from.

    Sources are a list if it has room for all of them; otherwise their names are typed.
    """

    def __init__(self, channel_id: int, own: AnsweredFrom | None, offered: Offered) -> None:
        super().__init__(SETTINGS["answered_from"].label(), channel_id=channel_id)
        chosen = own or AnsweredFrom()
        tags = ALL if own is not None and own.everything else ", ".join(chosen.tags)
        self.ask_text(
            said.TAGS_FIELD(),
            "tags",
            _TYPED_CHARACTERS,
            said.TAGS_HELP(),
            text=tags,
            required=False,
        )
        names = said.source_names(offered)
        label = TITLES[Page.SOURCES]()
        kept = [key for key in chosen.sources if key in names]
        if len(names) <= _OPTIONS:
            options = [
                discord.SelectOption(
                    label=shorten(legible(name), _OPTION_CHARACTERS),
                    value=key[:_OPTION_CHARACTERS],
                    default=key in kept,
                )
                for key, name in names.items()
            ]
            select = discord.ui.Select[Any](
                custom_id="sources",
                options=options,
                min_values=0,
                max_values=len(options),
                required=False,
            )
            self.ask(label, select)
        else:
            text = ", ".join(names[key] for key in kept)
            help_ = said.SOURCES_HELP()
            most = _TYPED_CHARACTERS
            self.ask_text(label, "sources", most, help_, text=text, required=False)
        orders = [
            discord.SelectOption(
                label=words(), value=order, default=(order == "first") is chosen.first
            )
            for order, words in said.ORDERS.items()
        ]
        select = discord.ui.Select[Any](custom_id="order", options=orders)
        self.ask(said.ORDER_FIELD(), select)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        guild_id, channel_id = interaction.guild_id or 0, subject["channel_id"]
        offered = await interaction.client.worker.call(
            lambda core: service.offer(core, guild_id), priority=Priority.ASKING
        )
        typed = ",".join(filled.choices.get("sources") or [filled.text("sources")])
        names = {**said.source_names(offered), ALL: ALL}
        sources, unknown = service.parse_items(typed, names)
        tags = service.parse_tags(filled.text("tags"), offered.tags)
        if unknown:
            await give_back(interaction, said.no_source(unknown))
            return
        if len(tags) + len(sources) > said.MOST_CHOSEN:
            await give_back(interaction, said.TOO_MANY(most=said.MOST_CHOSEN))
            return
        chosen: AnsweredFrom | None = None
        if ALL in (*tags, *sources):
            chosen = EVERYTHING
        elif tags or sources:
            first = filled.choice("order") == "first"
            chosen = AnsweredFrom(tuple(tags), tuple(sources), first=first)
        panel = interaction.client.setup_panel
        # An id can be forged.
        if await panel.find(interaction, channel_id) is not None:
            await store(interaction, service.choose_in, channel_id, {"answered_from": chosen})
        await panel.show(interaction, Page.CHANNELS, channel_id=channel_id)


class TrialForm(
    Form, ids=CustomId("form:trial", nonce=NONCE), rule=ADMINISTRATORS, first=First.OWN
):
    """Form for a trial question."""

    def __init__(self) -> None:
        super().__init__(said.ACTIONS["ask"]())
        field, example = messages.QUESTION_FIELD(), messages.EXAMPLE()
        self.ask_text(field, "question", QUESTION_CHARACTERS, text=example, paragraph=True)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Answer the question in private, then suggest next steps."""
        bot = interaction.client
        with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
            await interaction.response.defer(ephemeral=True, thinking=True)
            question = filled.text("question")
            await bot.answers.answer_deferred(interaction, question, private=True)
            further = await bot.setup_panel.next_steps(interaction)
            if further:
                await interaction.followup.send(further, ephemeral=True)
