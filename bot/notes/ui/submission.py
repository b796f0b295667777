"""Submission of drafts: each is stored once, or given back with a question or refusal.

Discord closes a form when it is sent. So a draft that can't be stored is given back to the writer
as a file. *Continue editing* below the file opens the form again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import discord
from cachetools import LRUCache

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import Button, CustomId, view_of
from bot.interactions.pictures import is_picture, picture_files, pictures_among
from bot.interactions.policy.admission import note_allowance
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.permissions import member_of
from bot.interactions.services import Interaction, PictureText, Services
from bot.notes import drafts, messages, service
from bot.notes.drafts import check_picture_count
from bot.notes.service import Proposal, Sender
from bot.notes.ui.form import (
    ReviseButton,
    draft_on,
    file_of,
    open_form,
    open_note,
)
from bot.notes.ui.lists import open_report, page_button
from bot.notes.ui.source_watcher import SourceWatcher
from bot.review import messages as review_messages
from bot.review.similar_notes import SimilarDocument
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.values.drafts import Draft
from knowledge.values.notes import Member, Note, Obstacle, Outcome
from knowledge.values.questions import Handover, OpenQuestion
from knowledge.values.submissions import InvalidNoteError

# Each takes a hundred bytes.
TAKEN_CACHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Response:
    """A response to the sender of a draft.

    `draft` is given back, unless it was stored or is dropped. It may extend the notes in
    `extendable`. `stored` is the stored note, if the sender is its contributor.
    """

    sentence: str
    draft: Draft | None = None
    actions: tuple[str, ...] = ("edit",)
    extendable: tuple[tuple[SimilarDocument, int], ...] = ()
    stored: Note | None = None


class NoteSubmissions:
    """Submits drafts, each once."""

    def __init__(self, bot: Services, sources: SourceWatcher) -> None:
        self._bot = bot
        self._sources = sources
        # Messages whose drafts were or are being submitted, so that two clicks submit once.
        self._taken: LRUCache[int, None] = LRUCache(TAKEN_CACHED)

    async def submit(
        self,
        interaction: Interaction,
        draft: Draft,
        files: Sequence[discord.Attachment] = (),
        *,
        replaces: bool = False,
    ) -> None:
        """Store a draft, or give it back to the sender with the reason.

        `files` are pictures, and at most one file with the note's text, which is refused for a
        draft with text unless it `replaces` that. Without pictures there, those on the draft's
        message are used.
        """
        origin = draft.origin
        if origin in self._taken:
            await interaction.edit_original_response(content=messages.TAKEN_ALREADY())
            return
        if origin:
            self._taken[origin] = None
        response = _Response("")
        try:
            # Pictures first, so that they are returned with the draft in any case.
            for picture in _pictures(interaction, files):
                kept = await self._bot.attachments.picture(picture, interaction.user.id)
                draft = replace(draft, pictures=(*draft.pictures, kept))
            texts = [file for file in files if not is_picture(file)]
            if len(texts) > 1:
                raise InvalidNoteError(drafts.TWO_FILES.english)
            for file in texts:
                if draft.text.strip() and not replaces:
                    raise InvalidNoteError(drafts.TEXT_AND_FILE.english)
                reading = await self._bot.attachments.read(file, interaction.user.id)
                draft = draft.with_file_text(reading.title, reading.text)
            response = await self._submit_draft(interaction, draft)
        except InvalidNoteError as error:
            response = _Response(error_messages.invalid(error), draft)
        except Exception as error:  # noqa: BLE001 - the draft must come back in any case
            response = _Response(self._bot.explanation(error), draft)
        finally:
            if response.draft is not None or not response.sentence:
                self._taken.pop(origin, None)
        await self._say(interaction, response)

    async def give_back(self, interaction: Interaction, draft: Draft, sentence: str) -> None:
        await self._say(interaction, _Response(sentence, draft))

    async def write_for(self, interaction: Interaction, question_id: int) -> None:
        await open_note(interaction, question_id)

    async def report_answer(self, interaction: Interaction, question_id: int) -> None:
        await open_report(interaction, {"kind": "answer", "number": question_id})

    async def propose_answer(
        self, interaction: Interaction, asked: OpenQuestion, answered: Handover, origin: int
    ) -> None:
        await self.submit(interaction, drafts.draft_of_answer(asked, answered, origin))

    def given_back(self, draft: Draft, sentence: str) -> dict[str, Any]:
        return _giving_back(_Response(sentence, draft), draft)

    async def _submit_draft(self, interaction: Interaction, draft: Draft) -> _Response:
        guild_id = draft.guild_id or interaction.guild_id
        if guild_id is None or interaction.channel_id is None:
            return _Response(messages.NOTES_NEED_A_SERVER(), draft)
        member = await member_of(interaction, guild_id)
        if member is None:
            return _Response(messages.NOT_A_MEMBER(), draft)
        sender = await self._sender(interaction, member)
        has_text = not drafts.is_empty(draft)
        if has_text and (question := await self._check(draft, sender)) is not None:
            return question
        read = PictureText()
        # Text that was offered to the sender before isn't read again.
        if draft.pictures and not draft.pictures_read:
            contents = [picture.content for picture in draft.pictures]
            read = await self._bot.picture_texts.of(contents, interaction.user.id)
        if offer := messages.offer_text(draft.text, read.text, is_whole=read.is_whole):
            actions = ("picture", "submit", "edit") if has_text else ("picture", "edit")
            return _Response(offer, replace(draft, pictures_read=True), actions)
        if has_text:
            outcome = await self._bot.worker.run_slices(
                lambda core: Proposal(core, draft, sender).submit(), priority=Priority.REVIEWING
            )
            response = await self._outcome(draft, outcome)
        else:
            response = _Response(drafts.NEITHER(), draft)
        unread = "" if read.is_whole else f"\n{messages.TEXT_UNREAD()}"
        return replace(response, sentence=f"{response.sentence}{unread}")

    async def _check(self, draft: Draft, sender: Sender) -> _Response | None:
        """Return the response to a draft that can't be stored yet, or None if it can be stored."""
        checked = await self._bot.worker.run_slices(
            lambda core: Proposal(core, draft, sender).check(), priority=Priority.REVIEWING
        )
        if checked is None or not checked.is_set_up:
            return _Response(messages.NO_REVIEW_CHANNEL(), draft)
        if not checked.similar:
            return None
        return _Response(
            messages.ask_about_similar([document for document, _ in checked.similar]),
            draft,
            ("same", "submit", "edit"),
            tuple(
                (document, note_id) for document, note_id in checked.similar if note_id is not None
            ),
        )

    async def _sender(self, interaction: Interaction, member: discord.Member) -> Sender:
        return Sender(
            Member(interaction.user.id, interaction.user.display_name),
            member.guild.id,
            interaction.channel_id or 0,
            interaction.id,
            tuple(role.id for role in member.roles),
            quotable_channels(interaction, private=True),
            await note_allowance(self._bot, member, datetime.now(UTC)),
        )

    async def _outcome(self, draft: Draft, outcome: Outcome | None) -> _Response:
        """Post the review card of a stored note, and return the response to the sender."""
        if outcome is None:
            return _Response(messages.NO_SUCH_NOTE(), draft)
        if outcome.obstacle is not None:
            waits = outcome.obstacle is Obstacle.WAITS
            return _Response(
                review_messages.obstacle(outcome.note, outcome.obstacle),
                draft if waits else None,
            )
        await self._bot.outbox.catch_up_in_time()
        await self._sources.flag_if_changed(draft.source)
        # Read again, because its card may have been posted meanwhile.
        now = await self._bot.worker.call(
            lambda core: core.store.notes.find(outcome.note.revision.id, outcome.note.guild_id)
        )
        note = now or outcome.note
        public = note.revision.for_page and not note.off_page
        taken = messages.note_submitted(note, public=public)
        response = taken if note.card else messages.CARD_NOT_POSTED()
        own = draft.contributor is None and not note.revision.extension
        return _Response(response, stored=note if own else None)

    async def _say(self, interaction: Interaction, response: _Response) -> None:
        if response.draft is None:
            buttons: list[Button] = []
            if (note := response.stored) is not None:
                buttons.append(ReviseButton(note_id=note.id, action="details"))
                if note.revision.for_page and not note.off_page:
                    buttons += await page_button(interaction, note)
            await interaction.edit_original_response(
                content=response.sentence, view=view_of(buttons), attachments=[], embeds=[]
            )
            return
        await interaction.edit_original_response(**_giving_back(response, response.draft))


