"""The composition root and the command line: `commonplace`, or `python -m bot`.

Exit codes: 0 done (a refusal is an answer too); 1 `doctor` found something wrong; 2 the input,
the settings or the data can't be used, with one sentence on standard error; 3 Discord can't be
reached, so that starting again later may help.
"""

import asyncio
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from bot import config
from bot.answers.decision import Clarification
from bot.answers.lookup import Ask
from bot.answers.pipeline import problem_with
from bot.cli import backup, evaluation_output, output, plots, sources
from bot.cli.console import (
    ConfigOption,
    DataOption,
    JsonOption,
    err,
    fail,
    opened,
    out,
    print_json,
    settings_from,
    shown,
)
from bot.cli.plots import PlotError
from bot.config import ConfigError, Settings
from bot.engine.core import Core
from bot.engine.data_folder import (
    CALIBRATION,
    MODELS,
    DataFolderError,
    data_folder,
    held,
    open_index,
    open_store,
    own_calibration,
)
from bot.engine.file_permissions import UMASK
from indexer.embedding.embedder import Embedder, ModelError, model_languages, open_embedder
from indexer.evaluation.calibration import Rows, check, cross_fitted, fitted, gather
from indexer.evaluation.judged_sets import JudgedSet, JudgedSetError, harvested, judged_set
from indexer.evaluation.runner import Comparison, Evaluation, Evaluator
from indexer.index.database import IndexError_
from indexer.retrieval.evidence import CalibrationError
from indexer.retrieval.reranker import Reranking, open_reranking
from indexer.retrieval.retriever import Retriever
from knowledge.channels.database import ArchiveError
from knowledge.corpus import MissingSourceError, documents
from knowledge.model.documents import Document
from knowledge.store.store import StoreError
from knowledge.web.page_store import WEB, PageStore, PageStoreError

UNHEALTHY: Final = 1
UNREACHABLE: Final = 3

# Everything that is explained by its own message; anything else is a defect and shows a traceback.
EXPLAINED: Final[tuple[type[Exception], ...]] = (
    CalibrationError,
    ConfigError,
    DataFolderError,
    ArchiveError,
    IndexError_,
    MissingSourceError,
    ModelError,
    PageStoreError,
    StoreError,
)

# What the set of answers that members accepted is called beside those that are folders.
ACCEPTED: Final = "accepted answers"

CommunityOption = Annotated[
    bool,
    typer.Option("--from-community", help="Take answers that members found helpful as a set."),
]

