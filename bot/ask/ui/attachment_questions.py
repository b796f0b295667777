"""Questions with pictures or logs: the bot offers to ask with the text that it reads in them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord

from bot.answers.question_checks import QUESTION_CHARACTERS, needs_lookup
from bot.interactions.kit import inbox
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.buttons import NONCE, Button, CustomId, view_of
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.policy.admission import count_question
from bot.interactions.policy.channel_access import may_write
from bot.interactions.policy.component_access import anybody
from bot.interactions.services import Interaction, Services
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import beginning, code_block, code_blocks, plain_within, size
from indexer.retrieval.error_identifiers import LOG_MARK
from knowledge.files import logs
from knowledge.files.logs import SUFFIXES, Problem
from knowledge.values.submissions import InvalidNoteError

READ: Final = Sentence("This is what I read in the picture. You can correct it before you ask.")
READ_IN_LOG: Final = Sentence(
    "These lines of the log look decisive. I left out times, addresses, paths and names. You can "
    "correct them before you ask."
)
WITH_WORDS: Final = Sentence("Your own words:")
NOT_YOURS: Final = Sentence("Only the member who sent it can ask with it.")
LABELS: Final[Mapping[str, Sentence]] = {
    "picture": Sentence("Ask with this text"),
    "words": Sentence("Ask with my words only"),
}
QUESTION: Final = Sentence("Question")
QUESTION_HELP: Final = Sentence(
    "The exact words of an error message work best. Leave out your own names and paths."
)
PROBLEMS: Final[Mapping[Problem, Sentence]] = {
    Problem.LARGE: Sentence(
        "{file} is too large or takes too long: the limits are {megabytes:,} MB and {seconds:,} "
        "seconds. Send the end of the log."
    ),
    Problem.BOMB: Sentence(
        "{file} unpacks to more than {unpacked:,} MB or {ratio:,} times its size. Send the end of "
        "the log."
    ),
    Problem.MANY: Sentence("{file} has more than {files:,} logs. Send the one with the error."),
    Problem.EMPTY: Sentence("{file} has no `.txt` or `.log` file."),
    Problem.TORN: Sentence("{file} is damaged: pack it again."),
    Problem.PACKED: Sentence("{file} is encrypted or packed in an unusual way: pack it again."),
    Problem.NO_TEXT: Sentence("{file} isn't a text."),
}
NO_ERROR: Final = Sentence("I found no error in this log. Tell me in a few words what happens.")

# A longer text by the member is asked without the attachments: both would not fit into a message.
WORDS_CHARACTERS: Final = 600
_TEXT_CHARACTERS: Final = 1_100
_NAME_CHARACTERS: Final = 60


def log_problem(name: str, problem: Problem) -> str:
    """A sentence about a log that can't be read."""
    return PROBLEMS[problem](
        file=f"**{plain_within(name, _NAME_CHARACTERS)}**",
        megabytes=logs.LOG_BYTES // 1_000_000,
        unpacked=logs.UNPACKED_BYTES // 1_000_000,
        seconds=logs.SECONDS,
        ratio=logs.MOST_RATIO,
        files=logs.FILES,
    )


def marked(lines: Sequence[str]) -> str:
    """Lines of a log, marked as such: they alone never make an answer sure."""
    return "\n".join(f"{LOG_MARK}{line}" for line in lines)


def offer(
    words: str, text: str, *, unread: Sequence[str] = (), read: Sentence | None = READ
) -> str:
    """A message with the text that was read, the member's own words, and what wasn't read."""
    room = _TEXT_CHARACTERS - size("\n".join(unread))
    parts = [*unread, *([read()] if read else []), code_block(text, room)]
    if words:
        parts += [WITH_WORDS(), code_block(words, WORDS_CHARACTERS)]
    return "\n".join(parts)


def words_and_text(offered: str) -> tuple[str, str]:
    """Parse a message of `offer` into the member's own words and the text."""
    text, words, *_ = [*code_blocks(offered), "", ""]
    return words, text


def question(words: str, text: str) -> str:
    """The text to begin with in `TextForm`: the member's own words, then the text."""
    return beginning("\n".join(filter(None, [words, text])), QUESTION_CHARACTERS)


# Visibility of the offer, and of the answer that replaces the offer.
_SHOWN = ("public", "private")
_FENCE: Final = "```"
# A code block of so many lines or characters is read as a log.
_BLOCK_LINES: Final = 8
_BLOCK_CHARACTERS: Final = 400
# The largest number of logs and of long code blocks that are read in a message.
_LOGS: Final = 3


