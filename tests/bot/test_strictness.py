"""The checker itself: each rule notices what it is there for, and takes what is right."""

from collections.abc import Iterable
from typing import Any

import discord
import pytest
from simcord import Env
from simcord.http import router

from tests.bot import strictness
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import World

NOBODY: dict[str, list[str]] = {"parse": []}


def _button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Yes", "custom_id": "yes", **changes}


def _sent(*components: dict[str, Any], **changes: Any) -> Iterable[str]:
    rows = [{"type": 1, "components": list(components)}] if components else []
    body = {"content": "Hello.", "allowed_mentions": NOBODY, "components": rows, **changes}
    return strictness.message(body, edits=False)


def _layout(*components: dict[str, Any], **changes: Any) -> Iterable[str]:
    body = {"components": list(components), "flags": strictness.COMPONENTS_V2, **changes}
    return strictness.message({"allowed_mentions": NOBODY, **body}, edits=False)


def _edited(before: dict[str, Any], **body: Any) -> Iterable[str]:
    sent = {"allowed_mentions": NOBODY, "components": [TEXT], **body}
    return strictness.message(sent, edits=True, before={"content": "", "flags": 0, **before})


TEXT = {"type": 10, "content": "Hello."}
LAYOUT = {"flags": strictness.COMPONENTS_V2}


