"""Synonyms in `/review`: previewed on the last questions, then stored."""

import json
from typing import Any

import discord

from bot.ask import explanation
from bot.core.core import Core
from bot.review import synonym_service
from bot.review.synonym_service import Problem
from bot.review.ui.panel import ReviewPage
from bot.text import error_messages
from knowledge.values.synonyms import SYNONYMS, Synonym
from tests.bot.message_parts import buttons, content, longest_part, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import QUESTION, TITLE, UNKNOWN, World, looked_into

SLANG = "zanzibar"
ASKED = f"{SLANG} at Rua Augusta"


async def _previewed(world: World, word: str = SLANG, meaning: str = "meetup") -> Any:
    panel = await world.open_review(ReviewPage.SYNONYMS)
    form = await world.moderator.click(panel, label=synonym_service.ADD.english)
    return await world.moderator.submit_modal(form, {"word": word, "meaning": meaning})


async def _kept(world: World, word: str = SLANG, meaning: str = "meetup") -> Any:
    preview = shown_message(await _previewed(world, word, meaning))
    return await world.moderator.click(preview, label=synonym_service.LABELS["keep"].english)


async def test_a_synonym_is_previewed_and_stored_once(world: World) -> None:
    await world.publish()
    await world.ask(QUESTION)
    assert "Rua Augusta" not in content(await world.ask(UNKNOWN))

    preview = await _previewed(world, UNKNOWN, "community meetup")
    assert "1 more unsure answer for the last 2 questions" in said(preview)
    assert f"“{UNKNOWN}”" in said(preview)
    assert f"from “{TITLE}”" in said(preview)
    assert QUESTION not in said(preview)
    await world.moderator.click(shown_message(preview), label="Discard")
    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id).synonyms) == ()
    assert "Rua Augusta" not in content(await world.ask(UNKNOWN))

    done = await _kept(world, UNKNOWN, "community meetup")
    assert said(done) == english(synonym_service.kept, Synonym(UNKNOWN.lower(), "community meetup"))
    assert "Rua Augusta" in content(await world.ask(UNKNOWN))
    assert TITLE in said(await world.member.slash(world.general, "search", query=UNKNOWN))
    listed = await world.open_review(ReviewPage.SYNONYMS)
    assert f"- {UNKNOWN.lower()} = community meetup" in text_of(listed)
    again = await _previewed(world, "community meetup", UNKNOWN)
    assert "are already synonyms" in said(again)
    log = await world.core(lambda core: [one.detail for one in core.store.audit_log.entries()])
    assert UNKNOWN.lower() not in json.dumps(log).lower()


async def test_a_preview_keeps_channels_confidential(world: World) -> None:
    await world.publish()
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: discord.PermissionOverwrite(view_channel=True),
            world.member.user: discord.PermissionOverwrite(view_channel=True),
        },
    )
    question = f"{UNKNOWN} secret"
    await world.member.slash(world.general, "ask", question=question, private=True)
    private = said(await _previewed(world, UNKNOWN, "community meetup"))
    await world.member.slash(closed, "ask", question=question)
    hidden = said(await _previewed(world, UNKNOWN, "community meetup"))

    assert "secret" not in private
    assert "secret" not in hidden
    assert "channel that you can't read" not in private
    assert "channel that you can't read" in hidden


async def test_why_and_replay_name_the_synonym(world: World) -> None:
    await world.publish()
    await _kept(world)
    answered = await world.ask(ASKED)

    why = await looked_into(world.member, shown_message(answered), "Why this answer?")

    assert explanation._SAME.english.format(word=SLANG, meaning="meetup") in why
    found = await world.core(lambda core: core.replay(1))
    assert found is not None
    assert found.changes == []
    panel = await world.open_review(ReviewPage.SYNONYMS)
    await world.moderator.select(panel, ["0"], custom_id="synonyms")
    assert synonym_service._NONE.english in text_of(panel)
    found = await world.core(lambda core: core.replay(1))
    assert found is not None
    assert f"synonyms {SLANG} = meetup" in " ".join(found.changes)


async def test_a_synonym_applies_to_its_server_only(world: World) -> None:
    await world.publish()
    await _kept(world)

    def ways(core: Core) -> list[str]:
        scopes = core.articles.visible_scopes(())
        return [
            core.best_variant(ASKED, guild_id, scopes) for guild_id in (world.guild.id, 7, None)
        ]

    here, *elsewhere = await world.core(ways)
    assert here != ASKED
    assert elsewhere == [ASKED, ASKED]


async def test_an_invalid_synonym_is_refused(world: World) -> None:
    def fill(core: Core) -> None:
        many = tuple(Synonym(f"word{n}", "thing") for n in range(SYNONYMS))
        core.store.guilds.change(world.guild.id, {"synonyms": many}, 1)

    bad, common = synonym_service._BAD_WORD, synonym_service._PROBLEMS[Problem.TOO_COMMON]
    for word, meaning, refusal in (
        ("perm!", "permission", bad),
        ("perm", "Perm ", bad),
        ("one two three four", "permission", bad),
        ("how", "permission", common),
    ):
        result = await _previewed(world, word, meaning)
        assert longest_part(refusal) in said(result)
        assert buttons(shown_message(result)) == []
    await world.core(fill)
    assert "is the limit" in said(await _previewed(world, "vip", "rank"))


async def test_members_cannot_forge_synonym_changes(world: World) -> None:
    message = await world.member.send(world.general, "Anything.")
    world.press(world.member, message, "synonym:perm:rank:keep")
    refused = world.submit(world.member, "form:synonym:ab", {"word": "perm", "meaning": "rank"})
    await world.env.settle()
    assert said(refused).startswith(error_messages.NOT_A_MODERATOR.english)

    assert await world.core(lambda core: core.store.guilds.synonyms()) == {}
