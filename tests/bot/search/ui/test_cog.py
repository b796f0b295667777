"""`/search`: what is found, by whom, page by page, and what nobody may see through it."""

from typing import Any

from simcord import InteractionResult, MemberActor
from simcord.enums import OverwriteType

from bot.core.core import Core
from bot.search import messages as search_messages
from bot.search.service import Nothing
from bot.text import error_messages
from indexer.ingest.pipeline import update
from knowledge.values.documents import SHARED, Document, Kind, Scope
from knowledge.values.guilds import Language
from tests.bot.message_parts import buttons, content
from tests.bot.spoken import english, said_in
from tests.bot.world import (
    HEADLINE,
    QUESTION,
    TEXT,
    TITLE,
    NewBot,
    Town,
    World,
    build_world,
    is_told,
)

PLAIN = Language.ENGLISH
MANY = 120


async def searched(
    world: World, query: str = QUESTION, *, by: MemberActor | None = None, **options: Any
) -> InteractionResult:
    return await (by or world.member).slash(world.general, "search", query=query, **options)


async def have(world: World, *documents: Document) -> None:
    """Index these files in place of all others."""

    def fill(core: Core) -> None:
        for _ in update(core.index, core.embedder, documents, kinds=[Kind.FILE]):
            pass

    await world.core(fill)
    world.bot.autocomplete.forget()


def file(number: int, text: str, title: str = "", scope: Scope = SHARED) -> Document:
    return Document(f"file:{number}", scope, Kind.FILE, title or f"File {number}", text)


def crowd(world: World) -> list[Document]:
    """More documents that are nearer than any search looks at."""
    scope = Scope(world.guild.id)
    return [file(number, f"{QUESTION} {number}", scope=scope) for number in range(MANY)]


# What is found.


async def test_a_search_is_private_and_unrecorded(world: World) -> None:
    await world.add_note()

    found = await searched(world)

    assert found.ephemeral
    assert f"> {TEXT}" in content(found).replace("**", "")
    assert f"**{TITLE}** · by mia" in content(found)
    near = await searched(world, "Zanzibar ferry timetable")
    assert search_messages._ONLY_NEAR.english in content(near)
    assert await world.core(lambda core: core.store.database.rows("select 1 from questions")) == []


async def test_a_chosen_title_comes_first(world: World) -> None:
    await have(world, *crowd(world), file(900, "Bread and butter.", QUESTION))

    assert content(await searched(world)).split("\n")[1] == "> Bread and butter."


async def test_hostile_text_is_harmless(world: World) -> None:
    await have(world, file(1, "@everyone xylophone [x](https://e.example) ](https://f.example)"))

    text = content(await searched(world, "xylophone @everyone **[x](https://g.example)"))

    # Whatever is escaped pings nobody either: the bot's messages mention nobody.
    assert "> @\u200beveryone xylophone" in text
    assert "](https://f" not in text
    assert "](https://g" not in text


# Filters.


async def test_filters_find_notes_behind_nearer_passages(world: World) -> None:
    await have(world, *crowd(world))
    await world.add_note("Cycling", "Bring a helmet.", tags=("bikes",))
    await world.add_note("Other", f"{TEXT} Or not.", by=world.second_member)

    tagged = content(await searched(world, tag="#Bikes"))
    assert "Bring a helmet" in tagged
    assert "File" not in tagged
    assert tagged.endswith("-# #bikes")
    theirs = content(await searched(world, contributor=world.second_member))
    assert "Or not" in theirs
    assert "Cycling" not in theirs

    def told(why: Nothing, tag: str, actor: MemberActor) -> str:
        return str(english(search_messages.nothing, why, tag, f"<@{actor.id}>"))

    unused = content(await searched(world, tag="boats"))
    nobody = content(await searched(world, contributor=world.admin))
    neither = content(await searched(world, tag="bikes", contributor=world.second_member))
    assert unused == told(Nothing.NO_TAG, "boats", world.admin)
    assert nobody == told(Nothing.NO_NOTES, "", world.admin)
    assert neither == told(Nothing.NEITHER, "bikes", world.second_member)


