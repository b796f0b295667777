"""Speeds of models, kept by the name of the vectors."""

from itertools import count
from pathlib import Path

import pytest

from bot.models.speeds import FILE, measure, read_speeds, save_speed
from tests.fakes import WordEmbedder


def test_a_model_is_measured_by_the_texts_and_questions_it_embeds() -> None:
    """Each look at this clock is a second later than the last."""
    seconds = count()
    embedder = WordEmbedder(64)
    speed = measure("a model", embedder, clock=lambda: float(next(seconds)))
    assert speed.question_ms == 1_000
    passages = [call for call in embedder.calls if len(call) > 1]
    assert speed.texts_per_second == sum(map(len, passages))
    assert speed.name == "a model"
    assert speed.cores >= 1


def test_what_was_measured_is_kept_for_each_model(tmp_path: Path) -> None:
    assert read_speeds(tmp_path) == {}
    one, two = (measure(name, WordEmbedder(64)) for name in ("one", "two"))
    save_speed(tmp_path, "v1", one)
    save_speed(tmp_path, "v2", two)
    save_speed(tmp_path, "v1", two)
    assert read_speeds(tmp_path) == {"v1": two, "v2": two}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"v": {"name": 1}}', '{"v": 3}'])
def test_a_file_that_can_not_be_read_is_as_if_nothing_was_measured(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_speeds(tmp_path) == {}
