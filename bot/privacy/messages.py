"""What `/privacy` says. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Both, written
from knowledge.model.records import Language
from knowledge.store.personal_data import Stored

PRIVACY_BUTTON: Final = (
    r"privacy:(?P<action>export|quiet|tell|withhold|quote|delete|keep|withdraw|cancel)"
)

QUIET_LABEL: Final = Both("Don't tell me", "Nicht benachrichtigen")

PRIVACY_LABELS: Final[Mapping[str, Both]] = {
    "export": Both("Export", "Exportieren"),
    "quiet": QUIET_LABEL,
    "tell": Both("Tell me again", "Wieder benachrichtigen"),
    "withhold": Both("Don't quote my messages", "Meine Nachrichten nicht zitieren"),
    "quote": Both("Quote my messages again", "Meine Nachrichten wieder zitieren"),
    "delete": Both("Delete…", "Löschen …"),
    "keep": Both("Delete, but keep my live notes", "Löschen, meine Notizen behalten"),
    "withdraw": Both("Delete, and withdraw my live notes", "Löschen, meine Notizen zurückziehen"),
    "cancel": Both("Cancel", "Abbrechen"),
}

_KINDS: Final[Mapping[str, Both]] = {
    "notes": Both(
        "Notes you proposed: your name stands with each that is quoted.",
        "Notizen, die du vorgeschlagen hast: Wo sie zitiert werden, steht dein Name.",
    ),
    "revisions": Both(
        "Texts of these, and texts you wrote for others' notes.",
        "Deren Texte, und Texte, die du für Notizen anderer geschrieben hast.",
    ),
    "reviews": Both(
        "Decisions you made as a moderator, with your reasons.",
        "Entscheidungen, die du in der Moderation getroffen hast, mit deinen Gründen.",
    ),
    "decisions": Both(
        "Decisions on your notes, with the reasons you were told.",
        "Entscheidungen über deine Notizen, mit den Gründen, die du erfahren hast.",
    ),
    "reports": Both("What you reported about notes.", "Was du über Notizen gemeldet hast."),
    "questions": Both(
        "Questions you asked and which passages were found; for finding gaps.",
        "Fragen, die du gestellt hast, und welche Stellen gefunden wurden; um Lücken zu finden.",
    ),
    "feedback": Both(
        "Your *Helpful* and *Not helpful*, with reasons.",
        "Dein *Hilfreich* und *Nicht hilfreich*, mit Gründen.",
    ),
    "notices": Both(
        "What you were told, or are still to be told.",
        "Was dir gesagt wurde oder noch gesagt werden soll.",
    ),
    "handed_on": Both(
        "Questions that you had put to the moderators.",
        "Fragen, die du an die Moderation gegeben hast.",
    ),
    "log": Both(
        "Lines about you in the log of what was done, by a number.",
        "Zeilen über dich im Protokoll dessen, was getan wurde, unter einer Nummer.",
    ),
    "preferences": Both(
        "Your choices below, where you changed one.",
        "Was du unten gewählt hast, wo du etwas geändert hast.",
    ),
    "messages": Both(
        "Messages of yours in channels that I read, while they stand there.",
        "Nachrichten von dir in Kanälen, die ich lese, solange sie dort stehen.",
    ),
}

_STORED: Final = Both(
    "**What is stored about you** (here / in all servers that I serve)",
    "**Was über dich gespeichert ist** (hier / in allen Servern, für die ich da bin)",
)

_IS_QUIET: Final = Both(
    "When a question of yours is answered later, I don't tell you.",
    "Wird eine Frage von dir später beantwortet, sage ich es dir nicht.",
)

_TELLS: Final = Both(
    "When a question of yours is answered later, I tell you once, at most every hour.",
    "Wird eine Frage von dir später beantwortet, sage ich es dir einmal, höchstens jede Stunde.",
)

_WITHHOLDS: Final = Both(
    "Your messages are left out of chats that I quote from.",
    "Deine Nachrichten werden aus Chats weggelassen, die ich zitiere.",
)

_QUOTES: Final = Both(
    "Where I quote from channels or exported chats, your messages there can be quoted.",
    "Wo ich Kanäle oder exportierte Chats zitiere, können deine Nachrichten zitiert werden.",
)

_NOBODY_ELSE: Final = Both(
    "-# Nobody else gets this, and no text of yours leaves this bot's own computer.",
    "-# Niemand sonst bekommt das, und kein Text von dir verlässt den Rechner dieses Bots.",
)


def privacy(
    stored: Mapping[str, Stored],
    *,
    quiet: bool,
    withheld: bool,
    language: Language = Language.ENGLISH,
) -> str:
    """What is stored about whoever asks."""
    lines = [_STORED(language)]
    lines += [
        f"`{written(found.here, language):>5} / {written(found.everywhere, language):>5}` "
        f"{_KINDS[kind](language)}"
        for kind, found in stored.items()
    ]
    lines.append((_IS_QUIET if quiet else _TELLS)(language))
    lines.append((_WITHHOLDS if withheld else _QUOTES)(language))
    lines.append(_NOBODY_ELSE(language))
    return "\n".join(lines)


ASKS_TO_DELETE: Final = Both(
    "**Delete what is stored about you in all servers?** This can't be undone.\n"
    "Deleted: your questions, your texts that are not live, what I was to tell you, your reasons "
    "for verdicts, your choice whether to be told, and who you are in the log. Your messages in "
    "chats that I quote from are left out from now on.\n"
    "Kept without your name, because others rely on it: live notes and their earlier approved "
    "texts (unless you withdraw them), decisions and reports with their reasons, how often "
    "something was found helpful, and questions that others asked in the same words.\n"
    "Not in my hands: messages in Discord, mine included, and backups that the operator made.",
    "**Löschen, was in allen Servern über dich gespeichert ist?** Das lässt sich nicht rückgängig "
    "machen.\n"
    "Gelöscht: deine Fragen, deine Texte, die nicht gelten, was ich dir sagen sollte, deine Gründe "
    "für Bewertungen, deine Wahl, ob du benachrichtigt wirst, und wer du im Protokoll bist. Deine "
    "Nachrichten in Chats, die ich zitiere, werden von jetzt an weggelassen.\n"
    "Ohne deinen Namen behalten, weil andere darauf bauen: Notizen, die gelten, und ihre früheren "
    "angenommenen Texte (außer du ziehst sie zurück), Entscheidungen und Meldungen mit ihren "
    "Gründen, wie oft etwas hilfreich war, und Fragen, die andere in den gleichen Worten gestellt "
    "haben.\n"
    "Nicht in meiner Hand: Nachrichten in Discord, auch meine, und Sicherungen, die beim "
    "Betrieb angelegt wurden.",
)

NOT_DELETED: Final = Both("Nothing was deleted.", "Nichts wurde gelöscht.")

QUIET: Final = Both(
    "I won't tell you any more when a question of yours is answered. `/privacy` undoes it.",
    "Ich sage dir nicht mehr, wenn eine Frage von dir beantwortet wird. `/privacy` ändert das.",
)

TOLD_AGAIN: Final = Both(
    "I'll tell you when a question of yours is answered later.",
    "Ich sage dir, wenn eine Frage von dir später beantwortet wird.",
)

WITHHELD: Final = Both(
    "Your messages are left out of chats that I quote from, in every server. It may take some "
    "minutes until all chats have been read again. `/privacy` undoes it.",
    "Deine Nachrichten werden aus Chats weggelassen, die ich zitiere, in jedem Server. Es kann "
    "einige Minuten dauern, bis alle Chats neu gelesen sind. `/privacy` ändert das.",
)

QUOTED_AGAIN: Final = Both(
    "Your messages in chats that I quote from can be quoted again.",
    "Deine Nachrichten in Chats, die ich zitiere, können wieder zitiert werden.",
)

EXPORTED: Final = Both(
    "This is everything that is stored about you.", "Das ist alles, was über dich gespeichert ist."
)

_DELETED: Final = Both(
    "Done. Your live notes name nobody now. Nothing here says who you are any more.",
    "Erledigt. Bei deinen Notizen steht kein Name mehr. Nichts hier sagt noch, wer du bist.",
)

_DELETED_WITHDRAWN: Final = Both(
    "Done. Your live notes are withdrawn. Nothing here says who you are any more.",
    "Erledigt. Deine Notizen sind zurückgezogen. Nichts hier sagt noch, wer du bist.",
)


def deleted(*, withdrawn: bool, language: Language = Language.ENGLISH) -> str:
    """To whoever had what is stored about them deleted."""
    return (_DELETED_WITHDRAWN if withdrawn else _DELETED)(language)
