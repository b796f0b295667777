"""How a custom_id says what a button or a form is about: numbers that the database can hold. Pure.

Buttons and forms outlive the process that made them; their ids come back from Discord, and may be
forged on the way. What is no id by these patterns was not made by this version of the bot.
"""

import re
import secrets
from typing import Final

# Discord's limit.
ID_CHARACTERS: Final = 100

# A row's number or a Discord id, below 2**63, where SQLite's integers end. Not \d: the digits of
# other scripts are digits, too.
NUMBER: Final = r"(?:[1-8]?[0-9]{1,18})"
_NONCE_BITS: Final = 48
_NONCE: Final = r"[0-9a-f]{1,12}"


def form_id(subject: str) -> str:
    """The id of a form that is opened now: what it is about, and a number that no other has.

    discord.py finds an open form by its id alone: with the same one, what one member sends would
    go into the form that another has opened since.
    """
    return f"form:{subject}:{secrets.randbits(_NONCE_BITS):x}"


def form_subject(template: str, custom_id: str) -> "re.Match[str] | None":
    """What a form is about by its id, if it is of the kind that `template` describes."""
    return re.fullmatch(rf"form:{template}:{_NONCE}", custom_id)
