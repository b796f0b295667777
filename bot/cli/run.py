"""The command `run`: the bot in Discord."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from bot.cli.console import Begins, fail, with_settings
from bot.config import settings as config
from bot.config.settings import Settings
from bot.storage.data_folder import check_database_server, data_folder, hold_bot_lock
from knowledge.store.database import StoreError, passes

# The exit code if Discord or the database can't be reached, so that starting again later may help.
UNREACHABLE: Final = 3


@with_settings(Begins.ANY)
def run(context: typer.Context, settings: Settings) -> None:
    """Run the bot in Discord, with the token from DISCORD_TOKEN or DISCORD_TOKEN_FILE.

    Example:
        DISCORD_TOKEN_FILE=token commonplace run
    """
    token = config.token()
    # Processes that share a database divide the shards among them.
    folder = data_folder(settings.data.folder)
    with hold_bot_lock(folder, shared=bool(settings.data.database)), _explain_outages():
        check_database_server(folder, settings.data.database)
        from bot.process.client import Bot
        from bot.process.health_server import HealthError
        from bot.process.login import LoginError, UnreachableError
        from bot.process.run import run_bot

        try:
            run_bot(settings, token, context.obj or Bot)
        except UnreachableError as error:
            fail(str(error), UNREACHABLE)
        except (HealthError, LoginError) as error:
            fail(str(error))


@contextmanager
def _explain_outages() -> Iterator[None]:
    """End the program during an outage of the database so that a supervisor starts it again."""
    try:
        yield
    except StoreError as error:
        if passes(error):
            fail(str(error), UNREACHABLE)
        raise
