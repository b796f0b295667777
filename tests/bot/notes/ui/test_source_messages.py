"""Notes saved from messages: the card shows an edit or deletion of the message."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import discord
import pytest
from simcord.backend import serializers

from bot.core.core import Core
from bot.interactions.kit.layouts import layout
from bot.notes.ui import source_messages
from bot.process.client import Bot
from bot.review import cards
from knowledge.values.notes import SourceChange
from tests.bot.world import TEXT, TITLE, World, buttons, text_of

EDITED = cards._SOURCE_CHANGED[SourceChange.EDITED].english
DELETED = cards._SOURCE_CHANGED[SourceChange.DELETED].english


async def save(world: World, message: discord.Message) -> None:
    form = await world.member.context_menu(world.general, "Save as note", message)
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "link": ""})


def later(world: World) -> None:
    """Set the simulated Discord's clock to an hour from now."""
    clock = world.env.backend.clock
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds() + 3_600)


async def change(world: World) -> SourceChange:
    source = (await world.note()).source
    assert source is not None
    return source.change


async def test_a_note_whose_message_is_edited_is_flagged(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    await save(world, message)

    later(world)
    await world.second_member.edit(message, "It is in Porto now.")

    assert await change(world) is SourceChange.EDITED
    assert EDITED in text_of(world.card)


async def test_a_live_note_whose_message_is_deleted_comes_back_to_the_moderators(
    world: World,
) -> None:
    message = await world.second_member.send(world.general, TEXT)
    await save(world, message)
    await world.moderator.click(world.card, label="Approve")

    await world.second_member.delete(message)

    assert DELETED in text_of(world.card)
    assert "Keep as it is" in buttons(world.card)


async def test_a_note_whose_message_is_edited_after_a_restart_is_flagged(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    message = await world.second_member.send(world.general, TEXT)
    await save(world, message)

    await world.bot.close()
    await world.restart(new_bot())
    later(world)
    await world.second_member.edit(message, "It is in Porto now.")

    assert await change(world) is SourceChange.EDITED


async def test_messages_deleted_together_flag_the_note_saved_from_one_of_them(
    world: World,
) -> None:
    messages = [await world.second_member.send(world.general, text) for text in ("a", TEXT, "b")]
    await save(world, messages[1])

    world.env.backend.bulk_delete_messages(world.general.id, [one.id for one in messages])
    await world.env.settle()

    assert await change(world) is SourceChange.DELETED


async def test_a_channel_that_is_deleted_takes_its_messages_along(world: World) -> None:
    message = await world.second_member.send(world.help, TEXT)
    form = await world.member.context_menu(world.help, "Save as note", message)
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "link": ""})

    world.env.backend.delete_channel(world.help.id)
    await world.env.settle()

    assert await change(world) is SourceChange.DELETED


async def test_a_message_edited_while_the_form_is_open_flags_the_note(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    form = await world.member.context_menu(world.general, "Save as note", message)
    world.env.backend.clock.advance(10)
    await world.second_member.edit(message, "It is in Porto now.")

    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "link": ""})

    assert await change(world) is SourceChange.EDITED
    assert EDITED in text_of(world.card)


async def test_a_preview_that_discord_adds_to_a_message_flags_nothing(world: World) -> None:
    message = await world.second_member.send(world.general, TEXT)
    await save(world, message)
    stored = world.env.backend.get_message(world.general.id, message.id)

    world.env.backend.emit(
        "MESSAGE_UPDATE", dict(serializers.message_payload(world.env.backend, stored))
    )
    await world.env.settle()

    assert await change(world) is SourceChange.NONE


async def test_what_was_edited_before_it_was_saved_flags_nothing_later(world: World) -> None:
    message = await world.second_member.send(world.general, "A draft.")
    await world.second_member.edit(message, TEXT)
    await save(world, message)
    stored = world.env.backend.get_message(world.general.id, message.id)
    assert stored.edited_timestamp is not None

    world.env.backend.emit(
        "MESSAGE_UPDATE", dict(serializers.message_payload(world.env.backend, stored))
    )
    await world.env.settle()

    assert await change(world) is SourceChange.NONE


async def test_what_the_bot_edits_of_its_own_answer_flags_nothing(world: World) -> None:
    answer = await world.ask("What is open source AI?")
    assert answer.response is not None
    await save(world, answer.response.message)

    later(world)
    await answer.response.message.edit(**layout([discord.ui.TextDisplay("Another passage.")]))
    await world.env.settle()

    assert await change(world) is SourceChange.NONE


async def test_other_messages_cost_no_look_into_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    assert source_messages.__name__ not in asked


async def test_a_message_deleted_while_its_form_was_open_at_a_restart_is_flagged(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    message = await world.second_member.send(world.general, TEXT)
    form = await world.member.context_menu(world.general, "Save as note", message)
    await world.bot.close()
    await world.admin_deletes(message)
    await world.restart(new_bot())

    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})

    source = (await world.note()).source
    assert source is not None
    assert source.change is SourceChange.DELETED


async def test_a_message_deleted_after_its_form_was_taken_by_another_process_is_flagged(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    message = await world.second_member.send(world.general, TEXT)
    form = await world.member.context_menu(world.general, "Save as note", message)
    await world.bot.close()
    await world.restart(new_bot())
    # Any event loads the watched messages.
    await world.admin_deletes(await world.second_member.send(world.general, "Another."))
    await world.member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "", "link": ""})

    await world.admin_deletes(message)

    source = (await world.note()).source
    assert source is not None
    assert source.change is SourceChange.DELETED
