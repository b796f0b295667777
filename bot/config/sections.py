"""Sections of config.toml: each key with its default, its bounds and its description."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from knowledge.store.database_url import checked_database_url
from knowledge.values.limits import MOST, Newcomers, Quota

OFF: Final = "off"
LAST_PORT: Final = 65_535
# The kind of an error whose value may hold a secret.
NOT_SHOWN: Final = "not_shown"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _amount(description: str) -> Any:
    """A number of questions, notes or days that members may choose, too: none unless set."""
    return Field(default=0, ge=0, le=MOST, description=description)


def _database(value: Any) -> Any:
    """A URL without a password, or nothing; what else it is isn't shown, as it may hold one."""
    if value == "":
        return value
    try:
        return checked_database_url(str(value))
    except ValueError as error:
        raise PydanticCustomError(NOT_SHOWN, str(error)) from error


class DataSettings(_Section):
    """[data]"""  # noqa: D415 - the section's name as it is written

    folder: Path = Field(
        default=Path("data"), description="where `community.db` and the index live"
    )
    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="",
        description="a PostgreSQL database in place of `community.db` and of the index, as "
        "`postgresql://USER@HOST/DATABASE`, with the extra `postgres`; its password comes from "
        "PGPASSWORD in the environment. Nothing: the files",
    )


class ModelSettings(_Section):
    """[model]"""  # noqa: D415

    name: str = Field(
        default="sentence-transformers/all-mpnet-base-v2",
        min_length=1,
        description="a model of sentence-transformers: a folder, or the name of one that has been "
        "downloaded. What `commonplace model use` chose holds until this is changed after that",
    )
    reranker: str = Field(
        default="",
        description="a cross-encoder of sentence-transformers that reads the best passages again, "
        "named like the model; nothing for none. `commonplace eval DIR --compare FILE` shows "
        "whether it helps. What `commonplace model use --reranker` chose holds until this is "
        "changed after that",
    )
    reranker_ms: int = Field(
        default=200,
        ge=1,
        le=60_000,
        description="milliseconds that the reranker may take for a question; it reads as many "
        "passages as fit, at most 32",
    )


class AnswerSettings(_Section):
    """[answers]"""  # noqa: D415

    passages: int = Field(
        default=3, ge=1, le=5, description="how many passages an answer quotes at the most"
    )
    private: bool = Field(
        default=False,
        description="whether answers to `/ask` are shown to the asker alone unless they choose "
        "otherwise",
    )


class ArticleSettings(_Section):
    """[articles]"""  # noqa: D415

    bundled: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="whether the articles that come with Commonplace are quoted: `auto`, until "
        "there are sources or notes, then only where nothing of these is near and an article "
        "surely answers; `always`; `never`",
    )


class QuestionSettings(_Section):
    """[questions]"""  # noqa: D415

    keep_days: int = Field(
        default=180,
        ge=0,
        le=36_500,
        description="how long the words of questions are kept, and the passages found for them; "
        "counts and verdicts stay. 0: for ever",
    )
    member_burst: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="how many questions a member may ask in `member_seconds`; 0: as many as they "
        "like",
    )
    member_seconds: int = Field(
        default=15,
        ge=1,
        le=3_600,
        description="the seconds in which a member may ask `member_burst` questions",
    )
    guild_burst: int = Field(
        default=50,
        ge=0,
        le=100_000,
        description="how many questions the members of a server may ask together in "
        "`guild_seconds`; 0: as many as they like",
    )
    guild_seconds: int = Field(
        default=10,
        ge=1,
        le=3_600,
        description="the seconds in which a server may ask `guild_burst` questions",
    )


class LimitSettings(_Section):
    """[limits]"""  # noqa: D415

    questions_per_hour: int = _amount(
        "how many questions a member may ask in any hour; 0: as many as they like. What is chosen "
        "with `/limits` comes before all of these"
    )
    questions_per_day: int = _amount("how many in any day; 0: as many as they like")
    notes_per_hour: int = _amount(
        "how many notes a member may propose in any hour, other texts for them included; 0: as "
        "many as they like"
    )
    notes_per_day: int = _amount("how many in any day; 0: as many as they like")
    account_days: int = _amount(
        "members whose account is younger than so many days are new; 0: nobody is for that"
    )
    member_days: int = _amount(
        "members who joined less than so many days ago are new, too; 0: nobody is for that"
    )
    newcomer_notes: int = _amount(
        "how many notes a day somebody who is new may propose; 0: none until they are new no more"
    )

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
        description="how often a running bot looks whether imported files have changed; 0: never",
    )
    web_hours: int = Field(
        default=24,
        ge=0,
        le=8_760,
        description="how often a running bot visits sources on the web; 0: never",
    )
    web_delay_seconds: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="the least pause between two requests to a host",
    )
    web_grace_days: int = Field(
        default=14,
        ge=0,
        le=365,
        description="how long a page that is gone is still quoted",
    )
    web_megabytes: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="how many megabytes the pages take, as they are kept, of the sources that a "
        "server's administrators added; 0: any number. Sources of the operator have no end",
    )
    channels: bool = Field(
        default=False,
        description="whether administrators may have channels read with `/source add`; the bot "
        "then asks Discord for *Message Content*, which must be on in the developer portal",
    )


