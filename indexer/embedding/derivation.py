"""Derivation of fast models: ONNX export, quantization, verification, and a cache per user.

A source is a sentence-transformers folder. Embedders and rerankers each have a recipe
(`indexer.embedding.onnx_export`, `indexer.embedding.reranker_export`). Derivation runs in a
subprocess. A derived folder appears only when complete, even if a process is killed or two
processes derive the same model. If a model can't be derived, the reason is cached, so that the next
start doesn't try again.

Errors:
    Exception
    └── DerivationError    the model can't be derived; use the reference
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tokenizers import Tokenizer

from indexer.embedding.derivation_process import answer_of_process
from indexer.embedding.installed_models import models_in_order
from indexer.embedding.model_files import lacks_vocabulary
from indexer.embedding.onnx_model import (
    FORMAT,
    GRAPH,
    SCHEME,
    TOKENIZER,
    DerivedManifest,
    RuntimeModelError,
    file_digest,
    source_digest,
)
from indexer.embedding.onnx_quantization import optimize, quantize
from indexer.embedding.sentence_pieces import PIECES
from indexer.embedding.weight_files import move_weights
from knowledge.dependencies import has_modules

_TEXTS: Final = tomllib.loads(
    Path(__file__).with_name("sample_texts.toml").read_text(encoding="utf-8")
)
VARIED: Final[tuple[str, ...]] = tuple(_TEXTS["varied"])
SAMPLE: Final = (*_TEXTS["sample"], "Notes are reviewed by moderators. " * 30)

# Libraries for deriving a model and for the reference, in the extra `models`.
MODEL_LIBRARIES: Final = ("sentence_transformers", "torch")

# Version 17 of the operators is the first with LayerNormalization as one operator.
_OPSET: Final = 17
# Raise it whenever more models can be derived than before: refused ones are then tried again.
_REFUSALS: Final = 2
_PARTIAL: Final = ".partial-"
_ABANDONED_SECONDS: Final = 3600

# Temporary failures, such as a full disk, a missing library or a killed process. The next start
# tries again.
_PASSING: Final = (
    RuntimeModelError,
    OSError,
    ImportError,
    MemoryError,
    RuntimeError,
    ValueError,
    KeyError,
)

DERIVING: Final = (
    "Deriving a fast form of the %s. This takes up to some minutes, once for all data folders of "
    "this user: the result is kept in %s."
)

Feed = Mapping[str, NDArray[np.int64]]

_logger = logging.getLogger(__name__)


class DerivationError(Exception):
    """The model can't be derived, so the reference must be used; the message gives the reason."""


class Derived(Protocol):
    """A derived model, opened; `digest` is the digest of its source."""

    digest: str


Model = TypeVar("Model", bound=Derived)
Reference = TypeVar("Reference")


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Reference, Model]):
    """Recipe for deriving and opening models of one kind.

    Attributes:
        kind: the kind's name, for the log.
        suffix: the end of a derived folder's name; a source may have a folder of each kind.
        module: the name of the module that has this recipe as `RECIPE`.
        open: opens a derived folder, or raises `RuntimeModelError`.
        reference: opens the source with sentence-transformers; see `reference_options`.
        check: raises `DerivationError` for an unsupported model.
        feeds: returns the model's inputs for some texts, used to smooth activations.
        export: writes the model in full precision.
        manifest: the class of the folder's manifest.
        described: returns the manifest's fields that only this kind of model has. Those that
            `verified` measures are -1 until then.
        verified: compares the derived model with the reference on samples. It returns the measured
            fields of the manifest, or raises `DerivationError` if the two differ too much.
    """

    kind: str
    suffix: str
    module: str
    open: Callable[[Path], Model]
    reference: Callable[[Path], Reference]
    check: Callable[[Reference], None]
    feeds: Callable[[Reference], list[Feed]]
    export: Callable[[Reference, Path], None]
    manifest: type[DerivedManifest]
    described: Callable[[Reference], dict[str, Any]]
    verified: Callable[[Reference, Model, Sequence[str]], dict[str, Any]]


