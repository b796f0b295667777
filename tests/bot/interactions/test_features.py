"""Discovery of features: none is forgotten, and a broken one stops the start."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import bot
from bot.interactions.features import FeatureError, feature_folders
from bot.interactions.kit.buttons import Button, Select
from bot.interactions.kit.forms import Form
from tests.bot.components import BUTTONS, FORMS


def test_every_folder_with_a_cog_is_a_feature() -> None:
    names = [folder.name for folder in feature_folders()]
    assert names == sorted(names)
    with_ui = {path.parent.parent.name for path in Path(bot.__path__[0]).glob("*/ui/__init__.py")}
    assert {*names} == with_ui


def kinds_of(base: Any) -> Iterator[type]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def test_every_button_and_form_is_found() -> None:
    assert set(BUTTONS) == {*kinds_of(Button), *kinds_of(Select)}
    assert set(FORMS) == {*kinds_of(Form)}
    assert len(BUTTONS) == len(set(BUTTONS))


def made(folder: Path, name: str, source: str) -> ModuleType:
    """A package with one feature of this source."""
    ui = folder / name / "reading" / "ui"
    ui.mkdir(parents=True)
    for parent in (ui.parent.parent, ui.parent, ui):
        (parent / "__init__.py").touch()
    (ui / "cog.py").write_text(source)
    package = ModuleType(name)
    package.__path__ = [str(folder / name)]
    return package


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("bot_that_raises", "raise ValueError('No such table.')", "No such table."),
        ("bot_without_function", "", "has no attribute 'feature'"),
    ],
)
def test_a_broken_feature_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str, problem: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FeatureError, match=f"{name}.reading can't be loaded: .*{problem}"):
        feature_folders(made(tmp_path, name, source))
