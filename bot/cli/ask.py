"""The commands `ask`, `search` and `why`."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from bot.answers.decision import Clarification
from bot.answers.lookup import Ask
from bot.answers.pipeline import problem_with
from bot.cli import output
from bot.cli.console import JsonOption, fail, opened, out, print_json, with_settings
from bot.config.settings import Settings


@with_settings
def ask(
    settings: Settings,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help="The question; - reads one question a line from standard input.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Ask a question and get the passages that answer, quoted and cited.

    Example:
        commonplace ask 'When does the ferry to Lisbon leave?'
        commonplace ask - --json < questions.txt
    """
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    with opened(settings) as core:
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                fail(reply.outcome.problem)
            if as_json:
                print_json(output.reply_record(reply))
            else:
                for part in output.reply_parts(reply):
                    out.print(part, soft_wrap=isinstance(part, Text))


@with_settings
def search(
    settings: Settings,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The words to look for.")],
    k: Annotated[
        int, typer.Option("-k", metavar="N", min=1, max=100, help="At most this many passages.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the best passages for a query, one a document, whatever the evidence.

    Example:
        commonplace search 'ferry Lisbon' -k 3
    """
    with opened(settings) as core:
        if problem := problem_with(query):
            fail(problem)
        hits = core.search(query, None, k)
    for rank, hit in enumerate(hits, start=1):
        if as_json:
            print_json(output.hit_record(hit))
        else:
            out.print(output.hit_text(rank, hit), soft_wrap=True)
    if not hits and not as_json:
        out.print("Nothing was found.")


@with_settings
def why(
    settings: Settings,
    question_id: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The question's number.", min=1)
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what a recorded answer was made from, and what would be answered today.

    Example:
        commonplace why 17
    """
    with opened(settings) as core:
        replay = core.replay(question_id)
    if replay is None:
        fail(
            f"There is no question {question_id} on record. `stats` says how many there are; those "
            "older than `questions.keep_days` are kept without their words."
        )
    if as_json:
        print_json(output.replay_record(replay))
    else:
        out.print(output.replay_text(replay), soft_wrap=True)
