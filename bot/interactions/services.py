"""Service interface: type of the client for features, and protocols of its services.

Persistent buttons and forms are rebuilt from their ids and get only an interaction, so they use
the services of `interaction.client`. A feature imports neither the client nor a feature of the same
or a higher layer (`pyproject.toml`), only the protocols of this module. Most of their methods are
explained where they are implemented.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import discord
from discord.ext import commands

from bot.answers.ask import Ask
from bot.answers.outcome import Reply
from bot.answers.phrased import Candidate, Mode, Phrased, Result
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.degradations import Degradations
from bot.core.worker import Worker
from bot.text.languages import Sentence
from knowledge.files.foreign_tags import TagFile
from knowledge.files.logs import ReadLog
from knowledge.files.parsed_file import ParsedFile
from knowledge.sources.net.polite_fetcher import MakeFetcher
from knowledge.values.drafts import Draft
from knowledge.values.guilds import GuildFilter, Language
from knowledge.values.notes import Picture
from knowledge.values.questions import Handover, HelperAnswer, OpenQuestion, Question
from knowledge.values.settings import EffectiveSettings, GuildChoices, GuildSettings

_T = TypeVar("_T")

Step: TypeAlias = Callable[[], Awaitable[None]]


class Answers(Protocol):
    """Answers questions on behalf of other features."""

    async def answer_deferred(
        self,
        interaction: discord.Interaction[Any],
        question: str,
        *,
        private: bool,
        earlier: str = "",
    ) -> None: ...

    async def post_shared(
        self, interaction: discord.Interaction[Any], ask: Ask, reply: Reply
    ) -> None: ...

    async def message_to_asker(
        self, reply: Reply, channel: Any, *, lead: str, extra: Sequence[discord.ui.Item[Any]]
    ) -> dict[str, Any]: ...


class AnswersForAskers(Protocol):
    """Tells earlier askers about new answers."""

    def begin(self) -> None: ...


class Outbox(Protocol):
    """Delivers review cards and notices that are due."""

    async def catch_up(self) -> None: ...

    async def catch_up_in_time(self) -> None: ...

    async def move_cards(self, guild_id: int) -> None: ...

    async def find_lost_cards(self, guild_id: int) -> None: ...


class Handovers(Protocol):
    """Posts handed-over questions for helpers, and shows their state."""

    async def catch_up(self) -> None: ...


class NoteAnswers(Protocol):
    """Posts notes that helpers chose as answers to messages."""

    def text_of(self, message: discord.Message) -> str: ...

    async def post(self, answer: HelperAnswer) -> str: ...


class Submissions(Protocol):
    """Takes drafts of notes."""

    async def submit(
        self,
        interaction: discord.Interaction[Any],
        draft: Draft,
        files: Sequence[discord.Attachment] = (),
        *,
        replaces: bool = False,
    ) -> None: ...

    async def write_for(self, interaction: discord.Interaction[Any], question_id: int) -> None:
        """Open the form of a note that answers a question."""

    async def report_answer(self, interaction: discord.Interaction[Any], question_id: int) -> None:
        """Open the form that reports a note in an answer, as the first response."""

    async def propose_answer(
        self,
        interaction: discord.Interaction[Any],
        asked: OpenQuestion,
        answered: Handover,
        origin: int,
    ) -> None:
        """Propose a helper's answer as a note, once for the clicked message `origin`."""

    def given_back(self, draft: Draft, sentence: str) -> dict[str, Any]:
        """Return the message edit that gives a draft back."""

    async def give_back(
        self, interaction: discord.Interaction[Any], draft: Draft, sentence: str
    ) -> None:
        """Give a refused draft back."""


class ReplyProposals(Protocol):
    """Takes replies to unanswered questions, and proposes helpers' answers as notes."""

    async def take(self, message: discord.Message) -> bool: ...

    async def propose_offered(self, member_id: int, channel_id: int, message_id: int) -> bool: ...

    async def may_propose_handed_over(
        self, guild_id: int, channel: Any, question: Question
    ) -> bool: ...

    async def propose_handed_over(
        self, guild_id: int, channel: Any, question_id: int, unnamed: str
    ) -> bool: ...


class ThreadStarters(Protocol):
    """Cache of the messages that threads were started from."""

    async def of(self, thread: discord.Thread) -> discord.Message | None: ...


