"""Texts and buttons of review cards in every state: complete, and within Discord's limits."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.notes import messages as notes_messages
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review.actions import ACTIONS, Action, actions_on, confirmation
from bot.review.cards import CardState
from bot.review.service import CardData
from bot.text.markdown import LAYOUT_CHARACTERS, MESSAGE_CHARACTERS, size
from knowledge.values.notes import (
    Decision,
    Note,
    NoticeEvent,
    Obstacle,
    Problem,
    Report,
    Review,
    SourceChange,
    SourceMessage,
    State,
)
from knowledge.values.settings import GuildSettings
from tests.bot import values
from tests.bot.spoken import english
from tests.bot.values import WHEN

TEXTS = st.text(max_size=3_000) | st.sampled_from(
    ["```python\n" * 50, "| a | b |\n" * 200, "@everyone " * 300, "[x](https://a.org) " * 150]
)


@given(
    text=TEXTS.map(lambda text: f"x{text}"),
    reason=st.text(max_size=500),
    state=st.sampled_from(State),
)
def test_cards_and_notices_fit_discords_limits(text: str, reason: str, state: State) -> None:
    note = values.note(text, state, reason, tags=("a" * 30,) * 5, link="https://a.org/" + "x" * 490)
    report = Report(1, 1, 4, Problem.WRONG, reason, WHEN)
    note = replace(note, reports=(report,) * 4, source=SourceMessage(1, 2, SourceChange.EDITED))
    findings = CardData({"approved": 3, "rejected": 1}, quorum=2)
    card = review_cards.card(note, WHEN, findings)
    assert all(text.strip() for text in card.texts)
    assert size("".join(card.texts)) <= LAYOUT_CHARACTERS
    messages = [review_cards.status_line(note), notes_messages.note_submitted(note)]
    messages += [
        part for event in NoticeEvent for part in review_messages.notice_parts(note, event)
    ]
    messages += [review_messages.obstacle(note, why) for why in Obstacle]
    messages += [confirmation(note, action) for action in Action]
    for message in messages:
        assert message.strip()
        assert len(message) <= MESSAGE_CHARACTERS


def test_earlier_notes_do_not_read_as_votes() -> None:
    note = values.note("Kites fly.")
    record = {"approved": 3, "rejected": 1, "withdrawn": 2}
    assert ", whose earlier notes: 3 approved, 1 rejected · " in review_cards.credit_line(
        note, record
    )
    assert "earlier" not in review_cards.credit_line(note, {"withdrawn": 2})


@given(
    text=st.text(alphabet="ab \n.", max_size=6_000).map(lambda text: f"x{text}y"),
    state=st.sampled_from([State.PENDING, State.REJECTED]),
)
def test_a_card_or_its_file_has_all_text(text: str, state: State) -> None:
    card = review_cards.card(values.note(text, state, "_" * 500, link="https://a.org/"), WHEN)
    assert card.texts[0].startswith("**Pending**" if state is State.PENDING else "**Rejected** by")
    shown = "".join(card.texts[1].removeprefix("> ").replace("\n> ", "\n").split())
    if not card.attached.file_name:
        assert "".join(text.split()) == shown
    else:
        assert card.attached.file_text == text


@pytest.mark.parametrize("reports", [0, 9, 10, 100])
def test_a_card_is_never_longer_than_its_room(reports: int) -> None:
    """The queue shows the last decision above a card, which leaves any amount of room."""
    note = values.note("x" * 3_000, State.CHANGES_REQUESTED, "r" * 300, link="https://a.org/x")
    report = Report(1, 1, 4, Problem.WRONG, "y" * 400, WHEN)
    note = replace(note, reports=(report,) * reports)
    for room in range(3_300, 3_400, 9):
        card = review_cards.card(note, WHEN, CardData({}, quorum=2), room)
        assert size("".join(card.texts)) <= room


@pytest.mark.parametrize(
    ("note", "standing"),
    [
        (values.note("x"), CardState.WAITING),
        (values.note("x", State.APPROVED), CardState.LIVE),
        (replace(values.note("x", State.APPROVED), sampled=True), CardState.WAITING),
        (replace(values.note("x", State.APPROVED), live_revision_id=8), CardState.CLOSED),
        (values.note("x", State.CHANGES_REQUESTED), CardState.RETURNED),
        (values.note("x", State.REJECTED), CardState.REJECTED),
        (values.note("x", State.WITHDRAWN), CardState.CLOSED),
    ],
)
def test_a_cards_colour_follows_the_state(note: Note, standing: CardState) -> None:
    assert review_cards.card(note, WHEN).state is standing


def test_the_status_line_names_moderator_and_reason() -> None:
    assert review_cards.status_line(values.note("x")) == "**Pending**"
    assert review_cards.status_line(values.note("x", State.REJECTED, "Too *old*.")) == (
        rf"**Rejected** by Ada <t:{int(WHEN.timestamp())}:R>: Too \*old\*."
    )
    vote = Review(7, 2, "Ada", Decision.APPROVE, "", WHEN)
    note = replace(values.note("x"), reviews=(vote,))
    assert review_cards.status_line(note, 2) == english(
        review_cards._APPROVALS, number=1, quorum=2, names="Ada"
    )


APPROVED = values.note("x", State.APPROVED)
PENDING = values.note("x")
VOTED = replace(PENDING, reviews=(Review(7, 2, "Ada", Decision.APPROVE, "", WHEN),))
DECIDE = [Action.APPROVE, Action.EDIT, Action.REQUEST_CHANGES, Action.REJECT]


@pytest.mark.parametrize(
    ("note", "minutes", "buttons", "menu"),
    [
        (PENDING, 1, [*DECIDE, Action.IMPACT], [Action.DUPLICATE, Action.WORDINGS]),
        (
            VOTED,
            1,
            [*DECIDE, Action.UNDO],
            [Action.IMPACT, Action.DUPLICATE, Action.WORDINGS],
        ),
        (APPROVED, 1, [Action.RETIRE, Action.UNDO, Action.WORDINGS], []),
        (APPROVED, 16, [Action.RETIRE, Action.WORDINGS], []),
        (values.note("x", State.REJECTED), 1, [Action.UNDO], []),
        (values.note("x", State.REJECTED), 16, [], []),
        # Also of a pending revision that a later one replaced.
        (values.note("x", State.WITHDRAWN), 1, [], []),
        (replace(APPROVED, live_revision_id=None, retired_revision_id=7), 1, [Action.RESTORE], []),
        (replace(APPROVED, live_revision_id=8), 16, [], []),
        (
            replace(APPROVED, review_at=WHEN),
            16,
            [Action.KEEP, Action.RETIRE, Action.WORDINGS],
            [],
        ),
        (replace(APPROVED, sampled=True), 16, [Action.KEEP, Action.RETIRE, Action.WORDINGS], []),
    ],
)
def test_actions_follow_from_the_revisions_state(
    note: Note, minutes: int, buttons: list[Action], menu: list[Action]
) -> None:
    at = WHEN + timedelta(minutes=minutes)
    assert actions_on(note, GuildSettings(10, 1, 2), at) == (tuple(buttons), tuple(menu))


@given(
    st.sampled_from(State),
    st.sampled_from([None, 7, 8]),
    st.sampled_from([None, 7]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 30),
)
def test_a_card_has_at_most_five_buttons(
    state: State, live: int | None, retired: int | None, page: bool, voted: bool, minutes: int
) -> None:
    note = replace(
        values.note("x", state),
        live_revision_id=live,
        retired_revision_id=retired,
        review_at=WHEN,
        reviews=VOTED.reviews if voted else (),
    )
    settings = replace(GuildSettings(10, 1, 2), page=page)
    buttons, menu = actions_on(note, settings, WHEN + timedelta(minutes=minutes))
    assert len(buttons) <= 5
    assert len(menu) != 1
    assert not {*buttons} & {*menu}


def test_labels_fit_on_buttons() -> None:
    assert all(0 < len(ACTIONS[action].label.english) <= 80 for action in Action)


def test_mentions_and_links_are_shown_as_text() -> None:
    note = values.note("@everyone see [bank.org](https://evil.org)", State.REJECTED, "<@1> @here")
    content = "\n".join(review_cards.card(note, WHEN).texts)
    assert "@everyone" not in content
    assert "@here" not in content.replace("\\@here", "")
    assert "bank.org (<https://evil.org>)" in content
