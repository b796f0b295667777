"""`/channel`: settings of a channel take effect, and are shown with their origin."""

from collections.abc import Callable
from typing import Any

import discord
from simcord import ChannelHandle

from bot.process.client import Bot
from bot.setup import channel_messages as channels_messages
from bot.setup.messages import model_reads
from bot.sources import messages as sources_messages
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import plain
from knowledge.values.channel_settings import AnsweredFrom, Chosen, Level, Mode
from knowledge.values.documents import SHARED
from knowledge.values.guilds import Language
from tests.bot.faults import fail
from tests.bot.steps import (
    answers_mention,
    choose,
    content,
    longest_part,
    only_reads,
    restarted,
    said,
    shown_message,
    up_to,
)
from tests.bot.world import QUESTION, TITLE, UNKNOWN, World, text_of

RUST = "The Zanzibar ferry timetable changes in March and in October."
DEFAULT, SETUP = (
    channels_messages._ORIGINS[level] for level in (Level.CONFIGURATION, Level.SERVER)
)
TAGGED_RUST = channels_messages._TAG(Language.ENGLISH, tag="rust")


def line(setting: str, origin: Sentence = channels_messages._HERE) -> str:
    """The line of a setting with its origin."""
    return f"- {setting} · *{origin.english}*"


async def set_(world: World, channel: Any, **options: Any) -> str:
    return said(await world.admin.slash(world.general, "channel set", channel=channel, **options))


async def show(world: World, channel: Any = None) -> str:
    options = {} if channel is None else {"channel": channel}
    return said(await world.admin.slash(world.general, "channel show", **options))


async def kept(world: World) -> dict[int, Chosen]:
    return await world.core(lambda core: core.store.channel_settings.of_guild(world.guild.id))


async def ask_in(world: World, channel: ChannelHandle, question: str = QUESTION) -> Any:
    return await world.member.slash(channel, "ask", question=question)


async def test_settings_are_stored_and_shown_with_their_origin(
    world: World,
) -> None:
    saved = await set_(world, world.help, private=True, quotations=1, language="de")

    assert channels_messages.SAVED(Language.ENGLISH, channel=world.help.mention) in saved
    default = channels_messages._ORIGINS[Level.CONFIGURATION]
    for expected in (
        line(channels_messages._PRIVATE.english),
        line(channels_messages._LANGUAGE(Language.ENGLISH, name="Deutsch")),
        line(channels_messages._QUOTATIONS(1, Language.ENGLISH)),
        line(channels_messages._MODES[Mode.MENTIONS].english, default),
        line(channels_messages._EVERYTHING.english, default),
    ):
        assert expected in saved
    shown = await show(world, world.help)
    assert shown.splitlines()[1:] == saved.splitlines()[1:]
    here = await show(world)
    assert channels_messages.HOLDS(Language.ENGLISH, channel=world.general.mention) in here
    assert line(channels_messages._LANGUAGE(Language.ENGLISH, name="English"), SETUP) in here
    assert channels_messages._OTHERS(Language.ENGLISH, channels=world.help.mention) in here


async def test_channels_inherit_settings_of_their_category_also_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    category = world.guild.create_category("Support")
    inside = world.guild.create_text_channel("inside", category=category)

    saved = await set_(world, category, private=True, tags="rust")

    assert channels_messages._HERE.english in saved
    assert line(
        channels_messages._PRIVATE.english, channels_messages._ORIGINS[Level.CATEGORY]
    ) in await show(world, inside)
    await restarted(world, new_bot)
    assert (await ask_in(world, inside)).response.ephemeral
    assert not (await ask_in(world, world.general)).response.ephemeral
    assert line(channels_messages._PUBLIC.english) in await set_(world, inside, private=False)
    assert not (await ask_in(world, inside)).response.ephemeral
    for option in ("tags", "sources"):
        saved = await set_(world, inside, **{option: "all"})
        assert line(channels_messages._EVERYTHING.english) in saved
        assert (await kept(world))[inside.id]["answered_from"] == AnsweredFrom()


async def test_a_channel_that_is_set_to_commands_only_answers_no_mention(world: World) -> None:
    await set_(world, world.help, mode="off")

    assert not await answers_mention(world, world.help)
    assert await answers_mention(world, world.general)
    assert (await ask_in(world, world.help)).response is not None
    await choose(world, listen=[world.help])
    assert not await answers_mention(world, world.help)
    assert line(channels_messages._MODES[Mode.OFF].english, SETUP) in await show(
        world, world.general
    )
    await set_(world, world.general, mode="mentions")
    assert await answers_mention(world, world.general)


