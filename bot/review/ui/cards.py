"""Review cards in Discord: their buttons, menus and forms, and moderators' rights on them."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

import discord
from discord.ext import commands

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, Select, view_of
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.layouts import container, layout
from bot.interactions.pictures import gallery, picture_files
from bot.interactions.policy.channel_access import is_open_to_everyone
from bot.interactions.policy.component_access import moderators
from bot.interactions.policy.permissions import moderator_refusal
from bot.interactions.services import Cog, Interaction
from bot.review import actions, cards, messages, service
from bot.review.actions import ACTIONS, Action, Click, actions_on
from bot.review.cards import ASKED_AS, TAGS, TITLE, CardState, ReviewCard
from bot.review.impact import Impact, ImpactPreview
from bot.review.ui.freshness import HandOnForm
from bot.text import error_messages
from bot.text.languages import Sentence, speak
from bot.text.markdown import legible, shorten, size
from knowledge.values.notes import Member, Note, Outcome, SuggestedWording
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import (
    FORM_CHARACTERS,
    REASON_CHARACTERS,
    TITLE_CHARACTERS,
    WORDING_CHARACTERS,
    WORDINGS,
    InvalidNoteError,
    checked_submission,
    checked_wordings,
)

_COLOURS: Final[Mapping[CardState, discord.Colour]] = {
    CardState.WAITING: discord.Colour.gold(),
    CardState.LIVE: discord.Colour.green(),
    CardState.RETURNED: discord.Colour.blue(),
    CardState.REJECTED: discord.Colour.red(),
    CardState.CLOSED: discord.Colour.light_grey(),
}


# Rights and outcomes of clicks.

_MODERATORS: Final = moderators()


async def moderators_of_revision(
    interaction: Interaction, values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit current moderators, and set `note` to the note with the revision."""
    found = await _MODERATORS(interaction, values)
    if isinstance(found, Sentence):
        return found
    # A custom_id can be forged, so revisions of other guilds are not found.
    guild_id, revision_id = interaction.guild_id or 0, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: core.store.notes.find(revision_id, guild_id), priority=Priority.ASKING
    )
    return messages.CARD_GONE if note is None else {"note": note}


def first_response_to_decision(interaction: Interaction) -> First:
    """The first response to a click on a decision.

    A click on a card gets a private message in response. The queue is a private message already, so
    a click there shows the next note in the same message.
    """
    in_queue = interaction.client.queue.place(interaction.message) is not None
    return First.IN_PLACE if in_queue else First.THINKING


async def act(
    interaction: Interaction,
    note: Note,
    action: Action,
    *,
    reason: str = "",
    duplicate_of: str = "",
) -> bool:
    """Carry out an action on a note, show the outcome, and deliver; return whether it was done."""
    moderator = Member(interaction.user.id, interaction.user.display_name)
    click = Click(action, moderator, interaction.id, reason, duplicate_of)
    acted = await interaction.client.worker.run_slices(
        lambda core: actions.act(core, note, click), priority=Priority.REVIEWING
    )
    return await report_outcome(interaction, acted, action)


async def report_outcome(
    interaction: Interaction, acted: tuple[Outcome, int] | None, action: Action
) -> bool:
    """Show the outcome, deliver cards and notices, and return whether the action was done."""
    bot = interaction.client
    if acted is None:
        await show_outcome(interaction, messages.CARD_GONE())
        return False
    outcome, quorum = acted
    if outcome.obstacle is not None:
        sentence = messages.obstacle(outcome.note, outcome.obstacle, quorum)
    else:
        sentence = actions.confirmation(outcome.note, action, quorum)
    try:
        await show_outcome(interaction, sentence)
    finally:
        await bot.outbox.catch_up()
    return outcome.obstacle is None


async def show_outcome(interaction: Interaction, sentence: str) -> None:
    """Show the outcome of a click. In the queue, the outcome is shown above the next note."""
    bot = interaction.client
    place = bot.queue.place(interaction.message)
    if place is None:
        await interaction.edit_original_response(content=sentence)
        return
    page = await bot.queue.page(interaction, place, sentence)
    await interaction.edit_original_response(**page)


# Deleted cards.


