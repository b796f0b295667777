"""Sections of config.toml: keys with defaults, bounds and descriptions."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from knowledge.sources.net.internal_hosts import InternalHosts
from knowledge.store.database_url import checked_database_url
from knowledge.values.quotas import MOST, Newcomers, Quota

OFF: Final = "off"
LAST_PORT: Final = 65_535
# Kind of an error with a value that may be secret.
NOT_SHOWN: Final = "not_shown"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _amount(description: str) -> Any:
    """Declare an integer setting, 0 by default, that a server can override for itself."""
    return Field(default=0, ge=0, le=MOST, description=description)


def _database(value: Any) -> Any:
    """Validate the database URL; errors don't show it, because it may contain a password."""
    if value == "":
        return value
    try:
        return checked_database_url(str(value))
    except ValueError as error:
        raise PydanticCustomError(NOT_SHOWN, str(error)) from error


class DataSettings(_Section):
    """Section `[data]` of config.toml: the data folder and the database."""

    folder: Path = Field(
        default=Path("data"),
        description="Folder with community.db and the index. `--data` and COMMONPLACE_DATA "
        "override it.",
    )
    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="",
        description="A PostgreSQL database (15 or later) instead of files, as "
        "postgresql://USER@HOST/DATABASE. It needs the extra `postgres` "
        "(.venv/bin/pip install -e '.[postgres]'). The password is read from the "
        "environment variable PGPASSWORD, or the file named by PGPASSFILE.",
    )


class ModelSettings(_Section):
    """Section `[model]` of config.toml: the embedding model and the reranker."""

    name: str = Field(
        default="english",
        min_length=1,
        description="The embedding model: one that is installed (`commonplace model list`), or a "
        "sentence-transformers model on this machine, by its folder or its hub name. A choice by "
        "`commonplace model use` holds until this changes (docs/models.md).",
    )
    reranker: str = Field(
        default="",
        description="A cross-encoder that orders the best passages again, named like the "
        'model; "" for none. `commonplace eval DIR --compare FILE` measures its '
        "effect on your questions. A choice by `commonplace model use --reranker` "
        "holds until this changes.",
    )
    reranker_ms: int = Field(
        default=200,
        ge=1,
        le=60_000,
        description="Milliseconds for the reranker per question; it reads as many passages as fit.",
    )


class AnswerSettings(_Section):
    """Section `[answers]` of config.toml: length and visibility of answers."""

    passages: int = Field(default=3, ge=1, le=5, description="Most passages quoted in an answer.")
    private: bool = Field(
        default=False,
        description="Show answers to /ask only to the asker by default.",
    )


class ArticleSettings(_Section):
    """Section `[articles]` of config.toml: use of the bundled articles."""

    bundled: Literal["auto", "always", "never"] = Field(
        default="auto",
        description='Quote the bundled articles on open-source AI. "auto": until the server '
        "has sources or notes, then only if nothing else is near and an article "
        'surely answers. "always": beside everything else. "never". A server '
        "turns them off with /source remove articles.",
    )


class QuestionSettings(_Section):
    """Section `[questions]` of config.toml: retention of questions, and flood control."""

    keep_days: int = Field(
        default=180,
        ge=0,
        le=36_500,
        description="Days for which the words of questions and their passages are kept. Counts "
        "and verdicts stay. 0: for ever.",
    )
    member_burst: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="Questions a member may ask in `member_seconds`; 0: any number. Faster "
        "members are told so once and keep nobody else waiting.",
    )
    member_seconds: int = Field(
        default=15,
        ge=1,
        le=3_600,
        description="Length of the window for `member_burst`, in seconds.",
    )
    guild_burst: int = Field(
        default=50,
        ge=0,
        le=100_000,
        description="Questions all members of a server may ask in `guild_seconds`; 0: any number.",
    )
    guild_seconds: int = Field(
        default=10,
        ge=1,
        le=3_600,
        description="Length of the window for `guild_burst`, in seconds.",
    )


