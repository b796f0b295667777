"""Public page feature: writes the pages anew when their notes change."""

from bot.interactions.features import Feature, Round
from bot.interactions.services import Services
from bot.page.publisher import ROUND_SECONDS, PagePublisher


def feature(bot: Services) -> Feature:
    publisher = PagePublisher(bot)
    rounds = [Round(ROUND_SECONDS, publisher.round, by_leader=True)]
    return Feature(rounds=rounds if bot.settings.page.folder else ())
