"""Evidence fitted for the serving model on judged sets, or on a server's accepted answers.

    python -m benchmarks.fitting [DIR]… [--from-community] [--to FILE] [--config FILE] [--data DIR]

Each set needs at least 20 questions. The calibration is written to the data folder; restart the bot
to use it. Most accepted answers were accepted because they came first, so a set with hardly any
picked answers is refused.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.calibration import (
    Rows,
    check_rows,
    collect_rows,
    cross_fit,
    fit_calibration,
)
from bot.cli.console import Begins, out, run_with_progress, settings_from, show
from bot.cli.models import ACCEPTED, accepted_answers, serving_side
from bot.models.calibrations import CALIBRATION, fitted_for, save_calibration
from bot.models.comparison import Side
from bot.models.serving_model import Opener
from bot.storage.data_folder import data_folder, open_index
from indexer.embedding.model_records import open_record
from indexer.evaluation.judged_sets import JudgedSet, JudgedSetError, judged_set
from indexer.evaluation.runner import Evaluator
from indexer.retrieval.evidence import require_scipy
from indexer.retrieval.retriever import Retriever
from knowledge.text import count_of


def add_folders(folders: Sequence[Path], sets: dict[str, JudgedSet]) -> None:
    """Read the judged sets in the folders, by name."""
    for folder in folders:
        name = folder.resolve().name
        if name in sets:
            raise JudgedSetError(f"Two sets are named {name}: rename one of them.")
        sets[name] = judged_set(folder)
    if not sets:
        raise JudgedSetError("Name folders of judged sets, --from-community, or both.")


def collect(side: Side, sets: Mapping[str, JudgedSet]) -> Rows:
    """Gather calibration rows from judged sets, each indexed in a temporary folder."""
    rows, embedder = Rows(), side.model.embedder
    for name, judged in sets.items():
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-fitting-") as temporary,
            open_index(Path(temporary), embedder) as index,
        ):
            run_with_progress(Evaluator(index, embedder, judged).index(), f"Indexing {name}")
            collect_rows(rows, name, Retriever(index, embedder, reranking=side.reranking), sets)
    check_rows(rows, ACCEPTED)
    return rows


def provenance(sets: Mapping[str, JudgedSet], vectors: str) -> str:
    named = " ".join("--from-community" if name == ACCEPTED else name for name in sets)
    sizes = [
        f"{name}: {count_of(len(judged.queries), 'question')}" for name, judged in sets.items()
    ]
    return "\n".join([f"Fitted by `benchmarks.fitting {named}` with {vectors}.", *sizes])


def main(arguments: Sequence[str] | None = None, opener: Opener = open_record) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--from-community", action="store_true")
    parser.add_argument("--to", type=Path, help="the file to write; else in the data folder")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args(arguments)
    require_scipy()
    settings = settings_from(asked.config, asked.data, Begins.DEFAULT)
    if asked.to is not None and not asked.to.parent.is_dir():
        sys.exit(f"{asked.to} can't be written: there is no folder {asked.to.parent}.")
    try:
        sets = {ACCEPTED: accepted_answers(settings)} if asked.from_community else {}
        add_folders(asked.folders, sets)
        side = serving_side(settings, opener)
        rows = collect(side, sets)
    except JudgedSetError as error:
        sys.exit(str(error))
    vectors = side.model.embedder.model
    found, figures = fit_calibration(rows, provenance(sets, vectors))
    found = replace(found, model=fitted_for(replace(side.model.record, vectors=vectors)))
    show({**figures, **cross_fit(rows)}, title="calibration")
    if asked.to is None:
        folder = data_folder(settings.data.folder)
        save_calibration(folder, found)
        out.print(f"Written to {folder / CALIBRATION}.", soft_wrap=True)
    else:
        asked.to.write_text(found.to_toml(), encoding="utf-8")
        out.print(f"Written to {asked.to}.", soft_wrap=True)


if __name__ == "__main__":
    main()