def fast_model(
    recipe: Recipe[Any, Model], folder: Path, cache: Path, sample: Sequence[str] = SAMPLE
) -> Model | None:
    """The fast model of a source, derived if necessary; None if only the reference can serve.

    Derivation runs in a subprocess, so this process never loads PyTorch. A failure is logged in one
    line.

    Args:
        recipe: the recipe of the model's kind.
        folder: a model's folder as saved by sentence-transformers.
        cache: the folder of derived models; can be deleted at any time.
        sample: typical texts, at least one; some dozens are plenty.

    Raises:
        FileNotFoundError: if the folder holds no model.
    """
    digest = source_digest(folder, cache)
    place = derived_folder(digest, cache, recipe.suffix)
    target = cache / place.name
    refusal = cache / f"{target.name}.refused-{_REFUSALS}"
    try:
        # An unusable folder is opened again and logged below, under the lock.
        with contextlib.suppress(RuntimeModelError):
            return _opened(recipe.open, place, digest)
        # The reference says how to install them.
        if not has_modules(*MODEL_LIBRARIES):
            return None
        cache.mkdir(parents=True, exist_ok=True)
        # A process that waited here opens the model that another one has derived.
        with FileLock(cache / f"{target.name}.lock"):
            if (model := _opened_if_there(recipe, target, digest)) is not None:
                return model
            if refusal.exists():
                raise DerivationError(refusal.read_text(encoding="utf-8"))
            derive_apart(recipe, folder, target, sample)
            return _opened(recipe.open, target, digest)
    except DerivationError as error:
        refusal.write_text(str(error), encoding="utf-8")
        reason = f"{error} (Remembered in {refusal}; delete it to try again.)"
    except _PASSING as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
    _logger.warning("The reference %s is used, not a fast one: %s", recipe.kind, reason)
    return None


def derived_folder(digest: str, cache: Path, suffix: str = "") -> Path:
    """The folder derived from a source: of an installed package, otherwise in the cache."""
    installed = (model.folder for model in models_in_order() if model.digest == digest)
    name = f"{digest[:16]}{suffix}-{FORMAT}"
    return next((folder for folder in installed if not suffix), cache / name)


def _opened_if_there(recipe: Recipe[Any, Model], place: Path, digest: str) -> Model | None:
    """The derived model in a folder, opened; None if it is missing or unusable."""
    if not place.exists():
        return None
    try:
        return _opened(recipe.open, place, digest)
    except RuntimeModelError as error:
        _logger.warning("The fast %s is derived again: %s", recipe.kind, error)
        return None


def _opened(opener: Callable[[Path], Model], target: Path, digest: str) -> Model:
    model = opener(target)
    if model.digest != digest:
        raise RuntimeModelError(
            f"{target} was derived from the source {model.digest[:16]}, not from {digest[:16]}. "
            "Derive it again."
        )
    return model


def derive_apart(
    recipe: Recipe[Any, Any], folder: Path, target: Path, sample: Sequence[str]
) -> None:
    """Derive a model in a subprocess, so that its memory is freed afterwards.

    Raises:
        DerivationError: if the model is refused.
        RuntimeError: if the subprocess failed or was killed.
    """
    asked = {"folder": str(folder), "target": str(target), "sample": list(sample)}
    _logger.info(DERIVING, recipe.kind, target.parent)
    command = f"from {recipe.module} import RECIPE; from {__name__} import serve; serve(RECIPE)"
    answer = answer_of_process(command, asked)
    if "refused" in answer:
        raise DerivationError(answer["refused"])
    if "failed" in answer:
        raise RuntimeError(answer["failed"])


def serve(recipe: Recipe[Any, Any]) -> None:
    """Derive the model named on standard input, and print the outcome as the last line."""
    asked = json.load(sys.stdin)
    answer = {}
    try:
        derive(recipe, Path(asked["folder"]), Path(asked["target"]), asked["sample"])
    except DerivationError as error:
        answer = {"refused": str(error)}
    except _PASSING as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


def derive(
    recipe: Recipe[Any, Any], folder: Path, target: Path, sample: Sequence[str] = SAMPLE
) -> None:
    """Derive the fast model of a sentence-transformers folder into `target`.

    The target appears only when complete and verified on the `sample`. An existing target is kept
    if it is complete and was derived from the same source. Otherwise it is replaced.

    Raises:
        DerivationError: if a part can't be exported, or the derived model differs too much.
        FileNotFoundError: if the folder holds no model.
        ValueError: if there is no sample.
    """
    if not sample:
        raise ValueError("There is no sample text; give at least one to verify the model on.")
    digest = source_digest(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    partial = Path(tempfile.mkdtemp(prefix=target.name + _PARTIAL, dir=target.parent))
    try:
        _write(recipe, folder, digest, partial, sample)
        _install(partial, target, digest, recipe.open)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(
    recipe: Recipe[Any, Any], folder: Path, digest: str, partial: Path, sample: Sequence[str]
) -> None:
    with _quiet():
        reference = recipe.reference(folder)
        recipe.check(reference)
        feeds = recipe.feeds(reference)
        write_graph(lambda path: recipe.export(reference, path), partial / GRAPH, feeds)
        if (folder / PIECES).exists():
            shutil.copyfile(folder / PIECES, partial / PIECES)
        else:
            _write_tokenizer(reference.tokenizer, partial / TOKENIZER)
    manifest = recipe.manifest(
        format=FORMAT,
        name=folder.name,
        digest=digest,
        max_tokens=int(reference.max_seq_length or 0),
        truncation_side=reference.tokenizer.truncation_side,
        scheme=SCHEME,
        files={path.name: file_digest(path) for path in sorted(partial.iterdir())},
        **recipe.described(reference),
    )
    manifest.save(partial)
    replace(manifest, **recipe.verified(reference, recipe.open(partial), sample)).save(partial)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' messages and progress bars out of the log during the export."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# Steps of every kind.


def reference_options() -> dict[str, Any]:
    """The options for opening a reference on the CPU, in full precision, without a download."""
    import torch

    return {
        "device": "cpu",
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"dtype": torch.float32},
    }


