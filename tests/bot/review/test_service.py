"""A click or form acts once, however often it arrives."""

from collections.abc import Callable
from datetime import UTC, datetime

from bot.core.core import Core
from bot.gaps import handovers as handover_service
from bot.gaps.handovers import Answered
from bot.review import service
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.bot.world import TITLE, UNKNOWN, World

APPROVED = Ruling(Decision.APPROVE)
CLICK, ORIGIN = 5, 9


async def test_a_click_that_comes_twice_decides_once_and_is_told_the_same(world: World) -> None:
    await world.propose()
    moderator, guild_id = Member(world.moderator.id, "max"), world.guild.id

    def clicked(core: Core) -> Outcome | None:
        return service.decide(core, guild_id, 1, moderator, APPROVED, CLICK)

    for _ in range(2):
        outcome = await world.core(clicked)
        assert outcome is not None
        assert outcome.done
        assert outcome.note.live
    log = await world.core(lambda core: core.store.audit_log.entries(guild_id))
    assert [entry.event for entry in log if entry.subject.startswith("revision")].count(
        "approved"
    ) == 1


async def test_a_draft_that_is_submitted_twice_from_one_message_is_one_note(world: World) -> None:
    member, guild_id = Member(world.member.id, "mia"), world.guild.id

    def submitted(click: int) -> Callable[[Core], Outcome]:
        def propose(core: Core) -> Outcome:
            return service.taken(
                core,
                guild_id,
                click,
                lambda: core.store.contributions.propose(
                    guild_id, member, world.general.id, Submission(TITLE, "Text.")
                ),
                ORIGIN,
            )

        return propose

    first = await world.core(submitted(1))
    # As after a restart between the transaction and its answer, with nothing in memory.
    second = await world.core(submitted(2))
    assert first.done
    assert second.done
    assert first.note.id == second.note.id
    assert len(await world.core(lambda core: core.store.notes.pending(guild_id))) == 1


async def test_a_helpers_form_that_comes_twice_answers_once(world: World) -> None:
    await world.ask(UNKNOWN)
    guild_id, helper = world.guild.id, Member(world.moderator.id, "max")

    def answered(core: Core) -> tuple[Answered | None, Answered | None]:
        now = datetime.now(UTC)
        [gap] = core.store.gaps.open(guild_id)
        core.store.handovers.hand_on(guild_id, [gap.id], world.member.id, now)
        found = core.store.handovers.find(guild_id, gap.id)
        assert found is not None
        arguments = (core, found, helper, "At nine.", now, CLICK)
        return handover_service.answer(*arguments), handover_service.answer(*arguments)

    for one in await world.core(answered):
        assert one is not None
        assert one.outcome.done
        assert one.outcome.handover.answer == "At nine."
    unsent = await world.core(lambda core: core.store.notices.unsent())
    assert len([notice for notice in unsent if notice.handed_on_id]) == 1
