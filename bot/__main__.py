"""The composition root and the command line: `commonplace`, or `python -m bot`.

Exit codes: 0 done (a refusal is an answer too); 1 `doctor` found something wrong, or nothing could
be read from a source that was added; 2 the input, the settings or the data can't be used, with one
sentence on standard error; 3 Discord can't be reached, so that starting again later may help.
"""

import gc

# What is imported lives as long as the process, and searching it for garbage over and over again
# took a fourth of every start.
gc.disable()

import asyncio
import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, cast

import typer
from rich.markup import escape
from rich.text import Text

from bot.answers.decision import Clarification
from bot.answers.lookup import Ask
from bot.answers.pipeline import problem_with
from bot.cli import (
    backup,
    evaluation,
    migrate,
    models,
    output,
    page,
    programs,
    source_output,
    sources,
    worker,
)
from bot.cli.console import (
    ConfigOption,
    DataOption,
    JsonOption,
    err,
    fail,
    log_to_file,
    opened,
    out,
    print_json,
    settings_from,
)
from bot.cli.help_text import PlainCommand, PlainGroup, defaults_everywhere, plain_group
from bot.config import settings as config
from bot.config.sections import DataSettings
from bot.config.settings import ConfigError, Settings
from bot.config.version import own_version
from bot.core.core import Core
from bot.models.presets import other_model
from bot.storage.data_folder import (
    DataFolderError,
    data_folder,
    empty,
    held,
    refuse_unreachable,
)
from bot.storage.file_permissions import UMASK
from indexer.embedding.embedder import ModelError
from indexer.index.database import IndexError_
from indexer.retrieval.evidence import CalibrationError
from knowledge.channels.database import ArchiveError
from knowledge.sources import MissingSourceError
from knowledge.store.store import StoreError
from knowledge.web.page_store import PageStoreError

gc.freeze()
gc.enable()

# What a preview keeps between its starts, beside where it is started, and its log in there.
PREVIEW_DATA: Final = Path("preview-data")
PREVIEW_LOG: Final = "preview.log"
PREVIEW_PAGES: Final = "pages"

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

app = plain_group("A Discord bot that makes a community's knowledge answerable.")


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


def run(context: typer.Context, config_file: ConfigOption = None, data: DataOption = None) -> None:
    """Run the bot in Discord. The token is read from DISCORD_TOKEN, or from DISCORD_TOKEN_FILE.

    Example:
        DISCORD_TOKEN_FILE=token commonplace run
    """
    settings = settings_from(config_file, data)
    token = config.token()
    # Of several processes, each runs its own shards; which, the database says.
    with held(data_folder(settings), shared=bool(settings.data.database)):
        refuse_unreachable(settings)
        from bot.process.client import Bot
        from bot.process.connection import LoginError, UnreachableError
        from bot.process.health import HealthError
        from bot.process.run import run_bot

        try:
            run_bot(settings, token, context.obj or Bot)
        except UnreachableError as error:
            fail(str(error), UNREACHABLE)
        except (HealthError, LoginError) as error:
            fail(str(error))


def previewed(settings: Settings, folder: Path) -> Settings:
    """The settings of a preview: it reaches no database and no page that config.toml names."""
    pages = str(folder / PREVIEW_PAGES) if settings.page.folder else ""
    page = settings.page.model_copy(update={"folder": pages, "after": []})
    return settings.model_copy(update={"data": DataSettings(folder=folder), "page": page})


