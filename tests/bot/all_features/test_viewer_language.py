"""Ephemeral messages are in the language of the member's client, if the bot speaks it."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from simcord import Env

from bot.ask import messages as ask_messages
from bot.core.core import Core
from bot.notes import drafts
from bot.notes import messages as notes_messages
from bot.review.ui.panel import ReviewPage
from bot.setup.settings import SETTINGS, Page
from bot.statistics import messages as community_messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from knowledge.values.settings import GuildSettings
from tests.bot.english import CODE, in_english
from tests.bot.message_parts import buttons, choices, custom_ids, shown_message, text_of
from tests.bot.spoken import english, said_in
from tests.bot.text.test_languages import MESSAGES
from tests.bot.world import UNKNOWN, World, in_menu

GERMAN: Final = Language.GERMAN
TITLE: Final = "Treffen in Lissabon"
TEXT: Final = "Das Treffen ist freitags in Lissabon, Rua Augusta."
QUESTION: Final = "Treffen Lissabon Rua Augusta freitags"

# What is shown of a message, a form or a component; everything else is not read by anybody.
_SHOWN: Final = ("content", "title", "label", "description", "placeholder")


_TITLES: Final = re.compile(r"\*\*.*?\*\*|\[.*?\]\(.*?\)")


def shown(sent: Any) -> Iterator[str]:
    """Visible texts in sent JSON."""
    if isinstance(sent, list):
        for one in sent:
            yield from shown(one)
    elif isinstance(sent, dict):
        # What the list calls passages are their titles, as they were written.
        is_title = re.fullmatch("[0-9a-f]{32}", str(sent.get("value")))
        for key, value in sent.items():
            if is_title and key == "label":
                continue
            if key in _SHOWN and isinstance(value, str):
                yield value
            else:
                yield from shown(value)


def told(env: Env, since: int = 0) -> list[str]:
    """Responses since a request, without quotations."""
    texts = [
        text
        for request in env.http_requests[since:]
        if request.path.startswith(("/interactions/", "/webhooks/"))
        for text in shown(request.json)
    ]
    lines = [line for text in texts for line in text.split("\n")]
    return [CODE.sub("", line) for line in lines if not line.startswith("> ")]


@pytest.fixture
def at_home(world: World) -> World:
    """A server that speaks English, in which everybody's client is German."""
    for person in world.people:
        world.speaks(person, "de")
    return world


def content(result: Any) -> str:
    assert result.response is not None
    return str(text_of(result.response))


async def pressed(world: World, actor: Any, result: Any, ending: str) -> Any:
    """Click the button of a response whose id ends so."""
    [custom_id] = [one for one in custom_ids(result.response) if one.endswith(ending)]
    return await actor.click(result.response, custom_id=custom_id)


def card_of(world: World, revision_id: int) -> Any:
    """The message with a revision's card."""
    [found] = [
        message
        for message in world.review.history()
        if any(one.startswith(f"card:{revision_id}:") for one in custom_ids(message))
    ]
    return found


def test_the_measure_knows_english_from_german() -> None:
    sentences = [one for one in MESSAGES if len(one.id[0]) > 60]
    assert len(sentences) > 100

    def found(sentence: str) -> list[str]:
        filled = re.sub(r"\{\w+(:[^}]*)?\}", "x", sentence)
        return in_english([CODE.sub("", line) for line in filled.split("\n")])

    assert [one.translated for one in sentences if found(one.translated[0])] == []
    # What has hardly a small word is passed over: a few of a hundred.
    assert len([one.id for one in sentences if not found(one.id[0])]) <= 3


