"""Permissions as Discord's client calls them. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Both
from knowledge.model.records import Language

PERMISSION_NAMES: Final[Mapping[str, Both]] = {
    "view_channel": Both("View Channel", "Kanal anzeigen"),
    "send_messages": Both("Send Messages", "Nachrichten senden"),
    "send_messages_in_threads": Both("Send Messages in Threads", "Nachrichten in Threads senden"),
    "read_message_history": Both("Read Message History", "Nachrichtenverlauf anzeigen"),
    "embed_links": Both("Embed Links", "Links einbetten"),
    "attach_files": Both("Attach Files", "Dateien anhängen"),
}


def permission_name(name: str, language: Language) -> str:
    """A permission as Discord's client calls it."""
    known = PERMISSION_NAMES.get(name)
    return known(language) if known else name
