"""*Point to …*: an existing document answers a group, and its askers are notified."""

import discord
from simcord import InteractionResult, ResponseMessage

from bot.answers.outcome import recorded_passage
from bot.ask import messages as ask_messages
from bot.core.core import Core
from bot.gaps import messages, service
from bot.gaps.service import Group
from indexer.ingest.pipeline import index_document
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Document, Kind, channel_scope
from tests.bot.message_parts import choices, said, shown_message, text_of
from tests.bot.world import TEXT, TITLE, UNKNOWN, NewBot, World, on_note

DONE = messages.POINTED.english


async def form_of(world: World) -> InteractionResult:
    form = world.press(world.moderator, await some_message(world), "gaps:0:1:point")
    await world.env.settle()
    return form


async def chosen(world: World, words: str = TITLE) -> ResponseMessage:
    """Choose the first passage offered for the first gap."""
    offered = await world.moderator.submit_modal(await form_of(world), {"words": words})
    message = shown_message(offered)
    shown = await world.moderator.select(message, [next(iter(choices(message)))])
    assert "Rua Augusta" in said(shown)
    return shown_message(shown)


async def some_message(world: World) -> discord.Message:
    return await world.moderator.send(world.general, "hello")


def told(world: World) -> list[str]:
    found = [text_of(one) for one in world.general.history()]
    return [one for one in found if "Now there's an answer" in one]


async def open_groups(world: World) -> list[Group]:
    return await world.core(lambda core: service.groups(core, world.guild.id))


async def test_a_document_answers_a_group_once(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN}?", by=world.second_member)
    passage = await chosen(world)

    first = await world.moderator.click(passage, label="This answers it")
    second = await world.moderator.click(passage, label="This answers it")
    await world.env.settle()

    assert [said(first), said(second)] == [DONE, messages.PASSAGE_GONE.english]
    assert await open_groups(world) == []
    assert len(told(world)) == 2
    assert all("Rua Augusta" in one.replace("**", "") for one in told(world))
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-1] == "gap_pointed"
    # From now on it answers similar questions, as *This answers it* does.
    again = await world.ask(UNKNOWN, by=world.moderator)
    assert ask_messages._CONFIRMED.english.removeprefix("-# ") in text_of(shown_message(again))


async def test_each_step_works_after_a_restart(world: World, new_bot: NewBot) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    offered = await world.moderator.submit_modal(await form_of(world), {"words": TITLE})
    await world.start_again(new_bot)
    message = shown_message(offered)
    shown = await world.moderator.select(message, [next(iter(choices(message)))])
    await world.start_again(new_bot)

    done = await world.moderator.click(shown_message(shown), label="This answers it")

    assert said(done) == DONE
    await world.env.settle()
    assert len(told(world)) == 1


async def test_members_point_to_nothing(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    message = await some_message(world)

    clicks = [
        world.submit(world.member, "form:point:1:ab", {"words": TITLE}),
        world.press(world.member, message, "point:1", ["1:ab"]),
        world.press(world.member, message, "pointed:1:1:ab:answers"),
    ]
    await world.env.settle()

    assert all(messages.NOT_A_MODERATOR.english in said(one) for one in clicks)
    assert len(await open_groups(world)) == 1


async def test_passages_closed_to_askers_are_not_offered(world: World) -> None:
    """The moderator may read its channel, and forges its id and digest."""
    await world.ask(UNKNOWN)
    staff = 77

    def forge(core: Core) -> tuple[bool, object, bool]:
        document = Document(f"channel:{staff}:1", channel_scope(staff), Kind.CHAT, "Honey", "Jars.")
        index_document(core.index, core.embedder, document)
        [stored] = core.index.tables.document_passages(document.id)
        wanted = (stored.id, digest_of(recorded_passage(stored)))
        guild_id, channels = world.guild.id, [staff]
        assert service.nearest_passages(core, guild_id, 99, "Honey jars", channels) == []
        offered = service.nearest_passages(core, guild_id, 1, "Honey jars", channels)
        return (
            stored.id in [passage.id for passage, _ in offered],
            service.find_offered_passage(core, guild_id, 1, wanted, channels),
            service.confirm_passage(core, guild_id, 1, wanted, world.moderator.id, channels),
        )

    assert await world.core(forge) == (False, None, False)
    assert len(await open_groups(world)) == 1


async def test_a_passage_changed_meanwhile_is_not_confirmed(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    passage = await chosen(world)
    form = await on_note(world.member, world.general, "Edit", TITLE)
    await world.member.submit_modal(form, {"title": TITLE, "text": f"{TEXT} And on Mondays."})
    await world.moderator.click(world.card, label="Approve")

    result = await world.moderator.click(passage, label="This answers it")

    assert said(result) == messages.PASSAGE_GONE.english
    assert len(await open_groups(world)) == 1
