"""Feature without commands: rounds of the outbox."""

from bot.interactions.features import Feature, Round
from bot.interactions.services import Services
from bot.notices.ui.outbox import ROUND_SECONDS, OutboxDispatcher


def feature(bot: Services) -> Feature:
    outbox = OutboxDispatcher(bot)
    bot.outbox = outbox
    return Feature(rounds=[Round(ROUND_SECONDS, outbox.round)])
