"""`/privacy`: a member's data is counted, exported, and deleted everywhere."""

import json
from itertools import islice

import pytest
from simcord import InteractionResult

from bot.cli.doctor import examine
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import messages as privacy_messages
from bot.privacy import service as privacy_service
from knowledge.values.notes import PageName
from tests.bot.message_parts import buttons, content, said, shown_message, text_of
from tests.bot.page.turned_on import turn_on
from tests.bot.spoken import english
from tests.bot.world import QUESTION, TEXT, UNKNOWN, NewBot, World

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
    """All values in the community database, and all quotable passages."""
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
    assert said(told) == english(privacy_messages.now_named, PageName.INITIAL)

    kept = await world.core(lambda core: core.store.public_notes.name_of(world.member.id))
    assert kept is PageName.INITIAL
    shown = await opened(world)
    assert labels[PageName.NOBODY].english in buttons(shown.response)
    assert labels[PageName.INITIAL].english not in buttons(shown.response)
    others = await world.core(lambda core: core.store.public_notes.name_of(world.moderator.id))
    assert others is PageName.NOBODY


async def test_privacy_counts_and_exports_own_data(world: World) -> None:
    await world.publish()
    await world.ask()

    shown = await opened(world)
    exported = await world.member.click(shown_message(shown), label="Export")
    direct = await world.member.user.slash("privacy")

    assert "`1 / 1` Notes you proposed" in said(shown)
    assert "`1 / 1` Questions you asked" in said(shown)
    assert "`0 / 1` Questions you asked" in said(direct)
    assert said(exported) == privacy_messages.EXPORTED.english
    [file] = shown_message(exported).message.attachments
    found = json.loads(await file.read())
    assert found["member"] == world.member.id
    assert found["revisions"][0]["text"] == TEXT
    assert found["questions"][0]["text"] == QUESTION


@pytest.mark.parametrize("how", ["keep", "withdraw"])
async def test_deleting_leaves_no_trace_anywhere(
    world: World, settings: Settings, how: str
) -> None:
    await world.publish()
    await world.propose("Another", LONG)
    assert world.card.attachments
    await world.ask(UNKNOWN)
    answered = content(await world.ask(by=world.second_member))
    name = world.member.user.name
    assert name.split("-")[0] in answered
    assert name in await world.core(index_and_tables)

    result = await deleted(world, how)

    assert result.response is None or "Deleted." in text_of(result.response)
    left = await world.core(index_and_tables)
    traces = [str(world.member.id), name, "A secret that nobody", UNKNOWN]
    assert [trace for trace in traces if trace in left] == []
    assert (TEXT in left) is (how == "keep")
    assert world.card.attachments == []
    assert "**Withdrawn**" in text_of(world.card)
    for trace in ("A secret", name.split("-")[0]):
        assert trace not in text_of(world.card)
    answered = content(await world.ask(by=world.second_member)).replace("**", "")
    assert ("by a former member" in answered) is (how == "keep")
    assert ("Rua Augusta on Fridays" in answered) is (how == "keep")
    withheld = await world.core(lambda core: core.store.quote_opt_outs.withheld())
    assert world.member.id in withheld.member_ids
    assert name in withheld.names
    assert world.second_member.id not in withheld.member_ids
    # The doctor's further checks need a real model.
    found = list(islice(examine(None, settings.data.folder), 3))
    assert [(one.subject, one.passed) for one in found] == [
        ("configuration", True),
        ("libraries of other models", True),
        ("community database", True),
    ]


async def test_interrupted_deletions_finish(world: World, new_bot: NewBot) -> None:
    await world.publish()
    await world.core(lambda core: privacy_service.forget(core, world.member.id, False))
    await world.bot.close()

    await world.restart(new_bot())

    answered = await world.ask(by=world.second_member)
    assert answered.response is not None
    assert "by a former member" in text_of(answered.response)


async def test_decisions_lose_a_forgotten_moderators_name(world: World) -> None:
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


async def test_notices_and_quotation_switch_off_and_on(world: World) -> None:
    member_id = world.member.id

    async def choices() -> tuple[bool, bool]:
        return await world.core(
            lambda core: (
                core.store.gaps.has_opted_out(member_id),
                core.store.quote_opt_outs.is_withheld(member_id),
            )
        )

    shown = await opened(world)
    off, on = (
        ["Don't tell me about later answers", "Don't quote my messages"],
        ["Tell me again", "Quote my messages again"],
    )
    assert buttons(shown.response) == ["Export", *off, "Delete…"]
    told = [said(await world.member.click(shown_message(shown), label=one)) for one in off]
    assert told[1] == privacy_messages.WITHHELD.english
    assert await choices() == (True, True)

    shown = await opened(world)
    assert privacy_messages._WITHHOLDS.english in said(shown)
    told = [said(await world.member.click(shown_message(shown), label=one)) for one in on]
    assert told[1] == privacy_messages.QUOTED_AGAIN.english
    assert await choices() == (False, False)


async def test_every_button_works_after_a_restart(world: World, new_bot: NewBot) -> None:
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
    await deleted(world, "cancel")
    assert await world.core(lambda core: core.store.question_records.question(1)) is not None
    await world.member.click(confirm, label=privacy_messages.PRIVACY_LABELS["keep"].english)

    assert await world.core(lambda core: core.store.question_records.question(1)) is None
