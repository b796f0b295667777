"""Notes saved from messages: an edit or deletion of the message flags the note on its card."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import discord
import pytest
from simcord import InteractionResult
from simcord.backend import serializers

from bot.core.core import Core
from bot.interactions.kit.layouts import layout
from bot.notes.ui import source_watcher
from bot.review import cards
from knowledge.values.notes import SourceChange
from tests.bot.message_parts import buttons, shown_message, text_of
from tests.bot.world import TEXT, TITLE, NewBot, World

EDITED = cards._SOURCE_CHANGED[SourceChange.EDITED].english
DELETED = cards._SOURCE_CHANGED[SourceChange.DELETED].english


async def form_for(world: World, message: discord.Message) -> InteractionResult:
    return await world.member.context_menu(world.general, "Save as note", message)


async def submit(world: World, form: InteractionResult) -> None:
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT})


async def save(world: World, message: discord.Message) -> None:
    await submit(world, await form_for(world, message))


def later(world: World) -> None:
    """Set the simulated Discord's clock to an hour from now."""
    clock = world.env.backend.clock
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds() + 3_600)


async def change(world: World, revision_id: int = 1) -> SourceChange:
    source = (await world.note(revision_id)).source
    assert source is not None
    return source.change


async def update(world: World, message: discord.Message) -> None:
    """Send an update without an edit, as Discord does for a link preview."""
    backend = world.env.backend
    stored = backend.get_message(world.general.id, message.id)
    backend.emit("MESSAGE_UPDATE", dict(serializers.message_payload(backend, stored)))
    await world.env.settle()


async def test_only_later_edits_flag_the_note(world: World, new_bot: NewBot) -> None:
    message = await world.second_member.send(world.general, "A draft.")
    await world.second_member.edit(message, TEXT)
    await save(world, message)
    await update(world, message)
    assert await change(world) is SourceChange.NONE
    await world.start_again(new_bot)

    later(world)
    await world.second_member.edit(message, "It is in Porto now.")

    assert await change(world) is SourceChange.EDITED
    assert EDITED in text_of(world.card)


async def test_an_edit_during_the_form_flags_it(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    form = await form_for(world, message)
    world.env.backend.clock.advance(10)
    await world.second_member.edit(message, "It is in Porto now.")

    await submit(world, form)

    assert await change(world) is SourceChange.EDITED
    assert EDITED in text_of(world.card)


async def test_a_deleted_source_returns_the_note(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    await save(world, message)
    await world.moderator.click(world.card, label="Approve")

    await world.second_member.delete(message)

    assert DELETED in text_of(world.card)
    assert "Keep as it is" in buttons(world.card)


@pytest.mark.parametrize("what", ["messages", "channel"])
async def test_a_bulk_deletion_flags_a_note(world: World, what: str) -> None:
    messages = [await world.second_member.send(world.help, text) for text in ("a", TEXT, "b")]
    await submit(world, await world.member.context_menu(world.help, "Save as note", messages[1]))

    if what == "messages":
        world.env.backend.bulk_delete_messages(world.help.id, [one.id for one in messages])
    else:
        world.env.backend.delete_channel(world.help.id)
    await world.env.settle()

    assert await change(world) is SourceChange.DELETED


async def test_the_bots_own_edits_flag_nothing(world: World) -> None:
    answer = shown_message(await world.ask("What is open source AI?"))
    await save(world, answer.message)

    later(world)
    await answer.message.edit(**layout([discord.ui.TextDisplay("Another passage.")]))
    await world.env.settle()

    assert await change(world) is SourceChange.NONE


async def test_other_events_cost_no_query(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    source = await world.second_member.send(world.general, TEXT)
    await save(world, source)
    later(world)
    await world.second_member.edit(source, "First look.")
    assert await change(world) is SourceChange.EDITED
    asked: set[str] = set()
    call = world.bot.worker.call

    async def recorded(function: Callable[[Core], Any], **options: Any) -> Any:
        asked.add(function.__module__)
        return await call(function, **options)

    monkeypatch.setattr(world.bot.worker, "call", recorded)

    message = await world.second_member.send(world.general, "Hello.")
    await world.second_member.edit(message, "Hello there.")
    await world.second_member.delete(message)

    assert source_watcher.__name__ not in asked


@pytest.mark.parametrize("when", ["between processes", "after the submission"])
async def test_a_deletion_beside_another_process_flags_it(
    world: World, new_bot: NewBot, when: str
) -> None:
    message = await world.second_member.send(world.general, TEXT)
    form = await form_for(world, message)
    await world.bot.close()
    if when == "between processes":
        await world.admin_deletes(message)
    await world.restart(new_bot())
    if when == "between processes":
        await submit(world, form)
    else:
        # Any event loads the watched messages.
        await world.admin_deletes(await world.second_member.send(world.general, "Another."))
        await submit(world, form)
        await world.admin_deletes(message)

    assert await change(world) is SourceChange.DELETED
