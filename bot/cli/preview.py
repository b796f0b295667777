"""The command `preview`: the bot in a browser page, without Discord."""

import asyncio
import logging
import webbrowser
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli import console, sources
from bot.config import settings as config
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.process import logs
from bot.storage.data_folder import (
    check_database_server,
    data_folder,
    empty_data_folder,
    hold_bot_lock,
)

# Folder for everything that a preview keeps, and the names in it.
PREVIEW_DATA: Final = Path("preview-data")
PREVIEW_LOG: Final = "preview.log"
PREVIEW_PAGES: Final = "pages"

LOOPBACK: Final = "127.0.0.1"


def preview_settings(settings: Settings, folder: Path) -> Settings:
    """Settings for a preview: files instead of PostgreSQL, and its own folder for public pages."""
    pages = str(folder / PREVIEW_PAGES) if settings.page.folder else ""
    page = settings.page.model_copy(update={"folder": pages, "after": []})
    return settings.model_copy(update={"data": DataSettings(folder=folder), "page": page})


def preview(
    config_file: console.ConfigOption = None,
    data: console.DataOption = None,
    index: Annotated[
        list[Path] | None,
        typer.Option(
            "--index",
            metavar="PATH",
            help="Import this file or folder first; may be repeated.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from an empty preview-data.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(metavar="PORT", help="The page's port; 0 for any free one.", min=0, max=65535),
    ] = 0,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address to listen on: 0.0.0.0 in a container, whose port is published as "
            "the same port of 127.0.0.1.",
        ),
    ] = LOOPBACK,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Run the bot in a local browser page, with no token and no network.

    Settings, notes and sources stay in the folder preview-data between runs.

    Example:
        commonplace preview --index docs/ --open
    """
    try:
        from bot.preview.server import UNTRUE_HERE, PreviewError, check_free, serve
    except ImportError as error:
        console.fail(
            f"The preview needs packages that are missing ({error}). Run `make preview` instead."
        )
    if fresh and data is not None:
        console.fail(
            f"--fresh empties {PREVIEW_DATA}, but --data names {data}. Use only one of them."
        )
    folder = data or PREVIEW_DATA
    settings = preview_settings(
        console.settings_from(config_file, folder, console.Begins.ANY), folder
    )

    def ready(address: str) -> None:
        console.say(preview_address(address))
        if open_page:
            webbrowser.open(address)

    folder = data_folder(settings.data.folder)
    with hold_bot_lock(folder):
        check_database_server(folder, settings.data.database)
        if fresh:
            empty_data_folder(settings.data.folder)
        log = settings.data.folder / PREVIEW_LOG
        # It stays open until the process ends.
        file = log.open("w", encoding="utf-8")
        logs.configure(settings.log, Console(file=file), config.secrets())
        for name in UNTRUE_HERE:
            logging.getLogger(name).setLevel(logging.ERROR)
        console.say(preview_start(settings.data.folder, log), console.err)
        try:
            check_free(port, host)
            if index:
                with Core(settings, rebuild=True) as core:
                    sources.import_paths(core, index, next_step=sources.TRY_IN_PREVIEW)
            asyncio.run(serve(settings, port, ready, host=host))
        except PreviewError as error:
            console.fail(str(error))
        except KeyboardInterrupt:
            # The usual end, so `make` must not report an error.
            console.err.print("Stopped.")


def preview_start(folder: Path, log: Path) -> str:
    """Sentence printed while a preview starts."""
    return f"Starting the bot. Its data stays in {folder}; its log is {log}."


def preview_address(address: str) -> str:
    """Sentence printed once a preview's page is ready."""
    return f"Open {address} in a browser. Press Ctrl+C to stop."