class LimitSettings(_Section):
    """Section `[limits]` of config.toml: members' quotas of questions and notes."""

    questions_per_hour: int = _amount(
        "Questions a member may ask in an hour; 0: any number. Administrators "
        "override this section with /limits for each role. Moderators have no "
        "limits."
    )
    questions_per_day: int = _amount("Questions a member may ask in a day; 0: any number.")
    notes_per_hour: int = _amount(
        "Notes and revisions a member may propose in an hour; 0: any number."
    )
    notes_per_day: int = _amount(
        "Notes and revisions a member may propose in a day; 0: any number."
    )
    account_days: int = _amount(
        "Members with a Discord account younger than this many days are new; 0: nobody."
    )
    member_days: int = _amount(
        "Members who joined the server less than this many days ago are new, too; 0: nobody."
    )
    newcomer_notes: int = _amount("Notes a new member may propose in a day; 0: none.")

    @property
    def questions(self) -> Quota:
        return Quota(self.questions_per_hour, self.questions_per_day)

    @property
    def notes(self) -> Quota:
        return Quota(self.notes_per_hour, self.notes_per_day)

    @property
    def newcomers(self) -> Newcomers:
        return Newcomers(self.account_days, self.member_days, self.newcomer_notes)


def _internal_hosts(entries: tuple[str, ...]) -> tuple[str, ...]:
    try:
        InternalHosts.of(entries)
    except ValueError as error:
        raise PydanticCustomError("internal", "{problem}", {"problem": str(error)}) from error
    return entries


class SourceSettings(_Section):
    """Section `[sources]` of config.toml: files, web pages and channels to quote."""

    look_seconds: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="Seconds between checks for changed files; 0: never. Checking 10,000 files "
        "takes about a fifth of a second, and only changed files are opened.",
    )
    internal: Annotated[tuple[str, ...], AfterValidator(_internal_hosts)] = Field(
        default=(),
        description="Hosts on private networks that sources of the command line may be on, "
        'such as ["wiki.lan", "10.1.0.0/16", "127.0.0.1:8080"]; without a port, 80 and 443. '
        "Sources that administrators add never reach them.",
    )
    contact: Annotated[str, Field(pattern=r"^[!-'*-~]{0,200}$")] = Field(
        default="",
        description="Your address for the owners of visited sites and wikis, such as "
        '"ops@example.org", sent with each request.',
    )
    web_hours: int = Field(
        default=24,
        ge=0,
        le=8_760,
        description="Hours between visits to web sources; 0: only with `source sync`.",
    )
    web_delay_seconds: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="Shortest pause between two requests to a host, in seconds; its robots.txt "
        "may ask for more.",
    )
    web_grace_days: int = Field(
        default=14,
        ge=0,
        le=365,
        description="Days for which a page that is gone is still quoted.",
    )
    web_megabytes: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="Megabytes of stored pages for a server's own sources; 0: any number. "
        "Further pages aren't read, and `/source list` says so. Sources for every "
        "server have no limit.",
    )
    unquoted: tuple[Annotated[str, Field(pattern=r"^[^@]+@[^@]+$")], ...] = Field(
        default=(),
        description="People whose posts in forums and trackers aren't quoted, as name@host, "
        'such as ["alice@forum.example.org"]. Earlier texts change at the next visit.',
    )
    channels: bool = Field(
        default=False,
        description='Let administrators add channels with /source add. First turn on "Message '
        'Content Intent" on the Bot page of the developer portal.',
    )


class HelperSettings(_Section):
    """Section `[helper]` of config.toml: answers that the bot gives without being asked."""

    message_content: bool = Field(
        default=False,
        description="Let the bot answer forum posts and questions it wasn't asked, if "
        'administrators want that. First turn on "Message Content Intent" on the '
        "Bot page of the developer portal. `sources.channels` needs it, too.",
    )
    member_daily: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="Answers a member gets in a day without asking the bot; 0: any number.",
    )
    channel_daily: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="Answers given in a channel in a day without anybody asking the bot; 0: "
        "any number.",
    )


ALL: Final = "all"


def _guild_ids(value: object) -> object:
    """Validate a list of guild ids, or "all"."""
    if value == ALL:
        return value
    if isinstance(value, list) and all(type(one) is int and one > 0 for one in value):
        return tuple(value)
    raise PydanticCustomError("guilds", 'Input should be "all" or a list of server ids')


