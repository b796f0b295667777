"""Derivation of a fast model: a folder of sentence-transformers exported to ONNX in eight bits.

The model's own modules are exported, from token ids to the vectors of the text and its tokens, so
pooling, dense layers and normalization stay the same. The graph is quantized, and its vectors of
sample texts are compared with the reference's. If they differ too much, the model is refused.

Errors:
    Exception
    └── DerivationError    the model can't be derived; the message gives the reason
"""

import shutil
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from indexer.embedding.installed_models import lacks_vocabulary
from indexer.embedding.onnx_model import (
    FORMAT,
    GRAPH,
    SCHEME,
    TOKENIZER,
    TOKENS,
    VECTOR,
    Manifest,
    RuntimeModel,
    file_digest,
    source_digest,
)
from indexer.embedding.text_tokens import PIECES
from models.quantization import optimize, quantize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_TEXTS: Final = tomllib.loads(
    Path(__file__).with_name("sample_texts.toml").read_text(encoding="utf-8")
)
VARIED: Final[tuple[str, ...]] = tuple(_TEXTS["varied"])
SAMPLE: Final = (*_TEXTS["sample"], "Notes are reviewed by moderators. " * 30)

# Every sample's vector must agree with the reference's at least this well. Measured with
# all-MiniLM-L6-v2 on 360 texts: as derived here none falls below 0.996, with and without VNNI; with
# one scale a matrix instead of one a column, most fall below 0.97.
WORST_COSINE: Final = 0.97
# The centred cosine counts as well: some models (E5) give all texts a large common part, which
# hides how far the rest has moved. Measured on the varied texts: 0.996 as derived here, with a loss
# below 0.002 nDCG@10; 0.985 where E5-small lost 0.009, and 0.950 to 0.963 with one scale a matrix.
LEAST_MEAN_CENTRED: Final = 0.99

# Version 17 of the operators is the first with LayerNormalization as one operator.
_OPSET: Final = 17
# Modules that only turn one text's tokens into one vector.
_EXPORTABLE: Final = frozenset(
    {"Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout"}
)

# Code hosts warn of files above 50 MB, and refuse them above 100.
FILE_BYTES: Final = 48_100_000
_WEIGHTS: Final = "weights-{}.bin"
# Smaller tensors stay in the graph.
_LARGE_BYTES: Final = 100_000
# Tensors begin at a multiple of this many bytes, because aligned reads are fastest.
_ALIGNED: Final = 64

Vectors = NDArray[np.float32]


class DerivationError(Exception):
    """The model can't be derived; the message gives the reason."""


def derive(folder: Path, target: Path, sample: Sequence[str] = SAMPLE) -> None:
    """Derive the fast model of a sentence-transformers folder into the new folder `target`.

    Raises:
        DerivationError: if a part can't be exported, or the derived model differs too much.
        FileNotFoundError: if the folder holds no model.
        ValueError: if there is no sample.
    """
    if not sample:
        raise ValueError("There is no sample text; give at least one to verify the model on.")
    digest = source_digest(folder)
    reference = _reference(folder)
    _check_supported(reference)
    target.mkdir(parents=True)
    _write_graph(reference, target / GRAPH)
    if (folder / PIECES).exists():
        shutil.copyfile(folder / PIECES, target / PIECES)
    else:
        _write_tokenizer(reference.tokenizer, target / TOKENIZER)
    manifest = Manifest(
        format=FORMAT,
        name=folder.name,
        digest=digest,
        max_tokens=int(reference.max_seq_length or 0),
        truncation_side=reference.tokenizer.truncation_side,
        scheme=SCHEME,
        files={path.name: file_digest(path) for path in sorted(target.iterdir())},
        **_vector_fields(reference),
    )
    manifest.save(target)
    worst = _worst_cosine(reference, RuntimeModel.open(target), sample)
    replace(manifest, worst_cosine=worst).save(target)


def _reference(folder: Path) -> "SentenceTransformer":
    """The source on the CPU, in full precision, without a download."""
    import torch
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(
        str(folder.resolve()),
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": torch.float32},
    )
    reference.eval()
    return reference


