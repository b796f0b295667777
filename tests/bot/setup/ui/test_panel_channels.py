"""Settings of channels in the `/setup` panel: in effect at once, each with its origin."""

from collections.abc import Sequence
from typing import Any

import discord
from simcord import ChannelHandle

from bot.core.core import Core
from bot.setup import panel_messages
from bot.setup.messages import model_reads
from bot.setup.settings import SETTINGS, Page
from bot.sources import messages as sources_messages
from bot.text.languages import Sentence
from bot.text.markdown import plain
from knowledge.corpus import source_key
from knowledge.values.documents import SHARED
from knowledge.values.guilds import Language
from knowledge.values.settings import AnsweredFrom, Chosen, Level, Mode
from tests.bot.faults import fail
from tests.bot.message_parts import content, everything, shown_message, text_of, up_to
from tests.bot.spoken import english
from tests.bot.strictness import everything_in
from tests.bot.world import QUESTION, TITLE, UNKNOWN, NewBot, World, in_menu

RUST = "The Zanzibar ferry timetable changes in March and in October."
ORIGINS, HERE = panel_messages._ORIGINS, panel_messages._HERE
DEFAULT, SERVER = ORIGINS[Level.CONFIGURATION], ORIGINS[Level.SERVER]
TAGGED_RUST = english(panel_messages._TAG, tag="rust")
NOWHERE = panel_messages._NO_CONTENT.english


def line(key: str, value: str, origin: Sentence = HERE) -> str:
    """The line of a setting with its value and origin."""
    setting = SETTINGS[key]
    return str(english(panel_messages.line, setting, value, origin.english))


def sources_line(sentence: Sentence, what: str) -> str:
    return line("answered_from", english(sentence, what=what))


async def panel_of(world: World, channel: Any) -> Any:
    """The panel of `/setup` at a channel's settings."""
    result = await world.admin.slash(world.general, "setup", channel=channel)
    return shown_message(result)


async def set_(world: World, channel: Any, **chosen: str) -> str:
    """The panel after the choice of some settings; `answered_from` has its own form."""
    panel = await panel_of(world, channel)
    for key, value in chosen.items():
        await world.admin.select(panel, [key], custom_id=f"change:channels:{channel.id}")
        await world.admin.select(panel, [value], custom_id=f"setting_in:{channel.id}:{key}")
    return text_of(panel)


async def set_sources(
    world: World, channel: Any, tags: str = "", sources: Sequence[str] = (), order: str = "only"
) -> str:
    """What is said to a filled form of tags and sources."""
    panel = await panel_of(world, channel)
    form = await world.admin.select(
        panel, ["answered_from"], custom_id=f"change:channels:{channel.id}"
    )
    fields = {"tags": tags, "sources": [*sources], "order": [order]}
    return everything(await world.admin.submit_modal(form, fields)) + text_of(panel)


async def show(world: World, channel: Any) -> str:
    return text_of(await panel_of(world, channel))


async def kept(world: World) -> dict[int, Chosen]:
    return await world.core(lambda core: core.store.channel_settings.of_guild(world.guild.id))


async def ask_in(world: World, channel: ChannelHandle, question: str = QUESTION) -> Any:
    return await world.member.slash(channel, "ask", question=question)


async def test_settings_are_stored_and_shown_with_their_origin(world: World) -> None:
    saved = await set_(world, world.help, private_answers="yes", quotations="1", language="de")

    assert world.help.mention in saved
    for expected in (
        line("private_answers", "in private"),
        line("language", "Deutsch"),
        line("quotations", "at most 1"),
        line("mode", "mentions and replies", DEFAULT),
        line("answered_from", panel_messages._EVERYTHING.english, DEFAULT),
    ):
        assert expected in saved
    here = await show(world, world.general)
    assert line("language", "English", SERVER) in here
    assert english(panel_messages._OTHERS, channels=world.help.mention) in here


async def test_a_channel_is_chosen_on_its_page(world: World) -> None:
    panel = await world.open_setup(Page.CHANNELS)
    assert panel_messages.CHANNELS.english in text_of(panel)

    await world.admin.select(panel, [world.help], custom_id="setup_channel")

    assert world.help.mention in text_of(panel)
    await world.admin.select(panel, ["mode"], custom_id=f"change:channels:{world.help.id}")
    await world.admin.click(panel, custom_id=f"setup_in:{world.help.id}:back")
    assert world.help.mention in text_of(panel)


async def test_channels_inherit_their_categorys_settings_after_a_restart(
    world: World, new_bot: NewBot
) -> None:
    category = world.guild.create_category("Support")
    inside = world.guild.create_text_channel("inside", category=category)

    assert HERE.english in await set_(world, category, private_answers="yes")
    await set_sources(world, category, "rust")

    private = line("private_answers", "in private", ORIGINS[Level.CATEGORY])
    assert private in await show(world, inside)
    await world.start_again(new_bot)
    assert (await ask_in(world, inside)).response.ephemeral
    assert not (await ask_in(world, world.general)).response.ephemeral
    assert line("private_answers", "in public") in await set_(world, inside, private_answers="no")
    assert not (await ask_in(world, inside)).response.ephemeral
    saved = await set_sources(world, inside, "all")
    assert line("answered_from", panel_messages._EVERYTHING.english) in saved
    assert (await kept(world))[inside.id]["answered_from"] == AnsweredFrom()
    await set_sources(world, inside)
    assert "answered_from" not in (await kept(world))[inside.id]


