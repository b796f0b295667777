"""Configuration: typed settings from `config.toml`, secrets from the environment.

Each section of the file is a class, with a default, bounds and a line of description for each key.
A `ClassVar` was a key of 1.0.0 and is a constant now, with its reason beside it.

Errors:
    Exception
    └── ConfigError    the settings can't be used; the message names the key and the remedy
"""

import contextlib
import difflib
import importlib.util
import ipaddress
import json
import os
import tomllib
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from knowledge.dependencies import install_hint
from knowledge.files import picture_text
from knowledge.sources.net.addresses import InternalHosts
from knowledge.store.database_url import check_database_url

OFF: Final = "off"
ALL: Final = "all"
LAST_PORT: Final = 65_535
# So that links to eight notes fit a digest.
PAGE_URL_CHARACTERS: Final = 120
# Kind of an error with a value that may be secret.
NOT_SHOWN: Final = "not_shown"
_LOCAL: Final = "localhost"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _key(default: Any, description: str, least: float | None = None, most: float = 0) -> Any:
    """Declare a key; `least` and `most` bound a number."""
    if least is None:
        return Field(default=default, description=description)
    return Field(default=default, description=description, ge=least, le=most)


def _database(value: Any) -> Any:
    """Validate the database URL; errors don't show it, because it may contain a password."""
    if value == "":
        return value
    try:
        return check_database_url(str(value))
    except ValueError as error:
        raise PydanticCustomError(NOT_SHOWN, str(error)) from error


class DataSettings(_Section):
    """Section `[data]`: the data folder and the database."""

    folder: Path = _key(
        Path("data"),
        "Folder with community.db and the index; `--data` and COMMONPLACE_DATA override it.",
    )
    database: Annotated[str, BeforeValidator(_database)] = _key(
        "", "A PostgreSQL database instead of files: postgresql://USER@HOST/DATABASE."
    )


class ModelSettings(_Section):
    """Section `[model]`: the embedding model and the reranker."""

    name: Annotated[str, Field(min_length=1)] = _key(
        "english", "The embedding model: one of `commonplace model list`, a folder, or a hub name."
    )
    reranker: str = _key(
        "", 'A cross-encoder that orders the best passages again, named like the model; "": none.'
    )
    reranker_ms: int = _key(
        200,
        "Milliseconds for the reranker per question; it reads as many passages as fit.",
        1,
        60_000,
    )


class AnswerSettings(_Section):
    """Section `[answers]`: length and visibility of answers."""

    passages: int = _key(3, "Most passages quoted in an answer.", 1, 5)
    private: bool = _key(False, "Show answers to /ask only to the asker by default.")


class ArticleSettings(_Section):
    """Section `[articles]`: use of the bundled articles."""

    bundled: Literal["auto", "always", "never"] = _key(
        "auto", 'Quote the bundled articles: "always", "never", or "auto" if nothing else is near.'
    )


class QuestionSettings(_Section):
    """Section `[questions]`: retention of questions, and flood control."""

    keep_days: int = _key(
        180, "Days for which the words of questions are kept; 0: for ever.", 0, 36_500
    )
    member_burst: int = _key(
        5, "Questions a member may ask in 15 seconds; 0: any number.", 0, 1_000
    )
    # Nobody types a question in less than three seconds.
    member_seconds: ClassVar[int] = 15
    # A server is as fast as ten members. One processor answers more.
    guild_seconds: ClassVar[int] = 10

    @property
    def guild_burst(self) -> int:
        """Questions all members of a server may ask in `guild_seconds`; 0: any number."""
        return 10 * self.member_burst


def _internal_hosts(entries: tuple[str, ...]) -> tuple[str, ...]:
    try:
        InternalHosts.of(entries)
    except ValueError as error:
        raise PydanticCustomError("internal", "{problem}", {"problem": str(error)}) from error
    return entries


