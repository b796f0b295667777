"""Messages of the `/setup` panel: settings, explanations and warnings. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from babel.dates import get_day_names

from bot.setup.panel_choices import NO, OPERATORS, YES, Page, Setting, offered, settings_on
from bot.setup.phrasing_messages import OPTIONS as PHRASINGS
from bot.text.languages import NAMES, Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.values.guilds import GuildSettings, Language, Phrasing

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
ACTIONS: Final[Mapping[str, Sentence]] = {
    "open": Sentence("Set up"),
    "hosts": Sentence("Trusted link hosts"),
    "looks": Sentence("Colour and welcome"),
    "ask": Sentence("Ask a question"),
    "documents": Sentence("Add documents"),
    "end": Sentence("Don't quote the bundled articles"),
    "quote": Sentence("Quote the bundled articles"),
}
INVITE: Final = Sentence("Give me the permissions")
_STEP: Final = Sentence("-# Set up · step {number} of {count}")
CHOOSE: Final[Mapping[Setting, Sentence]] = {
    Setting.REVIEW_CHANNEL: Sentence("Choose the review channel"),
    Setting.MODERATOR_ROLE: Sentence("Choose the role of the moderators"),
    Setting.LISTEN: Sentence("In every channel"),
    Setting.HELP: Sentence("Nowhere: choose forums and channels"),
    Setting.HELPER_ROLE: Sentence("No role: moderators only"),
    Setting.HANDOVER_CHANNEL: Sentence("The review channel"),
}


def heading(page: Page, number: int, count: int, language: Language) -> str:
    step = _STEP(language, number=number, count=count)
    return f"{step}\n### {TITLES[page](language)}"


_REVIEW: Final = Sentence(
    "Each proposed note appears in this channel as a card with buttons. By default, nothing is "
    "published until a moderator approves it."
)
_CHOSEN_CHANNEL: Final = Sentence("Notes are reviewed in {channel}.")
_NO_CHANNEL: Final = Sentence("Choose a review channel so that members can propose notes.")
_GONE_CHANNEL: Final = Sentence("⚠ The review channel is gone: choose another one.")
_NOTHING_LACKING: Final = Sentence("✓ I have all permissions there.")
_LACKING: Final = Sentence(
    "⚠ I need {names} in {channel}. Allow this for my role in *Edit Channel › Permissions*."
)
_PUBLIC: Final = Sentence(
    "⚠ Everybody can read {channel}, including notes that nobody has approved. In *Edit "
    "Channel › Permissions*, deny *View Channel* to @everyone, and grant it to the "
    "moderators and me."
)


def lacking(channel_id: int, names: Sequence[str], language: Language) -> str:
    """Name missing permissions in a channel, and where to grant them."""
    named = ", ".join(f"**{permission_name(name, language)}**" for name in names)
    return _LACKING(language, channel=f"<#{channel_id}>", names=named)


def review(
    channel_id: int | None,
    missing: Sequence[str] | None,
    *,
    public: bool,
    language: Language,
) -> str:
    """Describe the review channel; `missing` is None if the channel is gone."""
    lines = [_REVIEW(language)]
    if channel_id is None:
        lines.append(_NO_CHANNEL(language))
    elif missing is None:
        lines.append(_GONE_CHANNEL(language))
    else:
        lines.append(f"**{_CHOSEN_CHANNEL(language, channel=f'<#{channel_id}>')}**")
        if public:
            lines.append(_PUBLIC(language, channel=f"<#{channel_id}>"))
        lacks = lacking(channel_id, missing, language) if missing else _NOTHING_LACKING(language)
        lines.append(lacks)
    return "\n".join(lines)


_MODERATORS: Final = Sentence(
    "Moderators decide on notes and see unanswered questions. So do administrators."
)
_CHOSEN_ROLE: Final = Sentence("Moderators have the role {role}.")
_NO_ROLE: Final = Sentence("Choose the moderators' role so that members can propose notes.")
_GONE_ROLE: Final = Sentence("⚠ The moderators' role is gone: choose another one.")
EVERYBODY: Final = Sentence(
    "⚠ Every member has {role}, so anyone could publish notes. Choose a role that only "
    "moderators have."
)
MOST: Final = Sentence(
    "⚠ {number:,} of {members:,} members have {role} and can publish notes. Is it the right role?"
)
BLIND: Final = Sentence(
    "⚠ {role} can't see the cards in {channel}: grant it *View Channel* in *Edit Channel › "
    "Permissions*."
)
NOT_SHOWN: Final = Sentence(
    "-# Discord hides `/review` and `/gaps` from {role}, because it doesn't have *Manage "
    "Messages*. Add the role in *Server Settings › Integrations*. The buttons on cards work anyway."
)


def moderators(role_id: int | None, warnings: Sequence[str] | None, language: Language) -> str:
    """Describe the moderators' role; `warnings` is None if the role is gone."""
    lines = [_MODERATORS(language)]
    if role_id is None:
        lines.append(_NO_ROLE(language))
    elif warnings is None:
        lines.append(_GONE_ROLE(language))
    else:
        lines += [f"**{_CHOSEN_ROLE(language, role=f'<@&{role_id}>')}**", *warnings]
    return "\n".join(lines)