async def test_answers_speak_the_channels_language_with_a_warning_if_the_model_does_not(
    world: World,
) -> None:
    await world.publish()
    await only_reads(world, "en")
    warning = model_reads(Language.GERMAN, ["en"], Language.ENGLISH)

    assert warning in await set_(world, world.help, language="de")
    assert warning in await show(world, world.help)
    assert warning not in await show(world, world.general)
    public = await ask_in(world, world.help)
    assert "Andere Stellen" in str(public.response.components)
    assert "Other passages" in str((await ask_in(world, world.general)).response.components)


async def test_a_channel_is_answered_only_or_first_from_documents_with_its_tag(
    world: World,
) -> None:
    await world.add_note(TITLE, "The community meetup is in Lisbon at Rua Augusta.")
    await world.add_note("Ferries", RUST, tags=("rust",))
    private = await world.member.slash(world.help, "ask", question=QUESTION, private=True)

    saved = await set_(world, world.help, tags="rust", only_or_first="first")
    assert channels_messages._FIRST(Language.ENGLISH, what=TAGGED_RUST) in saved
    assert "Lisbon" in content(await ask_in(world, world.help))
    assert "March" in content(await ask_in(world, world.help, UNKNOWN))

    saved = await set_(world, world.help, tags="#Rust", only_or_first="only")
    assert line(channels_messages._ONLY(Language.ENGLISH, what=TAGGED_RUST)) in saved
    assert "Lisbon" in content(await ask_in(world, world.general))
    assert "Augusta." not in content(await ask_in(world, world.help))
    assert "March" in content(await ask_in(world, world.help, UNKNOWN))

    before = len(world.help.history())
    shared = await world.member.click(shown_message(private), label="Share")
    public = world.help.history()[before:]
    assert not any("Lisbon" in text_of(one) for one in [*shared.followups, *public])


async def test_sources_are_chosen_by_name_among_those_that_are_offered(world: World) -> None:
    location = "https://example.org/docs"
    await world.core(lambda core: core.store.add_source(location, SHARED))
    await world.core(lambda core: core.store.add_source("/secret/path/guide", SHARED))
    offered = await world.admin.autocomplete(world.general, "channel set", "sources", "")
    assert [one["name"] for one in offered] == [
        location,
        "guide",
        "The notes of this server",
        sources_messages.ARTICLES_NAME.english,
    ]
    [both] = await world.admin.autocomplete(world.general, "channel set", "sources", "guide, ex")
    assert both["name"] == f"guide, {location}"
    assert len(both["value"]) <= 100

    saved = await set_(world, world.help, sources=both["value"])
    assert (
        line(channels_messages._ONLY(Language.ENGLISH, what=r"guide or https\://example.org/docs"))
        in saved
    )
    assert channels_messages.NOTHING_THERE.english in saved
    assert "/secret" not in saved
    articles = plain(sources_messages.ARTICLES_NAME.english)
    saved = await set_(world, world.help, sources=" the NOTES of this server ,articles")
    assert (
        channels_messages._ONLY(
            Language.ENGLISH,
            what=f"{channels_messages.NOTES_NAME.english} or {articles}",
        )
        in saved
    )
    assert "⚠" not in saved


async def test_a_channel_with_a_removed_source_quotes_nothing_else(
    world: World,
) -> None:
    await world.publish()
    location = "https://example.org/docs"
    await world.core(lambda core: core.store.add_source(location, SHARED))
    await set_(world, world.help, sources=location)
    await world.core(lambda core: core.store.remove_source(location, SHARED))

    shown = await show(world, world.help)

    assert channels_messages._ONLY(Language.ENGLISH, what=channels_messages._GONE.english) in shown
    assert channels_messages.NOTHING_THERE.english in shown
    assert "Augusta." not in content(await ask_in(world, world.help))


async def test_tags_are_offered_and_each_choice_of_them_keeps_the_others(world: World) -> None:
    async def offered(typed: str) -> list[str]:
        found = await world.admin.autocomplete(world.general, "channel set", "tags", typed)
        return [one["value"] for one in found]

    await world.add_note("Ferries", RUST, tags=("zanzibar",))
    assert await offered("zanz") == ["zanzibar"]
    tags = await world.core(
        lambda core: core.index.tables.tags(core.articles.visible_scopes([SHARED]))
    )
    assert (await offered(tags[0]))[0] == tags[0]

    await set_(world, world.help, tags="rust go", sources="notes", only_or_first="first")
    await set_(world, world.help, tags="rust, zig")
    await set_(world, world.help, only_or_first="only")
    of = AnsweredFrom(("rust", "zig"), ("notes",))
    assert (await kept(world))[world.help.id]["answered_from"] == of


async def test_a_mistake_is_explained_and_changes_nothing(world: World) -> None:
    too_many = ",".join(map(str, range(30)))
    for options, sentence in (
        ({}, channels_messages.NOTHING_CHOSEN.english),
        ({"sources": "the moon, notes"}, "No source here is called “the moon”."),
        ({"only_or_first": "first"}, channels_messages.NOTHING_TO_NARROW.english),
        ({"tags": too_many}, channels_messages.TOO_MANY(Language.ENGLISH, most=20)),
    ):
        assert sentence in await set_(world, world.help, **options)
    assert await kept(world) == {}