def _giving_back(response: _Response, draft: Draft) -> dict[str, Any]:
    """Arguments that edit a message to show a response, with the draft and its buttons."""
    if drafts.is_empty(draft):
        ids, embed = drafts.empty_ids(draft), discord.Embed()
        for label, value in drafts.as_fields(draft).items():
            embed.add_field(name=label, value=value, inline=False)
        return {
            "content": response.sentence,
            "embeds": [embed] if embed.fields else [],
            "view": view_of(EmptyDraftButton(action=action, **ids) for action in response.actions),
            "attachments": picture_files(draft.pictures),
        }
    actions = [DraftButton(action=action) for action in response.actions]
    extendable = [
        ExtendButton(messages.extend_label(near), note_id=note_id)
        for near, note_id in response.extendable
    ]
    return {
        "content": response.sentence,
        "embeds": [],
        "view": view_of([*actions, *extendable]),
        "attachments": [
            file_of(drafts.FILE_NAME, drafts.as_file(draft)),
            *picture_files(draft.pictures),
        ],
    }


def _pictures(
    interaction: Interaction, files: Sequence[discord.Attachment]
) -> list[discord.Attachment]:
    """The pictures among `files`, or else the draft's; InvalidNoteError if there are too many."""
    pictures = pictures_among(files)
    message = interaction.message
    beside = message.attachments if message is not None else []
    with_draft = any(file.filename == drafts.FILE_NAME for file in beside)
    if not pictures and (with_draft or EmptyDraftButton.values_on(message)):
        pictures = pictures_among(beside)
    return check_picture_count(pictures)