async def test_only_live_notes_are_found_by_tag(world: World) -> None:
    await world.propose(tags="bikes")

    assert "#bikes" in content(await searched(world, tag="bikes", by=world.moderator))


async def test_odd_queries_are_refused_in_the_language(world: World) -> None:
    assert content(await searched(world, " ?! ")) == english(search_messages.NO_QUERY)
    # Discord's limit counts signs; clients count an emoji as two.
    assert "202" in content(await searched(world, "a" + "\U0001f642" * 100 + "b"))
    world.speaks(world.member, "de")
    assert content(await searched(world, "?")) == said_in(Language.GERMAN, search_messages.NO_QUERY)
    assert "Seite 1 von" in content(await searched(world))


# Pages.


async def test_pages_are_turned_after_a_restart(world: World, new_bot: NewBot) -> None:
    first = await searched(world, "What is open-source AI? \\*~")
    assert first.response is not None
    assert buttons(first.response) == ["Next"]
    heading, *shown, _ = content(first).split("\n")

    await world.bot.close()
    await world.restart(new_bot())
    second = await world.member.click(first.response, label="Next")

    assert "page 2 of" in content(second)
    assert content(second).split("\n")[0] == heading
    cited = {line for line in shown if line.startswith("-# ")}
    assert cited
    assert not cited & set(content(second).split("\n"))


async def test_a_filter_stays_on_later_pages(world: World) -> None:
    await have(world, *crowd(world))
    for number in range(7):
        await world.add_note(f"Cycling {number}", f"Bring helmet number {number}.")
    first = await searched(world, contributor=world.member)
    assert first.response is not None

    second = await world.member.click(first.response, label="Next")

    assert "page 2 of 2" in content(second)
    assert "File" not in content(second)
    assert second.response is not None
    assert buttons(second.response) == ["Previous"]


async def test_a_forged_page_looks_nothing_up(world: World) -> None:
    await world.propose()

    result = world.press(world.moderator, world.card, "search:1:0:")
    await world.env.settle()

    assert content(result) == english(error_messages.UNKNOWN_BUTTON)
    assert result.ephemeral


# Who may see what.


async def test_staff_messages_are_found_by_staff(town: Town) -> None:
    assert not is_told(content(await searched(town.world)))
    assert is_told(content(await searched(town.world, by=town.world.moderator)))


async def test_paging_checks_rights_again(town: Town) -> None:
    await have(town.world, *crowd(town.world))
    member, world = town.world.member, town.world
    town.show(town.staff, member.id, OverwriteType.MEMBER)
    first = await searched(world, HEADLINE)
    assert first.response is not None
    assert is_told(content(first))
    later = await member.click(first.response, label="Next")
    assert later.response is not None

    town.world.env.backend.delete_overwrite(town.staff.id, member.id)
    again = await member.click(later.response, label="Previous")

    assert "xylophone" not in content(again).casefold().split("\n", 1)[1]


async def test_other_servers_notes_are_not_found(world: World) -> None:
    await world.add_note()
    other = build_world(world.env, "Another")
    await other.set_up()

    assert TITLE not in content(await searched(other))
    assert await other.member.autocomplete(other.general, "search", "query", "lisbon meetup") == []
    assert await other.member.autocomplete(other.general, "search", "tag", "") == []


# Direct messages.


async def test_a_direct_message_searches_shared_documents(world: World) -> None:
    await world.add_note()
    user = world.member.user

    found = await user.slash("search", query="What is open source AI?")
    narrowed = await user.slash("search", query=QUESTION, tag="bikes")

    assert "page 1 of" in content(found)
    assert content(narrowed) == english(search_messages.ONLY_IN_SERVERS)
    assert TITLE not in content(await user.slash("search", query=QUESTION))
    assert await user.autocomplete("search", "query", "lisbon meetup") == []
