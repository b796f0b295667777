"""Index of a Git pack, made in a sandbox: a host's few bytes can unpack to much memory and time.

The bot's own process writes pack and index, and unpacks no more of it than the file that it reads.
"""

import base64
import hashlib
import io
from functools import lru_cache
from typing import Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.sandbox import Sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.git.pack_check import PackLimits, check_pack
from knowledge.web.safe_network import RefusedError

SECONDS: Final = 120
# The largest pack that is fetched, its largest file and what that is a change of, and Python.
MEMORY_BYTES: Final = 1_500_000_000
_MAGIC: Final = b"\xfftOc\x00\x00\x00\x02"
_DIGEST_BYTES: Final = 20


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """The process for packs: they may take longer than files, which don't wait for them."""
    return Sandbox(SECONDS, MEMORY_BYTES)


def pack_index(pack: bytes, *, within: Sandbox | None = None) -> bytes:
    """The index of a whole pack, as Git keeps it beside the pack.

    Raises:
        RefusedError: with why the pack can't be unpacked, as the rest of a sentence.
    """
    begun = (within or sandbox()).begin(index_apart, pack, "", _index)
    try:
        index = begun.result()
    except UnreadableError as error:
        raise RefusedError(f"sent a pack that {str(error).rstrip('.')}") from error
    if index[-2 * _DIGEST_BYTES : -_DIGEST_BYTES] != pack[-_DIGEST_BYTES:]:
        raise RefusedError("sent a damaged pack")
    return index


def index_apart(content: bytes, _name: str) -> Parsed:
    """Unpack all objects of a pack, as it runs in the sandbox; returns the index in base 64.

    Raises:
        UnreadableError: if it would be too large, or is damaged.
    """
    from dulwich.object_format import SHA1
    from dulwich.pack import PackData, PackIndexer, PackInflater, write_pack_index_v2

    try:
        check_pack(io.BytesIO(content), len(content), PackLimits())
    except RefusedError as error:
        raise UnreadableError(str(error)) from error
    with PackData.from_file(io.BytesIO(content), SHA1) as data:
        data.check()
        # No object of another pack is a base: thin packs are not asked for.
        entries = sorted(PackIndexer.for_pack_data(data))
        # A folder or commit that can't be read is found now, not when it is listed.
        for _ in PackInflater.for_pack_data(data):
            pass
        written = io.BytesIO()
        write_pack_index_v2(written, entries, data.get_stored_checksum())
    return {}, base64.b64encode(written.getvalue()).decode()


def _index(_values: dict[str, Any], text: str) -> bytes:
    """The process's answer, which a pack might have taken over."""
    index = base64.b64decode(text, validate=True)
    if not index.startswith(_MAGIC) or hashlib.sha1(index[:-20]).digest() != index[-20:]:  # noqa: S324 - Git's own
        raise ValueError
    return index
