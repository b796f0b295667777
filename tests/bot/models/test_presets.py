"""Presets match their model cards, name a commit, and claim only real measurements."""

import re

import pytest

from bot.models.presets import Preset, preset, presets


@pytest.mark.parametrize("one", presets().values(), ids=lambda one: one.key)
def test_each_names_a_commit_a_licence_its_size_and_languages(one: Preset) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", one.revision)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", one.name)
    assert one.licence
    assert one.megabytes > 0
    assert one.languages
    assert len(one.languages) == len(set(one.languages))


def test_one_is_found_by_its_key_and_by_the_name_on_the_hub() -> None:
    for key, one in presets().items():
        assert preset(key) == preset(one.name) == one
    assert preset("owner/other") is None
