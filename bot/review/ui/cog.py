"""Review cog: `/review` opens one panel, with the queue, one note, the log and the rules by tag.

The queue shows one note at a time, with its card's buttons.
"""

import functools
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands

from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.autocomplete import choices_at_once
from bot.interactions.features import Feature, Round, Start
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, Part, Select, view_of
from bot.interactions.kit.errors import in_time
from bot.interactions.kit.forms import Filled, Form, give_back
from bot.interactions.kit.localisation import description
from bot.interactions.kit.panels import panel
from bot.interactions.policy.channel_access import quotable_channels, sees
from bot.interactions.policy.component_access import administrators, moderators
from bot.interactions.policy.permissions import SHOWN_TO_MODERATORS, may_manage, refused
from bot.interactions.services import Cog, Interaction, Services
from bot.review import cards, messages, service, synonym_service
from bot.review.service import LogDirection, LogFilters, NotePage
from bot.review.ui.cards import (
    CardsCog,
    card_buttons,
    card_message,
    files_of,
    moderators_of_revision,
)
from bot.review.ui.golden_questions import CHECK_SECONDS, GoldenChecks, show_changes
from bot.review.ui.note_lists import show_imported, show_unreleased
from bot.review.ui.outbox import DOUBT_SECONDS, ROUND_SECONDS, OutboxDispatcher
from bot.review.ui.panel import (
    TITLES,
    ReviewPage,
    ReviewPanel,
    heading,
    review_menu,
    show_page,
)
from bot.text import error_messages
from bot.text.languages import Sentence, speak
from bot.text.markdown import LAYOUT_CHARACTERS, size
from knowledge.values.guilds import Rule
from knowledge.values.submissions import (
    TAG_CHARACTERS,
    TITLE_CHARACTERS,
    InvalidNoteError,
    checked_tags,
)
from knowledge.values.synonyms import (
    WORD_CHARACTERS,
    InvalidSynonymError,
    checked_synonym,
)

# Discord's limit for the label of an option.
_LABEL_CHARACTERS: Final = 100
_WORD: Final = Part(r"[\w' -]{1,30}", str)


async def show_synonyms(interaction: Interaction, said: str = "") -> None:
    """Show the page *Synonyms*, below the sentence `said`."""
    guild_id = interaction.guild_id or 0
    synonyms = await interaction.client.worker.call(
        lambda core: core.store.guilds.settings(guild_id).synonyms
    )
    rows: list[list[discord.ui.Item[Any]]] = [[AddSynonymButton(synonym_service.ADD())]]
    if synonyms:
        options = [
            discord.SelectOption(label=str(pair)[:_LABEL_CHARACTERS], value=str(number))
            for number, pair in enumerate(synonyms)
        ]
        rows.append([SynonymMenu(speak("Remove a pair…"), options)])
    texts = [synonym_service.synonym_lines(synonyms), *filter(None, [said])]
    await show_page(interaction, ReviewPage.SYNONYMS, texts, *rows)