class ReviewQueue(Protocol):
    """Shows pages of the review queue."""

    def place(self, message: discord.Message | None) -> int | None: ...

    async def page(
        self, interaction: discord.Interaction[Any], place: int, said: str = ""
    ) -> dict[str, Any]: ...


class ReviewPanel(Protocol):
    """Shows the pages of `/review`."""

    async def show(self, interaction: discord.Interaction[Any], page: str = "queue") -> None:
        """Show a page as an interaction's response."""


class Panel(Protocol):
    """Shows the pages of `/setup`."""

    async def show(
        self,
        interaction: discord.Interaction[Any],
        page: str | None = None,
        *,
        setting: Any = None,
        channel_id: int = 0,
        note: Sentence | None = None,
    ) -> None: ...

    def name_of(self, column: str) -> str: ...

    async def find(self, interaction: discord.Interaction[Any], channel_id: int) -> Any: ...

    async def next_steps(self, interaction: discord.Interaction[Any]) -> str: ...


class ChannelSyncing(Protocol):
    """Syncs the messages of followed channels, without those of members who opted out."""

    async def load(self) -> None: ...

    async def apply_quote_opt_outs(self) -> None: ...


class WebVisits(Protocol):
    """Visits web sources."""

    async def recognise(self, named: Any) -> Any: ...

    async def visit_now(self, locations: Sequence[str]) -> bool: ...

    def stop(self) -> None: ...


class GuildSettingsCache(Protocol):
    """Cache of guild and channel settings, read again after a minute."""

    async def choices(self, guild_id: int) -> GuildChoices: ...

    async def current(self, guild_id: int) -> GuildSettings: ...

    async def settings(self, guild_id: int) -> GuildSettings: ...

    def known(self, guild_id: int) -> GuildSettings:
        """Return the settings last read, without asking the worker."""

    def forget(self, guild_id: int) -> None: ...

    async def in_channel(self, channel: Any) -> EffectiveSettings:
        """Return the settings of a channel, thread, category or guild; elsewhere the defaults."""

    async def language(self, guild_id: int | None) -> Language:
        """Return the guild's language; English outside of a guild."""

    async def language_in(self, channel: Any) -> Language:
        """Return the language of a channel's public messages."""

    async def language_in_time(self, channel: Any) -> Language:
        """Like `language_in`, but the last known one after half a second."""

    async def may_hand_over(self, guild_id: int | None) -> bool:
        """Whether members may hand unanswered questions over to helpers."""

    async def answers_privately(self, channel: Any) -> bool:
        """Whether only the asker sees an answer; True if the settings are late."""

    async def answers_in(self, channel: Any) -> bool:
        """Whether mentions are answered in a channel."""


class FloodControl(Protocol):
    """Rate limits of questions, checked before any lookup."""

    def admitted(self, member_id: int, guild_id: int | None) -> AbstractContextManager[None]:
        """Admit a member's question, and count it as waiting until the context ends.

        A member can have only one waiting question.

        Raises:
            TooFastError: if the question is refused.
        """

    def used_up(self, member_id: int, seconds: int) -> Exception:
        """The error for a member whose next question is accepted after this many seconds."""


class AttachedFiles(Protocol):
    """Reads files and pictures that members attach."""

    async def read(self, attachment: discord.Attachment, member_id: int) -> ParsedFile: ...

    async def tags(
        self, attachment: discord.Attachment, member_id: int, guild_id: int
    ) -> TagFile: ...

    async def picture(self, attachment: discord.Attachment, member_id: int) -> Picture: ...

    async def log(self, attachment: discord.Attachment, member_id: int) -> ReadLog: ...

    async def log_of_bytes(self, content: bytes) -> ReadLog:
        """Read the deciding lines of a log in a message."""


class PictureText(NamedTuple):
    """Recognized text of pictures, and whether every picture was read."""

    text: str = ""
    is_whole: bool = True


class PictureTexts(Protocol):
    """Recognizes text in pictures, if the operator switched it on."""

    async def among(self, attachments: Sequence[discord.Attachment], member_id: int) -> str:
        """Return the text in the first pictures of a member's attachments."""

    async def of(self, contents: Sequence[bytes], member_id: int) -> PictureText:
        """Return the text in fetched pictures."""


class Pacer(Protocol):
    """Rate limiter of edits in a channel."""

    async def turn(self, channel_id: int) -> None: ...


