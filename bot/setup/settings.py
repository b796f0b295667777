"""Settings of servers and channels, each declared once with its page, choices and words. Pure.

The field that `column` or `place` names has the type, the default and the facts of the database
(`knowledge.values.settings`). The panel of `/setup`, its custom ids and docs/features.md follow.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any, Final, TypeAlias

from bot.text.languages import Plural, Sentence, spoken_language
from knowledge.languages.vocabularies import spoken
from knowledge.values.calendar_words import weekday
from knowledge.values.guilds import Language, Phrasing
from knowledge.values.settings import MOST_QUOTATIONS, Edition, GuildSettings, Mode, SolvedPosts


class Page(StrEnum):
    """A page of the panel."""

    REVIEW = "review"
    RULES = "rules"
    ANSWERS = "answers"
    CHANNELS = "channels"
    HANDOVER = "handover"
    HELPERS = "helpers"
    REMINDERS = "reminders"
    LIMITS = "limits"
    SOURCES = "sources"
    PUBLIC = "public"
    TRIAL = "trial"


TITLES: Final[Mapping[Page, Sentence]] = {
    Page.REVIEW: Sentence("Review channel and moderators"),
    Page.RULES: Sentence("Rules for notes"),
    Page.ANSWERS: Sentence("Where to answer"),
    Page.CHANNELS: Sentence("Channels"),
    Page.HANDOVER: Sentence("Hand-over"),
    Page.HELPERS: Sentence("Helpers and posts"),
    Page.REMINDERS: Sentence("Reminders and digests"),
    Page.LIMITS: Sentence("Limits and newcomers"),
    Page.SOURCES: Sentence("Sources"),
    Page.PUBLIC: Sentence("Public page"),
    Page.TRIAL: Sentence("Try it"),
}
# The pages to go through at first.
STEPS: Final = (Page.REVIEW, Page.ANSWERS, Page.SOURCES, Page.TRIAL)


class Kind(Enum):
    """A control: one of several choices, a role, one or several channels, or a form."""

    CHOICE = auto()
    ROLE = auto()
    CHANNEL = auto()
    CHANNELS = auto()
    FORM = auto()


Say: TypeAlias = Callable[[Any], str]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A setting of a server, of channels, or of both. Custom ids have its key.

    Attributes:
        page: its page for the server; `Page.CHANNELS` if only channels have it.
        label: the words before its value, and its name in menus.
        column: the field of `GuildSettings`, or of `WeeklyDigest` with an `edition`.
        place: the field of `EffectiveSettings` if it can be set for a channel, thread or category.
        choices: the contents to choose from, by their values in custom ids.
        say: the words for a content.
        empty: the words for no role or channel.
        optional: whether a role or channel may be left out.
        explanation: shown with its control.
    """

    key: str
    page: Page
    label: Sentence
    column: str = ""
    choices: Mapping[str, Any] = field(default_factory=dict)
    say: Say = str
    place: str = ""
    kind: Kind = Kind.CHOICE
    empty: Sentence | None = None
    optional: bool = False
    edition: Edition | None = None
    explanation: Sentence | None = None

    def __str__(self) -> str:
        return self.key

    @property
    def default(self) -> Any:
        """The content that a server begins with; None for a digest, which is off."""
        if self.edition is not None or not self.column:
            return _WITHOUT_COLUMN.get(self.key)
        return getattr(GuildSettings(0), self.column)

    def value(self, content: Any) -> str:
        """The value of a content, even of one that isn't among the choices."""
        return next((key for key, each in self.choices.items() if each == content), str(content))


# Defaults of what isn't in `GuildSettings`.
_WITHOUT_COLUMN: Final[Mapping[str, Any]] = {"quorum": 1, "help": ()}

_NEVER: Final = Sentence("never")
_HOURS: Final = Plural("after an hour", "after {number:,} hours")
_YES_OR_NO: Final = {"yes": True, "no": False}


def _numbers(numbers: Iterable[int]) -> dict[str, Any]:
    return {str(number): number for number in numbers}


def _number(said: Plural, zero: Sentence = _NEVER) -> Say:
    return lambda number: said(number) if number else zero()


def _either(yes: Sentence, no: Sentence) -> Say:
    return lambda content: (yes if content else no)()


def _among(words: Mapping[Any, Sentence]) -> Say:
    return lambda content: words[content]()


