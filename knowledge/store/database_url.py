"""URLs of PostgreSQL databases in the settings.

A URL never holds a password: settings are copied, shown and backed up. The password comes from the
environment (`PGPASSWORD`) or a password file (`PGPASSFILE`), as in PostgreSQL's own programs.
"""

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES: Final = ("postgresql", "postgres")
# libpq's options for secrets, and likely misspellings of them.
_SECRET: Final = re.compile(r"(?!passfile\Z).*(?:pass|pwd|secret).*", re.DOTALL)
# Delimiters of a URL, including other drivers' delimiters.
_PARTING: Final = r"\s;#?&=:@/\\"
_NAME: Final = rf"[^{_PARTING}]*"
_HOST: Final = rf"(?:\[[\da-f:.]+\]|[^{_PARTING},\[\]]*)(?::\d*)?"
_OPTION: Final = r"\w+=[^\s;#?&\\]*"
_SHAPE: Final = re.compile(
    rf"\w+://(?:{_NAME}@)?{_HOST}(?:,{_HOST})*(?:/{_NAME})?(?:\?(?:{_OPTION}(?:&{_OPTION})*)?)?",
    re.ASCII | re.IGNORECASE,
)
# Names may contain percent-encoded blanks, but no other delimiter.
_DECODED_NAME: Final = re.compile(r"[^;#?&=:@/\\]*")
_WITHIN: Final = (
    "it holds a password. Remove it, and set PGPASSWORD in the environment, or name a password "
    "file in PGPASSFILE"
)
_SHAPELESS: Final = (
    "it has a character out of place, such as `;` or `#`. Write it as "
    "`postgresql://USER@HOST/DATABASE?OPTION=VALUE`, without a password: set PGPASSWORD in the "
    "environment, or name a password file in PGPASSFILE"
)


def is_database_url(text: str) -> bool:
    return text.partition("://")[0].lower() in SCHEMES


def check_database_url(text: str) -> str:
    """Check the URL of a PostgreSQL database, and return it unchanged.

    Raises:
        ValueError: if the URL has a password or can't be used. The message says what to do, and
            repeats no part of the URL.
    """
    if not is_database_url(text):
        raise ValueError("it should be written as `postgresql://USER@HOST/DATABASE`")
    try:
        parts = urlsplit(text)
    except ValueError:
        # The original message may repeat a part of the URL.
        raise ValueError(_SHAPELESS) from None
    options = parse_qsl(parts.query, keep_blank_values=True)
    if parts.password is not None or any(_SECRET.fullmatch(name.lower()) for name, _ in options):
        raise ValueError(_WITHIN)
    names = [parts.username or "", parts.path.removeprefix("/")]
    decoded = [unquote(name) for name in names]
    decoded += [value for name, value in options if name.lower() in {"user", "dbname"}]
    hosts = [value for name, value in options if name.lower() == "host"]
    if (
        not (text.isascii() and _SHAPE.fullmatch(text))
        or not all(map(_DECODED_NAME.fullmatch, decoded))
        or any("@" in host[1:] or "=" in host for host in hosts)
    ):
        raise ValueError(_SHAPELESS)
    return text


def database_label(text: str) -> str:
    """The database's name and host for an operator, without user and options."""
    parts = urlsplit(text)
    hosts = dict(parse_qsl(parts.query)).get("host", "")
    place = unquote(parts.netloc.rpartition("@")[2]) or hosts or "this machine"
    return f"{unquote(parts.path.lstrip('/')) or 'the default database'} on {place}"