class SynonymMenu(Select, ids=CustomId("synonyms"), rule=moderators(), first=First.IN_PLACE):
    """List of the synonyms; the chosen pair is removed."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        guild_id, bot = interaction.guild_id or 0, interaction.client
        # The option's label names the pair that the moderator saw.
        pair = next(
            (str(option.label) for option in self.item.options if option.value == value), ""
        )
        gone = await bot.worker.call(
            lambda core: synonym_service.remove(core, guild_id, interaction.user.id, pair)
        )
        bot.guild_settings.forget(guild_id)
        said = synonym_service.removed(pair, gone)
        await show_synonyms(interaction, said)


class AddSynonymButton(Button, ids=CustomId("add_synonym"), rule=moderators(), first=First.OWN):
    """Opens the form of a new pair."""

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(SynonymForm())


class SynonymForm(Form, ids=CustomId("form:synonym", nonce=NONCE), rule=moderators()):
    """The form of a new pair. Its effect is shown before it is stored."""

    def __init__(self) -> None:
        super().__init__(synonym_service.ADD())
        word, meaning = speak("A word that members use"), speak("The word that documents use")
        self.ask_text(word, "word", WORD_CHARACTERS, speak("For example: perm"))
        self.ask_text(meaning, "meaning", WORD_CHARACTERS, speak("For example: permission"))

    @classmethod
    async def handle(cls, interaction: Interaction, _subject: Found, filled: Filled) -> None:
        bot = interaction.client
        guild_id = interaction.guild_id or 0
        try:
            new = checked_synonym(filled.text("word"), filled.text("meaning"))
        except InvalidSynonymError as error:
            await give_back(interaction, synonym_service.bad_word(error.word))
            return
        synonyms = await bot.worker.call(lambda core: core.store.guilds.settings(guild_id).synonyms)
        against = synonym_service.check_synonym(synonyms, new)
        if against is not None:
            await give_back(interaction, synonym_service.problem(against, new))
            return
        preview = await bot.worker.run_slices(
            lambda core: synonym_service.preview_effect(core, guild_id, new)
        )
        if preview is None:
            return
        asked_in = set().union(*preview.channels.values())
        readable = preview.readable(
            {channel_id for channel_id in asked_in if sees(interaction, channel_id)}
        )
        buttons = [
            SynonymButton(word=new.word, meaning=new.meaning, action=action)
            for action in synonym_service.LABELS
        ]
        await interaction.edit_original_response(
            content=synonym_service.preview(new, preview.impact, readable),
            view=view_of(buttons),
        )


class SynonymButton(
    Button,
    ids=CustomId("synonym", word=_WORD, meaning=_WORD, action=tuple(synonym_service.LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=synonym_service.LABELS,
    styles={"keep": discord.ButtonStyle.success},
):
    """Button *Keep* or *Discard* below the preview of a synonym."""

    word: str
    meaning: str
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        outcome = speak("Nothing was changed.")
        if self.action == "keep":
            outcome = await self._add(interaction)
        await interaction.edit_original_response(content=outcome, view=None)

    async def _add(self, interaction: Interaction) -> str:
        bot = interaction.client
        guild_id, member_id = interaction.guild_id or 0, interaction.user.id
        try:
            # An id can be forged.
            new = checked_synonym(self.word, self.meaning)
        except InvalidSynonymError as error:
            return synonym_service.bad_word(error.word)
        added = await bot.worker.call(
            lambda core: synonym_service.add(core, guild_id, member_id, new),
            priority=Priority.REVIEWING,
        )
        bot.guild_settings.forget(guild_id)
        if isinstance(added, synonym_service.Problem):
            return synonym_service.problem(added, new)
        return synonym_service.kept(new)


_DAYS: Final = Part(r"[0-9]{1,4}", int)
_EVENT: Final = Part(r"[a-z_]{1,32}", str)
ALL: Final = LogFilters(0, 0, "any")
_MOST_APPROVALS: Final = 10
_MOST_DAYS: Final = 3_650
# Values of the list of rules besides tags, which have no such sign; a list has 25 at most.
_EVERY: Final = "*"
_NEW: Final = "+"
_MOST_TAGS: Final = 23


class ReviewCog(Cog):
    """The command `/review`, and *Decide on note…* in the menu of cards."""

    def __init__(self, bot: Services) -> None:
        super().__init__(bot)
        menu = app_commands.ContextMenu(name="Decide on note…", callback=self.decide)
        menu.guild_only = True
        menu.default_permissions = SHOWN_TO_MODERATORS
        bot.tree.add_command(menu)

    @app_commands.command(
        name="review",
        description=description("Decide on what members propose, and see who decided what."),
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_MODERATORS)
    async def review(self, interaction: Interaction) -> None:
        """Show the queue, and post deleted cards again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await refused(interaction):
            return
        await self.bot.review_panel.show(interaction)
        await self.bot.outbox.find_lost_cards(interaction.guild_id or 0)
        await self.bot.outbox.catch_up()

    async def decide(self, interaction: Interaction, message: discord.Message) -> None:
        """Show the note of a card, with its buttons."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        revision_id = await self.bot.worker.call(
            lambda core: core.store.review_cards.revision_of(guild_id, message.id)
        )
        found: Found | Sentence = messages.NOT_A_CARD
        if revision_id is not None:
            found = await moderators_of_revision(interaction, {"revision_id": revision_id})
        if isinstance(found, Sentence):
            refusal = found()
            await interaction.edit_original_response(content=refusal)
        else:
            await show_note(interaction, found["note"].id)


# One note, by its title.


async def show_finder(interaction: Interaction, typed: str = "") -> None:
    """Show the page that finds a note; `typed` is a part of its title, or its number."""
    notes = await choices_at_once(interaction, interaction.guild_id)
    choices = notes.every(typed)
    text = messages.NO_SUCH_NOTE()
    rows: list[list[discord.ui.Item[Any]]] = []
    if choices:
        text = speak("Choose a note below, or find one by its title.")
        options = [
            discord.SelectOption(label=choice.name, value=choice.value) for choice in choices
        ]
        rows.append([NoteMenu(messages.CHOOSE_NOTE(), options)])
    rows.append([FindButton(messages.FIND())])
    await show_page(interaction, ReviewPage.NOTE, [text], *rows)


async def show_note(interaction: Interaction, note_id: int) -> None:
    """Show the page of one note, with its card and buttons."""
    guild_id, channels = interaction.guild_id or 0, quotable_channels(interaction, private=True)
    page = await interaction.client.worker.run_slices(
        lambda core: service.note_page(core, guild_id, note_id, channels),
        priority=Priority.REVIEWING,
    )
    if page is None:
        await show_finder(interaction)
        return
    history = shared_buttons.note_history
    beside = [history(page.note.id), FindButton(messages.FIND())]
    shown = _note_message(page, ReviewPage.NOTE, heading(ReviewPage.NOTE), beside)
    await interaction.edit_original_response(**shown)


def _note_message(
    shown: NotePage, page: ReviewPage, above: str, beside: Sequence[Button]
) -> dict[str, Any]:
    """Arguments that show a note on a page, with its buttons and others `beside` them."""
    now, note, settings = datetime.now(UTC), shown.note, shown.settings
    room = LAYOUT_CHARACTERS - size(above)
    card = cards.card(note, now, shown.card_data, room, on_page=settings.page)
    buttons, menu = card_buttons(note, settings, now), review_menu(page)
    message = card_message(card, buttons, beside, [menu], above=above)
    return {**message, "attachments": files_of(card.attached)}


class NoteMenu(Select, ids=CustomId("review_note"), rule=moderators(), first=First.IN_PLACE):
    """List of notes; its values are their ids."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        note_id = int(value) if value.isascii() and value.isdecimal() else 0
        await show_note(interaction, note_id)


