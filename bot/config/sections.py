"""Sections of config.toml: keys with defaults, bounds and descriptions."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from knowledge.store.database_url import checked_database_url
from knowledge.values.limits import MOST, Newcomers, Quota

OFF: Final = "off"
LAST_PORT: Final = 65_535
# Kind of an error with a value that may be secret.
NOT_SHOWN: Final = "not_shown"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _amount(description: str) -> Any:
    """A limit that a server can override; 0 by default."""
    return Field(default=0, ge=0, le=MOST, description=description)


def _database(value: Any) -> Any:
    """A URL without a password, or ""; errors don't show it, because it may hold one."""
    if value == "":
        return value
    try:
        return checked_database_url(str(value))
    except ValueError as error:
        raise PydanticCustomError(NOT_SHOWN, str(error)) from error


class DataSettings(_Section):
    """[data]"""  # noqa: D415 - the section's name as it is written

    folder: Path = Field(
        default=Path("data"), description="folder with `community.db` and the index"
    )
    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="",
        description="a PostgreSQL database instead of files, as "
        "`postgresql://USER@HOST/DATABASE`; needs the extra `postgres`. The password comes from "
        "PGPASSWORD in the environment",
    )


class ModelSettings(_Section):
    """[model]"""  # noqa: D415

    name: str = Field(
        default="sentence-transformers/all-mpnet-base-v2",
        min_length=1,
        description="a sentence-transformers model: a folder, or the name of a downloaded one. A "
        "choice by `commonplace model use` holds until this changes",
    )
    reranker: str = Field(
        default="",
        description="a cross-encoder of sentence-transformers that orders the best passages "
        "again, named like the model. `commonplace eval DIR --compare FILE` measures its effect. "
        "A choice by `commonplace model use --reranker` holds until this changes",
    )
    reranker_ms: int = Field(
        default=200,
        ge=1,
        le=60_000,
        description="milliseconds for the reranker per question; it reads as many passages as "
        "fit, at most 32",
    )


class AnswerSettings(_Section):
    """[answers]"""  # noqa: D415

    passages: int = Field(default=3, ge=1, le=5, description="most passages quoted in an answer")
    private: bool = Field(
        default=False,
        description="show answers to `/ask` only to the asker by default",
    )


class ArticleSettings(_Section):
    """[articles]"""  # noqa: D415

    bundled: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="quote the bundled articles: `auto`, until the server has sources or notes, "
        "then only if nothing else is near and an article surely answers; `always`; `never`",
    )


class QuestionSettings(_Section):
    """[questions]"""  # noqa: D415

    keep_days: int = Field(
        default=180,
        ge=0,
        le=36_500,
        description="days for which the words of questions and their passages are kept; counts "
        "and verdicts stay. 0: for ever",
    )
    member_burst: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="questions a member may ask in `member_seconds`; 0: any number",
    )
    member_seconds: int = Field(
        default=15,
        ge=1,
        le=3_600,
        description="length of the window for `member_burst`",
    )
    guild_burst: int = Field(
        default=50,
        ge=0,
        le=100_000,
        description="questions all members of a server may ask in `guild_seconds`; 0: any number",
    )
    guild_seconds: int = Field(
        default=10,
        ge=1,
        le=3_600,
        description="length of the window for `guild_burst`",
    )


class LimitSettings(_Section):
    """[limits]"""  # noqa: D415

    questions_per_hour: int = _amount(
        "questions a member may ask in an hour; 0: any number. `/limits` overrides this section"
    )
    questions_per_day: int = _amount("questions a member may ask in a day; 0: any number")
    notes_per_hour: int = _amount(
        "notes and revisions a member may propose in an hour; 0: any number"
    )
    notes_per_day: int = _amount("notes and revisions a member may propose in a day; 0: any number")
    account_days: int = _amount(
        "members with a Discord account younger than this many days are new; 0: nobody"
    )
    member_days: int = _amount(
        "members who joined the server less than this many days ago are new, too; 0: nobody"
    )
    newcomer_notes: int = _amount("notes a new member may propose in a day; 0: none")

    @property
    def questions(self) -> Quota:
        return Quota(self.questions_per_hour, self.questions_per_day)

    @property
    def notes(self) -> Quota:
        return Quota(self.notes_per_hour, self.notes_per_day)

    @property
    def newcomers(self) -> Newcomers:
        return Newcomers(self.account_days, self.member_days, self.newcomer_notes)


