"""*Quotes only*: its asker and moderators take what was written out, others look at the quotes."""

from typing import Any

import pytest

from bot.ask import messages, phrased_text
from bot.config.settings import Settings
from knowledge.values.guilds import Phrasing
from tests.bot.message_parts import buttons, content, longest_part, text_of
from tests.bot.phrased import NOTE, mention, phrasing_of, turn_on, with_phrasing, written
from tests.bot.phrasing.scripted_endpoint import ScriptedEndpoint, answers_with
from tests.bot.world import QUESTION, TEXT, TITLE, World

SENTENCE = "A community meetup is in Lisbon at the Rua Augusta on Fridays"
PHRASED = "-# Written by scripted"


@pytest.fixture
def settings(settings: Settings, model: ScriptedEndpoint) -> Settings:
    return with_phrasing(settings, model.url)


@pytest.fixture
async def on(world: World, model: ScriptedEndpoint) -> World:
    """A server with a note, whose administrators let a model write."""
    await turn_on(world, Phrasing.PHRASE)
    await world.add_note(TITLE, NOTE)
    model.always(answers_with(lambda body: written(body, SENTENCE)))
    return world


async def posted(world: World) -> Any:
    """A phrased answer in the channel, of the member's question."""
    await world.ask()
    message = world.general.last_message
    assert message is not None
    assert SENTENCE in text_of(message)
    return message


async def test_model_text_is_labelled_and_has_its_button(on: World) -> None:
    message = await posted(on)

    head, below = text_of(message).split(PHRASED)
    assert head.endswith(f"{SENTENCE}. [1]\n")
    assert "**" not in head.split("\n", 1)[1]
    assert longest_part(phrased_text._PHRASED) in below
    assert f"> {TEXT}" in below
    assert buttons(message) == [
        "Helpful",
        "Not helpful",
        "Quotes only",
    ]
    kept = await phrasing_of(on, 1)
    assert kept is not None
    assert [line.text for line in kept.lines] == [f"{SENTENCE}."]


async def test_a_moderator_takes_it_out_for_everybody(on: World) -> None:
    await turn_on(on, Phrasing.OFF)
    plain = content(await on.ask())
    await turn_on(on, Phrasing.PHRASE)
    message = await posted(on)

    await on.moderator.click(message, label="Quotes only")

    [now] = [one for one in on.general.history() if one.id == message.id]
    assert text_of(now) == plain
    assert "Quotes only" not in buttons(now)
    thanks = await on.second_member.click(now, label="Helpful")
    assert content(thanks) == messages.FEEDBACK_HELPFUL.english


async def test_others_see_the_quotes_until_the_question_is_forgotten(on: World) -> None:
    message = await posted(on)

    shown = await on.second_member.click(message, label="Quotes only")
    [followup] = shown.followups
    assert followup.ephemeral
    assert TEXT in text_of(followup)
    assert SENTENCE not in text_of(followup)
    [now] = [one for one in on.general.history() if one.id == message.id]
    assert SENTENCE in text_of(now)

    await on.core(lambda core: core.store.personal_data.forget(on.member.id, withdraw=False))
    shown = await on.second_member.click(message, label="Quotes only")
    assert messages.FEEDBACK_GONE.english in [text_of(one) for one in shown.followups]


async def test_the_asker_takes_it_out_below_a_mentions_answer(on: World) -> None:
    await on.member.send(on.general, f"{mention(on)} {QUESTION}")
    await on.env.settle()
    message = on.general.last_message
    assert message is not None
    assert SENTENCE in text_of(message)

    await on.member.click(message, label="Quotes only")

    [now] = [one for one in on.general.history() if one.id == message.id]
    assert SENTENCE not in text_of(now)
    assert text_of(now).startswith("-# Evidence: strong")


async def test_a_forged_id_of_another_server_shows_nothing(on: World) -> None:
    other = await on.add_guild()
    message = other.general.last_message
    assert message is not None

    forged = other.press(other.moderator, message, "phrased:1:quotes")
    await on.env.settle()

    [followup] = forged.followups
    assert text_of(followup) == messages.FEEDBACK_GONE.english


async def test_a_forged_id_below_another_message_changes_nothing(on: World) -> None:
    await posted(on)
    await on.ask("When is the harbour open, and who has the key of the shelf?")
    message = on.general.last_message
    assert message is not None
    before = text_of(message)

    on.press(on.moderator, message, "phrased:1:quotes")
    await on.env.settle()

    assert text_of(on.general.last_message) == before
