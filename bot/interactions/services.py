"""Service interface of the bot: discord.py's client as features know it, with what they share.

Buttons and forms that outlive a restart are made anew from their ids and get nothing but an
interaction, so they find what they need at its client. A feature imports neither the client that
is made of all features nor a feature above it: what stands there is named here as a protocol.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

import discord
from discord.ext import commands

from bot.answers.lookup import Ask
from bot.answers.phrased import Candidate, Mode, Phrased, Result
from bot.answers.pipeline import Reply
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.degradations import Degradations
from bot.core.worker import Worker
from knowledge.files.parsed_file import ParsedFile
from knowledge.values.channel_settings import GuildChoices, HoldingSettings
from knowledge.values.drafts import Draft
from knowledge.values.guilds import GuildFilter, GuildSettings, Language
from knowledge.values.handovers import Handover, NotHandedOn
from knowledge.values.pictures import Picture
from knowledge.values.questions import OpenQuestion, Question
from knowledge.web.fetcher import MakeFetcher

_T = TypeVar("_T")

Step: TypeAlias = Callable[[], Awaitable[None]]


class Answers(Protocol):
    """Answers questions, for every feature that has one answered."""

    async def answer_deferred(
        self,
        interaction: discord.Interaction[Any],
        question: str,
        *,
        private: bool,
        earlier: str = "",
    ) -> None:
        """Answer a question in the place of a deferred response."""

    async def post_shared(
        self,
        interaction: discord.Interaction[Any],
        ask: Ask,
        reply: Reply,
        language: Language,
    ) -> None:
        """Post a shared answer publicly."""

    async def message_to_asker(
        self,
        reply: Reply,
        channel: Any,
        *,
        language: Language,
        lead: str,
        extra: Sequence[discord.ui.Item[Any]],
    ) -> dict[str, Any]:
        """Arguments that send an answer to an earlier asker: in a channel, or None for directly."""


class AnswersForAskers(Protocol):
    """Tells earlier askers about new answers."""

    def begin(self) -> None:
        """Look in a task of its own for askers to tell."""


class Outbox(Protocol):
    """Delivers review cards and notices that are due."""

    async def catch_up(self) -> None:
        """Deliver everything that is due."""

    async def catch_up_in_time(self) -> None:
        """Deliver it too, but wait for that only as long as a member should."""

    async def move_cards(self, guild_id: int) -> None:
        """Mark cards as due that are not in the guild's review channel, and take them away."""

    async def find_lost_cards(self, guild_id: int) -> None:
        """Mark cards as due that somebody has deleted."""


class Handovers(Protocol):
    """Posts questions where helpers are, and shows there how they stand."""

    async def catch_up(self) -> None:
        """Post and edit everything that is due."""

    def refusal(
        self, guild: discord.Guild, settings: GuildSettings, question: Question
    ) -> NotHandedOn | None:
        """Why a question can be posted nowhere, if it is because of its readers."""


class Submissions(Protocol):
    """Takes drafts of notes; its buttons open the form that it takes them from."""

    async def submit(
        self,
        interaction: discord.Interaction[Any],
        draft: Draft,
        files: Sequence[discord.Attachment] = (),
        *,
        replaces: bool = False,
    ) -> None:
        """Take a draft, or give it back with what is wrong with it."""

    async def write_for(self, interaction: discord.Interaction[Any], question_id: int) -> None:
        """Open the form of a note that answers a question."""

    async def propose_answer(
        self,
        interaction: discord.Interaction[Any],
        asked: OpenQuestion,
        answered: Handover,
        origin: int,
    ) -> None:
        """Propose a helper's answer as a note; two clicks on the `origin` message are one."""

    def given_back(self, draft: Draft, sentence: str, language: Language) -> dict[str, Any]:
        """What edits a message to give back a draft."""

    async def give_back(
        self, interaction: discord.Interaction[Any], draft: Draft, sentence: str
    ) -> None:
        """Give a draft back that can't be taken."""