class FindButton(Button, ids=CustomId("find_note"), rule=moderators(), first=First.OWN):
    """Opens the form that asks for a title."""

    async def on_click(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(FindForm())


class FindForm(
    Form, ids=CustomId("form:find_note", nonce=NONCE), rule=moderators(), first=First.IN_PLACE
):
    """The form for a part of a note's title, or its number."""

    def __init__(self) -> None:
        super().__init__(TITLES[ReviewPage.NOTE]())
        field, help_ = messages.FIND_FIELD(), messages.FIND_HELP()
        self.ask_text(field, "title", TITLE_CHARACTERS, help_)

    @classmethod
    async def handle(cls, interaction: Interaction, _subject: Found, filled: Filled) -> None:
        await show_finder(interaction, filled.text("title"))


# Rules by tag.


async def show_rules(interaction: Interaction) -> None:
    """Show the rules. Administrators can change them."""
    guild_id = interaction.guild_id or 0
    rules = await interaction.client.worker.call(lambda core: core.store.guilds.rules(guild_id))
    rows = []
    if may_manage(interaction):
        tags = [rule.tag for rule in rules if rule.tag][:_MOST_TAGS]
        labels = {_EVERY: messages.EVERY_NOTE(), _NEW: speak("A tag without a rule…")}
        options = [
            discord.SelectOption(label=labels.get(value, value), value=value)
            for value in (_EVERY, *tags, _NEW)
        ]
        rows = [[RuleMenu(speak("Change a rule…"), options)]]
    await show_page(interaction, ReviewPage.RULES, [messages.rules(rules)], *rows)


class RuleMenu(Select, ids=CustomId("rules"), rule=administrators(), first=First.OWN):
    """List of tags, to change the rule of one in a form."""

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        tag, guild_id = "" if value in (_EVERY, _NEW) else value, interaction.guild_id or 0
        async with in_time(interaction):
            rules = await interaction.client.worker.call(
                lambda core: core.store.guilds.rules(guild_id), priority=Priority.ASKING
            )
        rule = next((rule for rule in rules if rule.tag == tag and value != _NEW), Rule(tag, 1))
        role = interaction.guild.get_role(rule.publish_role_id or 0) if interaction.guild else None
        await interaction.response.send_modal(RuleForm(rule, role))


class RuleForm(
    Form, ids=CustomId("form:rule", nonce=NONCE), rule=administrators(), first=First.IN_PLACE
):
    """The form of a tag's rule. With one approval and nothing else, the rule is dropped."""

    def __init__(self, rule: Rule, role: discord.Role | None) -> None:
        super().__init__(messages.RULE_TITLE())
        help_ = messages.APPROVALS_HELP()
        tag, every = speak("Notes with the tag"), speak("Leave this empty for all notes.")
        again, again_help = speak("Look at it again after … days"), messages.AGAIN_HELP()
        days = str(rule.review_after_days or "")
        self.ask_text(tag, "tag", TAG_CHARACTERS + 1, every, text=rule.tag, required=False)
        self.ask_text(speak("Approvals to publish"), "quorum", 2, help_, text=str(rule.quorum))
        self.ask_text(again, "days", 4, again_help, text=days, required=False)
        select = discord.ui.RoleSelect[Any](
            custom_id="role", required=False, min_values=0, default_values=[role] if role else []
        )
        self.ask(speak("Role that publishes at once"), select)

    @classmethod
    async def handle(cls, interaction: Interaction, _subject: Found, filled: Filled) -> None:
        member_id, guild = interaction.user.id, interaction.guild
        try:
            tags = checked_tags(filled.text("tag"))
        except InvalidNoteError as error:
            await give_back(interaction, error_messages.invalid(error))
            return
        if len(tags) > 1:
            refusal = speak("A rule covers one tag. Name one, or none to cover every note.")
            await give_back(interaction, refusal)
            return
        quorum = _number(filled.text("quorum"), _MOST_APPROVALS)
        days = _number(filled.text("days") or "0", _MOST_DAYS)
        if not quorum or days is None:
            await give_back(interaction, messages.NOT_A_RULE())
            return
        # A choice can be forged.
        role_id = int(filled.choice("role") or 0)
        role = guild.get_role(role_id) if guild is not None else None
        rule = Rule(tags[0] if tags else "", quorum, days or None, role.id if role else None)
        await interaction.client.worker.call(
            lambda core: core.store.guilds.save_rule(interaction.guild_id or 0, rule, member_id)
        )
        await show_rules(interaction)


def _number(typed: str, most: int) -> int | None:
    """A typed number up to `most`, or None for anything else."""
    typed = typed.strip()
    return int(typed) if typed.isascii() and typed.isdecimal() and int(typed) <= most else None


# The log.


async def show_log(
    interaction: Interaction,
    filters: LogFilters = ALL,
    side: LogDirection = LogDirection.OLDER,
    entry_id: int = 0,
) -> None:
    guild_id = interaction.guild_id or 0
    name = interaction.client.setup_panel.name_of
    fitting = functools.partial(messages.count_fitting_lines, setting_name=name)
    page = await interaction.client.worker.call(
        lambda core: service.log_page(core, guild_id, filters, (side, entry_id), fitting)
    )
    beside = [(LogDirection.NEWER.value, page.lines[0].entry.id)] if page.newer else []
    beside += [(LogDirection.OLDER.value, page.lines[-1].entry.id)] if page.older else []
    beside += [("filter", 0), *([("export", 0)] if page.lines else [])]
    buttons = [
        LogButton(action=action, entry_id=entry_id, **asdict(filters))
        for action, entry_id in beside
    ]
    texts = [messages.log_filters(filters), messages.log_page(page.lines, name)]
    await show_page(interaction, ReviewPage.LOG, [*filter(None, texts)], buttons)


class LogButton(
    Button,
    ids=CustomId(
        "log",
        action=tuple(messages.LOG_LABELS),
        entry_id=int,
        days=_DAYS,
        member_id=int,
        event=_EVENT,
    ),
    rule=moderators(),
    first={
        **dict.fromkeys(LogDirection, First.IN_PLACE),
        "filter": First.OWN,
        "export": First.THINKING,
    },
    labels=messages.LOG_LABELS,
):
    """The buttons below the log, with its filters in their ids."""

    action: str
    entry_id: int
    days: int
    member_id: int
    event: str

    async def on_click(self, interaction: Interaction) -> None:
        filters = LogFilters(self.days, self.member_id, self.event)
        if self.action == "filter":
            form = LogForm(filters)
            await interaction.response.send_modal(form)
        elif self.action == "export":
            await self._export(interaction, filters)
        else:
            await show_log(interaction, filters, LogDirection(self.action), self.entry_id)

    async def _export(self, interaction: Interaction, filters: LogFilters) -> None:
        """Send the filtered log as a file of JSON lines, oldest first."""
        lines = await interaction.client.worker.call(
            lambda core: service.log(core, interaction.guild_id or 0, filters)
        )
        records = [
            {
                "id": line.entry.id,
                "at": line.entry.at.isoformat(),
                "member_id": line.member_id,
                "event": line.entry.event,
                "subject": line.entry.subject,
                "title": line.title,
                "reason": line.reason,
                "detail": json.loads(line.entry.detail),
            }
            for line in lines
        ]
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        file = discord.File(io.BytesIO(text.encode()), "review-log.jsonl")
        await interaction.edit_original_response(
            content=messages.EXPORTED(number=len(lines)), attachments=[file]
        )


class LogForm(Form, ids=CustomId("form:log", nonce=NONCE), rule=moderators(), first=First.IN_PLACE):
    """The form of the log's filters."""

    def __init__(self, filters: LogFilters) -> None:
        super().__init__(TITLES[ReviewPage.LOG]())
        options = [
            discord.SelectOption(label=label(), value=key, default=key == filters.event)
            for key, label in messages.EVENTS.items()
        ]
        event = discord.ui.Select[Any](
            custom_id="event", options=options, required=False, min_values=0
        )
        self.ask(messages.ONLY_EVENT(), event)
        chosen = [discord.Object(filters.member_id, type=discord.User)] if filters.member_id else []
        member = discord.ui.UserSelect[Any](
            custom_id="member", required=False, min_values=0, default_values=chosen
        )
        self.ask(messages.ONLY_MEMBER(), member)
        label, help_ = messages.ONLY_DAYS(), messages.ONLY_DAYS_HELP()
        self.ask_text(label, "days", 4, help_, text=str(filters.days or ""), required=False)

    @classmethod
    async def handle(cls, interaction: Interaction, _subject: Found, filled: Filled) -> None:
        days = _number(filled.text("days") or "0", _MOST_DAYS)
        if days is None:
            await give_back(interaction, messages.NOT_DAYS())
            return
        event = filled.choice("event")
        event = event if event in messages.EVENTS else ALL.event
        await show_log(interaction, LogFilters(days, int(filled.choice("member") or 0), event))


# The queue.


class Queue:
    """Shows the review queue, page by page."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    def place(self, message: discord.Message | None) -> int | None:
        """Return the place that a message of the queue shows, or None for other messages."""
        values = QueueButton.values_on(message)
        return values["place"] if values is not None else None

    async def page(self, interaction: Interaction, place: int, said: str = "") -> dict[str, Any]:
        """Arguments of `edit_original_response` that show a note in the queue or an empty queue."""
        guild_id, now = interaction.guild_id or 0, datetime.now(UTC)
        channels = quotable_channels(interaction, private=True)
        page = await self._bot.worker.run_slices(
            lambda core: service.queue_page(core, guild_id, place, now, channels),
            priority=Priority.REVIEWING,
        )
        title = heading(ReviewPage.QUEUE)
        if page is None:
            texts = [title, *filter(None, [said]), messages.QUEUE_EMPTY()]
            menu = review_menu(ReviewPage.QUEUE)
            return {**panel(texts, [], menu), "attachments": []}
        at = (page.place, page.total)
        above = f"{title}\n{messages.queue_header(page.note, at, now, said)}"
        beside = [QueueButton(place=page.place, action=action) for action in messages.QUEUE_LABELS]
        return _note_message(page, ReviewPage.QUEUE, above, beside)

    async def show(self, interaction: Interaction) -> None:
        """Show the page of the panel: the first note."""
        await interaction.edit_original_response(**await self.page(interaction, 0))


class QueueButton(
    Button,
    ids=CustomId("queue", place=int, action=tuple(messages.QUEUE_LABELS)),
    rule=moderators(),
    first=First.IN_PLACE,
    labels=messages.QUEUE_LABELS,
):
    """The buttons *Previous* and *Next* in the queue."""

    place: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        place = max(self.place + (1 if self.action == "next" else -1), 0)
        shown = await interaction.client.queue.page(interaction, place)
        await interaction.edit_original_response(**shown)


def feature(bot: Services) -> Feature:
    bot.queue = queue = Queue(bot)
    bot.review_panel = ReviewPanel(
        {
            ReviewPage.QUEUE: queue.show,
            ReviewPage.NOTE: show_finder,
            ReviewPage.LOG: show_log,
            ReviewPage.RULES: show_rules,
            ReviewPage.SYNONYMS: show_synonyms,
            ReviewPage.CHANGES: show_changes,
            ReviewPage.PUBLIC: show_unreleased,
            ReviewPage.IMPORTED: show_imported,
        }
    )
    dispatcher = OutboxDispatcher(bot)
    bot.outbox = dispatcher
    rounds = [
        Round(ROUND_SECONDS, dispatcher.round),
        Round(DOUBT_SECONDS, dispatcher.ask_writers),
        Round(CHECK_SECONDS, GoldenChecks(bot).round, start=Start.INDEXED),
    ]
    return Feature([CardsCog(bot), ReviewCog(bot)], rounds)
