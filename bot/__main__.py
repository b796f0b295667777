"""Composition root and command line: `commonplace`, or `python -m bot`.

Exit codes:
    0  done; a refusal is an answer too
    1  `doctor` found a problem, a new source gave nothing, or a model is worse
    2  the command line, the settings or the data can't be used; one sentence on standard error
    3  Discord or the database can't be reached; starting again later may help
"""

import gc

# Imported modules live as long as the process; collecting garbage among them took a fourth of
# every start.
gc.disable()

import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast

import typer

from bot.cli import (
    ask,
    backup,
    cluster,
    doctor,
    models,
    preview,
    programs,
    publish,
    run,
    sources,
    stats,
)
from bot.cli.console import (
    UNUSABLE,
    ConfigOption,
    DataOption,
    PlainCommand,
    PlainGroup,
    UsageError,
    defaults_everywhere,
    err,
    fail,
    out,
    plain_group,
)
from bot.config.settings import ConfigError
from bot.storage.data_folder import UMASK, DataFolderError
from bot.text.languages import speaking
from indexer.embedding.embedder import ModelError
from indexer.index.database import IndexError_
from indexer.retrieval.evidence import CalibrationError
from knowledge.dependencies import own_version
from knowledge.sources.addition import MissingSourceError
from knowledge.store.database import DerivedTablesError
from knowledge.store.store import StoreError
from knowledge.values.guilds import Language

gc.freeze()
gc.enable()

# Errors with a message for the user; any other is a bug and shows a traceback.
EXPLAINED: Final[tuple[type[Exception], ...]] = (
    CalibrationError,
    ConfigError,
    DataFolderError,
    IndexError_,
    MissingSourceError,
    ModelError,
    DerivedTablesError,
    StoreError,
)

# Typer's code after Ctrl+C.
INTERRUPTED: Final = 130

app = plain_group("A Discord bot that makes a community's knowledge answerable.")


def main(part: object = None) -> None:
    """Run the command line. For an expected error, print one sentence instead of a traceback.

    Tests pass a `part` that replaces the bot of `run`, or the function that opens models.
    """
    before = os.umask(UMASK)
    try:
        # A process speaks English, unless somebody else is to read it.
        with speaking(Language.ENGLISH):
            code = app(obj=part, prog_name="commonplace", standalone_mode=False) or 0
        if code == INTERRUPTED:
            err.print("Stopped.")
        sys.exit(code)
    except UsageError as error:
        usage: Any = error
        message = usage.format_message().replace("Value error, ", "").strip()
        if not message:
            # Its help is printed already.
            sys.exit(UNUSABLE)
        end = "" if message.endswith((".", "?")) else "."
        command = usage.ctx.command_path if usage.ctx else "commonplace"
        fail(f"{message}{end} `{command} --help` shows the usage.")
    except EXPLAINED as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader closed the pipe (`commonplace search … | head`).
        sys.exit(0)
    finally:
        os.umask(before)


# Commands by the section of `--help`, in its order; those of a group by the group's name.
PANELS: Final[Mapping[str, Mapping[str, Callable[..., None]]]] = {
    "The bot": {
        "run": run.run,
        "preview": preview.preview,
        "stats": stats.stats,
        "doctor": doctor.doctor,
    },
    "Knowledge": {
        "ask": ask.ask,
        "search": ask.search,
        "index": sources.index,
        "publish": publish.publish,
    },
    "Backup": {
        "backup": backup.backup,
        "restore": backup.restore,
        "export": backup.export,
        "import": backup.import_,
    },
}
GROUPS: Final = {
    "cluster": {"worker": cluster.worker, "migrate": cluster.migrate},
    "dev": {
        "why": ask.why,
        "mcp": programs.mcp,
        "serve": programs.serve,
        "eval": models.evaluate,
    },
}
for _panel, _commands in PANELS.items():
    for _name, _command in _commands.items():
        app.command(_name, cls=PlainCommand, rich_help_panel=_panel)(_command)
app.add_typer(sources.source, name="source", rich_help_panel="Knowledge")
app.add_typer(models.model, name="model", rich_help_panel="The bot")
for _group, _help in (
    ("cluster", "Several processes on one PostgreSQL database."),
    ("dev", "One answer in detail, other programs, and measuring."),
):
    _typer = plain_group(_help)
    app.add_typer(_typer, name=_group, rich_help_panel="More")
    for _name, _command in GROUPS[_group].items():
        _typer.command(_name, cls=PlainCommand)(_command)


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
    """Accept `--config` and `--data` before the name of a command as well as after."""
    given = {"config_file": config_file, "data": data}
    context.default_map = defaults_everywhere(
        cast(PlainGroup, context.command),
        {name: str(value) for name, value in given.items() if value is not None},
    )


if __name__ == "__main__":
    main()
