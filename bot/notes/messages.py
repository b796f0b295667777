"""What contributors are shown of their notes: where they stand, their texts, their history. Pure.

Sentences that moderators see, too, are in `cards`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from bot.answers.similar_notes import Near
from bot.notes.service import Seen
from bot.review.cards import NUMBERED, REVISION, Card, problem_name, standing
from bot.review.findings import SOURCE, difference, near_lines
from bot.text.custom_ids import NUMBER
from bot.text.languages import Both, Counted, written
from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    Page,
    beginning,
    legible,
    plain,
    quoted_parts,
    shortened,
    shown,
    size,
)
from knowledge.files.parsed_file import MAX_BYTES
from knowledge.model.records import Language, Note, Problem, State
from knowledge.model.submissions import FORM_CHARACTERS, TEXT_CHARACTERS

# Custom ids: which note, revision, page or question, so that the buttons work after a restart.
MINE_BUTTON: Final = (
    rf"mine:(?P<page>{NUMBER}):"
    r"(?P<filter>all|live|pending|changes_requested|rejected|withdrawn|retired)"
)
WITHDRAW_BUTTON: Final = rf"withdraw:(?P<revision>{NUMBER}):(?P<action>yes|no)"
DRAFT_BUTTON: Final = r"draft:(?P<action>edit|submit|same)"
EXTEND_BUTTON: Final = rf"extend:(?P<note>{NUMBER})"
HISTORY_BUTTON: Final = rf"history:(?P<note>{NUMBER}):(?P<number>{NUMBER})"
REPORT_BUTTON: Final = rf"report:(?P<kind>answer|note):(?P<number>{NUMBER})"
REPORT_FORM: Final = rf"report:(?P<note>{NUMBER})"

FILE_LIMITS: Final = Both(
    f"{MAX_BYTES / 1e6:.0f} MB, 2,000 pages, {TEXT_CHARACTERS:,} characters at most",
    f"höchstens {MAX_BYTES / 1e6:.0f} MB, 2.000 Seiten, "
    f"{written(TEXT_CHARACTERS, Language.GERMAN)} Zeichen",
)


class Filter(StrEnum):
    """Which of one's own notes are listed."""

    ALL = "all"
    LIVE = "live"
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


FILTER_LABELS: Final[Mapping[Filter, Both]] = {
    Filter.ALL: Both("All", "Alle"),
    Filter.LIVE: Both("Live", "Gilt"),
    Filter.PENDING: Both("Pending", "Offen"),
    Filter.CHANGES_REQUESTED: Both("Changes requested", "Änderungen erbeten"),
    Filter.REJECTED: Both("Rejected", "Abgelehnt"),
    Filter.WITHDRAWN: Both("Withdrawn", "Zurückgezogen"),
    Filter.RETIRED: Both("Retired", "Stillgelegt"),
}

# Inside of a line; a German noun keeps its capital.
_FILTERED: Final[Mapping[Filter, Both]] = {
    wanted: Both(label.english.lower(), label.german) for wanted, label in FILTER_LABELS.items()
}

_FILTERS: Final[Mapping[Filter, Callable[[Note], bool]]] = {
    Filter.ALL: lambda note: True,
    Filter.LIVE: lambda note: note.live_revision_id is not None,
    Filter.PENDING: lambda note: note.revision.state is State.PENDING,
    Filter.CHANGES_REQUESTED: lambda note: note.revision.state is State.CHANGES_REQUESTED,
    Filter.REJECTED: lambda note: note.revision.state is State.REJECTED,
    Filter.WITHDRAWN: lambda note: note.revision.state is State.WITHDRAWN,
    Filter.RETIRED: lambda note: note.retired_revision_id is not None,
}

# Four fit into a message even where each has a long reason and a link to its card.
PAGE_NOTES: Final = 4
_TITLE_CHARACTERS: Final = 100
_REASON_CHARACTERS: Final = 330
_LISTED_CHARACTERS: Final = 480
# What `where` adds at the most.
_ADDED_CHARACTERS: Final = 64