async def test_contributors_read_the_language_of_their_client(at_home: World) -> None:
    world, member = at_home, at_home.member
    form = await member.slash(world.general, "note add", tag="seltsame/tags")
    await member.submit_modal(form, {"title": TITLE, "text": TEXT, "tags": "seltsame/tags"})
    taken = await world.propose(TITLE, TEXT)
    form = await pressed(world, member, taken, ":details")
    await member.submit_modal(form, {"tags": "zwei/wörter"})
    await member.slash(world.general, "note mine")
    await member.slash(world.general, "note mine", state="rejected")
    await world.moderator.click(world.card, label="Approve")
    await world.propose("Noch ein Treffen", TEXT)
    await member.slash(world.general, "note show", note="999")
    shown = await member.slash(world.general, "note show", note="1")
    form = await pressed(world, member, shown, ":edit")
    await member.submit_modal(form, {"title": TITLE, "text": f"{TEXT} Um neun."})
    withdrawn = await pressed(world, member, shown, ":ask")
    await pressed(world, member, withdrawn, ":no")
    shown = await member.slash(world.general, "note show", note="1")
    assert said_in(GERMAN, notes_messages.REPORT_LABEL) in buttons(shown.response)
    await pressed(world, member, shown, "history:1:3")
    answer = await world.ask(QUESTION, private=True)
    report = await in_menu(member, answer.response, "Report")
    await member.submit_modal(report, {"problem": ["wrong"], "reason": "Samstags."})
    offered = await member.autocomplete(world.general, "note show", "note", "treffen")

    assert in_english(told(world.env)) == []
    assert "offen" in offered[0]["name"]


async def test_askers_read_the_language_of_their_client(at_home: World) -> None:
    world, member = at_home, at_home.member
    await world.publish(TITLE, TEXT)
    answer = await world.ask(QUESTION, private=True)
    await pressed(world, member, answer, ":helpful")
    await in_menu(member, answer.response, "why")
    assert answer.response is not None
    [*listed] = choices(answer.response)
    passage = await member.select(answer.response, listed[:1], custom_id="passages:1")
    await pressed(world, member, passage, ":answers")
    why = await pressed(world, member, answer, ":unhelpful")
    form = await member.select(why.response, ["other"])
    await member.submit_modal(form, {"reason": "Anders."})
    why = await pressed(world, member, answer, ":unhelpful")
    await member.select(why.response, ["outdated"])
    refused = await world.ask(UNKNOWN, private=True)
    await world.ask("?", private=True)
    await pressed(world, member, refused, ":write")
    await member.slash(world.general, "search", query=QUESTION)
    await member.slash(world.general, "search", query="x", tag="keines")
    await member.slash(world.general, "stats")
    privacy = await member.slash(world.general, "privacy")
    for action in ("export", "quiet", "withhold", "delete"):
        clicked = await pressed(world, member, privacy, f":{action}")
    await pressed(world, member, clicked, ":cancel")
    privacy = await member.slash(world.general, "privacy")
    for action in ("tell", "quote", "delete"):
        clicked = await pressed(world, member, privacy, f":{action}")
    await pressed(world, member, clicked, ":keep")

    # The titles of articles stand in bold, or lead to them.
    lines = [_TITLES.sub("", line) for line in told(world.env)]
    assert in_english(lines) == []


async def test_moderators_read_the_language_of_their_client(at_home: World) -> None:
    world, moderator = at_home, at_home.moderator
    await world.propose("Erstes Treffen", "Das erste Treffen ist in Porto, am Dom.", "treffen")
    await world.propose("Anderes", "Wer Hilfe sucht, fragt Rosa im Kanal nebenan.", "hilfe")
    await world.ask(UNKNOWN, private=True)
    since = len(world.env.http_requests)
    queue = await moderator.slash(world.general, "review")
    await pressed(world, moderator, queue, ":next")
    changes = await pressed(world, moderator, queue, "card:2:request_changes")
    await moderator.submit_modal(changes, {"reason": "Kürzer."})
    await world.open_note(1)
    form = await moderator.select(card_of(world, 1), ["duplicate"], custom_id="card_menu:1")
    await moderator.submit_modal(form, {"duplicate_of": "Keines", "reason": ""})
    for action in ("impact", "edit", "reject"):
        await moderator.click(card_of(world, 1), custom_id=f"card:1:{action}")
    await moderator.click(card_of(world, 1), custom_id="card:1:approve")
    retirement = await moderator.click(card_of(world, 1), custom_id="card:1:retire")
    await moderator.submit_modal(retirement, {"reason": ""})
    log = await world.open_review(ReviewPage.LOG)
    form = await moderator.click(log, custom_id="log:filter:0:0:0:any")
    await moderator.submit_modal(form, {"days": "alle"})
    await moderator.click(log, custom_id="log:export:0:0:0:any")
    for tag, approvals in (("treffen", 2), ("zwei tags", 2), ("treffen", 99)):
        await world.set_rule(tag, approvals)
    for page in ReviewPage:
        await world.open_review(page)
    form = await moderator.click(
        await world.open_review(ReviewPage.SYNONYMS), custom_id="add_synonym"
    )
    await moderator.submit_modal(form, {"word": "wer", "meaning": "wie"})
    listed = await moderator.slash(world.general, "gaps")
    message = shown_message(listed)
    await moderator.select(message, [next(iter(choices(message)))], custom_id="groups:0")
    await pressed(world, moderator, listed, ":dismiss")
    await world.show_to_all("gaps")
    await world.show_to_all("review")
    await world.member.slash(world.general, "gaps")
    await world.member.slash(world.general, "review")

    assert in_english(told(world.env, since)) == []


