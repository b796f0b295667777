"""What is offered while somebody types: their notes, live notes, tags, titles."""

from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.core.core import Core
from bot.interactions import autocomplete
from tests.bot.town import HEADLINE, Town
from tests.bot.world import TITLE, World, build_world


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
