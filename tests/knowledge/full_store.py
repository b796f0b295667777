"""A community database with rows in every table, and its export."""

import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from knowledge.backup.exporter import export
from knowledge.files.pictures import checked_picture
from knowledge.store.database import now
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.store.store import Store
from knowledge.values.documents import Scope
from knowledge.values.guilds import Rule, SyncedChannel, SyncedContent
from knowledge.values.notes import Decision, Member, Note, PageName, Picture, Problem
from knowledge.values.questions import (
    Evidence,
    Feedback,
    HelpedQuestion,
    HelperAnswer,
    Question,
    RecordedHit,
    RecordedPhrasing,
    Verdict,
    WrittenLine,
)
from knowledge.values.settings import AnsweredFrom, Edition, GuildSettings, WeeklyDigest
from knowledge.values.submissions import Submission
from knowledge.values.synonyms import Synonym

GUILD = 10


MIRA, ADA, BEN = Member(1, "Mira"), Member(2, "Ada"), Member(3, "Ben")


AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


APPROVE = Ruling(Decision.APPROVE)


def picture(width: int = 1) -> Picture:
    """A black picture of one line."""
    header = struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 + 3 * width))), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return checked_picture("a.png", content)


def approved(store: Store, text: str = "Forty hours a month.") -> Note:
    note = store.contributions.propose(GUILD, MIRA, 5, Submission("GPU hours", text, ("gpu",))).note
    decided = store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    assert decided is not None
    return decided.note


def lived(store: Store) -> Note:
    """Write rows in every table."""
    synonyms = (Synonym("gpu", "graphics card"),)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2, synonyms=synonyms), 9)
    store.guilds.save_rule(GUILD, Rule("x", quorum=2), 9)
    store.synced_channels.add(SyncedChannel(3, GUILD, SyncedContent.THREADS, AT), 9)
    store.channel_settings.change(3, GUILD, {"answered_from": AnsweredFrom(("gpu",))}, 9)
    digest = WeeklyDigest(GUILD, Edition.MODERATORS, 1, 0, 9, "Europe/Berlin", chosen_at=AT)
    store.digests.choose(digest, 9)
    store.digests.claim(digest, AT)
    store.digests.settle(digest, AT, covered=True)
    note = approved(store)
    store.contributions.report(GUILD, note.id, 4, Problem.WRONG, "No.")
    store.contributions.revise(GUILD, note.id, MIRA, Submission("GPU hours", "Fifty.", ("gpu",)))
    other = store.contributions.propose(GUILD, MIRA, 5, Submission("Other", "x")).note
    store.decisions.decide(GUILD, other.revision.id, ADA, Ruling(Decision.REJECT, "Why?"))
    store.decisions.undo(GUILD, other.revision.id, ADA)
    hit = RecordedHit("note:1", "GPU hours", "A › B", "Forty", 0.1 + 0.2, ("meaning",))
    said = RecordedHit("chat:1", "", "", "", 0.1, ("words",), source_channel_id=8, position=0)
    found = [hit, said]
    question = Question(0, GUILD, 5, 7, "how?", Evidence.NONE, AT, 1, found, signals={"a": 1 / 3})
    question = replace(question, channels=(8, 9))
    question_id = store.question_records.record([question])[0]
    pick = Feedback(question_id, 7, Verdict.HELPFUL, "yes", document_id="note:1")
    assert store.feedback_records.record_pick(pick, digest_of(hit), by_moderator=False)
    [suggested] = store.wordings.suggested(note)
    assert store.decisions.reword(GUILD, note.revision.id, ADA, suggested)
    store.guilds.change(GUILD, {"ask_writers": True}, 9)
    for member_id in (21, 22, 23):
        verdict = Feedback(question_id, member_id, Verdict.UNHELPFUL, document_id="note:1")
        store.feedback_records.record(verdict)
    store.note_checks.ask(GUILD, now(), {})
    store.gaps.link_note(GUILD, note.id, question_id)
    for publication in store.gaps.unchecked_publications():
        store.gaps.record_check(publication, [question_id], [])
    store.handovers.enqueue(GUILD, [question_id], 7, AT)
    store.handovers.answer(GUILD, question_id, (3, "Ben", "Forty."), [], AT)
    store.gaps.merge(GUILD, [question_id], 9)
    store.gaps.set_opt_out(99, quiet=True)
    store.public_notes.choose_name(1, PageName.INITIAL)
    phrased = RecordedPhrasing("phrase", "shown", AT, lines=(WrittenLine("Forty.", (1,)),))
    store.phrasings.finish(question_id, phrased, keeps_words=True)
    helped = HelpedQuestion(71, GUILD, 5, 7, is_post=True, asked_at=AT, due_at=AT)
    store.helped_questions.add(helped)
    store.helper_answers.add(HelperAnswer(73, note.id, GUILD, 5, 9, question_id, AT))
    store.add_source("/z", Scope(GUILD))
    store.add_source("/a", Scope(0))
    store.keep_file_ids({"/a/b.md": "file:/a/c.md"})
    store.remember("a key", "a value")
    store.remember("commands digest", "abc")
    shown = Submission("Shelf", "The key is on the shelf.")
    store.contributions.propose(GUILD, MIRA, 5, shown, pictures=[picture(3), picture(4)])
    store.purge.guild(12)
    return note


def exported(store: Store, folder: Path) -> dict[str, bytes]:
    export(store.database, folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def note_file(folder: Path) -> Path:
    return next(folder.glob("notes/10/1-*.md"))
