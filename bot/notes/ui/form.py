"""Note form: its fields, its initial draft, and the parsing of its input."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.autocomplete import choices_at_once
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.errors import UNREACHED, in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.layouts import components_of
from bot.interactions.pictures import is_picture
from bot.interactions.policy.admission import note_refusal
from bot.interactions.policy.channel_access import sees
from bot.interactions.policy.component_access import readable_question
from bot.interactions.policy.permissions import member_of
from bot.interactions.services import Interaction, Services
from bot.notes import drafts, messages, service
from bot.notes.drafts import single_tag
from bot.review import messages as review_messages
from bot.review.cards import ASKED_AS, TITLE
from bot.review.cards import TAGS as TAGS_LABEL
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import shorten
from knowledge.values.drafts import Draft, OnPage
from knowledge.values.notes import PICTURES, Note
from knowledge.values.questions import Question
from knowledge.values.submissions import (
    FORM_CHARACTERS,
    LINK_CHARACTERS,
    TITLE_CHARACTERS,
    WORDING_CHARACTERS,
    WORDINGS,
)

_TYPED_TAG_CHARACTERS: Final = 200
# With the end of a line before each.
_WORDINGS_CHARACTERS: Final = WORDINGS * (1 + WORDING_CHARACTERS)


async def _proposers(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit members of the note's server who may revise the note, or propose a new one.

    `note` is set to the note as the member may see it, or to None for a new note. `message_id` and
    `question_id` are set to 0 if the member can't see the message or question.
    """
    guild_id = values["guild_id"] or interaction.guild_id
    if guild_id is None:
        return messages.NOTES_NEED_A_SERVER
    if await member_of(interaction, guild_id) is None:
        return messages.NOT_A_MEMBER
    note_id, member_id = values["note_id"], interaction.user.id
    note = await interaction.client.worker.call(
        lambda core: service.extendable_note(core, guild_id, note_id, member_id)
    )
    if note_id and (note is None or note.guild_id != guild_id):
        return messages.NO_SUCH_NOTE
    found: dict[str, Any] = {"note": note if note_id else None}
    if not sees(interaction, values["channel_id"]):
        found["message_id"] = 0
    if await readable_question(interaction, values["question_id"]) is None:
        found["question_id"] = 0
    return found


