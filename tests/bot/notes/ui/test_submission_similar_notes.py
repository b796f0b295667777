"""The question about documents similar to a new note, and extensions of existing notes."""

from simcord import InteractionResult, MemberActor, ResponseMessage

from bot.notes import drafts, messages
from bot.review import messages as review_messages
from bot.text.markdown import plain
from knowledge.values.notes import NoticeEvent, Obstacle, State
from tests.bot.message_parts import buttons, everything, longest_part, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import TEXT, TITLE, NewBot, World, on_note

LIKE = "The community meetup is in Lisbon at Rua Augusta on Fridays, and for everybody."
EXTEND = f"Extend “{TITLE}”"


async def propose(world: World, actor: MemberActor, text: str = LIKE) -> InteractionResult:
    """Submit the form of `/note add`, and stop at its first reply."""
    form = await actor.slash(world.general, "note add", tag="meetup")
    fields = {"title": "Meetup in Lisbon", "text": text, "tags": "meetup"}
    return await actor.submit_modal(form, fields)


async def exists(world: World, revision_id: int) -> bool:
    note = await world.core(lambda core: core.store.notes.find(revision_id, world.guild.id))
    return note is not None


def values(form: InteractionResult) -> list[str]:
    assert form.modal is not None
    return [label["component"].get("value") for label in form.modal["components"]]


def sentence(event: NoticeEvent, name: str = "") -> str:
    return str(english(review_messages._SENTENCES[event], title=TITLE, name=name))


async def test_a_similar_notes_writer_sees_both_texts(world: World, new_bot: NewBot) -> None:
    at = "The community meetup in Lisbon at Rua Augusta is for {} people."
    await world.publish(TITLE, at.format(25))

    result = await propose(world, world.second_member, at.format(40))

    shown = shown_message(result)
    assert TITLE in said(result)
    assert "**40**" in said(result)
    assert "**25**" in said(result)
    actions = ["This is the same", "Submit anyway", "Continue editing"]
    assert buttons(shown) == [*actions, EXTEND]
    form = await world.second_member.click(shown, label="Continue editing")
    assert values(form)[:2] == ["Meetup in Lisbon", at.format(40)]

    await world.start_again(new_bot)
    await world.second_member.click(shown, label="This is the same")

    assert text_of(shown).startswith(messages.SAME.english)
    assert TITLE in text_of(shown)
    assert buttons(shown) == []
    assert not await exists(world, 2)


async def test_submit_anyway_submits_once(world: World, new_bot: NewBot) -> None:
    await world.publish()
    shown = shown_message(await propose(world, world.second_member))
    await world.start_again(new_bot)

    for _ in range(2):
        world.press(world.second_member, shown.message, "draft:submit")
    await world.env.settle()

    assert not await exists(world, 3)
    note = await world.note(2)
    assert text_of(shown) in {
        english(messages.note_submitted, note),
        messages.TAKEN_ALREADY.english,
    }
    assert (note.contributor_id, note.revision.submission.text) == (world.second_member.id, LIKE)
    assert note.revision.submission.tags == ("meetup",)
    assert "Similar:" in text_of(world.card)


# Extensions.


async def extend(
    world: World, actor: MemberActor, shown: ResponseMessage, title: str = TITLE
) -> InteractionResult:
    form = await actor.click(shown, label=EXTEND)
    assert form.modal is not None
    assert form.modal["title"] == drafts.EXTENSION_TITLE.english
    fields = {"title": title, "text": values(form)[1], "tags": values(form)[3]}
    return await actor.submit_modal(form, fields)


async def test_extending_an_own_note_revises_it(world: World) -> None:
    await world.publish()
    shown = shown_message(await propose(world, world.member))

    await extend(world, world.member, shown)

    latest = await world.note(2)
    assert (latest.id, latest.revision.state) == (1, State.PENDING)
    submission = latest.revision.submission
    assert (submission.text, submission.tags) == (f"{TEXT}\n\n{LIKE}", ("meetup",))


async def test_extending_anothers_note_credits_both(world: World, new_bot: NewBot) -> None:
    """The extender is a moderator, and doesn't approve the own extension."""
    await world.publish()
    shown = shown_message(await propose(world, world.moderator))
    await world.start_again(new_bot)
    form = await world.moderator.click(shown, label=EXTEND)
    await world.start_again(new_bot)
    fields = {"title": "Zanzibar by sea", "text": values(form)[1]}
    taken = await world.moderator.submit_modal(form, fields)
    assert said(taken) == english(messages.note_submitted, await world.note(2))

    name = plain(world.moderator.name)
    assert f"extended by {name}" in text_of(world.card)
    assert world.notices()[-1].startswith(sentence(NoticeEvent.EXTENDED, name))
    refused = await world.moderator.click(world.card, label="Approve")
    assert said(refused) == review_messages.OWN_NOTE.english
    await world.second_moderator.click(world.card, label="Approve")

    for member in (world.member, world.moderator):
        last = member.user.dm_channel.history()[-1].content
        assert last.startswith(f"The addition by {name} to “{TITLE}” was approved")
    answer = text_of(shown_message(await world.ask()))
    assert plain(f"{world.member.name}, {world.moderator.name}"[:39]) in answer


async def test_the_contributor_can_withdraw_another_members_extension(world: World) -> None:
    await world.publish()
    await extend(
        world, world.second_member, shown_message(await propose(world, world.second_member))
    )

    asked = await on_note(world.member, world.general, "Withdraw", TITLE)
    await world.member.click(shown_message(asked), label="Withdraw")

    assert (await world.note(2)).revision.state is State.WITHDRAWN
    assert (await world.note(1)).live
    [message] = world.second_member.user.dm_channel.history()
    assert message.content.startswith(sentence(NoticeEvent.EXTENSION_WITHDRAWN))


async def test_an_extension_replaces_no_pending_text(world: World) -> None:
    await world.publish()
    await world.edit()
    shown = shown_message(await propose(world, world.second_member))

    refused = await extend(world, world.second_member, shown)

    assert longest_part(review_messages._OBSTACLES[Obstacle.WAITS]) in said(refused)
    assert buttons(refused.response) == ["Continue editing"]
    assert (await world.note(2)).revision.state is State.PENDING


async def test_an_extension_redacts_anothers_secrets(world: World) -> None:
    secret = "ghp_" + "a1B2" * 9
    await world.publish(text=f"{TEXT} The token is {secret}.")
    shown = shown_message(await propose(world, world.second_member))

    form = await world.second_member.click(shown, label=EXTEND)

    assert secret not in repr(form.modal)


async def test_a_pending_note_is_its_contributors_alone(world: World) -> None:
    await world.propose()
    mine = await propose(world, world.member)
    assert "Submit anyway" in buttons(mine.response)

    theirs = await propose(world, world.second_member)

    assert said(theirs) == english(messages.note_submitted, await world.note(2))
    for number in (1, 99):
        message = shown_message(theirs).message
        pressed = world.press(world.second_member, message, f"extend:{number}")
        await world.env.settle()
        assert everything(pressed) == messages.NO_HISTORY.english
    assert not await exists(world, 3)
