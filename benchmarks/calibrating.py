"""Evidence fitted for several models by one procedure, and measured on other sets.

    python -m benchmarks.calibrating KEEP stackfaq squad2 xquad-en [--model FOLDER]… \\
        [--pages CHECKOUTS [--report]]

The folders are public judged sets in BEIR's layout: every second question of stackfaq, every fourth
of the others. Added are backup-faq, desktop-how-tos, their short questions, german-community, and
the questions over the bundled articles. Each set is measured with parameters fitted without it and
its family (the sets that share its documents). survival-game, home-server-wiki, xquad and the
kept-back half of german-community are only measured, never fitted on.

`--pages` adds the working sets of tests/judged/communities, with pages from checkouts of their
repositories, CHECKOUTS/OWNER+NAME. `--report` adds the sets for reporting, which are never fitted
on.

KEEP holds indexes, derived models and signals, so a second run only fits. The fit on all sets is
written there as NAME.toml.
"""

import argparse
import json
import os
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibration import Rows, collect_rows, fit_calibration
from benchmarks.page_sets import page_set, page_source
from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder
from indexer.embedding.model_records import ModelRecord, open_record
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, judged_set, read_questions
from indexer.evaluation.judged_sets import with_judgements as judged_over
from indexer.evaluation.metrics import K, ndcg
from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.evidence import Calibration, default_calibration
from indexer.retrieval.retriever import Retriever
from knowledge.corpus import articles
from knowledge.values.documents import SHARED, Document
from knowledge.values.questions import Evidence

EVERY: Final = {"stackfaq": 2, "xquad-en": 4, "xquad-de": 4, "squad2": 4}
SHORT: Final = ", short"
_GERMAN: Final = "german-community"
KEPT_BACK: Final = f"{_GERMAN}, kept back"
_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
PAGES: Final = {
    path.parent.name: page_source(path.parent)
    for path in sorted(_JUDGED.glob("communities/*/set.toml"))
}
FOR_REPORTING: Final = frozenset(name for name, source in PAGES.items() if source.for_reporting)
HELD_OUT: Final = FOR_REPORTING | {
    "xquad-en",
    "xquad-de",
    KEPT_BACK,
    *(name + kind for name in ("survival-game", "home-server-wiki") for kind in ("", SHORT)),
}


@dataclass(slots=True)
class Gathered:
    """One model's results: rows to fit on and measure, and each set's ranking figures."""

    rows: Rows = field(default_factory=Rows)
    ranking_figures: dict[str, dict[str, float]] = field(default_factory=dict)


def judged_articles() -> JudgedSet:
    """The judged questions over the bundled articles."""
    rows = {
        name: [json.loads(line) for line in (_JUDGED / f"{name}.jsonl").read_text().splitlines()]
        for name in ("queries", "unanswerable")
    }
    judgements: dict[str, dict[str, int]] = {}
    for line in (_JUDGED / "qrels.tsv").read_text().splitlines()[1:]:
        question, document, _ = line.split("\t")
        judgements.setdefault(question, {})[f"article:{document}"] = 1
    return JudgedSet(
        [replace(item, scope=SHARED) for item in articles() if isinstance(item, Document)],
        {row["_id"]: row["text"] for row in rows["queries"]},
        judgements,
        {row["_id"]: row["text"] for row in rows["unanswerable"]},
        frozenset(row["_id"] for row in rows["unanswerable"] if row["kind"] == "foreign"),
    )


def german_community() -> dict[str, JudgedSet]:
    """Both halves of the questions over a German community's notes."""
    folder = _JUDGED / _GERMAN
    working, kept = judged_set(folder), folder / "kept-back"
    questions = read_questions(kept / "queries.jsonl")
    return {_GERMAN: working, KEPT_BACK: judged_over(kept, working.documents, questions)}


