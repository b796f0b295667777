"""Authorization of persistent components: each has a rule, and no method goes around it."""

from typing import Any

import discord
import pytest

import bot.process.client  # noqa: F401 - so that all components are known
from bot.interactions.kit.buttons import Button, CustomId, Select
from bot.interactions.kit.forms import Form
from bot.interactions.policy.component_access import anybody
from bot.text import error_messages
from tests.bot.message_parts import everything, text_of
from tests.bot.world import World

IDS = CustomId("made-in-a-test", action=("go",))


@pytest.mark.parametrize("kind", [Button, Select, Form])
def test_a_component_without_a_rule_is_not_made(kind: Any) -> None:
    with pytest.raises(TypeError, match="rule"):
        type(kind)("Ruleless", (kind,), {}, ids=IDS)


@pytest.mark.parametrize(
    ("kind", "callback"),
    [
        (Button, "callback"),
        (Select, "callback"),
        (Form, "on_submit"),
        (Form, "authorize_and_handle"),
    ],
)
def test_a_component_needs_its_rule(kind: Any, callback: str) -> None:
    with pytest.raises(TypeError, match=callback):
        type(kind)("Around", (kind,), {callback: lambda _: None}, ids=IDS, rule=anybody)


def test_every_form_and_component_has_a_rule() -> None:
    bases: list[Any] = [discord.ui.Modal, discord.ui.DynamicItem]
    found = [kind.__name__ for base in bases for kind in base.__subclasses__() if _is_ours(kind)]
    assert sorted(found) == ["Button", "Form", "Select", "_RebuiltForm"]


@pytest.mark.parametrize("kind", [discord.ui.View, discord.ui.LayoutView])
def test_no_view_has_callbacks_of_its_own(kind: Any) -> None:
    assert [one for one in kind.__subclasses__() if _is_ours(one)] == []


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("bot.")


@pytest.mark.parametrize("custom_id", ["mine:0:all", "board:0:all"])
async def test_a_page_takes_the_place_of_no_answer(world: World, custom_id: str) -> None:
    await world.ask("What is open source AI?")
    answer = world.general.last_message
    assert answer is not None
    before = text_of(answer)

    pressed = world.press(world.second_member, answer, custom_id)
    await world.env.settle()

    assert everything(pressed) in (error_messages.UNKNOWN_BUTTON.english, before)
    assert text_of(world.general.last_message) == before
