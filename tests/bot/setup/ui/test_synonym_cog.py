"""`/synonym`: words of one meaning, previewed on the last questions before they are kept."""

import json
from typing import Any

import discord
import pytest

from bot.ask import explanation
from bot.core.core import Core
from bot.setup import synonym_messages as messages
from bot.setup.synonym_service import Problem
from bot.text import error_messages
from knowledge.values.synonyms import SYNONYMS, Synonym
from tests.bot.steps import content, looked_into, said, shown_message
from tests.bot.world import QUESTION, TITLE, UNKNOWN, World, buttons

SLANG = "zanzibar"
ASKED = f"{SLANG} at Rua Augusta"


async def _previewed(world: World, word: str = SLANG, meaning: str = "meetup") -> Any:
    return await world.moderator.slash(world.general, "synonym add", word=word, meaning=meaning)


async def _kept(world: World, word: str = SLANG, meaning: str = "meetup") -> Any:
    preview = shown_message(await _previewed(world, word, meaning))
    return await world.moderator.click(preview, label=messages.LABELS["keep"].english)


async def test_a_question_in_other_words_is_answered_once_the_synonym_is_kept(
    world: World,
) -> None:
    await world.publish()
    assert "Rua Augusta" not in content(await world.ask(UNKNOWN))

    done = await _kept(world, UNKNOWN, "community meetup")

    assert said(done) == messages.kept(Synonym(UNKNOWN.lower(), "community meetup"))
    assert "Rua Augusta" in content(await world.ask(UNKNOWN))
    listed = await world.moderator.slash(world.general, "synonym list")
    assert f"- {UNKNOWN.lower()} = community meetup" in said(listed)


async def test_the_preview_shows_what_would_change_and_keeps_nothing(world: World) -> None:
    await world.publish()
    await world.ask(UNKNOWN)
    await world.ask(QUESTION)

    preview = await _previewed(world, UNKNOWN, "community meetup")

    assert "1 more answer for the last 2 questions" in said(preview)
    assert f"“{UNKNOWN}”" in said(preview)
    assert f"from {TITLE}" in said(preview)
    assert QUESTION not in said(preview)
    await world.moderator.click(shown_message(preview), label="Discard")
    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id).synonyms) == ()
    assert "Rua Augusta" not in content(await world.ask(UNKNOWN))


@pytest.mark.parametrize("private", [True, False])
async def test_the_preview_has_no_words_that_the_moderator_may_not_read(
    world: World, private: bool
) -> None:
    await world.publish()
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: discord.PermissionOverwrite(view_channel=True),
            world.member.user: discord.PermissionOverwrite(view_channel=True),
        },
    )
    where = world.general if private else closed
    await world.member.slash(where, "ask", question=f"{UNKNOWN} secret", private=private)

    preview = said(await _previewed(world, UNKNOWN, "community meetup"))

    assert "secret" not in preview
    assert ("channel that you can't read" in preview) is not private


async def test_why_says_how_the_question_was_read_and_a_replay_agrees(world: World) -> None:
    await world.publish()
    await _kept(world)
    answered = await world.ask(ASKED)

    why = await looked_into(world.member, shown_message(answered), "Why this answer?")

    assert explanation._SAME.english.format(word=SLANG, meaning="meetup") in why
    found = await world.core(lambda core: core.replay(1))
    assert found is not None
    assert found.changes == []
    await world.moderator.slash(world.general, "synonym remove", word=SLANG)
    found = await world.core(lambda core: core.replay(1))
    assert found is not None
    assert f"synonyms {SLANG} = meetup" in " ".join(found.changes)


async def test_another_server_reads_its_own_words(world: World) -> None:
    await world.publish()
    await _kept(world)

    def ways(core: Core) -> list[str]:
        scopes = core.articles.seen(())
        return [core.read(ASKED, guild_id, scopes) for guild_id in (world.guild.id, 7, None)]

    here, *elsewhere = await world.core(ways)
    assert here != ASKED
    assert elsewhere == [ASKED, ASKED]


async def test_search_reads_synonyms_too(world: World) -> None:
    await world.publish()
    await _kept(world, UNKNOWN, "community meetup")

    found = await world.member.slash(world.general, "search", query=UNKNOWN)

    assert TITLE in said(found)


@pytest.mark.parametrize(
    ("word", "meaning", "refusal"),
    [
        ("perm!", "permission", messages._BAD_WORD),
        ("perm", "Perm ", messages._BAD_WORD),
        ("one two three four", "permission", messages._BAD_WORD),
        ("how", "permission", messages._PROBLEMS[Problem.TOO_COMMON]),
    ],
)
async def test_what_can_not_be_a_synonym_is_one_sentence(
    world: World, word: str, meaning: str, refusal: Any
) -> None:
    result = await _previewed(world, word, meaning)

    first, second = refusal.english.split("“{word}”")[-1].split("{")[0], said(result)
    assert first.strip() in second
    assert buttons(shown_message(result)) == []


async def test_a_synonym_is_kept_once_and_at_most_25(world: World) -> None:
    await _kept(world, "perm", "permission")
    again = await _previewed(world, "permission", "perm")
    assert "are synonyms already" in said(again)

    def fill(core: Core) -> None:
        many = tuple(Synonym(f"word{n}", "thing") for n in range(SYNONYMS))
        core.store.guilds.change_synonyms(world.guild.id, lambda _: many, 1)

    await world.core(fill)
    assert "which is the most" in said(await _previewed(world, "vip", "rank"))


async def test_members_may_not_change_synonyms_even_by_a_forged_button(world: World) -> None:
    await world.show_to_all("synonym")
    refused = await world.member.slash(world.general, "synonym add", word="a b", meaning="c")
    assert said(refused) == error_messages.NOT_A_MODERATOR.english

    world.press(world.member, shown_message(refused).message, "synonym:perm:rank:keep")
    await world.env.settle()

    assert await world.core(lambda core: core.store.guilds.synonyms()) == {}


async def test_the_log_has_no_synonym(world: World) -> None:
    await _kept(world, "perm", "permission")
    log = await world.core(lambda core: [one.detail for one in core.store.audit_log.entries()])
    assert "perm" not in json.dumps(log)
