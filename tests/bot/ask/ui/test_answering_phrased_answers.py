"""A plain answer is there at once, and is edited once with what a model made of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.ask import messages
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.phrasing.dispatcher import PhrasingDispatcher
from knowledge.values.guilds import Phrasing
from tests.bot.message_parts import buttons, content, custom_ids, shown_message, text_of
from tests.bot.phrased import (
    NOTE,
    QUOTE,
    edits,
    in_flight,
    mention,
    phrasing_of,
    turn_on,
    with_phrasing,
)
from tests.bot.phrasing.scripted_endpoint import (
    MODEL,
    ScriptedEndpoint,
    chooses,
    fails,
    says,
    sent,
    waits,
)
from tests.bot.world import (
    AFTER,
    QUESTION,
    SECTIONS,
    TEXT,
    TITLE,
    UNKNOWN,
    World,
    in_menu,
    looked_into,
)

LINE = "-# A language model may add to this until <t:"
CHOSEN = (
    f"-# Chosen word for word by {MODEL.replace('-', chr(92) + '-')} "
    "from the passages quoted below."
)


@pytest.fixture
def settings(settings: Settings, model: ScriptedEndpoint) -> Settings:
    return with_phrasing(settings, model.url)


@pytest.fixture
async def on(world: World) -> World:
    """A server with a note, whose administrators turned it on."""
    await turn_on(world)
    await world.add_note(TITLE, NOTE)
    return world


class CountingWorker:
    """A bot's worker, whose jobs are counted."""

    def __init__(self, worker: Worker[Core]) -> None:
        self._worker = worker
        self.jobs = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)

    async def call(self, *given: Any, **named: Any) -> Any:
        self.jobs += 1
        return await self._worker.call(*given, **named)

    async def call_batched(self, *given: Any, **named: Any) -> Any:
        self.jobs += 1
        return await self._worker.call_batched(*given, **named)


async def test_chosen_sentences_stand_above_quotations(on: World, model: ScriptedEndpoint) -> None:
    model.always(chooses("Rua Augusta"))

    answered = await on.ask()

    text = content(answered)
    head, said = text.split("\n" + QUOTE)
    assert head == f"**{QUESTION}**\n-# Evidence: strong"
    assert said.split("\n")[1] == CHOSEN
    assert f"> {TEXT}" in said
    assert "1 · " in said
    assert LINE not in text
    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert (kept.outcome, kept.mode, kept.chosen, kept.repeated) == (
        "shown",
        "choose",
        ("1.1",),
        False,
    )
    assert (kept.prompt_tokens, kept.reply_tokens) == (210, 17)


async def test_the_plain_answer_is_edited_once(on: World, model: ScriptedEndpoint) -> None:
    """Its last line says until when it may be edited: the model's 15 s, and 5 for the rest."""
    assert isinstance(on.bot.phrasing, PhrasingDispatcher)
    on.bot.phrasing.now = lambda: datetime(2026, 11, 26, tzinfo=UTC)
    until = datetime(2026, 11, 26, 0, 0, 20, tzinfo=UTC)
    model.always(waits(model, chooses("Rua Augusta")))
    before = edits(on)

    asking = await in_flight(model, on.ask())

    message = on.general.last_message
    assert message is not None
    plain = text_of(message)
    assert plain.split("\n")[-1] == f"{LINE}{until.timestamp():.0f}:T>."
    assert f"> {TEXT}" in plain
    assert buttons(message) == ["Helpful", "Not helpful"]
    assert edits(on) == before + 1
    model.released.set()
    await asking
    assert edits(on) == before + 2
    assert QUOTE in text_of(on.general.last_message)


async def test_phrasing_delays_no_plain_answer(on: World, model: ScriptedEndpoint) -> None:
    """Counted in jobs of the worker's, and in requests."""
    worker = CountingWorker(on.bot.worker)
    on.bot._worker = worker  # type: ignore[assignment]
    await turn_on(on, Phrasing.OFF)
    await on.ask()
    await turn_on(on, Phrasing.OFF)
    worker.jobs, requests = 0, edits(on)
    await on.ask()
    jobs, requests = worker.jobs, edits(on) - requests
    await turn_on(on)
    worker.jobs, sent_before = 0, edits(on)
    model.always(waits(model, chooses("Rua Augusta")))

    asking = await in_flight(model, on.ask())

    # The one that is more takes place after the answer was sent: it claims the use of the model.
    assert worker.jobs == jobs + 1
    assert edits(on) - sent_before == requests
    assert text_of(on.general.last_message).split("\n")[-1].startswith(LINE)
    model.released.set()
    await asking


async def test_without_a_result_only_the_line_goes(on: World, model: ScriptedEndpoint) -> None:
    await turn_on(on, Phrasing.OFF)
    plain = await on.ask()
    await turn_on(on)
    behaviours = [chooses("Rua Augusta", answers=False), says("I am sorry, Dave."), fails(500)]
    for number, behaviour in enumerate(behaviours, start=1):
        model.always(behaviour)

        answered = await on.ask()

        assert content(answered) == content(plain)
        assert len(model.bodies) == number
        assert [one.split(":")[0] for one in custom_ids(answered.response)] == [
            one.split(":")[0] for one in custom_ids(plain.response)
        ]


