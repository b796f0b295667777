"""Settings of the `/setup` panel, each declared once with its page, choices and words. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final

from bot.setup.phrasing_messages import OPTIONS as PHRASINGS
from bot.text.languages import NAMES, Plural, Sentence
from knowledge.values.calendar_words import weekday
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
TITLES: Final[Mapping[str, Sentence]] = {
    Page.REVIEW: Sentence("Review channel"),
    Page.MODERATORS: Sentence("Moderators"),
    Page.RULES: Sentence("Rules for notes"),
    Page.REMINDERS: Sentence("Reminders and digest"),
    Page.PUBLIC: Sentence("Public page"),
    Page.ANSWERS: Sentence("Where to answer"),
    Page.HANDOVER: Sentence("Hand-over"),
    Page.PHRASING: Sentence("Phrasing"),
    Page.SOURCES: Sentence("Sources"),
    Page.TRIAL: Sentence("Try it"),
}
_STEPS_OF: Final = {
    Page.RULES: Page.MODERATORS,
    Page.REMINDERS: Page.MODERATORS,
    Page.PUBLIC: Page.MODERATORS,
    Page.HANDOVER: Page.ANSWERS,
    Page.PHRASING: Page.ANSWERS,
}


def step_of(page: Page) -> Page:
    return _STEPS_OF.get(page, page)


YES: Final = "yes"
NO: Final = "no"
# Stands for the operator's default.
OPERATORS: Final = "operators"

_NEVER: Final = Sentence("never")
_HOURS: Final = Plural("after an hour", "after {number:,} hours")
_WEEKLY: Final = Sentence("every {weekday}")
_AS_CONFIGURED: Final = Sentence("{answers} (default)")


@dataclass(frozen=True, slots=True, eq=False)
class Menu:
    """A select menu of the panel.

    Attributes:
        page: its page.
        label: the line above it.
        values: its values; empty for roles and channels, which are chosen by id.
        say: the words for a value.
        column: the field of `GuildSettings` with the chosen value.
        read: the value for a field's content.
        write: a field's content for a value.
        empty: the words of an empty menu of roles or channels.
        optional: whether it may be left empty.
    """

    page: Page
    label: Sentence
    values: tuple[str, ...] = ()
    say: Callable[[str, Language], str] = lambda value, _: value
    column: str = ""
    read: Callable[[Any], str] = str
    write: Callable[[str], Any] = int
    empty: Sentence | None = None
    optional: bool = False


def _number(page: Page, label: Sentence, column: str, said: Plural, *values: int) -> Menu:
    """A menu of numbers; 0 is said as "never"."""

    def say(value: str, language: Language) -> str:
        return said(int(value), language) if int(value) else _NEVER(language)

    return Menu(page, label, tuple(map(str, values)), say, column)


def _switch(
    page: Page, label: Sentence, column: str, yes: Sentence, no: Sentence, *, when: bool = True
) -> Menu:
    """A menu of "yes" and "no"; `when` is the field's content for "yes"."""
    return Menu(
        page,
        label,
        (YES, NO),
        lambda value, language: (yes if value == YES else no)(language),
        column,
        lambda content: YES if content is when else NO,
        lambda value: (value == YES) is when,
    )


def _private(value: str, language: Language) -> str:
    return (_PRIVATELY if value == YES else _PUBLICLY)(language)


_PRIVATELY: Final = Sentence("in private")
_PUBLICLY: Final = Sentence("in public")
_DAYS: Final = tuple(map(str, range(7)))


def _day(value: str, language: Language) -> str:
    if value == NO:
        return _NEVER(language)
    return _WEEKLY(language, weekday=weekday(int(value), language))