def _day(day: int | None) -> str:
    if day is None:
        return _NEVER()
    return Sentence("every {weekday}")(weekday=weekday(day, spoken_language.get()))


def _digest(
    edition: Edition, key: str, explanation: Sentence, *labels: Sentence
) -> Iterable[Setting]:
    """The settings of a digest: its day, channel and time; without a day, it is off."""
    day, channel, time = labels
    page, for_all = Page.REMINDERS, edition is Edition.EVERYBODY
    days = {"no": None, **_numbers(range(7))}
    yield Setting(key, page, day, "weekday", days, _day, edition=edition, explanation=explanation)
    yield Setting(
        f"{key}_channel",
        page,
        channel,
        "channel_id",
        kind=Kind.CHANNEL,
        empty=Sentence("Choose a channel") if for_all else _REVIEW_CHANNEL,
        optional=not for_all,
        edition=edition,
    )
    yield Setting(f"{key}_time", page, time, kind=Kind.FORM, edition=edition)


_REVIEW_CHANNEL: Final = Sentence("The review channel")
PRIVATELY: Final = _either(Sentence("in private"), Sentence("in public"))
_MODES: Final = {
    Mode.MENTIONS: Sentence("mentions and replies"),
    Mode.HELP: Sentence("also questions to nobody in particular"),
    Mode.OFF: Sentence("commands only"),
}
_PHRASINGS: Final = {
    Phrasing.OFF: Sentence("No language model"),
    Phrasing.CHOOSE: Sentence("A model chooses sentences, shown word for word"),
    Phrasing.PHRASE: Sentence("A model writes sentences, checked against the quotes"),
}
_SOLVED_POSTS: Final = {
    SolvedPosts.OFF: Sentence("don't ask whether they're solved"),
    SolvedPosts.ASK: Sentence("ask their authors whether they're solved"),
    SolvedPosts.LOCK: Sentence("ask, and lock solved ones"),
    SolvedPosts.ARCHIVE: Sentence("ask, and archive solved ones"),
}

