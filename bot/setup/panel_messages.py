"""Messages of the `/setup` panel: settings, explanations and warnings. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.setup.service import Offered, State
from bot.setup.settings import STEPS, Kind, Page, Setting
from bot.sources import messages as sources_messages
from bot.text.languages import Plural, Sentence, speak
from bot.text.markdown import plain, shorten
from bot.text.permission_names import permission_name
from knowledge.corpus import source_key
from knowledge.sources.kinds.registry import Channel
from knowledge.values.quotas import Limits, Quota
from knowledge.values.settings import (
    ARTICLES_KEY,
    NOTES_KEY,
    AnsweredFrom,
    EffectiveSettings,
    GuildSettings,
    Level,
    Mode,
    WeeklyDigest,
)

ACTIONS: Final[Mapping[str, Sentence]] = {
    "open": Sentence("Set up"),
    "ask": Sentence("Ask a question"),
    "documents": Sentence("Add documents"),
    "address": sources_messages.ADD_ADDRESS,
    "end": Sentence("Don't quote the bundled articles"),
    "quote": Sentence("Quote the bundled articles"),
    "everyone": Sentence("Limits for everyone"),
    "newcomers": Sentence("New members"),
    "unlimited": Sentence("Remove all limits"),
    "preview_moderators": Sentence("Preview for moderators"),
    "preview_everybody": Sentence("Preview for everyone"),
}
INVITE: Final = Sentence("Give me the permissions")
_STEP: Final = Sentence("-# Set up · step {number} of {count}")
CHANGE: Final = Sentence("Change a setting…")
NEXT: Final = Sentence("Next: {page}")
BACK: Final = Sentence("Back")


def heading(page: Page, title: str) -> str:
    step = Sentence("-# Set up")()
    if page in STEPS:
        step = _STEP(number=STEPS.index(page) + 1, count=len(STEPS))
    return f"{step}\n### {title}"


# A setting's value and origin.

_ORIGINS: Final[Mapping[Level, Sentence]] = {
    Level.CHANNEL: Sentence("from its channel"),
    Level.CATEGORY: Sentence("from its category"),
    Level.SERVER: Sentence("from the server's settings"),
    Level.CONFIGURATION: Sentence("default"),
}
_HERE: Final = Sentence("set here")
_CHANGED: Final = Sentence("changed")
_NAMED: Final = Sentence("{setting}: {value}")
_DEFAULT: Final = Sentence("{value} (default)")
_NONE: Final = Sentence("none")
_MORE: Final = Sentence("{number:,} more")


def line(setting: Setting, value: str, origin: str) -> str:
    named = _NAMED(setting=setting.label(), value=f"**{value}**")
    return f"- {named} · *{origin}*"


def server_line(state: State, setting: Setting, words: str) -> str:
    """The line of a server's setting, whose value is `words`."""
    content = state.content(setting)
    is_default = content is None or content == setting.default
    if isinstance(content, WeeklyDigest):
        is_default = (content.hour, content.zone) == (9, "UTC")
    elif setting.edition is not None and setting.kind is Kind.CHANNEL:
        is_default = content in (None, state.settings.review_channel_id)
    origin = _ORIGINS[Level.CONFIGURATION] if is_default else _CHANGED
    return line(setting, words, origin())


def place_line(
    effective: EffectiveSettings, setting: Setting, own: Level, names: Mapping[str, str]
) -> str:
    """The line of a channel's setting; `names` has the names of sources by key."""
    content, level = getattr(effective, setting.place), effective.origins[setting.place]
    if isinstance(content, AnsweredFrom):
        words = answer_sources(content, names)
    else:
        words = setting.say(content)
    return line(setting, words, (_HERE if level is own else _ORIGINS[level])())


def option(setting: Setting, content: Any, *, private: bool) -> str:
    """The name of a choice for the server; `private` is the operator's default of `/ask`."""
    is_default = setting.edition is None and content == setting.default
    if setting.key == "private_answers" and content is None:
        content = private
    said = setting.say(content)
    return _DEFAULT(value=said) if is_default else said


