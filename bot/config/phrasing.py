"""Settings of phrasing: which language model is asked, what it may do, how much is spent on it.

The section `[phrasing]` of `config.toml`. Where an endpoint is, its address alone says: no name is
looked up, so that what a name leads to can't change after somebody has agreed to it.
"""

import ipaddress
from typing import Annotated, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

_MOST: Final = 1_000_000_000
_LOCAL: Final = "localhost"


def _split(url: str) -> SplitResult | None:
    """The parts of an address of the web; None if it is none that can be asked."""
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
            "Input should be the address of an interface like OpenAI's, http:// or https://, "
            "with no user, `?` or `#` in it, such as http://127.0.0.1:8080/v1",
        )
    return value


def _model(value: str, info: ValidationInfo) -> str:
    value = value.strip()
    if info.data.get("mode", "off") != "off" and not (value and value.isprintable()):
        raise PydanticCustomError(
            "model",
            "Input should be what the endpoint calls its model, where `phrasing.mode` is on",
        )
    return value


def _most(default: int, description: str) -> Any:
    return Field(default=default, ge=0, le=_MOST, description=description)


class PhrasingSettings(BaseModel):
    """[phrasing]"""  # noqa: D415 - the section's name as it is written

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["off", "choose", "phrase"] = Field(
        default="off",
        description="what a language model may do where a server's administrators turn it on: "
        "`off`, nothing; `choose`, name sentences of the quoted passages, which are shown word for "
        "word; `phrase`, also write sentences of its own, which are compared with these",
    )
    url: Annotated[str, AfterValidator(_url)] = Field(
        default="",
        validate_default=True,
        max_length=500,
        description="the base of an interface like OpenAI's, `http://127.0.0.1:8080/v1` for "
        "instance. A key for it is read from the environment variable `PHRASING_KEY` alone",
    )
    model: Annotated[str, AfterValidator(_model)] = Field(
        default="",
        validate_default=True,
        max_length=200,
        description="what the endpoint calls the model",
    )
    seconds: float = Field(
        default=15.0,
        ge=1,
        le=120,
        description="how long the model may take; after that the answer stays as it was",
    )
    reorder: bool = Field(
        default=False,
        description="whether the model may also say which of the ten best passages are quoted",
    )
    in_flight: int = _most(2, "how many requests are under way at once; 0: any number")
    member_hourly: int = _most(10, "for how many answers to a member in any hour; 0: any number")
    guild_daily: int = _most(200, "for how many answers in a server in any day; 0: any number")
    daily_tokens: int = _most(
        0, "how many tokens are sent and received in any day, in all servers; 0: any number"
    )
    may_send_messages: bool = Field(
        default=False,
        description="whether quoted messages of chats and channels may be sent to an endpoint that "
        "is not at a loopback or private address; without it such answers stay as they are",
    )

    @property
    def is_on(self) -> bool:
        return self.mode != "off"

    @property
    def host(self) -> str:
        """The endpoint's host, as members are told it."""
        parts = _split(self.url)
        return (parts.hostname or "") if parts else ""

    @property
    def is_private(self) -> bool:
        """Whether the endpoint's address says that it is on this machine or in its own network."""
        host = self.host
        if host == _LOCAL or host.endswith(f".{_LOCAL}"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or (address.is_private and not address.is_unspecified)