async def test_unasked_help_names_missing_permissions_and_intents(world: World) -> None:
    bot_role = world.bot_role
    denied = discord.PermissionOverwrite(send_messages=False, read_message_history=False)
    closed = world.guild.create_text_channel("closed", overwrites={bot_role: denied})

    assert "Message Content Intent" in await set_(world, world.help, mode="help")
    told = await set_(world, closed, mode="help", wait=0)
    assert (
        channels_messages._LACKING(
            Language.ENGLISH, permissions="**Send Messages**, **Read Message History**"
        )
        in told
    )
    assert line(channels_messages._HELPS_AT_ONCE.english) in told
    assert line(
        channels_messages._WAITS(30, Language.ENGLISH),
        channels_messages._ORIGINS[Level.CONFIGURATION],
    ) in await show(world, world.help)


async def test_a_reset_undoes_one_choice_or_all_of_them(world: World) -> None:
    await set_(world, world.help, mode="help", private=True, tags="rust")

    async def reset(**options: str) -> str:
        return said(
            await world.admin.slash(world.general, "channel reset", channel=world.help, **options)
        )

    assert line(channels_messages._MODES[Mode.MENTIONS].english, DEFAULT) in await reset(
        setting="mode"
    )
    [left] = (await kept(world)).values()
    assert left == {"private": True, "answered_from": AnsweredFrom(("rust",))}
    assert longest_part(channels_messages.RESET) in await reset()
    assert await kept(world) == {}


async def test_only_administrators_change_and_see_channel_settings(world: World) -> None:
    await world.show_to_all("channel")
    for command, options in (
        ("set", {"channel": world.help, "mode": "off"}),
        ("show", {}),
        ("reset", {"channel": world.help}),
    ):
        result = await world.member.slash(world.general, f"channel {command}", **options)
        assert error_messages.NOT_AN_ADMINISTRATOR.english in said(result)
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


async def test_a_note_for_a_refused_question_gets_the_channels_tag(world: World) -> None:
    await set_(world, world.help, tags="boats")
    refused = await ask_in(world, world.help, UNKNOWN)

    form = await world.member.click(refused.response, label="Write this note")

    assert form.modal is not None
    assert "boats" in str(form.modal["components"])
    assert UNKNOWN in str(form.modal["components"])


async def test_forums_their_posts_and_voice_channels_have_settings_too(world: World) -> None:
    helps = line(channels_messages._HELPS_AT_ONCE.english, DEFAULT)
    voice = world.guild.create_voice_channel("talk")
    saved = await set_(world, voice, mode="help", quotations=1)
    assert channels_messages.SAVED(Language.ENGLISH, channel=voice.mention) in saved
    assert helps not in saved

    forum = world.guild.create_forum_channel("questions")
    saved = await set_(world, forum, mode="help", quotations=1)
    assert channels_messages.SAVED(Language.ENGLISH, channel=forum.mention) in saved
    assert helps in saved
    channel = world.bot.get_channel(forum.id)
    assert isinstance(channel, discord.ForumChannel)
    await channel.create_thread(name="A question", content="How?")
    await world.env.settle()
    [post] = forum.threads
    assert line(
        channels_messages._QUOTATIONS(1, Language.ENGLISH),
        channels_messages._ORIGINS[Level.CHANNEL],
    ) in await show(world, post)
    saved = await set_(world, post, quotations=2)
    assert line(channels_messages._QUOTATIONS(2, Language.ENGLISH)) in saved


async def test_archived_threads_have_settings_and_hidden_channels_a_warning(
    world: World,
) -> None:
    channel = world.bot.get_channel(world.help.id)
    assert isinstance(channel, discord.TextChannel)
    made = await channel.create_thread(name="A", type=discord.ChannelType.public_thread)
    await world.env.settle()
    [thread] = world.help.threads
    world.env.backend.edit_channel(made.id, {}, thread_metadata={"archived": True})
    await world.env.settle()
    hidden = discord.PermissionOverwrite(view_channel=False)
    secret = world.guild.create_text_channel("secret", overwrites={world.bot_role: hidden})

    assert channels_messages._HERE.english in await set_(world, thread, quotations=1)
    lacking = up_to("permissions", channels_messages._LACKING)
    assert f"{lacking}**View Channel**" in await set_(world, secret, quotations=1)
    assert {*await kept(world)} == {made.id, secret.id}
    fail(world, "GET", f"/channels/{made.id}", (403, 50001))
    assert "I can't see that channel" in await set_(world, thread, quotations=2)
