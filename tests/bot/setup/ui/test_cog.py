"""`/setup` with options."""

from typing import Any

import discord
import pytest
from simcord import Env, SetupError

from bot.setup.settings import TITLES, Page
from bot.text import error_messages
from knowledge.values.settings import GuildSettings
from tests.bot.message_parts import content, said
from tests.bot.world import World, build_world


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def stored(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


async def test_setup_stores_options_and_opens_its_panel(fresh: World) -> None:
    opened = said(await fresh.admin.slash(fresh.general, "setup"))
    assert "step 1 of 4" in opened
    assert "Review channel" in opened

    chosen = {"review_channel": fresh.review, "moderator_role": fresh.moderator_role}
    await fresh.admin.slash(fresh.general, "setup", **chosen)
    guild_id, role_id = fresh.guild.id, fresh.moderator_role.id
    assert await stored(fresh) == GuildSettings(guild_id, fresh.review.id, role_id)
    edits = [
        request.json
        for request in fresh.env.http_requests
        if request.path.endswith("/messages/@original") and request.json
    ]
    assert edits[-1]["allowed_mentions"]["parse"] == []

    shown = content(await fresh.admin.slash(fresh.general, "setup", review_channel=fresh.general))
    assert await stored(fresh) == GuildSettings(guild_id, fresh.general.id, role_id)
    assert TITLES[Page.TRIAL].english in shown


async def test_setup_is_for_administrators(fresh: World) -> None:
    with pytest.raises(SetupError, match="default-member-permissions"):
        await fresh.member.slash(fresh.general, "setup")
    await fresh.show_to_all("setup")

    result = await fresh.member.slash(
        fresh.general, "setup", review_channel=fresh.general, moderator_role=fresh.moderator_role
    )

    assert said(result) == error_messages.NOT_AN_ADMINISTRATOR.english
    assert not (await stored(fresh)).complete


def test_administrators_commands_need_manage_server(payload: list[dict[str, Any]]) -> None:
    wanted = discord.Permissions(manage_guild=True).value
    commands = {command["name"]: command for command in payload}

    for name in ("setup", "source"):
        assert int(commands[name]["default_member_permissions"]) == wanted
    assert not any(option["required"] for option in commands["setup"]["options"])
