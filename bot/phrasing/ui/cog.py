"""Feature without commands: opens the phrasing dispatcher if the operator named an endpoint."""

from bot.interactions.features import Feature
from bot.interactions.services import Services


def feature(bot: Services) -> Feature:
    if bot.settings.phrasing.is_on:
        # Imported only if a model is asked.
        from bot.phrasing.dispatcher import PhrasingDispatcher

        bot.phrasing = PhrasingDispatcher(bot)
    return Feature()