class ReviewQueue(Protocol):
    """Turns the pages of the review queue; their buttons are those of cards."""

    def place(self, message: discord.Message | None) -> int | None:
        """The place in the queue that a message shows; None if it is no queue."""

    async def page(
        self, interaction: discord.Interaction[Any], place: int, said: str = ""
    ) -> dict[str, Any]:
        """What `edit_original_response` takes to show a place in the queue."""


class Panel(Protocol):
    """Shows the pages of `/setup`; their buttons and lists are its controls."""

    async def show(self, interaction: discord.Interaction[Any], page: str | None = None) -> None:
        """Show a page in the place of a response; without one, the first that is not done."""

    async def next_steps(self, interaction: discord.Interaction[Any]) -> str:
        """What an administrator may do next who has seen an answer."""


class ChannelSyncing(Protocol):
    """Brings followed channels in step with what may be quoted."""

    async def load(self) -> None:
        """Know which channels are followed."""

    async def sift(self) -> None:
        """Quote nobody who is withheld now, and fetch again what may be quoted again."""


class GuildSettingsCache(Protocol):
    """Cache of guild and channel settings, a minute old at most."""

    async def choices(self, guild_id: int) -> GuildChoices: ...

    async def settings(self, guild_id: int) -> GuildSettings: ...

    def known(self, guild_id: int) -> GuildSettings:
        """The settings last read, without asking the worker."""

    def forget(self, guild_id: int) -> None: ...

    async def in_channel(self, channel: Any) -> HoldingSettings:
        """The settings that hold in a channel, thread, category or guild; else the defaults."""

    async def language(self, guild_id: int | None) -> Language:
        """The guild's language; English outside of a guild."""

    async def language_in(self, channel: Any) -> Language:
        """The language of messages that everybody reads in a channel."""

    async def language_in_time(self, channel: Any) -> Language:
        """The same within half a second, else the language last known: a form can't wait."""

    async def hands_on(self, guild_id: int | None) -> bool:
        """Whether a member may have an unanswered question put to the moderators."""

    async def answers_privately(self, channel: Any) -> bool:
        """Whether only the asker sees an answer, where the asker doesn't choose.

        True if that can't be found out in time: a private answer can still be shared.
        """

    async def answers_in(self, channel: Any) -> bool:
        """Whether mentions are answered in a channel."""


class FloodControl(Protocol):
    """Rate limits of questions, before anything is looked up."""

    def admitted(self, member_id: int, guild_id: int | None) -> AbstractContextManager[None]:
        """Take a member's question, which waits until the context ends.

        Raises:
            TooFastError: if the question is not taken.
        """

    def used_up(self, member_id: int, seconds: int) -> Exception:
        """The error of a member who has no questions left for so many seconds."""


class AttachedFiles(Protocol):
    """Reads files and pictures that members attach."""

    async def read(self, attachment: discord.Attachment, member_id: int) -> ParsedFile:
        """Fetch a file and extract its text.

        Raises:
            InvalidNoteError: with the reason for the member.
        """

    async def picture(self, attachment: discord.Attachment, member_id: int) -> Picture:
        """Fetch and check a picture.

        Raises:
            InvalidNoteError: with the reason for the member.
        """


@dataclass(frozen=True, slots=True)
class PictureText:
    """Text in some pictures; `is_whole` says that each of them could be read."""

    text: str = ""
    is_whole: bool = True


class PictureTexts(Protocol):
    """Recognizes text in pictures, where the operator switched it on."""

    async def among(self, attachments: Sequence[discord.Attachment], member_id: int) -> str:
        """The text in the first pictures among a member's attachments, or nothing."""

    async def of(self, contents: Sequence[bytes], member_id: int) -> PictureText:
        """The text in pictures that were fetched already."""


class Pacer(Protocol):
    """Rate limiter of edits in a channel."""

    async def turn(self, channel_id: int) -> None: ...


