"""Small models of common architectures, with random weights, and their reference vectors.

Weights are drawn wider than at the start of a training, so that attention is far from uniform and
each text gets a vector of its own. Otherwise all texts would agree with each other. Each
architecture has the kind of tokenizer that it comes with. Its vocabulary is made of the words of
the texts, because trained ones would differ from run to run.

PyTorch and its libraries are imported where they are used: they take seconds, and not every process
that collects tests runs these.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models
from models.derivation import SAMPLE, VARIED
from models.ship import source

MINILM: Final = source(installed_models()[DEFAULT_MODEL], Path())
MOST_TOKENS: Final = 48
# The largest vocabulary; the remaining rows are never read.
VOCABULARY: Final = 2_000
# In the order of their ids, as in XLM-R and MPNet.
MARKS: Final = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
UNKNOWN: Final = "<unk>"
# Varied texts and edge cases: empty, one word, other scripts, far too long.
TEXTS: Final = [
    *VARIED,
    *SAMPLE[:4],
    "",
    "merge",
    "licence",
    "Как удалить ветку, которая уже слита?",
    "開いた重みの許諾はどこにありますか",
    "من يوافق على الملاحظات؟",
    "😀 🚀 naïve café",
    "The train leaves from platform nine. " * 30,
    "重みの許諾" * 40,
    *(" ".join(f"{word} {place}" for place in range(50)) for word in ("bank", "violin")),
]

WIDTH: Final = 64
LAYERS: Final = 2
HEADS: Final = 4
# With this deviation of the weights, attention scores have a deviation of about 2.
SPREAD: Final = 1.44 / math.sqrt(WIDTH)
# All texts share the vectors of positions, so those of tokens are drawn wider by this factor.
TOKEN_SPREAD: Final = 4
SIZES: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    # XLM-R and MPNet count positions from 2.
    "max_position_embeddings": MOST_TOKENS + 2,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "initializer_range": SPREAD,
}
BERT_SIZES: Final[dict[str, Any]] = SIZES | {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * WIDTH,
}
# One of the two layers attends only to near tokens, and texts are longer than that.
MODERNBERT: Final[dict[str, Any]] = {
    "cls_token_id": 0,
    "sep_token_id": 2,
    "local_attention": MOST_TOKENS // 6,
    "global_attn_every_n_layers": 2,
    "initializer_cutoff_factor": 3.0,
}


def _words_and_letters(texts: Iterable[str]) -> tuple[Counter[str], list[str]]:
    """The commonest words of texts with their counts, and all letters."""
    read = list(texts)
    every = [word for text in read for word in re.findall(r"\w+", text)]
    letters = sorted(set("".join(read)) - {" ", "\n"})
    return Counter(dict(Counter(every).most_common(250))), letters


def _wordpiece() -> Tokenizer:
    """BERT's kind; MPNet and DistilBERT have it, too."""
    normalizer = normalizers.BertNormalizer()
    words, letters = _words_and_letters(map(normalizer.normalize_str, TEXTS))
    pieces = [*MARKS, *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: row for row, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s>:0 $A:0 </s>:0 $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def _sentencepiece() -> Tokenizer:
    """XLM-R's kind: a blank is the beginning of a token."""
    words, letters = _words_and_letters(TEXTS)
    blank = "\N{LOWER ONE EIGHTH BLOCK}"
    # A word is likelier than its letters one by one.
    scores = dict.fromkeys(MARKS, 0.0) | dict.fromkeys([blank, *letters], -9.0)
    scores |= {blank + word: math.log(count) - 8 for word, count in words.items()}
    tokenizer = Tokenizer(models.Unigram(list(scores.items()), unk_id=MARKS.index(UNKNOWN)))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def _bytes() -> Tokenizer:
    """ModernBERT's kind: text is read as bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words, _ = _words_and_letters(TEXTS)
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        if word.isascii():
            for end in range(1, len(word)):
                merges[word[:end], word[end]] = None
    pieces = [*MARKS, *alphabet, *(left + right for left, right in merges)]
    vocabulary = {piece: row for row, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocabulary, list(merges)))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _config(family: str) -> Any:
    import transformers

    match family:
        case "BERT":
            return transformers.BertConfig(**BERT_SIZES)
        case "ALBERT":
            # Its layers share their weights.
            return transformers.AlbertConfig(**BERT_SIZES, embedding_size=WIDTH)
        case "MPNet":
            return transformers.MPNetConfig(**BERT_SIZES)
        case "XLM-R":
            return transformers.XLMRobertaConfig(**BERT_SIZES, type_vocab_size=1)
        case "DistilBERT":
            return transformers.DistilBertConfig(
                **SIZES, dim=WIDTH, n_layers=LAYERS, n_heads=HEADS, hidden_dim=2 * WIDTH
            )
        case _:
            return transformers.ModernBertConfig(**BERT_SIZES, **MODERNBERT)


TOKENIZERS: Final = {"XLM-R": _sentencepiece, "ModernBERT": _bytes}


def family_parts(family: str, folder: Path, kind: type[Any], **options: Any) -> Path:
    """Save a transformers folder: a model of the family, made by `kind`, and its tokenizer."""
    import torch
    from transformers import PreTrainedTokenizerFast

    # Two spinning threads take more processor time for such small products than one.
    torch.set_num_threads(1)
    marks = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=TOKENIZERS.get(family, _wordpiece)(),
        model_max_length=MOST_TOKENS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"]
        if family == "BERT"
        else ["input_ids", "attention_mask"],
        **dict(zip(marks, MARKS, strict=True)),
    )
    torch.manual_seed(11)
    config = _config(family)
    for name, value in options.items():
        setattr(config, name, value)
    made = kind.from_config(config)
    with torch.no_grad():
        made.get_input_embeddings().weight.mul_(TOKEN_SPREAD)
    made.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def family_embedder(
    family: str,
    folder: Path,
    *after: Any,
    pooling: str | tuple[str, ...] = "mean",
    include_prompt: bool = True,
    **options: Any,
) -> Path:
    """Save a sentence-transformers folder with a model of the family."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import AutoModel

    first = modules.Transformer(str(family_parts(family, folder / "source", AutoModel)))
    width = first.get_embedding_dimension()
    pool = modules.Pooling(width, pooling_mode=pooling, include_prompt=include_prompt)
    model = SentenceTransformer(modules=[first, pool, *after], device="cpu", **options)
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def reference_vectors(folder: Path, texts: list[str], role: str = "document") -> Any:
    """The vectors of sentence-transformers, rows of unit length."""
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encode = reference.encode_query if role == "query" else reference.encode_document
    return encode(texts, normalize_embeddings=True)


def cosines(left: Any, right: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.sum(left * right, axis=1)
    return result
