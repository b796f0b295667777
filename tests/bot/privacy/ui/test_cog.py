"""`/privacy`: what is stored about a member, given to them, and deleted everywhere at once."""

import json
from collections.abc import Callable
from itertools import islice

import pytest
from simcord import InteractionResult

from bot.cli.doctor import examine
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import messages as privacy_messages
from bot.privacy import service as privacy_service
from bot.process.client import Bot
from knowledge.values.notes import PageName
from tests.bot.page.turned_on import turn_on
from tests.bot.steps import said, shown_message
from tests.bot.world import QUESTION, TEXT, UNKNOWN, World, buttons, text_of

LONG = "A secret that nobody may keep. " * 90


async def opened(world: World) -> InteractionResult:
    return await world.member.slash(world.general, "privacy")


async def deleted(world: World, how: str = "keep") -> InteractionResult:
    shown = await opened(world)
    assert shown.response is not None
    asked = await world.member.click(shown.response, label="Delete…")
    assert said(asked) == privacy_messages.ASKS_TO_DELETE.english
    assert asked.response is not None
    return await world.member.click(
        asked.response, label=privacy_messages.PRIVACY_LABELS[how].english
    )


def index_and_tables(core: Core) -> str:
    """Every value in the community database, and what can be quoted."""
    tables = core.store.database.rows(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    )
    rows = [
        str(tuple(row.values()))
        for table in tables
        for row in core.store.database.rows(f"select * from {table['name']}")  # noqa: S608
    ]
    quoted = [
        repr(passage)
        for note in range(1, 10)
        for passage in core.index.tables.document_passages(f"note:{note}")
    ]
    return "\n".join([*rows, *quoted])


async def test_contributors_choose_how_public_pages_name_them(world: World) -> None:
    labels = privacy_messages.PRIVACY_LABELS
    shown = await opened(world)
    assert labels[PageName.NAME].english not in buttons(shown.response)

    await turn_on(world)
    shown = await opened(world)
    assert privacy_messages._NAMED[PageName.NOBODY].english in said(shown)
    told = await world.member.click(shown_message(shown), custom_id="privacy:initial")
    assert said(told) == privacy_messages.now_named(PageName.INITIAL)

    kept = await world.core(lambda core: core.store.public_notes.name_of(world.member.id))
    assert kept is PageName.INITIAL
    shown = await opened(world)
    assert labels[PageName.NOBODY].english in buttons(shown.response)
    assert labels[PageName.INITIAL].english not in buttons(shown.response)
    others = await world.core(lambda core: core.store.public_notes.name_of(world.moderator.id))
    assert others is PageName.NOBODY


async def test_privacy_counts_what_is_stored_about_whoever_asks(world: World) -> None:
    await world.publish()
    await world.ask()

    shown = said(await opened(world))

    assert "`    1 /     1` Notes you proposed" in shown
    assert "`    1 /     1` Questions you asked" in shown


async def test_privacy_works_in_a_direct_message(world: World) -> None:
    await world.ask()

    shown = await world.member.user.slash("privacy")

    assert "`    0 /     1` Questions you asked" in said(shown)


async def test_an_export_is_a_file_with_everything(world: World) -> None:
    await world.publish()
    await world.ask()
    shown = await opened(world)
    assert shown.response is not None

    exported = await world.member.click(shown.response, label="Export")

    assert exported.response is not None
    assert exported.response.ephemeral
    [file] = exported.response.message.attachments
    found = json.loads(await file.read())
    assert found["member"] == world.member.id
    assert found["revisions"][0]["text"] == TEXT
    assert found["questions"][0]["text"] == QUESTION


@pytest.mark.parametrize("how", ["keep", "withdraw"])
async def test_deleting_leaves_no_trace_in_tables_or_index(world: World, how: str) -> None:
    await world.publish()
    await world.propose("Another", LONG)
    await world.ask(UNKNOWN)
    await world.ask(by=world.second_member)
    name = world.member.user.name
    assert name in await world.core(index_and_tables)

    result = await deleted(world, how)

    assert result.response is None or "Deleted." in text_of(result.response)
    left = await world.core(index_and_tables)
    traces = [str(world.member.id), name, "A secret that nobody", UNKNOWN]
    assert [trace for trace in traces if trace in left] == []
    assert (TEXT in left) is (how == "keep")


async def test_an_answer_from_a_kept_note_names_nobody_any_more(world: World) -> None:
    await world.publish()
    before = await world.ask(by=world.second_member)
    assert before.response is not None
    assert world.member.user.name.split("-")[0] in text_of(before.response)

    await deleted(world)

    after = await world.ask(by=world.second_member)
    assert after.response is not None
    assert "by a former member" in text_of(after.response)