def preview(
    config_file: ConfigOption = None,
    data: DataOption = None,
    index: Annotated[
        list[Path] | None,
        typer.Option(
            "--index",
            metavar="PATH",
            help="Answer from this file or folder, too.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what earlier previews have kept.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="The page's port; 0 takes any.", min=0, max=65535)
    ] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Run the whole bot in a local browser page, with no token and no network.

    What is set up there, notes and sources are kept in the folder preview-data.

    Example:
        commonplace preview --index docs/ --open
    """
    try:
        from bot.preview.server import PreviewError, check_free, serve, silence_discords_own
    except ImportError as error:
        fail(f"The preview needs more packages ({error}). Run `make preview` in a checkout.")
    if fresh and data is not None:
        fail(f"--fresh empties {PREVIEW_DATA}, but --data names {data}. Leave out one of them.")
    folder = data or PREVIEW_DATA
    settings = previewed(settings_from(config_file, folder), folder)

    def ready(address: str) -> None:
        out.print(output.preview_address(address), markup=False, soft_wrap=True)
        if open_page:
            webbrowser.open(address)

    with held(data_folder(settings)):
        refuse_unreachable(settings)
        if fresh:
            empty(settings.data.folder)
        log = log_to_file(settings, settings.data.folder / PREVIEW_LOG)
        silence_discords_own()
        err.print(output.preview_start(settings.data.folder, log), markup=False, soft_wrap=True)
        if other := other_model(settings.model.name):
            err.print(other, markup=False, soft_wrap=True)
        try:
            check_free(port)
            if index:
                with Core(settings, rebuild=True) as core:
                    sources.take_in(core, index, next_step=source_output.TRY_IN_PREVIEW)
            asyncio.run(serve(settings, port, ready))
        except PreviewError as error:
            fail(str(error))


def ask(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help="The question; - reads one question a line from standard input.",
        ),
    ],
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question and get the passages that answer, quoted and cited.

    Example:
        commonplace ask 'When does the ferry to Lisbon leave?'
        commonplace ask - --json < questions.txt
    """
    questions = [line.strip() for line in sys.stdin] if question == "-" else [question]
    with opened(settings_from(config_file, data)) as core:
        for text in (text for text in questions if text or question != "-"):
            [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
            if isinstance(reply.outcome, Clarification) and question != "-":
                fail(reply.outcome.problem)
            if as_json:
                print_json(output.reply_record(reply))
            else:
                for part in output.reply_parts(reply):
                    out.print(part, soft_wrap=isinstance(part, Text))


def why(
    question_id: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The question's number.", min=1)
    ],
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a recorded answer was made from, and what would be answered today.

    Example:
        commonplace why 17
    """
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


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The words to look for.")],
    config_file: ConfigOption = None,
    data: DataOption = None,
    k: Annotated[
        int, typer.Option("-k", metavar="N", min=1, max=100, help="At most this many passages.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the best passages for a query, one a document, whatever the evidence.

    Example:
        commonplace search 'ferry Lisbon' -k 3
    """
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


def stats(
    config_file: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Show what was asked, answered and found helpful, what waits for review, what there is.

    Example:
        commonplace stats --json
    """
    with Core(settings_from(config_file, data)) as core:
        figures = core.figures()
    now = datetime.now(UTC)
    if as_json:
        print_json(output.stats_record(figures, now))
    else:
        out.print(output.stats_text(figures, now))


def doctor(config_file: ConfigOption = None, data: DataOption = None) -> None:
    """Check configuration, model, index, log and, with a token, permissions.

    Example:
        commonplace doctor --config /etc/commonplace/config.toml
    """
    from bot.cli.doctor import examine

    healthy = True
    for finding in examine(config_file, data):
        healthy = healthy and finding.sound
        mark = "[green]ok[/green]  " if finding.sound else "[red]wrong[/red]"
        if finding.warning:
            mark = "[yellow]warn[/yellow] "
        out.print(f"{mark} {escape(finding.what)}: {escape(finding.found)}", soft_wrap=True)
    if not healthy:
        sys.exit(UNHEALTHY)


# What `--help` lists commands under, in its order.
GROUPS: Final[Mapping[str, Mapping[str, Callable[..., None]]]] = {
    "The bot": {
        "run": run,
        "preview": preview,
        "worker": worker.worker,
        "doctor": doctor,
        "stats": stats,
    },
    "Asking": {
        "ask": ask,
        "search": search,
        "why": why,
        "mcp": programs.mcp,
        "serve": programs.serve,
        "publish": page.publish,
    },
    "What is answered from": {"index": sources.index},
    "Safekeeping": {
        "backup": backup.backup,
        "restore": backup.restore,
        "export": backup.export,
        "import": backup.import_,
        "migrate": migrate.migrate,
    },
    "Measuring": {"eval": evaluation.evaluate, "calibrate": evaluation.calibrate},
}
for _group, _commands in GROUPS.items():
    for _name, _command in _commands.items():
        app.command(_name, cls=PlainCommand, rich_help_panel=_group)(_command)
app.add_typer(sources.source, name="source", rich_help_panel="What is answered from")
app.add_typer(models.model, name="model", rich_help_panel="Measuring")


def _show_version(asked: bool) -> None:
    if asked:
        out.print(f"commonplace {own_version()}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config_file: ConfigOption = None,
    data: DataOption = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take what holds for every command, on either side of its name."""
    given = {"config_file": config_file, "data": data}
    context.default_map = defaults_everywhere(
        cast(PlainGroup, context.command),
        {name: str(value) for name, value in given.items() if value is not None},
    )


if __name__ == "__main__":
    main()
