"""Choice of a reranker, which holds until config.toml changes."""

from pathlib import Path

import pytest

from bot.models.serving_model import (
    RERANKER,
    choose_reranker,
    chosen_reranker,
    previous_reranker,
)
from bot.storage.data_folder import DataFolderError


def test_without_a_choice_the_settings_say_it(tmp_path: Path) -> None:
    assert chosen_reranker(tmp_path, "") == ""
    assert chosen_reranker(tmp_path, "named") == "named"
    assert previous_reranker(tmp_path, "named") is None


def test_a_choice_holds_until_the_settings_name_another(tmp_path: Path) -> None:
    choose_reranker(tmp_path, "named", "chosen")
    assert chosen_reranker(tmp_path, "named") == "chosen"
    assert previous_reranker(tmp_path, "named") == "named"
    assert chosen_reranker(tmp_path, "other") == "other"
    assert previous_reranker(tmp_path, "other") is None
    assert [path.name for path in tmp_path.iterdir()] == [RERANKER]


def test_going_back_twice_is_where_one_was(tmp_path: Path) -> None:
    choose_reranker(tmp_path, "", "chosen")
    for serving, before in (("", "chosen"), ("chosen", "")):
        choose_reranker(tmp_path, "", previous_reranker(tmp_path, "") or "")
        assert chosen_reranker(tmp_path, "") == serving
        assert previous_reranker(tmp_path, "") == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"serving": "x"}', '{"surprise": 1}'])
def test_a_file_that_can_not_be_read_chooses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    (tmp_path / RERANKER).write_text(text)
    assert chosen_reranker(tmp_path, "named") == "named"
    assert "config.toml chooses the reranker" in caplog.text


def test_where_nothing_can_be_written_nothing_changes(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="Nothing was changed"):
        choose_reranker(tmp_path / "missing", "", "chosen")
