import pytest

from indexer.retrieval.highlight import BOLD, Comparison, Deciding, TokenCosines, highlight
from indexer.text.sentences import joined_passages, sentences


def deciding(
    question: str,
    text: str,
    heading: str = "",
    tokens: TokenCosines | None = None,
    *,
    probability: float = 1.0,
) -> Deciding | None:
    """The sentence chosen by words alone, as if all sentences were equally near."""
    weights = [((word,), 1.0) for word in question.split()]
    return highlight([Comparison(question, text, heading, [], weights, tokens)], probability)


def chosen(question: str, text: str) -> str:
    found = deciding(question, text, probability=0.0)
    return "" if found is None else text[found.start : found.end]


def section(*texts: str) -> list[Comparison]:
    """Passages one below the other; the second was found."""
    _, starts = joined_passages(texts)
    weights = [((word,), 1.0) for word in ("how", "open")]
    return [
        Comparison("how to open", text, "", [], weights, start=start - starts[1])
        for text, start in zip(texts, starts, strict=True)
    ]


def in_bold(question: str, text: str, *near: int, probability: float = 1.0) -> str:
    """The text in bold if the model finds these sentences near."""
    count = len(sentences(text))
    cosines = [0.9 if i in near else 0.2 for i in range(count)]
    tokens = TokenCosines(cosines, cosines)
    found = deciding(question, text, tokens=tokens, probability=probability)
    return text[found.start : found.end] if found is not None and found.is_bold else ""


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


def test_sentence_beside_answering_code_is_unmarked() -> None:
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


def test_short_bold_beginning_lets_a_sentence_be_marked() -> None:
    text = "Some words first.\n\n**Never** bleed them while they are hot."
    assert chosen("bleed hot", text) == "**Never** bleed them while they are hot."


def test_question_itself_is_not_marked() -> None:
    text = "Can i freeze the starter in winter?\n\nBetter dry it."
    assert chosen("freeze starter winter", text) == "Better dry it."


def test_remedy_behind_a_pasted_error_is_marked() -> None:
    error = "mount point busy, refused by server"
    text = f"About this:\n\n{error.capitalize()}.\n\nClose all shells. Then try again."
    assert chosen(error, text) == "Close all shells."


def test_a_sentence_that_adds_something_to_the_question_is_marked() -> None:
    text = "The server closed at nine in spring 2019. Nothing is known of why."
    assert chosen("when server closed", text) == "The server closed at nine in spring 2019."


def test_a_yes_is_marked_with_what_is_so() -> None:
    text = "Yes. Press the switch. It is under appearance."
    assert chosen("yes", text) == "Yes. Press the switch."


def test_yes_on_its_own_line_is_marked() -> None:
    text = "Yes.\n\nPress the switch."
    assert chosen("yes", text) == "Yes."


def test_sentence_takes_half_of_the_topic_before() -> None:
    text = "The eiffel tower stands in paris. It was built in 1889."
    assert chosen("eiffel built", text) == "It was built in 1889."
    assert chosen("eiffel", text) == "The eiffel tower stands in paris."


def test_what_announces_nothing_any_more_is_not_marked() -> None:
    assert chosen("printer", "Press Print.\n\nChoose the printer:") == "Press Print."


def test_a_picture_is_not_marked_while_anything_is_said() -> None:
    assert chosen("saw", "![a saw](./saw.jpg)\n\nIt cuts wood.") == "It cuts wood."


ERROR = "module foo has no attribute bar"


@pytest.mark.parametrize(
    ("shown", "fix"),
    [
        (f"It can say:\n\n```pytb\nline 12 in foo\nError: {ERROR} (line 12)\n```", "Update it."),
        (f"`Error: {ERROR}. It may be older. Or newer.`", "Update it."),
        ("It can say:\n\n```\nfatal: bar aborted, busy since today\n```", "Update it."),
        ("> Failed to open bar, busy since today", "Update it."),
    ],
)
def test_the_sentence_after_a_shown_error_is_marked(shown: str, fix: str) -> None:
    text = f"{shown}\n\n{fix} Then start it again."
    assert chosen(f"{ERROR} since today", text).startswith(fix)


@pytest.mark.parametrize(
    "line",
    [
        "at foo.Bar.add(Bar.java:12)",
        'File "bar.py", line 12, in add',
        "[02:04:00] [Server thread/INFO]: bar()",
        "2026-12-01T02:04:00 WARNING bar()",
    ],
)
def test_a_log_or_stack_trace_is_no_answer(line: str) -> None:
    text = f"```\nbar too old: version in foo(1)\n  {line}\n```\n\nUpdate it. Then start it again."
    assert chosen("bar version too old", text) == "Update it."


