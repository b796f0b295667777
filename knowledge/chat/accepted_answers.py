"""Accepted answers: the question of a conversation, and the reply that solved it.

Check marks, thanks and the asker's own solution count as signs of acceptance.
"""

from collections.abc import Sequence
from typing import Final

from knowledge.chat.conversations import Exchange, Message
from knowledge.chat.intents import (
    asks,
    asks_only,
    points_somewhere,
    tells_solution,
    thanks,
    word_count,
)

# Shorter messages are no answer, unless reactions or thanks mark them.
ANSWER_WORDS: Final = 6
# A first post without a question (a guide, an announcement) is a document from this length on.
POST_WORDS: Final = 40

_CHECKED_TEXT: Final = "✅ ☑ ☑️ ✔ ✔️ white_check_mark heavy_check_mark ballot_box_with_check solved"
_LIKED_TEXT: Final = """
    👍 ❤ ❤️ 💯 ⭐ 🙏 🎉 🙌 👏 🔥 thumbsup +1 heart 100 star pray tada raised_hands clap
"""
_CHECKED: Final = frozenset(_CHECKED_TEXT.split())
_LIKED: Final = frozenset(_LIKED_TEXT.split())


def exchange(
    messages: Sequence[Message], *, thread: bool = False, solved: bool = False
) -> Exchange | None:
    """Find the question of a conversation, its answer, and the other replies.

    In a complete `thread`, the first post is the question, or a guide that needs no answer. If the
    conversation is `solved` and no reply has signs of acceptance, the last reply that could be an
    answer is chosen. Returns None if there is no question, or no reply that could be an answer.
    """
    people = [message for message in messages if not message.bot]
    first = _first_post(people) if thread else _first_question(people)
    if first is None:
        return None
    question, after = people[first], people[first + 1 :]
    replies = [message for message in after if message.worth_reading]
    answer = _accepted_reply(question, after, solved=solved)
    others = [m for m in replies if m.member != question.member]
    own = answer is not None and answer.member == question.member
    is_post = thread and not asks(question.text) and word_count(question.text) >= POST_WORDS
    if not (own or is_post or answer or any(_could_answer(m, question) for m in others)):
        return None
    rest = tuple(m for m in replies if m is not answer)
    return Exchange(question, answer, rest)


def _first_question(messages: Sequence[Message]) -> int | None:
    found = (i for i, message in enumerate(messages) if message.worth_reading)
    return next((i for i in found if asks(messages[i].text)), None)


def _first_post(messages: Sequence[Message]) -> int | None:
    """The index of the thread author's first message with content, or else 0."""
    if not messages:
        return None
    own = (i for i, m in enumerate(messages) if m.member == messages[0].member and m.worth_reading)
    return next(own, 0)


def _could_answer(message: Message, question: Message) -> bool:
    is_long = word_count(message.text) >= ANSWER_WORDS
    is_reply = message.reply_to == question.id != 0
    may_be = is_long or is_reply or points_somewhere(message.text)
    return may_be and not asks_only(message.text)


def _accepted_reply(question: Message, after: Sequence[Message], *, solved: bool) -> Message | None:
    """The latest reply with the best score from 2 on; else, if `solved`, the last likely reply."""
    signs = _signs(question, after)
    best: Message | None = None
    most = 0
    for message in after:
        if not message.bot and signs.get(id(message), 0) >= max(most, 2):
            best, most = message, signs[id(message)]
    if best is None and solved:
        others = [m for m in after if m.worth_reading and m.member != question.member]
        answers = [m for m in others if _could_answer(m, question)]
        best = answers[-1] if answers else None
    return best


def _signs(question: Message, after: Sequence[Message]) -> dict[int, int]:
    """Score each message by signs of acceptance: reactions, thanks, the asker's own solution."""
    signs: dict[int, int] = {}
    by_id = {message.id: message for message in after if message.id}
    latest: Message | None = None
    for message in after:
        signs[id(message)] = signs.get(id(message), 0) + _reaction_signs(question, message)
        is_asker = message.member == question.member
        thanked = None
        if thanks(message.text):
            thanked = by_id.get(message.reply_to) or (latest if is_asker else None)
        if thanked is not None and thanked.member != message.member:
            signs[id(thanked)] = signs.get(id(thanked), 0) + _weight(message, is_asker=is_asker)
        elif is_asker and tells_solution(message.text) and message.worth_reading:
            signs[id(message)] += 3
        if not is_asker and message.worth_reading:
            latest = message
    return signs


def _weight(thanking: Message, *, is_asker: bool) -> int:
    if not is_asker:
        return 2
    return 8 if thanking.reply_to else 4


def _reaction_signs(question: Message, message: Message) -> int:
    total = 0
    for reaction in message.reactions:
        if reaction.emoji in _CHECKED:
            total += 8 if question.author_id in reaction.member_ids else 5
        elif reaction.emoji in _LIKED:
            total += min(reaction.count, 3)
    return total