def value(state: State, setting: Setting, *, private: bool) -> str:
    """The words for the value of a server's setting."""
    content = state.content(setting)
    if setting.kind is Kind.CHOICE:
        is_open = setting.key == "private_answers" and content is None
        return setting.say(private if is_open else content)
    if setting.kind is not Kind.FORM:
        if not content:
            return (setting.empty if setting.optional and setting.empty else _NONE)()
        if setting.kind is Kind.CHANNELS:
            return _mentions(content)
        return f"<@&{content}>" if setting.kind is Kind.ROLE else f"<#{content}>"
    if setting.edition is not None:
        hour, zone = (content.hour, content.zone) if content else (9, "UTC")
        return Sentence("{hour}:00 ({zone})")(hour=hour, zone=zone)
    if setting.key == "hosts":
        return plain(shorten(" ".join(content), 300)) or _NONE()
    settings = state.settings
    looks = filter(None, (settings.page_accent, plain(shorten(settings.page_welcome, 300))))
    return " · ".join(looks) or _NONE()


INHERIT: Final = Sentence("As in its category or the server")


_REVIEW: Final = Sentence(
    "Each proposed note appears in this channel as a card with buttons. By default, nothing is "
    "published until a moderator approves it."
)
_NOTHING_LACKING: Final = Sentence("✓ I have all permissions there.")
_LACKING: Final = Sentence(
    "⚠ I need {names} in {channel}. Allow this for my role in *Edit Channel › Permissions*."
)
_PUBLIC: Final = Sentence(
    "⚠ Everybody can read {channel}, including notes that nobody has approved. In *Edit "
    "Channel › Permissions*, deny *View Channel* to @everyone, and grant it to the "
    "moderators and me."
)


def lacking(channel_id: int, names: Sequence[str]) -> str:
    """Name missing permissions in a channel, and where to grant them."""
    named = ", ".join(f"**{permission_name(name)}**" for name in names)
    return _LACKING(channel=f"<#{channel_id}>", names=named)


def review(channel_id: int | None, missing: Sequence[str] | None, *, public: bool) -> str:
    """Describe the review channel; `missing` is None if the channel is gone."""
    lines = [_REVIEW()]
    if channel_id is None:
        lines.append(speak("Choose a review channel so that members can propose notes."))
    elif missing is None:
        lines.append(speak("⚠ The review channel is gone: choose another one."))
    else:
        chosen = speak("Notes are reviewed in {channel}.", channel=f"<#{channel_id}>")
        lines.append(f"**{chosen}**")
        if public:
            lines.append(_PUBLIC(channel=f"<#{channel_id}>"))
        lacks = lacking(channel_id, missing) if missing else _NOTHING_LACKING()
        lines.append(lacks)
    return "\n".join(lines)


_MODERATORS: Final = Sentence(
    "Moderators decide on notes and see unanswered questions. So do administrators."
)
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


def moderators(role_id: int | None, warnings: Sequence[str] | None) -> str:
    """Describe the moderators' role; `warnings` is None if the role is gone."""
    lines = [_MODERATORS()]
    if role_id is None:
        lines.append(speak("Choose the moderators' role so that members can propose notes."))
    elif warnings is None:
        lines.append(speak("⚠ The moderators' role is gone: choose another one."))
    else:
        chosen = speak("Moderators have the role {role}.", role=f"<@&{role_id}>")
        lines += [f"**{chosen}**", *warnings]
    return "\n".join(lines)


BY_TAG: Final = Sentence(
    "-# `/review`, *Rules by tag*, has stricter rules, and roles that publish at once."
)


_PUBLIC_PAGE: Final = Sentence(
    "Anyone on the web can read approved notes there, and the note form says so. Contributors and "
    "moderators can keep a note off the page. Contributors are only named if they choose a name in "
    "`/privacy`."
)
_UNRELEASED: Final = Plural(
    "{number:,} older note isn't on the page, because its form didn't mention the page. `/review`, "
    "*Notes for the public page*, lists it.",
    "{number:,} older notes aren't on the page, because their form didn't mention the page. "
    "`/review`, *Notes for the public page*, lists them.",
)
_AT: Final = Sentence("The page is at {link}.")
_NO_FOLDER: Final = Sentence(
    "⚠ Nothing is published yet, and no setting here can do it. You choose that there is a page, "
    "and the moderators its notes. Only the bot's operator, the person who runs me, can publish "
    "it. Ask them to set `page.folder` in config.toml, or to run `commonplace publish`."
)


