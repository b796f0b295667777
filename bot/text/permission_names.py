"""Names of permissions in Discord's client. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence

PERMISSION_NAMES: Final[Mapping[str, Sentence]] = {
    "view_channel": Sentence("View Channel"),
    "send_messages": Sentence("Send Messages"),
    "send_messages_in_threads": Sentence("Send Messages in Threads"),
    "read_message_history": Sentence("Read Message History"),
    "embed_links": Sentence("Embed Links"),
    "attach_files": Sentence("Attach Files"),
}


def permission_name(name: str) -> str:
    known = PERMISSION_NAMES.get(name)
    return known() if known else name
