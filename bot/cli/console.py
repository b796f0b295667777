"""Shared parts of all commands: options, consoles, output and progress bars.

Results go to standard output. Progress and errors go to standard error, as text or, with `--json`,
as one JSON object a line.
"""

import dataclasses
import functools
import inspect
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from bot.config import settings as config
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.process import logs
from bot.storage.data_folder import checked_data_folder
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge.files.parsed_file import one_line
from knowledge.values.documents import Scope

UNUSABLE: Final = 2

# The largest id that a database holds.
MOST_ID: Final = (1 << 63) - 1

Record = Mapping[str, Any]

ONLY_ARTICLES: Final = (
    "There is no data folder {folder}: the bundled articles on open-source AI answer. "
    "`commonplace index PATH` begins one with your documents."
)

# Interval of progress events for programs.
EVENT_SECONDS: Final = 1.0

# Terminal control characters except newline and tab, and Unicode's bidirectional controls.
_ORDERS: Final = {*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A}
_DIRECTIONS: Final = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_CONTROLS: Final = dict.fromkeys(_ORDERS | _DIRECTIONS, "\ufffd")


class _Console(Console):
    """A console that replaces control characters in the text it prints."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Replace control characters, except in rich's own control segments."""
        for piece in super().render(renderable, options):
            shown = piece.text if piece.control else piece.text.translate(_CONTROLS)
            yield Segment(shown, piece.style, piece.control)


_logger = logging.getLogger(__name__)

out = _Console(highlight=False)
err = _Console(stderr=True, highlight=False)

DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The data folder.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def fail(sentence: str, code: int = UNUSABLE) -> NoReturn:
    # A path on the command line may contain any bytes.
    shown = sentence.encode(errors="replace").decode()
    err.print(f"[red]commonplace:[/red] {escape(shown)}", soft_wrap=True)
    sys.exit(code)


class Begins(Enum):
    """Which data folders a command may begin. Any other must hold Commonplace's data already.

    A folder that holds other files is refused by every command.
    """

    NONE = auto()
    # None; the bundled articles stand in for a missing default folder (`open_core`).
    ARTICLES = auto()
    # Another one may be mistyped.
    DEFAULT = auto()
    ANY = auto()


def settings_from(
    config_file: Path | None, data: Path | None, begins: Begins = Begins.NONE
) -> Settings:
    """Read the settings, configure the log, and check the data folder without changing it."""
    settings = config.load(config_file, data)
    logs.configure(settings.log, err, config.secrets())
    if settings.warning:
        _logger.warning("%s", settings.warning)
    is_named = data is not None or bool(os.environ.get(config.DATA_VARIABLE))
    if is_named or begins is not Begins.ARTICLES or not _lacks_data(settings):
        check_data_folder(settings, begins)
    return settings


def _lacks_data(settings: Settings) -> bool:
    """Whether nothing but the bundled articles can answer: the default data folder is missing."""
    is_default = settings.data == Settings().data and not settings.data.folder.exists()
    return is_default and settings.articles.bundled != "never"


def check_data_folder(settings: Settings, begins: Begins) -> None:
    is_default = settings.data.folder == Settings().data.folder
    may_begin = begins is Begins.ANY or (begins is Begins.DEFAULT and is_default)
    checked_data_folder(settings.data.folder, may_begin=may_begin)


