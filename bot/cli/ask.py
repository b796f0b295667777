"""The commands `ask`, `search` and `dev why`.

The JSON records are a stable interface: keys are added, never changed.
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby, zip_longest
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.styled import Styled
from rich.text import Text

from bot.answers.ask import Ask
from bot.answers.outcome import Clarification, Refusal, Reply, citation
from bot.answers.question_checks import problem_with, response_without_lookup
from bot.answers.replay import Replay
from bot.answers.reply_fields import places_of, quotes_of
from bot.answers.sections import passage_markdown
from bot.ask import messages as ask_messages
from bot.ask.explanation import found_by
from bot.cli import console
from bot.cli.programs import GuildOption, guild_id_of, guild_problem
from bot.config.settings import Settings
from bot.core.core import Core
from indexer.retrieval.hit import Hit
from knowledge.values.questions import RecordedPhrasing


@console.with_settings(console.Begins.ARTICLES)
def ask(
    settings: Settings,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION", help="The question, or - for one question a line on standard input."
        ),
    ],
    guild: GuildOption = None,
    as_json: console.JsonOption = False,
) -> None:
    """Ask a question, and print the answer's passages with their sources.

    Without a data folder, the bundled articles answer.

    Example:
        commonplace ask 'When does the ferry to Lisbon leave?'
        commonplace ask 'When do we meet?' --guild 123456789012345678
        commonplace ask - --json < questions.txt
    """
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    guild_id = guild_id_of(guild)
    with console.open_core(settings) as core:
        _check_guild(core, guild_id)
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, 0, guild_id)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                console.fail(response_without_lookup(text))
            if as_json:
                console.print_json(reply_record(reply))
            else:
                for part in reply_parts(reply):
                    console.out.print(part, soft_wrap=isinstance(part, Text))


@console.with_settings(console.Begins.ARTICLES)
def search(
    settings: Settings,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to search for.")],
    k: Annotated[
        int,
        typer.Option("-k", metavar="N", min=1, max=100, help="How many passages to list at most."),
    ] = 10,
    guild: GuildOption = None,
    as_json: console.JsonOption = False,
) -> None:
    """List the best passages for a query, one per document, whatever their evidence.

    Without a data folder, the bundled articles are searched.

    Example:
        commonplace search 'ferry Lisbon' -k 3
    """
    guild_id = guild_id_of(guild)
    with console.open_core(settings) as core:
        _check_guild(core, guild_id)
        if problem := problem_with(query):
            console.fail(problem)
        hits = core.search(query, guild_id, k)
    text = Text("" if hits else "No passages found.")
    for rank, hit in enumerate(hits, start=1):
        text.append(f"{rank}. {_where(hit.passage.title, hit.passage.heading)}", style="bold")
        text.append(f"  {hit.score:.3f} by {found_by(hit.legs)}\n", style="dim")
        text.append(f"{passage_markdown(hit.passage.kind, hit.passage.text)}\n")
        text.append("\n" if rank < len(hits) else "")
    console.show([hit_record(hit) for hit in hits], text, as_json=as_json)


def _check_guild(core: Core, guild_id: int | None) -> None:
    if problem := guild_problem(core, guild_id):
        console.fail(problem)


@console.with_settings()
def why(
    settings: Settings,
    question_id: Annotated[
        int,
        typer.Argument(metavar="NUMBER", help="The question's number.", min=1, max=console.MOST_ID),
    ],
    as_json: console.JsonOption = False,
) -> None:
    """Explain a recorded answer, and compare it with today's.

    Example:
        commonplace dev why 17
    """
    with console.open_core(settings) as core:
        replay = core.replay(question_id)
    if replay is None:
        console.fail(
            f"Question {question_id} is not on record. `commonplace stats` counts recorded ones; "
            "after `questions.keep_days`, their text is deleted."
        )
    console.show(replay_record(replay), replay_text(replay), as_json=as_json)


# Output.


def reply_record(reply: Reply) -> dict[str, Any]:
    """A reply as an object.

    `answer` joins the quoted sections; for small talk, it is the response. `places` has the nearest
    sections of an unsure answer. The `legs` of a hit are the retrievers that found it. `nearest`
    lists the titles of the hits.
    """
    outcome = reply.outcome
    quotes = quotes_of(outcome)
    answer = "\n\n".join(quote.text for quote in quotes)
    if isinstance(outcome, Clarification):
        answer = response_without_lookup(reply.question)
    return {
        "question": reply.question,
        "state": reply.state.value,
        "evidence": reply.evidence.value,
        "answer": answer,
        "hits": [hit_record(hit) for hit in reply.hits],
        "seconds": round(reply.seconds, 4),
        "probability": round(reply.signals.get("probability", 0.0), 4),
        "quotes": [asdict(quote) for quote in quotes],
        "places": [asdict(place) for place in places_of(outcome)],
        "nearest": list(dict.fromkeys(filter(None, (hit.passage.title for hit in reply.hits)))),
    }


def hit_record(hit: Hit) -> dict[str, Any]:
    return {
        "document": hit.passage.document_id,
        "title": hit.passage.title,
        "heading": hit.passage.heading,
        "passage": hit.passage.text,
        "score": round(hit.score, 4),
        "link": citation(hit.passage).link,
        "legs": list(hit.legs),
    }


def replay_record(replay: Replay) -> dict[str, Any]:
    question = replay.question
    return {
        "question": question.text,
        "earlier": question.earlier,
        "guild": question.guild_id,
        "asked_at": question.asked_at.isoformat(),
        "then": {
            "evidence": question.evidence.value,
            "generation": question.generation,
            "settings": question.settings,
            "signals": dict(question.signals),
            "hits": [
                {
                    "document": hit.document_id,
                    "title": hit.title,
                    "heading": hit.heading,
                    "passage": hit.passage,
                    "score": round(hit.score, 4),
                    "link": hit.link,
                    "legs": list(hit.legs),
                }
                for hit in question.hits
            ],
        },
        "now": {
            **reply_record(replay.now),
            "generation": replay.now.generation,
            "settings": replay.settings,
            "signals": dict(replay.now.signals),
        },
        "places": [
            {
                "document": place.document_id,
                "then": place.then,
                "now": place.now,
                "state": place.state.value,
            }
            for place in replay.places
        ],
        "phrasing": None
        if replay.phrasing is None
        else {**asdict(replay.phrasing), "asked_at": replay.phrasing.asked_at.isoformat()},
        "changes": replay.changes,
    }


def replay_text(replay: Replay) -> RenderableType:
    question, now = replay.question, replay.now
    asked = f"asked {question.asked_at:%d %b %Y %H:%M} UTC, generation {question.generation}"
    if question.earlier:
        asked += "\nfollowing up: " + " › ".join(question.earlier.split("\n"))
    places = [
        {
            "document": f"{place.document_id}\n{_where(place.title, place.heading)}",
            "then": place.then or None,
            "now": place.now or None,
            "score": hit.score if hit else None,
            "found by": found_by(hit.legs) if hit else None,
            "passage": place.state.value,
        }
        for place, hit in zip_longest(replay.places, question.hits)
    ]
    signals: list[dict[str, Any]] = [
        {"signal": "evidence", "then": question.evidence.value, "now": now.evidence.value},
        *(
            {"signal": name, "then": question.signals.get(name), "now": now.signals.get(name)}
            for name in dict.fromkeys([*question.signals, *now.signals])
        ),
    ]
    changes = replay.changes or ["The answer would be the same today."]
    phrased = [] if replay.phrasing is None else [Text(_phrasing_text(replay.phrasing))]
    return Group(
        Text(f"{question.text}\n", style="bold").append(asked, style="dim not bold"),
        console.table(places),
        console.table(signals),
        *phrased,
        Text("\n".join(changes)),
    )


def _where(title: str, heading: str) -> str:
    return " › ".join(filter(None, (title, heading)))


def _phrasing_text(phrasing: RecordedPhrasing) -> str:
    """Describe a recorded phrasing: the model, the outcome, the cost, and the sentences."""
    model = f"{phrasing.model or 'a model'}, prompt {phrasing.prompt_version}"
    how = "repeated" if phrasing.repeated else f"{phrasing.milliseconds:,} ms"
    tokens = f"{phrasing.prompt_tokens:,} + {phrasing.reply_tokens:,} tokens"
    lines = [f"Phrasing ({phrasing.mode}) by {model}: {phrasing.outcome}, {how}, {tokens}."]
    verdicts = ", ".join(f"{count} {name}" for name, count in phrasing.verdicts.items())
    if verdicts:
        lines.append(f"Its sentences: {verdicts}.")
    if phrasing.chosen:
        lines.append(f"Quoted: {', '.join(phrasing.chosen)}.")
    if phrasing.places:
        lines.append(f"Order: {', '.join(str(place + 1) for place in phrasing.places)}.")
    lines += [
        f"Written: {line.text} {''.join(f'[{number}]' for number in line.numbers)}"
        for line in phrasing.lines
    ]
    return "\n".join(lines)


def reply_parts(reply: Reply) -> Iterator[RenderableType]:
    """Yield the parts of a reply, as in Discord; those of type `Text` must not be wrapped."""
    if isinstance(reply.outcome, Refusal):
        yield Text(reply.question, style="bold")
        if reply.foreign:
            yield from _terminal_text(ask_messages.not_my_language(reply.foreign))
        yield Text(REFUSED, style="yellow")
        yield from _terminal_text(ask_messages.nearest_titles(reply.hits))
        for line in ask_messages.page_before(reply.outcome):
            yield from _terminal_text(line)
    else:
        answer = ask_messages.answer(reply)
        # Each line on its own: in a terminal's Markdown, a line break is a blank.
        for line in answer.head.splitlines():
            yield from _terminal_text(line)
        for quotation in answer.quotations:
            yield from _terminal_text(quotation.text)
            yield from _terminal_text(quotation.cited)
            if quotation.link:
                yield Text(quotation.link)
            if not quotation.whole:
                yield Text(GOES_ON, style="dim")
        for place in answer.places:
            yield from _terminal_text(place)
    yield Text()


GOES_ON: Final = "The section goes on there."

# Unlike in Discord, nothing is recorded and no moderator is notified.
REFUSED: Final = "I don't know: I found nothing that clearly answers this."


def _terminal_text(text: str) -> Iterator[RenderableType]:
    """Render Discord's Markdown for a terminal; lines of small text (`-#`) are dimmed."""
    for is_small, lines in groupby(text.splitlines(), lambda line: line.startswith(_SMALL)):
        if is_small:
            for line in lines:
                yield Styled(Markdown(line.removeprefix(_SMALL), hyperlinks=False), "dim")
        else:
            yield Markdown("\n".join(lines), hyperlinks=False)


_SMALL: Final = "-# "
