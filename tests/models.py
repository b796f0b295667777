"""Models of a few kilobytes, made on the spot: real classes with random weights."""

import pickle
from pathlib import Path
from typing import Final

WORDS: Final = "bees make honey wax dance cows give milk graze meadows run tool slow who what ?"


def save_cross_encoder(folder: Path, *, labels: int = 1, spread: float = 1.0) -> None:
    """Save a cross-encoder of sentence-transformers that knows a few words."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder.mkdir(exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    words = folder / "vocab.txt"
    words.write_text("\n".join(vocabulary))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        # Large weights, so that texts differ by more than rounding.
        initializer_range=spread,
    )
    config.num_labels = labels
    torch.manual_seed(7)
    BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "model_max_length": 128}'
    )
    AutoTokenizer.from_pretrained(str(folder)).save_pretrained(str(folder))
    # Opened and saved once by the library itself, so that the folder is what users have.
    CrossEncoder(str(folder), device="cpu", local_files_only=True).save_pretrained(str(folder))


class _Runs:
    """What a pickle can do to whoever reads it: make a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


def put_pickle_for_weights(folder: Path, made: Path) -> None:
    """Put weights in a saved model's place that make a file when they are read."""
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": _Runs(made)}, protocol=2))