class SourceSettings(_Section):
    """Section `[sources]`: files, web pages and channels to quote."""

    internal: Annotated[tuple[str, ...], AfterValidator(_internal_hosts)] = _key(
        (),
        'Private hosts for sources of the command line: ["wiki.lan", "10.1.0.0/16", "[::1]:80"].',
    )
    contact: Annotated[str, Field(pattern=r"^[!-'*-~]{0,200}$")] = _key(
        "", "Your address for the owners of visited sites and wikis, sent with each request."
    )
    web_hours: int = _key(
        24, "Hours between visits to web sources; 0: only with `source sync`.", 0, 8_760
    )
    unquoted: tuple[Annotated[str, Field(pattern=r"^[^@]+@[^@]+$")], ...] = _key(
        (), 'People whose posts in forums and trackers aren\'t quoted: ["alice@forum.example.org"].'
    )
    channels: bool = _key(
        False,
        'Let administrators add channels with /source add; needs the "Message Content Intent".',
    )
    # A check of 10,000 files takes about a fifth of a second; only changed files are opened.
    look_seconds: ClassVar[int] = 60
    # What crawlers are expected to keep to; a site's robots.txt may ask for more.
    web_delay_seconds: ClassVar[float] = 1.0
    # Longer than a site's rebuild or an expired certificate keeps its pages away.
    web_grace_days: ClassVar[int] = 14
    # For a server's own sources: a disk's protection from administrators. 500 MB are 50,000 pages.
    web_megabytes: ClassVar[int] = 500


class HelperSettings(_Section):
    """Section `[helper]`: answers that the bot gives without being asked."""

    message_content: bool = _key(
        False, 'Let the bot answer questions it wasn\'t asked; needs the "Message Content Intent".'
    )
    # More would make the bot a regular of the channel.
    member_daily: ClassVar[int] = 5
    channel_daily: ClassVar[int] = 50


