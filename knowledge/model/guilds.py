"""A guild's settings, as its administrators choose them in `/setup`."""

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """A language that the bot speaks to a guild."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What a guild's administrators chose in `/setup`; None means not chosen yet.

    With `four_eyes` nobody decides on a note of their own. One in `sample_every` notes that were
    published at once is looked at afterwards. Links to `allowed_hosts` are not flagged.

    `private_answers` is whether `/ask` answers privately unless asked otherwise; None leaves that
    to the operator. Mentions are answered in `listen_channels`, or everywhere if there are none.
    `language` is that of answers, and of what members are told without having asked for it.
    With `hand_on`, who is refused an answer may have the question put to the moderators.
    """

    guild_id: int
    review_channel_id: int | None = None
    moderator_role_id: int | None = None
    four_eyes: bool = True
    undo_minutes: int = 15
    reminder_hours: int = 24
    sample_every: int = 5
    allowed_hosts: tuple[str, ...] = ()
    private_answers: bool | None = None
    listen_channels: tuple[int, ...] = ()
    language: Language = Language.ENGLISH
    hand_on: bool = False

    @property
    def complete(self) -> bool:
        return self.review_channel_id is not None and self.moderator_role_id is not None