class CardsCog(Cog):
    """Listener for deleted cards."""

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Record that a card was deleted, so that the card is posted again."""
        await self._note_loss(event.guild_id, [event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._note_loss(event.guild_id, list(event.message_ids))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Record that a deleted review channel's cards are gone, to post them anew."""
        settings = await self.bot.guild_settings.settings(channel.guild.id)
        if settings.review_channel_id == channel.id:
            await self.bot.worker.call(
                lambda core: core.store.review_cards.forget_channel(channel.id)
            )

    async def _note_loss(self, guild_id: int | None, message_ids: list[int]) -> None:
        if guild_id is not None:
            await self.bot.worker.call(
                lambda core: core.store.review_cards.forget_messages(message_ids)
            )


# Cards and their buttons.


def files_of(card: cards.Card | None) -> list[discord.File]:
    """The files of a card: the pictures, and a text that is too long for a message."""
    if card is None:
        return []
    text = [discord.File(io.BytesIO(card.file_text.encode()), card.file_name)]
    return [*(text if card.file_name else []), *picture_files(card.pictures)]


def card_message(
    card: ReviewCard,
    *items: Iterable[discord.ui.Item[Any]],
    above: str = "",
    with_files: bool = True,
) -> dict[str, Any]:
    """Arguments that send or edit a card; the caller attaches its files if it is `with_files`."""
    shown = container([[text] for text in card.texts], _COLOURS[card.state])
    if card.attached.file_name and with_files:
        shown.add_item(discord.ui.File(f"attachment://{card.attached.file_name}"))
    if card.attached.pictures and with_files:
        shown.add_item(gallery(picture_files(card.attached.pictures)))
    return layout([*([discord.ui.TextDisplay(above)] if above else []), shown], *items)


def card_buttons(note: Note, settings: GuildSettings, at: datetime) -> list[discord.ui.Item[Any]]:
    """The buttons of a card at the time `at`, and a menu of further actions."""
    buttons, in_menu = actions_on(note, settings, at)
    items: list[discord.ui.Item[Any]] = [
        CardButton(revision_id=note.revision.id, action=action) for action in buttons
    ]
    if in_menu:
        options = [
            discord.SelectOption(label=ACTIONS[action].label(), value=action) for action in in_menu
        ]
        items.append(CardMenu(messages.MORE(), options, revision_id=note.revision.id))
    return items


class CardButton(
    Button,
    ids=CustomId("card", revision_id=int, action=Action),
    rule=moderators_of_revision,
    labels={action: declared.label for action, declared in ACTIONS.items()},
    styles={action: discord.ButtonStyle[declared.style] for action, declared in ACTIONS.items()},
):
    """A button on a card."""

    revision_id: int
    action: Action
    note: Note

    def first_response(self, interaction: Interaction) -> First:
        return _first_response(interaction, self.action)

    async def on_click(self, interaction: Interaction) -> None:
        await _carry_out(interaction, self.note, self.action)


class CardMenu(Select, ids=CustomId("card_menu", revision_id=int), rule=moderators_of_revision):
    """A menu of further actions on a card; its values are actions."""

    note: Note

    def first_response(self, interaction: Interaction) -> First:
        sent: Any = interaction.data
        action = next(iter(sent.get("values", ())), "")
        known = action in ACTIONS
        return _first_response(interaction, Action(action)) if known else First.THINKING

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        if value in ACTIONS:
            await _carry_out(interaction, self.note, Action(value))
        else:
            await show_outcome(interaction, messages.CARD_GONE())


def _first_response(interaction: Interaction, action: Action) -> First:
    if ACTIONS[action].form or action in {Action.EDIT, Action.HAND_ON}:
        return First.OWN
    beside = ACTIONS[action].effect is None
    return First.THINKING if beside else first_response_to_decision(interaction)


async def _carry_out(interaction: Interaction, note: Note, action: Action) -> None:
    """Act at once, or open the form that the action needs."""
    if ACTIONS[action].form:
        await interaction.response.send_modal(RulingModal(note.revision.id, action))
    elif action is Action.EDIT:
        await interaction.response.send_modal(EditModal(note))
    elif action is Action.HAND_ON:
        await interaction.response.send_modal(HandOnForm(note, with_list=True))
    elif action is Action.IMPACT:
        await _show_impact(interaction, note)
    elif action is Action.WORDINGS:
        await show_wordings(interaction, note)
    else:
        await act(interaction, note, action)


_WITH_FORM: Final = tuple(action for action, declared in ACTIONS.items() if declared.form)


