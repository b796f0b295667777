import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from knowledge.chat.conversations import (
    CONVERSATION_MESSAGES,
    OPEN_CONVERSATIONS,
    ConversationSplitter,
    Message,
    Reaction,
    exchange,
)
from tests.knowledge.decided_notes import some

MIRA, ADA, BO, CY = 1, 2, 3, 4
NAMES = {MIRA: "Mira", ADA: "Ada", BO: "Bo Lund", CY: "Cy"}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

QUESTION = "How do I reset the password of my account?"
ANSWER = "Open the settings, choose Security and press Reset."


def said(
    minute: float,
    member: int,
    text: str,
    *,
    reply_to: int = 0,
    reactions: Sequence[Reaction] = (),
    bot: bool = False,
) -> Message:
    """A message some minutes after the start; its id is the minute."""
    return Message(
        id=int(minute * 100) + 1,
        author_id=member,
        author=NAMES[member],
        at=START + timedelta(minutes=minute),
        text=text,
        reply_to=reply_to,
        reactions=tuple(reactions),
        bot=bot,
    )


def conversations(messages: Iterable[Message]) -> Iterator[list[Message]]:
    cutter = ConversationSplitter()
    for message in messages:
        yield from cutter.add(message)
    yield from cutter.rest()


def cut(*messages: Message) -> list[list[str]]:
    return [[message.text for message in found] for found in conversations(messages)]


# Cutting a channel.


def test_half_an_hour_of_silence_ends_a_conversation() -> None:
    assert cut(said(0, MIRA, "a"), said(29, ADA, "b"), said(60, BO, "c")) == [["a", "b"], ["c"]]


def test_a_reply_joins_its_conversation_hours_later() -> None:
    first = said(0, MIRA, QUESTION)
    found = cut(first, said(600, BO, "x"), said(601, ADA, ANSWER, reply_to=first.id))
    assert sorted(found) == [[QUESTION, ANSWER], ["x"]]


def test_a_reply_to_what_is_long_over_opens_another_conversation() -> None:
    first = said(0, MIRA, "a")
    assert cut(first, said(60 * 30, ADA, "b", reply_to=first.id)) == [["a"], ["b"]]


def test_two_conversations_at_once_are_told_apart() -> None:
    login = said(0, MIRA, "Why does the login page show an empty form?")
    export = said(1, BO, "Where can I export all of the data from last year?")
    found = cut(
        login,
        export,
        said(2, ADA, "The form needs cookies.", reply_to=login.id),
        said(3, CY, "@Bo in the menu, under Data"),
        said(4, MIRA, "ah, cookies were off"),
        said(5, BO, "found the menu"),
    )
    assert sorted(found) == [
        [
            "Where can I export all of the data from last year?",
            "@Bo in the menu, under Data",
            "found the menu",
        ],
        [
            "Why does the login page show an empty form?",
            "The form needs cookies.",
            "ah, cookies were off",
        ],
    ]


def test_asking_back_does_not_open_another_conversation() -> None:
    back = "Which version of the program do you have there?"
    assert cut(said(0, MIRA, QUESTION), said(1, ADA, back)) == [[QUESTION, back]]


def test_bots_are_in_no_conversation() -> None:
    assert cut(said(0, MIRA, "a"), said(1, BO, "Level up!", bot=True), said(2, ADA, "b")) == [
        ["a", "b"]
    ]


def test_channel_never_silent_is_cut() -> None:
    found = cut(*(said(i / 100, MIRA, str(i)) for i in range(CONVERSATION_MESSAGES * 2 + 1)))
    assert [len(part) for part in found] == [CONVERSATION_MESSAGES, CONVERSATION_MESSAGES, 1]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 60),
            st.sampled_from([MIRA, ADA, BO, CY]),
            st.integers(0, 30),
            st.booleans(),
        ),
        max_size=150,
    )
)
def test_each_message_is_in_one_conversation(drawn: list[tuple[float, int, int, bool]]) -> None:
    minutes = itertools.accumulate(gap for gap, *_ in drawn)
    messages = [
        Message(i + 1, member, NAMES[member], START + timedelta(minutes=minute), f"m{i}?", reply)
        for i, (minute, (_, member, reply, _)) in enumerate(zip(minutes, drawn, strict=True))
    ]
    found = list(conversations(messages))
    assert sorted(m.id for part in found for m in part) == [m.id for m in messages]
    assert all(part == sorted(part, key=lambda m: m.id) for part in found)