class Phrasing(Protocol):
    """Has a language model phrase answers, where the operator switched it on."""

    @property
    def pacer(self) -> Pacer: ...

    def mode_in(self, guild: GuildSettings | None) -> Mode | None:
        """What a model may do in a guild; None where its administrators have not turned it on."""

    def expects(self, ask: Ask, reply: Reply, guild: GuildSettings | None) -> Candidate | None:
        """An answer that a model will be asked about, decided without waiting; else None."""

    def edited_until(self) -> datetime:
        """The latest time at which an answer sent now is edited."""

    async def phrase(self, candidate: Candidate) -> Result | None:
        """Ask the model; None if the plain answer stays."""

    def start(self) -> None: ...

    async def stop(self) -> None:
        """Cancel what is in flight."""


class Metrics(Protocol):
    """Counters that features add to."""

    def phrased(self, found: Phrased, tokens: int) -> None:
        """Count a request to a language model, with the tokens sent and received."""


class Allowlist(Protocol):
    """Guilds that the operator allows."""

    async def answers(self, user: discord.abc.User, guild_id: int | None) -> bool:
        """Whether a user is answered: in an allowed guild, or directly as a member of one."""


class Completions(Protocol):
    """Cache of what autocomplete offers."""

    def forget(self) -> None:
        """Drop what is cached."""


class Services(commands.AutoShardedBot):
    """The bot without its features.

    `followed` are the ids of the followed channels by guild, of any kind but threads: what comes
    from a thread has the scope of the channel that it is in. Kept in memory, because every question
    asks for it; the channel sync keeps it up to date. `degradations` is told of what is left out.
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
    submissions: Submissions
    queue: ReviewQueue
    setup_panel: Panel
    channel_sync: ChannelSyncing
    flood_control: FloodControl
    attachments: AttachedFiles
    picture_texts: PictureTexts
    phrasing: Phrasing | None

    @property
    def worker(self) -> Worker[Core]:
        raise NotImplementedError

    def connecting(self, shard_id: int, *, identifies: bool) -> AbstractAsyncContextManager[None]:
        """Wait until a shard may connect; it does so inside, and sends IDENTIFY or resumes."""
        raise NotImplementedError

    @property
    def serves(self) -> GuildFilter:
        """Tells whether work due in a guild is to be done by this process."""
        raise NotImplementedError

    @property
    def knows(self) -> GuildFilter:
        """Tells whether Discord has said if the bot is in a guild, so that it is in `guilds`."""
        raise NotImplementedError

    @property
    def all_know(self) -> GuildFilter:
        """The same, but only once every process knows its guilds."""
        raise NotImplementedError

    async def as_leader(self, step: Callable[[], Awaitable[_T]]) -> _T | None:
        """Take a step of the work for all guilds; None if another process does that work."""
        raise NotImplementedError

    def take(self, member_id: int | None = None) -> None:
        """Let stopping wait for the current task: a member was told that it is being done.

        The worker's jobs of the task are from now on this member's; None stands for the bot itself.
        """
        raise NotImplementedError

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Let an interaction in, whatever its kind, and let stopping wait for it.

        False if its sender is not served; they are told so.
        """
        raise NotImplementedError

    def explanation(self, error: BaseException, language: Language = Language.ENGLISH) -> str:
        """One sentence about an error: its own, or an id that stands in the log."""
        raise NotImplementedError

    async def explain(self, interaction: discord.Interaction[Any], error: BaseException) -> None:
        """Tell the member what went wrong, whether or not the interaction was answered already."""
        raise NotImplementedError

    async def answer(self, ask: Ask) -> Reply:
        raise NotImplementedError

    async def answerable(self) -> None:
        """Wait until articles and notes are indexed, as long as that is worth waiting for."""
        raise NotImplementedError


Interaction = discord.Interaction[Services]


class Cog(commands.Cog):
    """A feature's commands."""

    def __init__(self, bot: Services) -> None:
        self.bot = bot
