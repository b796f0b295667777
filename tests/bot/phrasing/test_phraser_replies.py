"""Whatever a model replies: nothing is shown, sentences of passages, or what passed the check."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.answers.phrased import Mode
from bot.phrasing import phraser, prompts
from bot.phrasing.endpoint import Reply
from bot.phrasing.sentences import Quoted, Task, number_sentences
from bot.phrasing.written_sentences import check
from tests.bot.phrasing.conftest import embed
from tests.bot.phrasing.test_sentences import check_verbatim
from tests.bot.phrasing.test_written_sentences import QUOTES, TASK, check_shown

IDS = st.one_of(st.sampled_from([one.id for one in number_sentences(QUOTES)]), st.text(max_size=4))
NAMES = st.sampled_from(["sentences", "answers", "text", "from", "order", "ids"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30), IDS
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)
CHOICES = st.fixed_dictionaries({"sentences": st.lists(IDS, max_size=12), "answers": st.booleans()})
SENTENCES = st.fixed_dictionaries(
    {
        "sentences": st.lists(
            st.fixed_dictionaries(
                {
                    "text": st.one_of(
                        st.text(max_size=60),
                        st.sampled_from([one.text for one in number_sentences(QUOTES)]),
                    ),
                    "from": st.lists(IDS, max_size=4),
                }
            ),
            max_size=6,
        )
    }
)
JSON = st.one_of(VALUES, CHOICES, SENTENCES).map(json.dumps)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """JSON of any form, fenced or cut somewhere, or any text."""
    text = draw(st.one_of(JSON, st.text(max_size=60)))
    if draw(st.booleans()):
        text = f"```json\n{text}\n```"
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@given(texts(), st.booleans())
async def test_any_reply_shows_only_verbatim_or_checked_lines(text: str, is_cut: bool) -> None:
    reply = Reply(text, is_cut)
    offered = number_sentences(QUOTES)
    if (parsed := prompts.parse(reply, prompts.Chosen)) is not None:
        choice = phraser.choose(QUOTES, offered, parsed)
        assert bool(choice.lines) == bool(choice.ids)
        for line in choice.lines:
            check_verbatim(line, list(QUOTES))
    if (sentences := prompts.parse_sentences(reply)) is not None:
        found = await check(TASK, offered, sentences, embed)
        check_shown(found.lines)
    order = prompts.parse(reply, prompts.Order)
    places = phraser.places(order.order if order else (), ["1", "2", "3"], 4)
    assert sorted(places) in ([], [0, 1, 2, 3])


@given(st.lists(st.text(max_size=80), max_size=4), st.data())
async def test_any_passages_give_a_result(passages: list[str], data: st.DataObject) -> None:
    quotes = tuple(Quoted(text, "T") for text in passages)
    offered = number_sentences(quotes)
    if offered:
        one = data.draw(st.sampled_from(offered))
        text = json.dumps({"sentences": [{"text": one.text, "from": [one.id]}]})
        sentences = prompts.parse_sentences(Reply(text))
        assert sentences is not None
        found = await check(Task("?", quotes, Mode.PHRASE), offered, sentences, embed)
        assert all(line.text for line in found.lines)
