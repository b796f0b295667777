"""Settings of phrasing, section `[phrasing]`: the language model, its permissions and its budget.

An endpoint counts as private if its host is `localhost` or a private IP address. Other names aren't
resolved, because a name's address could change after the operator's consent.
"""

import ipaddress
from typing import Annotated, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

_MOST: Final = 1_000_000_000
_LOCAL: Final = "localhost"


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


def _url(value: str, info: ValidationInfo) -> str:
    value = value.strip().rstrip("/")
    is_on = info.data.get("mode", "off") != "off"
    if _split(value) is None and (value or is_on):
        raise PydanticCustomError(
            "url",
            "Input should be the address of an OpenAI-compatible API, http:// or https://, without "
            "a user, `?` or `#`, such as http://127.0.0.1:8080/v1",
        )
    return value


def _model(value: str, info: ValidationInfo) -> str:
    value = value.strip()
    if info.data.get("mode", "off") != "off" and not (value and value.isprintable()):
        raise PydanticCustomError(
            "model",
            "Input should be the endpoint's name of its model if `phrasing.mode` is on",
        )
    return value


def _most(default: int, description: str) -> Any:
    return Field(default=default, ge=0, le=_MOST, description=description)


class PhrasingSettings(BaseModel):
    """Section `[phrasing]` of config.toml: the language model that phrases answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["off", "choose", "phrase"] = Field(
        default="off",
        description="What a language model may do with answers, if a server's administrators "
        'turn it on. "off": nothing. "choose": name sentences of the quoted '
        'passages, shown word for word. "phrase": also write its own sentences, '
        "which are compared with the passages. The quotations always stay below. "
        "docs/phrasing.md says how to begin.",
    )
    url: Annotated[str, AfterValidator(_url)] = Field(
        default="",
        validate_default=True,
        max_length=500,
        description="Base address of an OpenAI-compatible API, such as "
        '"http://127.0.0.1:8080/v1". Its key is read from the environment '
        "variable PHRASING_KEY.",
    )
    model: Annotated[str, AfterValidator(_model)] = Field(
        default="",
        validate_default=True,
        max_length=200,
        description="The endpoint's name of the model.",
    )
    seconds: float = Field(
        default=15.0,
        ge=1,
        le=120,
        description="Deadline of the model, in seconds; after it, the answer stays as it was.",
    )
    reorder: bool = Field(
        default=False,
        description="Let the model choose which of the ten best passages are quoted.",
    )
    in_flight: int = _most(2, "Requests at once; 0: any number. Further answers aren't phrased.")
    member_hourly: int = _most(
        10, "Answers to a member that may be phrased in an hour; 0: any number."
    )
    guild_daily: int = _most(
        200, "Answers in a server that may be phrased in a day; 0: any number."
    )
    daily_tokens: int = _most(
        0, "Tokens sent and received in a day, in all servers together; 0: any number."
    )
    may_send_messages: bool = Field(
        default=False,
        description="Send quoted messages of chats and channels to any endpoint. Otherwise, "
        "answers that quote messages are phrased only at a loopback or private "
        "address (127.0.0.1, 10.0.0.5).",
    )

    @property
    def is_on(self) -> bool:
        return self.mode != "off"

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