async def test_commands_only_means_no_mentions(world: World) -> None:
    await set_(world, world.help, mode="off")

    assert not await world.answers_mention(world.help)
    assert await world.answers_mention(world.general)
    assert (await ask_in(world, world.help)).response is not None
    await world.choose(listen=[world.help])
    assert not await world.answers_mention(world.help)
    assert line("mode", "commands only", SERVER) in await show(world, world.general)
    await set_(world, world.general, mode="mentions")
    assert await world.answers_mention(world.general)


async def test_answers_speak_the_channels_language_with_a_warning(world: World) -> None:
    await world.publish()
    await world.read_only("en")
    warning = english(model_reads, Language.GERMAN, ["en"])

    assert warning in await set_(world, world.help, language="de")
    assert warning not in await show(world, world.general)
    public = await ask_in(world, world.help)
    assert "Mehr zu dieser Antwort" in str(public.response.components)
    assert "More about this answer" in str((await ask_in(world, world.general)).response.components)


async def test_a_channels_tag_is_first_or_alone(world: World) -> None:
    await world.add_note(TITLE, "The community meetup is in Lisbon at Rua Augusta.")
    await world.add_note("Ferries", RUST, tags=("rust",))
    private = await world.member.slash(world.help, "ask", question=QUESTION, private=True)

    saved = await set_sources(world, world.help, "rust", order="first")
    assert sources_line(panel_messages._FIRST, TAGGED_RUST) in saved
    assert "Lisbon" in content(await ask_in(world, world.help))
    assert "March" in content(await ask_in(world, world.help, UNKNOWN))

    saved = await set_sources(world, world.help, "#Rust")
    assert sources_line(panel_messages._ONLY, TAGGED_RUST) in saved
    assert "Lisbon" in content(await ask_in(world, world.general))
    assert "Augusta." not in content(await ask_in(world, world.help))
    assert "March" in content(await ask_in(world, world.help, UNKNOWN))

    before = len(world.help.history())
    shared = await in_menu(world.member, shown_message(private), "Share with everyone here")
    public = world.help.history()[before:]
    assert not any("Lisbon" in text_of(one) for one in [*shared.followups, *public])


async def test_sources_are_chosen_among_those_of_the_server(world: World) -> None:
    location = "https://example.org/docs"
    await world.core(lambda core: core.store.add_source(location, SHARED))
    await world.core(lambda core: core.store.add_source("/secret/path/guide", SHARED))
    panel = await panel_of(world, world.help)
    form = await world.admin.select(
        panel, ["answered_from"], custom_id=f"change:channels:{world.help.id}"
    )
    assert form.modal is not None
    fields = everything_in(form.modal["components"])
    [select] = [field for field in fields if field.get("custom_id") == "sources"]
    offered = {option["label"]: option["value"] for option in select["options"]}
    assert [*offered] == [
        location,
        "guide",
        "The notes of this server",
        sources_messages.ARTICLES_NAME.english,
    ]

    chosen = (offered["guide"], offered[location])
    saved = await set_sources(world, world.help, sources=chosen)
    assert "guide" in saved
    assert r"https\://example.org/docs" in saved
    assert panel_messages.NOTHING_THERE.english in saved
    assert "/secret" not in saved
    saved = await set_sources(world, world.help, sources=("notes", "articles"))
    what = f"{panel_messages.NOTES_NAME.english} or {plain(sources_messages.ARTICLES_NAME.english)}"
    assert sources_line(panel_messages._ONLY, what) in saved
    assert "⚠" not in saved


async def test_many_sources_are_typed_by_name(world: World) -> None:
    def add(core: Core) -> None:
        for number in range(30):
            core.store.add_source(f"/guides/guide{number}", SHARED)

    await world.core(add)
    panel = await panel_of(world, world.help)
    form = await world.admin.select(
        panel, ["answered_from"], custom_id=f"change:channels:{world.help.id}"
    )
    fields = {"tags": "", "sources": "guide3, the NOTES of this server", "order": ["only"]}

    await world.admin.submit_modal(form, fields)

    assert "guide3 or The notes of this server" in text_of(panel)


async def test_a_channel_without_its_source_quotes_nothing(world: World) -> None:
    await world.publish()
    location = "https://example.org/docs"
    await world.core(lambda core: core.store.add_source(location, SHARED))
    await set_sources(world, world.help, sources=[source_key(location)])
    await world.core(lambda core: core.store.remove_source(location, SHARED))

    shown = await show(world, world.help)

    assert sources_line(panel_messages._ONLY, panel_messages._GONE.english) in shown
    assert panel_messages.NOTHING_THERE.english in shown
    assert "Augusta." not in content(await ask_in(world, world.help))