class HelperSettings(_Section):
    """[helper]"""  # noqa: D415

    message_content: bool = Field(
        default=False,
        description="whether the bot asks Discord for *Message Content*, without which it can't "
        "answer forum posts and questions that nobody puts to it; it must be on in the developer "
        "portal. `sources.channels` asks for it, too",
    )
    member_daily: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="how many answers a member of a server gets in a day without having asked the "
        "bot; 0: any number",
    )
    channel_daily: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="how many of these answers are given in a channel in a day; 0: any number",
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
        description="whether the text in a picture that comes with a question or a note is read; "
        "whoever sent it sees it before anything is done with it. Needs the extra `ocr`",
    )


# So that links to eight notes fit a digest.
PAGE_URL_CHARACTERS: Final = 120


class PageSettings(_Section):
    """[page]"""  # noqa: D415

    folder: str = Field(
        default="",
        description="where a running bot publishes the public pages of servers that turned theirs "
        "on, each in a folder named by the server's id; nothing: nowhere",
    )
    base_url: str = Field(
        default="",
        pattern=r"^(https://[^\s<>?#]+)?$",
        max_length=PAGE_URL_CHARACTERS,
        description="the https address of the pages, with `{server}` in the place of a server's "
        "id; citations of notes lead there. Nothing: they lead to the note's source",
    )
    after: list[str] = Field(
        default=[],
        description="a command to run after the pages have changed, as a list of words without a "
        'shell, such as `["rsync", "-aL", "--delete", "--exclude=/.*", "site/", "host:www/"]`',
    )
    after_seconds: int = Field(
        default=300, ge=1, le=3_600, description="how long that command may take"
    )

    articles: bool = Field(
        default=False, description="whether the bundled articles are published, too"
    )
    templates: str = Field(
        default="",
        description="a folder of templates of your own, in place of those with their name; "
        "nothing: none",
    )

    def url_of(self, guild_id: int) -> str:
        """The address of a server's page, with a slash at its end, or nothing."""
        if not self.base_url:
            return ""
        return self.base_url.replace("{server}", str(guild_id)).rstrip("/") + "/"


class IndexSettings(_Section):
    """[index]"""  # noqa: D415

    resident_mb: int = Field(
        default=1_024,
        ge=0,
        le=1_000_000,
        description="how many megabytes the vectors and words take in memory that are searched; "
        "what was not asked for longest is read from the disk again when it is. 0: any number",
    )

    @property
    def resident_bytes(self) -> int | None:
        return self.resident_mb * 1_000_000 or None


class GuildsSettings(_Section):
    """[guilds]"""  # noqa: D415

    allowed: Annotated[tuple[int, ...] | Literal["all"], BeforeValidator(_guild_ids)] = Field(
        default=ALL,
        description="the ids of the servers that the bot serves; it leaves others at once, and "
        "answers direct messages of their members alone. `all`: whoever may invite it",
    )
    keep_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="how long everything of a server is kept after the bot was removed from it",
    )


class LogSettings(_Section):
    """[log]"""  # noqa: D415

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged"
    )
    format: Literal["text", "json"] = Field(
        default="text", description="lines for people, or one JSON object a line"
    )


def _port(value: object) -> object:
    """A port, or "off"; what pydantic says of such a choice names only one half of it."""
    if value == OFF or (type(value) is int and 0 <= value <= LAST_PORT):
        return value
    raise PydanticCustomError("port", 'Input should be "off" or a port from 0 to 65535')


class HealthSettings(_Section):
    """[health]"""  # noqa: D415

    host: str = Field(
        default="127.0.0.1", min_length=1, description="the address that `/healthz` is served at"
    )
    port: Annotated[int | Literal["off"], BeforeValidator(_port)] = Field(
        default=OFF,
        description="the port of `/healthz` and `/metrics`; 0 takes any, and the log says which",
    )
