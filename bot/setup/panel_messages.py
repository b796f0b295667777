"""Messages of the `/setup` panel: settings, explanations and warnings. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.setup.panel_choices import TITLES, Page, offered, option, settings_on
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.values.guilds import GuildSettings, Language

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


_NO_HOSTS: Final = Sentence("Cards warn about every link in a note.")
_HOSTS: Final = Sentence("Cards don't warn about links to {hosts}.")
BY_TAG: Final = Sentence(
    "-# `/review rule` sets stricter rules by tag, and lets roles publish at once."
)


def rules(settings: GuildSettings, quorum: int, digest_day: int | None, language: Language) -> str:
    """List the rules for notes."""
    listed = [*settings_on(Page.RULES), *settings_on(Page.REMINDERS)]
    held = [(one, offered(one, settings, quorum, digest_day)[1]) for one in listed]
    return "\n".join(
        f"- {setting.menu.label(language)}: **{option(setting, value, language)}**"
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