def public_page(settings: GuildSettings, unreleased: int, link: str, *, published: bool) -> str:
    """Describe the public page. `unreleased` counts live notes not yet released for the page.

    `published` means that the operator has chosen a folder. Without it, the text says at once who
    can do what, before anybody turns the page on.
    """
    lines = [_PUBLIC_PAGE()]
    if not published:
        lines.append(_NO_FOLDER())
    if settings.page and link:
        lines.append(_AT(link=f"<{link}>"))
    if unreleased:
        lines.append(_UNRELEASED(unreleased))
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

HANDOVER: Final = Sentence(
    "When I don't know an answer, the asker can press *Ask the moderators*. The question goes to "
    "helpers and moderators, without the asker's name, and I bring back their answer."
)
_READ_BY_OTHERS: Final = Sentence(
    "⚠ Not only helpers and moderators can read {channel}, so I won't post questions there that "
    "were asked privately or in a channel hidden from some of them."
)


def read_by_others(channel_id: int) -> str:
    return _READ_BY_OTHERS(channel=f"<#{channel_id}>")


_NO_CONTENT: Final = Sentence(
    "⚠ This needs *Message Content Intent*. The bot's operator must turn it on in Discord's "
    "developer portal, and set `helper.message_content = true` in config.toml."
)


_CAN_NOT_ANSWER: Final = Sentence(
    "⚠ I can't answer in {channels}: grant my role **View Channel**, **Send Messages** and "
    "**Read Message History** there."
)
_AND_MORE: Final = Sentence("{named} and {number} more")


def answer_warnings(
    silent: Sequence[int], missing: Mapping[int, Sequence[str]], *, content_hidden: bool
) -> list[str]:
    """Warnings about channels: `silent` to mentions, or `missing` permissions to help there."""
    warnings = [_NO_CONTENT()] if content_hidden else []
    if silent:
        warnings.append(_CAN_NOT_ANSWER(channels=_mentions(silent)))
    return [*warnings, *(lacking(id_, names) for id_, names in missing.items())]


