"""Checks of a release: its distributions, their versions and sizes."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
RELEASE: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "release.py"))
PROJECTS = RELEASE["projects"]()
BUILT = {
    "commonplace_bot-1.0.0-py3-none-any.whl": 2_000_000,
    "commonplace_bot-1.0.0.tar.gz": 1_000_000,
}


def _defects(files: dict[str, int]) -> list[str]:
    return list(RELEASE["defects"](files, {"commonplace-bot": "1.0.0"}))


def test_complete_files_of_allowed_sizes_have_no_defects() -> None:
    assert _defects(BUILT) == []


@pytest.mark.parametrize(
    ("files", "defect"),
    [
        ({"commonplace_bot-1.0.0.tar.gz": 0}, "commonplace_bot-1.0.0-py3-none-any.whl is missing."),
        (
            BUILT | {"commonplace_bot-0.9.0.tar.gz": 0},
            "commonplace_bot-0.9.0.tar.gz is unexpected.",
        ),
        (
            BUILT | {"commonplace_bot-1.0.0.tar.gz": 12_000_000},
            "commonplace_bot-1.0.0.tar.gz has 12,000,000 bytes, and may have 10,000,000.",
        ),
    ],
)
def test_missing_unexpected_and_large_files_are_named(files: dict[str, int], defect: str) -> None:
    assert _defects(files) == [defect]


def test_each_model_is_an_extra_of_the_bot_in_its_version() -> None:
    bot, *models = PROJECTS.values()
    extras = bot["optional-dependencies"]
    assert models
    for model in models:
        [name] = model["entry-points"]["commonplace.models"]
        [requirement] = map(Requirement, extras[name])
        assert requirement.name == model["name"]
        assert model["version"] in requirement.specifier


def test_another_tag_than_the_version_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"The tag is v0\.0\.1, and the version "):
        RELEASE["build"]("v0.0.1")
