"""Descriptions of commands, options and choices in the languages of Discord's clients."""

from typing import Any

import discord

from bot.interactions.kit.localisation import description
from bot.process.commands import COMMANDS_DIGEST
from knowledge.languages.vocabularies import spoken
from knowledge.sources.kinds.registry import SERVICES
from knowledge.values.guilds import Language
from tests.bot.english import CODE, in_english
from tests.bot.message_parts import parts
from tests.bot.world import NewBot, World

PROPER_NAMES = {
    *(spoken(language)["name"] for language in Language),
    *(service.label for service in SERVICES.values()),
}


def test_descriptions_are_translated(payload: list[dict[str, Any]]) -> None:
    said: list[tuple[str, dict[str, str]]] = []
    for part in (part for command in payload for part in parts(command)):
        if part.get("description"):
            said.append((part["description"], part["description_localizations"]))
        elif "value" in part and part["name"] not in PROPER_NAMES:
            said.append((part["name"], part["name_localizations"]))
    assert len(said) > 35
    locales = {"de", "es-419", "es-ES", "fr", "pt-BR"}
    assert [english for english, others in said if set(others) != locales] == []
    assert all(len(text) <= 100 for _, others in said for text in others.values())
    assert in_english([CODE.sub("", others["de"]) for _, others in said]) == []


def test_names_are_the_same_in_every_language(payload: list[dict[str, Any]]) -> None:
    named = [part for command in payload for part in parts(command) if "value" not in part]
    assert [part["name"] for part in named if part.get("name_localizations")] == []


async def test_a_new_german_description_is_sent(world: World, new_bot: NewBot) -> None:
    digests = [await world.core(lambda core: core.store.recall(COMMANDS_DIGEST))]
    for context in ("", "event"):
        await world.bot.close()
        bot = new_bot()

        # A new callback each time, because tests translate each callback's command once.
        async def unused(interaction: discord.Interaction) -> None:
            """Do nothing."""

        bot.tree.command(name="more", description=description("rejected", context))(unused)
        await world.restart(bot)
        digests.append(await world.core(lambda core: core.store.recall(COMMANDS_DIGEST)))

    assert len(set(digests)) == 3