def _split(url: str) -> SplitResult | None:
    """Split an http(s) URL; None if it is invalid, or has a user, query or fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and " " not in url
    bare = not (parts.query or parts.fragment or parts.username or parts.password)
    known = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    return parts if plain and bare and known else None


def _endpoint_url(value: str, info: ValidationInfo) -> str:
    value = value.strip().rstrip("/")
    is_on = info.data.get("mode", OFF) != OFF
    if _split(value) is None and (value or is_on):
        raise PydanticCustomError(
            "url",
            "Input should be the address of an OpenAI-compatible API, http:// or https://, without "
            "a user, `?` or `#`, such as http://127.0.0.1:8080/v1",
        )
    return value


def _endpoint_model(value: str, info: ValidationInfo) -> str:
    value = value.strip()
    if info.data.get("mode", OFF) != OFF and not (value and value.isprintable()):
        raise PydanticCustomError(
            "model", "Input should be the endpoint's name of its model if `phrasing.mode` is on"
        )
    return value


class PhrasingSettings(_Section):
    """Section `[phrasing]`: the language model that phrases answers.

    An endpoint is private if its host is `localhost` or a private IP address. Other names aren't
    resolved, because a name's address could change after the operator's consent.
    """

    mode: Literal["off", "choose", "phrase"] = _key(
        OFF,
        'What a language model may do: "off", "choose" sentences, or "phrase" (docs/phrasing.md).',
    )
    url: Annotated[
        str, Field(validate_default=True, max_length=500), AfterValidator(_endpoint_url)
    ] = _key(
        "", "Base address of an OpenAI-compatible API; its key is in the variable PHRASING_KEY."
    )
    model: Annotated[
        str, Field(validate_default=True, max_length=200), AfterValidator(_endpoint_model)
    ] = _key("", "The endpoint's name of the model.")
    seconds: float = _key(
        15.0, "Deadline of the model, in seconds; after it, the answer stays as it was.", 1, 120
    )
    reorder: bool = _key(False, "Let the model choose which of the ten best passages are quoted.")
    daily_tokens: int = _key(
        0,
        "Tokens sent and received in a day, in all servers together; 0: any number.",
        0,
        1_000_000_000,
    )
    may_send_messages: bool = _key(
        False, "Send quoted messages of chats and channels also to an endpoint that isn't private."
    )
    # A model on one machine answers no faster with more; further answers stay plain.
    in_flight: ClassVar[int] = 2
    # For fairness among members and servers; `daily_tokens` limits the cost.
    member_hourly: ClassVar[int] = 10
    guild_daily: ClassVar[int] = 200

    @property
    def is_on(self) -> bool:
        return self.mode != OFF

    @property
    def host(self) -> str:
        """The endpoint's host, as shown to members."""
        parts = _split(self.url)
        return (parts.hostname or "") if parts else ""

    @property
    def is_private(self) -> bool:
        """Whether the endpoint's address is on this machine or in a private network."""
        host = self.host
        if host == _LOCAL or host.endswith(f".{_LOCAL}"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or (address.is_private and not address.is_unspecified)


class PageSettings(_Section):
    """Section `[page]`: the public web pages of servers."""

    folder: str = _key(
        "", 'Where a running bot publishes public pages, one folder per server\'s id; "": nowhere.'
    )
    base_url: Annotated[
        str, Field(pattern=r"^(https://[^\s<>?#]+)?$", max_length=PAGE_URL_CHARACTERS)
    ] = _key(
        "",
        'https address of the pages, with {server} for an id: "https://notes.example.org/{server}".',
    )
    after: list[str] = _key(
        [],
        'Command after pages have changed: ["rsync", "-aL", "site/", "host:www/"] (docs/page.md).',
    )
    articles: bool = _key(False, "Publish the bundled articles, too.")
    templates: str = _key(
        "", 'A folder with your own templates, which replace ours of the same name; "": none.'
    )
    # Uploading a whole page over a slow line takes minutes; a hanging command shouldn't take hours.
    after_seconds: ClassVar[int] = 300

    def url_of(self, guild_id: int) -> str:
        """The address of a server's page with a final slash, or ""."""
        if not self.base_url:
            return ""
        return self.base_url.replace("{server}", str(guild_id)).rstrip("/") + "/"


class IndexSettings(_Section):
    """Section `[index]`: memory for the index."""

    resident_mb: int = _key(
        1_024,
        "Megabytes of vectors and words in memory; others are read from disk. 0: any number.",
        0,
        1_000_000,
    )

    @property
    def resident_bytes(self) -> int | None:
        return self.resident_mb * 1_000_000 or None


class PictureSettings(_Section):
    """Section `[pictures]`: recognition of text in pictures."""

    read_text: bool = _key(
        False, "Read the text in pictures sent with a question or note; needs the extra `ocr`."
    )


def _guild_ids(value: object) -> object:
    """Validate a list of guild ids, or "all"."""
    if value == ALL:
        return value
    if isinstance(value, list) and all(type(guild) is int and guild > 0 for guild in value):
        return tuple(value)
    raise PydanticCustomError("guilds", 'Input should be "all" or a list of server ids')


# Warning to the operator, also if Discord doesn't say whether the application is public.
ANYBODY: Final = (
    "Anybody can add the bot to a server of their own, unless Public Bot is off on the Bot page of "
    "your application in Discord's developer portal: turn it off there, or name your servers in "
    "`guilds.allowed` in config.toml."
)


class GuildsSettings(_Section):
    """Section `[guilds]`: the servers that the bot serves."""

    allowed: Annotated[tuple[int, ...] | Literal["all"], BeforeValidator(_guild_ids)] = _key(
        ALL, 'Ids of the servers the bot serves, as [123, 456], or "all"; it leaves others at once.'
    )
    keep_days: int = _key(
        30, "Days for which a server's data is kept after the bot was removed.", 1, 3_650
    )


class LogSettings(_Section):
    """Section `[log]`: level and format of the log."""

    level: Literal["debug", "info", "warning", "error"] = _key(
        "info", '"debug", "info", "warning" or "error". The log never has messages or tokens.'
    )
    format: Literal["text", "json"] = _key("text", '"text" lines, or "json": one object a line.')


def _port(value: object) -> object:
    """Validate a port or "off"; pydantic's own error would mention only one of them."""
    if value == OFF or (type(value) is int and 0 <= value <= LAST_PORT):
        return value
    raise PydanticCustomError("port", 'Input should be "off" or a port from 0 to 65535')


class HealthSettings(_Section):
    """Section `[health]`: the HTTP endpoint for health and metrics."""

    host: Annotated[str, Field(min_length=1)] = _key(
        "127.0.0.1", "Address of /healthz and /metrics; both answer everybody who reaches it."
    )
    port: Annotated[int | Literal["off"], BeforeValidator(_port)] = _key(
        OFF, 'Port, or "off"; 0 takes any, and the log names it.'
    )


# The file and the environment.

CONFIG_FILE: Final = Path("config.toml")
TOKEN_VARIABLE: Final = "DISCORD_TOKEN"  # noqa: S105 - the variable's name, not a token
TOKEN_FILE_VARIABLE: Final = "DISCORD_TOKEN_FILE"  # noqa: S105
DATA_VARIABLE: Final = "COMMONPLACE_DATA"
PHRASING_KEY_VARIABLE: Final = "PHRASING_KEY"
# Read by PostgreSQL's client itself.
DATABASE_PASSWORD_VARIABLE: Final = "PGPASSWORD"  # noqa: S105


class ConfigError(Exception):
    """The settings can't be used; the message names the key and the remedy."""


class Settings(_Section):
    """All settings; `config.toml` shows each key with its default."""

    _warning: str = PrivateAttr("")

    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    answers: AnswerSettings = AnswerSettings()
    articles: ArticleSettings = ArticleSettings()
    questions: QuestionSettings = QuestionSettings()
    sources: SourceSettings = SourceSettings()
    helper: HelperSettings = HelperSettings()
    phrasing: PhrasingSettings = PhrasingSettings()
    page: PageSettings = PageSettings()
    index: IndexSettings = IndexSettings()
    pictures: PictureSettings = PictureSettings()
    guilds: GuildsSettings = GuildsSettings()
    log: LogSettings = LogSettings()
    health: HealthSettings = HealthSettings()

    @property
    def warning(self) -> str:
        """A sentence about keys of an earlier release in the file, or ""."""
        return self._warning


def load(config_file: Path | None = None, data: Path | None = None) -> Settings:
    """Read the settings from a file, or from `config.toml` in the working directory.

    The data folder `data` overrides COMMONPLACE_DATA, which overrides the file. ConfigError if the
    file is missing or isn't TOML, or has an unknown key or invalid value.
    """
    path = config_file or CONFIG_FILE
    values = _read(config_file)
    former = _take_former_keys(values)
    model = _take_former_model(values)
    folder = data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is not None and isinstance(values.setdefault("data", {}), dict):
        values["data"] = {**values["data"], "folder": folder}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(path, error)) from error
    if settings.pictures.read_text and not picture_text.is_installed():
        raise ConfigError(f"{path}: `pictures.read_text` needs {install_hint('ocr')}.")
    if settings.page.folder and importlib.util.find_spec("pagefind_bin") is None:
        raise ConfigError(f"{path}: `page.folder` needs {install_hint('page')}.")
    keys = f"{path} has keys that don't count any more: {'; '.join(former)}." if former else ""
    settings._warning = " ".join(filter(None, (keys, model)))
    return settings