class Setting(Enum):
    """A setting with a select menu in the panel. Its name, in small letters, is in custom ids."""

    REVIEW_CHANNEL = Menu(
        Page.REVIEW, TITLES[Page.REVIEW], empty=Sentence("Choose the review channel")
    )
    MODERATOR_ROLE = Menu(
        Page.MODERATORS,
        TITLES[Page.MODERATORS],
        empty=Sentence("Choose the role of the moderators"),
    )
    QUORUM = Menu(
        Page.RULES, Sentence("Approvals to publish a note"), tuple(map(str, range(1, 11)))
    )
    OWN_NOTES = _switch(
        Page.RULES,
        Sentence("Who decides on moderators' own notes"),
        "four_eyes",
        Sentence("any moderator, even the contributor"),
        Sentence("another moderator"),
        when=False,
    )
    UNDO_MINUTES = _number(
        Page.RULES,
        Sentence("Decisions can be undone"),
        "undo_minutes",
        Plural("for a minute", "for {number:,} minutes"),
        *(0, 5, 15, 30, 60, 240, 1_440),
    )
    REMINDER_HOURS = _number(
        Page.REMINDERS,
        Sentence("Moderators are reminded"),
        "reminder_hours",
        _HOURS,
        *(0, 6, 12, 24, 48, 72, 168, 720),
    )
    SAMPLE_EVERY = _number(
        Page.REMINDERS,
        Sentence("Second look at notes published at once"),
        "sample_every",
        Plural("every one", "one in {number:,}"),
        *(0, 1, 2, 5, 10, 20, 50, 100),
    )
    DIGEST = Menu(Page.REMINDERS, Sentence("Weekly digest for moderators"), (NO, *_DAYS), _day)
    # These two take several channels.
    LISTEN = Menu(
        Page.ANSWERS, TITLES[Page.ANSWERS], empty=Sentence("In every channel"), optional=True
    )
    HELP = Menu(
        Page.ANSWERS,
        TITLES[Page.ANSWERS],
        empty=Sentence("Nowhere: choose forums and channels"),
        optional=True,
    )
    PRIVATE_ANSWERS = Menu(
        Page.ANSWERS,
        Sentence("`/ask` answers"),
        (OPERATORS, YES, NO),
        _private,
        "private_answers",
        {None: OPERATORS, True: YES, False: NO}.__getitem__,
        {OPERATORS: None, YES: True, NO: False}.__getitem__,
    )
    ASK_MODERATORS = _switch(
        Page.HANDOVER,
        Sentence("Below a refusal"),
        "hand_on",
        Sentence("offer “Ask the moderators”"),
        Sentence("offer no help"),
    )
    HELPER_ROLE = Menu(
        Page.HANDOVER,
        Sentence("Helpers, besides the moderators"),
        empty=Sentence("No role: moderators only"),
        optional=True,
    )
    HANDOVER_CHANNEL = Menu(
        Page.HANDOVER,
        Sentence("Channel for these questions"),
        empty=Sentence("The review channel"),
        optional=True,
    )
    HANDOVER_HOURS = _number(
        Page.HANDOVER,
        Sentence("Claimed questions can be taken over"),
        "handover_hours",
        _HOURS,
        *(0, 6, 12, 24, 48, 72, 168),
    )
    FROM_REPLIES = _switch(
        Page.HANDOVER,
        Sentence("Answers by helpers and moderators"),
        "from_replies",
        Sentence("propose them as notes"),
        Sentence("don't propose them as notes"),
    )
    LANGUAGE = Menu(
        Page.ANSWERS,
        Sentence("Language of public messages"),
        tuple(Language),
        lambda value, _: NAMES[Language(value)],
        "language",
        write=Language,
    )
    # Stored together with the language model's host; the operator may exclude choices.
    PHRASING = Menu(
        Page.PHRASING,
        TITLES[Page.PHRASING],
        tuple(Phrasing),
        lambda value, language: PHRASINGS[Phrasing(value)](language),
        "phrasing",
        write=Phrasing,
    )
    PAGE = _switch(
        Page.PUBLIC,
        TITLES[Page.PUBLIC],
        "page",
        Sentence("on", "a switch"),
        Sentence("off", "a switch"),
    )
    PAGE_INDEXED = _switch(
        Page.PUBLIC,
        Sentence("Search engines"),
        "page_indexed",
        Sentence("may list the page"),
        Sentence("don't list the page"),
    )

    def __init__(self, menu: Menu) -> None:
        self.menu = menu

    def __str__(self) -> str:
        return self.name.lower()


def settings_on(page: Page) -> list[Setting]:
    return [setting for setting in Setting if setting.menu.page is page]


def offered(
    setting: Setting, settings: GuildSettings, quorum: int, digest_day: int | None
) -> tuple[list[str], str]:
    """Return the values of a select menu, and the current value.

    The values include the current value, even if only a command can set it.
    """
    menu = setting.menu
    if setting is Setting.QUORUM:
        current = str(quorum)
    elif setting is Setting.DIGEST:
        current = NO if digest_day is None else str(digest_day)
    else:
        current = menu.read(getattr(settings, menu.column))
    return [*menu.values, *([] if current in menu.values else [current])], current


def label(setting: Setting, language: Language) -> str:
    """Return the line above a setting's select menu."""
    return f"**{setting.menu.label(language)}**"


def option(setting: Setting, value: str, language: Language, *, private: bool = False) -> str:
    """Return the name of a choice in a setting's select menu.

    One choice is the operator's default for `/ask`: "in private (default)" if `private`, otherwise
    "in public (default)".
    """
    if value == OPERATORS:
        return _AS_CONFIGURED(language, answers=_private(YES if private else NO, language))
    return setting.menu.say(value, language)
