"""Settings of the `/setup` panel: their pages, choices and changes. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from knowledge.values.guilds import GuildSettings, Language, Phrasing


class Page(StrEnum):
    """A page of the panel. Each step has a main page, and may have more pages.

    `step_of` returns the main page of the step.
    """

    REVIEW = "review"
    MODERATORS = "moderators"
    RULES = "rules"
    REMINDERS = "reminders"
    PUBLIC = "public"
    ANSWERS = "answers"
    HANDOVER = "handover"
    PHRASING = "phrasing"
    SOURCES = "sources"
    TRIAL = "trial"


STEPS: Final = (Page.REVIEW, Page.MODERATORS, Page.ANSWERS, Page.SOURCES, Page.TRIAL)


_STEPS_OF: Final = {
    Page.RULES: Page.MODERATORS,
    Page.REMINDERS: Page.MODERATORS,
    Page.PUBLIC: Page.MODERATORS,
    Page.HANDOVER: Page.ANSWERS,
    Page.PHRASING: Page.ANSWERS,
}


def step_of(page: Page) -> Page:
    return _STEPS_OF.get(page, page)


class Setting(StrEnum):
    """A setting with a select menu in the panel. Roles and channels are chosen by id."""

    REVIEW_CHANNEL = "review_channel"
    MODERATOR_ROLE = "moderator_role"
    QUORUM = "quorum"
    OWN_NOTES = "own_notes"
    UNDO = "undo_minutes"
    REMINDER = "reminder_hours"
    SAMPLE = "sample_every"
    DIGEST = "digest"
    LISTEN = "listen"
    HELP = "help"
    PRIVATE = "private_answers"
    ASK_MODERATORS = "ask_moderators"
    HELPER_ROLE = "helper_role"
    HANDOVER_CHANNEL = "handover_channel"
    STALE = "handover_hours"
    FROM_REPLIES = "from_replies"
    LANGUAGE = "language"
    PHRASING = "phrasing"
    PAGE = "page"
    PAGE_INDEXED = "page_indexed"


PAGES: Final[Mapping[Setting, Page]] = {
    Setting.REVIEW_CHANNEL: Page.REVIEW,
    Setting.MODERATOR_ROLE: Page.MODERATORS,
    Setting.QUORUM: Page.RULES,
    Setting.OWN_NOTES: Page.RULES,
    Setting.UNDO: Page.RULES,
    Setting.REMINDER: Page.REMINDERS,
    Setting.SAMPLE: Page.REMINDERS,
    Setting.DIGEST: Page.REMINDERS,
    Setting.LISTEN: Page.ANSWERS,
    Setting.HELP: Page.ANSWERS,
    Setting.PRIVATE: Page.ANSWERS,
    Setting.LANGUAGE: Page.ANSWERS,
    Setting.ASK_MODERATORS: Page.HANDOVER,
    Setting.HELPER_ROLE: Page.HANDOVER,
    Setting.HANDOVER_CHANNEL: Page.HANDOVER,
    Setting.STALE: Page.HANDOVER,
    Setting.FROM_REPLIES: Page.HANDOVER,
    Setting.PHRASING: Page.PHRASING,
    Setting.PAGE: Page.PUBLIC,
    Setting.PAGE_INDEXED: Page.PUBLIC,
}


def settings_on(page: Page) -> list[Setting]:
    return [setting for setting, its_page in PAGES.items() if its_page is page]


# These may be left empty; `LISTEN` and `HELP` take several channels.
OPTIONAL: Final = frozenset(
    {Setting.LISTEN, Setting.HELP, Setting.HELPER_ROLE, Setting.HANDOVER_CHANNEL}
)

YES: Final = "yes"
NO: Final = "no"
# Stands for the operator's default.
OPERATORS: Final = "operators"

_BOTH: Final = (YES, NO)


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of a select menu, and how to read and store them.

    `current` returns the stored value. `changes` returns the settings to change for a chosen value.
    """

    values: tuple[str, ...]
    current: Callable[[GuildSettings], str]
    changes: Callable[[str], dict[str, Any]]


def _number(name: str, *values: int) -> Choices:
    return Choices(
        tuple(map(str, values)),
        lambda settings: str(getattr(settings, name)),
        lambda value: {name: int(value)},
    )


def _yes(*, yes: bool) -> str:
    return YES if yes else NO


def _switch(name: str) -> Choices:
    return Choices(
        _BOTH,
        lambda settings: _yes(yes=getattr(settings, name)),
        lambda value: {name: value == YES},
    )


CHOICES: Final[Mapping[Setting, Choices]] = {
    Setting.OWN_NOTES: Choices(
        _BOTH,
        lambda settings: _yes(yes=not settings.four_eyes),
        lambda value: {"four_eyes": value == NO},
    ),
    Setting.UNDO: _number("undo_minutes", 0, 5, 15, 30, 60, 240, 1_440),
    Setting.REMINDER: _number("reminder_hours", 0, 6, 12, 24, 48, 72, 168, 720),
    Setting.SAMPLE: _number("sample_every", 0, 1, 2, 5, 10, 20, 50, 100),
    Setting.PRIVATE: Choices(
        (OPERATORS, *_BOTH),
        lambda settings: (
            OPERATORS if settings.private_answers is None else _yes(yes=settings.private_answers)
        ),
        lambda value: {"private_answers": None if value == OPERATORS else value == YES},
    ),
    Setting.ASK_MODERATORS: _switch("hand_on"),
    Setting.FROM_REPLIES: _switch("from_replies"),
    Setting.PAGE: _switch("page"),
    Setting.PAGE_INDEXED: _switch("page_indexed"),
    Setting.STALE: _number("handover_hours", 0, 6, 12, 24, 48, 72, 168),
    Setting.LANGUAGE: Choices(
        tuple(Language),
        lambda settings: settings.language.value,
        lambda value: {"language": Language(value)},
    ),
    # Stored together with the language model's host; the operator may exclude choices.
    Setting.PHRASING: Choices(
        tuple(Phrasing),
        lambda settings: settings.phrasing.value,
        lambda value: {"phrasing": Phrasing(value)},
    ),
}

QUORUMS: Final = tuple(map(str, range(1, 11)))
# Never, or a day of the week; 0 is Monday.
DIGEST_DAYS: Final = (NO, *map(str, range(7)))


def offered(
    setting: Setting, settings: GuildSettings, quorum: int, digest_day: int | None
) -> tuple[list[str], str]:
    """Return the values of a select menu, and the current value.

    The values include the current value, even if only a command can set it.
    """
    if setting is Setting.QUORUM:
        values, current = QUORUMS, str(quorum)
    elif setting is Setting.DIGEST:
        values, current = DIGEST_DAYS, NO if digest_day is None else str(digest_day)
    else:
        choices = CHOICES[setting]
        values, current = choices.values, choices.current(settings)
    return [*values, *([] if current in values else [current])], current
