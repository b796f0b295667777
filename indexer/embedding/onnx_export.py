"""ONNX export of a sentence-transformers model: the fast model, derived once on this machine.

The model's own modules are exported as they are, from token ids to the vector of one text, so
whatever they do (mean, first token or largest value; a dense layer; normalization) is done the
same; then the graph is quantized (`indexer.embedding.onnx_quantization`), and the result is
compared with the reference on sample texts before it is put in place. What can't be derived, or
strays too far, is refused, and the reference is used instead. A derived folder appears complete or
not at all, also when the process is killed or two of them derive the same model at once.

Errors:
    Exception
    └── DerivationError    the model can't be derived; the reference is to be used
"""

import contextlib
import io
import json
import logging
import shutil
import sys
import tempfile
import time
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from indexer.embedding.derivation_process import answer_of_process
from indexer.embedding.onnx_model import (
    FORMAT,
    GRAPH,
    SCHEME,
    TOKENIZER,
    Manifest,
    RuntimeModel,
    RuntimeModelError,
    file_digest,
    source_digest,
)
from indexer.embedding.onnx_quantization import optimize, quantize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Every sample's vector must agree with the reference's at least this well. Measured with
# all-MiniLM-L6-v2 on 360 texts: as derived here none falls below 0.996, with and without VNNI; with
# one scale a matrix instead of one a column, most fall below 0.97.
WORST_COSINE: Final = 0.97
# And so must what tells texts apart: the mean cosine once the mean vector is taken off, because
# some models (E5) give all texts a large part in common, which hides how far the rest has moved.
# Measured on the texts below, which differ enough: 0.996 as derived here, with a loss below 0.002
# nDCG@10; 0.985 where E5-small lost 0.009, and 0.950 to 0.963 with one scale a matrix.
LEAST_MEAN_CENTRED: Final = 0.99
_TEXTS: Final = tomllib.loads(
    Path(__file__).with_name("sample_texts.toml").read_text(encoding="utf-8")
)
VARIED: Final[tuple[str, ...]] = tuple(_TEXTS["varied"])
SAMPLE: Final = (*_TEXTS["sample"], "Notes are reviewed by moderators. " * 30)

# Modules that make one vector of one text's tokens and nothing else.
_EXPORTABLE: Final = frozenset(
    {"Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout"}
)
# Version 17 of the operators is the first with LayerNormalization as one operator.
_OPSET: Final = 17
_PARTIAL: Final = ".partial-"
_ABANDONED_SECONDS: Final = 3600
_COMMAND: Final = "from indexer.embedding.onnx_export import serve; serve()"

# What may pass, and is therefore tried again at the next start: memory or disk was short, a library
# is missing or can't read the model, the process was killed.
_PASSING: Final = (
    RuntimeModelError,
    OSError,
    ImportError,
    MemoryError,
    RuntimeError,
    ValueError,
    KeyError,
)

Vectors = NDArray[np.float32]

_logger = logging.getLogger(__name__)


class DerivationError(Exception):
    """The model can't be derived: names what was found and why the reference is used instead."""


def runtime_model(folder: Path, cache: Path, *, sample: Sequence[str]) -> RuntimeModel | None:
    """The fast runtime of a model, derived if it isn't yet; None where only the reference serves.

    Deriving happens in a process of its own, so that this one never holds PyTorch. Whatever keeps
    it from working is logged in one line; a refusal is remembered, so that it costs time once.

    Args:
        folder: a model's folder as saved by sentence-transformers.
        cache: where derived models are kept; can be deleted at any time.
        sample: texts of the kind that will be embedded, at least one; some dozens are plenty.

    Raises:
        FileNotFoundError: if the folder holds no model.
        ValueError: if there is no sample.
    """
    _require(sample)
    digest = source_digest(folder, cache)
    target = cache / f"{digest[:16]}-{FORMAT}"
    refusal = cache / f"{target.name}.refused"
    try:
        if target.exists():
            return _opened(target, digest)
    except RuntimeModelError as error:
        _logger.warning("The fast model is derived again: %s", error)
    try:
        if refusal.exists():
            raise DerivationError(refusal.read_text(encoding="utf-8"))
        _derive_apart(folder, target, sample)
        return _opened(target, digest)
    except DerivationError as error:
        refusal.write_text(str(error), encoding="utf-8")
        reason: Exception | str = f"{error} (Remembered in {refusal}; delete it to try again.)"
    except _PASSING as error:
        reason = error
    _logger.warning("The reference model embeds, not the fast one: %s", reason)
    return None