def _mentions(channel_ids: Sequence[int]) -> str:
    """Mention the first ten channels, and count the others."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    more = len(channel_ids) - 10
    return _AND_MORE(named=named, number=more) if more > 0 else named


SOURCES: Final = Sentence(
    "I answer only from these sources and from approved notes. Add a forum, a channel or a web "
    "address with `/source add`. Only the bot's operator can add files."
)


# Channels.

CHANNELS: Final = Sentence(
    "A channel, forum, thread or category can have settings of its own. Everything in it inherits "
    "them."
)
CHOOSE_CHANNEL: Final = Sentence("Choose a channel, thread or category")
UNSEEN: Final = Sentence(
    "I can't see that channel: grant me **View Channel** there, then try again."
)
RESET: Final = Sentence("Reset this channel")
_OTHERS: Final = Sentence("-# Channels with settings: {channels}")
_LACKING_THERE: Final = Sentence(
    "⚠ I can't answer messages there until you grant me {permissions}."
)
NO_CONTENT_FOR_REPLIES: Final = Sentence(
    "-# Without *Message Content Intent*, I only see answers that mention me, and hand-overs."
)
NOTHING_THERE: Final = Sentence(
    "⚠ No document fits this choice yet, so I can't answer anything there."
)
NOTES_NAME: Final = Sentence("The notes of this server")
_EVERYTHING: Final = Sentence("everything")
_ONLY: Final = Sentence("only {what}")
_FIRST: Final = Sentence("{what} first, then everything else")
_TAG: Final = Sentence("documents tagged “{tag}”")
_GONE: Final = Sentence("a removed source")
_OR: Final = Sentence(" or ")
# The largest number of names in a sentence, and of characters in a name.
_CHOSEN_SHOWN: Final = 8
_NAME_CHARACTERS: Final = 40


def with_settings(channel_ids: Sequence[int]) -> str:
    """Name the channels with settings."""
    return _OTHERS(channels=_mentions(channel_ids))


def channel_warnings(
    effective: EffectiveSettings,
    lacking_there: Sequence[str],
    *,
    content_hidden: bool,
    answerable: bool,
) -> list[str]:
    """Warnings about the settings of a channel, with the permissions that the bot lacks there."""
    warnings = []
    if effective.mode is not Mode.OFF and lacking_there:
        names = ", ".join(f"**{permission_name(name)}**" for name in lacking_there)
        warnings.append(_LACKING_THERE(permissions=names))
    if effective.mode is Mode.HELP and content_hidden:
        warnings.append(_NO_CONTENT())
    elif effective.from_replies and content_hidden:
        warnings.append(NO_CONTENT_FOR_REPLIES())
    if not answerable:
        warnings.append(NOTHING_THERE())
    return warnings


def source_names(offered: Offered) -> dict[str, str]:
    """Names of sources by key."""
    return {
        **{
            Channel.at(channel.id): sources_messages.source_name(channel)
            for channel in offered.channels
        },
        **{
            source_key(location): sources_messages.location_name(location)
            for location in offered.locations
        },
        NOTES_KEY: NOTES_NAME(),
        ARTICLES_KEY: sources_messages.ARTICLES_NAME(),
    }


def answer_sources(of: AnsweredFrom, names: Mapping[str, str]) -> str:
    if of.everything:
        return _EVERYTHING()
    tags = [_TAG(tag=plain(shorten(tag, _NAME_CHARACTERS))) for tag in of.tags]
    sources = [
        plain(shorten(names[key], _NAME_CHARACTERS)) if key in names else _GONE()
        for key in of.sources
    ]
    *most, last = found = [*tags, *sources]
    if len(found) > _CHOSEN_SHOWN:
        most = found[: _CHOSEN_SHOWN - 1]
        last = _MORE(number=len(found) - len(most))
    what = _OR().join([*([", ".join(most)] if most else []), last])
    return (_FIRST if of.first else _ONLY)(what=what)


# The largest number of tags and sources of a channel, together.
MOST_CHOSEN: Final = 20
TAGS_FIELD: Final = Sentence("Tags, separated by commas")
TAGS_HELP: Final = Sentence(
    "Without tags and sources, it inherits them; “all” stands for everything."
)
SOURCES_HELP: Final = Sentence("Names from /source list, separated by commas.")
ORDER_FIELD: Final = Sentence("Other documents")
ORDERS: Final[Mapping[str, Sentence]] = {
    "only": Sentence("Only from these"),
    "first": Sentence("From these first"),
}
_NO_SOURCE: Final = Sentence(
    "No source here is called {names}. Use names from `/source list`, `notes`, `articles`, or "
    "`all` for everything."
)
TOO_MANY: Final = Sentence("Nothing changed. A channel can have at most {most:,} tags and sources.")


def no_source(typed: Sequence[str]) -> str:
    names = ", ".join(f"“{plain(shorten(word, _NAME_CHARACTERS))}”" for word in typed[:3])
    return _NO_SOURCE(names=names)


# Digests.

NO_DIGEST_CHANNEL: Final = Sentence("⚠ Choose a channel for this digest first.")
HOUR_FIELD: Final = Sentence("Full hour, 0 to 23")
ZONE_FIELD: Final = Sentence("Time zone")
ZONE_HELP: Final = Sentence("For example Europe/Berlin.")
POSTS_FIELD: Final = Sentence("Hours until a post is listed")
POSTS_HELP: Final = Sentence("Forum posts without an answer, 1 to 336 hours old.")
_NOT_A_NUMBER: Final = Sentence("“{typed}” isn't a number from 0 to {most:,}.")


def not_a_number(typed: str, most: int) -> str:
    return _NOT_A_NUMBER(typed=plain(shorten(typed, 20)), most=most)


def no_zone(typed: str, like: Sequence[str]) -> str:
    """Say that a time zone is unknown; `like` has the names of similar ones."""
    names = ", ".join(f"`{name}`" for name in like)
    more = speak("Did you mean {names}?", names=names) if like else ZONE_HELP()
    return speak(
        "I don't know the time zone “{typed}”. {more}", typed=plain(shorten(typed, 100)), more=more
    )


# Limits.

LIMIT_OF: Final = Sentence("Limits of a role…")
NUMBER_HELP: Final = Sentence("0 or empty for no limit.")
LIMIT_FIELDS: Final[Mapping[str, Sentence]] = {
    "questions_hour": Sentence("Questions an hour"),
    "questions_day": Sentence("Questions a day"),
    "notes_hour": Sentence("Notes an hour"),
    "notes_day": Sentence("Notes a day"),
}
NEWCOMER_FIELDS: Final[Mapping[str, Sentence]] = {
    "account_days": Sentence("New: days since Discord sign-up"),
    "member_days": Sentence("New: days since joining"),
    "notes": Sentence("Notes a day of a new member"),
}
NEWCOMER_HELP: Final[Mapping[str, Sentence]] = {
    "account_days": Sentence(
        "Members with a younger account are new. Leave this empty to ignore it."
    ),
    "member_days": Sentence(
        "Members who joined fewer days ago are new, too. Leave this empty to ignore it."
    ),
    "notes": Sentence("0 means no notes. This doesn't limit questions."),
}
NOBODY_NEW: Final = Sentence(
    "Nothing changed: fill in at least one of the two numbers of days, so I know who is new."
)
_UNLIMITED: Final = Sentence(
    "-# For members with several roles, the most generous limit counts. Moderators have no limits."
)
_QUESTIONS: Final = Sentence("**Questions**: {limits}")
_NOTES: Final = Sentence("**Notes**: {limits}")
_EVERYBODY: Final = Sentence("everyone {quota}")
_ANY: Final = Sentence("no limit")
_HOUR: Final = Sentence("{hourly:,} an hour")
_DAY: Final = Sentence("{daily:,} a day")
_BOTH: Final = Sentence("{hourly:,} an hour and {daily:,} a day")
_NEWCOMERS: Final = Sentence("**New members** ({who}): {notes}")
_ACCOUNT: Final = Plural(
    "account younger than {number:,} day",
    "account younger than {number:,} days",
)
_JOINED: Final = Plural(
    "joined less than {number:,} day ago", "joined less than {number:,} days ago"
)
_EITHER: Final = Sentence("{first} or {second}")
_NONE_YET: Final = Sentence("no notes")
_FEWER: Final = Plural("{number:,} note a day", "{number:,} notes a day")


def limits(chosen: Limits, guild_id: int) -> str:
    """List a guild's limits."""
    lines = []
    for label, quotas in ((_QUESTIONS, chosen.questions), (_NOTES, chosen.notes)):
        by_role = [
            _EVERYBODY(quota=_quota(quota))
            if role_id == guild_id
            else f"<@&{role_id}> {_quota(quota)}"
            for role_id, quota in {guild_id: Quota(), **quotas}.items()
        ]
        lines.append(label(limits=" · ".join(by_role)))
    newcomers = chosen.newcomers
    if newcomers and (newcomers.account_days or newcomers.member_days):
        days = ((newcomers.account_days, _ACCOUNT), (newcomers.member_days, _JOINED))
        who, *other = [phrase(number) for number, phrase in days if number]
        if other:
            who = _EITHER(first=who, second=other[0])
        notes = _FEWER(newcomers.notes) if newcomers.notes else _NONE_YET()
        lines.append(_NEWCOMERS(who=who, notes=notes))
    return "\n".join([*lines, _UNLIMITED()])