def refuse(found: Mapping[str, bool], supported: str) -> None:
    """Refuse a model if any reason against it applies.

    Args:
        found: the possible reasons, each with whether it applies to the model.
        supported: the models that can be derived, in words for the message.

    Raises:
        DerivationError: if a reason applies; the message names all that do.
    """
    reasons = [reason for reason, is_so in found.items() if is_so]
    if reasons:
        raise DerivationError(
            f"No fast model can be derived, because {' and '.join(reasons)}; supported are "
            f"{supported} with a fast tokenizer."
        )


def tokenizer_reasons(transformer: Any) -> dict[str, bool]:
    """Possible reasons to refuse a model for its tokenizer, each with whether it applies.

    If any applies, the runtime could split a text into other tokens than the `Transformer` does.
    """
    return {
        "its tokenizer knows no words": lacks_vocabulary(transformer.tokenizer),
        "its tokenizer has no fast form": not hasattr(transformer.tokenizer, "backend_tokenizer"),
        "texts are put into a chat template": "message" in transformer.modality_config,
        "its tokenizer is called with settings of its own": bool(transformer.processing_kwargs),
    }


def write_graph(export: Callable[[Path], None], path: Path, feeds: Sequence[Feed]) -> None:
    """Export a model, quantize it, and write the optimized graph with its weight files.

    Args:
        export: writes the model in full precision.
        path: the file to write.
        feeds: the model's inputs for some texts, used to smooth activations.

    Raises:
        DerivationError: if a part of the model can't be exported.
        OSError: if the file can't be written.
    """
    exported, quantized = path.with_name("exported.onnx"), path.with_name("quantized.onnx")
    try:
        export(exported)
        quantize(exported, quantized, feeds)
        optimize(quantized, path)
        move_weights(path)
    except (ImportError, OSError):
        # Temporary and not the model's fault, such as a full disk.
        raise
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DerivationError(
            f"No fast model can be derived, because the exporter stopped: {first_line}"
        ) from error
    exported.unlink()
    quantized.unlink()


def export_graph(
    module: Any, inputs: Mapping[str, Any], outputs: Mapping[str, int], path: Path
) -> None:
    """Write a module in full precision, for inputs (1, tokens) of any length.

    `inputs` maps each input's name to an example tensor. `outputs` maps each output's name to its
    number of dimensions. In an output with three dimensions, the second one is the tokens.
    """
    import torch

    # The older exporter: it takes 1 s instead of 6 and needs no onnxscript.
    torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes={
            **{name: {1: "tokens"} for name, one in inputs.items() if one.ndim > 1},
            **{name: {1: "tokens"} for name, dimensions in outputs.items() if dimensions > 2},
        },
        opset_version=_OPSET,
        dynamo=False,
    )


def _write_tokenizer(tokenizer: Any, path: Path) -> None:
    """Write the fast form of a tokenizer, without padding or truncation."""
    written = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    written.no_padding()
    written.no_truncation()
    written.save(str(path))


# The folder.


def _install(partial: Path, target: Path, digest: str, opener: Callable[[Path], Model]) -> None:
    """Rename a complete folder to `target`.

    If another process has already put a valid folder there, that folder is kept, and `partial` is
    left for the caller to delete. An invalid folder is replaced.

    Raises:
        RuntimeModelError: if the folder there is invalid and can't be replaced.
    """
    # Other processes may replace the same invalid folder meanwhile.
    for attempts_left in reversed(range(10)):
        try:
            partial.rename(target)
        except OSError:
            try:
                _opened(opener, target, digest)
            except RuntimeModelError:
                if not attempts_left:
                    raise
                # Moved before it is deleted, so nobody ever sees half of it.
                torn = Path(tempfile.mkdtemp(prefix=target.name + _PARTIAL, dir=target.parent))
                with contextlib.suppress(FileNotFoundError):
                    target.rename(torn)
                shutil.rmtree(torn, ignore_errors=True)
                continue
        return


def _remove_abandoned(target: Path) -> None:
    """Delete leftovers of killed derivations, recognized by their age."""
    for partial in target.parent.glob(f"{target.name}{_PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(partial, ignore_errors=True)
