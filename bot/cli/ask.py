"""The commands `ask`, `search` and `why`."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from bot.answers.ask import Ask
from bot.answers.outcome import Clarification
from bot.answers.pipeline import problem_with
from bot.cli import output
from bot.cli.console import JsonOption, fail, opened_core, out, print_json, show, with_settings
from bot.cli.programs import GuildOption, guild_id_of
from bot.config.settings import Settings
from bot.core.core import Core
from knowledge.values.documents import SHARED


@with_settings()
def ask(
    settings: Settings,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help="The question, or - for one question a line on standard input.",
        ),
    ],
    guild: GuildOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question, and print the answer's passages with their sources.

    Example:
        commonplace ask 'When does the ferry to Lisbon leave?'
        commonplace ask 'When do we meet?' --guild 123456789012345678
        commonplace ask - --json < questions.txt
    """
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    guild_id = guild_id_of(guild)
    with opened_core(settings) as core:
        _check_guild(core, guild_id)
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, 0, guild_id)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                fail(reply.outcome.problem)
            if as_json:
                print_json(output.reply_record(reply))
            else:
                for part in output.reply_parts(reply):
                    out.print(part, soft_wrap=isinstance(part, Text))


@with_settings()
def search(
    settings: Settings,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to search for.")],
    k: Annotated[
        int,
        typer.Option("-k", metavar="N", min=1, max=100, help="How many passages to list at most."),
    ] = 10,
    guild: GuildOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the best passages for a query, one per document, whatever their evidence.

    Example:
        commonplace search 'ferry Lisbon' -k 3
    """
    guild_id = guild_id_of(guild)
    with opened_core(settings) as core:
        _check_guild(core, guild_id)
        if problem := problem_with(query):
            fail(problem)
        hits = core.search(query, guild_id, k)
    records = [output.hit_record(hit) for hit in hits]
    show(records, output.hits_text(hits), as_json=as_json)


def _check_guild(core: Core, guild_id: int | None) -> None:
    """Refuse a server that the index doesn't know: its id may be mistyped."""
    # Scopes of channels are below.
    known = sorted(scope for scope in core.index.tables.passages_by_scope() if scope > SHARED)
    if guild_id is not None and guild_id not in known:
        servers = ", ".join(map(str, known)) or "none"
        fail(f"Server {guild_id} has no notes or sources here. Servers that have: {servers}.")


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
        commonplace dev why 17
    """
    with opened_core(settings) as core:
        replay = core.replay(question_id)
    if replay is None:
        fail(
            f"Question {question_id} is not on record. `commonplace stats` counts recorded ones; "
            "after `questions.keep_days`, their text is deleted."
        )
    show(output.replay_record(replay), output.replay_text(replay), as_json=as_json)
