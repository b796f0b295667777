"""Service interface of the bot: discord.py's client as features know it, with what they share.

Buttons and forms that outlive a restart are made anew from their ids and get nothing but an
interaction, so they find what they need at its client. A feature imports neither the client that
is made of all features nor a feature above it: what stands there is named here as a protocol.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import discord
from discord.ext import commands

from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.cluster.shards import Shards
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.degradations import Degradations
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.interactions.policy.flood_control import FloodControl
from knowledge.values.guilds import Language

if TYPE_CHECKING:
    from bot.interactions.kit.attachments import Attachments
    from bot.interactions.picture_texts import PictureTexts
    from bot.interactions.policy.guild_settings import GuildSettingsCache
    from bot.phrasing.dispatcher import PhrasingDispatcher


_T = TypeVar("_T")

# What is done again and again; and what sees to that, every so many seconds.
Step: TypeAlias = Callable[[], Awaitable[None]]
GoOn: TypeAlias = Callable[[float, Step], Any]


class LeadersWorker(Protocol):
    """The worker for what is done once for all guilds, by the one process that leads."""

    async def call(
        self, function: Callable[[Core], _T], *, priority: Priority = Priority.REVIEWING
    ) -> _T: ...

    async def run_slices(
        self, make: Callable[[Core], Iterator[_T]], *, priority: Priority = Priority.INDEXING
    ) -> _T | None: ...


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

    def refusal(self, guild: Any, settings: Any, question: Any) -> Any:
        """Why a question can be posted nowhere, if it is for who could read it."""


class Submissions(Protocol):
    """Takes drafts of notes; its buttons open the form that it takes them from."""

    async def submit(
        self,
        interaction: discord.Interaction[Any],
        draft: Any,
        files: Sequence[discord.Attachment] = (),
        *,
        replaces: bool = False,
    ) -> None:
        """Take a draft, or give it back with what is wrong with it."""

    def given_back(self, draft: Any, sentence: str, language: Language) -> dict[str, Any]:
        """What edits a message to give back a draft."""

    async def give_back(
        self, interaction: discord.Interaction[Any], draft: Any, sentence: str
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

    async def show(self, interaction: discord.Interaction[Any], page: Any = None) -> None:
        """Show a page in the place of a response; without one, the first that is not done."""

    async def next_steps(self, interaction: discord.Interaction[Any]) -> str:
        """What an administrator may do next who has seen an answer."""


class ChannelSyncing(Protocol):
    """Brings followed channels in step with what may be quoted."""

    async def load(self) -> None:
        """Know which channels are followed."""

    async def sift(self) -> None:
        """Quote nobody who is withheld now, and fetch again what may be quoted again."""


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
    degradations: Degradations
    guild_settings: "GuildSettingsCache"
    followed: dict[int, set[int]]
    allowed_guilds: Allowlist
    autocomplete: Completions
    outbox: Outbox
    handovers: Handovers
    submissions: Submissions
    queue: ReviewQueue
    setup_panel: Panel
    channel_sync: ChannelSyncing
    flood_control: FloodControl
    attachments: "Attachments"
    picture_texts: "PictureTexts"
    phrasing: "PhrasingDispatcher | None"

    @property
    def worker(self) -> Worker[Core]:
        raise NotImplementedError

    def connecting(self, shard_id: int, *, identifies: bool) -> AbstractAsyncContextManager[None]:
        """Wait until a shard may connect; it does so inside, and sends IDENTIFY or resumes."""
        raise NotImplementedError

    @property
    def own_shards(self) -> Shards:
        """The shards of this process: what is due for their guilds is done here, nothing else."""
        raise NotImplementedError

    @property
    def ready_shards(self) -> Shards:
        """The shards of this process, as far as they are ready."""
        raise NotImplementedError

    @property
    def settled_shards(self) -> Shards:
        """The shards of all processes that have said of their guilds whether the bot is there."""
        return self.ready_shards

    # Where several processes share the guilds, one of them leads: otherwise this one does.

    @property
    def leads(self) -> bool:
        return True

    @property
    def leaders_worker(self) -> LeadersWorker:
        return self.worker

    def while_leading(self, go_on: GoOn) -> GoOn:
        """What takes steps like `go_on`, as long as this process leads."""
        return go_on

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

    async def fetch_now(self, locations: Sequence[str]) -> bool:
        """Fetch web sources now; False while they are being fetched anyway."""
        raise NotImplementedError


Interaction = discord.Interaction[Services]


class Cog(commands.Cog):
    """A feature's commands."""

    def __init__(self, bot: Services) -> None:
        self.bot = bot