def short_questions(sets: Mapping[str, JudgedSet]) -> dict[str, JudgedSet]:
    """The short questions over the documents of some of these sets, each a set of its own."""
    lines = (_JUDGED / "short_questions.jsonl").read_text("utf-8").splitlines()
    rows = {str(number): json.loads(line) for number, line in enumerate(lines)}
    found = {}
    for corpus in dict.fromkeys(row["corpus"] for row in rows.values()):
        own = {key: row for key, row in rows.items() if row["corpus"] == corpus}
        answered = {key: row for key, row in own.items() if row["answers"]}
        found[corpus + SHORT] = replace(
            sets[corpus],
            queries={key: row["text"] for key, row in answered.items()},
            judgements={key: dict.fromkeys(row["answers"], 1) for key, row in answered.items()},
            unanswerable={key: row["text"] for key, row in own.items() if not row["answers"]},
            foreign=frozenset(),
        )
    return found


def sample(judged: JudgedSet, every: int) -> JudgedSet:
    """A set with every n-th of its questions."""
    kept = dict(list(judged.queries.items())[::every])
    return replace(
        judged,
        queries=kept,
        judgements={key: judged.judgements[key] for key in kept},
        unanswerable=dict(list(judged.unanswerable.items())[::every]),
    )


def gather(embedder: Embedder, sets: Mapping[str, JudgedSet], keep: Path) -> Gathered:
    """A model's results on each set; held-out sets are foreign to no other."""
    found = Gathered()
    for name, judged in sets.items():
        path = keep / f"{name}.pickle"
        if not path.exists():
            started = time.monotonic()
            rows = Rows()
            others = {key: some for key, some in sets.items() if key not in HELD_OUT - {name}}
            with open_index(keep, embedder, name) as index:
                run_to_end(update(index, embedder, judged.documents))
                retriever = Retriever(index, embedder)
                collect_rows(rows, name, retriever, others)
                order = ranking_figures(index, retriever, judged)
            path.write_bytes(pickle.dumps((rows, order)))
            print(f"{embedder.model}: {name} in {time.monotonic() - started:.0f} s", flush=True)
        # Written by this script, a line above.
        rows, found.ranking_figures[name] = pickle.loads(path.read_bytes())  # noqa: S301
        found.rows.values |= rows.values
        found.rows.right |= rows.right
        found.rows.related_sets |= rows.related_sets
    return found


def ranking_figures(index: Index, retriever: Retriever, judged: JudgedSet) -> dict[str, float]:
    """Ranking figures: the share of questions with the right first document, and so on.

    In some sets documents of a lower grade only help. Beside them, the share of right first
    sections of a plain index of passage vectors.
    """
    answers = max(grade for grades in judged.judgements.values() for grade in grades.values())
    first, section, plain, five, run = [], [], [], [], {}
    for key, text in judged.queries.items():
        hits = retriever.hits([text], [SHARED])[0]
        run[key] = documents = [hit.passage.document_id for hit in hits[:K]]
        wanted = {
            document for document, grade in judged.judgements[key].items() if grade == answers
        }
        first.append(not wanted.isdisjoint(documents[:1]))
        section.append(first[-1] and judged.is_answered_by(key, hits[0].passage))
        [(nearest, _)] = index.nearest(retriever.embedder.embed_queries([text])[0], 1, [SHARED])
        found = index.passages([nearest])[nearest]
        plain.append(found.document_id in wanted and judged.is_answered_by(key, found))
        five.append(not wanted.isdisjoint(documents[:5]))
    return {
        "first answers": float(np.mean(first)),
        "first section answers": float(np.mean(section)),
        "first section of a plain index": float(np.mean(plain)),
        "one of five": float(np.mean(five)),
        "nDCG@10": ndcg(run, judged.judgements),
    }


def cross_fits(rows: Rows) -> dict[str, Calibration]:
    """For each set the parameters fitted without it, its family, and the sets held out."""
    names = list(rows.related_sets)
    return {
        name: fit_calibration(
            rows.of((frozenset(names) - HELD_OUT - {name} - rows.related_sets[name]).__contains__),
            "",
        )[0]
        for name in names
    }


