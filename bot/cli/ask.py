"""The commands `ask`, `search` and `why`."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from bot.answers.ask import Ask
from bot.answers.outcome import Clarification
from bot.answers.pipeline import problem_with
from bot.cli import output
from bot.cli.console import Begins, JsonOption, fail, opened_core, out, print_json, with_settings
from bot.config.settings import Settings


@with_settings(Begins.DEFAULT)
def ask(
    settings: Settings,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help="The question, or - for one question a line on standard input.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Ask a question, and print the answer's passages with their sources.

    Example:
        commonplace ask 'When does the ferry to Lisbon leave?'
        commonplace ask - --json < questions.txt
    """
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    with opened_core(settings) as core:
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                fail(reply.outcome.problem)
            if as_json:
                print_json(output.reply_record(reply))
            else:
                for part in output.reply_parts(reply):
                    out.print(part, soft_wrap=isinstance(part, Text))


@with_settings(Begins.DEFAULT)
def search(
    settings: Settings,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to search for.")],
    k: Annotated[
        int,
        typer.Option("-k", metavar="N", min=1, max=100, help="How many passages to list at most."),
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the best passages for a query, one per document, whatever their evidence.

    Example:
        commonplace search 'ferry Lisbon' -k 3
    """
    with opened_core(settings) as core:
        if problem := problem_with(query):
            fail(problem)
        hits = core.search(query, None, k)
    for rank, hit in enumerate(hits, start=1):
        if as_json:
            print_json(output.hit_record(hit))
        else:
            out.print(output.hit_text(rank, hit), soft_wrap=True)
    if not hits and not as_json:
        out.print("No passages found.")


@with_settings()
def why(
    settings: Settings,
    question_id: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The question's number.", min=1)
    ],
    as_json: JsonOption = False,
) -> None:
    """Explain a recorded answer, and compare it with today's.

    Example:
        commonplace why 17
    """
    with opened_core(settings) as core:
        replay = core.replay(question_id)
    if replay is None:
        fail(
            f"Question {question_id} is not on record. `commonplace stats` counts recorded ones; "
            "after `questions.keep_days`, their text is deleted."
        )
    if as_json:
        print_json(output.replay_record(replay))
    else:
        out.print(output.replay_text(replay), soft_wrap=True)