LABELS: Final[Mapping[Setting, Sentence]] = {
    Setting.QUORUM: Sentence("Approvals to publish a note"),
    Setting.OWN_NOTES: Sentence("Who decides on moderators' own notes"),
    Setting.UNDO: Sentence("Decisions can be undone"),
    Setting.REMINDER: Sentence("Moderators are reminded"),
    Setting.SAMPLE: Sentence("Second look at notes published at once"),
    Setting.DIGEST: Sentence("Weekly digest for moderators"),
    Setting.PRIVATE: Sentence("`/ask` answers"),
    Setting.LANGUAGE: Sentence("Language of public messages"),
    Setting.ASK_MODERATORS: Sentence("Below a refusal"),
    Setting.HELPER_ROLE: Sentence("Helpers, besides the moderators"),
    Setting.HANDOVER_CHANNEL: Sentence("Channel for these questions"),
    Setting.STALE: Sentence("Claimed questions can be taken over"),
    Setting.FROM_REPLIES: Sentence("Answers by helpers and moderators"),
    Setting.PHRASING: TITLES[Page.PHRASING],
    Setting.PAGE: TITLES[Page.PUBLIC],
    Setting.PAGE_INDEXED: Sentence("Search engines"),
}
_NEVER: Final = Sentence("never")
_MINUTES: Final = Plural("for a minute", "for {number:,} minutes")
_HOURS: Final = Plural("after an hour", "after {number:,} hours")
_SAMPLE: Final = Plural("every one", "one in {number:,}")
_WEEKLY: Final = Sentence("every {weekday}")
_COUNTED: Final = {
    Setting.UNDO: _MINUTES,
    Setting.REMINDER: _HOURS,
    Setting.SAMPLE: _SAMPLE,
    Setting.STALE: _HOURS,
}
_PRIVATE: Final[Mapping[str, Sentence]] = {
    YES: Sentence("in private"),
    NO: Sentence("in public"),
}
_AS_CONFIGURED: Final = Sentence("{answers} (default)")
_NAMED: Final[Mapping[Setting, Mapping[str, Sentence]]] = {
    Setting.OWN_NOTES: {
        NO: Sentence("another moderator"),
        YES: Sentence("any moderator, even the contributor"),
    },
    Setting.PRIVATE: _PRIVATE,
    Setting.ASK_MODERATORS: {
        YES: Sentence("offer “Ask the moderators”"),
        NO: Sentence("offer no help"),
    },
    Setting.FROM_REPLIES: {
        YES: Sentence("propose them as notes"),
        NO: Sentence("don't propose them as notes"),
    },
    Setting.PAGE: {YES: Sentence("on", "a switch"), NO: Sentence("off", "a switch")},
    Setting.PAGE_INDEXED: {
        YES: Sentence("may list the page"),
        NO: Sentence("don't list the page"),
    },
}
_NO_HOSTS: Final = Sentence("Cards warn about every link in a note.")
_HOSTS: Final = Sentence("Cards don't warn about links to {hosts}.")
BY_TAG: Final = Sentence(
    "-# `/review rule` sets stricter rules by tag, and lets roles publish at once."
)


def label(setting: Setting, language: Language) -> str:
    """Return the line above a setting's select menu."""
    return f"**{LABELS[setting](language)}**"


def option(setting: Setting, value: str, language: Language, *, private: bool = False) -> str:
    """Return the name of a choice in a setting's select menu.

    One choice is the operator's default for `/ask`: "in private (default)" if `private`, otherwise
    "in public (default)".
    """
    if setting is Setting.QUORUM:
        return value
    if setting in _COUNTED:
        number = int(value)
        return _COUNTED[setting](number, language) if number else _NEVER(language)
    if setting is Setting.DIGEST:
        if value == NO:
            return _NEVER(language)
        days = get_day_names("wide", locale=language.value)
        return _WEEKLY(language, weekday=days[int(value)])
    if setting is Setting.LANGUAGE:
        return NAMES[Language(value)]
    if setting is Setting.PHRASING:
        return PHRASINGS[Phrasing(value)](language)
    if setting is Setting.PRIVATE and value == OPERATORS:
        return _AS_CONFIGURED(language, answers=_PRIVATE[YES if private else NO](language))
    return _NAMED[setting][value](language)


def rules(settings: GuildSettings, quorum: int, digest_day: int | None, language: Language) -> str:
    """List the rules for notes."""
    listed = [*settings_on(Page.RULES), *settings_on(Page.REMINDERS)]
    held = [(one, offered(one, settings, quorum, digest_day)[1]) for one in listed]
    return "\n".join(
        f"- {LABELS[setting](language)}: **{option(setting, value, language)}**"
        for setting, value in held
    )


def linked(hosts: Sequence[str], language: Language) -> str:
    if not hosts:
        return _NO_HOSTS(language)
    return _HOSTS(language, hosts=plain(shortened(" ".join(hosts), 300)))