def derive(folder: Path, target: Path, *, sample: Sequence[str]) -> None:
    """Derive the runtime model of a sentence-transformers folder into `target`.

    The target appears only when complete and verified on the `sample`, as passages and as queries.
    A complete one of the same source is kept, a torn or foreign one is replaced.

    Raises:
        DerivationError: if a part can't be exported or a sample's vector strays too far.
        FileNotFoundError: if the folder holds no model.
        ValueError: if there is no sample.
    """
    _require(sample)
    digest = source_digest(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    partial = Path(tempfile.mkdtemp(prefix=target.name + _PARTIAL, dir=target.parent))
    try:
        with _quiet():
            reference = _reference(folder)
            _check_supported(reference)
            _write_graph(reference, partial / GRAPH)
            _write_tokenizer(reference, partial / TOKENIZER)
        manifest = _manifest(reference, folder.name, digest, partial)
        manifest.save(partial)
        worst = _verified(reference, RuntimeModel.open(partial), sample)
        replace(manifest, worst_cosine=worst).save(partial)
        _put_in_place(partial, target, digest)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require(sample: Sequence[str]) -> None:
    if not sample:
        raise ValueError("There is no sample text; give at least one to verify the model on.")


def _opened(target: Path, digest: str) -> RuntimeModel:
    model = RuntimeModel.open(target)
    if model.digest != digest:
        raise RuntimeModelError(
            f"{target} was derived from the source {model.digest[:16]}, not from {digest[:16]}. "
            "Derive it again."
        )
    return model


def _derive_apart(folder: Path, target: Path, sample: Sequence[str]) -> None:
    """Derive in a process of its own, whose memory is given back.

    Raises:
        DerivationError: if the model is refused.
        RuntimeError: if the process could not do it, or ended.
    """
    asked = {"folder": str(folder), "target": str(target), "sample": list(sample)}
    _logger.info("The fast model is made, once on this machine; that may take some minutes.")
    answer = answer_of_process(_COMMAND, asked)
    if "refused" in answer:
        raise DerivationError(answer["refused"])
    if "failed" in answer:
        raise RuntimeError(answer["failed"])


def serve() -> None:
    """Derive what standard input names; the last line of standard output says what came of it."""
    asked = json.load(sys.stdin)
    answer = {}
    try:
        derive(Path(asked["folder"]), Path(asked["target"]), sample=asked["sample"])
    except DerivationError as error:
        answer = {"refused": str(error)}
    except _PASSING as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' own remarks and progress bars out of the log while they export."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reference(folder: Path) -> "SentenceTransformer":
    import torch
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(folder.resolve()),
        device="cpu",
        local_files_only=True,
        model_kwargs={"dtype": torch.float32},
    ).eval()


def _check_supported(reference: "SentenceTransformer") -> None:
    """Refuse what makes a text's vector depend on more than its tokens.

    Raises:
        DerivationError: naming what was found.
    """
    names = [type(module).__name__ for module in reference.children()]
    first: Any = next(reference.children())
    others = sorted(set(names) - _EXPORTABLE)
    prompts = any(reference.prompts.values())
    found = {
        f"it has the module {', '.join(others)}": bool(others),
        "its first module is no Transformer": names[:1] != ["Transformer"],
        "its tokenizer has no fast form": not hasattr(reference.tokenizer, "backend_tokenizer"),
        "its vectors are cut short (truncate_dim)": reference.truncate_dim is not None,
        "queries and documents have lengths of their own": any(
            getattr(first, name, None) for name in ("query_length", "document_length")
        ),
        "pooling leaves its prompts out": prompts
        and not all(getattr(module, "include_prompt", True) for module in reference.children()),
    }
    reasons = [reason for reason, is_so in found.items() if is_so]
    if reasons:
        raise DerivationError(
            f"No fast model can be derived, because {' and '.join(reasons)}; supported are "
            f"{', '.join(sorted(_EXPORTABLE))} with a fast tokenizer."
        )


