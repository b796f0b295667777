"""Help of the command line, in Typer's classes: plain types, an example, and usage errors.

A command's docstring is its help. Its last section, `Example:`, is printed below the options. A
usage error is one sentence instead of Typer's box.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

EXAMPLE: Final = "Example:\n"

# Typer exports only this one of its usage errors.
UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]


class PlainCommand(TyperCommand):
    """A command whose help omits the types of switches and arguments, and ends with an example."""

    def __init__(self, name: str | None, *, help: str | None = None, **settings: Any) -> None:
        text, _, example = (help or "").partition(f"\n\n{EXAMPLE}")
        settings["epilog"] = EXAMPLE + example.rstrip() if example else None
        super().__init__(name, help=_join_lines(text), **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return _without_braces(super().collect_usage_pieces(ctx))


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


def usage_sentence(error: Any) -> str:
    """The sentence for a usage error; empty if its help is already printed."""
    message = error.format_message().replace("Value error, ", "").strip()
    if not message:
        return ""
    end = "" if message.endswith((".", "?")) else "."
    command = error.ctx.command_path if error.ctx else "commonplace"
    return f"{message}{end} `{command} --help` shows the usage."


def _join_lines(text: str) -> str:
    """Remove the source's line breaks within paragraphs; the terminal wraps them."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _without_types(params: Sequence[Any]) -> list[Any]:
    """Hide the types of switches and arguments, which are redundant."""
    for param in params:
        if param.param_type_name == "argument" or getattr(param, "is_bool_flag", False):
            param.display_type_rich = lambda ctx: None
    return [*params]


def _without_braces(pieces: Iterable[str]) -> list[str]:
    """Write a required argument as `NAME`, not `{NAME}`, and a repeated one without dots."""
    return [re.sub(r"^\{(.*)\}", r"\1", piece).removesuffix("...") for piece in pieces]


def plain_group(text: str) -> typer.Typer:
    """Make a group of commands below `commonplace`."""
    return typer.Typer(
        cls=PlainGroup,
        help=text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