_PUBLIC_PAGE: Final = Sentence(
    "Anyone on the web can read approved notes there, and the note form says so. Contributors and "
    "moderators can keep a note off the page. Contributors are only named if they choose a name in "
    "`/privacy`."
)
_UNRELEASED: Final = Plural(
    "{number:,} older note isn't on the page, because its form didn't mention the page. `/page "
    "review` lists it.",
    "{number:,} older notes aren't on the page, because their form didn't mention the page. `/page "
    "review` lists them.",
)
_AT: Final = Sentence("The page is at {link}.")
_NO_FOLDER: Final = Sentence(
    "⚠ Nothing is published yet: the bot's operator must set `page.folder` in config.toml, "
    "or run `commonplace publish`."
)
_LOOKS: Final = Sentence("**Accent colour**: {colour}. **Welcome**: {welcome}")
_USUAL: Final = Sentence("default")
_NO_WELCOME: Final = Sentence("none")


def public_page(
    settings: GuildSettings, unreleased: int, link: str, language: Language, *, published: bool
) -> str:
    """Describe the public page. `unreleased` counts live notes not yet released for the page."""
    lines = [_PUBLIC_PAGE(language)]
    if settings.page and not published:
        lines.append(_NO_FOLDER(language))
    if settings.page and link:
        lines.append(_AT(language, link=f"<{link}>"))
    if unreleased:
        lines.append(_UNRELEASED(unreleased, language))
    welcome = plain(shortened(settings.page_welcome, 300)) or _NO_WELCOME(language)
    colour = settings.page_accent or _USUAL(language)
    lines.append(_LOOKS(language, colour=colour, welcome=welcome))
    return "\n".join(lines)


COLOUR_FIELD: Final = Sentence("Accent colour")
COLOUR_HELP: Final = Sentence("For example #4752c4. Leave empty for the default.")
WELCOME_FIELD: Final = Sentence("Welcome text")
WELCOME_HELP: Final = Sentence("Shown on the first page. Markdown works.")
NO_COLOUR: Final = Sentence(
    "That isn't a colour. Write `#` and six digits from 0 to f, for example `#4752c4`."
)

HOSTS_FIELD: Final = Sentence("Hosts, separated by spaces")
HOSTS_HELP: Final = Sentence("For example: example.org wiki.example.net")

_MENTIONS: Final = Sentence(
    "**Mentions**: I answer mentions and replies in every channel, or only in those you "
    "choose here. `/ask` works everywhere."
)
HANDOVER: Final = Sentence(
    "When I don't know an answer, the asker can press *Ask the moderators*. The question goes to "
    "helpers and moderators, without the asker's name, and I bring back their answer."
)
_READ_BY_OTHERS: Final = Sentence(
    "⚠ Not only helpers and moderators can read {channel}, so I won't post questions there that "
    "were asked privately or in a channel hidden from some of them."
)


def read_by_others(channel_id: int, language: Language) -> str:
    return _READ_BY_OTHERS(language, channel=f"<#{channel_id}>")


_HELPING: Final = Sentence(
    "**Unasked help**: in these forums and channels, I answer new questions by myself, once and "
    "only if I'm sure. `/channel set` has more settings for each."
)
_NO_CONTENT: Final = Sentence(
    "⚠ This needs *Message Content Intent*. The bot's operator must turn it on in Discord's "
    "developer portal, and set `helper.message_content = true` in config.toml."
)


def helping(
    missing: Mapping[int, Sequence[str]], *, content_hidden: bool, language: Language
) -> str:
    """Describe channels where the bot answers questions even if nobody mentions it.

    `missing` has the missing permissions by channel. `content_hidden` means that the bot lacks the
    Message Content intent.
    """
    lines = [_HELPING(language)]
    if content_hidden:
        lines.append(_NO_CONTENT(language))
    lacks = (lacking(channel_id, names, language) for channel_id, names in missing.items())
    return "\n".join([*lines, *lacks])


HOW: Final = Sentence(
    "**How I answer**: askers can override this with `private`. Private messages use the "
    "language of the member's Discord, if I speak it."
)
_CAN_NOT_ANSWER: Final = Sentence(
    "⚠ I can't answer in {channels}: grant my role **View Channel**, **Send Messages** and "
    "**Read Message History** there."
)
_AND_MORE: Final = Sentence("{named} and {number} more")


def mentions(silent: Sequence[int], language: Language) -> str:
    """Describe answers to mentions. In `silent` channels, the bot lacks permissions to answer."""
    lines = [_MENTIONS(language)]
    if silent:
        lines.append(_CAN_NOT_ANSWER(language, channels=_named(silent, language)))
    return "\n".join(lines)


def _named(channel_ids: Sequence[int], language: Language) -> str:
    """Mention the first ten channels, and count the others."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    more = len(channel_ids) - 10
    return _AND_MORE(language, named=named, number=more) if more > 0 else named


SOURCES: Final = Sentence(
    "I answer only from these sources and from approved notes. Add a forum, a channel or a web "
    "address with `/source add`. Only the bot's operator can add files."
)
