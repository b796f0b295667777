"""Answer messages: the layout of a reply, with its buttons and their handlers."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bot.answers.outcome import (
    Answer,
    Citation,
    Clarification,
    Outcome,
    Refusal,
    Reply,
    citation,
    offers,
)
from bot.answers.phrased import Phrased
from bot.answers.sections import Section
from bot.ask import explanation, messages, service
from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import DIGEST, NONCE, NUMBER, Button, CustomId, Select, view_of
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.layouts import container, layout, text_of
from bot.interactions.pictures import gallery, picture_files
from bot.interactions.policy.channel_access import may_write, quotable_channels
from bot.interactions.policy.component_access import readers_of_answer
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction, Services
from bot.review.ui.cards import open_correction
from bot.text import error_messages
from bot.text.languages import speaking
from bot.text.markdown import legible, shorten
from bot.text.question_labels import FEEDBACK_REASONS
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import Kind, note_of_document
from knowledge.values.questions import Evidence, Feedback, FeedbackReason, Question, Verdict
from knowledge.values.submissions import REASON_CHARACTERS

_logger = logging.getLogger(__name__)

_STYLES: Final = {"share": discord.ButtonStyle.primary}

_COLOURS: Final = {
    Evidence.STRONG: discord.Colour.green(),
    Evidence.PARTIAL: discord.Colour.gold(),
    Evidence.NONE: discord.Colour.light_grey(),
}


def answer_message(
    reply: Reply,
    *,
    private: bool,
    hands_on: bool = False,
    lead: str = "",
    repeats_question: bool = True,
    extra: Sequence[discord.ui.Item[Any]] = (),
    buttons: Sequence[discord.ui.Item[Any]] | None = None,
    edits: bool = False,
    phrased: Phrased | None = None,
    note: str = "",
    shown: messages.AnswerText | None = None,
) -> dict[str, Any]:
    """Arguments for discord.py to send a reply, or to replace a message by the reply.

    A `private` answer has a button to share it; with `hands_on`, a refusal has one to ask the
    moderators. `buttons` are in place of the reply's own, `extra` ones after them; those that open
    sections and link to sources stay. With `edits`, a message's earlier pictures are removed.
    `shown` replaces the text of the reply. `lead` is a line above the answer, `note` one at the
    end.
    """
    shown = shown or messages.answer(
        reply,
        lead,
        repeats_question=repeats_question,
        phrased=phrased,
        hands_on=hands_on and reply.question_id is not None,
    )
    if isinstance(reply.outcome, Clarification):
        return {"content": shown.head}
    opening = _section_buttons(reply, shown) if reply.question_id is not None else []
    items = [
        *(_buttons(reply, hands_on) if buttons is None else buttons),
        *extra,
        *_sources(shown.quotations),
    ]
    if reply.question_id is not None:
        actions = _menu_actions(reply.outcome, private=private)
        menu = _menu(reply, reply.question_id, actions)
        items += [menu] if menu.item.options else []
    text = _container(reply.outcome, shown)
    files = picture_files(reply.pictures)
    if files:
        text.add_item(gallery(files))
    if note:
        text.add_item(discord.ui.TextDisplay(note))
    sent = {"attachments": files} if edits else {"files": files} if files else {}
    return {**layout([text], opening, items), **sent}


async def with_pictures(bot: Services, reply: Reply, channel: Any = None) -> Reply:
    """A reply with the pictures of its quoted notes, if they are there and may be sent."""
    guild = getattr(channel, "guild", None)
    may = guild is None or channel.permissions_for(guild.me).attach_files
    outcome = reply.outcome
    is_quoted = isinstance(outcome, Answer) and outcome.is_quoted
    notes = [cited for cited in _citations(outcome) if is_quoted and cited.kind is Kind.NOTE]
    if not may or not notes:
        return reply
    pictures = await bot.worker.call(
        lambda core: service.pictures_if_there(core, notes), priority=Priority.ASKING
    )
    return replace(reply, pictures=pictures)


def _citations(outcome: Outcome) -> list[Citation]:
    """The citations of the sections shown, and of the nearest section of each place."""
    if not isinstance(outcome, Answer):
        return []
    if outcome.is_quoted:
        return [outcome.quotes[place].citation for place in outcome.shown_quotes]
    return [citation(found.hits[0].passage) for found in outcome.places]


def _container(outcome: Answer | Refusal, shown: messages.AnswerText) -> discord.ui.Container[Any]:
    """The text of a reply in the colour of its evidence, with separators between quotations."""
    is_sure = isinstance(outcome, Answer) and outcome.is_sure
    colour = _COLOURS[Evidence.STRONG if is_sure else outcome.evidence]
    if shown.places:
        return container([["\n\n".join([shown.head, *shown.places])]], colour)
    quotations = [[quotation.text, quotation.cited] for quotation in shown.quotations]
    if shown.phrased:
        return container([[shown.head, *shown.phrased], *quotations], colour)
    first = [shown.head, *(quotations[0] if quotations else ())]
    return container([first, *quotations[1:]], colour)


# As many headings below a section fit on a phone as buttons.
_MOST_BELOW: Final = 5
# The largest number of neighbouring headings in the menu.
_MOST_BESIDE: Final = 10


def _section_buttons(reply: Reply, shown: messages.AnswerText) -> list[discord.ui.Item[Any]]:
    """Buttons that open the sections of an unsure answer, or what a sure one doesn't quote."""
    outcome, question_id = reply.outcome, reply.question_id or 0
    if not isinstance(outcome, Answer) or shown.phrased:
        return []
    if shown.places:
        hits = (hit for found in outcome.places for hit in found.hits)
        return [
            _opening(question_id, hit.passage, str(number)) for number, hit in enumerate(hits, 1)
        ]
    best = outcome.quotes[0]
    items: list[discord.ui.Item[Any]] = []
    if shown.quotations and not shown.quotations[0].whole:
        items.append(_opening(question_id, best.hit.passage, messages.READ_ON(), page=1))
    below = best.section.below if best.section is not None else ()
    return items + [
        _opening(question_id, passage, messages.heading_label(passage))
        for passage in below[:_MOST_BELOW]
    ]


