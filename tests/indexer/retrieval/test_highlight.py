"""Which sentence is marked: texts as people write them, and what is never marked."""

import pytest

from indexer.retrieval.highlight import candidate_sentences, deciding_sentence, span_to_mark
from indexer.text.sentences import sentences


def chosen(question: str, text: str) -> str:
    """What is marked by words alone, as if all sentences were equally near; nothing if none is."""
    spans = sentences(text)
    plain = [text[slice(*span)] for span in spans]
    places = candidate_sentences(plain, plain)
    weights = [((word,), 1.0) for word in question.split()]
    best = deciding_sentence(question, [plain[i] for i in places], [0.5] * len(places), weights, "")
    return "" if best is None else text[slice(*span_to_mark(plain, spans, places[best]))]


TABLE = """\
| Code | Meaning |
|---|---|
| e1017 | the port is taken |
| e2003 | the licence is over |

Codes come from the server."""


def test_the_row_of_a_table_is_marked_where_it_answers() -> None:
    assert chosen("e1017", TABLE) == "| e1017 | the port is taken |"


def test_the_top_of_a_table_never_is() -> None:
    assert chosen("code", TABLE) != "| Code | Meaning |"


def test_a_sentence_beside_code_that_answers_is_not_marked_for_it() -> None:
    code = '```toml\ntimeout = "300"\n```'
    assert chosen("timeout", f"Settings are read at the start.\n\n{code}") == code


def test_what_announces_the_code_that_answers_is_marked() -> None:
    text = "Plugins are classes. In python:\n\n```python\nclass echo: ...\n```"
    assert chosen("echo", text) == "In python:"


@pytest.mark.parametrize(
    "label",
    ["**ada**, 24 Nov 2026:", "**wrench_wizard** · 9 October", "**Table of Contents**", "6.3."],
)
def test_who_wrote_it_and_numbers_are_never_marked(label: str) -> None:
    text = f"**tom**, 1 May:\n\nhow often are brakes bled?\n\n{label}\n\nOnce a year is enough."
    assert chosen("how often are brakes bled", text) == "Once a year is enough."


def test_a_short_bold_beginning_does_not_keep_a_sentence_from_being_marked() -> None:
    text = "Some words first.\n\n**Never** bleed them while they are hot."
    assert chosen("bleed hot", text) == "**Never** bleed them while they are hot."


def test_the_question_itself_is_not_marked_where_anything_else_is_said() -> None:
    text = "Can i freeze the starter in winter?\n\nBetter dry it."
    assert chosen("freeze starter winter", text) == "Better dry it."


def test_what_follows_a_pasted_error_is_marked_instead_of_the_error_itself() -> None:
    error = "mount point busy, refused by server"
    text = f"About this:\n\n{error.capitalize()}.\n\nClose all shells. Then try again."
    assert chosen(error, text) == "Close all shells."
    assert chosen(error, f"Close all shells.\n\n{error.capitalize()}.").startswith("Mount")


def test_a_sentence_that_adds_something_to_the_question_is_marked() -> None:
    text = "The server closed at nine in spring 2019. Nothing is known of why."
    assert chosen("when server closed", text) == "The server closed at nine in spring 2019."


def test_a_yes_is_marked_with_what_is_so() -> None:
    text = "Yes. Press the switch. It is under appearance."
    assert chosen("yes", text) == "Yes. Press the switch."


def test_a_yes_on_a_line_of_its_own_is_marked_alone() -> None:
    text = "Yes.\n\nPress the switch."
    assert chosen("yes", text) == "Yes."


def test_a_sentence_has_half_of_what_the_sentence_before_is_about() -> None:
    text = "The eiffel tower stands in paris. It was built in 1889."
    assert chosen("eiffel built", text) == "It was built in 1889."
    assert chosen("eiffel", text) == "The eiffel tower stands in paris."


def test_what_announces_nothing_any_more_is_not_marked() -> None:
    assert chosen("printer", "Press Print.\n\nChoose the printer:") == "Press Print."


def test_the_first_item_of_a_list_is_not_marked_for_its_place_alone() -> None:
    text = "- Location: basement\n- Responsible: Iain\n- Induction: yes"
    assert not chosen("rule for the loo", text)
    assert chosen("basement", text) == "- Location: basement"
    assert chosen("iain", text) == "- Responsible: Iain"
    assert chosen("rule for the loo", "It is in the basement. Iain has the key.") == (
        "It is in the basement."
    )
    assert chosen("loo", "- Location: basement") == "- Location: basement"


def test_a_picture_is_not_marked_while_anything_is_said() -> None:
    assert chosen("saw", "![a saw](./saw.jpg)\n\nIt cuts wood.") == "It cuts wood."


ERROR = "module foo has no attribute bar"


@pytest.mark.parametrize(
    ("shown", "fix"),
    [
        (f"It can say:\n\n```pytb\nline 12 in foo\nError: {ERROR} (line 12)\n```", "Update it."),
        (f"`Error: {ERROR}. It may be older. Or newer.`", "Update it."),
    ],
)
def test_what_follows_code_with_words_of_the_question_in_a_row_is_marked(
    shown: str, fix: str
) -> None:
    text = f"{shown}\n\n{fix} Then start it again."
    assert chosen(f"{ERROR} since today", text) == fix


def test_code_that_does_not_repeat_the_question_is_marked() -> None:
    code = "```\nfoo --bar\n```"
    assert chosen("how is bar given to foo", f"It is easy.\n\n{code}") == code


def test_the_more_of_a_question_its_heading_says_the_likelier_is_the_first_sentence() -> None:
    sentences = ["It began small.", "Some say it was then.", "Nobody knows more."]
    weights = [((word,), 1.0) for word in ("who", "pay", "fair")]
    asked = ("who pays the fair", sentences, [0.2, 0.2, 0.3], weights)
    assert deciding_sentence(*asked, "The town") == 2
    assert deciding_sentence(*asked, "Who pays the fair") == 0
