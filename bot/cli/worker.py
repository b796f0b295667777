"""The command `worker`: embed documents for bots that share a PostgreSQL database."""

from bot.cli.console import Begins, fail, with_settings
from bot.config.settings import Settings
from bot.models.serving_model import chosen_model
from bot.storage.data_folder import checked_data_folder
from indexer.embedding.embedder import Embedder
from indexer.embedding.model_records import open_record


@with_settings(Begins.ANY)
def worker(settings: Settings) -> None:
    """Embed imported documents for bots that share a PostgreSQL database; needs no token.

    Start any number of workers, on any machine that reaches the database. Set `model.name` to the
    same model as for the bots. Workers store nothing in the data folder.

    Example:
        commonplace cluster worker --config config.toml
    """
    if not settings.data.database:
        fail(
            "Workers need PostgreSQL: set `data.database` in config.toml. With the file "
            "community.db, the bot does the embedding itself."
        )
    from bot.process.embedding import run_worker
    from bot.process.health_server import HealthError

    try:
        run_worker(settings, lambda: _embedder(settings))
    except HealthError as error:
        fail(str(error))


def _embedder(settings: Settings) -> Embedder:
    """Open the model that a bot with these settings opens."""
    folder = checked_data_folder(settings.data.folder, may_begin=True)
    return open_record(chosen_model(folder, settings.model.name)).embedder