app = typer.Typer(
    name="commonplace",
    help="A Discord bot that makes what a community knows answerable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(sources.index)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(backup.export)
app.command("import")(backup.import_)
app.add_typer(sources.source, name="source")


def main(part: object = None) -> None:
    """Run the command line; what can be explained ends in one sentence, not in a traceback.

    `part` takes the place of what `run` makes a bot with, or `eval` opens a model with, in tests.
    """
    before = os.umask(UMASK)
    try:
        app(obj=part)
    except EXPLAINED as error:
        fail(str(error))
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough of it (`commonplace search … | head`).
        sys.exit(0)
    finally:
        os.umask(before)


@app.command()
def run(context: typer.Context, config_file: ConfigOption = None, data: DataOption = None) -> None:
    """Run the bot in Discord. The token is read from DISCORD_TOKEN, or from DISCORD_TOKEN_FILE."""
    settings = settings_from(config_file, data)
    token = config.token()
    with held(data_folder(settings)):
        from bot.client import Bot
        from bot.process.connection import LoginError, UnreachableError
        from bot.process.health import HealthError
        from bot.run import run_bot

        try:
            run_bot(settings, token, context.obj or Bot)
        except UnreachableError as error:
            fail(str(error), UNREACHABLE)
        except (HealthError, LoginError) as error:
            fail(str(error))


@app.command()
def preview(
    config_file: ConfigOption = None,
    data: DataOption = None,
    port: Annotated[int, typer.Option(help="The page's port; 0 takes any.", min=0, max=65535)] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Run the whole bot in a local browser page, with no token and no network."""
    try:
        from bot.preview import PreviewError, serve
    except ImportError as error:
        fail(f"The preview needs `pip install 'commonplace[preview]'` ({error}).")
    with tempfile.TemporaryDirectory(prefix="commonplace-") as temporary:
        settings = settings_from(config_file, data or Path(temporary))

        def ready(addresses: dict[str, str]) -> None:
            out.print(output.preview_welcome(addresses), markup=False, soft_wrap=True)
            if open_page:
                webbrowser.open(next(iter(addresses.values())))

        with held(data_folder(settings)):
            err.print("Starting the bot; the first start indexes the articles…")
            try:
                asyncio.run(serve(settings, port, ready))
            except PreviewError as error:
                fail(str(error))


@app.command()
def ask(
    question: Annotated[
        str, typer.Argument(help="What to ask; - reads one question a line from standard input.")
    ],
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question and get the passages that answer, quoted and cited."""
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    with opened(settings_from(config_file, data)) as core:
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                fail(reply.outcome.problem)
            if as_json:
                print_json(output.reply_record(reply))
            else:
                out.print(output.reply_text(reply), soft_wrap=True)


@app.command()
def why(
    question_id: Annotated[int, typer.Argument(help="The question's number.", min=1)],
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a recorded answer was made from, and what would be answered today."""
    with opened(settings_from(config_file, data)) as core:
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


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    config_file: ConfigOption = None,
    data: DataOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="At most this many passages.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the best passages for a query, one a document, whatever the evidence."""
    with opened(settings_from(config_file, data)) as core:
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


@app.command("eval")
def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A judged set in BEIR's layout.", show_default=False),
    ] = None,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    legs: Annotated[bool, typer.Option("--legs", help="Measure each leg alone, too.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Measure other settings, too, and show both."),
    ] = None,
    from_community: CommunityOption = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a picture: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Measure retrieval and abstention on a judged set, in a temporary folder."""
    settings = {"current": settings_from(config_file, data)}
    if compare is not None:
        settings["other"] = config.load(compare, data)
    try:
        if plot is not None:
            plots.check(plot)
        name, judged = _judged(folder, settings["current"], from_community=from_community)
        evaluations = _evaluations(settings, name, judged, context.obj or open_embedder, legs=legs)
        _show_evaluations(name, judged, evaluations, as_json=as_json)
        if plot is not None:
            plots.draw(plot, name, evaluations)
    except (JudgedSetError, PlotError) as error:
        fail(str(error))


def _show_evaluations(
    name: str, judged: JudgedSet, evaluations: Mapping[str, Evaluation], *, as_json: bool
) -> None:
    if len(evaluations) > 1:
        comparison = Comparison(**evaluations, queries=judged.queries)
        record, shown = (
            comparison.to_dict(),
            evaluation_output.comparison_text(name, comparison),
        )
    else:
        record = evaluations["current"].to_dict()
        shown = evaluation_output.figures_table(name, record)
    if as_json:
        print_json(record)
    else:
        out.print(shown)


def _judged(
    folder: Path | None, settings: Settings, *, from_community: bool
) -> tuple[str, JudgedSet]:
    if (folder is None) is not from_community:
        raise JudgedSetError("Name either a judged set's folder or --from-community.")
    if folder is not None:
        return folder.name, judged_set(folder)
    return ACCEPTED, _accepted(settings)


def _accepted(settings: Settings) -> JudgedSet:
    data = data_folder(settings)
    with open_store(data) as store, PageStore(data / WEB) as pages:
        found = [item for item in documents(store, pages) if isinstance(item, Document)]
        return harvested(store.question_records.accepted(), found)


def _evaluations(
    settings: Mapping[str, Settings],
    name: str,
    judged: JudgedSet,
    opener: Callable[[str, Path], Embedder],
    *,
    legs: bool,
) -> dict[str, Evaluation]:
    """The judged set measured with each of the settings.

    All models are opened before anything is measured: one that is missing is not to be found out
    an hour later. `opener` opens them; tests start the command with another one.
    """
    embedders = {
        key: opener(one.model.name, data_folder(one) / MODELS) for key, one in settings.items()
    }
    rerankings = {key: _reranking(one) for key, one in settings.items()}
    evaluations: dict[str, Evaluation] = {}
    for key, embedder in embedders.items():
        calibration = own_calibration(data_folder(settings[key]))
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-eval-") as temporary,
            open_index(Path(temporary), embedder) as judged_index,
        ):
            evaluator = Evaluator(
                judged_index,
                embedder,
                judged,
                calibration,
                rerankings[key],
                languages=model_languages(settings[key].model.name),
            )
            shown(evaluator.index(), f"Indexing {name}")
            evaluations[key] = evaluator.evaluate(legs=legs)
    return evaluations


def _reranking(settings: Settings) -> Reranking | None:
    return open_reranking(settings.model.reranker, settings.model.reranker_ms)


@app.command()
def calibrate(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR…", help="Judged sets in BEIR's layout.", show_default=False),
    ] = None,
    config_file: ConfigOption = None,
    data: DataOption = None,
    from_community: CommunityOption = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where to write; else the data folder."),
    ] = None,
) -> None:
    """Fit what counts as evidence on judged sets, for this model; a running bot needs a restart."""
    settings = settings_from(config_file, data)
    target = to or data_folder(settings) / CALIBRATION
    opener: Callable[[str, Path], Embedder] = context.obj or open_embedder
    try:
        if not target.parent.is_dir():
            raise JudgedSetError(f"{target} can't be written: there is no folder {target.parent}.")
        sets = _sets(folders or [], {ACCEPTED: _accepted(settings)} if from_community else {})
        embedder = opener(settings.model.name, data_folder(settings) / MODELS)
        rows = _rows(sets, embedder, _reranking(settings))
        check(rows, ACCEPTED)
    except JudgedSetError as error:
        fail(str(error))
    named = " ".join("--from-community" if name == ACCEPTED else name for name in sets)
    provenance = f"Fitted by `commonplace calibrate {named}` with {embedder.model}.\n" + "\n".join(
        f"{name}: {len(judged.queries):,} questions" for name, judged in sets.items()
    )
    found, figures = fitted(rows, provenance)
    figures = {**figures, **cross_fitted(rows)}
    target.write_text(found.to_toml(), encoding="utf-8")
    out.print(evaluation_output.figures_table("calibration", figures))
    out.print(f"Written to {target}.", soft_wrap=True)


def _sets(folders: Sequence[Path], others: Mapping[str, JudgedSet]) -> dict[str, JudgedSet]:
    """The judged sets of folders, by name, after others that are read already."""
    if not (folders or others):
        raise JudgedSetError("Name folders of judged sets, --from-community, or both.")
    sets = dict(others)
    for folder in folders:
        if folder.resolve().name in sets:
            raise JudgedSetError(f"Two sets are named {folder.resolve().name}: rename one of them.")
        sets[folder.resolve().name] = judged_set(folder)
    return sets


def _rows(sets: Mapping[str, JudgedSet], embedder: Embedder, reranking: Reranking | None) -> Rows:
    """What judged sets have to say, each indexed in a temporary folder."""
    rows = Rows()
    for name in sets:
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-calibrate-") as temporary,
            open_index(Path(temporary), embedder) as judged_index,
        ):
            shown(Evaluator(judged_index, embedder, sets[name]).index(), f"Indexing {name}")
            gather(rows, name, Retriever(judged_index, embedder, reranking=reranking), sets)
    return rows


@app.command()
def stats(
    config_file: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Show what was asked, answered and found helpful, what waits for review, what there is."""
    with Core(settings_from(config_file, data)) as core:
        figures = core.figures()
    now = datetime.now(UTC)
    if as_json:
        print_json(output.stats_record(figures, now))
    else:
        out.print(output.stats_text(figures, now))


@app.command()
def doctor(config_file: ConfigOption = None, data: DataOption = None) -> None:
    """Check configuration, model, index, log and, with a token, permissions."""
    from bot.cli.doctor import examine

    healthy = True
    for finding in examine(config_file, data):
        healthy = healthy and finding.sound
        mark = "[green]ok[/green]  " if finding.sound else "[red]wrong[/red]"
        out.print(f"{mark} {escape(finding.what)}: {escape(finding.found)}", soft_wrap=True)
    if not healthy:
        sys.exit(UNHEALTHY)


if __name__ == "__main__":
    main()
