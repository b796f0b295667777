"""URLs of PostgreSQL databases, as an operator writes them in the settings.

A password is never one of their parts: settings are copied, shown and backed up. It comes from the
environment (`PGPASSWORD`), or from a file of passwords (`PGPASSFILE`), as in PostgreSQL's own
programs.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES: Final = ("postgresql", "postgres")
_SECRET: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})


def is_database_url(text: str) -> bool:
    return text.partition("://")[0].lower() in SCHEMES


def checked_database_url(text: str) -> str:
    """The same text, which is a URL of a PostgreSQL database without a password.

    Raises:
        ValueError: if it isn't; the message says what to do, and holds nothing of the URL.
    """
    if not is_database_url(text):
        raise ValueError("it should be written as `postgresql://USER@HOST/DATABASE`")
    parts = urlsplit(text)
    named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.password is not None or named & _SECRET:
        raise ValueError(
            "it holds a password. Take that out, and hand it over as PGPASSWORD in the "
            "environment, or in a file that PGPASSFILE names"
        )
    return text


def shown_database_url(text: str) -> str:
    """Where a database is, as it is told to an operator: no user, no options."""
    parts = urlsplit(text)
    hosts = dict(parse_qsl(parts.query)).get("host", "")
    place = unquote(parts.netloc.rpartition("@")[2]) or hosts or "this machine"
    return f"{unquote(parts.path.lstrip('/')) or 'the default database'} on {place}"