def test_no_more_conversations_are_open_than_the_limit() -> None:
    questions = [
        said(i / 10, MIRA, f"Where can I find the list with the number {i}?") for i in range(200)
    ]
    # By different authors, so each opens its own conversation.
    others = [Message(m.id, i + 100, f"P{i}", m.at, m.text) for i, m in enumerate(questions)]
    stream = conversations(others)
    next(stream)
    assert len(list(stream)) == 199
    assert OPEN_CONVERSATIONS < 200


# Results of a conversation.


def test_a_question_without_an_answer_comes_to_nothing() -> None:
    assert exchange([said(0, MIRA, QUESTION)]) is None
    assert exchange([said(0, MIRA, QUESTION), said(1, MIRA, "Nobody who would know that?")]) is None
    assert exchange([said(0, MIRA, QUESTION), said(1, ADA, "no idea")]) is None
    assert exchange([said(0, MIRA, QUESTION), said(1, ADA, "Same question here, anyone?")]) is None


def test_talk_without_a_question_comes_to_nothing() -> None:
    talk = [said(0, MIRA, "I went to the lake yesterday."), said(1, ADA, "It was lovely there.")]
    assert exchange(talk) is None


def test_thanked_reply_is_the_answer() -> None:
    wrong = said(1, BO, "Write to the support, they will do it for you.")
    right = said(2, ADA, ANSWER)
    late = said(3, CY, "You could also make another account for that.")
    thanked = said(4, MIRA, "Thanks, that worked!", reply_to=right.id)
    found = some(exchange([said(0, MIRA, QUESTION), wrong, right, late, thanked]))
    assert found.answer is right
    assert found.replies == (wrong, late)


def test_thanks_without_a_reply_mean_whoever_spoke_last() -> None:
    right = said(2, ADA, ANSWER)
    found = some(
        exchange(
            [
                said(0, MIRA, QUESTION),
                said(1, BO, "Try to switch it off."),
                right,
                said(3, MIRA, "ty!"),
            ]
        )
    )
    assert found.answer is right


def test_thanks_that_do_not_mean_success_accept_nothing() -> None:
    found = some(
        exchange(
            [
                said(0, MIRA, QUESTION),
                said(1, ADA, ANSWER),
                said(2, MIRA, "Thanks, but that button is not there"),
            ]
        )
    )
    assert found.answer is None


def test_a_check_mark_by_the_asker_outweighs_thanks_by_others() -> None:
    checked = said(1, ADA, ANSWER, reactions=[Reaction("✅", 1, frozenset({MIRA}))])
    liked = said(2, BO, "Or write to them.", reactions=[Reaction("👍", 9)])
    assert some(exchange([said(0, MIRA, QUESTION), checked, liked])).answer is checked


def test_one_like_is_no_sign() -> None:
    liked = said(1, ADA, ANSWER, reactions=[Reaction("👍", 1)])
    assert some(exchange([said(0, MIRA, QUESTION), liked])).answer is None


def test_askers_own_solution_may_be_the_answer() -> None:
    own = said(30, MIRA, "Turns out the cache was full, deleting it brought the form back.")
    assert some(exchange([said(0, MIRA, QUESTION), own])).answer is own


def test_greetings_and_thanks_are_no_replies() -> None:
    found = some(
        exchange(
            [
                said(0, CY, "hello everyone"),
                said(1, MIRA, QUESTION),
                said(2, BO, "hi"),
                said(3, ADA, ANSWER),
                said(4, CY, "nice"),
                said(5, BO, "That page has moved, it is under Account now."),
            ]
        )
    )
    assert found.question.text == QUESTION
    assert [m.text for m in found.replies] == [
        ANSWER,
        "That page has moved, it is under Account now.",
    ]


def test_a_thread_is_about_its_first_post_whatever_that_asks() -> None:
    found = some(
        exchange(
            [said(0, MIRA, "My account is locked after three tries."), said(1, ADA, ANSWER)],
            thread=True,
        )
    )
    assert found.question.text == "My account is locked after three tries."


def test_long_first_post_is_kept_alone() -> None:
    guide = "This is a guide. " + "Then press the next button and wait. " * 8
    assert exchange([said(0, MIRA, guide)], thread=True) is not None
    assert exchange([said(0, MIRA, guide)]) is None
    assert exchange([said(0, MIRA, "A short post.")], thread=True) is None


def test_solved_thread_without_signs_ended_with_its_answer() -> None:
    first, last = said(1, BO, "Try to switch it off and on again."), said(2, ADA, ANSWER)
    thread = [said(0, MIRA, QUESTION), first, last, said(3, MIRA, "aha")]
    assert some(exchange(thread, thread=True)).answer is None
    assert some(exchange(thread, thread=True, solved=True)).answer is last
