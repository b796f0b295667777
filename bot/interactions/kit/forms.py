"""Forms (modals) that survive the process that opened them.

discord.py keeps open forms in memory. Here a form's id contains the form's subject, such as a
note's number, so another process can handle a submission or give the input back.
"""

import asyncio
import functools
import io
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, final

import discord
from discord.ext import commands
from discord.ui.select import BaseSelect

from bot.core.core import Core
from bot.interactions.kit import inbox
from bot.interactions.kit.authorization import First, Rule, authorize
from bot.interactions.kit.buttons import CustomId, forbid_overrides, nonce
from bot.interactions.kit.discord_internals import edit_original, fetch_original, submit
from bot.interactions.kit.errors import UNREACHED, in_time, say, worth_retrying
from bot.interactions.kit.layouts import layout
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.services import Interaction, Services
from bot.text import error_messages, languages
from bot.text.languages import Sentence, speaking
from bot.text.markdown import size
from knowledge.store.interactions import KeptInteraction
from knowledge.store.rows import NO_GUILD
from knowledge.text import storable
from knowledge.values.guilds import GuildFilter, Language

# Seconds for which a form stays in memory. A later submission is handled by the form's id. Most
# forms are filled in sooner, and nobody tells the bot of a form that was closed.
OPEN_SECONDS: Final = 15 * 60
# Discord's limit; a forged form may have more.
FIELDS: Final = 5
FILE_NAME: Final = "what-you-wrote.txt"

# Longest wait for the inbox; part of the time for the first response.
_KEEPING_SECONDS: Final = 1.2

_logger = logging.getLogger(__name__)

# Key in `Interaction.extras`: discord.py found the form in memory.
_FOUND: Final = "found"


@dataclass(frozen=True, slots=True)
class Filled:
    """Submitted input by field id: texts, choices, files."""

    texts: dict[str, str]
    choices: dict[str, list[str]]
    files: dict[str, list[discord.Attachment]]

    def text(self, field: str) -> str:
        return self.texts.get(field, "")

    def choice(self, field: str) -> str:
        """Return the choice of a single-choice list, or an empty string."""
        return next(iter(self.choices.get(field, ())), "")

    def file(self, field: str) -> discord.Attachment | None:
        return next(iter(self.files.get(field, ())), None)