def _quota(quota: Quota) -> str:
    if quota.is_unlimited:
        return _ANY()
    if quota.hour and quota.day:
        return _BOTH(hourly=quota.hour, daily=quota.day)
    return _HOUR(hourly=quota.hour) if quota.hour else _DAY(daily=quota.day)


# Phrasing by a language model.

_WHAT: Final = Sentence(
    "A language model at {host} can pick the sentences of the quoted passages that "
    "answer a question. The quotations stay below. Questions that I can't answer "
    "are never sent."
)
_SENT: Final = Sentence(
    "If you turn it on, {host} receives each answered question, the one before it, "
    "and the quoted passages, but not the asker's name."
)
_SENT_TEN: Final = Sentence(
    "If you turn it on, {host} receives each answered question, the one before it, "
    "and the ten nearest passages, but not the asker's name."
)
_MESSAGES: Final = Sentence("This includes quoted messages from channels and chats.")
_NO_MESSAGES: Final = Sentence("Answers that quote messages from channels or chats aren't sent.")
_OTHER_HOST: Final = Sentence("⚠ The host has changed, so this is off until you turn it on again.")


def consent(host: str, *, ten: bool, conversations: bool, other_host: bool) -> str:
    """Explain what is sent, before an administrator turns phrasing on.

    With `ten`, the ten nearest passages are sent. With `other_host`, phrasing is on already, but
    for another host.
    """
    named = f"**{plain(host)}**"
    lines = [
        _WHAT(host=named),
        (_SENT_TEN if ten else _SENT)(host=named),
        (_MESSAGES if conversations else _NO_MESSAGES)(),
    ]
    return "\n".join([*lines, *([_OTHER_HOST()] if other_host else [])])