def _read(config_file: Path | None) -> dict[str, Any]:
    path = config_file or CONFIG_FILE
    if config_file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: save it as UTF-8 text.") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


# Limits of one server are no choice of the machine's operator.
_LIMITS: Final = (
    *("questions_per_hour", "questions_per_day", "notes_per_hour", "notes_per_day"),
    *("account_days", "member_days", "newcomer_notes"),
)


def former_keys() -> dict[str, tuple[Any, str]]:
    """Keys of 1.0.0 that are no settings now: the old default, and what took their place."""
    return {
        **{
            f"{section}.{key}": (value := getattr(values, key), f"always {value}")
            for section, values in Settings()
            for key in sorted(type(values).__class_vars__)
        },
        "questions.guild_burst": (50, "ten times `questions.member_burst`"),
        **{f"limits.{key}": (0, "*Limits and newcomers* in `/setup`") for key in _LIMITS},
    }


def _take_former_keys(values: dict[str, Any]) -> list[str]:
    """Remove former keys from a file's values; name those whose value isn't the old default."""
    named = []
    for name, (default, place) in former_keys().items():
        section, _, key = name.partition(".")
        keys_of_section = values.get(section)
        if isinstance(keys_of_section, dict) and key in keys_of_section:
            if keys_of_section.pop(key) != default:
                named.append(f"`{name}` is now {place}")
            if not keys_of_section and section not in Settings.model_fields:
                del values[section]
    return named


# The default of 1.0.0, which came with it.
FORMER_MODEL: Final = "sentence-transformers/all-mpnet-base-v2"


def _take_former_model(values: dict[str, Any]) -> str:
    """Remove the default model of 1.0.0, unless it was downloaded; return a warning."""
    section = values.get("model")
    if not isinstance(section, dict) or section.get("name") != FORMER_MODEL:
        return ""
    # Imported here, because numpy would be a fifth of the time that reading settings takes.
    from indexer.embedding.installed_models import downloaded_folder

    if downloaded_folder(FORMER_MODEL) is not None:
        return ""
    del section["name"]
    return (
        f"The model {FORMER_MODEL} doesn't come with the bot any more, so `english` is used. "
        f"`commonplace model use {FORMER_MODEL}` downloads the former one."
    )