class Phrasing(Protocol):
    """Has a language model phrase answers, if the operator switched it on."""

    @property
    def pacer(self) -> Pacer: ...

    def mode_in(self, guild: GuildSettings | None) -> Mode | None: ...

    def candidate(
        self, ask: Ask, reply: Reply, guild: GuildSettings | None
    ) -> Candidate | None: ...

    def edited_until(self) -> datetime:
        """Return the deadline for edits of an answer sent now."""

    async def phrase(self, candidate: Candidate) -> Result | None: ...

    def start(self) -> None: ...

    async def stop(self) -> None: ...


class Metrics(Protocol):
    """Counters that features add to."""

    def count_phrasing(self, found: Phrased, tokens: int) -> None: ...


class Allowlist(Protocol):
    """Allowlist of guilds."""

    async def answers(self, user: discord.abc.User, guild_id: int | None) -> bool:
        """Whether to answer a user.

        A guild must be allowed. In direct messages, the user must be a member of an allowed guild.
        """


class Completions(Protocol):
    """Cache of autocomplete choices."""

    def forget(self) -> None:
        """Empty the cache."""


class Services(commands.AutoShardedBot):
    """The Discord client, with the services that all features share.

    `followed` has the ids of each guild's followed channels, without threads, because a thread's
    messages have the scope of its channel. The channel sync keeps the ids up to date in memory,
    because every question needs them.
    """

    settings: Settings
    make_fetcher: MakeFetcher
    degradations: Degradations
    metrics: Metrics
    guild_settings: GuildSettingsCache
    followed: dict[int, set[int]]
    allowed_guilds: Allowlist
    autocomplete: Completions
    answers: Answers
    answers_for_askers: AnswersForAskers
    outbox: Outbox
    handovers: Handovers
    note_answers: NoteAnswers
    submissions: Submissions
    reply_proposals: ReplyProposals
    queue: ReviewQueue
    review_panel: ReviewPanel
    setup_panel: Panel
    channel_sync: ChannelSyncing
    web_visits: WebVisits
    flood_control: FloodControl
    attachments: AttachedFiles
    picture_texts: PictureTexts
    thread_starters: ThreadStarters
    phrasing: Phrasing | None

    @property
    def worker(self) -> Worker[Core]:
        raise NotImplementedError

    def connecting(self, shard_id: int, *, identifies: bool) -> AbstractAsyncContextManager[None]:
        """Wait until a shard may connect; IDENTIFY or RESUME is sent within the context."""
        raise NotImplementedError

    @property
    def serves(self) -> GuildFilter:
        """Filter of the guilds whose background work this process does."""
        raise NotImplementedError

    @property
    def membership_known(self) -> GuildFilter:
        """Filter of the guilds whose shard has received its list of guilds from Discord."""
        raise NotImplementedError

    @property
    def all_memberships_known(self) -> GuildFilter:
        """Like `membership_known`, for all processes: if there are several, all guilds or none."""
        raise NotImplementedError

    async def as_leader(self, step: Callable[[], Awaitable[_T]]) -> _T | None:
        """Run a step for all guilds if this process leads; else return None."""
        raise NotImplementedError

    def track(self, member_id: int | None = None) -> None:
        """Make shutdown wait for the current task, because a member was promised an answer.

        The task's later worker jobs count as the member's jobs; None stands for the bot itself.
        """
        raise NotImplementedError

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Admit an interaction and make shutdown wait for it, or refuse it and return False."""
        raise NotImplementedError

    def explanation(self, error: BaseException) -> str:
        """One sentence about an error, for the member."""
        raise NotImplementedError

    def log_error(self, error: BaseException) -> str:
        """Log and count an error that no member waits for; return one sentence for the operator."""
        raise NotImplementedError

    async def explain(self, interaction: discord.Interaction[Any], error: BaseException) -> None:
        """Tell the member what went wrong, even if the interaction was answered already."""
        raise NotImplementedError

    async def answer(self, ask: Ask) -> Reply:
        raise NotImplementedError

    async def answerable(self) -> None:
        """Wait until articles and notes are indexed, for at most five minutes."""
        raise NotImplementedError


Interaction = discord.Interaction[Services]


class Cog(commands.Cog):
    """A feature's commands."""

    def __init__(self, bot: Services) -> None:
        self.bot = bot
