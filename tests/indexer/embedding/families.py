"""Small models of the architectures that people use, with random weights.

Weights are drawn wider than a training begins with, those of tokens most of all, so that attention
is far from uniform and texts get vectors of their own: where all texts have nearly one vector, any
agreement would say nothing. Each architecture reads with the kind of tokenizer that it comes with,
made of the words of the texts rather than trained, which would not come out the same twice.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import (
    BertConfig,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

from indexer.embedding.derivation import SAMPLE, VARIED

MOST_TOKENS: Final = 48
# At most so many tokens; the rest of the rows is never read.
VOCABULARY: Final = 2_000
# In the order of their ids, which are those of XLM-R and MPNet.
MARKS: Final = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
UNKNOWN: Final = "<unk>"
# Varied ones, and what is easily read otherwise: nothing, one word, other scripts, much too long.
TEXTS: Final = [
    *VARIED,
    *SAMPLE,
    "",
    "merge",
    "licence",
    "Как удалить ветку, которая уже слита?",
    "開いた重みの許諾はどこにありますか",
    "من يوافق على الملاحظات؟",
    "Ποιος εγκρίνει τις σημειώσεις;",
    "😀 🚀 naïve café",
    "The train leaves from platform nine. " * 60,
    "Где журнал сервера? " * 60,
    "重みの許諾" * 60,
    *(" ".join(f"{word} {place}" for place in range(90)) for word in ("bank", "violin", "egg")),
]

# How much wider weights of tokens are drawn than those of places, which all texts have in common.
TOKEN_SPREAD: Final = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is; benchmarks make larger ones than tests."""

    width: int = 64
    layers: int = 3
    heads: int = 4
    tokens: int = MOST_TOKENS

    @property
    def spread(self) -> float:
        """The deviation of weights with which that of what attention is shared by is about 2."""
        return 1.44 / math.sqrt(self.width)

    def sizes(self) -> dict[str, Any]:
        return {
            "vocab_size": VOCABULARY,
            # XLM-R and MPNet count places from 2 on.
            "max_position_embeddings": self.tokens + 2,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "initializer_range": self.spread,
        }

    def layers_of(self) -> dict[str, Any]:
        return {
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": 2 * self.width,
        }


SMALL: Final = Shape()


def _words_and_letters(texts: Iterable[str]) -> tuple[Counter[str], list[str]]:
    """The commonest words of texts with how often they are there, and the letters of all."""
    read = list(texts)
    every = [word for text in read for word in re.findall(r"\w+", text)]
    letters = sorted(set("".join(read)) - {" ", "\n"})
    return Counter(dict(Counter(every).most_common(250))), letters


def _wordpiece() -> Tokenizer:
    """BERT's kind, which MPNet and DistilBERT have, too."""
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
    """XLM-R's kind, which knows no blanks."""
    words, letters = _words_and_letters(TEXTS)
    blank = "\N{LOWER ONE EIGHTH BLOCK}"
    # Longer pieces are likelier than their letters, whose product is small.
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
    """ModernBERT's kind, which reads any text as bytes."""
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
        single="<s> $A </s>",
        pair="<s> $A </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def _bert(shape: Shape) -> PretrainedConfig:
    return BertConfig(**shape.sizes(), **shape.layers_of())


def _mpnet(shape: Shape) -> PretrainedConfig:
    return MPNetConfig(**shape.sizes(), **shape.layers_of())


def _xlm_roberta(shape: Shape) -> PretrainedConfig:
    return XLMRobertaConfig(**shape.sizes(), **shape.layers_of(), type_vocab_size=1)


def _distilbert(shape: Shape) -> PretrainedConfig:
    layers: dict[str, Any] = {
        "dim": shape.width,
        "n_layers": shape.layers,
        "n_heads": shape.heads,
        "hidden_dim": 2 * shape.width,
    }
    return DistilBertConfig(**shape.sizes(), **layers)


def _modernbert(shape: Shape) -> PretrainedConfig:
    """Half of the layers see few tokens to each side, and texts are longer than that."""
    own: dict[str, Any] = {
        "cls_token_id": 0,
        "sep_token_id": 2,
        "local_attention": shape.tokens // 6,
        "global_attn_every_n_layers": 2,
        "initializer_cutoff_factor": 3.0,
    }
    return ModernBertConfig(**shape.sizes(), **shape.layers_of(), **own)


# Each with its tokenizer.
FAMILIES: Final[dict[str, tuple[Callable[[Shape], PretrainedConfig], Callable[[], Tokenizer]]]] = {
    "BERT": (_bert, _wordpiece),
    "MPNet": (_mpnet, _wordpiece),
    "XLM-R": (_xlm_roberta, _sentencepiece),
    "DistilBERT": (_distilbert, _wordpiece),
    "ModernBERT": (_modernbert, _bytes),
}
# BERT stands for all of them in the quick tests.
EACH_FAMILY: Final = [
    pytest.param(name, marks=() if name == "BERT" else pytest.mark.slow) for name in FAMILIES
]


def family_parts(
    family: str, folder: Path, kind: type[Any], shape: Shape = SMALL, **options: Any
) -> Path:
    """A folder of transformers: a model of the family as `kind` makes it, and its tokenizer."""
    configuration, tokenizer = FAMILIES[family]
    marks = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer(),
        model_max_length=shape.tokens,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"]
        if family == "BERT"
        else ["input_ids", "attention_mask"],
        **dict(zip(marks, MARKS, strict=True)),
    )
    torch.manual_seed(11)
    config = configuration(shape)
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
    *after: torch.nn.Module,
    pooling: str | tuple[str, ...] = "mean",
    include_prompt: bool = True,
    shape: Shape = SMALL,
    **options: Any,
) -> Path:
    """A folder of sentence-transformers with a model of the family."""
    from transformers import AutoModel

    first = modules.Transformer(str(family_parts(family, folder / "source", AutoModel, shape)))
    width = first.get_embedding_dimension()
    pool = modules.Pooling(width, pooling_mode=pooling, include_prompt=include_prompt)
    model = SentenceTransformer(modules=[first, pool, *after], device="cpu", **options)
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def family_cross_encoder(family: str, folder: Path, shape: Shape = SMALL) -> Path:
    """A folder of a cross-encoder of the family, whose one logit differs from pair to pair."""
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification

    family_parts(family, folder / "source", AutoModelForSequenceClassification, shape, num_labels=1)
    encoder = CrossEncoder(str(folder / "source"), device="cpu")
    encoder.save_pretrained(str(folder / "model"))
    return folder / "model"
