"""Messages to moderators, apart from cards: queue, reminders, rules, log, forms. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.review.cards import Card, impact_sentence, revision_difference, status_line
from bot.review.impact import AnswerSummary, ChangedQuestion, Impact
from bot.review.service import DECIDED_LATER, LogDirection, LogFilters, LogLine
from bot.text.languages import Sentence, plural, speak
from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    plain,
    quoted_parts,
    safe_markdown,
    shorten,
    size,
    split,
)
from bot.text.question_labels import EVIDENCE
from knowledge.sources.kinds.registry import source_at
from knowledge.store.audit_log import LogEntry
from knowledge.values.guilds import Rule
from knowledge.values.notes import CheckReason, Note, NoteCheck, NoticeEvent, Obstacle
from knowledge.values.submissions import WORDINGS

NO_SUCH_NOTE: Final = Sentence("There's no such note here.")
FIND: Final = Sentence("Find by title…")
FIND_FIELD: Final = Sentence("Title or number")
FIND_HELP: Final = Sentence("A few words of the title are enough.")
CHOOSE_NOTE: Final = Sentence("Choose a note")
MORE: Final = Sentence("More…")
QUEUE_EMPTY: Final = Sentence("No notes are awaiting a decision.")
QUEUE_LABELS: Final[Mapping[str, Sentence]] = {
    "previous": Sentence("Previous"),
    "next": Sentence("Next"),
}
LOG_LABELS: Final[Mapping[str, Sentence]] = {
    LogDirection.NEWER: Sentence("Newer"),
    LogDirection.OLDER: Sentence("Older"),
    "filter": Sentence("Filter…"),
    "export": Sentence("Get it as a file"),
}
ONLY_EVENT: Final = Sentence("What happened")
ONLY_MEMBER: Final = Sentence("Who did it")
ONLY_DAYS: Final = Sentence("In the last … days")
ONLY_DAYS_HELP: Final = Sentence("A number, such as 30. Leave it empty for all time.")
NOT_DAYS: Final = Sentence("Nothing changed: type the days as a number from 1 to 3,650.")
LOG_EMPTY: Final = Sentence("No log entries match.")
EVERY_NOTE: Final = Sentence("Every note")
RULE_TITLE: Final = Sentence("Rule for a tag")
APPROVALS_HELP: Final = Sentence("From 1 to 10. With 1 and nothing else, the rule is dropped.")
AGAIN_HELP: Final = Sentence("Optional: a number from 1 to 3,650.")
NOT_A_RULE: Final = Sentence(
    "Nothing changed: approvals are a number from 1 to 10, and days a number from 1 to 3,650."
)
EXPORTED: Final = Sentence("The log as JSON lines, oldest first. Entries: {number:,}.")


def queue_header(note: Note, place: tuple[int, int], at: datetime, said: str) -> str:
    """The lines above a note: its `place` in the queue and their number, its wait, and `said`."""
    days = (at - note.waiting_since).days
    if days < 1:
        waiting = speak("waiting since today")
    elif days == 1:
        waiting = speak("waiting since yesterday")
    else:
        waiting = speak("waiting for {days} days", days=days)
    number = speak("{place} of {total}", place=place[0] + 1, total=place[1])
    line = f"-# {number} · {waiting}"
    return f"{said}\n{line}" if said else line


AND_MORE: Final = Sentence("… and {number:,} more.")
# Settings named in a line of the log.
_SETTINGS_NAMED: Final = 5


def impact(note: Note, effect: Impact) -> list[str]:
    title = plain(note.revision.submission.safe.title)
    if not (effect.total or effect.confirmed):
        return [speak("Nobody has asked anything here yet, so there's nothing to compare.")]
    head = speak(
        "**If “{title}” is published:** {change}",
        title=title,
        change=impact_sentence(effect),
    )
    lines = changed_questions(effect.changes[:IMPACT_LINES])
    if len(effect.changes) > IMPACT_LINES:
        more = len(effect.changes) - IMPACT_LINES
        lines.append(AND_MORE(number=more))
    confirmed = [change for change in effect.confirmed if change.question][:IMPACT_LINES]
    if confirmed:
        lines += [speak("**Confirmed by moderators:**"), *changed_questions(confirmed)]
    return split("\n".join([head, *lines]))


def changed_questions(changes: Sequence[ChangedQuestion]) -> list[str]:
    """A line for each question whose answer would change."""
    return [
        speak(
            "- “{question}”{times}: {change}",
            question=plain(shorten(change.question, 120)),
            times=speak(" (asked {number} times)", number=change.times) if change.times > 1 else "",
            change=f"{_summary(change.before)} → {_summary(change.after)}",
        )
        for change in changes
    ]


# Enough to decide by; four messages at most.
IMPACT_LINES: Final = 30


SAID_SOMEWHERE: Final = Sentence("a message in a channel")


def _summary(summary: AnswerSummary) -> str:
    if summary.is_refused:
        return speak("no answer")
    title = plain(shorten(summary.title, 50))
    source = speak("“{title}”", title=title) if title else SAID_SOMEWHERE()
    return speak("{evidence}, from {source}", evidence=EVIDENCE[summary.evidence](), source=source)


def reminder(waiting: int, since: datetime) -> str:
    when = f"<t:{int(since.timestamp())}:R>"
    if waiting == 1:
        return speak("1 note from {since} is awaiting a decision. `/review` shows it.", since=when)
    return speak(
        "{waiting:,} notes are awaiting a decision, the oldest from {since}. `/review` shows them "
        "one by one.",
        waiting=waiting,
        since=when,
    )


_AGAIN: Final = Sentence("reviewed again after {days} days")
_TAGGED: Final = Sentence("Notes tagged “{tag}”")


def rules(guild_rules: Sequence[Rule]) -> str:
    """A line for each rule, as far as they fit in one message, and how many are left out."""
    lines: list[str] = []
    for number, rule in enumerate(guild_rules):
        parts = [plural(rule.quorum, "{number:,} approval", "{number:,} approvals")]
        if rule.review_after_days:
            parts.append(_AGAIN(days=rule.review_after_days))
        if rule.publish_role_id:
            parts.append(speak("{role} publishes at once", role=f"<@&{rule.publish_role_id}>"))
        name = _TAGGED(tag=plain(rule.tag)) if rule.tag else EVERY_NOTE()
        line = f"{name}: {', '.join(parts)}."
        if size("\n".join([*lines, line])) > MESSAGE_CHARACTERS - 40:
            lines.append(AND_MORE(number=len(guild_rules) - number))
            break
        lines.append(line)
    return "\n".join(lines) or speak("No rules: one approval publishes a note.")


EVENTS: Final[dict[str, Sentence]] = {
    "proposed": Sentence("proposed"),
    "revised": Sentence("revised"),
    "published_at_once": Sentence("published at once"),
    "approval": Sentence("approved (one of several)"),
    "approved": Sentence("approved"),
    "rejected": Sentence("rejected", "event"),
    "duplicate": Sentence("closed as a duplicate"),
    "changes_requested": Sentence("asked for changes"),
    "withdrawn": Sentence("withdrew"),
    "undone": Sentence("took back the decision"),
    "retired": Sentence("retired"),
    "restored": Sentence("restored"),
    "rolled_back": Sentence("made an earlier text live"),
    "kept": Sentence("kept as it is"),
    "page_off": Sentence("kept off the public page"),
    "page_on": Sentence("released for the public page"),
    "reported": Sentence("reported"),
    "refused_own_note": Sentence("tried to decide on their own note"),
    "settings": Sentence("changed the settings"),
    "channel_settings": Sentence("changed a channel's settings"),
    "rule": Sentence("changed a rule"),
    "digest": Sentence("chose when a digest is posted"),
    "digest_off": Sentence("stopped a digest"),
    "followed": Sentence("added a source"),
    "unfollowed": Sentence("removed a source"),
}
# Discord offers 25 choices, so the log can't be filtered by these.
_OTHER_EVENTS: Final[dict[str, Sentence]] = {
    "confirmed": Sentence("confirmed as still true"),
    "handed_on": Sentence("took over"),
    "reworded": Sentence("changed other ways to ask"),
}


def log_filters(filters: LogFilters) -> str:
    """Name the filters of the log; empty without any."""
    named = []
    if filters.event in EVENTS:
        named.append(EVENTS[filters.event]())
    if filters.member_id:
        named.append(f"<@{filters.member_id}>")
    if filters.days:
        days = plural(filters.days, "the last day", "the last {number:,} days")
        named.append(days)
    return speak("-# Only: {filters}", filters=" · ".join(named)) if named else ""


# The words for the column of a setting.
SettingName = Callable[[str], str]


def log_page(lines: Sequence[LogLine], setting_name: SettingName = str) -> str:
    """Lines of the log, newest first."""
    if not lines:
        return LOG_EMPTY()
    return "\n".join(log_line(line, setting_name) for line in lines)


def count_fitting_lines(lines: Sequence[LogLine], setting_name: SettingName = str) -> int:
    """Count how many of the lines fit in one message, beginning with the first line."""
    room = MESSAGE_CHARACTERS
    for number, line in enumerate(lines):
        room -= size(log_line(line, setting_name)) + 1
        if room < 0:
            return number
    return len(lines)


def log_line(line: LogLine, setting_name: SettingName = str) -> str:
    who = f"<@{line.member_id}>" if line.member_id else speak("somebody")
    if line.entry.actor is None:
        who = speak("the bot")
    event = (EVENTS | _OTHER_EVENTS).get(line.entry.event)
    what = event() if event else line.entry.event.replace("_", " ")
    title = speak(" “{title}”", title=plain(shorten(line.title, 50))) if line.title else ""
    reason = f": {plain(shorten(line.reason, 80))}" if line.reason else ""
    subject = title or _subject(line.entry, setting_name)
    return f"<t:{int(line.entry.at.timestamp())}:f> {who} {what}{subject}{reason}"


def _subject(entry: LogEntry, setting_name: SettingName) -> str:
    """The channel, the address or the settings of a log entry."""
    kind, _, named = entry.subject.partition(":")
    if kind == "channel":
        return f" <#{named}>"
    if kind == "source":
        return f" {plain(shorten(source_at(named).url, 80))}"
    if entry.event == "settings":
        columns = [*json.loads(entry.detail)][:_SETTINGS_NAMED]
        names = [setting_name(column) for column in columns]
        return f": {', '.join(names)}" if names else ""
    return ""


OWN_NOTE: Final = Sentence("You proposed this note, so another moderator has to decide on it.")
CARD_GONE: Final = Sentence("That note no longer exists.")
NOT_USED: Final = Sentence("Your text wasn't used.")
NOT_A_CARD: Final = Sentence("That message is not a review card.")
DUPLICATE_OF: Final = Sentence("Duplicate of")
DUPLICATE_HELP: Final = Sentence("The title, number or link of the original.")
EDIT_WORDINGS: Final = Sentence("Edit")
WORDINGS_HELP: Final = Sentence("Up to five, one per line. Each finds the note, as its title does.")


def wordings(note: Note, suggested: Sequence[str]) -> str:
    """List the wordings of a note, above buttons for the suggested ones."""
    submission = note.revision.submission.safe
    lines = [speak("**Other ways to ask “{title}”**", title=plain(submission.title))]
    lines += [f"- {plain(wording)}" for wording in submission.wordings] or [speak("None yet.")]
    if suggested and len(submission.wordings) >= WORDINGS:
        lines.append("-# " + speak("Five is the limit. *Edit* makes room for others."))
    elif suggested:
        asked = speak(
            "Members asked these in public channels, then picked this note as the answer."
        )
        lines.append(f"-# {asked}")
    return "\n".join(lines)


REASON: Final = Sentence("Reason")
REASON_HELP: Final = Sentence("The contributor will see it.")
OPTIONAL_REASON_HELP: Final = Sentence("Optional. The contributor will see it.")
EDIT_TITLE: Final = Sentence("Edit and approve")
NOT_A_CORRECTOR: Final = Sentence(
    "Only moderators can correct a note. Choose *Report* to tell them what's wrong."
)
TEXT: Final = Sentence("Text")
TEXT_AS_FILE: Final = Sentence("Text as a file")
FILE_HELP: Final = Sentence("The text is too long for a form. Edit the file on the card.")
TAGS_HELP: Final = Sentence("Separated by spaces or commas.")
_OBSTACLES: Final[Mapping[Obstacle, Sentence]] = {
    Obstacle.DECIDED: Sentence("Already decided. {status}"),
    Obstacle.OWN_NOTE: OWN_NOTE,
    Obstacle.VOTED: Sentence("You've already approved this. {status}"),
    Obstacle.TOO_LATE: Sentence("It's too late to undo this. {status}"),
    Obstacle.REVISED: Sentence("“{title}” has a newer revision, so this decision stands."),
    Obstacle.NOT_LIVE: Sentence("“{title}” isn't live. {status}"),
    Obstacle.NOT_YOURS: Sentence("“{title}” isn't yours: only its contributor can do that."),
    Obstacle.UNCHANGED: Sentence("Nothing would change in “{title}”."),
    Obstacle.WAITS: Sentence(
        "Another version of “{title}” is already waiting for the moderators. Try again after their "
        "decision; your text is in the file above."
    ),
    Obstacle.NO_ORIGINAL: Sentence(
        "“{title}” is still pending, because nothing matches what you typed. Give a note's number, "
        "a title as /search shows it, or a link."
    ),
    Obstacle.PENDING: Sentence("A revision of “{title}” is pending. Decide on that first."),
}


def obstacle(note: Note, why: Obstacle, quorum: int = 1) -> str:
    return _OBSTACLES[why](
        title=plain(note.revision.submission.safe.title), status=status_line(note, quorum)
    )


# Notices to contributors. The first message contains nothing private: it may go to a channel.

# A text of this many messages is returned as a file.
NOTICE_MESSAGES: Final = 3

REVISABLE: Final = frozenset(
    {NoticeEvent.CHANGES_REQUESTED, NoticeEvent.REJECTED, NoticeEvent.DUPLICATE}
)

_SENTENCES: Final[Mapping[NoticeEvent, Sentence]] = {
    NoticeEvent.FROM_REPLY: Sentence(
        "Your answer to “{title}” can help others, too, so I've proposed it to the moderators as a "
        "note under your name. If you don't want that, withdraw it."
    ),
    NoticeEvent.APPROVED: Sentence(
        "Your note “{title}” was approved: I can answer from it now. Thank you!"
    ),
    NoticeEvent.EDITED: Sentence(
        "A moderator approved your note “{title}” with changes: I can answer from it now. Thank "
        "you!"
    ),
    NoticeEvent.CHANGES_REQUESTED: Sentence(
        "The moderators would like you to revise your note “{title}”.{reason}"
    ),
    NoticeEvent.REJECTED: Sentence("Your note “{title}” wasn't accepted.{reason}"),
    NoticeEvent.DUPLICATE: Sentence(
        "Your note “{title}” repeats something I already know{original}.{reason}"
    ),
    NoticeEvent.UNDONE: Sentence(
        "The decision on your note “{title}” was undone: it's with the moderators again.{reason}"
    ),
    NoticeEvent.RETIRED: Sentence(
        "Your note “{title}” was retired: I no longer answer from it.{reason}"
    ),
    NoticeEvent.RESTORED: Sentence("Your note “{title}” is live again.{reason}"),
    NoticeEvent.ROLLED_BACK: Sentence("Your note “{title}” is live again, with an earlier text."),
    NoticeEvent.REPORT_RETIRED: Sentence(
        "The moderators looked at the note that you reported, “{title}”, and retired it: I no "
        "longer answer from it. Thank you!{reason}"
    ),
    NoticeEvent.REPORT_REVISED: Sentence(
        "A note that you reported has been revised: “{title}” has a new text now. Thank you!"
    ),
    NoticeEvent.REPORT_KEPT: Sentence(
        "The moderators looked at the note that you reported, “{title}”, and left it as it is. "
        "Thank you for telling them."
    ),
    NoticeEvent.REPORT_WITHDRAWN: Sentence(
        "The note that you reported, “{title}”, was withdrawn by its contributor: I no longer "
        "answer from it. Thank you!"
    ),
    NoticeEvent.EXTENDED: Sentence(
        "{name} has proposed an addition to your note “{title}”. The moderators will decide. "
        "`/note mine` shows you the text; if you don't want it, press *Withdraw* there."
    ),
    NoticeEvent.EXTENSION_APPROVED: Sentence(
        "The addition by {name} to “{title}” was approved. I can answer from it now, under both "
        "your names. Thank you!"
    ),
    NoticeEvent.EXTENSION_REFUSED: Sentence(
        "The addition by {name} to “{title}” wasn't accepted. The note stays as it was.{reason}"
    ),
    NoticeEvent.EXTENSION_WITHDRAWN: Sentence(
        "The contributor of “{title}” withdrew your proposal, or replaced it with a text of their"
        " own."
    ),
    NoticeEvent.OFFERED: Sentence(
        "Would you look after “{title}”, a note by {contributor}? I'd ask you now and "
        "then whether it's still true. The note keeps its writer's name. You can hand "
        "it to someone else at any time."
    ),
    NoticeEvent.TAKEN_OVER: Sentence(
        "The member you chose now looks after “{title}”. The note keeps its writer's name."
    ),
    NoticeEvent.NOT_TAKEN_OVER: Sentence(
        "The member you chose won't look after “{title}”, or I couldn't reach them. "
        "You can choose someone else."
    ),
}
_STILL_TRUE: Final[Mapping[CheckReason, Sentence]] = {
    CheckReason.DATE: Sentence(
        "Is your note “{title}” still true? It's past its review date, and I quoted it this week."
    ),
    CheckReason.UNHELPFUL: Sentence(
        "Is your note “{title}” still true? Its last three ratings were *Not helpful*."
    ),
    CheckReason.RELEASE: Sentence(
        "Is your note “{title}” still true? It names an older version, but {release} is out now."
    ),
}
_OTHER: Final = Sentence("Something changed with your note “{title}”.")


def notice_parts(
    note: Note,
    event: NoticeEvent,
    before: Note | None = None,
    *,
    reason: str = "",
    title: str = "",
    check: NoteCheck | None = None,
) -> list[str]:
    """A notice, split into messages.

    The first message may be shown publicly. The other messages are for the contributor alone: they
    give back a text that was not accepted, or show what a moderator changed in the revision
    `before`. The `reason` is one of a decision made after the review (`DECIDED_LATER`).
    """
    title = plain(title or note.revision.submission.safe.title)
    if event is NoticeEvent.STILL_TRUE and check is not None:
        question = _STILL_TRUE[check.reason](title=title, release=plain(check.cause))
        later = speak("If you don't answer within a week, I'll ask the moderators.")
        return [f"{question}\n-# {later}"]
    review = note.review
    if review and event not in DECIDED_LATER:
        reason = review.reason
    original = plain(review.duplicate_of) if review else ""
    first = _SENTENCES.get(event, _OTHER)(
        title=title,
        reason=speak("\nReason: {reason}", reason=plain(reason)) if reason else "",
        original=f" ({original})" if original else "",
        name=plain(shorten(note.revision.writer, 40)),
        contributor=plain(shorten(note.contributor, 40)),
    )
    if event is NoticeEvent.EDITED and before is not None:
        head = speak("The changes:\n")
        part, *rest = quoted_parts(
            revision_difference(before, note), MESSAGE_CHARACTERS - len(head)
        )
        return [first, head + part, *rest]
    if event in REVISABLE:
        back = speak("Your text:\n")
        text = safe_markdown(note.revision.submission.safe.text)
        part, *rest = quoted_parts(text, MESSAGE_CHARACTERS - len(back) - len("\n> …"))
        if returned_text(note, event):
            return [first, f"{back}{part}\n> …"]
        return [first, back + part, *rest]
    return [first]


# Answers to these questions, and hand-overs of notes.

NOT_YOURS_NOW: Final = Sentence(
    "You no longer look after this note, so there's nothing for you to do."
)
NOT_OFFERED: Final = Sentence("I no longer need you to look after this note.")
SETTLED: Final = Sentence("That's settled already. Thank you!")
NOT_A_NEXT_OWNER: Final = Sentence(
    "Nothing changed: I found no other member with exactly this name. Check the name and try again."
)
CONFIRMED: Final = Sentence("Thank you! “{title}” counts as verified today.")


def returned_text(note: Note, event: NoticeEvent) -> Card | None:
    """The contributor's text as a file, if it is too long for the notice."""
    text = note.revision.submission.safe.text
    if event not in REVISABLE or len(quoted_parts(safe_markdown(text))) < NOTICE_MESSAGES:
        return None
    return Card("", f"note-{note.id}.md", text)
