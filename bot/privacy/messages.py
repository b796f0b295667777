"""Messages of `/privacy`. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence, written
from bot.text.markdown import plain
from knowledge.store.erasure.personal_data import Stored
from knowledge.values.guilds import Language
from knowledge.values.notes import PageName

QUIET_LABEL: Final = Sentence("Don't tell me")

PRIVACY_LABELS: Final[Mapping[str, Sentence]] = {
    "export": Sentence("Export"),
    "quiet": QUIET_LABEL,
    "tell": Sentence("Tell me again"),
    "withhold": Sentence("Don't quote my messages"),
    "quote": Sentence("Quote my messages again"),
    **{
        PageName.NAME: Sentence("Public pages: my name"),
        PageName.INITIAL: Sentence("Public pages: my initial"),
        PageName.NOBODY: Sentence("Public pages: no name"),
    },
    "delete": Sentence("Delete…"),
    "keep": Sentence("Delete, but keep my live notes"),
    "withdraw": Sentence("Delete, and withdraw my live notes"),
    "cancel": Sentence("Cancel"),
}

_KINDS: Final[Mapping[str, Sentence]] = {
    "notes": Sentence("Notes you proposed: your name stands with each that is quoted."),
    "revisions": Sentence(
        "Texts of these with their pictures, and texts you wrote for others' notes."
    ),
    "reviews": Sentence("Decisions you made as a moderator, with your reasons."),
    "decisions": Sentence("Decisions on your notes, with the reasons you were told."),
    "reports": Sentence("What you reported about notes."),
    "questions": Sentence("Questions you asked and which passages were found; for finding gaps."),
    "feedback": Sentence("Your *Helpful* and *Not helpful*, with reasons."),
    "notices": Sentence("What you were told, or will be told."),
    "handed_on": Sentence("Questions that you had put to the moderators."),
    "helped": Sentence("Questions that you claimed or answered as a helper, with your answers."),
    "helped_questions": Sentence(
        "Messages in which you asked nobody in particular, where I help: their ids, not a word. "
        "What nobody answers within a day counts as a question of yours, with its words."
    ),
    "recent_questions": Sentence(
        "When you asked in the last day, where that is limited; not what you asked."
    ),
    "phrasings": Sentence("What a language model made of answers to you."),
    "log": Sentence("Lines about you in the log of what was done, by a number."),
    "preferences": Sentence("Your choices below, where you changed one."),
    "messages": Sentence("Messages of yours in channels that I read, while they stand there."),
}

_STORED: Final = Sentence("**What is stored about you** (here / in all servers that I serve)")

_IS_QUIET: Final = Sentence("When a question of yours is answered later, I don't tell you.")

_TELLS: Final = Sentence(
    "When a question of yours is answered later, I tell you once, at most every hour."
)

_WITHHOLDS: Final = Sentence("Your messages are left out of chats that I quote from.")

_QUOTES: Final = Sentence(
    "Where I quote from channels or exported chats, your messages there can be quoted."
)

_NAMED: Final[Mapping[PageName, Sentence]] = {
    PageName.NAME: Sentence("With your notes on public pages, your name stands."),
    PageName.INITIAL: Sentence("With your notes on public pages, the initial of your name stands."),
    PageName.NOBODY: Sentence("With your notes on public pages, no name stands."),
}

_NOBODY_ELSE: Final = Sentence(
    "-# Nobody else gets this, and no text of yours leaves this bot's own computer."
)
_TO_A_MODEL: Final = Sentence(
    "-# Nobody else gets this. But in direct messages, and where a server's administrators turned "
    "it on, a question of yours that I find an answer to, the one before it and the passages that "
    "I found go to a language model at {host}, without your name or id."
)


def privacy(
    stored: Mapping[str, Stored],
    *,
    quiet: bool,
    withheld: bool,
    named: PageName | None = None,
    language: Language = Language.ENGLISH,
    model_host: str = "",
) -> str:
    """What is stored of a member; questions may go to a language model at `model_host`, if any.

    They are `named` so on public pages, where there are any.
    """
    lines = [_STORED(language)]
    lines += [
        f"`{written(found.here, language):>5} / {written(found.everywhere, language):>5}` "
        f"{_KINDS[kind](language)}"
        for kind, found in stored.items()
        # Where no model was ever asked, there is no word of one.
        if found.everywhere or model_host or kind != "phrasings"
    ]
    lines.append((_IS_QUIET if quiet else _TELLS)(language))
    lines.append((_WITHHOLDS if withheld else _QUOTES)(language))
    if named is not None:
        lines.append(_NAMED[named](language))
    host = plain(model_host)
    lines.append(_TO_A_MODEL(language, host=host) if host else _NOBODY_ELSE(language))
    return "\n".join(lines)


ASKS_TO_DELETE: Final = Sentence(
    "**Delete what is stored about you in all servers?** This can't be undone.\n"
    "Deleted: your questions, your answers as a helper, your texts that are not live, what I was "
    "to tell you, your reasons for verdicts, your choice whether to be told, and who you are in "
    "the log. Your messages in chats that I quote from are left out from now on.\n"
    "Kept without your name, because others rely on it: live notes and their earlier approved "
    "texts (unless you withdraw them), decisions and reports with their reasons, how often "
    "something was found helpful, and questions that others asked in the same words. Your notes "
    "leave public pages in any case.\n"
    "Not in my hands: messages in Discord, mine included, and backups that the operator made."
)

NOT_DELETED: Final = Sentence("Nothing was deleted.")

QUIET: Final = Sentence(
    "I won't tell you any more when a question of yours is answered. `/privacy` undoes it."
)

TOLD_AGAIN: Final = Sentence("I'll tell you when a question of yours is answered later.")

NAMED: Final = Sentence("{named} Published pages follow within a minute.")


def now_named(named: PageName, language: Language = Language.ENGLISH) -> str:
    return NAMED(language, named=_NAMED[named](language))


WITHHELD: Final = Sentence(
    "Your messages are left out of chats that I quote from, in every server. It may take some "
    "minutes until all chats have been read again. `/privacy` undoes it."
)

QUOTED_AGAIN: Final = Sentence("Your messages in chats that I quote from can be quoted again.")

EXPORTED: Final = Sentence("This is everything that is stored about you.")

_DELETED: Final = Sentence(
    "Done. Your live notes name nobody now. Nothing here says who you are any more."
)

_DELETED_WITHDRAWN: Final = Sentence(
    "Done. Your live notes are withdrawn. Nothing here says who you are any more."
)


def deleted(*, withdrawn: bool, language: Language = Language.ENGLISH) -> str:
    return (_DELETED_WITHDRAWN if withdrawn else _DELETED)(language)