def _sentence(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{path} has an unknown key `{key}`. {_suggestion(key)}"
    message = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == NOT_SHOWN:
        return f"{path}: `{key}` can't be used: {message}."
    return f"{path}: `{key}` is {first['input']!r}: {message}."


def _suggestion(key: str) -> str:
    """Suggest keys for an unknown key; a key without a section is searched in all sections."""
    named = [f"{section}.{name}" for section, name, _ in _fields() if name == key]
    if close := named or difflib.get_close_matches(key, keys(), n=1):
        return f"Did you mean {' or '.join(f'`{name}`' for name in close)}?"
    wanted = key.partition(".")[0]
    if inside := [name for section, name, _ in _fields() if section == wanted]:
        return f"[{wanted}] has the keys {', '.join(inside)}."
    sections = ", ".join(f"[{section}]" for section in Settings.model_fields)
    return f"The sections are {sections}; docs/settings.md has their keys."


def _fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield each setting's section, key and declaration, in the order of `config.toml`."""
    for section, values in Settings():
        for key, field in type(values).model_fields.items():
            yield section, key, field


def keys() -> list[str]:
    return [f"{section}.{key}" for section, key, _ in _fields()]


def table() -> list[tuple[str, str, str]]:
    """Every setting as (key, default, description)."""
    return [
        (
            f"{section}.{key}",
            str(field.default).lower() if isinstance(field.default, bool) else str(field.default),
            field.description or "",
        )
        for section, key, field in _fields()
    ]


_TEMPLATE_HEAD: Final = """\
# Commonplace's settings, each with its default. Delete what you don't change.
# Secrets are not settings. The bot's token is read from the environment variable DISCORD_TOKEN, or
# from the file named by DISCORD_TOKEN_FILE."""


def template() -> str:
    """Text of `config.toml`, with every setting's default below its description."""
    lines, defaults = [_TEMPLATE_HEAD], Settings().model_dump(mode="json")
    for section, settings in groupby(_fields(), key=itemgetter(0)):
        lines.append(f"\n[{section}]")
        for _, key, field in settings:
            # JSON's strings, numbers, switches and lists are TOML's, too.
            lines += [f"# {field.description}", f"{key} = {json.dumps(defaults[section][key])}"]
    return "\n".join([*lines, ""])


def token() -> str:
    """The bot's token, from DISCORD_TOKEN or the file named by DISCORD_TOKEN_FILE.

    Service managers pass secrets as files, which are hidden from other processes. ConfigError if
    there is no token, or the file can't be read.
    """
    value = os.environ.get(TOKEN_VARIABLE, "").strip() or _token_in_file()
    if not value:
        raise ConfigError(
            f"There is no token. Copy it from the Bot page of your application in Discord's "
            f"developer portal, and set the environment variable {TOKEN_VARIABLE} to it, or "
            f"{TOKEN_FILE_VARIABLE} to a file with it. To try the bot without a token, run "
            "`commonplace preview`."
        )
    return value


def phrasing_key() -> str:
    """The phrasing endpoint's key, from PHRASING_KEY; "" if the variable isn't set."""
    return os.environ.get(PHRASING_KEY_VARIABLE, "").strip()


def secrets() -> list[str]:
    """Secrets to keep out of logs; a token that can't be read is left out without an error."""
    known = [phrasing_key(), os.environ.get(DATABASE_PASSWORD_VARIABLE, "")]
    with contextlib.suppress(ConfigError):
        known.append(token())
    return [secret for secret in known if secret]


def _token_in_file() -> str:
    name = os.environ.get(TOKEN_FILE_VARIABLE, "")
    if not name:
        return ""
    try:
        text = Path(name).read_text(encoding="utf-8", errors="strict").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"{name}, named by {TOKEN_FILE_VARIABLE}, can't be read: {why}. It must hold the bot's "
            "token and be readable by the user who runs the bot."
        ) from None
    # It may be a line of an environment file.
    return text.removeprefix(f"{TOKEN_VARIABLE}=").strip()