class RulingModal(
    Form,
    ids=CustomId("form:ruling", revision_id=int, action=_WITH_FORM, nonce=NONCE),
    rule=moderators_of_revision,
):
    """The form for the reason of a decision, and for the original of a duplicate."""

    def __init__(self, revision_id: int, action: Action) -> None:
        declared = ACTIONS[action]
        title = (declared.form or declared.label)()
        super().__init__(title, revision_id=revision_id, action=action)
        if action is Action.DUPLICATE:
            label, help_ = messages.DUPLICATE_OF(), messages.DUPLICATE_HELP()
            self.ask_text(label, "duplicate_of", TITLE_CHARACTERS, help_)
        needed = declared.needs_reason
        self.ask_text(
            messages.REASON(),
            "reason",
            REASON_CHARACTERS,
            (messages.REASON_HELP if needed else messages.OPTIONAL_REASON_HELP)(),
            required=needed,
            paragraph=True,
        )

    @classmethod
    def first_response(cls, interaction: Interaction) -> First:
        return first_response_to_decision(interaction)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        decided = await act(
            interaction,
            subject["note"],
            subject["action"],
            reason=filled.text("reason").strip(),
            duplicate_of=filled.text("duplicate_of").strip(),
        )
        if not decided and any(filled.texts.values()):
            await _give_back(interaction)


async def _give_back(interaction: Interaction) -> None:
    await give_back(interaction, messages.NOT_USED())


# Impact.


async def _show_impact(interaction: Interaction, note: Note) -> None:
    impact = await interaction.client.worker.run_slices(
        lambda core: core.part(ImpactPreview).of_revision(note)
    )
    first, *rest = messages.impact(note, impact or Impact(0, 0))
    await interaction.edit_original_response(content=first)
    for part in rest:
        await interaction.followup.send(part, ephemeral=True)


# Edit & approve.


class EditModal(
    Form, ids=CustomId("form:edit", revision_id=int, nonce=NONCE), rule=moderators_of_revision
):
    """The form to edit and approve a contributor's note; a text too long for it is a file."""

    heading: ClassVar[Sentence] = messages.EDIT_TITLE
    corrects: ClassVar[bool] = False

    def __init__(self, note: Note) -> None:
        submission = note.revision.submission.safe
        super().__init__(self.heading(), revision_id=note.revision.id)
        self.ask_text(TITLE(), "title", TITLE_CHARACTERS, text=submission.title)
        text = submission.text
        if size(text) <= FORM_CHARACTERS:
            label = messages.TEXT()
            self.ask_text(label, "text", FORM_CHARACTERS, text=text, paragraph=True)
        else:
            upload = discord.ui.FileUpload[Any](custom_id="file", max_values=1)
            self.ask(messages.TEXT_AS_FILE(), upload, messages.FILE_HELP())
        _ask_wordings(self, submission.wordings)
        tags, help_ = " ".join(submission.tags), messages.TAGS_HELP()
        self.ask_text(TAGS(), "tags", 200, help_, text=tags, required=False)

    @classmethod
    def first_response(cls, interaction: Interaction) -> First:
        return first_response_to_decision(interaction)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        """Approve the revision with the form's edits, or give the input back."""
        note = subject["note"]
        bot, uploaded, text = interaction.client, filled.file("file"), filled.text("text")
        try:
            if not text and uploaded is None:
                raise InvalidNoteError("The file is missing. Upload the edited text.")
            if not text and uploaded is not None:
                text = (await bot.attachments.read(uploaded, interaction.user.id)).text
            link = note.revision.submission.link
            submission = checked_submission(
                filled.text("title"), text, filled.text("tags"), link, filled.text("wordings")
            )
        except InvalidNoteError as error:
            await show_outcome(interaction, error_messages.invalid(error))
            await _give_back(interaction)
            return
        moderator = Member(interaction.user.id, interaction.user.display_name)
        acted = await bot.worker.run_slices(
            lambda core: actions.edit_and_approve(
                core, note, moderator, submission, interaction.id, corrects=cls.corrects
            ),
            priority=Priority.REVIEWING,
        )
        if not await report_outcome(interaction, acted, Action.EDIT):
            await _give_back(interaction)


class CorrectionModal(
    EditModal,
    ids=CustomId("form:correct", revision_id=int, nonce=NONCE),
    rule=moderators_of_revision,
):
    """The same form for a live note."""

    heading = Sentence("Correct this note")
    corrects = True


def _ask_wordings(form: Form, wordings: Sequence[str]) -> None:
    """Add the field of a note's wordings to a form, with one wording a line."""
    form.ask_text(
        ASKED_AS(),
        "wordings",
        WORDINGS * (1 + WORDING_CHARACTERS),
        messages.WORDINGS_HELP(),
        text="\n".join(wordings),
        required=False,
        paragraph=True,
    )