async def test_no_model_is_asked_unless_it_is_turned_on_and_an_answer_has_no_conflict(
    on: World, model: ScriptedEndpoint
) -> None:
    for mode, where in (
        (Phrasing.OFF, ""),
        (Phrasing.PHRASE, "other.example.com"),
        (Phrasing.PHRASE, "127.0.0.2"),
    ):
        await turn_on(on, mode, where)
        assert LINE not in content(await on.ask())
    await turn_on(on)
    for question in (UNKNOWN, "thanks!", "???"):
        assert LINE not in content(await on.ask(question))
    for title, size in (("Uploads", "25 MB"), ("Files", "10 MB")):
        await on.add_note(title, f"Uploaded files may be at most {size} large.")
    await on.ask("How large may uploaded files be at most?")
    assert model.bodies == []


# The ways to ask.


async def test_mentions_and_messages_are_phrased(on: World, model: ScriptedEndpoint) -> None:
    model.always(chooses("Rua Augusta"))

    await on.member.send(on.general, f"{mention(on)} {QUESTION}")
    await on.env.settle()
    message = on.general.last_message
    assert message is not None
    assert QUOTE in text_of(message)
    assert LINE not in text_of(message)

    asked = await on.second_member.send(on.general, QUESTION)
    answered = await on.member.context_menu(on.general, "Ask about this", asked)
    assert answered.ephemeral
    assert QUOTE in content(answered)


async def test_direct_messages_get_only_chosen_sentences(
    on: World, model: ScriptedEndpoint
) -> None:
    model.always(chooses("open"))

    await on.member.send_dm("What is open source AI?")
    await on.env.settle()

    told = on.member.user.dm_channel.last_message
    assert CHOSEN in text_of(told)
    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert kept.mode == "choose"


async def test_a_private_answer_is_phrased_and_shared(on: World, model: ScriptedEndpoint) -> None:
    model.always(chooses("Rua Augusta"))
    answered = await on.ask(private=True)
    assert QUOTE in content(answered)

    await in_menu(on.member, shown_message(answered), "Share with everyone here")

    message = on.general.last_message
    assert message is not None
    assert QUOTE in text_of(message)
    assert "Share" not in buttons(message)
    assert len(model.bodies) == 1
    kept = await phrasing_of(on, 2)
    assert kept is not None
    assert kept.repeated


async def test_a_follow_up_is_sent_with_its_question(on: World, model: ScriptedEndpoint) -> None:
    model.always(chooses("Tickets"))
    await on.add_note(
        "Community meetup", f"{SECTIONS} Members of the club pay for them at the bar."
    )
    await on.ask()
    answer = on.general.last_message
    assert answer is not None

    await on.member.send(on.general, f"{mention(on)} {AFTER}", reply_to=answer)
    await on.env.settle()

    assert sent(model.bodies[-1])["follows"] == QUESTION


# What is clicked, replaced or deleted.


async def test_buttons_work_below_a_phrased_answer(on: World, model: ScriptedEndpoint) -> None:
    model.always(chooses("Rua Augusta"))
    answered = await on.ask()

    thanks = await on.second_member.click(shown_message(answered), label="Helpful")
    assert content(thanks) == messages.FEEDBACK_HELPFUL.english
    assert "Evidence" in await looked_into(on.member, answered.response, "Why this answer?")
    assert TEXT in await looked_into(on.member, answered.response, "Other passages")


async def test_a_changed_message_is_left_alone(on: World, model: ScriptedEndpoint) -> None:
    other = "Another meetup of the community is in Porto, at Rua das Flores."
    await on.add_note("Porto meetup", other)
    model.always(waits(model, chooses("Rua")))
    asking = await in_flight(model, on.ask())
    message = on.general.last_message
    assert message is not None
    # As a click on *This answers it* replaces it.
    backend: Any = on.env.backend
    stored = backend.get_message(on.general.id, message.id)
    replaced = [{"type": 10, "content": "Something else."}]
    backend.edit_message(on.general.id, message.id, {"components": replaced})
    assert stored is not None

    model.released.set()
    await asking

    assert text_of(on.general.last_message) == "Something else."


async def test_a_deleted_message_is_not_sent_again(on: World, model: ScriptedEndpoint) -> None:
    model.always(waits(model, chooses("Rua Augusta")))
    asking = await in_flight(model, on.ask())
    message = on.general.last_message
    assert message is not None
    on.env.backend.delete_message(on.general.id, message.id)

    model.released.set()
    await asking

    assert message.id not in [one.id for one in on.general.history()]
    assert (await phrasing_of(on, 1)) is not None


async def test_a_bot_that_stops_takes_the_line_away(on: World, model: ScriptedEndpoint) -> None:
    model.always(waits(model, chooses("Rua Augusta")))
    asking = await in_flight(model, on.ask())

    await on.bot.finish(10)

    await asking
    text = text_of(on.general.last_message)
    assert LINE not in text
    assert f"> {TEXT}" in text
    assert CHOSEN not in text
