"""Console of the command line: the options, the output and the progress that all commands share.

What a program may read goes to standard output; progress and what went wrong to standard error, as
lines for people or, with `--json`, as one JSON object a line.
"""

import functools
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.segment import Segment

from bot.cli.source_output import Pace
from bot.config import settings as config
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.process import logs
from indexer.ingest.pipeline import Progress, UpdateReport

UNUSABLE: Final = 2

# How often a program is told how far an update is.
EVENT_SECONDS: Final = 1.0

# What a terminal would take for orders to itself, but for ends of lines and tabs; and what would
# change how the rest of a line reads: embeddings, overrides and isolates of direction.
_ORDERS: Final = {*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A}
_DIRECTIONS: Final = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_CONTROLS: Final = dict.fromkeys(_ORDERS | _DIRECTIONS, "\ufffd")


class _Console(Console):
    """A console to which what documents and members wrote is text, whatever signs are in it."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """What is shown, piece by piece; the console's own orders are pieces of their own."""
        for piece in super().render(renderable, options):
            shown = piece.text if piece.control else piece.text.translate(_CONTROLS)
            yield Segment(shown, piece.style, piece.control)


out = _Console(highlight=False)
err = _Console(stderr=True, highlight=False)

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Where community.db and the index live."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def fail(sentence: str, code: int = UNUSABLE) -> NoReturn:
    # A path on the command line may have any bytes in its name.
    shown = sentence.encode(errors="replace").decode()
    err.print(f"[red]commonplace:[/red] {escape(shown)}", soft_wrap=True)
    sys.exit(code)


def settings_from(config_file: Path | None, data: Path | None) -> Settings:
    settings = config.load(config_file, data)
    logs.configure(settings.log, err, config.secrets())
    return settings


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--config` and `--data`, and call it with the `settings` that they lead to."""
    signature = inspect.signature(command)

    @functools.wraps(command)
    def run(config_file: Path | None, data: Path | None, **values: Any) -> None:
        command(settings=settings_from(config_file, data), **values)

    own = [one for name, one in signature.parameters.items() if name != "settings"]
    given = {"config_file": ConfigOption, "data": DataOption}
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in given.items()
    ]
    parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *shared]
    # Typer reads options from the signature.
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def log_to_file(settings: Settings, path: Path) -> Path:
    """Log to a new file from now on, and nothing to the terminal; returns its path."""
    file = path.open("w", encoding="utf-8")
    logs.configure(settings.log, Console(file=file), config.secrets())
    return path


@contextmanager
def opened(settings: Settings) -> Iterator[Core]:
    with Core(settings) as core:
        shown(index_updates.update_quickly(core), "Indexing the articles")
        yield core


def shown(steps: Iterator[Progress], title: str, *, as_json: bool = False) -> UpdateReport:
    """Run an update, and say on standard error how far it is.

    People see a bar that is there only while the update is long; programs an event a second.
    """
    pace = Pace(time.monotonic)
    return _reported(steps, pace) if as_json else _drawn(steps, title, pace)


def _drawn(steps: Iterator[Progress], title: str, pace: Pace) -> UpdateReport:
    columns = (
        # A title may have brackets in it, which would be read as markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="")

        def show(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.done,
                total=progress.total or None,
                description=progress.current[:40].translate(_CONTROLS) or title,
                rate=f"{pace.rate(progress):,.0f} texts/s",
            )

        return run_to_end(steps, show)


def _reported(steps: Iterator[Progress], pace: Pace) -> UpdateReport:
    last = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= EVENT_SECONDS:
            last = time.monotonic()
            tell_event("progress", pace.record(progress))

    return run_to_end(steps, tell)


def tell_event(event: str, record: dict[str, Any]) -> None:
    print(json.dumps({"event": event, **record}, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201


def print_json(record: dict[str, Any]) -> None:
    """Print one object on one line, at once: a program may be waiting for it."""
    print(json.dumps(record, ensure_ascii=False), flush=True)  # noqa: T201
