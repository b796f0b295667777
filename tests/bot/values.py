"""A passage, a note and texts as plain values, for what needs no server."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from bot.ask.messages import AnswerText
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import SHARED, Kind
from knowledge.values.notes import Decision, Note, Review, Revision, State
from knowledge.values.submissions import Submission

WHEN = datetime(2026, 3, 4, tzinfo=UTC)


def in_one(shown: AnswerText) -> str:
    """All that an answer says, from its first line to the last citation."""
    quotations = [line for one in shown.quotations for line in (one.text, one.cited)]
    return "\n".join([shown.head, *quotations, *shown.places])


# What people write, and what somebody might write to do harm.
PARTS = st.one_of(
    st.sampled_from(
        [
            "```",
            "```python",
            "~~~",
            "\n",
            "\n\n",
            " ",
            "@everyone",
            "<@123>",
            "[bank.org](https://evil.org)",
            "[a](https://a.org/x)",
            "https://bare.org",
            "| a | b |",
            "**",
            "> ",
            "- item",
            "](",
            "# ",
        ]
    ),
    st.text(max_size=40),
    st.text(alphabet="ab. \n", min_size=100, max_size=400),
)


TEXTS = st.lists(PARTS, max_size=30).map("".join)


def file_passage(text: str = "The club has 40 hours.", **changed: object) -> StoredPassage:
    passage = StoredPassage(
        id=1,
        document_id="file:x",
        scope=SHARED,
        kind=Kind.FILE,
        position=0,
        title="T",
        heading="H",
        text=text,
        link="https://own.org/",
        tags=(),
        contributor="",
        verified=None,
        revision=None,
        approved_by="",
    )
    return replace(passage, **changed)  # type: ignore[arg-type]


def note(text: str, state: State = State.PENDING, reason: str = "", **changed: object) -> Note:
    reviews: tuple[Review, ...] = ()
    decision = {
        State.APPROVED: Decision.APPROVE,
        State.REJECTED: Decision.REJECT,
        State.CHANGES_REQUESTED: Decision.REQUEST_CHANGES,
    }.get(state)
    if decision is not None:
        reviews = (Review(7, 2, "Ada", decision, reason, WHEN),)
    submission = replace(Submission("GPU hours", text), **changed)  # type: ignore[arg-type]
    revision = Revision(7, 1, 1, submission, state, WHEN, writer_id=1, writer="Mira")
    live = 7 if state is State.APPROVED else None
    return Note(
        1,
        10,
        1,
        "Mira",
        5,
        revision,
        reviews,
        live_revision_id=live,
        verified_at=WHEN if live else None,
        latest_revision_id=7,
    )
