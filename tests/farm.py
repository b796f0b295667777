"""A farm's judged set of five questions, for tests of evaluation with the word embedder."""

import json
from pathlib import Path

from indexer.embedding.model_records import ModelRecord, RecordedModel
from tests.fakes import WordEmbedder

PRODUCTS = {"bees": "honey", "cows": "milk", "hens": "eggs", "worms": "silk", "sheep": "wool"}

FIGURES = {
    "questions",
    "ndcg_at_10",
    "recall_at_5",
    "recall_at_10",
    "mrr_at_10",
    "answered_rate",
    "refused_rate",
    "evidence_auroc",
    "query_p50_ms",
    "query_p95_ms",
    "passages_per_second",
    "peak_rss_mb",
}


def open_words(record: ModelRecord) -> RecordedModel:
    return RecordedModel(
        WordEmbedder(1 if record.name == "blind" else 4_096, model=record.name), record
    )


def farm(parent: Path) -> Path:
    """A tiny judged set; its third question shares no word with the document that answers it."""
    folder = parent / "farm"
    folder.mkdir()
    texts = {animal: f"{animal} give {product}" for animal, product in PRODUCTS.items()}
    questions = {**texts, "hens": "where from come [omelettes]"}
    write(folder / "corpus.jsonl", texts)
    write(folder / "queries.jsonl", questions)
    (folder / "qrels.tsv").write_text("".join(f"{key}\t{key}\t1\n" for key in texts))
    return folder


def write(path: Path, texts: dict[str, str]) -> None:
    lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
    path.write_text("\n".join(lines) + "\n")