async def attachment_offer(
    bot: Services, message: discord.Message, words: str, member_id: int, *, private: bool
) -> dict[str, Any] | None:
    """Arguments to offer questions with the text in pictures and logs; None without it."""
    guild_id = message.guild.id if message.guild is not None else None
    lines: list[str] = []
    unread: list[str] = []
    if guild_id is not None and (await bot.guild_settings.settings(guild_id)).read_logs:
        words, blocks = _without_long_blocks(words)
        lines, unread = await _read_logs(bot, message.attachments, blocks, member_id)
        if not (words or lines or unread) and (blocks or _logs_among(message.attachments)):
            unread = [NO_ERROR()]
    if len(words) > WORDS_CHARACTERS:
        return None
    pictures = await bot.picture_texts.among(message.attachments, member_id)
    text = "\n".join(filter(None, [pictures, marked(lines)]))
    if not text:
        if not unread:
            return None
        if not words:
            return {"content": "\n".join(unread)}
        # The words are the text to ask with.
        words, text = "", words
        read = None
    else:
        read = READ_IN_LOG if lines else READ
    buttons = [
        TextButton(member_id=member_id, shown=_SHOWN[private], action=action)
        for action in LABELS
        if action == "picture" or needs_lookup(words)
    ]
    return {
        "content": offer(words, text, unread=unread, read=read),
        "view": view_of(buttons),
    }


def _without_long_blocks(words: str) -> tuple[str, list[str]]:
    """A message's words without its long code blocks, and these blocks."""
    kept: list[str] = []
    blocks: list[str] = []
    for number, part in enumerate(words.split(_FENCE)):
        is_block = bool(number % 2)
        is_long = part.count("\n") >= _BLOCK_LINES or len(part) >= _BLOCK_CHARACTERS
        if is_block and is_long:
            blocks.append(part)
        else:
            kept.append(f"{_FENCE}{part}{_FENCE}" if is_block else part)
    return "".join(kept).strip(), blocks


def _logs_among(attachments: Sequence[discord.Attachment]) -> list[discord.Attachment]:
    logs = [found for found in attachments if found.filename.casefold().endswith(SUFFIXES)]
    return logs[:_LOGS]


async def _read_logs(
    bot: Services, attachments: Sequence[discord.Attachment], blocks: Sequence[str], member_id: int
) -> tuple[list[str], list[str]]:
    """The deciding lines of a message's logs, and sentences about logs that can't be read.

    The lines of the first log with such lines are enough; those of two would tell of two things.
    """
    unread: list[str] = []
    for block in blocks[:_LOGS]:
        if lines := (await bot.attachments.log_of_bytes(block.encode(errors="replace"))).lines:
            return [*lines], unread
    for attachment in _logs_among(attachments):
        try:
            log = await bot.attachments.log(attachment, member_id)
        except InvalidNoteError as error:
            unread.append(error_messages.invalid(error))
            continue
        if log.lines:
            return [*log.lines], unread
        if log.problem is not None:
            unread.append(log_problem(attachment.filename, log.problem))
    return [], unread


async def _sender_only(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit the sender of the attachment."""
    mine = interaction.user.id == values["member_id"]
    return {} if mine and _is_offer(interaction.message) else NOT_YOURS


def _is_offer(message: discord.Message | None) -> bool:
    """Whether a message is an offer. On any other message, the button's id was forged."""
    return message is not None and any(words_and_text(message.content))


class TextButton(
    Button,
    ids=CustomId("picture", member_id=int, shown=_SHOWN, action=tuple(LABELS)),
    rule=_sender_only,
    first=First.OWN,
    labels=LABELS,
    styles={"picture": discord.ButtonStyle.primary},
):
    """A button below the offer, whose message has the text and the member's own words."""

    member_id: int
    shown: str
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        message = interaction.message
        words, text = words_and_text(message.content if message else "")
        if self.action == "picture":
            asked = question(words, text)
            await interaction.response.send_modal(TextForm(asked, shown=self.shown))
        else:
            await _answer(interaction, words, private=self.shown == "private")


class TextForm(
    Form,
    ids=CustomId("form:picture", shown=_SHOWN, nonce=NONCE),
    rule=anybody,
    first=First.OWN,
):
    """The form to correct a question with the text before it is asked."""

    def __init__(self, asked: str, *, shown: str) -> None:
        super().__init__(LABELS["picture"](), shown=shown)
        self.ask_text(
            QUESTION(),
            "question",
            QUESTION_CHARACTERS,
            QUESTION_HELP(),
            text=asked,
            paragraph=True,
        )

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        await _answer(interaction, filled.text("question"), private=subject["shown"] == "private")


def _is_mine(interaction: Interaction) -> bool:
    values = TextButton.values_on(interaction.message) or {}
    return values.get("member_id") == interaction.user.id and _is_offer(interaction.message)


async def _answer(interaction: Interaction, question: str, *, private: bool) -> None:
    """Replace the offer by the answer. The answer is private if the member may not write here."""
    bot = interaction.client
    with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
        # The form may be forged, so check that it was opened from the sender's own offer.
        if _is_mine(interaction) and (private or may_write(interaction)):
            await interaction.response.defer()
        else:
            private = True
            inbox.keep(interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
        if needs_lookup(question):
            await count_question(bot, interaction.user, interaction.guild_id)
        await bot.answers.answer_deferred(interaction, question, private=private)
