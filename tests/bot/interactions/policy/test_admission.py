"""Members with a used-up quota read when they can go on, before they type."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from simcord import Env, InteractionResult, MemberActor

from bot.interactions.policy import quota_check
from bot.text import error_messages
from knowledge.values.quotas import Limits, Newcomers, Quota
from tests.bot.message_parts import buttons, everything, longest_part, said, text_of
from tests.bot.world import QUESTION, TEXT, UNKNOWN, NewBot, World, build_world, on_note

USED_UP = error_messages.QUESTIONS_USED_UP.english.split("{")[0]
WROTE_MUCH = quota_check._NOTES_USED_UP.english.split("!")[0]
NEW_HERE = longest_part(quota_check._NEW)
EVERYBODY_TWO = Quota(hour=2)


async def limit(world: World, limits: Limits) -> None:
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"limits": limits}, world.admin.id)
    )
    world.bot.guild_settings.forget(world.guild.id)


async def questions(world: World, quota: Quota, role_id: int | None = None) -> None:
    await limit(world, Limits(questions={role_id or world.guild.id: quota}))


async def notes(world: World, quota: Quota) -> None:
    await limit(world, Limits(notes={world.guild.id: quota}))


async def counted(world: World) -> int:
    return await world.core(
        lambda core: len(core.store.database.rows("select * from recent_questions"))
    )


async def mentioned(world: World, actor: MemberActor, question: str) -> list[str]:
    """What the bot replied to this mention."""
    assert world.bot.user is not None
    before = len(world.help.history())
    await actor.send(world.help, f"<@{world.bot.user.id}> {question}")
    return [text_of(one) for one in world.help.history()[before + 1 :]]


# Questions.


async def test_every_way_to_ask_counts_and_is_refused(world: World) -> None:
    await questions(world, Quota(day=3))
    await world.ask()
    await world.ask(UNKNOWN, private=True)
    [answered] = await mentioned(world, world.member, QUESTION)
    assert USED_UP not in answered
    message = await world.second_member.send(world.general, QUESTION)

    [reply] = await mentioned(world, world.member, QUESTION)
    about = await world.member.context_menu(world.general, "Ask about this", message)
    before = len(world.general.history())
    command = await world.ask(UNKNOWN)

    # The refusal is private, although the answer would have been public.
    assert len(world.general.history()) == before
    assert command.followups[0].ephemeral
    assert USED_UP in said(about)
    assert USED_UP in everything(command)
    assert USED_UP in reply
    assert "You can ask again <t:" in reply
    assert USED_UP not in everything(await world.ask(by=world.second_member))


async def test_only_answered_questions_of_limited_members_are_counted(world: World) -> None:
    await world.ask()
    assert await counted(world) == 0
    await questions(world, EVERYBODY_TWO)
    await world.ask("hello")
    for _ in range(4):
        await world.ask()

    assert await counted(world) == 2


async def test_roles_raise_limits_and_moderators_have_none(world: World) -> None:
    trusted = world.guild.create_role("Trusted")
    world.env.backend.add_member_role(world.guild.id, world.second_member.id, trusted.id)
    await limit(world, Limits(questions={world.guild.id: Quota(hour=1), trusted.id: Quota()}))

    for actor, refused in (
        (world.member, True),
        (world.second_member, False),
        (world.moderator, False),
        (world.admin, False),
    ):
        await world.ask(by=actor)
        assert (USED_UP in everything(await world.ask(by=actor))) is refused
    # Of who may ask as they like, nothing is kept.
    assert await counted(world) == 1


async def test_questions_are_counted_over_a_restart(world: World, new_bot: NewBot) -> None:
    await questions(world, EVERYBODY_TWO)
    await world.ask()
    await world.ask()
    await world.start_again(new_bot)

    assert USED_UP in everything(await world.ask())


async def test_one_server_counts_nothing_of_another(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await questions(world, Quota(hour=1))
    await world.ask()

    assert USED_UP in everything(await world.ask())
    assert USED_UP not in everything(await other.ask())

    # An hour later, the member can ask again.
    earlier = (datetime.now(UTC) - timedelta(minutes=61)).isoformat()

    def passed(core: Any) -> None:
        with core.store.database.writing():
            core.store.database.run("update recent_questions set asked_at = ?", [earlier])

    await world.core(passed)
    assert USED_UP not in everything(await world.ask())


# Notes.


async def opened(world: World, actor: MemberActor | None = None) -> InteractionResult:
    return await (actor or world.member).slash(world.general, "note add")


async def test_a_used_up_quota_is_told_before_the_form(world: World) -> None:
    await notes(world, Quota(day=1))
    await world.propose()

    message = await world.member.send(world.general, TEXT)
    for refused in (
        await opened(world),
        await world.member.context_menu(world.general, "Save as note", message),
        await on_note(world.member, world.general, "Edit", "1"),
    ):
        assert refused.modal is None
        assert WROTE_MUCH in said(refused)
    gap = await world.ask(UNKNOWN)
    assert gap.response is not None
    assert (await world.member.click(gap.response, label="Write this note")).modal is None
    assert (await opened(world, world.second_member)).modal is not None


async def test_an_open_form_returns_its_text(world: World) -> None:
    await notes(world, Quota(hour=1))
    first, second = await opened(world), await opened(world)
    await world.member.submit_modal(first, {"title": "Ferries", "text": "They leave at nine."})

    late = await world.member.submit_modal(second, {"title": "Quokkas", "text": "They are small."})

    assert WROTE_MUCH in said(late)
    assert buttons(late.response) == ["Continue editing"]
    assert await world.core(lambda core: core.store.notes.latest(world.guild.id, 2)) is None


async def test_simultaneous_forms_keep_the_limit(world: World) -> None:
    await notes(world, Quota(hour=1))
    forms = [await opened(world) for _ in range(3)]
    texts = ("Ferries leave at nine.", "Quokkas are small.", "Violins have four strings.")

    for form, text in zip(forms, texts, strict=True):
        assert form.modal is not None
        world.submit(world.member, form.modal["custom_id"], {"title": text[:8], "text": text})
    await world.env.settle()

    assert await world.core(lambda core: core.store.notes.latest(world.guild.id, 1)) is not None
    assert await world.core(lambda core: core.store.notes.latest(world.guild.id, 2)) is None


async def test_revisions_count_unless_a_moderator_requested_them(world: World) -> None:
    await world.propose()
    await world.decide(world.moderator, "Request changes", {"reason": "Say when."})
    await notes(world, Quota(day=1))

    result = await world.edit(f"{TEXT} At nine.")

    assert WROTE_MUCH not in everything(result)
    assert (await world.note(2)).revision.number == 2
    await notes(world, Quota(day=3))
    await world.edit()
    assert WROTE_MUCH in said(await opened(world))


async def test_new_members_ask_and_report_only(world: World) -> None:
    await world.publish()
    await limit(world, Limits(newcomers=Newcomers(account_days=3_650)))

    refused = await opened(world)

    assert refused.modal is None
    assert NEW_HERE in said(refused)
    assert "<t:" in said(refused)
    assert USED_UP not in everything(await world.ask())
    assert (await opened(world, world.moderator)).modal is not None
    form = await on_note(world.member, world.general, "Report", "1")
    fields = {"problem": ["wrong"], "reason": "It moved."}
    reported = await world.member.submit_modal(form, fields)
    assert NEW_HERE not in everything(reported)
    assert (await world.note()).reports


async def test_newcomers_may_be_allowed_one_note_daily(world: World) -> None:
    await limit(world, Limits(newcomers=replace(Newcomers(3_650), notes=1)))
    await world.propose()

    assert WROTE_MUCH in said(await opened(world))