def with_settings(
    begins: Begins = Begins.NONE,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `--config` and `--data`, and pass it the resulting `settings`.

    A parameter that is a dataclass stands for an option of each of its fields.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        kind = inspect.Parameter.KEYWORD_ONLY
        signature = inspect.signature(command)
        groups: dict[str, Any] = {}
        parameters = []
        for name, parameter in signature.parameters.items():
            if dataclasses.is_dataclass(parameter.annotation):
                groups[name] = parameter.annotation
                parameters += [
                    inspect.Parameter(
                        field.name, kind, default=field.default, annotation=field.type
                    )
                    for field in dataclasses.fields(parameter.annotation)
                ]
            elif name != "settings":
                parameters.append(parameter.replace(kind=kind))
        parameters += [
            inspect.Parameter("config_file", kind, default=None, annotation=ConfigOption),
            inspect.Parameter("data", kind, default=None, annotation=DataOption),
        ]

        @functools.wraps(command)
        def run(config_file: Path | None, data: Path | None, **values: Any) -> None:
            for name, group in groups.items():
                names = [field.name for field in dataclasses.fields(group)]
                values[name] = group(**{name: values.pop(name) for name in names})
            command(settings=settings_from(config_file, data, begins), **values)

        # Typer reads options from the signature.
        vars(run)["__signature__"] = signature.replace(parameters=parameters)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def guild_scope(guild: str) -> Scope:
    return Scope(id_of(guild, "--guild", "server"))


def id_of(typed: str, option: str, thing: str) -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 20 else 0
    if not 0 < number <= MOST_ID:
        fail(
            f"{option} {one_line(typed)} is no {thing}'s id. Discord's *Copy {thing.title()} ID* "
            "gives the number."
        )
    return number


@contextmanager
def open_core(settings: Settings) -> Iterator[Core]:
    """Open the core with its articles and notes indexed.

    If the default data folder is missing, the core has a temporary folder, and thus the bundled
    articles alone.
    """
    with ExitStack() as opened:
        if _lacks_data(settings):
            say(ONLY_ARTICLES.format(folder=settings.data.folder), err)
            temporary = opened.enter_context(TemporaryDirectory(prefix="commonplace-"))
            data = DataSettings(folder=Path(temporary))
            settings = settings.model_copy(update={"data": data})
        core = opened.enter_context(Core(settings))
        run_with_progress(index_updates.update_quickly(core), "Indexing the articles")
        yield core


class Pace:
    """Speed and remaining time of an update."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started = now()
        self._total = 0
        self._embedded = 0

    def rate(self, progress: Progress) -> float:
        """The number of texts embedded per second since `progress.total` last changed."""
        if progress.total != self._total:
            self._started, self._total = self._now(), progress.total
            self._embedded = progress.report.embedded
        seconds = self._now() - self._started
        return (progress.report.embedded - self._embedded) / seconds if seconds > 0 else 0.0

    def record(self, progress: Progress) -> dict[str, Any]:
        """Progress as an object; until the first file is done, the remaining time is None."""
        rate = self.rate(progress)
        each = (self._now() - self._started) / progress.done if progress.done else None
        return {
            "done": progress.done,
            "total": progress.total,
            "current": progress.current,
            "embedded": progress.report.embedded,
            "texts_per_second": round(rate, 1),
            "remaining_seconds": (
                None if each is None else round(each * (progress.total - progress.done), 1)
            ),
        }


def run_with_progress(
    steps: Iterator[Progress], title: str, *, as_json: bool = False
) -> UpdateReport:
    """Run an update with a progress bar or, with `as_json`, an event every `EVENT_SECONDS`."""
    pace = Pace(time.monotonic)
    last = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= EVENT_SECONDS:
            last = time.monotonic()
            print_event("progress", pace.record(progress))

    if as_json:
        return run_to_end(steps, tell)
    columns = (
        # Brackets in a title would be parsed as markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="")

        def draw(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.done,
                total=progress.total or None,
                description=progress.current[:40].translate(_CONTROLS) or title,
                rate=f"{pace.rate(progress):,.0f} texts/s",
            )

        return run_to_end(steps, draw)


def print_event(event: str, record: dict[str, Any]) -> None:
    print(json.dumps({"event": event, **record}, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201


def print_json(record: Mapping[str, Any]) -> None:
    """Print an object on one line, and flush it for programs that read line by line."""
    print(json.dumps(record, ensure_ascii=False), flush=True)  # noqa: T201


def show(
    record: Record | Sequence[Record],
    text: RenderableType | None = None,
    *,
    as_json: bool = False,
    title: str = "",
) -> None:
    """Print a result: an object or a list of objects.

    Programs get a line of JSON for each object. People get `text`, or else a table: a row for each
    value of an object, or for each object of a list.
    """
    if as_json:
        for line in [record] if isinstance(record, Mapping) else record:
            print_json(line)
    else:
        say(table(record, title) if text is None else text)


def say(text: RenderableType, console: Console = out) -> None:
    """Print a text, unless it's empty. Only the terminal wraps its lines."""
    if str(text):
        end = "" if str(text).endswith("\n") else "\n"
        console.print(text, soft_wrap=not isinstance(text, Table), markup=False, end=end)


def table(record: Record | Sequence[Record], title: str = "") -> Table:
    """A table of an object, with the values of objects inside it, or of a list of objects."""
    rows: list[list[Text]]
    if isinstance(record, Mapping):
        drawn = Table(title=title or None, show_header=False, box=None, pad_edge=False)
        rows = [[Text(name), value] for name, value in _values(record)]
    else:
        columns = [key.replace("_", " ") for key in (record[0] if record else ())]
        rows = [[*map(_cell, row.values())] for row in record]
        # Blank lines between rows of several lines.
        spaced = any("\n" in cell for row in rows for cell in row)
        drawn = Table(*columns, title=title or None, box=SIMPLE, padding=(0, 1), show_lines=spaced)
    for row in rows:
        drawn.add_row(*row)
    return drawn


def _values(record: Record, before: str = "") -> Iterator[tuple[str, Text]]:
    for key, value in record.items():
        name = f"{before} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _values(value, name)
        else:
            yield name, _cell(value)


def _cell(value: object) -> Text:
    if value is None:
        return Text("–")
    if isinstance(value, float):
        return Text(f"{value:,.3f}")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


EXAMPLE: Final = "Example:\n"

# Typer exports only this one of its usage errors.
UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]