async def open_correction(interaction: Interaction, note_id: int) -> None:
    """Open the form that corrects a live note, as the first response, for moderators."""
    async with in_time(interaction):
        refusal = await moderator_refusal(interaction, messages.NOT_A_CORRECTOR)
        note = await interaction.client.worker.call(
            lambda core: core.store.notes.live(note_id), priority=Priority.ASKING
        )
    if note is None or note.guild_id != interaction.guild_id:
        refusal = refusal or messages.NO_SUCH_NOTE()
    if note is None or refusal:
        await interaction.response.send_message(refusal, ephemeral=True)
    else:
        await interaction.response.send_modal(CorrectionModal(note))


# Wordings: the panel that a card opens.


async def show_wordings(interaction: Interaction, note: Note) -> None:
    """Show the wordings of a note to a moderator, with buttons to add suggested ones."""
    revision_id = note.revision.id
    suggested = await _suggestions(interaction, note)
    buttons: list[Button] = []
    if len(note.revision.submission.wordings) < WORDINGS:
        buttons = [
            WordingButton(
                speak("Add “{wording}”", wording=shorten(legible(wording.text), 60)),
                revision_id=revision_id,
                question_id=wording.question_id,
            )
            for wording in suggested
        ]
    buttons.append(EditWordingsButton(messages.EDIT_WORDINGS(), revision_id=revision_id))
    content = messages.wordings(note, [wording.text for wording in suggested])
    await interaction.edit_original_response(content=content, view=view_of(buttons))


async def _suggestions(interaction: Interaction, note: Note) -> list[SuggestedWording]:
    """The suggested wordings from channels that everyone can read."""
    suggested = await interaction.client.worker.call(
        lambda core: service.suggested_wordings(core, note) if note.live else []
    )
    guild = interaction.guild
    readable = [wording for wording in suggested if is_open_to_everyone(guild, wording.channel_id)]
    return readable[:WORDINGS]


async def _reword(
    interaction: Interaction, note: Note, wordings: Sequence[str] | SuggestedWording
) -> None:
    """Change the wordings, and show them, or the reason why they weren't changed."""
    moderator = Member(interaction.user.id, interaction.user.display_name)
    outcome = await interaction.client.worker.call(
        lambda core: service.reword(core, note, moderator, wordings, interaction.id)
    )
    await interaction.client.outbox.catch_up()
    if outcome is None:
        await give_back(interaction, messages.CARD_GONE())
    elif outcome.obstacle is not None:
        refusal = messages.obstacle(outcome.note, outcome.obstacle)
        await give_back(interaction, refusal)
    else:
        await show_wordings(interaction, outcome.note)


class WordingButton(
    Button,
    ids=CustomId("wording", revision_id=int, question_id=int),
    rule=moderators_of_revision,
    first=First.IN_PLACE,
):
    """Adds a member's question to a note's wordings."""

    question_id: int
    note: Note

    async def on_click(self, interaction: Interaction) -> None:
        # An id can be forged, so the question must still be among the suggested ones.
        suggested = {
            wording.question_id: wording for wording in await _suggestions(interaction, self.note)
        }
        if wording := suggested.get(self.question_id):
            await _reword(interaction, self.note, wording)
        else:
            await show_wordings(interaction, self.note)


class EditWordingsButton(
    Button, ids=CustomId("wordings", revision_id=int), rule=moderators_of_revision, first=First.OWN
):
    """Opens the form of a note's wordings."""

    note: Note

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(WordingsModal(self.note))


class WordingsModal(
    Form,
    ids=CustomId("form:wordings", revision_id=int, nonce=NONCE),
    rule=moderators_of_revision,
    first=First.IN_PLACE,
):
    """The form of a note's wordings, with one wording a line."""

    def __init__(self, note: Note) -> None:
        super().__init__(speak("Other ways to ask"), revision_id=note.revision.id)
        _ask_wordings(self, note.revision.submission.safe.wordings)

    @classmethod
    async def handle(cls, interaction: Interaction, subject: Found, filled: Filled) -> None:
        note: Note = subject["note"]
        try:
            wordings = checked_wordings(filled.text("wordings"), note.revision.submission.title)
        except InvalidNoteError as error:
            refusal = error_messages.invalid(error)
            await give_back(interaction, refusal)
            return
        await _reword(interaction, note, wordings)
