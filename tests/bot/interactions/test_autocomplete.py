"""What is offered while somebody types: their notes, live notes, tags, titles."""

from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.core.core import Core
from bot.interactions import autocomplete
from bot.interactions.autocomplete import CHOICE_CHARACTERS, CHOICES, Choices
from knowledge.store.notes.note_records import ListedNote
from knowledge.values.notes import State
from tests.bot.world import HEADLINE, TITLE, Town, World, build_world


def names(choices: list[dict[str, Any]]) -> list[str]:
    return [choice["name"] for choice in choices]


async def offered(world: World, actor: MemberActor, command: str, typed: str = "") -> list[str]:
    choices = await actor.autocomplete(world.general, f"note {command}", "note", typed)
    return names(choices)


async def test_own_notes_are_offered_with_where_they_stand(world: World) -> None:
    await world.propose()

    assert await offered(world, world.member, "show") == [f"{TITLE} · pending"]
    assert await offered(world, world.second_member, "show") == []


async def test_a_live_note_is_offered_to_all(world: World) -> None:
    await world.propose()
    assert await offered(world, world.second_member, "show") == []

    await world.moderator.click(world.card, label="Approve")

    assert await offered(world, world.second_member, "show") == [TITLE]
    assert await offered(world, world.second_member, "show", "lis") == [TITLE]
    assert await offered(world, world.second_member, "show", "porto") == []


async def test_no_notes_of_another_server_are_offered(world: World) -> None:
    await world.publish()
    other = build_world(world.env, "Another")

    assert await offered(other, other.admin, "show") == []


async def test_titles_are_offered_to_their_readers(town: Town) -> None:
    world = town.world
    await world.publish()

    def typed(actor: MemberActor, text: str) -> Any:
        return actor.autocomplete(world.general, "search", "query", text)

    assert names(await typed(world.member, "xylo")) == []
    assert names(await typed(world.moderator, "xylo")) == [HEADLINE]
    assert names(await typed(world.member, "lisbon")) == [TITLE]
    assert names(await typed(world.member, "open-source"))


async def test_titles_are_offered_without_embedding(world: World) -> None:
    await world.member.autocomplete(world.general, "search", "query", "o")

    def embedded(core: Core) -> int:
        return len(core.embedder.calls)  # type: ignore[attr-defined]

    before = await world.core(embedded)
    await world.member.autocomplete(world.general, "search", "query", "open")

    assert await world.core(embedded) == before


async def test_one_tag_is_offered(world: World) -> None:
    await world.propose(tags="bikes boats")
    await world.moderator.click(world.card, label="Approve")

    choices = await world.member.autocomplete(world.general, "search", "tag", "#bi")

    assert names(choices) == ["bikes"]


def labels(form: InteractionResult) -> list[str]:
    assert form.modal is not None
    return [label["label"] for label in form.modal["components"]]


async def live_tagged(world: World, title: str, tags: str) -> None:
    form = await world.member.slash(world.general, "note add", tag=tags)
    fields = {"title": title, "text": f"All about {title}.", "tags": tags}
    await world.member.submit_modal(form, fields)
    await world.moderator.click(world.card, label="Approve")


async def test_tags_need_a_live_note(world: World) -> None:
    await world.propose(tags="secret")

    form = await world.second_member.slash(world.general, "note add", tag="other")

    assert labels(form).count("Tags") == 1
    assert "secret" not in repr(form.modal)
    assert await world.second_member.autocomplete(world.general, "note add", "tag", "") == []


async def test_tags_are_completed_after_those_before(world: World) -> None:
    await live_tagged(world, "One", "python packaging")

    choices = await world.member.autocomplete(world.general, "note add", "tag", "python pa")

    assert [choice["value"] for choice in choices] == ["python packaging"]


async def test_few_guilds_choices_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocomplete, "_GUILDS", 2)
    cache = autocomplete.AutocompleteCache(world.bot)

    for guild_id in range(1, 6):
        await cache.choices(guild_id)
        await cache.titles(guild_id)

    assert sorted(cache._choices) == [4, 5]
    assert len(cache._titles) == 2


ME, OTHER = 1, 2


def note(
    number: int,
    title: str,
    *,
    by: int = OTHER,
    live: bool = True,
    state: State = State.APPROVED,
    tags: tuple[str, ...] = (),
) -> ListedNote:
    return ListedNote(number, by, title, state, title if live else None, tags)


def test_titles_with_the_typed_beginning_come_first() -> None:
    choices = Choices([note(1, "The meetup"), note(2, "Meetup in Lisbon"), note(3, "Backups")])

    assert [choice.name for choice in choices.live("MEETUP")] == ["Meetup in Lisbon", "The meetup"]
    assert [choice.value for choice in choices.live("meetup")] == ["2", "1"]


def test_a_number_finds_its_note_and_no_other() -> None:
    choices = Choices([note(12, "Twelve"), note(1, "One")])

    assert [choice.name for choice in choices.live("#12")] == ["Twelve"]


def test_unpublished_notes_are_offered_to_contributors() -> None:
    pending = note(1, "Mine", by=ME, live=False, state=State.PENDING)
    choices = Choices([pending])

    assert choices.live("") == []
    assert [choice.name for choice in choices.own(ME, "")] == ["Mine · pending"]
    assert choices.own(OTHER, "") == []
    assert choices.note_id("mine", OTHER) is None
    assert choices.note_id("mine", ME) == 1


def test_ones_own_live_note_is_offered_once() -> None:
    choices = Choices([note(1, "Mine", by=ME), note(2, "Another")])

    assert [choice.value for choice in choices.visible(ME, "")] == ["1", "2"]


@pytest.mark.parametrize("typed", ["", "note", "x" * 100])
def test_choices_are_within_discords_limits(typed: str) -> None:
    many = [note(i, f"Note {'x' * 90} {i}", by=ME, state=State.PENDING) for i in range(100)]
    choices = Choices(many)

    for found in (choices.live(typed), choices.own(ME, typed), choices.visible(ME, typed)):
        assert len(found) <= CHOICES
        assert all(1 <= len(choice.name) <= CHOICE_CHARACTERS for choice in found)


def test_an_invisible_title_has_a_name() -> None:
    choices = Choices([note(7, "\u200b\u202e")])

    assert [choice.name for choice in choices.live("")] == ["Note 7"]


@pytest.mark.parametrize("typed", ["0", "99999999999999999999999", "-1", "²", "1 or 1=1", "\u0661"])
def test_a_foreign_number_finds_no_note(typed: str) -> None:
    choices = Choices([note(1, "One")])

    assert choices.note_id(typed, ME) in {None, 0}


def test_tags_are_ranked_by_live_notes() -> None:
    choices = Choices(
        [note(1, "a", tags=("rare", "common")), note(2, "b", tags=("common", "also"))]
    )

    assert choices.tags == ["common", "also", "rare"]


def test_a_tag_is_completed_once() -> None:
    choices = Choices([note(1, "a", tags=("python", "packaging", "pypi"))])

    assert [choice.value for choice in choices.tag("Python, #p")] == [
        "python packaging",
        "python pypi",
    ]
    assert [choice.value for choice in choices.tag("")] == ["packaging", "pypi", "python"]


def test_no_completed_tags_are_longer_than_a_choice() -> None:
    choices = Choices([note(1, "a", tags=("python",))])

    assert choices.tag("x" * 99 + " ") == []
