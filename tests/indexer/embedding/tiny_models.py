"""Models of a few kilobytes with random weights, in the architectures that are derived."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from indexer.embedding.embedder import SMALL_MODEL
from indexer.embedding.shipped_models import shipped_models

MINILM = shipped_models()[SMALL_MODEL].source(Path())
TEXTS = [
    "How do I delete a branch?",
    "",
    "Weights are shared under a licence, and so is the data they were trained on.",
    "naïve café – 東京 😀",
    "A very long text about shared models. " * 80,
    "word",
]
# In the order of their ids, which are XLM-R's.
MARKS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
# Weights large enough that the first token's vector differs from text to text.
SPREAD = 0.2
SIZES: dict[str, Any] = {"vocab_size": 64, "max_position_embeddings": 40, "pad_token_id": 1}
LAYERS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": SPREAD,
}


def bert() -> PreTrainedModel:
    return BertModel(BertConfig(**SIZES, **LAYERS))


def albert() -> PreTrainedModel:
    """Its layers share their weights."""
    return AlbertModel(AlbertConfig(**SIZES, **LAYERS, embedding_size=32))


def distilbert() -> PreTrainedModel:
    sizes: dict[str, Any] = {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
        "initializer_range": SPREAD,
    }
    return DistilBertModel(DistilBertConfig(**SIZES, **sizes))


def mpnet() -> PreTrainedModel:
    return MPNetModel(MPNetConfig(**SIZES, **LAYERS))


def xlm_roberta() -> PreTrainedModel:
    return XLMRobertaModel(XLMRobertaConfig(**SIZES, **LAYERS))


def dense() -> torch.nn.Module:
    return modules.Dense(32, 16, bias=False)


def tiny_model(
    folder: Path,
    transformer: PreTrainedModel,
    *after: torch.nn.Module,
    pooling: str = "mean",
    prompts: dict[str, str] | None = None,
) -> Path:
    """A sentence-transformers folder with random weights and a tokenizer of single letters."""
    letters = [*MARKS.values(), *"abcdefghijklmnopqrstuvwxyz .,?:"]
    tokenizer = Tokenizer(
        models.WordLevel(
            {letter: row for row, letter in enumerate(letters)}, unk_token=MARKS["unk_token"]
        )
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, model_max_length=32, **MARKS
    )
    transformer.save_pretrained(folder / "source")
    fast.save_pretrained(folder / "source")
    first = modules.Transformer(str(folder / "source"), max_seq_length=32)
    layers: list[torch.nn.Module] = [first, modules.Pooling(32, pooling_mode=pooling), *after]
    model = SentenceTransformer(modules=layers, prompts=prompts, device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def reference_vectors(folder: Path, texts: list[str], role: str = "document") -> Any:
    """What sentence-transformers makes of the texts, at unit length."""
    reference = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encode = reference.encode_query if role == "query" else reference.encode_document
    return encode(texts, normalize_embeddings=True)


def cosines(left: Any, right: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.sum(left * right, axis=1)
    return result
