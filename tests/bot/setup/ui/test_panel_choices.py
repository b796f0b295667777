"""Choices and warnings of the `/setup` panel."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, Env
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.setup import messages, panel_messages, service
from bot.setup.settings import Page
from bot.text import permission_names
from knowledge.values.guilds import Language, Rule
from knowledge.values.notes import State
from knowledge.values.settings import Edition, GuildSettings
from tests.bot.message_parts import choices, everything, links, longest_part, shown_message, text_of
from tests.bot.page.turned_on import on_page
from tests.bot.spoken import english
from tests.bot.world import TITLE, World, build_world


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


def permit(world: World, channel: ChannelHandle, target_id: int, **permissions: bool) -> None:
    """Allow something in a channel, or deny it."""
    found = world.env.backend.get_channel(channel.id)
    mine = next(one for one in found.overwrites if one.target_id == target_id)
    for name, allowed in permissions.items():
        value = discord.Permissions(**{name: True}).value
        mine.allow = mine.allow | value if allowed else mine.allow & ~value
        mine.deny = mine.deny & ~value if allowed else mine.deny | value
    world.env.backend.set_overwrite(channel.id, mine)


async def test_the_panel_warns_about_unusable_review_channels(fresh: World) -> None:
    review = [fresh.review]
    assert "Everybody can read" in await fresh.choose(review_channel=[fresh.general])
    assert "Everybody can read" not in await fresh.choose(review_channel=review)

    for name in ("view_channel", "send_messages", "embed_links"):
        permit(fresh, fresh.review, fresh.bot_role.id, **{name: False})
        told = await fresh.choose(review_channel=review)
        assert f" in {fresh.review.mention}. Allow this" in told
        assert f"**{permission_names.PERMISSION_NAMES[name].english}**" in told
        permit(fresh, fresh.review, fresh.bot_role.id, **{name: True})

    fresh.env.backend.delete_channel(fresh.review.id)
    await fresh.env.settle()
    told = text_of(await fresh.open_setup())
    assert "step 1 of 4" in told
    assert "is gone" in told


async def test_a_link_grants_missing_permissions(fresh: World) -> None:
    for role in (fresh.bot_role, fresh.guild.default_role):
        fresh.env.backend.edit_role(fresh.guild.id, role.id, {"permissions": 3072})

    [link] = links(await fresh.open_setup())

    assert f"guild_id={fresh.guild.id}" in link


async def test_unsafe_roles_are_warned_about(world: World, new_bot: Any) -> None:
    everybody = await world.admin.slash(
        world.general, "setup", moderator_role=world.guild.default_role
    )
    panel = shown_message(everybody)
    await world.admin.select(panel, [Page.REVIEW], custom_id="setup_page")
    assert longest_part(panel_messages.EVERYBODY) in text_of(panel)

    helpers = world.guild.create_role("Helpers")
    told = await world.choose(moderator_role=[helpers])
    blind = english(panel_messages.BLIND, role=helpers.mention, channel=world.review.mention)
    assert blind in told
    assert english(panel_messages.NOT_SHOWN, role=helpers.mention) in told
    assert "⚠" not in await world.choose(moderator_role=[world.moderator_role])

    assert longest_part(panel_messages.MOST) not in told
    for number in range(20):
        world.guild.add_member(world.env.create_user(f"guest-{number}"), roles=[helpers])
    # Discord sends the number of members when the bot connects.
    await world.start_again(new_bot)
    assert longest_part(panel_messages.MOST) in await world.choose(moderator_role=[helpers])


async def test_waiting_cards_move_to_the_review_channel(world: World) -> None:
    await world.propose()
    new = world.guild.create_text_channel("review-2")

    await world.choose(review_channel=[new])

    assert len(new.history()) == 1
    assert world.review.history() == []


async def test_the_quorum_applies_to_every_note(world: World) -> None:
    rule = Rule("", review_after_days=90)
    await world.core(lambda core: core.store.guilds.save_rule(world.guild.id, rule, world.admin.id))

    await world.choose(quorum="2")
    await world.propose()
    await world.moderator.click(world.card, label="Approve")

    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == [
        replace(rule, quorum=2)
    ]
    assert (await world.note()).revision.state is State.PENDING
    await world.second_moderator.click(world.card, label="Approve")
    assert (await world.note()).live


async def test_hosts_are_typed_without_mistakes(world: World) -> None:
    panel = await world.open_setup(Page.RULES)

    async def type_(hosts: str) -> str:
        form = await world.admin.select(panel, ["hosts"], custom_id="change:rules:0")
        return everything(await world.admin.submit_modal(form, {"hosts": hosts}))

    await type_("https://example.org/docs, example.net")
    assert (await kept(world)).allowed_hosts == ("example.org", "example.net")
    assert "Trusted link hosts: **example.org example.net**" in text_of(panel).replace("\\", "")

    assert "“\\*” isn't a web host." in await type_("example.org *")
    assert (await kept(world)).allowed_hosts == ("example.org", "example.net")

    await type_("")
    assert (await kept(world)).allowed_hosts == ()


async def test_a_list_offers_a_stored_value_from_outside(world: World) -> None:
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"undo_minutes": 7}, world.admin.id)
    )

    assert choices(await world.open_setting("undo_minutes"))["7"] == "for 7 minutes"


async def test_the_moderators_digest_comes_on_its_day(world: World) -> None:
    await world.choose(digest="4")
    before = await world.core(lambda core: core.store.digests.of_guild(world.guild.id))
    digest = before[Edition.MODERATORS]

    assert (digest.channel_id, digest.weekday, digest.hour) == (world.review.id, 4, 9)
    assert "every Friday" in text_of(await world.open_setup(Page.REMINDERS))
    await world.choose(digest="no")
    assert not await world.core(lambda core: core.store.digests.of_guild(world.guild.id))


async def test_helpers_and_their_channel_are_chosen_and_removed(world: World) -> None:
    helpers = world.guild.create_role("Helpers")

    told = await world.choose(
        ask_moderators="yes",
        helper_role=[helpers],
        handover_hours="48",
        handover_channel=[world.help],
    )

    assert f"Not only helpers and moderators can read {world.help.mention}" in told
    settings = await kept(world)
    assert (settings.hand_on, settings.helper_role_id) == (True, helpers.id)
    assert (settings.handover_channel_id, settings.handover_hours) == (world.help.id, 48)
    told = await world.choose(helper_role=[], handover_channel=[])
    assert (await kept(world)).handover_channel_id is None
    assert "Not only helpers" not in told


async def test_the_panel_names_channels_closed_to_the_bot(world: World) -> None:
    def without(permission: str, channel: ChannelHandle) -> ChannelHandle:
        deny = discord.Permissions(**{permission: True}).value
        overwrite = Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=0, deny=deny)
        world.env.backend.set_overwrite(channel.id, overwrite)
        return channel

    silent = without("send_messages", world.guild.create_text_channel("silent"))
    posts = without("send_messages_in_threads", world.guild.create_forum_channel("posts"))
    # The bot writes in posts only, so it doesn't need to create one.
    forum = without("send_messages", world.guild.create_forum_channel("forum"))

    told = await world.choose(listen=[world.help, silent, posts, forum])

    assert f"can't answer in {silent.mention}, {posts.mention}:" in told
    await world.choose(help=[forum, world.help])
    told = await world.choose(help=[forum])
    assert panel_messages._NO_CONTENT.english in told
    state = await world.core(lambda core: service.state(core, world.guild.id))
    assert state.helped == (forum.id,)


async def test_the_bundled_articles_are_turned_off_and_on(world: World) -> None:
    panel = await world.open_setup(Page.SOURCES)

    await world.admin.click(panel, label=panel_messages.ACTIONS["end"].english)
    assert not (await kept(world)).articles
    await world.admin.click(panel, label=panel_messages.ACTIONS["quote"].english)
    assert (await kept(world)).articles


async def test_the_panel_warns_about_unread_languages(world: World) -> None:
    await world.read_only("en")
    said = await world.choose(language="de")
    assert english(messages.model_reads, Language.GERMAN, ["en"]) in said
    assert english(messages._NOT_READ, names="English", name="German") in said
    assert "`commonplace model use multilingual`" in said

    said = await world.choose(language="en")
    assert english(messages.model_reads, Language.ENGLISH, ["en"]) in said
    assert longest_part(messages._NOT_READ) not in said

    # Of some models, the languages are unknown.
    await world.read_only()
    said = await world.choose(language="de")
    assert longest_part(messages._READ) not in said
    assert longest_part(messages._NOT_READ) not in said


async def test_the_page_needs_an_administrators_permission(world: World) -> None:
    assert not (await kept(world)).page
    panel = await world.open_setup(Page.PUBLIC)
    assert panel_messages._PUBLIC_PAGE.english in text_of(panel)
    # Said before anybody turns on a page that they can't publish.
    assert panel_messages._NO_FOLDER.english in text_of(panel)

    await world.choose(page="yes")
    panel = await world.open_setup(Page.PUBLIC)

    settings = await kept(world)
    assert (settings.page, settings.page_indexed) == (True, False)
    assert panel_messages._NO_FOLDER.english in text_of(panel)
    # The form of the next note says so.
    await world.propose()
    await world.moderator.click(world.card, custom_id="card:1:approve")
    assert await on_page(world) == {TITLE}
    await world.choose(page_indexed="yes")
    assert (await kept(world)).page_indexed
    await world.choose(page="no")
    assert await on_page(world) == set()


async def test_the_panel_counts_unreleased_notes(world: World) -> None:
    await world.publish()
    panel = await world.open_setup(Page.PUBLIC)
    assert english(panel_messages._UNRELEASED, 1) in text_of(panel)


async def test_page_colour_and_welcome_are_typed(world: World) -> None:
    panel = await world.open_setup(Page.PUBLIC)
    for accent, welcome, stored in (
        ("AABB01", " **Hello** ", ("#aabb01", "**Hello**")),
        ("", "", ("", "")),
    ):
        form = await world.admin.select(panel, ["looks"], custom_id="change:public:0")
        await world.admin.submit_modal(form, {"accent": accent, "welcome": welcome})
        settings = await kept(world)
        assert (settings.page_accent, settings.page_welcome) == stored

    for typed in ("red", "#12345", "#12345g", "#1234567", "};b{}"):
        sent = world.submit(world.admin, "form:looks:ab", {"accent": typed, "welcome": "Hi there"})
        await world.env.settle()
        assert panel_messages.NO_COLOUR.english in everything(sent)
        assert "Hi there" in everything(sent)
    assert (await kept(world)).page_accent == ""
