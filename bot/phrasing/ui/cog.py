"""Feature without commands: opens what phrases answers, where the operator named an endpoint."""

from bot.interactions.features import Feature
from bot.interactions.services import Services


def feature(bot: Services) -> Feature:
    if bot.settings.phrasing.is_on:
        # Nothing of it is imported where no model is asked.
        from bot.phrasing.dispatcher import open_dispatcher

        bot.phrasing = open_dispatcher(bot)
    return Feature()
