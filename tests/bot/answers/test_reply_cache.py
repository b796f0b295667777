"""A reply is given again to the very same question while nothing that it depends on has changed."""

from collections.abc import Iterable

import pytest

from bot.answers.outcome import Refusal, Reply
from bot.answers.reply_cache import REPLIES, ReplyCache, ReplyKey
from bot.answers.search_tiers import SearchTier
from indexer.index.selection import Selection
from knowledge.values.documents import ARTICLES, SHARED, Scope, channel_scope

KEY = ReplyKey("Who digs?", "", (SearchTier((SHARED,)),), None, (7,), "settings")
REPLY = Reply("Who digs?", Refusal())


def test_the_same_question_gets_the_same_reply() -> None:
    cache = ReplyCache[Reply]()
    cache.put(KEY, REPLY)
    assert cache.get(ReplyKey(*KEY)) is REPLY


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(text="who digs?"),
        KEY._replace(earlier="And in winter?"),
        KEY._replace(tiers=(SearchTier((SHARED, Scope(5))),)),
        KEY._replace(tiers=(SearchTier((Scope(5),)),)),
        KEY._replace(tiers=(SearchTier((SHARED, channel_scope(5))),)),
        KEY._replace(tiers=(SearchTier((SHARED,)), SearchTier((ARTICLES,)))),
        KEY._replace(tiers=(SearchTier((SHARED,), Selection()),)),
        KEY._replace(quotations=1),
        KEY._replace(generations=(8,)),
        KEY._replace(settings="others"),
    ],
)
def test_whatever_differs_is_another_question(other: ReplyKey) -> None:
    cache = ReplyCache[Reply]()
    cache.put(KEY, REPLY)
    assert cache.get(other) is None


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    cache = ReplyCache[Reply](2)
    for text in ("a?", "b?"):
        cache.put(KEY._replace(text=text), REPLY)
    assert cache.get(KEY._replace(text="a?")) is REPLY
    cache.put(KEY._replace(text="c?"), REPLY)
    kept = [cache.get(KEY._replace(text=text)) is not None for text in ("a?", "b?", "c?")]
    assert kept == [True, False, True]


def test_no_more_than_the_most_are_remembered() -> None:
    cache = ReplyCache[Reply]()
    for number in range(3 * REPLIES):
        cache.put(KEY._replace(text=f"{number}?"), REPLY)
    assert len(cache) == REPLIES


def test_only_a_guilds_earlier_generation_is_forgotten() -> None:
    cache, changed, other = ReplyCache[Reply](), Scope(5), Scope(6)
    generations = {changed: 7, other: 7}
    for scope in generations:
        for text in ("a?", "b?"):
            cache.put(KEY._replace(text=text, tiers=(SearchTier((scope,)),)), REPLY)

    def current(scopes: Iterable[Scope]) -> tuple[int, ...]:
        return tuple(generations[scope] for scope in scopes)

    cache.keep_current(14, current)
    assert len(cache) == 4
    generations[changed] = 8
    cache.keep_current(15, current)
    assert len(cache) == 2
    assert cache.get(KEY._replace(text="a?", tiers=(SearchTier((other,)),))) is REPLY