class PictureSettings(_Section):
    """Section `[pictures]` of config.toml: recognition of text in pictures."""

    read_text: bool = Field(
        default=False,
        description="Read the text in pictures sent with a question or note; the sender checks "
        "it first. It needs the extra `ocr` (.venv/bin/pip install -e '.[ocr]').",
    )


# So that links to eight notes fit a digest.
PAGE_URL_CHARACTERS: Final = 120


class PageSettings(_Section):
    """Section `[page]` of config.toml: the public web pages of servers."""

    folder: str = Field(
        default="",
        description="Where a running bot publishes the public pages that servers turned on in "
        '/setup, each in a folder named by the server\'s id; "": nowhere. '
        "docs/page.md says how to serve them.",
    )
    base_url: str = Field(
        default="",
        pattern=r"^(https://[^\s<>?#]+)?$",
        max_length=PAGE_URL_CHARACTERS,
        description="https address of the pages, with {server} for a server's id, such as "
        '"https://notes.example.org/{server}". Citations of notes then lead '
        "there.",
    )
    after: list[str] = Field(
        default=[],
        description="A command that runs after pages have changed, as a list of words, without "
        "a shell and without the bot's secrets. docs/page.md has the variables that it gets. It "
        'is tried again every minute until it succeeds. For instance: ["rsync", "-aL", "--delete", '
        '"--exclude=/.*", "site/", "host:www/"]',
    )
    after_seconds: int = Field(
        default=300, ge=1, le=3_600, description="Deadline of that command, in seconds."
    )

    articles: bool = Field(default=False, description="Publish the bundled articles, too.")
    templates: str = Field(
        default="",
        description="A folder with your own templates, which replace ours of the same name; "
        '"": none.',
    )

    def url_of(self, guild_id: int) -> str:
        """The address of a server's page with a final slash, or ""."""
        if not self.base_url:
            return ""
        return self.base_url.replace("{server}", str(guild_id)).rstrip("/") + "/"


class IndexSettings(_Section):
    """Section `[index]` of config.toml: memory for the index."""

    resident_mb: int = Field(
        default=1_024,
        ge=0,
        le=1_000_000,
        description="Megabytes of vectors and words in memory; the least recently used are "
        "read from disk again. 0: any number.",
    )

    @property
    def resident_bytes(self) -> int | None:
        return self.resident_mb * 1_000_000 or None


class GuildsSettings(_Section):
    """Section `[guilds]` of config.toml: the servers that the bot serves."""

    allowed: Annotated[tuple[int, ...] | Literal["all"], BeforeValidator(_guild_ids)] = Field(
        default=ALL,
        description="Ids of the servers that the bot serves, as [123, 456]. It leaves others "
        'at once, and answers direct messages of members only. "all": every '
        "server.",
    )
    keep_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Days for which a server's data is kept after the bot was removed. If it "
        "comes back earlier, everything is as it was.",
    )


class LogSettings(_Section):
    """Section `[log]` of config.toml: level and format of the log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description='Log level: "debug", "info", "warning" or "error". The log never '
        "has messages or tokens.",
    )
    format: Literal["text", "json"] = Field(
        default="text", description='"text" lines, or "json": one object a line.'
    )


def _port(value: object) -> object:
    """Validate a port or "off"; pydantic's own error would mention only one of them."""
    if value == OFF or (type(value) is int and 0 <= value <= LAST_PORT):
        return value
    raise PydanticCustomError("port", 'Input should be "off" or a port from 0 to 65535')


class HealthSettings(_Section):
    """Section `[health]` of config.toml: the HTTP endpoint for health and metrics."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address of /healthz and /metrics. Both answer everybody: make any address "
        "but this one reachable for your own machines only. At a loopback address, "
        "requests must name 127.0.0.1, ::1 or localhost.",
    )
    port: Annotated[int | Literal["off"], BeforeValidator(_port)] = Field(
        default=OFF,
        description='Port, or "off"; 0 takes any, and the log names it.',
    )