async def _drafters(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the writer of a draft, and set `draft` to the draft on the button's message."""
    if values["action"] == "same":
        return {}
    draft = await draft_on(interaction.message)
    return messages.DRAFT_LOST if draft is None else {"draft": draft}


class DraftButton(
    Button,
    ids=CustomId("draft", action=tuple(messages.DRAFT_LABELS)),
    rule=_drafters,
    first={
        action: First.IN_PLACE if action in ("same", "submit") else First.OWN
        for action in messages.DRAFT_LABELS
    },
    labels=messages.DRAFT_LABELS,
    styles=dict.fromkeys(messages.DRAFT_LABELS, discord.ButtonStyle.primary),
):
    """A button below a draft that was given back. The draft is a file on the same message."""

    action: str
    draft: Draft

    async def on_click(self, interaction: Interaction) -> None:
        if self.action == "same":
            asked = interaction.message.content if interaction.message is not None else ""
            response = messages.confirm_same(asked)
            await interaction.edit_original_response(content=response, view=None, attachments=[])
        elif self.action == "submit":
            bot: Services = interaction.client
            await bot.submissions.submit(interaction, replace(self.draft, anyway=True))
        else:
            await _open_draft(interaction, self.draft, with_pictures=self.action == "picture")


class EmptyDraftButton(
    Button,
    ids=drafts.EMPTY_IDS,
    rule=_drafters,
    first=First.OWN,
    labels=messages.DRAFT_LABELS,
    styles=dict.fromkeys(messages.DRAFT_LABELS, discord.ButtonStyle.primary),
):
    """A button below a draft without text, of which the message has no file."""

    action: str
    draft: Draft

    async def on_click(self, interaction: Interaction) -> None:
        await _open_draft(interaction, self.draft, with_pictures=self.action == "picture")


async def _open_draft(interaction: Interaction, draft: Draft, *, with_pictures: bool) -> None:
    """Open the form with a draft and, with `with_pictures`, the text recognized in its pictures."""
    if with_pictures and interaction.message is not None:
        text = messages.with_text(draft.text, interaction.message.content)
        draft = replace(draft, text=text)
    await open_form(interaction, draft)


async def _extenders(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the writer of a draft; set `draft`, and set `note` to the note to extend."""
    note = await interaction.client.worker.call(
        lambda core: service.extendable_note(
            core, interaction.guild_id, values["note_id"], interaction.user.id
        ),
        priority=Priority.ASKING,
    )
    if note is None:
        return messages.NO_HISTORY
    draft = await draft_on(interaction.message)
    return messages.DRAFT_LOST if draft is None else {"note": note, "draft": draft}


class ExtendButton(Button, ids=CustomId("extend", note_id=int), rule=_extenders, first=First.OWN):
    """The button *Extend*: adds the draft's text to a similar note of any member."""

    note: Note
    draft: Draft

    async def on_click(self, interaction: Interaction) -> None:
        """Open the form of the similar note, with the draft's text added to the note's text."""
        await open_form(interaction, drafts.draft_of_extension(self.note, self.draft))