async def test_administrators_read_the_language_of_their_client(at_home: World) -> None:
    world, admin = at_home, at_home.admin
    chosen = {"review_channel": world.review, "moderator_role": world.moderator_role}
    await admin.slash(world.general, "setup", **chosen)
    await world.choose(listen=[world.review], help=[world.general], review_channel=[world.help])
    panel = await world.open_setup(Page.RULES)
    for hosts in ("kein_host", "a.example"):
        form = await admin.select(panel, ["hosts"], custom_id="change:rules:0")
        await admin.submit_modal(form, {"hosts": hosts})
    for page in Page:
        await admin.select(panel, [page], custom_id="setup_page")
    form = await admin.click(panel, custom_id="setup:ask")
    await admin.submit_modal(form, {"question": "danke"})
    await admin.slash(world.general, "source list")
    await admin.slash(world.general, "source add")
    await admin.slash(world.general, "source add", channel=world.help)
    await admin.slash(world.general, "source sync")
    await admin.slash(world.general, "source remove", source="keine")
    for key in ("digest", "digest_channel", "news_channel", "handover_hours", "private_answers"):
        await world.open_setting(key)
    form = await world.open_setting("digest_time")
    await admin.submit_modal(form, {"hour": "9", "zone": "Ber", "post_hours": "24"})
    panel = await world.open_setup(Page.LIMITS)
    form = await admin.click(panel, custom_id="setup:newcomers")
    await admin.submit_modal(form, {"account_days": "7", "member_days": "x", "notes": ""})
    place = world.help.id
    panel = shown_message(await admin.slash(world.general, "setup", channel=world.help))
    for key, value in (("mode", "help"), ("wait", "5"), ("private_answers", "yes")):
        await admin.select(panel, [key], custom_id=f"change:channels:{place}")
        await admin.select(panel, [value], custom_id=f"setting_in:{place}:{key}")
    form = await admin.select(panel, ["answered_from"], custom_id=f"change:channels:{place}")
    fields = {"tags": "gpu", "sources": ["notes"], "order": ["first"]}
    await admin.submit_modal(form, fields)
    world.submit(admin, f"form:from:{place}:ab", {"tags": "", "sources": ["keine"]})
    await world.env.settle()

    assert in_english(told(world.env)) == []


async def test_english_clients_are_answered_in_english_everywhere(world: World) -> None:
    await in_german(world)
    stats = await world.member.slash(world.general, "stats")
    assert "not answered" in content(stats)


@pytest.mark.parametrize(
    ("spoken", "expected"), [(Language.ENGLISH, "not answered"), (GERMAN, "nicht beantwortet")]
)
async def test_a_client_in_another_language_gets_the_servers(
    world: World, spoken: Language, expected: str
) -> None:
    if spoken is GERMAN:
        await in_german(world)
    world.speaks(world.member, "ja")

    assert expected in content(await world.member.slash(world.general, "stats"))
    form = await world.member.slash(world.general, "note add")
    assert form.modal is not None
    assert form.modal["title"] == said_in(spoken, drafts.NEW_TITLE)


async def test_a_new_language_of_the_server_shows_at_once(world: World) -> None:
    world.speaks(world.admin, "ja")
    assert said_in(GERMAN, SETTINGS["language"].label) in await world.choose(language="de")


