"""Messages of `/privacy`. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Sentence, format_number, speak
from bot.text.markdown import plain
from knowledge.store.erasure.personal_data import Stored
from knowledge.values.notes import PageName

PRIVACY_LABELS: Final[Mapping[str, Sentence]] = {
    "export": Sentence("Export"),
    "quiet": Sentence("Don't tell me about later answers"),
    "tell": Sentence("Tell me again"),
    "withhold": Sentence("Don't quote my messages"),
    "quote": Sentence("Quote my messages again"),
    **{
        PageName.NAME: Sentence("Public pages: show my name"),
        PageName.INITIAL: Sentence("Public pages: show my initial"),
        PageName.NOBODY: Sentence("Public pages: hide my name"),
    },
    "delete": Sentence("Delete…"),
    "keep": Sentence("Delete, but keep my live notes"),
    "withdraw": Sentence("Delete, and withdraw my live notes"),
    "cancel": Sentence("Cancel"),
}

KINDS: Final[Mapping[str, Sentence]] = {
    "notes": Sentence("Notes you proposed. Quotations from them show your name."),
    "revisions": Sentence("Texts you wrote for your own and others' notes, with pictures."),
    "reviews": Sentence("Your decisions as a moderator, with reasons."),
    "decisions": Sentence("Decisions on your notes, with reasons."),
    "reports": Sentence("Your reports of notes."),
    "questions": Sentence(
        "Questions you asked, and your messages that a helper answered with a note. I "
        "store the passages found with them. From a log, I store the lines sent with "
        "your question, never the file."
    ),
    "feedback": Sentence("Your ratings of answers, with reasons."),
    "notices": Sentence("Messages that I sent you, or will send."),
    "handed_on": Sentence("Questions you handed over to the moderators."),
    "helped": Sentence("Questions you claimed or answered as a helper, with your answers."),
    "helped_questions": Sentence(
        "Questions to nobody in particular in channels where I help: only their ids. If nobody "
        "answers one within a day, I store its text as your question."
    ),
    "helper_answers": Sentence("Notes you chose as answers to messages: only their ids."),
    "recent_questions": Sentence("When you asked questions in the last day, for limits."),
    "phrasings": Sentence("Answers to you in a language model's words."),
    "copied_wordings": Sentence("Your questions, added to notes as other ways to ask."),
    "log": Sentence(
        "Entries of the moderators' log that concern you, stored with a number instead of your id."
    ),
    "preferences": Sentence("Your privacy choices."),
    "messages": Sentence("Your messages in channels that I read, until you delete them."),
}


_WITHHOLDS: Final = Sentence("I don't quote your messages from channels and exported chats.")
_QUOTES: Final = Sentence("I may quote your messages from channels and exported chats that I read.")
_NAMED: Final[Mapping[PageName, Sentence]] = {
    PageName.NAME: Sentence("Public pages show your name with your notes."),
    PageName.INITIAL: Sentence("Public pages show your initial with your notes."),
    PageName.NOBODY: Sentence("Public pages show no name with your notes."),
}
_NOBODY_ELSE: Final = Sentence(
    "-# I don't share this with anyone. Your texts stay on the bot's own computer."
)
_TO_A_MODEL: Final = Sentence(
    "-# I don't share this with anyone, with one exception: in direct messages, and in servers "
    "that turned it on, a language model at {host} receives your answered questions, the question "
    "before each, and the passages found, without your name or id."
)


def privacy(
    stored: Mapping[str, Stored],
    *,
    quiet: bool,
    withheld: bool,
    named: PageName | None = None,
    published: int | None = None,
    model_host: str = "",
) -> str:
    """Describe a member's stored data and privacy choices.

    A `quiet` member gets no notices of later answers. `named`, the choice of a name for public
    pages, is None if there are no such pages; so is `published`, the number of notes on them.
    """
    counts = {
        kind: (format_number(count.here), format_number(count.everywhere))
        for kind, count in stored.items()
        if count.everywhere
    }
    width = max((len(everywhere) for _, everywhere in counts.values()), default=0)
    lines = [speak("**Data stored about you** (this server / all servers)")]
    lines += [
        f"`{here:>{width}} / {everywhere:>{width}}` {KINDS[kind]()}"
        for kind, (here, everywhere) in counts.items()
    ] or [speak("Nothing.")]
    if quiet:
        lines.append(speak("I won't tell you when your question is answered later."))
    else:
        lines.append(
            speak("I'll tell you when your question is answered later, at most once an hour.")
        )
    lines.append((_WITHHOLDS if withheld else _QUOTES)())
    if named is not None:
        lines.append(_NAMED[named]())
    if published is not None:
        lines.append(
            speak(
                "Your notes on public pages, for anyone on the web: **{number}**.",
                number=format_number(published),
            )
        )
    if published is None:
        sharing = _TO_A_MODEL if model_host else _NOBODY_ELSE
    elif model_host:
        sharing = Sentence(
            "-# Apart from public pages, I don't share this with anyone, with one exception: in "
            "direct messages, and in servers that turned it on, a language model at {host} "
            "receives your answered questions, the question before each, and the passages found, "
            "without your name or id."
        )
    else:
        sharing = Sentence(
            "-# Apart from public pages, I don't share this with anyone. Your other texts stay on "
            "the bot's own computer."
        )
    lines.append(sharing(host=plain(model_host)))
    return "\n".join(lines)


ASKS_TO_DELETE: Final = Sentence(
    "**Delete all data stored about you, in all servers?** This can't be "
    "undone.\n**Deleted**: your questions, your answers as a helper, your texts that aren't "
    "live, messages that I was going to send you, the reasons of your ratings, your choice "
    "about notices, and your identity in the log. I'll no longer quote your messages from "
    "chats.\n**Kept without your name**, because others rely on it: live notes and their "
    "earlier approved texts (unless you withdraw them), decisions and reports with their "
    "reasons, numbers of ratings, and questions that others asked in the same words. Your "
    "notes leave public pages in any case.\n**Not in my hands**: messages in Discord, "
    "including mine, and the operator's backups."
)
QUIET: Final = Sentence("I won't tell you about later answers any more. `/privacy` undoes this.")


def now_named(named: PageName) -> str:
    return speak("{named} Published pages will follow within a minute.", named=_NAMED[named]())


WITHHELD: Final = Sentence(
    "I'll no longer quote your messages in any server. Reading all chats again may take a few "
    "minutes. `/privacy` undoes this."
)

QUOTED_AGAIN: Final = Sentence("I may quote your messages again.")
EXPORTED: Final = Sentence("All data stored about you.")
DELETED: Final = Sentence(
    "Deleted. Your live notes no longer name you, and nothing else here identifies you."
)