def _opening(
    question_id: int, passage: StoredPassage, label: str, *, page: int = 0
) -> "SectionButton":
    """A button that opens a section whole or, from page 1, what follows a quotation."""
    [digest] = service.by_digest([passage])
    return SectionButton(
        label,
        question_id=question_id,
        digest=digest,
        page=page,
        message_id=0,
        action="on" if page else "all",
    )


def _sources(quotations: Sequence[messages.Quotation]) -> list[discord.ui.Item[Any]]:
    """Link buttons to the quoted texts, or to a page that a text refers to. Several are numbered.

    They are below the answer, because a button beside each citation takes another line on a phone.
    """
    items: list[discord.ui.Item[Any]] = []
    for number, quotation in enumerate(quotations, 1):
        url = quotation.link or quotation.reference
        label = (messages.SOURCE if quotation.link else messages.REFERENCE)()
        if len(quotations) > 1:
            label = f"{label} {number}"
        if url:
            items.append(discord.ui.Button(label=label, url=url))
    return items


def _buttons(reply: Reply, hands_on: bool) -> list[discord.ui.Item[Any]]:
    if reply.question_id is None:
        return []
    items: list[discord.ui.Item[Any]] = []
    if isinstance(reply.outcome, Answer):
        items += [
            AnswerButton(question_id=reply.question_id, action=action)
            for action in ("helpful", "unhelpful")
        ]
    elif isinstance(reply.outcome, Refusal):
        items.append(shared_buttons.write_note(reply.question_id))
        if hands_on:
            items.append(shared_buttons.ask_moderators(reply.question_id))
    return items


