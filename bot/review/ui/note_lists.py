"""Pages of `/review` where moderators decide on twenty notes at once.

*Notes for the public page* releases live notes. *Imported notes* approves notes that came from
another bot's tags, which have no cards.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Select
from bot.interactions.kit.layouts import components_of
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.review import service
from bot.review.service import NoteList
from bot.review.ui.panel import ReviewPage, show_page
from bot.text.languages import Plural, Sentence, speak
from bot.text.markdown import legible, plain_within, shorten
from knowledge.values.notes import Decision, Member

# Bound on each note, so that a page of the list fits one message.
_TITLE_CHARACTERS: Final = 60
_TEXT_CHARACTERS: Final = 90

_PAGES: Final = {"earlier": Sentence("Earlier"), "later": Sentence("Later")}
_LABELS: Final = {"release": Sentence("Put these on the page"), **_PAGES}
_APPROVE_LABELS: Final = {"approve": Sentence("Approve these"), **_PAGES}
_KEEP_OFF: Final = Sentence("Choose notes to keep off the page")
_WAITING: Final = Plural(
    "**{number:,} live note** to review: its writer wasn't told about the public page. Releasing "
    "it makes it public.",
    "**{number:,} live notes** to review: their writers weren't told about the public page. "
    "Releasing these makes them public.",
)
_NOTHING: Final = Sentence(
    "No notes left to review: every live note is released or kept off the page."
)
_RELEASED: Final = Plural("{number:,} note released.", "{number:,} notes released.")
_REJECT: Final = Sentence("Choose notes to reject")
_IMPORTED: Final = Plural(
    "**{number:,} imported note** to approve or reject. I send no messages about these decisions.",
    "**{number:,} imported notes** to approve or reject. I send no messages about these decisions.",
)
_NOTHING_IMPORTED: Final = Sentence(
    "No imported notes for you to decide on. `/source add tags:` imports another bot's tags. Your "
    "own imports may need another moderator's approval."
)
_APPROVED: Final = Plural("{number:,} note approved.", "{number:,} notes approved.")
_PAGE_IS_OFF: Final = Sentence(
    "⚠ The page is off. Notes that you release now will appear once it's turned on in `/setup`."
)
_FLAGGED: Final = Sentence(
    "-# ⚠ These have contact details, links or the like. Look at them with `/note show` first."
)


def _list_lines(page: NoteList) -> list[str]:
    """The notes of a page, a line each, and remarks below them."""
    lines = []
    for note in page.notes:
        title = plain_within(note.submission.title, _TITLE_CHARACTERS)
        text = plain_within(" ".join(note.submission.text.split()), _TEXT_CHARACTERS)
        sign = "⚠ " if note.id in page.flagged else ""
        lines.append(f"{note.id}\\. {sign}**{title}** {text}")
    if page.flagged:
        lines.append(_FLAGGED())
    if page.count > 1:
        lines.append(
            speak(
                "-# Page {number} of {count} · `/note show` shows a whole note.",
                number=page.number + 1,
                count=page.count,
            )
        )
    return lines


async def _show_list(
    interaction: Interaction,
    where: ReviewPage,
    page: NoteList,
    texts: Sequence[str],
    menu: tuple[type[Select], Sentence],
    button: type[Button],
) -> None:
    """Show a page: `texts`, the notes, the menu of one decision, and the button of the other."""
    if not page.notes:
        await show_page(interaction, where, texts)
        return
    kind, placeholder = menu
    options = [
        discord.SelectOption(
            label=shorten(f"{note.id}. {legible(note.submission.title)}", 100),
            value=str(note.revision_id),
        )
        for note in page.notes
    ]
    select = kind(placeholder(), options, page=page.number)
    select.item.max_values = len(page.notes)
    actions = [next(iter(button.labels))]
    actions += ["earlier"] if page.number else []
    actions += ["later"] if page.number + 1 < page.count else []
    buttons = [button(page=page.number, action=action) for action in actions]
    await show_page(interaction, where, [*texts, *_list_lines(page)], [select], buttons)


def _revisions_on(message: discord.Message | None) -> list[int]:
    """Return the revision ids that a message lists, so that only displayed texts are decided on."""
    for component in components_of(message) if message is not None else ():
        custom_id = getattr(component, "custom_id", None) or ""
        if any(menu.ids.parse(custom_id) is not None for menu in (KeepOffSelect, RejectSelect)):
            return [int(option.value) for option in component.options]
    return []


def _choices(interaction: Interaction, menu: Select) -> list[int]:
    """The chosen ids among those that the message lists."""
    values = {str(value) for value in menu.item.values}
    listed = _revisions_on(interaction.message)
    return [revision_id for revision_id in listed if str(revision_id) in values]


class _ListButton:
    """Button below a list: it decides on the listed notes, or shows another page of the list."""

    page: int
    action: str
    show: Callable[..., Awaitable[None]]

    async def decide(self, interaction: Interaction, listed: Sequence[int]) -> int:
        """Decide on these revisions, and return how many were published."""
        raise NotImplementedError

    async def on_click(self, interaction: Interaction) -> None:
        if self.action in _PAGES:
            await self.show(interaction, max(self.page + (1 if self.action == "later" else -1), 0))
            return
        done = await self.decide(interaction, _revisions_on(interaction.message))
        await self.show(interaction, self.page, done)
        await interaction.client.outbox.catch_up_in_time()


# The public page.


async def show_unreleased(
    interaction: Interaction, number: int = 0, released: int | None = None
) -> None:
    """Show a page of unreleased notes; `released` is the number of notes just released, if any."""
    guild_id = interaction.guild_id or 0
    page, page_is_on = await interaction.client.worker.call(
        lambda core: service.list_unreleased(core, guild_id, number)
    )
    texts = [] if released is None else [_RELEASED(released)]
    texts += [] if page_is_on else [_PAGE_IS_OFF()]
    texts.append(_WAITING(page.total) if page.notes else _NOTHING())
    menu = (KeepOffSelect, _KEEP_OFF)
    await _show_list(interaction, ReviewPage.PUBLIC, page, texts, menu, ReleaseButton)


class KeepOffSelect(
    Select, ids=CustomId("keepoff", page=int), rule=moderators(), first=First.IN_PLACE
):
    """Select menu of notes to keep off the public page."""

    page: int

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        guild_id, chosen = interaction.guild_id or 0, _choices(interaction, self)
        by = Member(interaction.user.id, interaction.user.display_name)
        await interaction.client.worker.call(
            lambda core: service.keep_off(core, guild_id, chosen, by)
        )
        await show_unreleased(interaction, self.page)
        await interaction.client.outbox.catch_up_in_time()


class ReleaseButton(
    _ListButton,
    Button,
    ids=CustomId("release", page=int, action=tuple(_LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=_LABELS,
    styles={"release": discord.ButtonStyle.success},
):
    """Releases the listed notes."""

    async def decide(self, interaction: Interaction, listed: Sequence[int]) -> int:
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        return await interaction.client.worker.call(
            lambda core: core.store.public_notes.release(guild_id, listed, member_id)
        )

    show = staticmethod(show_unreleased)


# Imported notes.


async def show_imported(
    interaction: Interaction, number: int = 0, approved: int | None = None
) -> None:
    """Show a page of imported notes; `approved` is the number of notes just approved, if any."""
    guild_id = interaction.guild_id or 0
    member_id = interaction.user.id
    page = await interaction.client.worker.call(
        lambda core: service.list_imported(core, guild_id, member_id, number)
    )
    texts = [] if approved is None else [_APPROVED(approved)]
    texts.append(_IMPORTED(page.total) if page.notes else _NOTHING_IMPORTED())
    menu = (RejectSelect, _REJECT)
    await _show_list(interaction, ReviewPage.IMPORTED, page, texts, menu, ApproveButton)


async def _decide(interaction: Interaction, revision_ids: Sequence[int], decision: Decision) -> int:
    """Decide on imported notes, and return how many were published."""
    guild_id = interaction.guild_id or 0
    by = Member(interaction.user.id, interaction.user.display_name)
    published = await interaction.client.worker.run_slices(
        lambda core: service.decide_on_imported(core, guild_id, revision_ids, by, decision),
        priority=Priority.REVIEWING,
    )
    return published or 0


class RejectSelect(
    Select, ids=CustomId("imported_out", page=int), rule=moderators(), first=First.IN_PLACE
):
    """Select menu of imported notes to reject."""

    page: int

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        await _decide(interaction, _choices(interaction, self), Decision.REJECT)
        await show_imported(interaction, self.page)


class ApproveButton(
    _ListButton,
    Button,
    ids=CustomId("imported", page=int, action=tuple(_APPROVE_LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=_APPROVE_LABELS,
    styles={"approve": discord.ButtonStyle.success},
):
    """Approves the listed notes."""

    async def decide(self, interaction: Interaction, listed: Sequence[int]) -> int:
        return await _decide(interaction, listed, Decision.APPROVE)

    show = staticmethod(show_imported)
