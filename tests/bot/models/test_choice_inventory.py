"""The list of models: the serving one, packages, then others on this machine."""

from pathlib import Path

from bot.models.choice import Row, Standing, Where, inventory
from bot.models.serving_model import Pointer, Served, write_pointer
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord


def _by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.key or row.name: row for row in rows}


def test_a_new_data_folder_lists_the_packages(tmp_path: Path) -> None:
    rows = _by_name(inventory(tmp_path, DEFAULT_MODEL))
    assert rows["english"].where is Where.INSTALLED
    assert rows["multilingual"].where is Where.INSTALLED
    assert "texts a second" in rows["english"].speed
    assert all(row.standing is None for row in rows.values())


def test_the_serving_model_comes_first(tmp_path: Path) -> None:
    serving = ModelRecord("/models/mine", "/models/mine", vectors="abcd onnx", languages=("de",))
    write_pointer(
        tmp_path, Pointer("x", Served(serving, "index.1"), Served(ModelRecord(DEFAULT_MODEL)))
    )
    first, second, *_ = inventory(tmp_path, "x")
    assert (first.name, first.standing) == ("/models/mine", Standing.SERVING)
    assert first.languages == ("de",)
    assert (second.name, second.standing) == (DEFAULT_MODEL, Standing.BEFORE)


def test_a_configured_model_not_serving_is_told(tmp_path: Path) -> None:
    write_pointer(tmp_path, Pointer(DEFAULT_MODEL, Served(ModelRecord(DEFAULT_MODEL))))
    rows = _by_name(inventory(tmp_path, "owner/next"))
    assert rows["owner/next"].standing is Standing.WANTED


def test_downloaded_models_have_their_languages(tmp_path: Path) -> None:
    repo = tmp_path / "hub" / "models--owner--one"
    snapshot = repo / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("a" * 40)
    (snapshot / "README.md").write_text("---\nlanguage: [de, fr]\n---\n")
    (snapshot / "modules.json").write_text("[]")
    other = tmp_path / "hub" / "models--owner--no-sentence-model" / "snapshots" / ("b" * 40)
    other.mkdir(parents=True)
    (other / "config.json").write_text("{}")
    rows = _by_name(inventory(tmp_path, DEFAULT_MODEL, str(tmp_path / "hub")))
    assert rows["owner/one"].where is Where.DOWNLOADED
    assert rows["owner/one"].languages == ("de", "fr")
    assert "owner/no-sentence-model" not in rows
