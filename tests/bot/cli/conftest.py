"""Fixtures of commands."""

import json
from pathlib import Path

import pytest

from bot.cli import models
from indexer.evaluation.judged_sets import COMMITTED, judged_set
from tests.bot.cli.typed_commands import typed_commands as typed_commands

# Questions of each set that are asked.
ASKED = 12


@pytest.fixture
def small_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare models on a few questions of two shipped sets, which takes a tenth of the time."""
    sets = {name: _small_set(name, tmp_path) for name in ("backup-faq", "survival-game")}
    monkeypatch.setattr(models, "COMMITTED", sets)


def _small_set(name: str, parent: Path) -> Path:
    whole, folder = judged_set(COMMITTED[name]), parent / name
    folder.mkdir()
    asked = dict([*whole.queries.items()][:ASKED])
    judgements = {key: whole.judgements[key] for key in asked}
    relevant = {document_id for graded in judgements.values() for document_id in graded}
    documents = [
        {"_id": one.id, "title": one.title, "text": one.text}
        for place, one in enumerate(whole.documents)
        if one.id in relevant or place < ASKED
    ]
    unanswerable = dict([*whole.unanswerable.items()][:ASKED])
    _write(folder / "corpus.jsonl", documents)
    _write(folder / "queries.jsonl", _rows(asked))
    _write(folder / "unanswerable.jsonl", _rows(unanswerable))
    lines = [
        f"{key}\t{document_id}\t{grade}"
        for key, graded in judgements.items()
        for document_id, grade in graded.items()
    ]
    (folder / "qrels.tsv").write_text("\n".join(lines))
    return folder


def _rows(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"_id": key, "text": text} for key, text in texts.items()]


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\n".join(map(json.dumps, rows)))