def _menu_actions(outcome: Outcome, *, private: bool) -> list[str]:
    """The actions in the menu below an answer."""
    if not isinstance(outcome, Answer):
        return []
    notes = any(quote.citation.kind is Kind.NOTE for quote in outcome.quotes)
    return ["why", *(["report"] if notes else []), *(["share"] if private else [])]


def _menu(reply: Reply, question_id: int, actions: Sequence[str]) -> "PassageSelect":
    """The menu of actions, of the headings beside a quoted section, and of other passages found."""
    answer = reply.outcome if isinstance(reply.outcome, Answer) else None
    section = answer.quotes[0].section if answer is not None else None
    options = [
        discord.SelectOption(label=messages.MENU_LABELS[action](), value=action)
        for action in actions
    ]
    options += _corrections(answer) if answer is not None else []
    offered = [hit.passage for hit in offers(reply.hits)]
    beside, quoted = [], ""
    if section is not None:
        # The quoted section is in the menu, too: the answer may quote a part of it.
        [quoted] = service.by_digest(offered[:1])
        beside = [offered[0], *_nearest_beside(section, offered[0])]
    on_page = service.by_digest(beside)
    options += [
        discord.SelectOption(
            label=messages.heading_label(passage),
            value=digest,
            description=(messages.QUOTED_ABOVE if digest == quoted else messages.ON_THIS_PAGE)(),
        )
        for digest, passage in on_page.items()
    ]
    others = {
        digest: passage
        for digest, passage in service.by_digest(offered).items()
        if digest not in on_page
    }
    options += [
        discord.SelectOption(label=label, value=digest)
        for digest, label in zip(others, messages.options([*others.values()]), strict=True)
    ]
    label = messages.MORE if actions else messages.OTHER_PASSAGES
    return PassageSelect(label(), options, question_id=question_id)


def _nearest_beside(section: Section, own: StoredPassage) -> list[StoredPassage]:
    """The first passages of the headings nearest to a section, in reading order."""
    near = sorted(section.beside, key=lambda passage: abs(passage.position - own.position))
    kept = sorted(near[:_MOST_BESIDE], key=lambda passage: passage.position)
    return [passage for passage in kept if passage.heading]


def _corrections(answer: Answer) -> list[discord.SelectOption]:
    """The options to correct a shown note; several notes are named."""
    notes = {
        number: cited.title
        for cited in _citations(answer)
        if (number := note_of_document(cited.document_id)) is not None
    }
    alone = messages.MENU_LABELS["correct"]()
    return [
        discord.SelectOption(
            label=messages.CORRECT(title=shorten(legible(title), 60)) if len(notes) > 1 else alone,
            value=f"correct:{number}",
            description=messages.FOR_MODERATORS(),
        )
        for number, title in notes.items()
    ]


async def _reports_pruned(interaction: Interaction, question: Question) -> bool:
    """Tell the member if a question's text was pruned. Return whether the text was pruned."""
    if question.pruned:
        gone = messages.FEEDBACK_GONE()
        await interaction.edit_original_response(content=gone)
    return question.pruned


_READERS: Final = readers_of_answer(messages.FEEDBACK_GONE)


