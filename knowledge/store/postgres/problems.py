"""Messages for PostgreSQL's errors, with what to do.

Connection errors have only a text, in the server's language. Statement errors have a code for the
cause.
"""

from typing import Final

import psycopg

from knowledge.store.database_url import shown_database_url

_NOTHING_CHANGED: Final = "Nothing was changed."
# Prefixes of the error codes in appendix A of PostgreSQL's manual.
_OF_STATEMENTS: Final = {
    "53100": f"its disk is full. {_NOTHING_CHANGED} Make room where PostgreSQL keeps its data.",
    "53200": f"its memory is full. {_NOTHING_CHANGED} Try again, or give PostgreSQL more.",
    "25006": f"it can only be read. {_NOTHING_CHANGED} Name the primary, not a standby, and "
    "look at `default_transaction_read_only`.",
    "42501": f"this user may not do that. {_NOTHING_CHANGED} Make it the database's owner.",
    "40": f"another program was changing the same. {_NOTHING_CHANGED} Try again.",
    "55P03": f"another program keeps it locked. {_NOTHING_CHANGED} Try again.",
    "57014": f"it took too long. {_NOTHING_CHANGED} Try again, and look at what keeps it busy.",
    "XX001": "it is damaged. Restore it from a backup.",
    "XX002": "one of its indexes is damaged. Run `reindexdb`, or restore it from a backup.",
}
_PASSWORD: Final = ("password", "no pg_hba.conf entry", "authentication failed")


def unreachable(url: str, error: psycopg.Error) -> str:
    """Why a connection failed, and what to do."""
    said, place = _server_words(error), shown_database_url(url)
    if any(each in said for each in _PASSWORD):
        remedy = (
            "Set PGPASSWORD in the environment, or name a password file in PGPASSFILE, and let "
            "the server's pg_hba.conf admit this user."
        )
    elif "database" in said and "does not exist" in said:
        remedy = (
            "Create it: `createdb --encoding=UTF8 --locale=C --template=template0 NAME`, owned by "
            "the address's user."
        )
    else:
        remedy = "Check the address, and that PostgreSQL runs there."
    return f"The database {place} can't be opened: {said}. {remedy}"


def failed(url: str, error: psycopg.Error) -> str:
    """Why a statement failed, and what to do."""
    place, code = shown_database_url(url), error.sqlstate or ""
    for known, told in _OF_STATEMENTS.items():
        if code.startswith(known):
            return f"The database {place} can't be used: {told}"
    return f"The database {place} can't be used: {_server_words(error)}."


def undone(url: str) -> str:
    """The message for a transaction that the server rolled back at its commit."""
    return f"The database {shown_database_url(url)} has refused a change. {_NOTHING_CHANGED}"


def lost(url: str, error: psycopg.Error, *, committing: bool) -> str:
    """The message for a lost connection."""
    outcome = (
        "The last change may or may not be stored: look before you repeat it."
        if committing
        else f"{_NOTHING_CHANGED} Try again."
    )
    place = shown_database_url(url)
    return f"The connection to the database {place} was lost: {_server_words(error)}. {outcome}"


def _server_words(error: psycopg.Error) -> str:
    """PostgreSQL's own words, on one line without a full stop."""
    # libpq asks whether the server is running; our remedy says it more plainly.
    told = [line for line in str(error).splitlines() if not line.strip().endswith("?")]
    return " ".join(" ".join(told).split()).removesuffix(".")
