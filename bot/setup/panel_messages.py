"""Messages of the panel of `/setup`: what is set, what it means, and what is wrong. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from babel.dates import get_day_names

from bot.setup.phrasing_messages import OPTIONS as PHRASINGS
from bot.setup.settings import NO, OPERATORS, PAGES, YES, Page, Setting, offered
from bot.text.languages import NAMES, Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.values.guilds import GuildSettings, Language, Phrasing

# Headings, buttons, lists.

TITLES: Final[Mapping[str, Sentence]] = {
    Page.REVIEW: Sentence("Review channel"),
    Page.MODERATORS: Sentence("Moderators"),
    Page.RULES: Sentence("How notes are decided"),
    Page.PUBLIC: Sentence("Public page"),
    Page.ANSWERS: Sentence("Where to answer"),
    Page.HANDOVER: Sentence("Hand-over"),
    Page.PHRASING: Sentence("Phrasing"),
    Page.SOURCES: Sentence("Sources"),
    Page.TRIAL: Sentence("Try it"),
}
ACTIONS: Final[Mapping[str, Sentence]] = {
    "open": Sentence("Set up"),
    "hosts": Sentence("Hosts of links"),
    "looks": Sentence("Colour and welcome"),
    "ask": Sentence("Ask a question"),
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
    Setting.HELPER_ROLE: Sentence("Only moderators help: choose a role"),
    Setting.HANDOVER_CHANNEL: Sentence("In the review channel: choose another one"),
}


def heading(page: Page, number: int, count: int, language: Language) -> str:
    step = _STEP(language, number=number, count=count)
    return f"{step}\n### {TITLES[page](language)}"


# The review channel and the moderators.

_REVIEW: Final = Sentence(
    "What members propose is posted there, each note as a card with buttons. Nothing is published "
    "before a moderator agrees."
)
_CHOSEN_CHANNEL: Final = Sentence("Notes are reviewed in {channel}.")
_NO_CHANNEL: Final = Sentence("None is chosen yet: until then, nobody can propose a note.")
_GONE_CHANNEL: Final = Sentence("⚠ The channel that was chosen is gone: choose another one.")
_NOTHING_LACKING: Final = Sentence("✓ I have every permission I need there.")
_LACKING: Final = Sentence(
    "⚠ In {channel} I lack {names}. Open that channel, then *Edit Channel › Permissions*, and "
    "allow my role these."
)
_PUBLIC: Final = Sentence(
    "⚠ Everybody can read {channel}, so everybody reads what nobody has approved yet. In *Edit "
    "Channel › Permissions*, take *View Channel* from @everyone, and give it to the moderators and "
    "to me."
)


def lacking(channel_id: int, names: Sequence[str], language: Language) -> str:
    """Which permissions the bot lacks in a channel, and where they are given."""
    named = ", ".join(f"**{permission_name(name, language)}**" for name in names)
    return _LACKING(language, channel=f"<#{channel_id}>", names=named)


def review(
    channel_id: int | None,
    missing: Sequence[str] | None,
    *,
    public: bool,
    language: Language,
) -> str:
    """Where notes are reviewed. Without `missing` permissions, the chosen channel is gone."""
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
    "They decide on notes, and see which questions found no answer. So does whoever may manage "
    "the server."
)
_CHOSEN_ROLE: Final = Sentence("Moderators are those with {role}.")
_NO_ROLE: Final = Sentence("No role is chosen yet: until then, nobody can propose a note.")
_GONE_ROLE: Final = Sentence("⚠ The role that was chosen is gone: choose another one.")
EVERYBODY: Final = Sentence(
    "⚠ {role} is everybody: each member could publish whatever they like. Choose a role that only "
    "moderators have."
)
MOST: Final = Sentence(
    "⚠ {number:,} of {members:,} members have {role}, and each of them can publish notes. Is that "
    "the right one?"
)
BLIND: Final = Sentence(
    "⚠ {role} can't read {channel}, where the cards are: give it *View Channel* in *Edit Channel › "
    "Permissions*."
)
NOT_SHOWN: Final = Sentence(
    "-# Discord shows `/review` and `/gaps` to those who may *Manage Messages*, and {role} may "
    "not. Add the role in *Server Settings › Integrations*; the buttons of cards work anyway."
)


def moderators(role_id: int | None, warnings: Sequence[str] | None, language: Language) -> str:
    """Who decides. Without `warnings`, the chosen role is gone."""
    lines = [_MODERATORS(language)]
    if role_id is None:
        lines.append(_NO_ROLE(language))
    elif warnings is None:
        lines.append(_GONE_ROLE(language))
    else:
        lines += [f"**{_CHOSEN_ROLE(language, role=f'<@&{role_id}>')}**", *warnings]
    return "\n".join(lines)


# How notes are decided.

_APPROVALS: Final = Plural("One approval publishes a note", "A note needs {number:,} approvals")
_OWN: Final[Mapping[str, Sentence]] = {
    NO: Sentence("Nobody decides on a note of their own"),
    YES: Sentence("Moderators may decide on their own notes, too"),
}
_NO_UNDO: Final = Sentence("A decision can't be taken back")
_UNDO: Final = Plural(
    "A decision can be taken back for a minute",
    "A decision can be taken back for {number:,} minutes",
)
_NO_REMINDER: Final = Sentence("Moderators are never reminded")
_REMINDER: Final = Plural(
    "Moderators are reminded after an hour", "Moderators are reminded after {number:,} hours"
)
_NO_SAMPLE: Final = Sentence("Notes published at once get no second look")
_SAMPLE: Final = Plural(
    "Every note published at once gets a second look",
    "One in {number:,} notes published at once gets a second look",
)
_NO_DIGEST: Final = Sentence("Moderators get no weekly digest")
_DIGEST: Final = Sentence("Moderators get a digest every {weekday}")
_NO_HOSTS: Final = Sentence("Every link in a note is pointed out on its card.")
_HOSTS: Final = Sentence("Links to {hosts} are not pointed out on cards.")
BY_TAG: Final = Sentence("-# `/review rule` asks for more by tag, and lets roles publish at once.")


def option(setting: Setting, value: str, language: Language, *, private: bool = False) -> str:
    """What one choice is called; `private` is what whoever runs the bot has chosen."""
    counted = {
        Setting.QUORUM: (None, _APPROVALS),
        Setting.UNDO: (_NO_UNDO, _UNDO),
        Setting.REMINDER: (_NO_REMINDER, _REMINDER),
        Setting.SAMPLE: (_NO_SAMPLE, _SAMPLE),
        Setting.STALE: (_NEVER_STALE, _STALE),
    }
    if setting in counted:
        none, some = counted[setting]
        number = int(value)
        return none(language) if none and not number else some(number, language)
    if setting is Setting.DIGEST:
        if value == NO:
            return _NO_DIGEST(language)
        days = get_day_names("wide", locale=language.value)
        return _DIGEST(language, weekday=days[int(value)])
    if setting is Setting.LANGUAGE:
        return NAMES[Language(value)]
    if setting is Setting.PHRASING:
        return PHRASINGS[Phrasing(value)](language)
    if setting is Setting.PRIVATE and value == OPERATORS:
        return _AS_CONFIGURED(language, answers=_PRIVATE[YES if private else NO](language))
    return {
        Setting.OWN_NOTES: _OWN,
        Setting.PRIVATE: _PRIVATE,
        Setting.ASK_MODERATORS: _ASK_MODERATORS,
        Setting.PAGE: _PAGE,
        Setting.PAGE_INDEXED: _INDEXED,
    }[setting][value](language)


def rules(settings: GuildSettings, quorum: int, digest_day: int | None, language: Language) -> str:
    """How notes are decided, in sentences."""
    settings_told = [one for one, page in PAGES.items() if page is Page.RULES]
    held = [(one, offered(one, settings, quorum, digest_day)[1]) for one in settings_told]
    return " ".join(f"{option(setting, value, language)}." for setting, value in held)


def linked(hosts: Sequence[str], language: Language) -> str:
    if not hosts:
        return _NO_HOSTS(language)
    return _HOSTS(language, hosts=plain(shortened(" ".join(hosts), 300)))


# The public page.

_PAGE: Final[Mapping[str, Sentence]] = {
    YES: Sentence("Notes are on a public page"),
    NO: Sentence("There is no public page"),
}
_INDEXED: Final[Mapping[str, Sentence]] = {
    YES: Sentence("Search engines may list it"),
    NO: Sentence("Search engines don't list it"),
}
_PUBLIC_PAGE: Final = Sentence(
    "Anybody on the web can read approved notes there, without joining the server. The form of a "
    "note says so before it is sent. Its writer and moderators can keep a note off the page, and "
    "nobody is named who didn't choose so in `/privacy`."
)
_UNRELEASED: Final = Plural(
    "{number:,} note is not on it: its writer wasn't told of the page. `/page review` lists it.",
    "{number:,} notes are not on it: their writers weren't told of the page. `/page review` lists "
    "them.",
)
_AT: Final = Sentence("The page is at {link}.")
_NO_FOLDER: Final = Sentence(
    "⚠ I publish nowhere yet: whoever runs me sets `page.folder` in config.toml, or runs "
    "`commonplace publish`."
)
_LOOKS: Final = Sentence("**Accent colour**: {colour}. **Welcome**: {welcome}")
_USUAL: Final = Sentence("the usual one")
_NO_WELCOME: Final = Sentence("none")


def public_page(
    settings: GuildSettings, unreleased: int, link: str, language: Language, *, published: bool
) -> str:
    """What the public page shows; `unreleased` notes wait for a moderator."""
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
COLOUR_HELP: Final = Sentence("As in: #4752c4. Empty: the usual one.")
WELCOME_FIELD: Final = Sentence("Welcome text")
WELCOME_HELP: Final = Sentence("Stands on the first page. Markdown works.")
NO_COLOUR: Final = Sentence(
    "That is no colour that I know: write `#` and six digits from 0 to f, such as `#4752c4`."
)

HOSTS_FIELD: Final = Sentence("Hosts, with spaces between")
HOSTS_HELP: Final = Sentence("As in: example.org wiki.example.net")

# Where to answer.

_MENTIONS: Final = Sentence(
    "**Mentions** of me, replies to me and `/ask` are answered. Choose channels or categories, and "
    "mentions elsewhere are left alone."
)
_PRIVATE: Final[Mapping[str, Sentence]] = {
    YES: Sentence("/ask answers the asker alone"),
    NO: Sentence("/ask answers in public"),
}
_AS_CONFIGURED: Final = Sentence("{answers}, as whoever runs me chose")
_ASK_MODERATORS: Final[Mapping[str, Sentence]] = {
    YES: Sentence("What I can't answer can be handed over"),
    NO: Sentence("What I can't answer stays unanswered"),
}
HANDOVER: Final = Sentence(
    "When I don't know, whoever asked can press *Ask the moderators*: the question goes, without "
    "their name, to helpers and moderators, whose answer I bring back."
)
_NEVER_STALE: Final = Sentence("A question that is claimed stays claimed")
_STALE: Final = Plural(
    "A claimed question is free again after an hour",
    "A claimed question is free again after {number:,} hours",
)
_READ_BY_OTHERS: Final = Sentence(
    "⚠ Not only helpers and moderators can read {channel}: what was asked privately, or in a "
    "channel that not all of them read, is not posted there."
)


def read_by_others(channel_id: int, language: Language) -> str:
    return _READ_BY_OTHERS(language, channel=f"<#{channel_id}>")


_HELPING: Final = Sentence(
    "**Help that nobody asked me for**: in these forums and channels I answer a new question once, "
    "by myself, when I'm sure; otherwise I stay silent. `/channel` sets more for each of them."
)
_NO_CONTENT: Final = Sentence(
    "⚠ For that, Discord must give me *Message Content*. Whoever runs me turns it on: in the "
    "developer portal, and with `helper.message_content = true` in config.toml."
)


def helping(missing: Mapping[int, Sequence[str]], *, blind: bool, language: Language) -> str:
    """Where questions are answered by themselves.

    `missing` are the permissions that the bot lacks, by channel; a `blind` one is not given what
    messages say.
    """
    lines = [_HELPING(language)]
    if blind:
        lines.append(_NO_CONTENT(language))
    lacks = (lacking(channel_id, names, language) for channel_id, names in missing.items())
    return "\n".join([*lines, *lacks])


HOW: Final = Sentence(
    "**How I answer**: whoever asks can say otherwise with `private`. What only one member sees "
    "is in the language their Discord is set to, if I speak it."
)
_CAN_NOT_ANSWER: Final = Sentence(
    "⚠ I can't answer in {channels}: allow my role **View Channel**, **Send Messages** and **Read "
    "Message History** there."
)
_AND_MORE: Final = Sentence("{named} and {number} more")


def mentions(silent: Sequence[int], language: Language) -> str:
    """Where mentions are answered; `silent` are the channels in which the bot can't answer."""
    lines = [_MENTIONS(language)]
    if silent:
        lines.append(_CAN_NOT_ANSWER(language, channels=_named(silent, language)))
    return "\n".join(lines)


def _named(channel_ids: Sequence[int], language: Language) -> str:
    """Channels as mentions; of many, the first ones."""
    named = ", ".join(f"<#{channel_id}>" for channel_id in channel_ids[:10])
    more = len(channel_ids) - 10
    return _AND_MORE(language, named=named, number=more) if more > 0 else named


# Sources.

SOURCES: Final = Sentence(
    "I answer from these, from what members add with `/note add`, and from nothing else. Add a "
    "forum, a channel or a web address with `/source add`; files are added by whoever runs me."
)