class AnswerButton(
    Button,
    ids=CustomId("answer", question_id=int, action=tuple(messages.ANSWER_LABELS)),
    rule=_READERS,
    labels=messages.ANSWER_LABELS,
    styles=_STYLES,
):
    """*Helpful* and *Not helpful* below an answer; below older ones also *Why…?* and *Share*."""

    question_id: int
    action: str
    question: Question
    channels: tuple[int, ...]

    async def on_click(self, interaction: Interaction) -> None:
        if self.action in ("helpful", "unhelpful"):
            await self._keep_verdict(interaction)
        elif self.action == "share":
            await _share(interaction, self.question)
        else:
            await _explain(interaction, self.question, self.channels)

    async def _keep_verdict(self, interaction: Interaction) -> None:
        feedback = Feedback(self.question_id, interaction.user.id, Verdict(self.action))
        known = await interaction.client.worker.call(
            lambda core: core.store.feedback_records.record(feedback), priority=Priority.ASKING
        )
        thanks = {
            Verdict.HELPFUL: messages.FEEDBACK_HELPFUL,
            Verdict.UNHELPFUL: messages.FEEDBACK_UNHELPFUL,
        }[feedback.verdict]()
        if not known:
            await interaction.edit_original_response(content=messages.FEEDBACK_GONE())
        elif feedback.verdict is Verdict.UNHELPFUL:
            # A member who may confirm this answer withdraws its confirmation.
            by_moderator = await _confirms(interaction, self.question)
            if by_moderator is not None:
                await interaction.client.worker.call(
                    lambda core: core.store.feedback_records.take_back(
                        self.question_id, by_moderator=by_moderator
                    ),
                    priority=Priority.ASKING,
                )
            # The click counts even if no reason follows.
            await interaction.edit_original_response(
                content=f"{thanks} {messages.ASKS_WHY()}",
                view=reason_view(self.question_id),
            )
        else:
            await interaction.edit_original_response(content=thanks)


async def _explain(interaction: Interaction, question: Question, channels: Sequence[int]) -> None:
    """Say why an answer was given, as far as the member may read its passages."""
    if await _reports_pruned(interaction, question):
        return
    visible = await interaction.client.worker.call(
        lambda core: service.with_visible_hits(core, question, channels),
        priority=Priority.ASKING,
    )
    moderator = await is_moderator(interaction)
    first, *rest = explanation.why(visible, moderator=moderator)
    await interaction.edit_original_response(content=first)
    for part in rest:
        await interaction.followup.send(part, ephemeral=True)


async def _share(interaction: Interaction, question: Question) -> None:
    """Post a private answer for everybody in the channel."""
    bot = interaction.client
    if not may_write(interaction):
        await interaction.edit_original_response(content=messages.CAN_NOT_SHARE())
        return
    if await _reports_pruned(interaction, question):
        return
    channels = quotable_channels(interaction, private=False)
    held = await bot.guild_settings.in_channel(interaction.channel)
    shared = await bot.worker.call(
        lambda core: service.share(core, question, interaction.channel_id, channels, held),
        priority=Priority.ASKING,
    )
    await interaction.edit_original_response(content=messages.share_result(shared))
    if shared.reply is not None:
        with speaking(held.language):
            await bot.answers.post_shared(interaction, shared.ask, shared.reply)


async def _confirms(interaction: Interaction, question: Question) -> bool | None:
    """True for a moderator, False for the asker, None for others, who can't confirm an answer."""
    if interaction.guild_id is not None and await is_moderator(interaction):
        return True
    return False if question.asker_id == interaction.user.id else None


class PassageSelect(Select, ids=CustomId("passages", question_id=int), rule=_READERS):
    """The menu below an answer: *Why this answer?*, *Report*, *Share*, and the passages found.

    A chosen passage is shown privately. The custom id of earlier menus, of passages alone, goes on.
    """

    question_id: int
    question: Question
    channels: tuple[int, ...]

    def first_response(self, _interaction: Interaction) -> First:
        value = next(iter(self.item.values), "")
        return First.OWN if value.startswith(("report", "correct:")) else First.THINKING

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        if value == "report":
            await interaction.client.submissions.report_answer(interaction, self.question_id)
        elif value.startswith("correct:"):
            number = value.removeprefix("correct:")
            note_id = int(number) if re.fullmatch(NUMBER, number) else 0
            await open_correction(interaction, note_id)
        elif value == "share":
            await _share(interaction, self.question)
        elif value == "why":
            await _explain(interaction, self.question, self.channels)
        elif not await _reports_pruned(interaction, self.question):
            await self._show(interaction, value)

    async def _show(self, interaction: Interaction, value: str) -> None:
        message_id = interaction.message.id if interaction.message is not None else 0
        await _show_section(interaction, self.question, value, self.channels, message_id)