class Form(discord.ui.Modal):
    """Form with an id that contains the form's subject and ends with a unique number."""

    ids: ClassVar[CustomId]
    rule: ClassVar[Rule]
    first: ClassVar[First]
    # Shown after a restart if the input was taken and only the reply was lost.
    done_before: ClassVar[Sentence] = error_messages.FORM_DONE

    def __init_subclass__(cls, *, ids: CustomId, rule: Rule, first: First = First.THINKING) -> None:
        super().__init_subclass__()
        forbid_overrides(
            cls, "on_submit", "interaction_check", "authorize_and_handle", "_dispatch_submit"
        )
        cls.ids, cls.rule, cls.first = ids, rule, first

    def __init__(self, title: str, **values: Any) -> None:
        custom_id = self.ids.format(**values, nonce=nonce())
        super().__init__(title=title, custom_id=custom_id, timeout=OPEN_SECONDS)

    def ask(self, label: str, component: discord.ui.Item[Any], description: str = "") -> None:
        self.add_item(
            discord.ui.Label(text=label, description=description or None, component=component)
        )

    def ask_text(
        self,
        label: str,
        field: str,
        most: int,
        description: str = "",
        *,
        text: str = "",
        required: bool = True,
        paragraph: bool = False,
    ) -> None:
        """Add a text input of at most `most` characters, prefilled with `text`.

        The limit grows if clients, which count an emoji as two characters, find `text` longer.
        """
        style = discord.TextStyle.paragraph if paragraph else discord.TextStyle.short
        component = discord.ui.TextInput[Any](
            custom_id=field,
            style=style,
            required=required,
            default=text or None,
            max_length=max(most, size(text)),
        )
        self.ask(label, component, description)

    @classmethod
    def given_back(
        cls, _bot: Services, _custom_id: str, fields: Sequence[tuple[str, str]]
    ) -> dict[str, Any]:
        """Return the message edit that gives the input back after a restart."""
        typed = error_messages.typed_text(fields)
        said, as_file = error_messages.given_back(error_messages.RESTARTED(), typed)
        files = [discord.File(io.BytesIO(typed.encode(errors="replace")), FILE_NAME)]
        return {"content": said, "attachments": files if as_file else []}

    @classmethod
    def first_response(cls, _interaction: Interaction) -> First:
        return cls.first

    @classmethod
    @final
    async def authorize_and_handle(
        cls, interaction: Interaction, custom_id: str, filled: Filled, handle: "_Handler"
    ) -> None:
        """Handle the input if the rule admits the sender; otherwise give it back."""
        subject = cls.ids.parse(custom_id)
        if subject is None:
            raise ValueError(f"{custom_id} is no id of {cls.__name__}")
        try:
            found = await authorize(interaction, cls.first_response(interaction), cls.rule, subject)
        except Exception as error:  # noqa: BLE001 - the input must come back in any case
            why = interaction.client.explanation(error)
            await cls.refused(interaction, why, subject, filled)
            return
        if isinstance(found, Sentence):
            why = found()
            await cls.refused(interaction, why, subject, filled)
        else:
            await handle(interaction, {**subject, **found}, filled)

    @classmethod
    async def refused(
        cls, interaction: Interaction, why: str, _subject: dict[str, Any], _filled: Filled
    ) -> None:
        """Say why the form was refused, and give the input back."""
        await give_back(interaction, why)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Handle the input; `subject` has the id's values and the objects from the rule."""
        raise NotImplementedError

    async def handle_in_opener(
        self, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Handle the input in the process that opened the form.

        Override this to use attributes of the form object, which other processes don't have.
        """
        await self.handle(interaction, subject, filled)

    async def interaction_check(self, interaction: discord.Interaction[Any]) -> bool:
        """Record that discord.py, before it calls `on_submit`, found this form in memory."""
        interaction.extras[_FOUND] = True
        return True

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the input, or give the input back with an explanation."""
        filled, handle = _read_form(self), self.handle_in_opener
        await _or_given_back(
            interaction,
            lambda: self.authorize_and_handle(interaction, self.custom_id, filled, handle),
        )


_Handler = Callable[[Interaction, dict[str, Any], Filled], Awaitable[None]]


class _RebuiltForm(discord.ui.Modal):
    """Form of another process, rebuilt from the submitted fields."""

    def __init__(self, interaction: Interaction, kinds: tuple[type[Form], ...]):
        super().__init__(title="Sent")
        self._kinds = kinds
        self._sent: Any = interaction.data
        for field in _fields(self._sent)[:FIELDS]:
            made = _rebuilt_field(field)
            if made is not None:
                self.add_item(made)

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        custom_id = self._sent["custom_id"]
        for kind in self._kinds:
            if kind.ids.parse(custom_id) is not None:
                entered = functools.partial(
                    kind.authorize_and_handle, interaction, custom_id, _read_form(self), kind.handle
                )
                await _or_given_back(interaction, entered)
                return
        await give_back(interaction, error_messages.UNKNOWN_FORM())


async def _or_given_back(interaction: Interaction, take: Callable[[], Awaitable[None]]) -> None:
    bot = interaction.client
    if not await bot.admits(interaction):
        return
    keeping = inbox.keep(
        interaction, [(field["custom_id"], _input(field)) for field in _fields(interaction.data)]
    )
    # The input is stored before Discord closes the form, unless that takes too long.
    async with in_time(interaction):
        await asyncio.wait([keeping], timeout=_KEEPING_SECONDS)
    try:
        await take()
    except Exception as error:  # noqa: BLE001 - passed to the one broad handler
        await give_back(interaction, bot.explanation(error))
    await inbox.delete_record(interaction)


def _input(field: dict[str, Any]) -> str:
    """Return a field's text or choices, or an empty string for a file."""
    if field.get("type") == discord.ComponentType.file_upload.value:
        return ""
    return field.get("value") or " ".join(field.get("values") or ())


async def answer_unfinished(
    bot: Services, kinds: tuple[type[Form], ...], before: datetime, mine: GuildFilter
) -> None:
    """Answer the clicks and forms that an earlier process received but didn't answer.

    If the bot has acted on a form, the sender is told so; otherwise the sender gets the input back.
    A click is answered only if Discord still shows *thinking…*. Only guilds in `mine` are covered.
    """
    left = await bot.worker.call(lambda core: core.store.inbox.left_over(before))
    for kept in [kept for kept in left if mine(kept.guild_id or 0)]:
        kind = next((kind for kind in kinds if kind.ids.parse(kept.custom_id)), None)
        webhook = discord.Webhook.partial(bot.application_id or 0, kept.token, client=bot)
        try:
            # The original may be a layout, as the review queue is, and can't take content then.
            original = await fetch_original(webhook)
            is_click = kind is None and not kept.fields
            if original.flags.loading or not is_click:
                outcome = await _outcome(bot, kept, kind or Form)
                if original.flags.components_v2:
                    files = outcome.get("attachments", [])
                    names = [f"attachment://{file.filename}" for file in files]
                    text = discord.ui.TextDisplay[Any](outcome["content"])
                    outcome = layout([text, *map(discord.ui.File[Any], names)])
                    outcome["attachments"] = files
                await edit_original(webhook, **outcome)
        except UNREACHED as error:
            _logger.info("An interaction from before the start could not be answered: %s", error)
            if worth_retrying(error):
                continue
        await bot.worker.call(functools.partial(_forget, kept.id))


def _forget(interaction_id: int, core: Core) -> None:
    core.store.inbox.delete(interaction_id)


async def _outcome(bot: Services, kept: KeptInteraction, kind: type[Form]) -> dict[str, Any]:
    """Return the message edit that reports the outcome of a form or click."""
    language = languages.of_locale(kept.locale) or Language.ENGLISH
    guild_id = kept.guild_id or NO_GUILD
    # False if a process has acted on it already.
    given_back = not kept.taken and await bot.worker.call(
        lambda core: core.store.handled.give_back(guild_id, kept.id)
    )
    with speaking(language):
        if given_back:
            return kind.given_back(bot, kept.custom_id, kept.fields)
        return {"content": kind.done_before()}


async def give_back(interaction: Interaction, sentence: str) -> None:
    """Say why the input was refused, and give the input back in the message or as a file."""
    typed = error_messages.typed_text(
        [(field["custom_id"], field.get("value") or "") for field in _fields(interaction.data)]
    )
    said, as_file = error_messages.given_back(sentence, typed)
    more: dict[str, Any] = {}
    if as_file:
        more["file"] = discord.File(io.BytesIO(typed.encode(errors="replace")), FILE_NAME)
    await say(interaction, said, **more)


def _fields(data: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for component in (data or {}).get("components", ()):
        inner = component.get("component")
        found += [inner] if inner else component.get("components", [component])
    return [field for field in found if "custom_id" in field]


def _rebuilt_field(field: dict[str, Any]) -> discord.ui.Item[Any] | None:
    """Rebuild a submitted field, for discord.py to fill."""
    kind, custom_id = field.get("type"), field["custom_id"]
    if kind == discord.ComponentType.text_input.value:
        return discord.ui.Label(text=".", component=discord.ui.TextInput(custom_id=custom_id))
    for select in (discord.ui.Select, discord.ui.UserSelect, discord.ui.RoleSelect):
        made: Any = select(custom_id=custom_id)
        if kind == made.type.value:
            return discord.ui.Label(text=".", component=made)
    if kind == discord.ComponentType.file_upload.value:
        return discord.ui.Label(text=".", component=discord.ui.FileUpload(custom_id=custom_id))
    return None


def _read_form(form: discord.ui.Modal) -> Filled:
    filled = Filled({}, {}, {})
    for item in form.walk_children():
        if isinstance(item, discord.ui.TextInput):
            filled.texts[item.custom_id] = storable(item.value)
        elif isinstance(item, BaseSelect):
            # A member or role counts by its id.
            filled.choices[item.custom_id] = [
                str(getattr(value, "id", value)) for value in item.values
            ]
        elif isinstance(item, discord.ui.FileUpload):
            filled.files[item.custom_id] = list(item.values)
    return filled


class UnknownComponents(commands.Cog):
    """Answers forms opened by other processes, and clicks on buttons of other versions."""

    def __init__(
        self, bot: Services, ids: Sequence[CustomId], forms: tuple[type[Form], ...]
    ) -> None:
        self._bot = bot
        self._ids = ids
        self._forms = forms

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            if _FOUND not in interaction.extras:
                # discord.py fills the fields, as it does for a form in memory.
                await _or_given_back(
                    interaction, lambda: submit(_RebuiltForm(interaction, self._forms), interaction)
                )
        elif interaction.type is discord.InteractionType.component:
            sent: Any = interaction.data
            if all(ids.parse(sent["custom_id"]) is None for ids in self._ids):
                sentence = error_messages.UNKNOWN_BUTTON
            elif not _is_on_message(sent["custom_id"], interaction.message):
                # discord.py ignores such a click.
                sentence = error_messages.BUTTON_GONE
            else:
                return
            with speaking(await viewer_language(interaction)):
                await say(interaction, sentence())


def _is_on_message(custom_id: str, message: discord.Message | None) -> bool:
    if message is None:
        return False
    kind = discord.ui.LayoutView if message.flags.components_v2 else discord.ui.View
    items = kind.from_message(message, timeout=None).walk_children()
    return any(getattr(item, "custom_id", None) == custom_id for item in items)
