"""Prepared vectors of the bundled articles, so that a first start embeds nothing.

They are in the package of an installed model. Each file belongs to one model, format and codec, and
has each vector under its text's digest. So a changed text never gets an outdated vector, but is
embedded. `make shipped` writes the files.
"""

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, tokens_of
from indexer.embedding.installed_models import models_in_order
from indexer.embedding.onnx_model import FORMAT

_logger: Final = logging.getLogger(__name__)

_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, ValueError)


class Prepared(NamedTuple):
    """Vectors, (d,) float32 of unit length, and codes of token vectors, by digest of the text."""

    vectors: Mapping[bytes, NDArray[np.float32]]
    codes: Mapping[bytes, bytes]

    def of(self, digests: Collection[bytes], coded: Collection[bytes]) -> "Prepared":
        """The vectors of `digests`, without the digests in `coded` that have no codes."""
        found = [
            key
            for key in digests
            if key in self.vectors and (key not in coded or key in self.codes)
        ]
        return Prepared(
            {key: self.vectors[key] for key in found},
            {key: self.codes[key] for key in found if key in coded},
        )


NOT_PREPARED: Final = Prepared({}, {})


def file_name(embedder: Embedder) -> str:
    """The name of the file for a model, its format and its codec."""
    tokens = tokens_of(embedder)
    codec = b"" if tokens is None else tokens.codec.centre.tobytes()
    deviation = 0.0 if tokens is None else tokens.codec.deviation
    shaping = f"{embedder.model} {FORMAT} {embedder.max_tokens} {deviation}"
    return f"articles-{hashlib.sha256(shaping.encode() + codec).hexdigest()[:16]}.npz"


def load_prepared(embedder: Embedder) -> Prepared:
    """The prepared vectors of a model; empty if the model has no file, or a damaged one."""
    name = file_name(embedder)
    paths = (model.folder / name for model in models_in_order())
    return next((_read_file(path) for path in paths if path.is_file()), NOT_PREPARED)


@lru_cache(maxsize=1)
def _read_file(path: Path) -> Prepared:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys = [row.tobytes() for row in arrays["digests"]]
            vectors = arrays["vectors"].astype(np.float32)
            codes, ends = arrays["codes"].tobytes(), arrays["ends"].tolist()
        places = zip(keys, [0, *ends[:-1]], ends, strict=True)
        coded = {key: codes[start:end] for key, start, end in places if start < end}
        return Prepared(dict(zip(keys, vectors, strict=True)), coded)
    except _DAMAGES as error:
        _logger.warning("%s is damaged (%s): the articles are embedded instead.", path, error)
        return NOT_PREPARED


def write(path: Path, made: Prepared) -> None:
    """Write prepared vectors, in the order of their digests."""
    keys = sorted(made.vectors)
    codes = [made.codes.get(key, b"") for key in keys]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        digests=np.frombuffer(b"".join(keys), np.uint8).reshape(-1, _DIGEST_BYTES),
        vectors=np.stack([made.vectors[key] for key in keys]),
        codes=np.frombuffer(b"".join(codes), np.uint8),
        ends=np.cumsum([len(code) for code in codes]),
    )