def _section(*texts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    link = {"type": 2, "style": 5, "label": "Source", "url": "https://a.org"}
    return {"type": 9, "components": list(texts), "accessory": link, **changes}


def _container(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": 17, "components": list(components), **changes}


def _select(*options: str, **changes: Any) -> dict[str, Any]:
    listed = [{"label": option, "value": option} for option in options]
    return {"type": 3, "custom_id": "list", "options": listed, **changes}


def _form(*fields: dict[str, Any], **changes: Any) -> Iterable[str]:
    rows = [{"type": 18, "label": "Field", "component": one} for one in fields]
    return strictness.form({"title": "Form", "custom_id": "form", "components": rows, **changes})


def _input(**changes: Any) -> dict[str, Any]:
    return {"type": 4, "custom_id": "input", "style": 1, **changes}


def _command(**changes: Any) -> Iterable[str]:
    return strictness.commands([{"name": "ask", "type": 1, "description": "Ask.", **changes}])


def _option(name: str, **changes: Any) -> dict[str, Any]:
    return {"type": 3, "name": name, "description": "What.", **changes}


RIGHT = {
    "a message": _sent(_button(), _button(custom_id="no", label="No")),
    "a message with a list": _sent(_select("a", "b")),
    "one that pings its reader": _sent(allowed_mentions={"parse": [], "users": [7]}),
    "a layout": _layout(
        _container(TEXT, {"type": 14}, _section(TEXT), accent_color=0x00FF00),
        {"type": 1, "components": [_button()]},
    ),
    "a message that becomes a layout": _edited({"content": "Before."}, content=None, **LAYOUT),
    "a layout that stays one": _edited(LAYOUT, **LAYOUT),
    "a form": _form(_input(value="Text", max_length=4), _select("a", min_values=0, required=False)),
    "a command": _command(options=[_option("what", required=True), _option("where")]),
    "choices": strictness.choices([{"name": "a", "value": "a"}]),
}

WRONG = {
    "2,001 characters": _sent(content="a" * 2_001),
    "1,001 emoji": _sent(content="\U0001f600" * 1_001),
    "nothing": _sent(content=" \n"),
    "a ping of everyone": _sent(allowed_mentions={"parse": ["everyone"]}),
    "nothing about pings": _sent(allowed_mentions=None),
    "a ping of roles": _sent(allowed_mentions={"parse": [], "roles": [7, 8]}),
    "content beside components of the second kind": _sent(flags=strictness.COMPONENTS_V2),
    "a poll": _sent(poll={"question": {"text": "?"}}),
    "six rows": _sent(
        components=[{"type": 1, "components": [_button(custom_id=n)]} for n in "abcdef"]
    ),
    "six buttons in a row": _sent(*(_button(custom_id=str(n)) for n in range(6))),
    "a button beside a list": _sent(_button(), _select("a")),
    "an id twice": _sent(_button(), _button()),
    "an id that is a number": _sent(_button(custom_id=7)),
    "a long id": _sent(_button(custom_id="a" * 101)),
    "a button without a label": _sent(_button(label=" ")),
    "a long label": _sent(_button(label="a" * 81)),
    "a list of 26": _sent(_select(*map(str, range(26)))),
    "an empty list": _sent(_select()),
    "a value twice": _sent(_select("a", "a")),
    "a long option": _sent(_select("a" * 101)),
    "an empty placeholder": _sent(_select("a", placeholder="")),
    "a long embed": _sent(embeds=[{"description": "a" * 3_500}, {"description": "a" * 2_501}]),
    "an empty value in an embed": _sent(embeds=[{"fields": [{"name": "a", "value": ""}]}]),
    "a long nonce": _sent(nonce="a" * 26),
    "41 components": strictness.layout([{"type": 10, "content": "a"}] * 41, v2=True),
    "4,001 characters in displays": strictness.layout(
        [{"type": 10, "content": "a" * 2_001}, {"type": 10, "content": "a" * 2_000}], v2=True
    ),
    "a layout without components": _layout(),
    "a button in a container": _layout(_container(_button())),
    "an empty container": _layout(_container()),
    "a colour that is none": _layout(_container(TEXT, accent_color=0x1000000)),
    "a section without a text": _layout(_section()),
    "a section with a list beside it": _layout(_section(TEXT, accessory=_select("a"))),
    "a section in a row": _layout({"type": 1, "components": [_section(TEXT)]}),
    "a picture with a long description": _layout(
        {"type": 12, "items": [{"description": "a" * 1_025}]}
    ),
    "a file with a long description": _sent(attachments=[{"id": 0, "description": "a" * 1_025}]),
    "a file that is on the web": _layout({"type": 13, "file": {"url": "https://a.org/a.md"}}),
    "an id twice in a layout": _layout(
        _container({"type": 1, "components": [_button()]}), {"type": 1, "components": [_button()]}
    ),
    "a layout that is to be one no more": _edited(LAYOUT, flags=0),
    "rows in place of a layout": _edited(
        LAYOUT, components=[{"type": 1, "components": [_button()]}]
    ),
    "content in a layout": _edited(LAYOUT, content="Hello.", components=None),
    "a message that becomes a layout and keeps its content": _edited({"content": "a"}, **LAYOUT),
    "a form of six": _form(*(_input(custom_id=str(n)) for n in range(6))),
    "a long title": _form(_input(), title="a" * 46),
    "a field twice": _form(_input(), _input()),
    "a long value": _form(_input(value="a" * 5, max_length=4)),
    "a value of many units": _form(_input(value="\U0001f600" * 3, max_length=4)),
    "an input of no length": _form(_input(min_length=5, max_length=4)),
    "more to choose than there is": _form(_select("a", max_values=2)),
    "a required list of nothing": _form(_select("a", min_values=0, required=True)),
    "26 choices": strictness.choices([{"name": "a", "value": "a"}] * 26),
    "an empty choice": strictness.choices([{"name": " ", "value": "a"}]),
    "a name in capitals": _command(name="Ask"),
    "a long description": _command(description="a" * 101),
    "a language that is none": _command(description_localizations={"xx": "Ask."}),
    "a required option behind others": _command(
        options=[_option("where"), _option("what", required=True)]
    ),
    "8,001 characters": _command(
        options=[
            _option(
                f"o{n}", choices=[{"name": f"{i}{'n' * 90}", "value": str(i)} for i in range(25)]
            )
            for n in range(4)
        ]
    ),
    "half a pair": strictness.wrong_signs({"content": ["\ud83d"]}),
}


@pytest.mark.parametrize("found", RIGHT.values(), ids=RIGHT.keys())
def test_what_discord_takes_is_taken(found: Iterable[str]) -> None:
    assert list(found) == []


@pytest.mark.parametrize("found", WRONG.values(), ids=WRONG.keys())
def test_what_discord_refuses_is_noticed(found: Iterable[str]) -> None:
    assert list(found)


@pytest.mark.skipif(
    not strictness.DESCRIPTION.exists(), reason="Discord's description is not beside us"
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/channels/1/messages", {"content": 7}),
        ("POST", "/interactions/1/a/callback", {"type": 9, "data": {"title": "No fields"}}),
        ("PATCH", "/webhooks/1/a/messages/@original", {"content": "a" * 2_001}),
        ("PUT", "/applications/1/commands", [{"description": "No name."}]),
        ("POST", "/no/such/route", {}),
    ],
)
def test_deviations_are_noticed(simcord_env: Env, method: str, path: str, body: Any) -> None:
    assert list(strictness.disagreements(method, path, body))


async def test_numbered_messages_are_sent_once(world: World, strict_discord: StrictDiscord) -> None:
    channel = world.env.bot.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    first = await channel.send("Once.", nonce="once")
    again = await channel.send("Once.", nonce="once")
    assert again.id == first.id
    assert isinstance(router.dispatch, StrictDiscord)
    assert len(world.general.history()) == 1