async def test_simultaneous_askers_read_their_own_languages(world: World) -> None:
    world.speaks(world.second_member, "de")

    asked, gefragt = [
        world.submit(actor, "form:picture:private:ab", {"question": UNKNOWN})
        for actor in (world.member, world.second_member)
    ]
    await world.env.settle()

    assert english(ask_messages.refusal) in content(asked)
    assert said_in(GERMAN, ask_messages.refusal) in content(gefragt)


async def test_public_messages_speak_the_servers_language(at_home: World) -> None:
    await at_home.publish(TITLE, TEXT)

    answer = await at_home.ask(QUESTION)
    stats = await at_home.member.slash(at_home.general, "stats")
    board = await at_home.member.select(shown_message(stats), ["all"], custom_id="board_menu")
    await at_home.member.click(shown_message(board), custom_id="share_board:all")

    assert "Helpful" in buttons(answer.response)
    assert community_messages.PERIOD_LABELS[
        community_messages.Period.ALL
    ].english.lower() in text_of(at_home.general.last_message)


async def in_german(world: World) -> None:
    chosen = GuildSettings(
        world.guild.id, world.review.id, world.moderator_role.id, language=GERMAN
    )
    await world.core(lambda core: core.store.guilds.save_settings(chosen, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)


async def test_review_cards_speak_the_servers_language(world: World) -> None:
    await in_german(world)
    await world.propose(TITLE, TEXT, "treffen", "https://example.com")

    assert buttons(world.card)[:2] == ["Annehmen", "Bearbeiten & annehmen"]
    pending = text_of(world.card)
    assert "Notiz 1 · vorgeschlagen von" in pending
    assert "**Offen**" in pending
    clicked = await world.moderator.click(world.card, label="Annehmen")
    assert "**Angenommen** von" in text_of(world.card)
    assert buttons(world.card) == ["Stilllegen", "Rückgängig", "Gefragt als …"]
    # The moderator's client is in English.
    assert "is live" in content(clicked)
    for text in (pending, text_of(world.card)):
        lines = [line for line in text.split("\n") if not line.startswith("> ")]
        assert in_english([CODE.sub("", line) for line in lines]) == []


async def test_a_button_posted_in_another_language_works(world: World) -> None:
    await world.propose(TITLE, TEXT)
    card = world.card
    assert "Approve" in buttons(card)
    await in_german(world)

    await world.moderator.click(card, label="Approve")

    assert "**Angenommen**" in text_of(world.card)


async def test_errors_speak_the_clients_language(
    at_home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("The disk is full.")

    monkeypatch.setattr("knowledge.store.notes.contributions.Contributions.propose", broken)

    result = await at_home.propose(TITLE, TEXT)

    assert "Bei mir ist etwas schiefgegangen" in content(result)
    assert buttons(result.response) == [said_in(GERMAN, notes_messages.DRAFT_LABELS["edit"])]


async def test_busy_speaks_the_clients_language(
    at_home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_home.propose(TITLE, TEXT)
    monkeypatch.setattr("bot.interactions.kit.errors._PATIENCE_SECONDS", 0)

    message = await at_home.member.send(at_home.general, "hallo")
    result = at_home.press(at_home.member, message, "note:1:edit")
    await at_home.env.settle()

    assert content(result) == said_in(GERMAN, error_messages.BUSY)
    # discord.py hands what stops a command to the bot, which explained it.
    assert all("busy" in str(error) for error in at_home.env.errors)


async def test_nothing_about_a_members_language_is_kept(at_home: World) -> None:
    await at_home.propose(TITLE, TEXT)
    await at_home.ask(QUESTION)

    def speaking(core: Core) -> list[str]:
        rows = core.store.database.rows("select name, sql from sqlite_master where sql is not null")
        return [row["name"] for row in rows if re.search(r"\blocale\b|language", row["sql"])]

    # A form has it for as long as it can be answered, a quarter of an hour; the others' is what
    # everybody reads in a server or a channel.
    assert set(await at_home.core(speaking)) == {"guilds", "inbox", "channel_settings"}