def _check_supported(reference: "SentenceTransformer") -> None:
    """Refuse a model if a text's vector depends on more than its tokens.

    Raises:
        DerivationError: if the model is refused; the message gives the reasons.
    """
    modules = list(reference.children())
    first: Any = modules[0]
    names = [type(module).__name__ for module in modules]
    others = sorted(set(names) - _EXPORTABLE)
    _refuse(
        {
            f"it has the module {', '.join(others)}": bool(others),
            "its first module is no Transformer": names[:1] != ["Transformer"],
        }
    )
    weighted = any("weightedmean" in getattr(module, "pooling_mode", "") for module in modules)
    _refuse(
        {
            # With any of these, other tokens could be read than the `Transformer` reads.
            "its tokenizer knows no words": lacks_vocabulary(first.tokenizer),
            "its tokenizer has no fast form": not hasattr(first.tokenizer, "backend_tokenizer"),
            "texts are put into a chat template": "message" in first.modality_config,
            "its tokenizer is called with settings of its own": bool(first.processing_kwargs),
            "queries and documents have lengths of their own": any(
                getattr(first, name, None) for name in ("query_length", "document_length")
            ),
            "pooling weighs tokens by their place and leaves prompts out": weighted
            and _leaves_prompts_out(reference),
        }
    )


def _refuse(found: Mapping[str, bool]) -> None:
    """Refuse a model if any reason against it applies."""
    reasons = [reason for reason, applies in found.items() if applies]
    if reasons:
        raise DerivationError(
            f"No fast model can be derived, because {' and '.join(reasons)}; supported are "
            f"{', '.join(sorted(_EXPORTABLE))} with a fast tokenizer."
        )


def _leaves_prompts_out(reference: "SentenceTransformer") -> bool:
    """Whether pooling leaves out the tokens of a prompt, as in INSTRUCTOR models."""
    return any(reference.prompts.values()) and not all(
        getattr(module, "include_prompt", True) for module in reference.children()
    )


def _write_graph(reference: "SentenceTransformer", path: Path) -> None:
    """Export a model, quantize it, and write the optimized graph with its weight files."""
    exported, quantized = path.with_name("exported.onnx"), path.with_name("quantized.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _export(reference, exported)
    quantize(exported, quantized, _feeds(reference))
    optimize(quantized, path)
    move_weights(path)
    exported.unlink()
    quantized.unlink()


def move_weights(path: Path, limit: int = FILE_BYTES) -> None:
    """Move the weights of a graph larger than `limit` into files of at most that size.

    ONNX Runtime can memory-map the files: with a model of 110 MB, a process takes 171 MB instead of
    215 MB, and the model opens in half the time. A single tensor above the limit gets a file of its
    own.
    """
    if path.stat().st_size <= limit:
        return
    import onnx
    from onnx.external_data_helper import set_external_data

    model = onnx.load(path)
    number, content = 1, bytearray()
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) < _LARGE_BYTES:
            continue
        if content and len(content) + _ALIGNED + len(tensor.raw_data) > limit:
            (path.parent / _WEIGHTS.format(number)).write_bytes(content)
            number, content = number + 1, bytearray()
        content += bytes(-len(content) % _ALIGNED)
        name, numbers = _WEIGHTS.format(number), tensor.raw_data
        set_external_data(tensor, name, offset=len(content), length=len(numbers))
        tensor.ClearField("raw_data")
        content += numbers
    (path.parent / _WEIGHTS.format(number)).write_bytes(content)
    onnx.save(model, path)


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
    # The older exporter: it takes 1 s instead of 6 and needs no onnxscript.
    torch.onnx.export(
        OneText().eval(),
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=[VECTOR, TOKENS],
        dynamic_axes={"input_ids": {1: "tokens"}, TOKENS: {1: "tokens"}},
        opset_version=_OPSET,
        dynamo=False,
    )


def _feeds(reference: "SentenceTransformer") -> list[dict[str, NDArray[np.int64]]]:
    """The model's inputs for each of the texts `VARIED`."""
    found = reference.tokenizer(list(VARIED), truncation=True, max_length=reference.max_seq_length)
    more = {"unpooled": np.array([0])} if _leaves_prompts_out(reference) else {}
    return [{"input_ids": np.array([ids], dtype=np.int64), **more} for ids in found["input_ids"]]


def _write_tokenizer(tokenizer: Any, path: Path) -> None:
    """Write the fast form of a tokenizer, without padding or truncation."""
    written = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    written.no_padding()
    written.no_truncation()
    written.save(str(path))


def _vector_fields(reference: "SentenceTransformer") -> dict[str, Any]:
    """The manifest's fields about vectors and prompts; the cosine isn't measured yet."""
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


def _worst_cosine(
    reference: "SentenceTransformer", model: RuntimeModel, sample: Sequence[str]
) -> float:
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
    return worst


def _cosines(left: Vectors, right: Vectors) -> Vectors:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines: Vectors = np.sum(left * right, axis=1) / np.maximum(lengths, 1e-12)
    return cosines
