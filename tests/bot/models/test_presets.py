"""Presets match their model cards, name a commit, and claim only real measurements."""

import re
from pathlib import Path

import pytest

from bot.models.presets import Preset, preset, presets
from indexer.embedding.shipped_models import shipped_models
from indexer.evaluation.judged_sets import COMMITTED
from indexer.retrieval.evidence import shipped_calibrations

MEASURED = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("one", presets().values(), ids=lambda one: one.key)
def test_each_names_a_commit_a_licence_its_size_and_languages(one: Preset) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", one.revision)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", one.name)
    assert one.licence
    assert one.megabytes > 0
    assert one.languages
    assert len(one.languages) == len(set(one.languages))


def test_figures_are_those_of_sets_that_come_with_the_program() -> None:
    for one in presets().values():
        assert one.ndcg.keys() <= COMMITTED.keys()
        # Figures measured in this repository are documented.
        assert not one.ndcg or one.name in shipped_models() or one.name.split("/")[1] in MEASURED


def test_parameters_of_evidence_come_with_the_program_for_presets_alone() -> None:
    for shipped in shipped_calibrations():
        assert shipped.model is not None
        assert preset(shipped.model.name) is not None


def test_one_is_found_by_its_key_and_by_the_name_on_the_hub() -> None:
    for key, one in presets().items():
        assert preset(key) == preset(one.name) == one
    assert preset("owner/other") is None
