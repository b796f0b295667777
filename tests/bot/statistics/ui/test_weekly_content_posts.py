"""A digest names the forum posts that nobody has answered, as they stand when it is posted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from simcord import ChannelHandle

from bot.config.sections import HelperSettings
from bot.config.settings import Settings
from bot.core.core import Core
from tests.bot.ask.helping import ASKED, POST_TITLE, UNKNOWN, Helped, help_in
from tests.bot.digests import chosen, its_time_comes, posted
from tests.bot.forum import page_as_discord_does
from tests.bot.world import World, text_of


@pytest.fixture
def settings(settings: Settings) -> Settings:
    helping = HelperSettings(message_content=True)
    return settings.model_copy(update={"helper": helping})


@pytest.fixture
async def helped(world: World, monkeypatch: pytest.MonkeyPatch) -> Helped:
    page_as_discord_does(monkeypatch)
    return await help_in(world)


async def hours_pass(helped: Helped, hours: int) -> None:
    """The questions of the forum were asked so many hours ago."""
    asked_at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()

    def change(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("update helped_questions set asked_at = ?", [asked_at])

    await helped.world.core(change)


async def unanswered(helped: Helped) -> ChannelHandle:
    """A post that nobody has answered within two days."""
    await chosen(helped.world, helped.world.review)
    post = await helped.forum.post("Ferry in winter", UNKNOWN)
    await helped.a_day_later()
    await hours_pass(helped, 48)
    return post


async def told(helped: Helped) -> str:
    await its_time_comes(helped.world)
    return "\n".join(text_of(one) for one in posted(helped.world.review))


async def test_a_post_that_nobody_has_answered_is_named_by_its_link_alone(helped: Helped) -> None:
    post = await unanswered(helped)

    line = (await told(helped)).splitlines()[-1]

    assert line.startswith(f"- <#{post.id}> · <t:")
    assert "Ferry" not in line


async def test_what_its_author_adds_is_no_answer_but_what_anybody_else_says_is(
    helped: Helped,
) -> None:
    first = await unanswered(helped)
    second = await helped.forum.post("Ferry in spring", UNKNOWN.replace("winter", "spring"))
    await helped.a_day_later()
    await hours_pass(helped, 48)
    await helped.world.member.send(first, "It is for a trip.")
    await helped.world.second_member.send(second, "It leaves at nine.")

    said = await told(helped)

    assert f"<#{first.id}>" in said
    assert f"<#{second.id}>" not in said


@pytest.mark.parametrize("how", ["locked", "deleted", "solved", "dismissed"])
async def test_a_post_that_is_closed_or_gone_is_not_named(helped: Helped, how: str) -> None:
    post = await unanswered(helped)
    backend = helped.world.env.backend
    if how == "locked":
        backend.edit_channel(post.id, {}, thread_metadata={"locked": True})
    elif how == "deleted":
        backend.delete_channel(post.id)
    elif how == "solved":
        backend.edit_channel(post.id, {"name": "[solved] Ferry in winter"})
    else:
        gaps = await helped.world.gaps(helped.world.guild.id)
        await helped.world.core(
            lambda core: core.store.gaps.dismiss(helped.world.guild.id, [gaps[0].id], 1)
        )
    await helped.world.env.settle()

    assert f"<#{post.id}>" not in await told(helped)


async def test_a_forum_in_which_nobody_chose_help_is_none_of_the_digests_business(
    helped: Helped,
) -> None:
    await helped.set(helped.forum.id, mode=None)

    post = await unanswered(helped)

    assert f"<#{post.id}>" not in await told(helped)


@pytest.mark.parametrize(("hours", "named"), [(1, False), (4, True)])
async def test_a_post_is_named_after_as_many_hours_as_were_chosen(
    helped: Helped, hours: int, named: bool
) -> None:
    digest = replace(await chosen(helped.world, helped.world.review), post_hours=4)
    await helped.world.core(lambda core: core.store.digests.choose(digest, 1))
    post = await helped.forum.post("Ferry in winter", UNKNOWN)
    await hours_pass(helped, hours)

    assert (f"<#{post.id}>" in await told(helped)) is named


async def test_a_post_that_the_bot_has_answered_is_not_named(helped: Helped) -> None:
    await chosen(helped.world, helped.world.review)
    post = await helped.forum.post(POST_TITLE, ASKED)
    await hours_pass(helped, 48)

    assert f"<#{post.id}>" not in await told(helped)
