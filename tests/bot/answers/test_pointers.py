"""Passages that only point to another section, and the places of their links."""

import pytest

from bot.answers.pointers import Target, document_at, passages_at, target_of
from indexer.retrieval.hit import Hit
from tests.bot.values import file_passage


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("See [Overscan](Overscan).", Target("Overscan", "overscan", "")),
        ("For more, see [Chat](/for-players/chat/) for details.", Target("Chat", "chat", "")),
        ("[Keys](Controls.md#in-game)", Target("Keys", "controls", "ingame")),
        ("See [below](#known-problems)", Target("below", "", "knownproblems")),
        ("See [it](/docs/setup/index.md)", Target("it", "setup", "")),
        ("Siehe [**Übersicht**](%C3%9Cbersicht.html)", Target("Übersicht", "übersicht", "")),
    ],
)
def test_a_single_link_points_elsewhere(text: str, target: Target) -> None:
    assert target_of(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "Press the key.",
        "See [one](a.md) and [two](b.md).",
        "Open [the settings](settings.md), choose the tab for sound and turn the switch off.",
        "See [it](a.md) " + "." * 300,
    ],
)
def test_what_says_more_is_no_pointer(text: str) -> None:
    assert target_of(text) is None


def test_a_pointer_leads_to_its_section() -> None:
    pointer = file_passage("See [Keys](Controls.md#in-game)", id=1, document_id="file:a/start.md")
    keys = file_passage("F1", id=2, document_id="file:a/Controls.md", heading="Keys › In game")
    other = file_passage("F2", id=3, document_id="file:a/Controls.md", heading="Menu")
    hits = [Hit(keys, 0.5, 0.5, 0.5, 0.5, ())]
    target = target_of(pointer.text)

    assert target is not None
    assert document_at(target, pointer, hits) == "file:a/Controls.md"
    assert document_at(target, pointer, []) == ""
    assert passages_at(target, pointer, [other, keys]) == [keys]
    assert passages_at(target._replace(anchor="gone"), pointer, [other, keys]) == [other, keys]