SETTINGS: Final[Mapping[str, Setting]] = {
    setting.key: setting
    for setting in (
        Setting(
            "review_channel",
            Page.REVIEW,
            Sentence("Review channel"),
            "review_channel_id",
            kind=Kind.CHANNEL,
            empty=Sentence("Choose the review channel"),
        ),
        Setting(
            "moderator_role",
            Page.REVIEW,
            Sentence("Moderators"),
            "moderator_role_id",
            kind=Kind.ROLE,
            empty=Sentence("Choose the role of the moderators"),
        ),
        Setting(
            "quorum",
            Page.RULES,
            Sentence("Approvals to publish a note"),
            choices=_numbers(range(1, 11)),
        ),
        Setting(
            "own_notes",
            Page.RULES,
            Sentence("Who decides on moderators' own notes"),
            "four_eyes",
            {"yes": False, "no": True},
            _either(Sentence("another moderator"), Sentence("any moderator, even the contributor")),
        ),
        Setting(
            "undo_minutes",
            Page.RULES,
            Sentence("Decisions can be undone"),
            "undo_minutes",
            _numbers((0, 5, 15, 30, 60, 240, 1_440)),
            _number(Plural("for a minute", "for {number:,} minutes")),
        ),
        Setting(
            "sample_every",
            Page.RULES,
            Sentence("Second look at notes published at once"),
            "sample_every",
            _numbers((0, 1, 2, 5, 10, 20, 50, 100)),
            _number(Plural("every one", "one in {number:,}")),
            explanation=Sentence(
                "A rule by tag can let members with a certain role publish notes at once."
            ),
        ),
        Setting(
            "ask_writers",
            Page.RULES,
            Sentence("If a note may be out of date"),
            "ask_writers",
            _YES_OR_NO,
            _either(Sentence("I ask its writer first"), Sentence("I ask the moderators")),
            explanation=Sentence(
                "A note may be out of date if it's past its review date and was quoted this week, "
                "if three members in a row found it unhelpful, or if a newer release of what it "
                "names is out."
            ),
        ),
        Setting(
            "hosts",
            Page.RULES,
            Sentence("Trusted link hosts"),
            "allowed_hosts",
            kind=Kind.FORM,
        ),
        # These two have several channels.
        Setting(
            "listen",
            Page.ANSWERS,
            Sentence("I answer mentions"),
            "listen_channels",
            kind=Kind.CHANNELS,
            empty=Sentence("In every channel"),
            optional=True,
            explanation=Sentence(
                "I answer mentions and replies in every channel, or only in those you choose here. "
                "`/ask` works everywhere."
            ),
        ),
        Setting(
            "help",
            Page.ANSWERS,
            Sentence("I answer new questions by myself"),
            kind=Kind.CHANNELS,
            empty=Sentence("Nowhere"),
            optional=True,
            explanation=Sentence(
                "In these forums and channels, I answer new questions by myself, once and only if "
                "I'm sure. *Channels* has more settings for each."
            ),
        ),
        Setting(
            "private_answers",
            Page.ANSWERS,
            Sentence("/ask answers"),
            "private_answers",
            {"operators": None, **_YES_OR_NO},
            PRIVATELY,
            place="private",
            explanation=Sentence("Askers can override this with `private`."),
        ),
        Setting(
            "language",
            Page.ANSWERS,
            Sentence("Language of public messages"),
            "language",
            {language.value: language for language in Language},
            lambda content: spoken(content)["name"],
            place="language",
            explanation=Sentence(
                "Private messages use the language of the member's Discord, if I speak it."
            ),
        ),
        Setting(
            "read_logs",
            Page.ANSWERS,
            Sentence("Logs attached to questions"),
            "read_logs",
            _YES_OR_NO,
            _either(
                Sentence("read, and shown to their sender first"), Sentence("not read", "logs")
            ),
            explanation=Sentence(
                "If this is on, I look for the lines that matter in `.txt`, `.log`, `.gz` and "
                "`.zip` files, and in long code blocks. I show them to the sender alone, without "
                "names, addresses and secrets. The sender can then ask with them."
            ),
        ),
        # Stored together with the language model's host; the operator may exclude choices.
        Setting(
            "phrasing",
            Page.ANSWERS,
            Sentence("Phrasing"),
            "phrasing",
            {phrasing.value: phrasing for phrasing in Phrasing},
            _among(_PHRASINGS),
        ),
        Setting(
            "mode",
            Page.CHANNELS,
            Sentence("I answer"),
            choices={mode.value: mode for mode in _MODES},
            say=_among(_MODES),
            place="mode",
        ),
        Setting(
            "wait",
            Page.CHANNELS,
            Sentence("Before I help, people have"),
            choices=_numbers(
                (0, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1_200, 1_800, 3_600)
            ),
            say=_number(
                Plural("{number:,} second to answer", "{number:,} seconds to answer"),
                Sentence("no time: I help at once"),
            ),
            place="wait_seconds",
        ),
        Setting(
            "quotations",
            Page.CHANNELS,
            Sentence("Quotations in an answer"),
            choices=_numbers(range(1, MOST_QUOTATIONS + 1)),
            say=lambda number: Sentence("at most {number}")(number=number),
            place="quotations",
        ),
        Setting(
            "answered_from",
            Page.CHANNELS,
            Sentence("Answers come from"),
            kind=Kind.FORM,
            place="answered_from",
        ),
        Setting(
            "ask_moderators",
            Page.HANDOVER,
            Sentence("Below a refusal"),
            "hand_on",
            _YES_OR_NO,
            _either(Sentence("offer “Ask the moderators”"), Sentence("offer no help")),
        ),
        Setting(
            "helper_role",
            Page.HANDOVER,
            Sentence("Helpers, besides the moderators"),
            "helper_role_id",
            kind=Kind.ROLE,
            empty=Sentence("No role: moderators only"),
            optional=True,
        ),
        Setting(
            "handover_channel",
            Page.HANDOVER,
            Sentence("Channel for these questions"),
            "handover_channel_id",
            kind=Kind.CHANNEL,
            empty=_REVIEW_CHANNEL,
            optional=True,
        ),
        Setting(
            "handover_hours",
            Page.HANDOVER,
            Sentence("Claimed questions can be taken over"),
            "handover_hours",
            _numbers((0, 6, 12, 24, 48, 72, 168)),
            _number(_HOURS),
        ),
        Setting(
            "from_replies",
            Page.HELPERS,
            Sentence("Answers by helpers and moderators"),
            "from_replies",
            _YES_OR_NO,
            _either(Sentence("propose them as notes"), Sentence("don't propose them as notes")),
            place="from_replies",
            explanation=Sentence(
                "When a helper replies to a question that I couldn't answer, the reply becomes a "
                "pending note."
            ),
        ),
        Setting(
            "similar_posts",
            Page.HELPERS,
            Sentence("Forum posts without an answer"),
            "similar_posts",
            _YES_OR_NO,
            _either(Sentence("offer similar solved posts"), Sentence("offer nothing")),
            place="similar_posts",
            explanation=Sentence(
                "In forums where I answer new questions by myself, a post that I can't answer can "
                "get the titles of up to three solved posts and notes."
            ),
        ),
        Setting(
            "note_answers",
            Page.HELPERS,
            Sentence("“Answer with a note…” in message menus"),
            "note_answers",
            _YES_OR_NO,
            _either(Sentence("for helpers and moderators"), Sentence("for nobody")),
            explanation=Sentence(
                "*Apps › Answer with a note…* on a member's message offers notes; I post the "
                "chosen one as a reply."
            ),
        ),
        Setting(
            "ping_hours",
            Page.HELPERS,
            Sentence("Helpers in unanswered posts"),
            "ping_hours",
            _numbers((0, 1, 2, 4, 8, 12, 24, 48)),
            _number(
                Plural("pinged after an hour", "pinged after {number:,} hours"),
                Sentence("not pinged", "helpers"),
            ),
            place="ping_hours",
            explanation=Sentence(
                "In forums where I answer new questions by myself, I can ping the helpers' role "
                "once in a post without an answer."
            ),
        ),
        Setting(
            "solved_posts",
            Page.HELPERS,
            Sentence("Answered forum posts"),
            "solved_posts",
            {each.value: each for each in SolvedPosts},
            _among(_SOLVED_POSTS),
            place="solved_posts",
            explanation=Sentence(
                "In forums where I answer new questions by myself, I can ask the author once, four "
                "hours after the last message. *Yes* sets the forum's solved tag."
            ),
        ),
        Setting(
            "reminder_hours",
            Page.REMINDERS,
            Sentence("Moderators are reminded"),
            "reminder_hours",
            _numbers((0, 6, 12, 24, 48, 72, 168, 720)),
            _number(_HOURS),
        ),
        Setting(
            "source_alarms",
            Page.REMINDERS,
            Sentence("Failing sources"),
            "source_alarms",
            _YES_OR_NO,
            _either(Sentence("a message to moderators"), Sentence("no message")),
        ),
        Setting(
            "golden_questions",
            Page.REMINDERS,
            Sentence("Confirmed and helpful answers"),
            "golden_questions",
            _YES_OR_NO,
            _either(Sentence("checked after changes"), Sentence("not checked after changes")),
            explanation=Sentence(
                "When sources change, I can ask the questions again that a member or moderator has "
                "confirmed an answer to. `/review` and the moderators' digest list the changed "
                "answers."
            ),
        ),
        *_digest(
            Edition.MODERATORS,
            "digest",
            Sentence("It lists the week's questions, gaps and open decisions."),
            Sentence("Weekly digest for moderators"),
            Sentence("Moderators' digest appears in"),
            Sentence("Moderators' digest appears at"),
        ),
        *_digest(
            Edition.EVERYBODY,
            "news",
            Sentence("It lists the week's new notes, with the questions that they answer."),
            Sentence("Weekly digest for everyone"),
            Sentence("Digest for everyone appears in"),
            Sentence("Digest for everyone appears at"),
        ),
        Setting(
            "server_documents",
            Page.SOURCES,
            Sentence("This server's channels, rules and events"),
            "server_documents",
            _YES_OR_NO,
            _either(
                Sentence("answer questions such as “Where do I post a bug?”"),
                Sentence("not a source"),
            ),
            explanation=Sentence(
                "I read the names and descriptions of the channels that everyone can see, and the "
                "events."
            ),
        ),
        Setting(
            "page",
            Page.PUBLIC,
            Sentence("Public page"),
            "page",
            _YES_OR_NO,
            _either(Sentence("on", "a switch"), Sentence("off", "a switch")),
        ),
        Setting(
            "page_indexed",
            Page.PUBLIC,
            Sentence("Search engines"),
            "page_indexed",
            _YES_OR_NO,
            _either(Sentence("may list the page"), Sentence("don't list the page")),
        ),
        Setting("looks", Page.PUBLIC, Sentence("Colour and welcome"), kind=Kind.FORM),
    )
}


def settings_on(page: Page) -> list[Setting]:
    return [
        setting
        for setting in SETTINGS.values()
        if (setting.place if page is Page.CHANNELS else setting.page is page)
    ]
