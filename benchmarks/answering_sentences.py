"""The answering sentence: is it visible in the excerpt, and right if it is in bold?

    python -m benchmarks.answering_sentences KEEP --pages CHECKOUTS [--model NAME]

Asks the labelled questions (tests/judged/sentences.tsv) and the unanswerable ones as members do.
The weights of `indexer.retrieval.highlight` are fitted on right first passages without each set and
its family (the sets that share its documents), and measured on it. Printed for each set, of all
answers: the share with a bold sentence, and the right ones of these. Then, of the right first
passages with a labelled sentence in their section: the share of excerpts with a labelled sentence,
and with all of them, and the lines used. At the end the weights fitted on all sets.

KEEP holds the data folders, so a second run only asks.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import (
    PAGES,
    SHORT,
    german_community,
    judged_articles,
    short_questions,
)
from benchmarks.page_sets import page_set
from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Quote
from bot.answers.quotations import excerpts
from bot.config.settings import DataSettings, ModelSettings, Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.text.excerpt import room
from bot.text.languages import speaking
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, judged_set
from indexer.ingest.pipeline import update
from indexer.retrieval.highlight import (
    WEIGHTS,
    Comparison,
    Deciding,
    highlight,
    sentence_features,
)
from indexer.text.passages import without_link_targets
from indexer.text.sentences import announces, sentences
from knowledge.values.documents import SHARED
from knowledge.values.guilds import Language

_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
# The penalty on the weights, in units of one standard deviation of each feature.
PENALTY: Final = 5.0

Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """The first passage of an answer, and the probability that it answers.

    `family` is the set with the documents. `labelled` are the digests of the answering sentences.
    It `is_right` if it is judged relevant, and its section has a labelled sentence.
    """

    of: str
    family: str
    outcome: Answer
    probability: float
    compared: Sequence[Comparison]
    labelled: frozenset[str]
    is_right: bool

    @property
    def quote(self) -> Quote:
        return self.outcome.quotes[0]

    @property
    def section(self) -> str:
        return f"{self.quote.before}{self.quote.text}{self.quote.after}"

    def features(self) -> tuple[Features, NDArray[np.bool_]]:
        """The features of the sentences that can answer, and whether each is labelled."""
        places, features = sentence_features(self.compared)
        texts = [self.compared[passage].text for passage, _ in places]
        spans = [sentences(text)[place.number] for text, place in zip(texts, places, strict=True)]
        said = [text[slice(*span)] for text, span in zip(texts, spans, strict=True)]
        return features, np.array([*map(self.has, said)])

    def has(self, sentence: str) -> bool:
        return digest(sentence) in self.labelled

    def answers(self, marked: Deciding) -> bool:
        """Whether a span holds a labelled sentence, or announces labelled code."""
        spans, begin = sentences(self.section), len(self.quote.before)
        said = [self.section[slice(*span)] for span in spans]
        inside = [
            i for i, (start, _) in enumerate(spans) if marked.start <= start - begin < marked.end
        ]
        announced = [i + 1 for i in inside if announces(said[i])]
        return any(self.has(said[i]) for i in [*inside, *announced] if i < len(spans))


def digest(sentence: str) -> str:
    """The digest of a sentence in `sentences.tsv`, of its letters and digits."""
    letters = "".join(filter(str.isalnum, sentence.casefold()))
    return sha256(letters.encode()).hexdigest()[:8]


def labels() -> Mapping[tuple[str, str], frozenset[str]]:
    """The digests of the answering sentences by set and question."""
    lines = (_JUDGED / "sentences.tsv").read_text("utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {(name, question): frozenset(found.split()) for name, question, found in rows}


def labelled_sets(checkouts: Path) -> dict[str, JudgedSet]:
    """The sets with labels, with their short questions."""
    sets = {
        "articles": judged_articles(),
        **{name: judged_set(COMMITTED[name]) for name in COMMITTED},
        "home-server-wiki": judged_set(_JUDGED / "home-server-wiki"),
        "german-community": german_community()["german-community"],
    }
    pages = sorted({name for name, _ in labels()} & PAGES.keys())
    return {
        **sets,
        **short_questions(sets),
        **{name: page_set(_JUDGED / "communities" / name, checkouts) for name in pages},
    }


def cases(core: Core, name: str, judged: JudgedSet) -> Iterator[Case]:
    """Ask the labelled questions of a set, and the unanswerable ones."""
    known = labels()
    asked = {key: text for key, text in judged.queries.items() if (name, key) in known}
    for key, text in {**asked, **judged.unanswerable}.items():
        [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
        if not isinstance(reply.outcome, Answer):
            continue
        labelled = known[name, key] if key in asked else frozenset()
        quote = reply.outcome.quotes[0]
        own = quote.hit.passage
        text_around = f"{quote.before}{quote.text}{quote.after}"
        said = {digest(text_around[slice(*span)]) for span in sentences(text_around)}
        is_right = (
            key in asked and judged.is_answered_by(key, own) and not labelled.isdisjoint(said)
        )
        [vector] = core.retriever.embed([text])
        section = core.answer_pipeline.passages_around(own)
        compared = core.retriever.comparisons(text, vector, own, [SHARED], section)
        family, probability = name.removesuffix(SHORT), reply.signals["probability"]
        yield Case(name, family, reply.outcome, probability, compared, labelled, is_right)


def fit(known: list[Case]) -> Features:
    """The weights that make the labelled sentences likeliest (conditional logit)."""
    sentences_of_each = [case.features() for case in known if case.is_right]
    telling = [(rows, labelled) for rows, labelled in sentences_of_each if labelled.any()]
    features = np.vstack([rows for rows, _ in telling])
    deviations = features.std(axis=0) + 1e-9
    scaled = (features - features.mean(axis=0)) / deviations
    answers = np.concatenate([labelled for _, labelled in telling])
    of = np.repeat(np.arange(len(telling)), [len(rows) for rows, _ in telling])

    def loss(weights: Features) -> tuple[float, Features]:
        scores = scaled @ weights
        highest = np.full(len(telling), -np.inf)
        np.maximum.at(highest, of, scores)
        chances = np.exp(scores - highest[of])
        total = np.bincount(of, chances)
        right = np.bincount(of, chances * answers)
        slope = scaled.T @ (chances / total[of] - chances * answers / right[of])
        penalty = PENALTY * weights
        return float(np.log(total / right).sum() + weights @ penalty / 2), slope + penalty

    found = minimize(loss, np.zeros(len(WEIGHTS)), jac=True, method="L-BFGS-B").x
    return np.asarray(found / deviations)


def figures(case: Case, weights: Features) -> tuple[float, float, float, float, float]:
    """Bold, right if bold (else not a number), any and all labelled visible, lines."""
    marked = highlight(case.compared, case.probability, weights.tolist())
    is_bold = marked is not None and marked.is_bold
    quote = replace(case.quote, deciding=marked)
    with speaking(Language.ENGLISH):
        quoted = excerpts(replace(case.outcome, quotes=(quote, *case.outcome.quotes[1:])))
    shown = "\n\n".join(text for _, text in quoted)
    letters = _letters(shown)
    wanted = [case.section[slice(*span)] for span in sentences(case.section)]
    seen = [_letters(sentence) in letters for sentence in wanted if case.has(sentence)]
    is_right = float(marked is not None and case.answers(marked)) if is_bold else np.nan
    return float(is_bold), is_right, float(any(seen)), float(all(seen)), float(room(shown))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, without_link_targets(text).casefold()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("--pages", type=Path, metavar="CHECKOUTS", required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    found: list[Case] = []
    for name, judged in labelled_sets(options.pages).items():
        folder = options.keep / options.model / name.removesuffix(SHORT)
        folder.mkdir(parents=True, exist_ok=True)
        data, model = DataSettings(folder=folder), ModelSettings(name=options.model)
        with Core(Settings(data=data, model=model)) as core:
            run_to_end(update(core.index, core.embedder, judged.documents))
            found += cases(core, name, judged)
    families = dict.fromkeys(case.family for case in found)
    fits = {family: fit([case for case in found if case.family != family]) for family in families}
    shipped = np.array([*WEIGHTS.values()])
    print("| set | answers | bold | right of these | right | visible | all visible | lines |")
    print("|---|---|---|---|---|---|---|---|")
    for title in [*dict.fromkeys(case.of for case in found), "all", "all, weights as shipped"]:
        own = [case for case in found if case.of == title or title.startswith("all")]
        used = {
            family: shipped if title.endswith("shipped") else fits[family] for family in families
        }
        rows = np.array([figures(case, used[case.family]) for case in own])
        bold, is_right = rows[:, 0] > 0, np.array([case.is_right for case in own])
        cells = [len(own), bold.mean(), rows[bold, 1].mean() if bold.any() else np.nan]
        cells += [is_right.sum(), *rows[is_right, 2:].mean(axis=0)]
        print(f"| {title} |", " | ".join(f"{cell:.3g}" for cell in cells), "|")
    print(dict(zip(WEIGHTS, fit(found).round(2).tolist(), strict=True)))


if __name__ == "__main__":
    main()
