"""Which answers a model is asked about: quotas, what is asked once, what is never sent."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from bot.answers.ask import Ask
from bot.answers.phrased import Candidate
from bot.config.settings import ConfigError, PhrasingSettings, Settings
from bot.core.core import Core
from bot.phrasing.dispatcher import PhrasingDispatcher
from bot.process.client import Bot
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import Document, Kind, Scope, channel_scope
from knowledge.values.guilds import Phrasing
from tests.bot.message_parts import content, text_of
from tests.bot.phrased import (
    NOTE,
    QUOTE,
    edits,
    in_flight,
    phrasing_of,
    turn_on,
    with_phrasing,
    written,
)
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    ScriptedEndpoint,
    answers_with,
    chooses,
    fails,
    ids,
    says,
    sent,
    waits,
)
from tests.bot.world import QUESTION, TEXT, TITLE, World, build_world

ELSEWHERE: Final = {"url": "https://model.example.com/v1"}
FIRST, SECOND, THIRD = (
    "Where is the community meetup in Lisbon?",
    "Is the community meetup at Rua Augusta?",
    "On which days is the meetup in Lisbon?",
)


@pytest.fixture(params=[{}])
def settings(
    settings: Settings,
    model: ScriptedEndpoint,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings with what a test has the operator choose, and smaller constants."""
    constants = PhrasingSettings.__class_vars__ & request.param.keys()
    for name in constants:
        monkeypatch.setattr(PhrasingSettings, name, request.param[name])
    chosen = {name: value for name, value in request.param.items() if name not in constants}
    return with_phrasing(settings, **{"url": model.url, **chosen})


@pytest.fixture
async def on(world: World, model: ScriptedEndpoint) -> World:
    """A server with a note, whose administrators turned it on; the model names a sentence."""
    await turn_on(world)
    await world.add_note(TITLE, NOTE)
    model.always(chooses("Rua Augusta"))
    return world


def dispatcher_of(world: World) -> PhrasingDispatcher:
    assert isinstance(world.bot.phrasing, PhrasingDispatcher)
    return world.bot.phrasing


async def candidate(world: World, text: str, channels: tuple[int, ...] = ()) -> Candidate | None:
    """A question as it would be phrased for the member, if it would."""
    ask = Ask(text, world.member.id, world.guild.id, world.general.id, channels=channels)
    reply = await world.bot.answer(ask)
    guild = await world.bot.guild_settings.settings(world.guild.id)
    return dispatcher_of(world).candidate(ask, reply, guild)


# Quotas.


@pytest.mark.parametrize(
    "settings", [{"guild_daily": 1}, {"daily_tokens": 227}], indirect=["settings"]
)
async def test_used_up_quotas_stop_requests(on: World, model: ScriptedEndpoint) -> None:
    assert QUOTE in content(await on.ask(FIRST))

    for text, actor in ((SECOND, on.member), (THIRD, on.second_member)):
        assert QUOTE not in content(await on.ask(text, by=actor))

    assert len(model.bodies) == 1
    assert await phrasing_of(on, 2) is None


@pytest.mark.parametrize("settings", [{"member_hourly": 1}], indirect=True)
async def test_used_up_quota_of_member_survives_a_restart(
    on: World, model: ScriptedEndpoint, new_bot: Any
) -> None:
    assert QUOTE in content(await on.ask(FIRST))
    await on.start_again(new_bot)
    before = edits(on)

    await on.ask(SECOND)
    # The answer is sent and never edited.
    assert edits(on) == before + 1
    assert len(model.bodies) == 1
    assert QUOTE in content(await on.ask(THIRD, by=on.second_member))

    dispatcher_of(on).now = lambda: datetime.now(UTC) + timedelta(hours=1, seconds=1)
    assert QUOTE in content(await on.ask(SECOND))
    assert len(model.bodies) == 3


@pytest.mark.parametrize("settings", [{"in_flight": 1}], indirect=True)
async def test_a_full_endpoint_answers_equal_questions(on: World, model: ScriptedEndpoint) -> None:
    model.always(waits(model, chooses("Rua Augusta")))
    asking = await in_flight(model, on.ask(FIRST))

    other, same = await candidate(on, SECOND), await candidate(on, FIRST)

    assert other is None
    assert same is not None
    waiting, given_up = (asyncio.create_task(dispatcher_of(on).phrase(same)) for _ in range(2))
    await asyncio.sleep(0)
    # A caller that gives up doesn't cancel the request of the others.
    given_up.cancel()
    model.released.set()
    await asking
    result = await waiting
    assert result is not None
    assert result.phrased is not None
    assert [line.text for line in result.phrased.lines] == [TEXT]
    assert len(model.bodies) == 1