class PlainCommand(TyperCommand):
    """A command whose help omits the types of switches and arguments, and ends with an example."""

    def __init__(self, name: str | None, *, help: str | None = None, **settings: Any) -> None:
        text, _, example = (help or "").partition(f"\n\n{EXAMPLE}")
        settings["epilog"] = EXAMPLE + example.rstrip() if example else None
        super().__init__(
            name,
            help="\n\n".join(" ".join(part.split()) for part in text.split("\n\n")),
            **settings,
        )

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Write a required argument as `NAME`, not `{NAME}`, and a repeated one without dots.

        Required options follow.
        """
        pieces = super().collect_usage_pieces(ctx)
        return [
            *(re.sub(r"^\{(.*)\}", r"\1", piece).removesuffix("...") for piece in pieces),
            *(
                f"{param.opts[0]} {param.metavar}"
                for param in self.params
                if param.param_type_name == "option" and param.required
            ),
        ]


def required_words(command: Any) -> str:
    """The arguments and required options of a command, as its usage has them."""
    with command.make_context("", [], resilient_parsing=True) as context:
        return " ".join(command.collect_usage_pieces(context)[1:])


class PlainGroup(TyperGroup):
    """A group of commands whose help omits the types of switches and arguments."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def defaults_everywhere(group: TyperGroup, values: dict[str, Any]) -> dict[str, Any]:
    """Build click's `default_map` with the same defaults for all commands, also in subgroups."""
    inner = {
        name: defaults_everywhere(command, values) if isinstance(command, TyperGroup) else values
        for name, command in group.commands.items()
    }
    return {**values, **inner}


def _without_types(params: Sequence[Any]) -> list[Any]:
    """Hide the types of switches and arguments, which are redundant."""
    for param in params:
        if param.param_type_name == "argument" or getattr(param, "is_bool_flag", False):
            param.display_type_rich = lambda ctx: None
    return [*params]


def plain_group(text: str) -> typer.Typer:
    """Make a group of commands below `commonplace`."""
    return typer.Typer(
        cls=PlainGroup,
        help=text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