async def _show_section(
    interaction: Interaction,
    question: Question,
    digest: str,
    channels: Sequence[int],
    message_id: int,
    page: int = 0,
    *,
    from_passage: bool = False,
) -> None:
    """Show a page of a section to the member alone, with the ways on.

    `message_id` is the answer's, which *This answers it* corrects.
    """
    opened = await interaction.client.worker.call(
        lambda core: service.open_section(core, question, digest, channels),
        priority=Priority.ASKING,
    )
    if opened is None:
        gone = messages.NO_LONGER_QUOTED()
        await interaction.edit_original_response(content=gone)
        return
    pictures = await interaction.client.worker.call(
        lambda core: service.pictures_of(core, [opened.passage]), priority=Priority.ASKING
    )
    shown = messages.section_page(opened, page, from_passage=from_passage)
    ids: dict[str, Any] = {"question_id": question.id, "message_id": message_id}
    items: list[discord.ui.Item[Any]] = []
    if page + 1 < shown.pages:
        action = "on" if from_passage else "all"
        items.append(
            SectionButton(messages.READ_ON(), **ids, digest=digest, page=page + 1, action=action)
        )
    items.append(PickButton(**ids, digest=digest, action="answers"))
    headings = service.by_digest(
        [*opened.section.below, *_nearest_beside(opened.section, opened.passage)]
    )
    options = [
        discord.SelectOption(label=messages.heading_label(passage), value=value)
        for value, passage in headings.items()
        if value != digest
    ]
    if options:
        placeholder = messages.ON_THIS_PAGE()
        items.append(HeadingSelect(placeholder, options[:_MOST_OPTIONS], **ids))
    text = container([[shown.parts[0]]], discord.Colour.light_grey())
    files = picture_files(pictures)
    if files:
        text.add_item(gallery(files))
    await interaction.edit_original_response(**layout([text], items), attachments=files)
    for part in shown.parts[1:]:
        await interaction.followup.send(part, ephemeral=True)


# Discord's limit for a select.
_MOST_OPTIONS: Final = 25


class SectionButton(
    Button,
    ids=CustomId(
        "section",
        question_id=int,
        digest=DIGEST,
        page=int,
        message_id=int,
        action=("all", "on"),
    ),
    rule=_READERS,
):
    """Opens a section at a page: counted from its beginning, or from where an answer quotes it.

    `message_id` is the answer's; 0 on the answer itself.
    """

    question_id: int
    digest: str
    page: int
    message_id: int
    action: str
    question: Question
    channels: tuple[int, ...]

    async def on_click(self, interaction: Interaction) -> None:
        if await _reports_pruned(interaction, self.question):
            return
        message_id = interaction.message.id if interaction.message is not None else 0
        await _show_section(
            interaction,
            self.question,
            self.digest,
            self.channels,
            self.message_id or message_id,
            self.page,
            from_passage=self.action == "on",
        )


class HeadingSelect(
    Select,
    ids=CustomId("headings", question_id=int, message_id=int),
    rule=_READERS,
    first=First.IN_PLACE,
):
    """The headings beside an opened section; a chosen one replaces the section."""

    question_id: int
    message_id: int
    question: Question
    channels: tuple[int, ...]

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        if not await _reports_pruned(interaction, self.question):
            await _show_section(interaction, self.question, value, self.channels, self.message_id)