# What is asked once.


async def test_results_hold_until_their_scope_changes(on: World, model: ScriptedEndpoint) -> None:
    for asker in (on.member, on.second_member):
        assert QUOTE in content(await on.ask(by=asker))
    assert len(model.bodies) == 1
    first, second = await phrasing_of(on, 1), await phrasing_of(on, 2)
    assert first is not None
    assert second is not None
    assert (first.repeated, second.repeated) == (False, True)
    assert (second.chosen, second.prompt_tokens) == (first.chosen, 0)

    elsewhere = Document("file:/1.md", Scope(on.guild.id + 1), Kind.FILE, "Boats", "Boats sail.")
    await on.core(lambda core: index_document(core.index, core.embedder, elsewhere))
    assert QUOTE in content(await on.ask(SECOND))
    assert len(model.bodies) == 2
    assert QUOTE in content(await on.ask())
    assert len(model.bodies) == 2

    await on.add_note("Boats", "Boats leave from the harbour. They leave at noon.")
    assert QUOTE in content(await on.ask())
    assert len(model.bodies) == 3


async def test_outdated_results_leave_the_cache(on: World, model: ScriptedEndpoint) -> None:
    told = dispatcher_of(on)._results
    await on.ask()
    await on.add_note("Boats", "Boats leave from the harbour. They leave at noon.")
    assert [key.task.question for key in told] == [QUESTION]
    model.always(chooses("noon"))

    await on.ask("When do boats leave from the harbour?")

    assert [key.task.question for key in told] == ["When do boats leave from the harbour?"]


async def test_result_of_one_server_never_reaches_another(
    on: World, model: ScriptedEndpoint
) -> None:
    """Both have the same note, and are asked the same."""
    await on.ask()
    other = build_world(on.env, "Another")
    await other.set_up()
    await turn_on(other)
    await other.add_note(TITLE, NOTE)
    await other.ask()

    assert len(model.bodies) == 2


# What is never sent, or not shown.


def said_in_channel(world: World) -> Callable[[Core], None]:
    """Messages of a channel that members may read, indexed as its sync would."""
    scope = channel_scope(world.general.id)
    text = "mia: When is the regatta?\n\nmax: The regatta starts at noon. Be there at eleven."

    def fill(core: Core) -> None:
        said = Document("channel:7", scope, Kind.CHANNEL, "The regatta", text)
        index_document(core.index, core.embedder, said)

    return fill


@pytest.mark.parametrize(
    ("settings", "is_sent"),
    [({}, True), (ELSEWHERE, False), ({**ELSEWHERE, "may_send_messages": True}, True)],
    indirect=["settings"],
)
async def test_members_messages_go_only_to_a_private_endpoint(on: World, is_sent: bool) -> None:
    await on.core(said_in_channel(on))
    on.bot.followed[on.guild.id] = {on.general.id}

    found = await candidate(on, "When does the regatta start at noon?", (on.general.id,))

    assert (found is not None) is is_sent
    assert await candidate(on, FIRST) is not None


async def test_conversations_sentences_are_not_stored(on: World, model: ScriptedEndpoint) -> None:
    await on.core(said_in_channel(on))
    on.bot.followed[on.guild.id] = {on.general.id}
    await turn_on(on, Phrasing.PHRASE)
    model.always(answers_with(lambda body: written(body, "The regatta starts at noon")))
    found = await candidate(on, "When does the regatta start at noon?", (on.general.id,))
    assert found is not None

    result = await dispatcher_of(on).phrase(found)

    assert result is not None
    kept = await phrasing_of(on, found.reply.question_id or 0)
    assert kept is not None
    assert kept.outcome == "shown"
    assert kept.lines == ()


async def test_passage_deleted_meanwhile_is_not_shown_again(
    on: World, model: ScriptedEndpoint
) -> None:
    model.always(waits(model, chooses("Rua Augusta")))
    asking = await in_flight(model, on.ask())
    await on.core(lambda core: core.index.tables.apply([], ["note:1"]))
    model.released.set()

    await asking

    assert QUOTE not in text_of(on.general.last_message)
    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert (kept.outcome, kept.chosen) == ("gone", ())