async def test_a_note_withdrawn_with_its_contributor_is_answered_from_no_more(
    world: World,
) -> None:
    await world.publish()

    await deleted(world, "withdraw")

    after = await world.ask(by=world.second_member)
    assert after.response is not None
    assert "Rua Augusta on Fridays" not in text_of(after.response).replace("**", "")


async def test_the_card_shows_neither_the_name_nor_the_erased_text(world: World) -> None:
    await world.propose("Another", LONG)
    assert world.card.attachments

    await deleted(world)

    assert world.card.attachments == []
    assert "A secret" not in text_of(world.card)
    assert world.member.user.name.split("-")[0] not in text_of(world.card)
    assert "**Withdrawn**" in text_of(world.card)


@pytest.mark.parametrize("how", ["keep", "withdraw"])
async def test_after_deleting_the_doctor_finds_database_and_log_sound(
    world: World, settings: Settings, how: str
) -> None:
    await world.publish()
    await world.ask(UNKNOWN)

    await deleted(world, how)

    # Beyond these it looks at a model that the tests do without.
    found = list(islice(examine(None, settings.data.folder), 3))
    assert [(one.what, one.sound) for one in found] == [
        ("configuration", True),
        ("community database", True),
        ("log", True),
    ]


async def test_a_process_that_dies_before_the_index_followed_makes_up_for_it(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    await world.core(lambda core: privacy_service.forget(core, world.member.id, False))
    await world.bot.close()

    await world.restart(new_bot())

    answered = await world.ask(by=world.second_member)
    assert answered.response is not None
    assert "by a former member" in text_of(answered.response)


async def test_a_moderators_name_is_taken_from_what_they_decided(world: World) -> None:
    await world.publish()
    shown = await world.moderator.slash(world.general, "privacy")
    assert shown.response is not None
    asked = await world.moderator.click(shown.response, label="Delete…")
    assert asked.response is not None

    await world.moderator.click(
        asked.response, label=privacy_messages.PRIVACY_LABELS["keep"].english
    )

    assert world.moderator.user.name not in await world.core(index_and_tables)
    assert "a former moderator" in text_of(world.card)


async def test_cancelling_deletes_nothing(world: World) -> None:
    await world.ask()

    await deleted(world, "cancel")

    assert await world.core(lambda core: core.store.question_records.question(1)) is not None


async def test_who_is_not_to_be_told_can_be_told_again(world: World) -> None:
    shown = await opened(world)
    assert buttons(shown.response) == [
        "Export",
        "Don't tell me",
        "Don't quote my messages",
        "Delete…",
    ]
    assert shown.response is not None
    await world.member.click(shown.response, label="Don't tell me")
    assert await world.core(lambda core: core.store.gaps.quiet(world.member.id))

    again = await opened(world)
    assert again.response is not None
    await world.member.click(again.response, label="Tell me again")

    assert not await world.core(lambda core: core.store.gaps.quiet(world.member.id))


async def test_who_is_not_to_be_quoted_from_chats_can_be_quoted_again(world: World) -> None:
    shown = await opened(world)
    assert shown.response is not None
    chosen = await world.member.click(shown.response, label="Don't quote my messages")
    assert said(chosen) == privacy_messages.WITHHELD.english
    assert await world.core(lambda core: core.store.quote_opt_outs.is_withheld(world.member.id))

    again = await opened(world)
    assert again.response is not None
    assert privacy_messages._WITHHOLDS.english in said(again)
    chosen = await world.member.click(again.response, label="Quote my messages again")

    assert said(chosen) == privacy_messages.QUOTED_AGAIN.english
    assert not await world.core(lambda core: core.store.quote_opt_outs.is_withheld(world.member.id))


async def test_who_is_forgotten_is_quoted_from_chats_no_more_by_id_and_by_name(
    world: World,
) -> None:
    await deleted(world)

    withheld = await world.core(lambda core: core.store.quote_opt_outs.withheld())

    assert world.member.id in withheld.member_ids
    assert world.member.user.name in withheld.names
    assert world.second_member.id not in withheld.member_ids


async def test_every_button_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.ask(UNKNOWN)
    shown = await opened(world)
    assert shown.response is not None
    message = shown.response.message
    await world.bot.close()
    await world.restart(new_bot())

    exported = await world.member.click(message, label="Export")
    assert said(exported) == privacy_messages.EXPORTED.english
    asked = await world.member.click(message, label="Delete…")
    assert asked.response is not None
    confirm = asked.response.message
    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(confirm, label=privacy_messages.PRIVACY_LABELS["keep"].english)

    assert await world.core(lambda core: core.store.question_records.question(1)) is None
