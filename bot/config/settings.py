"""Configuration loader: typed settings from `config.toml`, secrets from the environment.

Errors:
    Exception
    └── ConfigError    the settings can't be used; the message names the key and the remedy
"""

import contextlib
import difflib
import importlib.util
import json
import os
import tomllib
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo

from bot.config.sections import (
    NOT_SHOWN,
    AnswerSettings,
    ArticleSettings,
    DataSettings,
    GuildsSettings,
    HealthSettings,
    HelperSettings,
    IndexSettings,
    LogSettings,
    ModelSettings,
    PageSettings,
    PhrasingSettings,
    PictureSettings,
    QuestionSettings,
    SourceSettings,
)
from knowledge.dependencies import install_hint
from knowledge.files import picture_text

CONFIG_FILE: Final = Path("config.toml")
TOKEN_VARIABLE: Final = "DISCORD_TOKEN"  # noqa: S105 - the variable's name, not a token
TOKEN_FILE_VARIABLE: Final = "DISCORD_TOKEN_FILE"  # noqa: S105
DATA_VARIABLE: Final = "COMMONPLACE_DATA"
PHRASING_KEY_VARIABLE: Final = "PHRASING_KEY"
# Read by PostgreSQL's client itself.
DATABASE_PASSWORD_VARIABLE: Final = "PGPASSWORD"  # noqa: S105


class ConfigError(Exception):
    """The settings can't be used; the message names the key and the remedy."""


class Settings(BaseModel):
    """All settings; `config.toml` shows each key with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
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

    The data folder `data` overrides COMMONPLACE_DATA, which overrides the file.

    Raises:
        ConfigError: if the file is missing or isn't TOML, or has an unknown key or invalid value.
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

    Service managers pass secrets as files, which are hidden from other processes.

    Raises:
        ConfigError: if there is no token, or the file can't be read.
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