async def test_a_mistake_in_the_form_changes_nothing(world: World) -> None:
    too_many = ",".join(map(str, range(30)))
    for tags, sources, sentence in (
        ("", ["the moon"], "No source here is called “the moon”."),
        (too_many, [], english(panel_messages.TOO_MANY, most=20)),
    ):
        fields: dict[str, str | list[str]] = {
            "tags": tags,
            "sources": [*sources],
            "order": ["only"],
        }
        sent = world.submit(world.admin, f"form:from:{world.help.id}:ab", fields)
        await world.env.settle()
        assert sentence in everything(sent)
    assert await kept(world) == {}


async def test_unasked_help_names_missing_permissions_and_intents(world: World) -> None:
    denied = discord.PermissionOverwrite(send_messages=False, read_message_history=False)
    closed = world.guild.create_text_channel("closed", overwrites={world.bot_role: denied})

    assert NOWHERE in await set_(world, world.help, mode="help")
    told = await set_(world, closed, mode="help", wait="0")
    permissions = "**Send Messages**, **Read Message History**"
    assert english(panel_messages._LACKING_THERE, permissions=permissions) in told
    assert line("wait", "no time: I help at once") in told
    assert line("wait", "30 seconds to answer", DEFAULT) in await show(world, world.help)


async def test_a_reset_undoes_one_choice_or_all(world: World) -> None:
    await set_(world, world.help, mode="help", private_answers="yes")
    await set_sources(world, world.help, "rust")

    undone = await set_(world, world.help, mode="inherited")
    assert line("mode", "mentions and replies", DEFAULT) in undone
    [left] = (await kept(world)).values()
    assert left == {"private": True, "answered_from": AnsweredFrom(("rust",))}
    panel = await panel_of(world, world.help)
    await world.admin.click(panel, label=panel_messages.RESET.english)
    assert await kept(world) == {}


async def test_settings_of_a_deleted_channel_are_deleted(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await set_(world, other, mode="help")
    await set_(world, world.help, mode="help")

    channel = world.bot.get_channel(world.help.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="A", type=discord.ChannelType.public_thread)
    await world.env.settle()
    [shown] = world.help.threads
    await set_(world, shown, mode="help")

    world.env.backend.delete_channel(other.id)
    world.env.backend.delete_channel(thread.id)
    await world.env.settle()

    assert [*await kept(world)] == [world.help.id]
    held = await world.bot.guild_settings.in_channel(world.bot.get_channel(world.help.id))
    assert held.mode is Mode.HELP


async def test_a_channels_refused_question_gives_its_tag(world: World) -> None:
    await set_sources(world, world.help, "boats")
    refused = await ask_in(world, world.help, UNKNOWN)

    form = await world.member.click(refused.response, label="Write this note")

    assert form.modal is not None
    assert "boats" in str(form.modal["components"])
    assert UNKNOWN in str(form.modal["components"])


async def test_forums_their_posts_and_voice_channels_have_settings(world: World) -> None:
    helps = line("wait", "no time: I help at once", DEFAULT)
    voice = world.guild.create_voice_channel("talk")
    assert helps not in await set_(world, voice, mode="help", quotations="1")

    forum = world.guild.create_forum_channel("questions")
    assert helps in await set_(world, forum, mode="help", quotations="1")
    channel = world.bot.get_channel(forum.id)
    assert isinstance(channel, discord.ForumChannel)
    await channel.create_thread(name="A question", content="How?")
    await world.env.settle()
    [post] = forum.threads
    inherited = line("quotations", "at most 1", ORIGINS[Level.CHANNEL])
    assert inherited in await show(world, post)
    assert line("quotations", "at most 2") in await set_(world, post, quotations="2")


async def test_archived_threads_are_set_and_hidden_channels_warned_about(world: World) -> None:
    channel = world.bot.get_channel(world.help.id)
    assert isinstance(channel, discord.TextChannel)
    made = await channel.create_thread(name="A", type=discord.ChannelType.public_thread)
    await world.env.settle()
    [thread] = world.help.threads
    world.env.backend.edit_channel(made.id, {}, thread_metadata={"archived": True})
    await world.env.settle()
    hidden = discord.PermissionOverwrite(view_channel=False)
    secret = world.guild.create_text_channel("secret", overwrites={world.bot_role: hidden})

    assert HERE.english in await set_(world, thread, quotations="1")
    assert {*await kept(world)} == {made.id}
    fail(world, "GET", f"/channels/{made.id}", (403, 50001))
    assert panel_messages.UNSEEN.english in await show(world, thread)
    lacking = up_to("permissions", panel_messages._LACKING_THERE)
    assert f"{lacking}**View Channel**" in await show(world, secret)