class NoteModal(Form, ids=drafts.FORM_IDS, rule=_proposers):
    """The form of a note. `Draft.submission` validates the input.

    It asks for title, text and files. A draft's tags, link and wordings are in it, too, so that no
    restart loses them; wordings share the title's field, because Discord allows five fields.
    """

    done_before = error_messages.FORM_TAKEN

    def __init__(
        self,
        draft: Draft,
        known_tags: Sequence[str] = (),
        file: discord.Attachment | None = None,
        warning: str = "",
    ) -> None:
        """Fill the form with a draft. `file` is a picture, or else the note's text."""
        headline = drafts.REVISION_TITLE if draft.note_id else drafts.NEW_TITLE
        headline = drafts.EXTENSION_TITLE if draft.adds_pictures else headline
        told = draft.page is OnPage.TOLD
        if told:
            headline = drafts.FOR_PAGE_TITLES[headline]
        as_text = file is not None and not is_picture(file)
        super().__init__(headline(), **drafts.form_ids(draft, with_file=file is not None))
        self._draft, self._given = draft, file
        # A new note may come as a file with title and text, so neither field is required.
        either = not (as_text or draft.note_id or draft.source)
        long = not as_text and messages.is_long(draft.text)
        may_be_empty = either or as_text
        title_help = drafts.TITLE_HELP
        if draft.wordings:
            title_help = drafts.WORDED_TITLE_HELP
        elif may_be_empty:
            title_help = drafts.TITLE_OF_FILE_HELP
        self.ask_text(
            TITLE(),
            "title",
            TITLE_CHARACTERS + (_WORDINGS_CHARACTERS if draft.wordings else 0),
            title_help(),
            text=drafts.title_field(draft),
            required=not may_be_empty,
            paragraph=bool(draft.wordings),
        )
        if not (long or as_text):
            text_help = drafts.TEXT_OR_FILE_HELP if either else drafts.TEXT_HELP
            if told:
                for_page = drafts.FOR_PAGE_OR_FILE_HELP
                text_help = for_page if either else drafts.FOR_PAGE_HELP
            self.ask_text(
                review_messages.TEXT(),
                "text",
                FORM_CHARACTERS,
                warning or text_help(),
                text=draft.text,
                required=not either,
                paragraph=True,
            )
        self._ask_for_files(long=long, either=either)
        if draft.tags:
            _ask_for_tags(self, draft, known_tags)
        if draft.link:
            _ask_for_link(self, draft)

    def _ask_for_files(self, *, long: bool, either: bool) -> None:
        """Add the field for pictures, which may also take a file with the note's text.

        With `long`, the present text is too long for a text field, and a file replaces it. With
        `either`, the note is new, and a file may take the place of the title and text. A file for a
        revision replaces the text.
        """
        draft = self._draft
        revises = draft.note_id is not None and not draft.adds_pictures
        upload = discord.ui.FileUpload[Any](
            custom_id="file",
            required=False,
            min_values=0,
            max_values=PICTURES + (long or either or revises),
        )
        if long:
            kept = drafts.KEPT_HELP(number=len(draft.text))
            self.ask(drafts.TEXT_AS_FILE_OR_PICTURES(), upload, kept)
        elif either:
            self.ask(drafts.OR_FILE(), upload, drafts.FILE_HELP())
        elif revises:
            help_ = "" if draft.without_pictures else drafts.PICTURES_STAY_HELP()
            self.ask(drafts.OR_FILE(), upload, help_)
        else:
            help_ = drafts.PICTURES_HELP()
            self.ask(drafts.PICTURES_FIELD(), upload, help_)

    @classmethod
    def given_back(
        cls, bot: Services, custom_id: str, fields: Sequence[tuple[str, str]]
    ) -> dict[str, Any]:
        """Arguments to give the draft back after a restart, with a button to continue."""
        texts, subject = dict(fields), cls.ids.parse(custom_id)
        draft = drafts.draft_of_ids(subject) if subject else Draft()
        known = {"known_tags": texts.pop("known_tags", "").split()}
        draft = _draft_of_form(draft, Filled(texts, known, {}))
        return bot.submissions.given_back(draft, drafts.RESTARTED())

    @classmethod
    async def refused(
        cls, interaction: Interaction, why: str, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Give the typed draft back to the writer, with a button to continue."""
        typed = _draft_of_form(drafts.draft_of_ids(subject), filled)
        await interaction.client.submissions.give_back(interaction, typed, why)

    async def handle_in_opener(
        self, interaction: Interaction, _subject: dict[str, Any], filled: Filled
    ) -> None:
        await _take_form(interaction, self._draft, filled, self._given)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        """Submit the draft. If the form has no text field, the draft keeps the initial text."""
        draft = drafts.draft_of_ids(subject)
        base = subject["base"]
        if base in {drafts.Base.DRAFT, drafts.Base.EXTENDED} and interaction.message is not None:
            draft = replace(draft, origin=interaction.message.id)
            on_message = await draft_on(interaction.message) or Draft()
            added = base is drafts.Base.EXTENDED or on_message.adds_pictures
            draft = replace(
                draft,
                adds_pictures=added,
                without_pictures=on_message.without_pictures,
                pictures_read=on_message.pictures_read,
            )
        if base is drafts.Base.NO_PICTURES:
            draft = replace(draft, without_pictures=True)
        if base is drafts.Base.FILE:
            bot: Services = interaction.client
            typed = _draft_of_form(draft, filled)
            lost = drafts.FILE_LOST()
            await bot.submissions.give_back(interaction, typed, lost)
            return
        # Without a text field or file, the initial text is loaded again.
        texts = [file for file in filled.files.get("file", ()) if not is_picture(file)]
        if "text" not in filled.texts and not texts:
            found = await _base(interaction, subject["note"], base)
            if found is None:
                await give_back(interaction, drafts.TEXT_LOST())
                return
            draft = replace(draft, text=found.text)
        await _take_form(interaction, draft, filled)


def _draft_of_form(draft: Draft, filled: Filled) -> Draft:
    tags = [*filled.choices.get("known_tags", ()), filled.text("tags")]
    title, wordings = drafts.split_title_field(filled.text("title"))
    return replace(
        draft,
        title=title,
        wordings=wordings,
        text=filled.texts.get("text", draft.text),
        tags=" ".join(tags).strip(),
        link=filled.text("link"),
    )


async def _take_form(
    interaction: Interaction,
    draft: Draft,
    filled: Filled,
    given: discord.Attachment | None = None,
) -> None:
    # A form has no text field for a long text.
    revises = draft.note_id is not None and not draft.adds_pictures
    replaces = "text" not in filled.texts or revises
    files = [*([given] if given is not None else []), *filled.files.get("file", ())]
    await interaction.client.submissions.submit(
        interaction, _draft_of_form(draft, filled), files, replaces=replaces
    )


def _ask_for_tags(form: Form, draft: Draft, known_tags: Sequence[str]) -> None:
    form.ask_text(
        TAGS_LABEL(),
        "tags",
        _TYPED_TAG_CHARACTERS,
        drafts.tags_help(known_tags, draft.tags),
        text=draft.tags[:_TYPED_TAG_CHARACTERS],
        required=False,
    )


def _ask_for_link(form: Form, draft: Draft) -> None:
    label, help_ = drafts.LINK(), drafts.LINK_HELP()
    text = draft.link[:LINK_CHARACTERS]
    form.ask_text(label, "link", LINK_CHARACTERS, help_, text=text, required=False)


async def _base(interaction: Interaction, note: Note | None, base: drafts.Base) -> Draft | None:
    """Load the initial draft again, from the message, the note or both; None if it is gone."""
    of_note = base in {drafts.Base.NOTE, drafts.Base.NO_PICTURES}
    on_message = None if of_note else await draft_on(interaction.message)
    if base is drafts.Base.DRAFT:
        return on_message
    if note is None:
        return None
    if of_note:
        return drafts.draft_of_revision(note)
    return drafts.draft_of_extension(note, on_message) if on_message is not None else None


def file_of(name: str, text: str) -> discord.File:
    return discord.File(io.BytesIO(text.encode(errors="replace")), name)


async def open_form(
    interaction: Interaction,
    draft: Draft,
    file: discord.Attachment | None = None,
    warning: str = "",
) -> None:
    """Open the form, or refuse to if the member has to wait before their next note."""
    if refusal := await note_refusal(interaction, draft.note_id):
        await interaction.response.send_message(refusal, ephemeral=True)
        return
    guild_id = draft.guild_id or interaction.guild_id
    if draft.page is not OnPage.OFF:
        # The form can't wait for a database query, so it uses cached settings. `/review` lists the
        # notes whose forms did not announce the public page.
        settings = interaction.client.guild_settings.known(guild_id or 0)
        told = settings.page and draft.is_own
        draft = replace(draft, page=OnPage.TOLD if told else OnPage.UNTOLD)
    choices = await choices_at_once(interaction, guild_id)
    await interaction.response.send_modal(NoteModal(draft, choices.tags, file, warning))


async def open_revision(
    interaction: Interaction, note: Note, *, without_pictures: bool = False
) -> None:
    """Open the form with a note's text, or send a text that is too long for the form as a file.

    A button below the file opens a form to upload the edited file. With `without_pictures`, the
    form always opens, because only the note's pictures are to be removed.
    """
    text = note.revision.submission.text
    if without_pictures or not messages.is_long(text):
        draft = replace(drafts.draft_of_revision(note), without_pictures=without_pictures)
        await open_form(interaction, draft)
        return
    if interaction.guild_id is None:
        # Secrets are never sent by direct message, not even to their writer.
        text = note.revision.submission.safe.text
    await interaction.response.send_message(
        messages.introduce_file(note),
        file=file_of(messages.file_name(note), text),
        view=view_of([ReviseButton(note_id=note.id, action="upload")]) or discord.utils.MISSING,
        ephemeral=True,
    )


async def draft_on(message: discord.Message | None) -> Draft | None:
    """The draft on a private message of the bot to the writer."""
    if message is None or not message.flags.ephemeral:
        return None
    for file in message.attachments:
        if file.filename == drafts.FILE_NAME:
            try:
                draft = drafts.from_file(await file.read())
            except UNREACHED:
                return None
            return replace(draft, origin=message.id) if draft is not None else None
    return _empty_draft_on(message)


def _empty_draft_on(message: discord.Message) -> Draft | None:
    """The draft without text on a message, or None if the message has no such draft."""
    for component in components_of(message):
        subject = drafts.EMPTY_IDS.parse(getattr(component, "custom_id", None) or "")
        if subject is not None:
            fields = {
                field.name or "": field.value or ""
                for embed in message.embeds
                for field in embed.fields
            }
            return replace(drafts.from_fields(subject, fields), origin=message.id)
    return None


async def _contributors(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the contributor or owner of a note, and set `note`."""
    note = await interaction.client.worker.call(
        lambda core: service.own_note(core, values["note_id"], interaction.user.id),
        priority=Priority.ASKING,
    )
    return messages.NOT_YOURS if note is None else {"note": note}


class DetailsModal(
    Form, ids=CustomId("form:details", note_id=int, nonce=NONCE), rule=_contributors
):
    """The form of a note's wordings, tags and link; its text stays."""

    def __init__(self, note: Note, known_tags: Sequence[str]) -> None:
        super().__init__(drafts.DETAILS_TITLE(), note_id=note.id)
        draft = drafts.draft_of_revision(note)
        self.ask_text(
            ASKED_AS(),
            "wordings",
            _WORDINGS_CHARACTERS,
            drafts.WORDINGS_HELP(),
            text=draft.wordings,
            required=False,
            paragraph=True,
        )
        _ask_for_tags(self, draft, known_tags)
        _ask_for_link(self, draft)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        note: Note = subject["note"]
        # The text is the same, so the consent to the public page is, too.
        page = OnPage.TOLD if note.revision.for_page else OnPage.UNTOLD
        draft = replace(
            drafts.draft_of_revision(note),
            page=page,
            wordings=filled.text("wordings"),
            tags=filled.text("tags"),
            link=filled.text("link"),
        )
        await interaction.client.submissions.submit(interaction, draft)


class ReviseButton(
    Button,
    ids=CustomId("note", note_id=int, action=tuple(messages.REVISE_LABELS)),
    rule=_contributors,
    first=First.OWN,
    labels=messages.REVISE_LABELS,
    styles=dict.fromkeys(messages.REVISE_LABELS, discord.ButtonStyle.primary),
):
    """A contributor's button to change a note.

    *Revise and resubmit* is below a notice that the note wasn't accepted, *Change it* below the
    question whether it's still true, *Edit* and *Add details* below the shown note, and *Upload the
    edited text* below a text that is too long for a form.
    """

    action: str
    note: Note

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "upload":
            await open_form(interaction, drafts.draft_of_revision(self.note))
        elif self.action == "details":
            known = await choices_at_once(interaction, self.note.guild_id)
            await interaction.response.send_modal(DetailsModal(self.note, known.tags))
        else:
            bare = self.action == "bare"
            await open_revision(interaction, self.note, without_pictures=bare)


# *Write this note*, below a refusal and below a list of gaps.


async def _writers(interaction: Interaction, values: Mapping[str, Any]) -> Found:
    """Admit everybody. Set `asked` to the question if the member may read it, or else to None."""
    return {"asked": await readable_question(interaction, values["question_id"])}


class GapButton(
    Button,
    ids=CustomId("gap", question_id=int, action=("write",)),
    rule=_writers,
    first=First.OWN,
    labels={"write": messages.WRITE_LABEL},
):
    """The button *Write this note*."""

    asked: Question | None

    async def on_click(self, interaction: Interaction) -> None:
        await _open_for_question(interaction, self.asked)


async def open_note(interaction: Interaction, question_id: int) -> None:
    async with in_time(interaction):
        asked = await readable_question(interaction, question_id)
    await _open_for_question(interaction, asked)


async def _open_for_question(interaction: Interaction, asked: Question | None) -> None:
    """Open the form for a note, filled in for the question `asked`, if there is one."""
    draft = Draft()
    if asked is not None:
        tag = single_tag(asked.answered_from)
        draft = Draft(shorten(asked.text, 100), tags=tag, question_id=asked.id)
    await open_form(interaction, draft)
