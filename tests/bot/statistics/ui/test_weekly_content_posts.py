"""A digest lists the forum posts that are unanswered at the time it is posted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from simcord import ChannelHandle

from bot.config.settings import HelperSettings, Settings
from bot.core.core import Core
from tests.bot.digests import chosen, its_time_comes, posted
from tests.bot.forum import ASKED, POST_TITLE, UNKNOWN, Helped, help_in, page_as_discord_does
from tests.bot.message_parts import text_of
from tests.bot.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    helping = HelperSettings(message_content=True)
    return settings.model_copy(update={"helper": helping})


@pytest.fixture
async def helped(world: World, monkeypatch: pytest.MonkeyPatch) -> Helped:
    page_as_discord_does(monkeypatch)
    return await help_in(world)


async def asked_before(helped: Helped, hours: int, post: ChannelHandle | None = None) -> None:
    """Move the question of a post, or of all posts, back by `hours`."""
    asked_at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()

    def change(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run(
                "update helped_questions set asked_at = ? where ? in (0, message_id)",
                [asked_at, post.id if post else 0],
            )

    await helped.world.core(change)


async def listed(helped: Helped) -> str:
    await its_time_comes(helped.world)
    return "\n".join(text_of(one) for one in posted(helped.world.review))


async def test_only_unanswered_open_posts_are_listed(helped: Helped) -> None:
    world, backend = helped.world, helped.world.env.backend
    await chosen(world, world.review)
    fates = ("waiting", "answered", "locked", "deleted", "solved", "dismissed")
    posts = {fate: await helped.forum.post(f"Ferry {fate}", f"{UNKNOWN} {fate}") for fate in fates}
    posts["answered by the bot"] = await helped.forum.post(POST_TITLE, ASKED)
    await helped.a_day_later()
    await asked_before(helped, 48)
    await world.member.send(posts["waiting"], "It is for a trip.")
    await world.second_member.send(posts["answered"], "It leaves at nine.")
    backend.edit_channel(posts["locked"].id, {}, thread_metadata={"locked": True})
    backend.delete_channel(posts["deleted"].id)
    backend.edit_channel(posts["solved"].id, {"name": "[solved] Ferry"})
    [gap] = [one for one in await world.gaps(world.guild.id) if one.text.endswith("dismissed")]
    await world.core(lambda core: core.store.gaps.dismiss(world.guild.id, [gap.id], 1))
    await world.env.settle()

    said = await listed(helped)

    assert [fate for fate, post in posts.items() if f"<#{post.id}>" in said] == ["waiting"]
    # A post is named by its link alone.
    line = said.splitlines()[-1]
    assert line.startswith(f"- <#{posts['waiting'].id}> · <t:")
    assert "Ferry" not in line


async def test_posts_without_help_are_not_listed(helped: Helped) -> None:
    await helped.set(helped.forum.id, mode=None)
    await chosen(helped.world, helped.world.review)
    post = await helped.forum.post("Ferry in winter", UNKNOWN)
    await helped.a_day_later()
    await asked_before(helped, 48)

    assert f"<#{post.id}>" not in await listed(helped)


async def test_a_post_is_listed_after_its_wait(helped: Helped) -> None:
    digest = replace(await chosen(helped.world, helped.world.review), post_hours=4)
    await helped.world.core(lambda core: core.store.digests.choose(digest, 1))
    early, late = [await helped.forum.post(f"Ferry {one}", f"{UNKNOWN} {one}") for one in "ab"]
    await asked_before(helped, 1, early)
    await asked_before(helped, 4, late)

    said = await listed(helped)

    assert (f"<#{early.id}>" in said, f"<#{late.id}>" in said) == (False, True)