class SourceSettings(_Section):
    """[sources]"""  # noqa: D415

    look_seconds: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="interval between checks for changed files; 0: never",
    )
    web_hours: int = Field(
        default=24,
        ge=0,
        le=8_760,
        description="interval between visits to web sources; 0: never",
    )
    web_delay_seconds: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="shortest pause between two requests to a host",
    )
    web_grace_days: int = Field(
        default=14,
        ge=0,
        le=365,
        description="days for which a page that is gone is still quoted",
    )
    web_megabytes: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="megabytes of stored pages for the sources that a server's administrators "
        "added; 0: any number. The operator's sources have no limit",
    )
    channels: bool = Field(
        default=False,
        description="let administrators add channels with `/source add`. Needs *Message Content "
        "Intent*, turned on in the developer portal",
    )


class HelperSettings(_Section):
    """[helper]"""  # noqa: D415

    message_content: bool = Field(
        default=False,
        description="ask Discord for *Message Content Intent*, which the bot needs to answer "
        "forum posts and questions it wasn't asked; turn it on in the developer portal. "
        "`sources.channels` asks for it, too",
    )
    member_daily: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="answers a member gets in a day without asking the bot; 0: any number",
    )
    channel_daily: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="answers given in a channel in a day without anybody asking the bot; 0: any "
        "number",
    )


ALL: Final = "all"


def _guild_ids(value: object) -> object:
    """Ids of guilds, or "all"; ids are numbers in TOML."""
    if value == ALL:
        return value
    if isinstance(value, list) and all(type(one) is int and one > 0 for one in value):
        return tuple(value)
    raise PydanticCustomError("guilds", 'Input should be "all" or a list of server ids')


class PictureSettings(_Section):
    """[pictures]"""  # noqa: D415

    read_text: bool = Field(
        default=False,
        description="read the text in pictures sent with a question or note; the sender checks it "
        "first. Needs the extra `ocr`",
    )


# So that links to eight notes fit a digest.
PAGE_URL_CHARACTERS: Final = 120


class PageSettings(_Section):
    """[page]"""  # noqa: D415

    folder: str = Field(
        default="",
        description="where a running bot publishes the public pages of servers, each in a folder "
        "named by the server's id",
    )
    base_url: str = Field(
        default="",
        pattern=r"^(https://[^\s<>?#]+)?$",
        max_length=PAGE_URL_CHARACTERS,
        description="https address of the pages, with `{server}` for a server's id; citations of "
        "notes lead there. Without it they lead to the note's source",
    )
    after: list[str] = Field(
        default=[],
        description="a command that runs after the pages have changed, as a list of words without "
        "a "
        'shell, such as `["rsync", "-aL", "--delete", "--exclude=/.*", "site/", "host:www/"]`',
    )
    after_seconds: int = Field(default=300, ge=1, le=3_600, description="deadline of that command")

    articles: bool = Field(default=False, description="publish the bundled articles, too")
    templates: str = Field(
        default="",
        description="a folder with your own templates, which replace ours of the same name",
    )

    def url_of(self, guild_id: int) -> str:
        """The address of a server's page with a final slash, or ""."""
        if not self.base_url:
            return ""
        return self.base_url.replace("{server}", str(guild_id)).rstrip("/") + "/"


class IndexSettings(_Section):
    """[index]"""  # noqa: D415

    resident_mb: int = Field(
        default=1_024,
        ge=0,
        le=1_000_000,
        description="megabytes of vectors and words in memory; the least recently used are read "
        "from disk again. 0: any number",
    )

    @property
    def resident_bytes(self) -> int | None:
        return self.resident_mb * 1_000_000 or None


class GuildsSettings(_Section):
    """[guilds]"""  # noqa: D415

    allowed: Annotated[tuple[int, ...] | Literal["all"], BeforeValidator(_guild_ids)] = Field(
        default=ALL,
        description="ids of the servers that the bot serves. It leaves others at once, and "
        "answers direct messages of members only. `all`: every server",
    )
    keep_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="days for which a server's data is kept after the bot was removed",
    )


class LogSettings(_Section):
    """[log]"""  # noqa: D415

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="log level"
    )
    format: Literal["text", "json"] = Field(
        default="text", description="text lines, or one JSON object a line"
    )


def _port(value: object) -> object:
    """A port, or "off"; pydantic's own error would name only one of them."""
    if value == OFF or (type(value) is int and 0 <= value <= LAST_PORT):
        return value
    raise PydanticCustomError("port", 'Input should be "off" or a port from 0 to 65535')


class HealthSettings(_Section):
    """[health]"""  # noqa: D415

    host: str = Field(
        default="127.0.0.1", min_length=1, description="address of `/healthz` and `/metrics`"
    )
    port: Annotated[int | Literal["off"], BeforeValidator(_port)] = Field(
        default=OFF,
        description="port of `/healthz` and `/metrics`; 0 takes any, and the log names it",
    )