async def test_no_id_is_sent_and_no_text_logged(
    on: World, model: ScriptedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="bot")
    await on.ask()

    [body] = model.bodies
    assert "Rua Augusta" in json.dumps(sent(body))
    for number in (on.member.id, on.guild.id, on.general.id):
        assert str(number) not in json.dumps(body)
    exposed = (await on.bot.exposition()).decode()
    for line in (
        'commonplace_phrasings_total{outcome="shown"} 1.0',
        'commonplace_phrased_sentences_total{verdict="chosen"} 1.0',
        "commonplace_phrasing_tokens_total 227.0",
        "commonplace_phrasing_seconds_count 1.0",
    ):
        assert line in exposed
    told = "\n".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)
    assert "A model was asked to phrase an answer: shown." in told
    for word in ("Rua", QUESTION, KEY):
        assert word not in told


# Order.


@pytest.mark.parametrize("settings", [{"reorder": True}], indirect=True)
async def test_the_models_first_passage_is_quoted(on: World, model: ScriptedEndpoint) -> None:
    other = "Another meetup of the community is in Lisbon, at Rua das Flores. Bring a friend."
    await on.add_note("Porto meetup", other)

    def ordered(body: dict[str, Any]) -> object:
        passages = sent(body)["passages"]
        if isinstance(passages, dict):
            first = [key for key, one in passages.items() if "Rua das Flores" in one["text"]]
            return {"order": [*first, *(key for key in passages if key not in first)]}
        return {"sentences": ids(body, "Rua das Flores"), "answers": True}

    model.always(answers_with(ordered))
    before = edits(on)

    answered = await on.ask()

    assert edits(on) == before + 2
    assert "Another meetup of the community is in Lisbon, at Rua das Flores. [1]" in content(
        answered
    )
    question = await on.recorded(1)
    assert question.hits[0].title == TITLE
    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert kept.places[0] == 1
    assert kept.prompt_tokens == 2 * 210
    assert "Evidence: strong" in content(answered)


@pytest.mark.parametrize("settings", [{"reorder": True}], indirect=True)
async def test_a_failed_order_changes_nothing(on: World, model: ScriptedEndpoint) -> None:
    await on.add_note(
        "Porto meetup", "Another meetup of the community is in Porto. Bring a friend."
    )
    model.will(says({"order": ["99"]}))

    assert QUOTE in content(await on.ask())

    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert kept.places == ()


# How it fares.


async def test_health_names_a_failing_endpoint(on: World, model: ScriptedEndpoint) -> None:
    model.always(fails(500))
    for number in range(5):
        found = await candidate(on, f"Where is meetup {number} in Lisbon?")
        assert found is not None
        assert await dispatcher_of(on).phrase(found) is None

    assert await candidate(on, FIRST) is None
    assert len(model.bodies) == 5
    health = await on.bot.health()
    assert health.well
    assert health.to_dict()["status"] == "degraded"
    [reason] = health.degraded
    assert reason.startswith("127.0.0.1 is not asked for phrasing: it failed too often")
    exposed = (await on.bot.exposition()).decode()
    assert 'commonplace_phrasings_total{outcome="unreachable"} 5.0' in exposed


@pytest.mark.parametrize("settings", [{"seconds": 1}], indirect=True)
async def test_late_model_leaves_the_plain_answer(on: World, model: ScriptedEndpoint) -> None:
    model.always(waits(model, chooses("Rua Augusta")))

    found = await candidate(on, FIRST)
    assert found is not None

    assert await dispatcher_of(on).phrase(found) is None

    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert kept.outcome == "late"


async def test_stopping_cancels_requests_in_flight(on: World, model: ScriptedEndpoint) -> None:
    model.always(waits(model, chooses("Rua Augusta")))
    found = await candidate(on, FIRST)
    assert found is not None
    asking = await in_flight(model, dispatcher_of(on).phrase(found))

    await dispatcher_of(on).stop()

    assert await asking is None
    assert not model.released.is_set()


def test_a_wrong_key_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHRASING_KEY", "naïve key")
    with pytest.raises(ConfigError, match="PHRASING_KEY can't be used") as refused:
        Bot(settings)
    assert "naïve" not in str(refused.value)
