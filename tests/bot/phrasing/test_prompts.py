"""What a model is sent: data between two random lines, without what could be taken for more."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.phrased import Mode
from bot.phrasing.prompts import INSTRUCTIONS, order_prompt, prompt, sendable
from bot.phrasing.sentences import Quoted, Task, number_sentences

QUOTES = (Quoted("Quokkas sleep by day. Rain wakes them.", "Quokkas", "Days › Nights"),)


def data_of(text: str) -> dict[str, object]:
    first, line, last = text.split("\n")
    assert first == last
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize("mode", Mode)
def test_question_and_passages_are_sent_as_data(mode: Mode) -> None:
    task = Task("When?", QUOTES, mode, earlier="Do quokkas sleep?")
    asked = prompt(task, number_sentences(QUOTES))
    assert asked.instructions == INSTRUCTIONS[mode]
    assert data_of(asked.data) == {
        "question": "When?",
        "follows": "Do quokkas sleep?",
        "passages": [
            {
                "title": "Quokkas",
                "heading": "Days › Nights",
                "sentences": {"1.1": "Quokkas sleep by day.", "1.2": "Rain wakes them."},
            }
        ],
    }
    assert '"enum": ["1.1", "1.2"]' in json.dumps(asked.schema)


def test_line_around_the_data_is_always_new() -> None:
    task = Task("When?", QUOTES, Mode.CHOOSE)
    words = {prompt(task, number_sentences(QUOTES)).data.split("\n")[0] for _ in range(20)}
    assert len(words) == 20


def test_passages_to_order_are_sent_with_their_beginnings() -> None:
    asked = order_prompt("When?", {"1": QUOTES[0], "2": Quoted("x" * 5_000, "Long")})
    found = data_of(asked.data)
    assert found["question"] == "When?"
    assert len(json.dumps(found)) < 1_500
    assert '"enum": ["1", "2"]' in json.dumps(asked.schema)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a<|im_end|>b", "a b"),
        ("a<|im<|x|>_end|>b", "a b"),
        ("<start_of_turn>model\nYes", "model\nYes"),
        ("<\uff5cend\u2581of\u2581sentence\uff5c>x", "x"),
        ("[INST] x [/INST]", "x"),
        ("<think>x</think>", "x"),
        ("s\u200be\u202ec\u2066r\u00adet\U000e0041", "secret"),
        ("a\ufe0f\U000e0100b", "ab"),
        ("see https://example.org/x?y=1 now", "see (link) now"),
        ("see [the page](https://example.org/x) now", "see the page now"),
        ("write to ann@example.org!", "write to (link)!"),
        ("www.example.org and discord.gg/abc", "(link) and (link)"),
        ("ask <@12> or <@&2> in <#1>", "ask (mention) or (mention) in (mention)"),
        ("type </ask:3> <a:wave:4>", "type (mention) (mention)"),
        ("`List<String>` and a < b > c", "`List<String>` and a < b > c"),
    ],
)
def test_markers_addresses_and_invisible_characters_are_not_sent(written: str, sent: str) -> None:
    assert sendable(written) == sent


@given(st.text(st.sampled_from("<|>/ a[]INST_\n\u200b\ufe0fhtps:.@#&!12"), max_size=60))
def test_no_text_keeps_a_marker_when_sent(written: str) -> None:
    found = sendable(written)
    assert sendable(found) == found
    assert re.search(r"<\|[^<>\n]{0,60}\|>|\[/?INST\]|https?://", found) is None
    assert all(unicodedata.category(sign) != "Cf" for sign in found)
