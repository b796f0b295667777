"""Writers' consent to the public page: the form's notice, and keeping a note off the page."""

from typing import Any

import pytest

from bot.notes import drafts, messages
from bot.review import cards
from bot.review.actions import Action, confirmation
from bot.text import error_messages
from knowledge.values.drafts import OnPage
from knowledge.values.guilds import Language
from knowledge.values.notes import PageVeto
from tests.bot.message_parts import (
    buttons,
    custom_ids,
    everything,
    links,
    said,
    shown_message,
    text_of,
)
from tests.bot.page.turned_on import on_page, turn_on
from tests.bot.spoken import english, said_in
from tests.bot.world import TEXT, TITLE, World, build_world


@pytest.fixture
async def public(world: World) -> World:
    """A server with a public page."""
    await turn_on(world)
    return world


FIELDS = {"title": TITLE, "text": TEXT}


def descriptions(form: Any) -> list[str]:
    return [label.get("description") or "" for label in form.modal["components"]]


# The form.


@pytest.mark.parametrize("language", list(Language))
def test_a_title_fits_a_form(language: Language) -> None:
    titles = [said_in(language, sentence) for sentence in drafts.FOR_PAGE_TITLES.values()]
    assert max(map(len, titles)) <= 45


async def test_an_announced_page_shows_approved_notes(public: World) -> None:
    form = await public.member.slash(public.general, "note add")
    assert form.modal is not None
    assert form.modal["title"] == drafts.FOR_PAGE_TITLES[drafts.NEW_TITLE].english
    assert drafts.FOR_PAGE_OR_FILE_HELP.english in descriptions(form)
    await public.member.submit_modal(form, FIELDS)
    assert await on_page(public) == set()
    assert english(cards.page_line, await public.note()) in text_of(public.card)
    await public.moderator.click(public.card, custom_id="card:1:approve")
    assert await on_page(public) == {TITLE}


async def test_an_unannounced_page_lacks_the_note(world: World) -> None:
    """The form was opened before the page was turned on, and submitted afterwards."""
    form = await world.member.slash(world.general, "note add")
    assert form.modal is not None
    assert form.modal["title"] == drafts.NEW_TITLE.english
    await turn_on(world)
    await world.member.submit_modal(form, FIELDS)
    await world.moderator.click(world.card, custom_id="card:1:approve")
    assert await on_page(world) == set()
    assert cards._UNRELEASED.english in text_of(world.card)


async def test_a_note_from_anothers_message_needs_release(public: World) -> None:
    message = await public.second_member.send(public.general, TEXT)
    form = await public.member.context_menu(public.general, "Save as note", message)
    assert form.modal is not None
    assert form.modal["title"] == drafts.NEW_TITLE.english
    await public.member.submit_modal(form, FIELDS)
    await public.moderator.click(public.card, custom_id="card:1:approve")
    assert await on_page(public) == set()


async def test_an_announcement_survives_a_restart(public: World) -> None:
    custom_id = f"form:note:0:0:0:0:0:note:{OnPage.TOLD}:ab"
    public.submit(public.member, custom_id, {**FIELDS})
    await public.env.settle()
    assert (await public.note()).revision.for_page


# Keeping it off.


async def test_a_writer_keeps_off_and_allows_later(public: World) -> None:
    sent = await public.propose()
    assert sent.response is not None
    assert messages._PUBLIC_ONCE_APPROVED.english in said(sent)
    await public.member.click(sent.response, custom_id="page:1:off")
    await public.moderator.click(public.card, custom_id="card:1:approve")
    assert await on_page(public) == set()

    shown = await public.member.slash(public.general, "note show", note="1")
    assert messages.PAGE_LABELS["on"].english in buttons(shown_message(shown))
    told = await public.member.click(shown_message(shown), custom_id="page:1:on")
    assert cards._ON_PAGE.english in said(told)
    assert await on_page(public) == {TITLE}


async def test_a_moderator_keeps_off_on_the_card(public: World) -> None:
    await public.publish()
    kept = await public.moderator.select(public.card, ["off_page"], custom_id="card_menu:1")
    note = await public.note()
    assert said(kept) == english(confirmation, note, Action.OFF_PAGE)
    assert note.off_page == {PageVeto.MODERATOR}
    assert cards._OFF_PAGE[PageVeto.MODERATOR].english in text_of(public.card)
    assert await on_page(public) == set()
    await public.moderator.select(public.card, ["on_page"], custom_id="card_menu:1")
    assert await on_page(public) == {TITLE}


async def test_a_moderator_cannot_undo_the_writers_choice(public: World) -> None:
    await public.publish()
    shown = await public.member.slash(public.general, "note show", note="1")
    await public.member.click(shown_message(shown), custom_id="page:1:off")
    public.press(public.moderator, public.card, "card:1:on_page")
    public.press(public.moderator, public.card, "page:1:on")
    await public.env.settle()
    assert (await public.note()).off_page == {PageVeto.WRITER}
    assert await on_page(public) == set()


async def test_without_a_page_there_is_no_button(world: World) -> None:
    await world.publish()
    shown = await world.member.slash(world.general, "note show", note="1")
    assert not [one for one in custom_ids(shown_message(shown)) if one.startswith("page:")]
    assert not [one for one in custom_ids(world.card) if one.endswith("_page")]


# Rights.


async def test_other_members_and_servers_have_no_choice(public: World) -> None:
    await public.publish()
    other = build_world(public.env, "Another")
    await other.set_up()
    await other.ask()
    elsewhere = other.general.last_message
    assert elsewhere is not None
    before = await public.note()

    pressed = [
        public.press(public.second_member, public.card, "page:1:off"),
        other.press(other.moderator, elsewhere, "page:1:off"),
        public.press(public.second_member, public.card, "card:1:off_page"),
    ]
    await public.env.settle()

    told = [everything(one) for one in pressed]
    assert messages.NO_SUCH_NOTE.english in told[0]
    assert messages.NO_SUCH_NOTE.english in told[1]
    assert error_messages.NOT_A_MODERATOR.english in told[2]
    assert (await public.note()).off_page == before.off_page == frozenset()


# Links to the page.


@pytest.fixture
def settings(settings: Any, request: pytest.FixtureRequest) -> Any:
    return settings.model_copy(
        update={"page": settings.page.model_copy(update={"base_url": "https://a.org/{server}"})}
    )


async def test_a_public_note_is_cited_there(public: World) -> None:
    await public.publish()
    url = f"https://a.org/{public.guild.id}/notes/1/"
    shown = await public.member.slash(public.general, "note show", note="1")
    assert url in links(shown_message(shown))
    answered = await public.ask()
    assert url in links(answered.response)
    found = await public.member.slash(public.general, "search", query=TITLE)
    assert url in everything(found)

    await public.moderator.select(public.card, ["off_page"], custom_id="card_menu:1")

    again = await public.ask()
    assert url not in links(again.response)
    shown = await public.member.slash(public.general, "note show", note="1")
    assert url not in links(shown_message(shown))
