"""Members are answered while the database is away, and everything else is refused in a sentence."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.ask import messages
from bot.cluster.processes import Process
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.process.client import Bot
from bot.text import error_messages
from knowledge.store.database import is_away
from knowledge.values.questions import Feedback
from knowledge.values.quotas import Limits, Quota
from knowledge.values.settings import GuildSettings
from tests.bot.message_parts import choices, content, custom_ids, everything, longest_part, text_of
from tests.bot.outages import Departing, departing
from tests.bot.world import (
    AFTER,
    QUESTION,
    SECTIONS,
    TEXT,
    TICKETS,
    TITLE,
    UNKNOWN,
    NewBot,
    World,
    looked_into,
)
from tests.postgres import Cluster

AWAY = error_messages.DATABASE_AWAY.english


@pytest.fixture
def database(postgres: Cluster, postgres_url: str) -> Iterator[Departing]:
    with departing(postgres, postgres_url) as made:
        yield made


@pytest.fixture
def settings(settings: Settings, database: Departing) -> Settings:
    data = DataSettings(folder=settings.data.folder, database=database.url)
    (data.folder / "community.db").unlink()
    return Settings(data=data, questions=settings.questions)


@pytest.fixture
def simcord_bot(new_bot: NewBot) -> Bot:
    """A bot that shares its shards with nobody: simcord has no gateway that it could ask."""
    bot = new_bot()
    bot.cluster = Process(bot)
    return bot


@pytest.fixture(autouse=True)
def refusals(world: World) -> Iterator[None]:
    """Whatever fails, fails for that reason."""
    yield
    assert all(is_away(error) for error in world.env.errors)


async def publish(world: World) -> None:
    """Have a note in the index, and everything in memory that an outage takes."""
    await world.add_note(TITLE, SECTIONS)
    await world.bot.worker.run_slices(Core.warm_up)
    # What a guild chose is known of one in which somebody has asked.
    await world.bot.guild_settings.choices(world.guild.id)
    await world.bot.worker.run_slices(Core.refresh_outage_caches)


async def feedback(world: World, question_id: int) -> list[Feedback]:
    return await world.core(lambda core: core.store.feedback_records.of(question_id))


def question_id(message: Any) -> int:
    return int(custom_ids(message)[0].split(":")[1])


async def test_an_answer_and_its_buttons_survive_an_outage(
    world: World, database: Departing
) -> None:
    await publish(world)
    with database.away():
        answered = await world.ask()
        assert TEXT in content(answered)
        message = answered.response
        assert message is not None
        for label in ("Helpful", "Not helpful"):
            clicked = await world.second_member.click(message, label=label)
            assert everything(clicked) == AWAY
        assert await looked_into(world.second_member, message, "Why this answer?") == AWAY
        digest = next(iter(choices(message)))
        chosen = await world.second_member.select(message, [digest])
        assert everything(chosen) == AWAY
        health = await world.bot.health()
        assert "1 question waits for the database to be recorded." in health.degraded
    assert database.asked() == []
    # The first that is done once it is back finds it recorded.
    clicked = await world.second_member.click(message, label="Helpful")
    assert content(clicked) == messages.FEEDBACK_HELPFUL.english
    assert database.asked() == [QUESTION]
    assert len(await feedback(world, question_id(message))) == 1
    chosen = await world.member.select(message, [digest])
    assert chosen.response is not None
    picked = await world.member.click(chosen.response, label="This answers it")
    assert messages.REPLACED.english in content(picked)


async def test_mentions_and_replies_are_answered(world: World, database: Departing) -> None:
    await publish(world)
    assert world.bot.user is not None
    mention = f"<@{world.bot.user.id}>"
    with database.away():
        await world.member.send(world.help, f"{mention} {QUESTION}")
        first = world.help.last_message
        assert TEXT in text_of(first)
        await world.member.send(world.help, f"{mention} {AFTER}", reply_to=first)
        assert TICKETS in text_of(world.help.last_message)
    await world.core(lambda core: None)
    assert database.asked() == [QUESTION, AFTER]
    followed = await world.recorded(question_id(world.help.last_message))
    assert followed.earlier == QUESTION


async def test_writes_are_refused_and_nothing_is_lost(world: World, database: Departing) -> None:
    await publish(world)
    form = await world.member.slash(world.general, "note add")
    with database.away():
        values = {"title": "Tram", "text": "Take tram 28."}
        given_back = await world.member.submit_modal(form, values)
        assert AWAY in everything(given_back)
        assert given_back.response is not None
        [file] = given_back.response.attachments
        assert b"Take tram 28." in await file.read()
        refused = await world.admin.slash(world.general, "setup")
        assert AWAY in everything(refused)
        told = await world.moderator.slash(world.general, "review")
        assert AWAY in everything(told)
    found = await world.core(lambda core: core.store.counts(world.guild.id))
    assert found["pending"] == 0


async def test_a_moderators_reply_gets_a_response(world: World, database: Departing) -> None:
    """Where replies become notes, too: a question from memory, other words with the sentence."""
    await publish(world)
    chosen = GuildSettings(
        world.guild.id, world.review.id, world.moderator_role.id, from_replies=True
    )
    await world.core(lambda core: core.store.guilds.save_settings(chosen, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)
    mention = f"<@{world.bot.user.id}>"  # type: ignore[union-attr]
    await world.member.send(world.help, f"{mention} {UNKNOWN}")
    refusal = world.help.last_message
    await world.bot.worker.run_slices(Core.refresh_outage_caches)
    with database.away():
        asked = f"{mention} Where is the {QUESTION}?"
        await world.moderator.send(world.help, asked, reply_to=refusal)
        await world.env.settle()
        assert TEXT in text_of(world.help.last_message)
        await world.moderator.send(world.help, f"{mention} {UNKNOWN}", reply_to=refusal)
        await world.env.settle()
        assert text_of(world.help.last_message) == AWAY


async def test_changed_settings_are_not_answered_as_before(
    world: World, database: Departing
) -> None:
    await publish(world)
    await world.ask()
    changed = GuildSettings(world.guild.id, articles=False)
    await world.core(lambda core: core.store.guilds.save_settings(changed, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)
    with database.away():
        assert content(await world.ask()) == AWAY


async def test_a_limited_member_is_answered(world: World, database: Departing) -> None:
    limits = Limits(questions={world.guild.id: Quota(day=1)})
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"limits": limits}, world.admin.id)
    )
    await publish(world)
    await world.ask()
    with database.away():
        assert TEXT in content(await world.ask())
    assert longest_part(error_messages.QUESTIONS_USED_UP) in everything(await world.ask())


async def test_questions_are_recorded_in_order(world: World, database: Departing) -> None:
    await publish(world)
    texts = [f"{QUESTION} {number}" for number in range(3)]
    with database.away():
        for text in texts:
            await world.ask(text, by=world.second_member)
    await world.ask()
    assert database.asked() == [*texts, QUESTION]