def test_a_shown_error_is_named_as_a_repetition() -> None:
    shown = "```\nfatal: bar aborted\n```"
    found = deciding("why is bar aborted", f"{shown}\n\nUpdate it. Then start it again.")
    assert found is not None
    assert found.repeated == ((0, len(shown)),)


def test_a_sentence_that_announces_code_is_likelier() -> None:
    text = "The light is green. Start it like this:\n\n```\nfoo --bar\n```"
    assert chosen("foo", text).startswith("Start it")
    assert not chosen("foo", text.partition("\n")[0]).startswith("Start it")


def test_the_sentence_below_the_error_asked_about_is_bold() -> None:
    shown = "It can say:\n\n```\nfatal: bar is busy\n```"
    text = f"Beer is cheap. Tea is hot. {shown}\n\nIt is rare. We sing. We dance."
    assert sentences(text)[3][0] == text.index("```")
    assert in_bold("how to open", text, 3) == "It is rare."


def test_code_that_does_not_repeat_the_question_is_marked() -> None:
    code = "```\nfoo --bar\n```"
    assert chosen("how is bar given to foo", f"It is easy.\n\n{code}") == code


def test_bold_is_only_a_sentence_that_is_likely_enough() -> None:
    text = f"The bar is at the back. Pull the lever. {'Beer is cheap. ' * 6}Tea is hot."
    assert in_bold("how to open", text, 1) == "Pull the lever."
    assert in_bold("how to open", text, 0, 8) == ""
    assert in_bold("how to open", text) == ""
    assert BOLD > 0.5


def test_bold_needs_a_likely_answer() -> None:
    text = f"The bar is at the back. Pull the lever. {'Beer is cheap. ' * 6}Tea is hot."
    assert in_bold("how to open", text, 1, probability=0.9) == "Pull the lever."
    assert in_bold("how to open", text, 1, probability=0.6) == ""


def test_sentences_in_a_row_are_bold_together() -> None:
    text = "The bar is old. It has a lid. It has a lock. Beer is cheap. Tea is hot. We sing."
    assert in_bold("how to open", text, 1, 2) == "It has a lid. It has a lock."
    assert in_bold("how to open", text, 0, 3) == ""


def test_what_is_said_between_questions_alone_is_not_bold() -> None:
    assert in_bold("how to open", "Is it red? Look there. Is it old?", 1) == ""


def test_most_of_a_text_is_never_bold() -> None:
    assert in_bold("how to open", "It has a lid. It has a lock.", 0, 1) == ""


@pytest.mark.parametrize(
    "texts",
    [
        ("It is old.", "It has a lid. It is red.", "Pull the lever."),
        ("Pull the lever.", "It has a lid. It is red.", "It is old."),
    ],
)
def test_the_passages_around_answer_too(texts: tuple[str, str, str]) -> None:
    joined, (_, begin, _) = joined_passages(texts)
    found = highlight(section(*texts))
    assert found is not None
    assert joined[begin + found.start : begin + found.end] == "Pull the lever."


def test_a_sentence_that_repeats_the_question_is_never_bold() -> None:
    text = "The printer prints blank pages. Nobody knows more."
    assert in_bold("printer prints blank pages", text, 0) == ""
    assert in_bold("why is that", text, 0) == "The printer prints blank pages."


@pytest.mark.parametrize(
    ("question", "text", "best"),
    [
        ("how to open it", "It has a lid. Turn the key. It is red.", "Turn the key."),
        ("wie geht es auf", "Es ist rot. Dreh es. Drücke den Knopf.", "Drücke den Knopf."),
        (
            "how long is it open",
            "It is open for long. It is open for 3 days.",
            "It is open for 3 days.",
        ),
        ("is it free", "There is a bar. It is not.", "It is not."),
        ("can i do that", "It is old. Yes, outside. It is red.", "Yes, outside."),
        ("where is it", "It is in the hall. Note that it is red.", "It is in the hall."),
        ("it is stuck", "Otherwise, it is stuck. Oil it.", "Oil it."),
        ("door stuck", "Nails are red. Take oil instead. We sing.", "Take oil instead."),
    ],
)
def test_what_a_question_asks_for_decides(question: str, text: str, best: str) -> None:
    assert chosen(question, text) == best


def test_other_sentences_that_may_answer_are_named_by_likelihood() -> None:
    text = "Turn the key. It is red. Push the door. It is old."
    found = deciding("how to open it", text)
    assert found is not None
    assert {found.start, *found.others} >= {0, text.index("Push")}
    assert all(place != found.start for place in found.others)
