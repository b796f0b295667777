"""What moderators read besides the cards: the queue, reminders, rules, the log. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.answers.impact import Impact, Standing
from bot.review.cards import Card, card
from bot.review.findings import EVIDENCE, impact_sentence
from bot.review.service import Findings, LogLine, Side
from bot.text.custom_ids import NUMBER
from bot.text.languages import Both, Counted, written
from bot.text.markdown import MESSAGE_CHARACTERS, plain, shortened, size, split
from knowledge.model.records import Language, Note
from knowledge.model.review_rules import Rule

QUEUE_BUTTON: Final = rf"queue:(?P<place>{NUMBER}):(?P<action>previous|next)"
LOG_BUTTON: Final = (
    rf"log:(?P<side>newer|older):(?P<entry>{NUMBER}):(?P<days>[0-9]{{1,4}}):(?P<member>{NUMBER}):"
    r"(?P<event>[a-z_]{1,32})"
)
NO_SUCH_NOTE: Final = Both(
    "There is no note with that number here.", "Hier gibt es keine Notiz mit dieser Nummer."
)
QUEUE_EMPTY: Final = Both("Nothing waits for a decision.", "Nichts wartet auf eine Entscheidung.")
QUEUE_LABELS: Final[Mapping[str, Both]] = {
    "previous": Both("Previous", "Zurück"),
    "next": Both("Next", "Weiter"),
}
LOG_LABELS: Final[Mapping[Side, Both]] = {
    Side.NEWER: Both("Newer", "Neuere"),
    Side.OLDER: Both("Older", "Ältere"),
}
LOG_EMPTY: Final = Both("The log has nothing like that.", "So etwas steht nicht im Protokoll.")
RULES_NEED_ADMIN: Final = Both(
    "Only somebody who may manage the server can change rules.",
    "Nur wer den Server verwalten darf, kann Regeln ändern.",
)
ONE_TAG: Final = Both(
    "A rule is for one tag: give one, or none for every note.",
    "Eine Regel gilt für ein Tag: Nenne eines, oder keines für jede Notiz.",
)
_EXPORTED: Final = Both(
    "The log as JSON lines, oldest first: {number} of them.",
    "Das Protokoll als JSON-Zeilen, die älteste zuerst: {number} davon.",
)


def exported(lines: int, language: Language = Language.ENGLISH) -> str:
    """With the log as a file."""
    return _EXPORTED(language, number=written(lines, language))


_TODAY: Final = Both("waiting today", "wartet seit heute")
_YESTERDAY: Final = Both("waiting since yesterday", "wartet seit gestern")
_FOR_DAYS: Final = Both("waiting for {days} days", "wartet seit {days} Tagen")
_PLACE: Final = Both("{place} of {total}", "{place} von {total}")


def queued(
    note: Note,
    place: tuple[int, int],
    at: datetime,
    findings: Findings,
    said: str,
    language: Language = Language.ENGLISH,
) -> Card:
    """One note of the queue as a moderator sees it, after what was just decided.

    `place` is where it stands, counted from 0, and how many there are.
    """
    days = (at - note.waiting_since).days
    waiting = _TODAY if days < 1 else _YESTERDAY if days == 1 else _FOR_DAYS
    head = f"{said}\n" if said else ""
    number = _PLACE(language, place=place[0] + 1, total=place[1])
    head += f"-# {number} · {waiting(language, days=days)}\n"
    shown = card(note, at, findings, MESSAGE_CHARACTERS - size(head), language=language)
    return replace(shown, content=head + shown.content)


_NOBODY_ASKED: Final = Both(
    "Nobody has asked anything here yet: there is nothing to replay.",
    "Hier hat noch niemand etwas gefragt: Es gibt nichts zu vergleichen.",
)
_IF: Final = Both(
    "**If “{title}” were published:** {change}",
    "**Würde „{title}“ veröffentlicht:** {change}",
)
_CHANGE: Final = Both("- “{question}”{times}: {change}", "- „{question}“{times}: {change}")
_TIMES: Final = Both(" (asked {number} times)", " ({number}-mal gefragt)")
_MORE: Final = Both("… and {number} more.", "… und {number} weitere.")


def impact(note: Note, found: Impact, language: Language = Language.ENGLISH) -> list[str]:
    """What publishing a revision would change, question by question, in messages."""
    title = plain(note.revision.submission.title)
    if not found.total:
        return [_NOBODY_ASKED(language)]
    head = _IF(language, title=title, change=impact_sentence(found, language))
    lines = [
        _CHANGE(
            language,
            question=plain(shortened(change.question, 120)),
            times=_TIMES(language, number=change.times) if change.times > 1 else "",
            change=f"{_standing(change.before, language)} → {_standing(change.after, language)}",
        )
        for change in found.changes[:IMPACT_LINES]
    ]
    if len(found.changes) > IMPACT_LINES:
        more = len(found.changes) - IMPACT_LINES
        lines.append(_MORE(language, number=written(more, language)))
    return split("\n".join([head, *lines]))


# Four messages at the most: whoever has read so many has seen enough to decide.
IMPACT_LINES: Final = 30


_NO_ANSWER: Final = Both("no answer", "keine Antwort")
_SAID_SOMEWHERE: Final = Both("what was said in a channel", "etwas aus einem Kanal")
_FROM: Final = Both("{evidence}, from {source}", "{evidence}, aus {source}")


def _standing(standing: Standing, language: Language) -> str:
    if standing.refused:
        return _NO_ANSWER(language)
    source = plain(shortened(standing.title, 50)) or _SAID_SOMEWHERE(language)
    return _FROM(language, evidence=EVIDENCE[standing.evidence](language), source=source)


_ONE_WAITS: Final = Both(
    "1 note waits for a decision, since {since}. `/review queue` shows it.",
    "1 Notiz wartet auf eine Entscheidung, seit {since}. `/review queue` zeigt sie.",
)
_SOME_WAIT: Final = Both(
    "{waiting:,} notes wait for a decision, the first since {since}. `/review queue` shows them "
    "one by one.",
    "{waiting} Notizen warten auf eine Entscheidung, die erste seit {since}. `/review queue` zeigt "
    "sie nacheinander.",
)


def reminder(waiting: int, since: datetime, language: Language = Language.ENGLISH) -> str:
    """To the moderators, in the review channel."""
    sentence = _ONE_WAITS if waiting == 1 else _SOME_WAIT
    return sentence(language, waiting=waiting, since=f"<t:{int(since.timestamp())}:R>")


_QUORUM: Final = Counted(
    Both("{number} approval", "{number} Zustimmung"),
    Both("{number} approvals", "{number} Zustimmungen"),
)
_AGAIN: Final = Both("looked at again after {days} days", "nach {days} Tagen wieder geprüft")
_AT_ONCE: Final = Both("{role} publishes at once", "{role} veröffentlicht sofort")
_TAGGED: Final = Both("Notes tagged “{tag}”", "Notizen mit dem Tag „{tag}“")
_EVERY: Final = Both("Every note", "Jede Notiz")
_NO_RULES: Final = Both(
    "There are no rules: one approval publishes a note.",
    "Es gibt keine Regeln: Eine Zustimmung veröffentlicht eine Notiz.",
)


def rule_line(rule: Rule, language: Language = Language.ENGLISH) -> str:
    """A rule in one line."""
    parts = [_QUORUM(rule.quorum, language)]
    if rule.review_after_days:
        parts.append(_AGAIN(language, days=rule.review_after_days))
    if rule.publish_role_id:
        parts.append(_AT_ONCE(language, role=f"<@&{rule.publish_role_id}>"))
    name = _TAGGED(language, tag=plain(rule.tag)) if rule.tag else _EVERY(language)
    return f"{name}: {', '.join(parts)}."


def rules(found: Sequence[Rule], language: Language = Language.ENGLISH) -> str:
    """Every rule of a guild."""
    if not found:
        return _NO_RULES(language)
    return shortened_lines([rule_line(rule, language) for rule in found], language)


def shortened_lines(lines: Sequence[str], language: Language = Language.ENGLISH) -> str:
    """As many lines as one message holds, and how many more there are."""
    kept: list[str] = []
    for number, line in enumerate(lines):
        if size("\n".join([*kept, line])) > MESSAGE_CHARACTERS - 40:
            more = written(len(lines) - number, language)
            return "\n".join([*kept, _MORE(language, number=more)])
        kept.append(line)
    return "\n".join(kept)


EVENTS: Final[Mapping[str, Both]] = {
    "proposed": Both("proposed", "hat vorgeschlagen"),
    "revised": Both("revised", "hat überarbeitet"),
    "published_at_once": Both("published at once", "hat sofort veröffentlicht"),
    "approval": Both("approved (one of several)", "hat zugestimmt (von mehreren)"),
    "approved": Both("approved", "hat angenommen"),
    "rejected": Both("rejected", "hat abgelehnt"),
    "duplicate": Both("closed as a duplicate", "hat als Duplikat geschlossen"),
    "changes_requested": Both("asked for changes", "hat um Änderungen gebeten"),
    "withdrawn": Both("withdrew", "hat zurückgezogen"),
    "undone": Both("took back the decision", "hat die Entscheidung zurückgenommen"),
    "retired": Both("retired", "hat stillgelegt"),
    "restored": Both("restored", "hat wiederhergestellt"),
    "rolled_back": Both("made an earlier text live", "lässt einen früheren Text gelten"),
    "kept": Both("kept as it is", "hat es gelassen, wie es ist"),
    "reported": Both("reported", "hat gemeldet"),
    "refused_own_note": Both(
        "tried to decide on their own note", "wollte über die eigene Notiz entscheiden"
    ),
    "settings": Both("changed the settings", "hat die Einstellungen geändert"),
    "rule": Both("changed a rule", "hat eine Regel geändert"),
    "followed": Both("had a channel read", "lässt einen Kanal lesen"),
    "unfollowed": Both("had a channel read no more", "lässt einen Kanal nicht mehr lesen"),
}
_SOMEBODY: Final = Both("somebody", "jemand")
_BOT: Final = Both("the bot", "der Bot")
_TITLE: Final = Both(" “{title}”", ": „{title}“")


def log_page(lines: Sequence[LogLine], language: Language = Language.ENGLISH) -> str:
    """Lines of the log, newest first."""
    if not lines:
        return LOG_EMPTY(language)
    return "\n".join(log_line(line, language) for line in lines)


def fitting(lines: Sequence[LogLine], language: Language = Language.ENGLISH) -> int:
    """How many of these lines one message holds, counted from the first."""
    room = MESSAGE_CHARACTERS
    for number, line in enumerate(lines):
        room -= size(log_line(line, language)) + 1
        if room < 0:
            return number
    return len(lines)


def log_line(line: LogLine, language: Language = Language.ENGLISH) -> str:
    """A line of the log: when, who, what, to which note, why."""
    who = f"<@{line.member_id}>" if line.member_id else _SOMEBODY(language)
    if line.entry.actor is None:
        who = _BOT(language)
    known = EVENTS.get(line.entry.event)
    what = known(language) if known else line.entry.event.replace("_", " ")
    title = _TITLE(language, title=plain(shortened(line.title, 50))) if line.title else ""
    reason = f": {plain(shortened(line.reason, 80))}" if line.reason else ""
    return f"<t:{int(line.entry.at.timestamp())}:f> {who} {what}{title}{reason}"
