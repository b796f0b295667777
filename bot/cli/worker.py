"""The command `worker`: embeds for bots on one PostgreSQL database."""

from bot.cli.console import fail, with_settings
from bot.config.settings import Settings
from bot.models.serving_model import chosen_model
from bot.storage.data_folder import data_folder, model_cache
from indexer.embedding.embedder import Embedder
from indexer.embedding.model_records import open_record


@with_settings
def worker(settings: Settings) -> None:
    """Embed what bots import, where their database is PostgreSQL: no token, no Discord.

    Any number of them may run, on any machine that reaches the database, with the bots' model.
    The data folder only keeps the derived model.

    Example:
        commonplace worker --config config.toml
    """
    if not settings.data.database:
        fail(
            "A worker embeds for bots whose database is PostgreSQL: name it as `data.database` in "
            "config.toml. With the file community.db there is one process, which embeds by itself."
        )
    from bot.process.embedding import run_worker
    from bot.process.health import HealthError

    try:
        run_worker(settings, lambda: _embedder(settings))
    except HealthError as error:
        fail(str(error))


def _embedder(settings: Settings) -> Embedder:
    """The model that serves, or is to serve, by the same rules as a bot's."""
    folder = data_folder(settings.data.folder)
    return open_record(chosen_model(folder, settings.model.name), model_cache()).embedder
