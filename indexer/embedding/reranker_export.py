"""ONNX export of cross-encoders: the recipe of rerankers for `indexer.embedding.derivation`.

The graph takes the tokens of a pair and returns its logit. It is quantized. Its scores of sample
pairs are compared with the reference's, by correlation and by the order of passages. If they differ
too much, the model is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.derivation import (
    VARIED,
    DerivationError,
    Feed,
    Recipe,
    export_graph,
    reference_options,
    refuse,
    tokenizer_reasons,
)
from indexer.embedding.onnx_reranker import RerankerManifest, RuntimeReranker

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

# The least correlation with the reference's scores, over all sample pairs.
LEAST_CORRELATION: Final = 0.99
# Two passages have a clear order if their scores differ by more than this, in standard deviations
# of all scores. Smaller differences are a toss-up for the reference, too. `LEAST_AGREEMENT` is the
# share of clear orders that a derived model must keep.
CLEARLY_APART: Final = 0.25
LEAST_AGREEMENT: Final = 0.97

# Only these activations are certain to keep the order of logits.
_MONOTONIC: Final = frozenset({"Sigmoid", "Identity"})

Scores = NDArray[np.float64]


def _reference(folder: Path) -> "CrossEncoder":
    from sentence_transformers import CrossEncoder

    encoder: CrossEncoder = CrossEncoder(str(folder.resolve()), **reference_options()).eval()
    return encoder


def _check_supported(reference: "CrossEncoder") -> None:
    """Refuse a model unless it reads a pair's tokens and returns a single logit.

    Raises:
        DerivationError: if the model is refused; the message gives the reasons.
    """
    names = [type(module).__name__ for module in reference.children()]
    supported = "one Transformer that classifies"
    refuse({f"it has the modules {', '.join(names)}": names != ["Transformer"]}, supported)
    first: Any = next(reference.children())
    activation = type(reference.activation_fn).__name__
    prompt = reference.prompts.get(reference.default_prompt_name or "")
    found = {
        **tokenizer_reasons(first),
        f"it gives {reference.num_labels} scores for a pair": reference.num_labels != 1,
        f"its scores are put through {activation}": activation not in _MONOTONIC,
        "it has a prompt": bool(prompt),
    }
    refuse(found, supported)


def _export(reference: "CrossEncoder", path: Path) -> None:
    """Write the model in full precision, from a pair's tokens (1, tokens) to `score` (1, 1)."""
    import torch

    transformer: Any = next(reference.children())

    class OnePair(torch.nn.Module):  # type: ignore[misc] # torch is Any
        """The model, applied to one pair without padding."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(
            self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None = None
        ) -> torch.Tensor:
            features = {"input_ids": input_ids}
            if token_type_ids is not None:
                features["token_type_ids"] = token_type_ids
            scores: torch.Tensor = self.transformer(features)["scores"]
            return scores

    feed = _feed(reference, VARIED[-1], VARIED[0])
    inputs = {name: torch.from_numpy(values) for name, values in feed.items()}
    export_graph(OnePair(), inputs, {"score": 2}, path)


def _feed(reference: "CrossEncoder", query: str, text: str) -> Feed:
    """The model's input for a pair."""
    read = reference.tokenizer(
        query, text, truncation="longest_first", max_length=reference.max_seq_length
    )
    names = ["input_ids", *(["token_type_ids"] if "token_type_ids" in read else [])]
    return {name: np.array([read[name]], dtype=np.int64) for name in names}


def _feeds(reference: "CrossEncoder") -> list[Feed]:
    """The model's inputs for pairs of the texts `VARIED`."""
    return [_feed(reference, VARIED[-place - 1], text) for place, text in enumerate(VARIED)]


def _described(reference: "CrossEncoder") -> dict[str, Any]:
    """The manifest's fields for a reranker."""
    return {
        "token_types": "token_type_ids" in _feed(reference, "a", "b"),
        "correlation": -1.0,
        "agreement": -1.0,
    }


def _verified(
    reference: "CrossEncoder", model: RuntimeReranker, sample: Sequence[str]
) -> dict[str, float]:
    """The correlation and the agreement of a derived model's scores with the reference's.

    Raises:
        DerivationError: if either is too small.
    """
    import torch

    queries, texts = sample[:8], [*VARIED, *sample]
    expected = np.array(
        [
            reference.predict(
                [(query, text) for text in texts],
                activation_fn=torch.nn.Identity(),
                show_progress_bar=False,
            )
            for query in queries
        ],
        dtype=np.float64,
    )
    found = np.array([model.scores(query, texts) for query in queries])
    correlation, agreement = compared(expected, found)
    # Written so as to refuse a NaN, too.
    if not (correlation >= LEAST_CORRELATION and agreement >= LEAST_AGREEMENT):
        raise DerivationError(
            f"The reranker loses too much when quantized: the correlation with the "
            f"reference's scores is {correlation:.4f} (at least {LEAST_CORRELATION} is expected), "
            f"and {agreement:.4f} of clear orders agree (at least {LEAST_AGREEMENT})."
        )
    return {"correlation": correlation, "agreement": agreement}


def compared(expected: Scores, found: Scores) -> tuple[float, float]:
    """The correlation of scores with the reference's, and their agreement about the order.

    Args:
        expected: the reference's scores (queries, passages).
        found: the scores to judge, of the same shape.

    Returns:
        Pearson's correlation, from -1 to 1 (NaN for constant scores), and the agreement, from 0 to
        1. The agreement is the share of pairs of passages that `found` orders as the reference
        does, among the pairs that the reference scores clearly differently (`CLEARLY_APART`).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = float(np.corrcoef(expected.ravel(), found.ravel())[0, 1])
    apart = expected[:, :, None] - expected[:, None, :]
    clear = apart > CLEARLY_APART * expected.std()
    agreeing = (found[:, :, None] > found[:, None, :])[clear]
    return correlation, float(agreeing.mean()) if agreeing.size else 0.0


RECIPE: Final = Recipe(
    kind="reranker",
    suffix="-reranker",
    module=__name__,
    open=RuntimeReranker.open,
    reference=_reference,
    check=_check_supported,
    feeds=_feeds,
    export=_export,
    manifest=RerankerManifest,
    described=_described,
    verified=_verified,
)