PAGE_LABELS: Final = (Both("Newer", "Neuere"), Both("Older", "Ältere"))
HISTORY_LABELS: Final = (Both("Earlier", "Früher"), Both("Later", "Später"))
_YOURS: Final = Counted(
    Both("**Your notes**: {number} note", "**Deine Notizen**: {number} Notiz"),
    Both("**Your notes**: {number} notes", "**Deine Notizen**: {number} Notizen"),
)
_PAGE: Final = Both(" · page {number} of {count}", " · Seite {number} von {count}")
_CARD: Final = Both("card", "Karte")
_UNTITLED: Final = Both("Untitled", "Ohne Titel")


def mine(
    notes: Sequence[tuple[Note, int]],
    wanted: Filter,
    number: int,
    *,
    with_cards: bool,
    language: Language = Language.ENGLISH,
) -> Page:
    """A page of one's own notes, each with its quorum."""
    chosen = [(note, quorum) for note, quorum in notes if _FILTERS[wanted](note)]
    if not chosen:
        return Page((NO_NOTES if wanted is Filter.ALL else _NONE_OF_THESE)(language), 0, 1)
    count = -(-len(chosen) // PAGE_NOTES)
    number = min(number, count - 1)
    shown_now = chosen[number * PAGE_NOTES : (number + 1) * PAGE_NOTES]
    head = _YOURS(len(chosen), language)
    if wanted is not Filter.ALL:
        head += f" · {_FILTERED[wanted](language)}"
    if count > 1:
        head += _PAGE(language, number=number + 1, count=count)
    lines = [_listed(note, quorum, language, with_cards=with_cards) for note, quorum in shown_now]
    return Page("\n".join([head, *lines]), number, count)


def _listed(note: Note, quorum: int, language: Language, *, with_cards: bool) -> str:
    """A note in the list: its number, title, and where it stands."""
    title = plain(shortened(legible(note.revision.submission.title), _TITLE_CHARACTERS))
    line = f"{note.id}\\. **{title or _UNTITLED(language)}**"
    if with_cards and note.card is not None:
        place = f"{note.guild_id}/{note.card[0]}/{note.card[1]}"
        line += f" · [{_CARD(language)}](<https://discord.com/channels/{place}>)"
    room = _LISTED_CHARACTERS - size(line) - len("\n-# ") - _ADDED_CHARACTERS
    return f"{line}\n-# {where(note, quorum, min(room, _REASON_CHARACTERS), language)}"


_ANSWERED_FROM: Final = Both(
    "{line}; questions are answered from it", "{line}; Fragen werden daraus beantwortet"
)
_RETIRED: Final = Both(
    "{line}; **retired**, so that questions are not answered from it",
    "{line}; **stillgelegt**, Fragen werden nicht daraus beantwortet",
)
_EARLIER_LIVE: Final = Both(
    "{line}; an earlier text is **live**", "{line}; ein früherer Text **gilt**"
)


def where(
    note: Note,
    quorum: int = 1,
    room: int = _REASON_CHARACTERS,
    language: Language = Language.ENGLISH,
) -> str:
    """Where a note stands, with its latest revision, in one line.

    Up to the reason it has at most `room` characters.
    """
    line = standing(note, quorum, language)
    if size(line) > room:
        line = beginning(line, room - 1).rstrip("\\ ") + "…"
    if note.live:
        return _ANSWERED_FROM(language, line=line)
    if note.retired:
        return _RETIRED(language, line=line)
    if note.live_revision_id is not None:
        return _EARLIER_LIVE(language, line=line)
    return line


# One note.


_BY: Final = Both("by {name}", "von {name}")
_VERIFIED: Final = Both("verified {when}", "geprüft {when}")


def shown_note(found: Seen, language: Language = Language.ENGLISH) -> list[Card]:
    """A note as somebody may see it: the live text, then what waits or was refused, if theirs."""
    cards_ = [_text_of(found.live, "", language)] if found.live else []
    latest = found.latest
    if latest is not None and not latest.live:
        line = where(latest, found.quorum, language=language)
        cards_.append(_text_of(latest, line, language))
    return cards_


def _text_of(note: Note, line: str, language: Language) -> Card:
    """A revision's text with its title, credit, tags and source; as a file where it is long."""
    submission = note.revision.submission
    credit = [
        NUMBERED(language, number=note.id),
        _BY(language, name=plain(shortened(note.contributor, 40))),
    ]
    if submission.tags:
        credit.append(", ".join(plain(tag) for tag in submission.tags))
    if note.live and note.verified_at:
        credit.append(_VERIFIED(language, when=f"<t:{int(note.verified_at.timestamp())}:d>"))
    head = [f"**{plain(submission.title)}**", f"-# {' · '.join(credit)}"]
    if line:
        head.append(line)
    foot = f"\n\n{SOURCE(language)}: <{submission.link}>" if submission.link else ""
    top = "\n".join(head)
    room = MESSAGE_CHARACTERS - size(top) - size(foot) - len("\n> …\n")
    first, *rest = quoted_parts(shown(submission.text), room)
    if not rest:
        return Card(f"{top}\n{first}{foot}")
    return Card(f"{top}\n{first}\n> …{foot}", file_name(note), submission.text)


def file_name(note: Note) -> str:
    """What the file with a revision's text is called."""
    return f"note-{note.id}-revision-{note.revision.number}.md"


def is_long(text: str) -> bool:
    """Whether a text is edited as a file, because no form holds it."""
    return size(text) > FORM_CHARACTERS


REVISE_LABELS: Final[Mapping[str, Both]] = {
    "revise": Both("Revise and resubmit", "Überarbeiten und neu einreichen"),
    "edit": Both("Edit", "Bearbeiten"),
    "upload": Both("Upload the edited text", "Bearbeiteten Text hochladen"),
}
_AS_FILE: Final = Both(
    "“{title}” has {number} characters, more than a form holds ({most}): here it is as a file. "
    "Edit the file, then press *Upload the edited text*.",
    "„{title}“ hat {number} Zeichen, mehr als in ein Formular passen ({most}): Hier ist der Text "
    "als Datei. Bearbeite die Datei, dann drück *Bearbeiteten Text hochladen*.",
)


def as_file(note: Note, language: Language = Language.ENGLISH) -> str:
    """To a contributor whose text no form holds, beside the file."""
    return _AS_FILE(
        language,
        title=plain(note.revision.submission.title),
        number=written(len(note.revision.submission.text), language),
        most=written(FORM_CHARACTERS, language),
    )


_PLACE: Final = Both("{number} of {count}", "{number} von {count}")
_LIVE: Final = Both(
    "**Live**: questions are answered from it", "**Gilt**: Fragen werden daraus beantwortet"
)


def revision(revisions: Sequence[Note], number: int, language: Language = Language.ENGLISH) -> Card:
    """A revision of those that somebody may see, with what it changed; `number` from 0.

    The first one is shown whole; of any, what does not fit is in a file.
    """
    note = revisions[number]
    title = plain(note.revision.submission.title)
    about = [
        NUMBERED(language, number=note.id),
        REVISION(language, number=note.revision.number),
        _BY(language, name=plain(shortened(note.revision.writer, 40))),
        f"<t:{int(note.revision.created_at.timestamp())}:f>",
        _PLACE(language, number=number + 1, count=len(revisions)),
    ]
    top = "\n".join([f"**{title}**", f"-# {' · '.join(about)}", _place_in_history(note, language)])
    if number:
        text = difference(revisions[number - 1], note, language)
    else:
        text = shown(note.revision.submission.text)
    first, *rest = quoted_parts(text, MESSAGE_CHARACTERS - size(top) - len("\n\n> …"))
    if not rest:
        return Card(f"{top}\n{first}")
    return Card(f"{top}\n{first}\n> …", file_name(note), note.revision.submission.text)


def _place_in_history(note: Note, language: Language) -> str:
    return _LIVE(language) if note.live else where(note, language=language)


# What is near to a new note.


def asks_about_near(near: Sequence[Near], language: Language = Language.ENGLISH) -> str:
    """Before a new note is submitted that is like something on record: what, and what to do."""
    found, choices = NEAR_FOUND(language), NEAR_CHOICES(language)
    lines = [found]
    room = MESSAGE_CHARACTERS - size(found) - size(choices) - 2
    for line in (line for one in near for line in near_lines([one], language)):
        if size(line) + 1 <= room:
            lines.append(line)
            room -= size(line) + 1
    return "\n".join([*lines, choices])


def is_the_same(asked: str, language: Language = Language.ENGLISH) -> str:
    """To who says that what they wrote is on record already; `asked` is what they were asked."""
    around = {*NEAR_FOUND, *NEAR_CHOICES}
    found = [line for line in asked.split("\n") if line not in around]
    return "\n".join([SAME(language), *found])


def extend_label(near: Near, language: Language = Language.ENGLISH) -> str:
    """The button that opens one's own note instead; 80 characters."""
    return _EXTEND(language, title=shortened(legible(near.title), 60))


EXTEND_LABEL: Final = Both("Extend", "Ergänzen")
_EXTEND: Final = Both("Extend “{title}”", "„{title}“ ergänzen")
DRAFT_LABELS: Final[Mapping[str, Both]] = {
    "edit": Both("Continue editing", "Weiter bearbeiten"),
    "submit": Both("Submit anyway", "Trotzdem einreichen"),
    "same": Both("This is the same", "Das ist das Gleiche"),
}
NEAR_FOUND: Final = Both(
    "Before I hand it in: there is something like it already.",
    "Bevor ich sie einreiche: So etwas Ähnliches gibt es schon.",
)
NEAR_CHOICES: Final = Both(
    "-# `/note show` shows a note. Is yours the same? Then nothing is submitted. Else submit it: "
    "the moderators see these, too.",
    "-# `/note show` zeigt eine Notiz. Ist deine die gleiche? Dann wird nichts eingereicht. Sonst "
    "reich sie ein: Die Moderation sieht das hier auch.",
)
SAME: Final = Both(
    "Thank you for looking: nothing was submitted. This is on record.",
    "Danke fürs Nachsehen: Nichts wurde eingereicht. Das ist schon gespeichert.",
)


# The form of a note. Labels have 45 characters, what stands below them 100.

NEW_TITLE: Final = Both("Propose a note", "Eine Notiz vorschlagen")
REVISION_TITLE: Final = Both("Revise your note", "Deine Notiz überarbeiten")
TITLE_HELP: Final = Both("What it is about, in one line.", "Worum es geht, in einer Zeile.")
TITLE_OF_FILE_HELP: Final = Both(
    "What it is about, in one line. With a file: empty for the file's own.",
    "Worum es geht, in einer Zeile. Mit Datei: leer für deren eigenen.",
)
TEXT_HELP: Final = Both(
    "What people should be able to find. Markdown works.",
    "Was andere finden sollen. Markdown geht.",
)
OR_FILE: Final = Both("Or a file with the text", "Oder eine Datei mit dem Text")
FILE_HELP: Final = Both(
    f".md .txt .pdf .docx .html; {FILE_LIMITS.english}",
    f".md .txt .pdf .docx .html; {FILE_LIMITS.german}",
)
_KEPT_HELP: Final = Both(
    "Empty: the text stays as it is, {number} characters.",
    "Leer: Der Text bleibt, wie er ist, {number} Zeichen.",
)
KNOWN_TAGS_HELP: Final = Both("Up to five.", "Bis zu fünf.")
KNOWN_TAGS_ONLY_HELP: Final = Both(
    "Up to five. `/note add tag:` takes new ones.",
    "Bis zu fünf. `/note add tag:` nimmt neue.",
)
OTHER_TAGS: Final = Both("Other tags", "Andere Tags")
TAGS_HELP: Final = Both(
    "Up to five, separated by blanks or commas.",
    "Bis zu fünf, getrennt durch Leerzeichen oder Kommas.",
)
LINK: Final = Both("Source link", "Link zur Quelle")
LINK_HELP: Final = Both("Where this can be checked.", "Wo man das nachprüfen kann.")


def kept_help(text: str, language: Language) -> str:
    """Below the field for a file that would take the place of a text."""
    return _KEPT_HELP(language, number=written(len(text), language))


# Withdrawing and reporting.

WITHDRAW_LABELS: Final[Mapping[str, Both]] = {
    "yes": Both("Withdraw", "Zurückziehen"),
    "no": Both("Keep it", "Behalten"),
}
_WITHDRAW_LIVE: Final = Both(
    "Withdraw “{title}”? Questions will no longer be answered from it.",
    "„{title}“ zurückziehen? Fragen werden dann nicht mehr daraus beantwortet.",
)
_WITHDRAW_RETIRED: Final = Both(
    "Withdraw “{title}”? It is retired; moderators can't put it back then.",
    "„{title}“ zurückziehen? Sie ist stillgelegt; die Moderation kann sie dann nicht zurückholen.",
)
_WITHDRAW_PENDING: Final = Both(
    "Withdraw “{title}”, which waits for a decision?",
    "„{title}“ zurückziehen, die auf eine Entscheidung wartet?",
)
_WITHDRAW_REVISION: Final = Both(
    "Withdraw “{title}”, which waits for a decision? The text that is live stays live.",
    "„{title}“ zurückziehen, die auf eine Entscheidung wartet? Der Text, der gilt, gilt weiter.",
)
_REVISION_WITHDRAWN: Final = Both(
    "The revision of “{title}” is withdrawn. The text that is live stays live.",
    "Die Fassung von „{title}“ ist zurückgezogen. Der Text, der gilt, gilt weiter.",
)
_WITHDRAWN: Final = Both(
    "“{title}” is withdrawn. Its text is kept for you: `/note edit` proposes it again.",
    "„{title}“ ist zurückgezogen. Der Text bleibt für dich aufgehoben: `/note edit` schlägt ihn "
    "wieder vor.",
)


def asks_to_withdraw(note: Note, language: Language = Language.ENGLISH) -> str:
    """Before something is withdrawn: what that will mean."""
    sentence = _WITHDRAW_PENDING
    if note.live:
        sentence = _WITHDRAW_LIVE
    elif note.retired:
        sentence = _WITHDRAW_RETIRED
    elif note.live_revision_id is not None:
        sentence = _WITHDRAW_REVISION
    return sentence(language, title=plain(note.revision.submission.title))


def withdrawn(note: Note, language: Language = Language.ENGLISH) -> str:
    """When something has been withdrawn."""
    sentence = _WITHDRAWN if note.live_revision_id is None else _REVISION_WITHDRAWN
    return sentence(language, title=plain(note.revision.submission.title))


NOT_WITHDRAWN: Final = Both("Nothing was withdrawn.", "Nichts wurde zurückgezogen.")
MOVED_ON: Final = Both(
    "This note has changed since you were asked. Nothing was withdrawn: `/note withdraw` asks "
    "anew.",
    "Diese Notiz hat sich geändert, seit du gefragt wurdest. Nichts wurde zurückgezogen: "
    "`/note withdraw` fragt noch einmal.",
)
NOTHING_TO_WITHDRAW: Final = Both(
    "None of your notes with that title can be withdrawn. `/note mine` lists yours.",
    "Keine deiner Notizen mit diesem Titel kann zurückgezogen werden. `/note mine` listet sie auf.",
)
REPORT_TITLE: Final = Both("Report a note", "Eine Notiz melden")
WHICH_NOTE: Final = Both("Which note", "Welche Notiz")
PROBLEM: Final = Both("What is the matter", "Was ist das Problem")
REPORT_REASON_HELP: Final = Both(
    "What is right instead, or how it does harm. Moderators see it.",
    "Was stattdessen stimmt, oder wie sie schadet. Die Moderation sieht es.",
)
_REPORTED: Final = Both(
    "Thank you. The moderators see that “{title}” is reported as {problem}.",
    "Danke. Die Moderation sieht, dass „{title}“ als {problem} gemeldet ist.",
)


def reported(note: Note, problem: Problem, language: Language = Language.ENGLISH) -> str:
    """To a member who reported a note."""
    title = plain(note.revision.submission.title)
    return _REPORTED(language, title=title, problem=problem_name(problem, language))


NOTHING_TO_REPORT: Final = Both(
    "None of the notes in this answer is live any more: there is nothing to report.",
    "Keine der Notizen in dieser Antwort gilt noch: Es gibt nichts zu melden.",
)
NO_NOTES: Final = Both(
    "You have not proposed a note here yet. `/note add` does.",
    "Du hast hier noch keine Notiz vorgeschlagen. Das geht mit `/note add`.",
)
_NONE_OF_THESE: Final = Both(
    "None of your notes is in that state. `/note mine` lists them all.",
    "Um keine deiner Notizen steht es so. `/note mine` listet alle auf.",
)
NO_HISTORY: Final = Both(
    "There is no such note here, or it is not live.",
    "So eine Notiz gibt es hier nicht, oder sie gilt nicht.",
)
NOT_A_MEMBER: Final = Both(
    "You are not a member of the server that this note belongs to.",
    "Du bist kein Mitglied des Servers, zu dem diese Notiz gehört.",
)
TEXT_AND_FILE: Final = Both(
    "There is a text and a file, and I can't tell which is the note: leave one of them out.",
    "Da sind ein Text und eine Datei, und ich weiß nicht, was die Notiz ist: Lass eines davon weg.",
)
NEITHER: Final = Both(
    "There is neither a text nor a file: write the text, or upload it as a file.",
    "Da ist weder ein Text noch eine Datei: Schreib den Text, oder lade ihn als Datei hoch.",
)
TAKEN_ALREADY: Final = Both(
    "This has been submitted already. `/note mine` says where it stands.",
    "Das wurde schon eingereicht. `/note mine` sagt, wie es darum steht.",
)
DRAFT_LOST: Final = Both(
    "What you wrote is in the file above, but I can't fetch it from Discord: copy it from there.",
    "Was du geschrieben hast, steht in der Datei oben, aber ich kann sie nicht von Discord holen: "
    "Kopiere es von dort.",
)
FILE_LOST: Final = Both(
    "I was restarted while the form was open, and no longer have the file that you gave with the "
    "command: give it again, or continue without it. What you typed is kept.",
    "Ich wurde neu gestartet, während das Formular offen war, und habe die Datei nicht mehr, die "
    "du mit dem Befehl gegeben hast: Gib sie noch einmal, oder mach ohne sie weiter. Was du "
    "eingegeben hast, ist noch da.",
)
TEXT_LOST: Final = Both(
    "I was restarted while the form was open, and can't find the text that it was about: open it "
    "again.",
    "Ich wurde neu gestartet, während das Formular offen war, und finde den Text nicht mehr, um "
    "den es ging: Öffne es noch einmal.",
)
_FROM_CHANNEL: Final = Both(
    "#{name} is not for everybody: may this be public?",
    "#{name} ist nicht für alle: Darf das öffentlich sein?",
)


def from_channel(name: str, language: Language = Language.ENGLISH) -> str:
    """On the form for a message from a channel that not everybody may read; 100 characters."""
    room = 100 - size(_FROM_CHANNEL(language, name=""))
    return _FROM_CHANNEL(language, name=shortened(legible(name), room))


REPORT_LABEL: Final = Both("Report", "Melden")
