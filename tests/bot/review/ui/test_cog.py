"""The commands of moderators: cards, log and rules, and a note's later life."""

import json
import re
from collections.abc import Callable

import pytest
from simcord import MemberActor

from bot.process.client import Bot
from bot.review import messages as review_messages
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.values.guilds import Language
from knowledge.values.submissions import Submission
from tests.bot.steps import SENTENCE, answer, decided, proposed, rule, said, shown_message
from tests.bot.world import TEXT, TITLE, World, buttons, text_of


async def test_a_card_shows_what_is_near_and_where_it_disagrees(world: World) -> None:
    await world.publish(text="The club has 40 GPU hours a month for its members. " + TEXT)
    await world.propose(
        title="GPU hours", text="The club has 60 GPU hours a month for its members. " + TEXT
    )
    assert "Similar:" in text_of(world.card)
    assert TITLE in text_of(world.card).split("Similar:")[1]
    assert "**60**" in text_of(world.card)
    assert "**40**" in text_of(world.card)


async def test_one_note_is_looked_at_and_decided_on_by_its_number(world: World) -> None:
    await world.publish()
    shown = await world.moderator.slash(world.review, "review note", note=1)
    assert TEXT in said(shown)
    form = await world.moderator.click(shown_message(shown), label="Retire")
    await world.moderator.submit_modal(form, {"reason": ""})
    assert SENTENCE not in await answer(world)


@pytest.mark.parametrize(
    ("actor", "number", "sentence"),
    [
        ("moderator", 7, review_messages.NO_SUCH_NOTE.english),
        ("member", 1, error_messages.NOT_A_MODERATOR.english),
    ],
)
async def test_no_other_note_can_be_looked_at_nor_by_anybody_else(
    world: World, actor: str, number: int, sentence: str
) -> None:
    await world.propose()
    await world.show_to_all("review")
    looking: MemberActor = getattr(world, actor)
    assert said(await looking.slash(world.general, "review note", note=number)) == sentence


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("member", error_messages.NOT_A_MODERATOR),
        ("moderator", error_messages.NOT_AN_ADMINISTRATOR),
    ],
)
async def test_only_administrators_change_rules(world: World, who: str, refusal: Sentence) -> None:
    await world.show_to_all("review")
    actor: MemberActor = getattr(world, who)
    result = await actor.slash(world.general, "review rule", quorum=2)
    assert said(result) == refusal.english
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_rules_are_shown_and_dropped_again(world: World) -> None:
    await rule(world, tag="#GPU", quorum=2, review_after_days=90)
    shown = await world.moderator.slash(world.general, "review rules")
    tagged = review_messages._TAGGED(Language.ENGLISH, tag="gpu")
    assert said(shown) == (
        f"{tagged}: 2 approvals, {review_messages._AGAIN(Language.ENGLISH, days=90)}."
    )
    await rule(world, tag="gpu")
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


@pytest.mark.parametrize("tag", ["what?", "a b"])
async def test_a_rule_for_no_tag_is_explained(world: World, tag: str) -> None:
    result = await world.admin.slash(world.general, "review rule", tag=tag, quorum=2)
    assert "tag" in said(result)
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


# The log.


async def test_the_log_says_who_did_what_and_why(world: World) -> None:
    await world.propose()
    await decided(world, world.moderator, "Reject", {"reason": "Not *ours*."})
    result = await world.moderator.slash(world.review, "review log")
    newest, *_ = said(result).split("\n")
    assert f"<@{world.moderator.id}> rejected “{TITLE}”" in newest
    assert r"Not \*ours\*." in newest


async def test_the_log_is_filtered(world: World) -> None:
    await world.publish()
    result = await world.moderator.slash(world.review, "review log", event="approved")
    assert len(said(result).split("\n")) == 1
    nothing = await world.moderator.slash(world.review, "review log", event="retired")
    assert said(nothing) == review_messages.LOG_EMPTY.english


async def test_the_log_is_exported_with_its_digests(world: World) -> None:
    await world.publish()
    result = await world.moderator.slash(world.review, "review log", export=True)
    assert result.response is not None
    [file] = result.response.message.attachments
    assert (await file.read()).count(b'"digest"') == 3


async def fill_the_log(world: World, lines: int) -> None:
    submissions = [Submission(f"Note {number:02}", TEXT) for number in range(lines)]
    await proposed(world, submissions, 5)


async def test_a_long_log_has_pages_whose_buttons_survive_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await fill_the_log(world, 20)
    shown = await world.moderator.slash(world.review, "review log", event="proposed")
    assert buttons(shown.response) == ["Older"]
    await world.bot.close()
    await world.restart(new_bot())
    older = await world.moderator.click(shown_message(shown), label="Older")
    assert older.response is not None
    assert re.findall(r"Note \d+", text_of(older.response)) == [
        f"Note {number:02}" for number in (4, 3, 2, 1, 0)
    ]
    assert buttons(older.response) == ["Newer"]
    newer = await world.moderator.click(shown_message(shown), label="Newer")
    assert newer.response is not None
    assert text_of(newer.response) == said(shown)


async def test_pages_of_long_lines_lose_none_in_either_direction(world: World) -> None:
    for _ in range(12):
        await world.propose("*" * 100)
        await decided(world, world.moderator, "Reject", {"reason": "_" * 300})
    shown = await world.moderator.slash(world.review, "review log", event="rejected")
    assert shown.response is not None
    pages = [text_of(shown.response)]
    while "Older" in buttons(shown.response):
        await world.moderator.click(shown.response, label="Older")
        pages.append(text_of(shown.response))
    assert len("\n".join(pages).split("\n")) == 12
    back = [pages[-1]]
    while "Newer" in buttons(shown.response):
        await world.moderator.click(shown.response, label="Newer")
        back.append(text_of(shown.response))
    assert len("\n".join(back).split("\n")) == 12


async def test_an_export_has_the_whole_log_whatever_a_page_holds(world: World) -> None:
    await fill_the_log(world, 20)
    result = await world.moderator.slash(world.review, "review log", export=True, event="proposed")
    assert result.response is not None
    [file] = result.response.message.attachments
    lines = [json.loads(line) for line in (await file.read()).splitlines()]
    assert [line["title"] for line in lines] == [f"Note {number:02}" for number in range(20)]


async def test_the_log_is_for_moderators(world: World) -> None:
    await world.show_to_all("review")
    result = await world.member.slash(world.general, "review log")
    assert said(result) == error_messages.NOT_A_MODERATOR.english
