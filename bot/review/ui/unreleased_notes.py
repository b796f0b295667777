"""Page *Notes for the public page* of `/review`: moderators release many notes at once."""

from collections.abc import Mapping
from typing import Any, Final

import discord

from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId, Select
from bot.interactions.kit.layouts import components_of
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.review import service
from bot.review.service import UnreleasedPage
from bot.review.ui.panel import ReviewPage, show_page
from bot.text.languages import Plural, Sentence, Speaker
from bot.text.markdown import legible, plain_within, shorten
from knowledge.values.guilds import Language
from knowledge.values.notes import Member

# Bound on each note, so that a page of the list fits one message.
_TITLE_CHARACTERS: Final = 60
_TEXT_CHARACTERS: Final = 90

_LABELS: Final[Mapping[str, Sentence]] = {
    "release": Sentence("Put these on the page"),
    "earlier": Sentence("Earlier"),
    "later": Sentence("Later"),
}
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
_RELEASED: Final = Plural(
    "{number:,} note released.",
    "{number:,} notes released.",
)
_PAGE_IS_OFF: Final = Sentence(
    "⚠ The page is off. Notes that you release now will appear once it's turned on in `/setup`."
)
_FLAGGED: Final = Sentence(
    "-# ⚠ These have contact details, links or the like. Look at them with `/note show` first."
)


def page_text(
    page: UnreleasedPage, language: Language = Language.ENGLISH, *, released: int | None = None
) -> str:
    """Return a page of unreleased notes, after a line that says how many were just `released`."""
    speak = Speaker(language)
    lines = [] if released is None else [_RELEASED(released, language)]
    if not page.is_on:
        lines.append(_PAGE_IS_OFF(language))
    if not page.notes:
        return "\n".join([*lines, _NOTHING(language)])
    lines.append(_WAITING(page.total, language))
    for note in page.notes:
        title = plain_within(note.submission.title, _TITLE_CHARACTERS)
        text = plain_within(" ".join(note.submission.text.split()), _TEXT_CHARACTERS)
        sign = "⚠ " if note.id in page.flagged else ""
        lines.append(f"{note.id}\\. {sign}**{title}** {text}")
    if page.flagged:
        lines.append(_FLAGGED(language))
    if page.count > 1:
        lines.append(
            speak(
                "-# Page {number} of {count} · `/note show` shows a whole note.",
                number=page.number + 1,
                count=page.count,
            )
        )
    return "\n".join(lines)


_OPTION_CHARACTERS: Final = 100


async def show_unreleased(
    interaction: Interaction, number: int = 0, released: int | None = None
) -> None:
    """Show a page of unreleased notes; `released` is the number of notes just released, if any."""
    guild_id = interaction.guild_id or 0
    page = await interaction.client.worker.call(
        lambda core: service.unreleased_page(core, guild_id, number)
    )
    language = await viewer_language(interaction)
    text = page_text(page, language, released=released)
    rows: list[list[discord.ui.Item[Any]]] = []
    if page.notes:
        keep = KeepOffSelect(_KEEP_OFF(language), _options(page), page=page.number)
        keep.item.max_values = len(page.notes)
        rows.append([keep])
        rows.append(list(_buttons(page, language)))
    await show_page(interaction, ReviewPage.PUBLIC, [text], *rows)


def _options(page: UnreleasedPage) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(
            label=shorten(f"{note.id}. {legible(note.submission.title)}", _OPTION_CHARACTERS),
            value=str(note.revision_id),
        )
        for note in page.notes
    ]


def _buttons(page: UnreleasedPage, language: Language) -> list["ReleaseButton"]:
    actions = ["release"]
    actions += ["earlier"] if page.number else []
    actions += ["later"] if page.number + 1 < page.count else []
    return [ReleaseButton(language, page=page.number, action=action) for action in actions]


def _revisions_on(message: discord.Message | None) -> list[int]:
    """Return the revision ids that a message lists, so that only displayed texts are released."""
    for component in components_of(message) if message is not None else ():
        if KeepOffSelect.ids.parse(getattr(component, "custom_id", None) or "") is not None:
            return [int(option.value) for option in component.options]
    return []


class KeepOffSelect(
    Select, ids=CustomId("keepoff", page=int), rule=moderators(), first=First.IN_PLACE
):
    """Select menu of notes to keep off the public page."""

    page: int

    async def on_choice(self, interaction: Interaction, _value: str) -> None:
        guild_id = interaction.guild_id or 0
        by = Member(interaction.user.id, interaction.user.display_name)
        values = {str(value) for value in self.item.values}
        wanted = [
            revision_id
            for revision_id in _revisions_on(interaction.message)
            if str(revision_id) in values
        ]
        await interaction.client.worker.call(
            lambda core: service.keep_off(core, guild_id, wanted, by)
        )
        await show_unreleased(interaction, self.page)
        await interaction.client.outbox.catch_up_in_time()


class ReleaseButton(
    Button,
    ids=CustomId("release", page=int, action=tuple(_LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=_LABELS,
    styles={"release": discord.ButtonStyle.success},
):
    """Button below the list: it releases the listed notes, or shows another page of the list."""

    page: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        if self.action != "release":
            await show_unreleased(
                interaction, max(self.page + (1 if self.action == "later" else -1), 0)
            )
            return
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        shown = _revisions_on(interaction.message)
        released = await interaction.client.worker.call(
            lambda core: core.store.public_notes.release(guild_id, shown, member_id)
        )
        await show_unreleased(interaction, self.page, released)
        await interaction.client.outbox.catch_up_in_time()