class PickButton(
    Button,
    ids=CustomId(
        "pick",
        question_id=int,
        digest=DIGEST,
        message_id=int,
        action=tuple(messages.PICK_LABELS),
    ),
    rule=_READERS,
    labels=messages.PICK_LABELS,
    styles={"answers": discord.ButtonStyle.success},
):
    """*This answers it*, below a passage that was chosen for the answer `message_id`."""

    question_id: int
    digest: str
    message_id: int
    question: Question
    channels: tuple[int, ...]

    async def on_click(self, interaction: Interaction) -> None:
        if await _reports_pruned(interaction, self.question):
            return
        by_moderator = await _confirms(interaction, self.question)
        everybodys = quotable_channels(interaction, private=self.question.private)
        picked = await interaction.client.worker.call(
            lambda core: service.pick(
                core,
                self.question,
                self.digest,
                interaction.user.id,
                by_moderator=by_moderator,
                channels=self.channels,
                public_channels=everybodys,
            ),
            priority=Priority.ASKING,
        )
        said = messages.NO_LONGER_QUOTED
        if picked is not None:
            said = messages.CONFIRMED if picked.confirmed else messages.PICKED
            if picked.reply is not None and await self._replace_quote(interaction, picked.reply):
                said = messages.REPLACED
        await interaction.edit_original_response(content=said())

    async def _replace_quote(self, interaction: Interaction, reply: Reply) -> bool:
        """Edit the posted answer to quote the passage, if it is the bot's to this question."""
        channel: Any = interaction.channel
        try:
            message = await channel.fetch_message(self.message_id)
            asked = messages.question_line(reply.question)
            # The id may be forged. An answer to an earlier asker begins with their name.
            is_answer = PassageSelect.values_on(message) == {"question_id": self.question_id}
            text = text_of(message)
            repeats = text.startswith(asked)
            if not is_answer or message.author != interaction.client.user:
                return False
            if asked in text and not repeats:
                return False
            reply = await with_pictures(interaction.client, reply, interaction.channel)
            with speaking(await interaction.client.guild_settings.language_in(channel)):
                shown = answer_message(reply, private=False, repeats_question=repeats, edits=True)
            await message.edit(**shown)
        except UNREACHED as error:
            _logger.info("An answer could not be replaced: %s", error)
            return False
        return True


def reason_view(question_id: int) -> discord.ui.View | None:
    options = [
        discord.SelectOption(label=label(), value=reason.value)
        for reason, label in FEEDBACK_REASONS.items()
    ]
    placeholder = messages.WHAT_WAS_WRONG()
    return view_of([ReasonSelect(placeholder, options, question_id=question_id)])


# *Other* opens a form.
_OFFERED: Final = [
    [reason.value] for reason in FeedbackReason if reason is not FeedbackReason.OTHER
]


class ReasonSelect(Select, ids=CustomId("reason", question_id=int), rule=_READERS):
    """The reasons to choose from."""

    question_id: int

    def first_response(self, _interaction: Interaction) -> First:
        return First.IN_PLACE if self.item.values[:1] in _OFFERED else First.OWN

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        if value not in set(FeedbackReason):
            sentence = error_messages.UNKNOWN_BUTTON()
            await interaction.response.send_message(sentence, ephemeral=True)
            return
        reason = FeedbackReason(value)
        if reason is FeedbackReason.OTHER:
            await interaction.response.send_modal(ReasonModal(self.question_id))
            return
        await record_reason(interaction, self.question_id, chosen=reason)


class ReasonModal(
    Form,
    ids=CustomId("form:reason", question_id=int, nonce=NONCE),
    rule=_READERS,
    first=First.IN_PLACE,
):
    """The form for a reason in the member's own words."""

    def __init__(self, question_id: int) -> None:
        super().__init__(messages.WHAT_WAS_WRONG(), question_id=question_id)
        self.ask_text(messages.REASON(), "reason", REASON_CHARACTERS, paragraph=True)

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        await record_reason(interaction, subject["question_id"], filled.text("reason").strip())


async def record_reason(
    interaction: Interaction,
    question_id: int,
    reason: str = "",
    chosen: FeedbackReason = FeedbackReason.OTHER,
) -> None:
    """Record that an answer did not help, with the reason."""
    feedback = Feedback(question_id, interaction.user.id, Verdict.UNHELPFUL, reason, chosen)
    known = await interaction.client.worker.call(
        lambda core: service.record_reason(
            core, feedback, interaction.guild_id or 0, interaction.id
        ),
        priority=Priority.ASKING,
    )
    said = messages.REASON_KEPT if known else messages.FEEDBACK_GONE
    await interaction.edit_original_response(content=said(), view=None)