def _figures(rows: Rows, name: str, judge: Calibration) -> dict[str, float]:
    """The main figures of one set with these parameters."""
    verdicts = {
        kind: [judge.verdict(chance) for chance in judge.probability(values).tolist()]
        for (kind, of), values in rows.values.items()
        if of == name
    }
    right = rows.right["answerable", name]
    strongs = _are(verdicts["answerable"], Evidence.STRONG)
    nones = _are(verdicts["answerable"], Evidence.NONE)
    return {
        "strong right": float(right[strongs].mean()) if strongs.any() else 1.0,
        "strong said of right": float(strongs[right].mean()),
        "right kept": float(1 - nones[right].mean()),
        "answered": float(1 - nones.mean()),
        **{
            f"{kind} refused": float(_are(found, Evidence.NONE).mean())
            for kind, found in verdicts.items()
            if kind != "answerable"
        },
        **{
            f"{kind} strong": float(_are(found, Evidence.STRONG).mean())
            for kind, found in verdicts.items()
            if kind != "answerable"
        },
    }


def _are(verdicts: Sequence[Evidence], wanted: Evidence) -> NDArray[np.bool_]:
    return np.array([verdict is wanted for verdict in verdicts])


def print_table(title: str, figures: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table: a line a figure, a column a set."""
    columns = list(figures)
    print(f"\n{title}\n\n| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    names = dict.fromkeys(name for some in figures.values() for name in some)
    for name in names:
        values = [figures[column].get(name) for column in columns]
        line = " | ".join("–" if value is None else f"{value:.3f}" for value in values)
        print(f"| {name} | {line} |")


def report(name: str, found: Gathered, keep: Path) -> None:
    """Fit, print the tables of one model, and write the fit on all sets."""
    rows = found.rows
    fitted_on = [related for related in rows.related_sets if related not in HELD_OUT]
    own, _ = fit_calibration(rows.of(fitted_on.__contains__), f"Fitted on {'; '.join(fitted_on)}.")
    (keep / f"{name}.toml").write_text(own.to_toml())
    print(f"\n# {name}\n\n{own.to_toml()}")
    print_table("order", found.ranking_figures)
    fits = cross_fits(rows)
    cases = {
        "the default's calibration": dict.fromkeys(fits, default_calibration()),
        "fitted without the set and its family": fits,
        "the same, strong of the default, none of what is fitted on all": {
            related: replace(fit, strong=default_calibration().strong, none=own.none)
            for related, fit in fits.items()
        },
    }
    for title, judges in cases.items():
        print_table(
            f"{name}: {title}",
            {related: _figures(rows, related, fit) for related, fit in judges.items()},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("judged", type=Path, nargs="*")
    parser.add_argument("--model", action="append", default=[], help="beside the default")
    parser.add_argument("--pages", type=Path, metavar="CHECKOUTS")
    parser.add_argument("--report", action="store_true", help="with the sets for reporting only")
    options = parser.parse_args()
    sets = {folder.name: judged_set(folder) for folder in options.judged}
    sets |= {
        "articles": judged_articles(),
        **{key: judged_set(COMMITTED[key]) for key in COMMITTED},
        "home-server-wiki": judged_set(_JUDGED / "home-server-wiki"),
        **german_community(),
    }
    sets |= short_questions(sets)
    if options.pages is not None:
        sets |= {
            name: page_set(_JUDGED / "communities" / name, options.pages)
            for name in PAGES
            if options.report or name not in FOR_REPORTING
        }
    sets = {name: sample(judged, EVERY.get(name, 1)) for name, judged in sets.items()}
    for name in (DEFAULT_MODEL, *options.model):
        keep = options.keep / Path(name).name
        keep.mkdir(parents=True, exist_ok=True)
        embedder = open_record(ModelRecord(name)).embedder
        report(Path(name).name, gather(embedder, sets, keep), keep)


if __name__ == "__main__":
    main()
