"""ONNX export of sentence-transformers embedders: the recipe for `indexer.embedding.derivation`.

The model's own modules are exported, from token ids to the vectors of the text and its tokens, so
pooling, dense layers and normalization stay the same. The graph is quantized, and its vectors of
sample texts are compared with the reference's. If they differ too much, the model is refused.
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
from indexer.embedding.onnx_model import TOKENS, VECTOR, Manifest, RuntimeModel

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Every sample's vector must agree with the reference's at least this well. Measured with
# all-MiniLM-L6-v2 on 360 texts: as derived here none falls below 0.996, with and without VNNI; with
# one scale a matrix instead of one a column, most fall below 0.97.
WORST_COSINE: Final = 0.97
# The centred cosine counts as well: some models (E5) give all texts a large common part, which
# hides how far the rest has moved. Measured on the varied texts: 0.996 as derived here, with a loss
# below 0.002 nDCG@10; 0.985 where E5-small lost 0.009, and 0.950 to 0.963 with one scale a matrix.
LEAST_MEAN_CENTRED: Final = 0.99

# Modules that only turn one text's tokens into one vector.
_EXPORTABLE: Final = frozenset(
    {"Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout"}
)

Vectors = NDArray[np.float32]


def _reference(folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(folder.resolve()), **reference_options())
    reference.eval()
    return reference


def _check_supported(reference: "SentenceTransformer") -> None:
    """Refuse a model if a text's vector depends on more than its tokens.

    Raises:
        DerivationError: if the model is refused; the message gives the reasons.
    """
    names = [type(module).__name__ for module in reference.children()]
    first: Any = next(reference.children())
    others = sorted(set(names) - _EXPORTABLE)
    found = {
        f"it has the module {', '.join(others)}": bool(others),
        "its first module is no Transformer": names[:1] != ["Transformer"],
    }
    refuse(found, ", ".join(sorted(_EXPORTABLE)))
    found = {
        **tokenizer_reasons(first),
        "queries and documents have lengths of their own": any(
            getattr(first, name, None) for name in ("query_length", "document_length")
        ),
        "pooling weighs tokens by their place and leaves prompts out": _leaves_prompts_out(
            reference
        )
        and any("weightedmean" in getattr(one, "pooling_mode", "") for one in reference.children()),
    }
    refuse(found, ", ".join(sorted(_EXPORTABLE)))


def _leaves_prompts_out(reference: "SentenceTransformer") -> bool:
    """Whether pooling leaves out the tokens of a prompt, as in INSTRUCTOR models."""
    return any(reference.prompts.values()) and not all(
        getattr(module, "include_prompt", True) for module in reference.children()
    )


def _export(reference: "SentenceTransformer", path: Path) -> None:
    """Write the model in full precision, from `input_ids` (1, tokens) to two outputs.

    `vector` (1, d) is the text's vector. `tokens` (1, tokens, t) are the transformer's token
    vectors, special tokens included. If pooling leaves prompts out, a second input `unpooled` (1,)
    is the number of prompt tokens.
    """
    import torch

    cut = reference.truncate_dim

    class OneText(torch.nn.Module):  # type: ignore[misc] # torch is Any
        """The whole model as one module. It runs on a single text without padding."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(reference.children())

        def forward(
            self, input_ids: torch.Tensor, unpooled: torch.Tensor | None = None
        ) -> tuple[torch.Tensor, torch.Tensor]:
            # Without a mask each module takes all tokens as real, and they are.
            features: dict[str, Any] = {"input_ids": input_ids}
            # Pooling leaves the token vectors of the first module as they are.
            for part in self.parts:
                features = part(features)
                if unpooled is not None and "attention_mask" not in features:
                    places = torch.arange(input_ids.shape[1]).unsqueeze(0)
                    features["attention_mask"] = (places >= unpooled).to(torch.int64)
            vector: torch.Tensor = features["sentence_embedding"]
            return vector if cut is None else vector[:, :cut], features["token_embeddings"]

    ids = reference.tokenizer("An example of some length.", return_tensors="pt")["input_ids"]
    inputs = {"input_ids": ids}
    if _leaves_prompts_out(reference):
        inputs["unpooled"] = torch.tensor([1])
    export_graph(OneText(), inputs, {VECTOR: 2, TOKENS: 3}, path)


def _feeds(reference: "SentenceTransformer") -> list[Feed]:
    """The model's inputs for each of the texts `VARIED`."""
    found = reference.tokenizer(list(VARIED), truncation=True, max_length=reference.max_seq_length)
    more = {"unpooled": np.array([0])} if _leaves_prompts_out(reference) else {}
    return [{"input_ids": np.array([ids], dtype=np.int64), **more} for ids in found["input_ids"]]


def _described(reference: "SentenceTransformer") -> dict[str, Any]:
    prompts = reference.prompts
    default = prompts.get(reference.default_prompt_name or "")
    roles = [role for role in ("document", "passage", "corpus") if role in prompts]
    query = prompts.get("query", default) or ""
    passage = (prompts[roles[0]] if roles else default) or ""
    apart = _leaves_prompts_out(reference)
    return {
        "dimension": int(reference.get_embedding_dimension() or 0),
        "query_prompt": query,
        "passage_prompt": passage,
        "worst_cosine": -1.0,
        "query_unpooled": _prompt_tokens(reference, query) if apart else None,
        "passage_unpooled": _prompt_tokens(reference, passage) if apart else None,
    }


def _prompt_tokens(reference: "SentenceTransformer", prompt: str) -> int:
    """The number of tokens of a prompt, including the special token before it."""
    if not prompt:
        return 0
    ids = reference.tokenizer(prompt)["input_ids"]
    return len(ids) - (ids[-1] in reference.tokenizer.all_special_ids)


def _verified(
    reference: "SentenceTransformer", model: RuntimeModel, sample: Sequence[str]
) -> dict[str, float]:
    """The smallest cosine between the vectors of model and reference, over passages and queries.

    Raises:
        DerivationError: if plain or centred vectors differ too much.
    """
    texts = list(sample)
    options: dict[str, Any] = {"normalize_embeddings": True, "show_progress_bar": False}
    passages = np.asarray(reference.encode_document([*VARIED, *texts], **options))
    queries = np.asarray(reference.encode_query(texts, **options))
    derived = model.embed_passages([*VARIED, *texts])
    worst = float(
        min(_cosines(passages, derived).min(), _cosines(queries, model.embed_queries(texts)).min())
    )
    mean = passages[: len(VARIED)].mean(axis=0)
    centred = float(_cosines(passages - mean, derived - mean)[: len(VARIED)].mean())
    # Written so as to refuse a NaN, too.
    if not (worst >= WORST_COSINE and centred >= LEAST_MEAN_CENTRED):
        raise DerivationError(
            f"{model.name} loses too much when quantized: the cosine with the "
            f"reference is {worst:.4f} at worst (at least {WORST_COSINE} is expected) and "
            f"{centred:.4f} in the mean of centred vectors (at least {LEAST_MEAN_CENTRED})."
        )
    return {"worst_cosine": worst}


def _cosines(left: Vectors, right: Vectors) -> Vectors:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines: Vectors = np.sum(left * right, axis=1) / np.maximum(lengths, 1e-12)
    return cosines


RECIPE: Final = Recipe(
    kind="model",
    suffix="",
    module=__name__,
    open=RuntimeModel.open,
    reference=_reference,
    check=_check_supported,
    feeds=_feeds,
    export=_export,
    manifest=Manifest,
    described=_described,
    verified=_verified,
)