def _write_graph(reference: "SentenceTransformer", path: Path) -> None:
    """Export the model for one text, quantize its weights and write the optimized graph.

    Raises:
        DerivationError: if a part of the model can't be exported.
    """
    exported, quantized = path.with_name("exported.onnx"), path.with_name("quantized.onnx")
    try:
        _export(reference, exported)
        quantize(exported, quantized, _token_ids(reference, VARIED))
        optimize(quantized, path)
    except ImportError:
        raise
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DerivationError(
            f"No fast model can be derived, because the exporter stopped: {first_line}"
        ) from error
    exported.unlink()
    quantized.unlink()


def _export(reference: "SentenceTransformer", path: Path) -> None:
    """Write the model in full precision, from `input_ids` (1, tokens) to `vector` (1, d)."""
    import torch

    class OneText(torch.nn.Module):
        """The model's modules, one after the other, for a text without padding."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(reference.children())

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            # Without a mask each module takes all tokens as real, and all of them are.
            features: dict[str, Any] = {"input_ids": input_ids}
            for part in self.parts:
                features = part(features)
            vector: torch.Tensor = features["sentence_embedding"]
            return vector

    ids = reference.tokenizer("An example of some length.", return_tensors="pt")["input_ids"]
    # The older exporter: it takes 1 s instead of 6 and needs no onnxscript.
    torch.onnx.export(
        OneText().eval(),
        (ids,),
        path,
        input_names=["input_ids"],
        output_names=["vector"],
        dynamic_axes={"input_ids": {1: "tokens"}},
        opset_version=_OPSET,
        dynamo=False,
    )


def _token_ids(reference: "SentenceTransformer", texts: Sequence[str]) -> list[list[int]]:
    """What the model reads of the texts, each by itself."""
    limit = reference.max_seq_length
    found = reference.tokenizer(list(texts), truncation=limit is not None, max_length=limit)
    return [list(ids) for ids in found["input_ids"]]


def _write_tokenizer(reference: "SentenceTransformer", path: Path) -> None:
    tokenizer = Tokenizer.from_str(reference.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(path))


def _manifest(reference: "SentenceTransformer", name: str, digest: str, partial: Path) -> Manifest:
    """What the derived folder says about itself, before it is verified."""
    prompts = reference.prompts
    default = prompts.get(reference.default_prompt_name or "")
    roles = [role for role in ("document", "passage", "corpus") if role in prompts]
    return Manifest(
        format=FORMAT,
        name=name,
        digest=digest,
        dimension=int(reference.get_embedding_dimension() or 0),
        max_tokens=int(reference.max_seq_length or reference.tokenizer.model_max_length),
        truncation_side=reference.tokenizer.truncation_side,
        query_prompt=prompts.get("query", default) or "",
        passage_prompt=(prompts[roles[0]] if roles else default) or "",
        worst_cosine=-1.0,
        scheme=SCHEME,
        files={name: file_digest(partial / name) for name in (GRAPH, TOKENIZER)},
    )


def _verified(
    reference: "SentenceTransformer", model: RuntimeModel, sample: Sequence[str]
) -> float:
    """The smallest cosine of a sample's vector with the reference's, as passage or as query.

    Raises:
        DerivationError: if it, or what tells the samples apart, strays too far.
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
    # Written so that a cosine that is no number is refused, too.
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


def _put_in_place(partial: Path, target: Path, digest: str) -> None:
    """Move a complete folder to its name; where another process was first, its folder stays."""
    for _ in range(2):
        try:
            partial.rename(target)
        except OSError:
            try:
                _opened(target, digest)
            except RuntimeModelError:
                # Moved before it is deleted, so that nobody ever sees half of it.
                torn = Path(tempfile.mkdtemp(prefix=target.name + _PARTIAL, dir=target.parent))
                target.rename(torn)
                shutil.rmtree(torn, ignore_errors=True)
                continue
        return


def _remove_abandoned(target: Path) -> None:
    """Delete what killed derivations left; a living one is never as old as that."""
    for partial in target.parent.glob(f"{target.name}{_PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(partial, ignore_errors=True)
