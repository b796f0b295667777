"""Size checks of Git packs from untrusted hosts, and indexing of packs in a sandbox.

A few bytes can expand to gigabytes in two ways: by compression, and by deltas that repeat their
base. Dulwich trusts the sizes that a pack states, so this module checks them first. The bot's own
process only stores pack and index, and unpacks one file at a time.

Source:
    gitformat-pack(5).
"""

import base64
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.sandbox import Sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.sources.net.safe_network import RefusedError

_HEADER: Final = 12
_TRAILER: Final = 20
_OFFSET_DELTA: Final = 6
_REFERENCE_DELTA: Final = 7
_READ: Final = 16_384
# Bytes at the start of a delta that contain the sizes of its base and its result.
_SIZES: Final = 32
# The longest chain of deltas that Git makes.
_CHANGES: Final = 4_095
_WHOLE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class PackLimits:
    """Limits of a pack: objects, bytes of one object, and bytes of all objects."""

    objects: int = 100_000
    object_bytes: int = 100_000_000
    all_bytes: int = 1_000_000_000


def check_pack(pack: IO[bytes], size: int, limits: PackLimits) -> None:
    """Refuse a pack of `size` bytes that is damaged, or too large when unpacked."""
    try:
        _check(_Reader(pack, size), limits)
    except (EOFError, zlib.error) as error:
        raise RefusedError("sent a damaged pack") from error


def _check(reader: "_Reader", limits: PackLimits) -> None:
    head = reader.read(_HEADER)
    if head[:4] != b"PACK" or head[4:8] not in (b"\x00\x00\x00\x02", b"\x00\x00\x00\x03"):
        raise RefusedError("sent what is no pack")
    count = int.from_bytes(head[8:], "big")
    if count > limits.objects:
        raise RefusedError(f"has {count:,} files and folders; {limits.objects:,} are read")
    left = limits.all_bytes
    for _ in range(count):
        size, base = _read_entry_header(reader)
        # A stated size above the limit costs no decompression.
        if size <= limits.object_bytes:
            begins = reader.skip_object(size)
            # Of a delta, the result may be larger.
            size = size if base is None else max(size, _delta_result_size(begins))
        left -= size
        if size > limits.object_bytes:
            raise RefusedError(
                f"has a file of {size / 1e6:,.0f} MB; the limit is "
                f"{limits.object_bytes / 1e6:,.0f} MB, whether it is read or not"
            )
        if left < 0:
            raise RefusedError(
                f"has more than {limits.all_bytes / 1e6:,.0f} MB when it is unpacked"
            )


def _read_entry_header(reader: "_Reader") -> tuple[int, int | bytes | None]:
    """Read the stated size of an object, and the base if the object is a delta.

    The base is given by its id, or by its distance in bytes before the delta. The base is None if
    the object isn't a delta.
    """
    byte = reader.read(1)[0]
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 0x80:
        byte = reader.read(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise RefusedError("sent a damaged pack")
    if kind == _REFERENCE_DELTA:
        return size, reader.read(20)
    if kind != _OFFSET_DELTA:
        return size, None
    byte = reader.read(1)[0]
    distance = byte & 0x7F
    while byte & 0x80:
        byte = reader.read(1)[0]
        distance = ((distance + 1) << 7) | (byte & 0x7F)
    return size, distance


def largest_unpacked(pack: IO[bytes], offset: int, offset_of: Callable[[bytes], int]) -> int:
    """Size in bytes of the largest object that must be unpacked to read the object at `offset`.

    To read a delta, its base is unpacked, too. The base may itself be a delta with a base. The pack
    is one that `check_pack` accepted; `offset_of` raises KeyError for an unknown id. Raises
    RefusedError if the pack is damaged.
    """
    largest = 0
    try:
        for _ in range(_CHANGES):
            pack.seek(offset)
            reader = _Reader(pack, _WHOLE)
            size, base = _read_entry_header(reader)
            if base is None:
                return max(largest, size)
            largest = max(largest, size, _delta_result_size(reader.beginning()))
            offset = offset_of(base) if isinstance(base, bytes) else offset - base
    except (EOFError, KeyError, ValueError, zlib.error) as error:
        raise RefusedError("has a damaged object") from error
    raise RefusedError("has a damaged object")


# Two sizes of 64 bits at most, at seven bits a byte.
_SIZES_BYTES: Final = 20


def _delta_result_size(delta: bytes) -> int:
    """The size of a delta's result: the second of the two numbers at its start."""
    numbers, number, shift = [], 0, 0
    for byte in delta[:_SIZES_BYTES]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(number)
            number, shift = 0, 0
            if len(numbers) == 2:
                return numbers[1]
    raise RefusedError("sent a damaged pack")


class _Reader:
    """Reads a pack in order, up to the digest at its end."""

    def __init__(self, pack: IO[bytes], size: int) -> None:
        self._pack = pack
        self._left = size - _TRAILER
        self._buffer = b""

    def _fill(self) -> None:
        if self._left <= 0:
            raise EOFError
        more = self._pack.read(min(_READ, self._left))
        if not more:
            raise EOFError
        self._left -= len(more)
        self._buffer += more

    def read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def beginning(self) -> bytes:
        """The first bytes of the next compressed object."""
        inflating, begins = zlib.decompressobj(), b""
        while len(begins) < _SIZES and not inflating.eof:
            if not self._buffer:
                self._fill()
            begins += inflating.decompress(self._buffer, _SIZES)
            self._buffer = inflating.unconsumed_tail
        return begins

    def skip_object(self, size: int) -> bytes:
        """Skip one compressed object, `size` bytes unpacked; returns its first bytes."""
        inflating, begins, seen = zlib.decompressobj(), b"", 0
        while not inflating.eof:
            part = inflating.decompress(self._buffer, _READ)
            self._buffer = inflating.unconsumed_tail or inflating.unused_data
            if not (part or self._buffer or inflating.eof):
                self._fill()
            seen += len(part)
            begins += part[: _SIZES - len(begins)]
            if seen > size:
                raise RefusedError("sent a damaged pack")
        if seen != size:
            raise RefusedError("sent a damaged pack")
        return begins


# Index.

SECONDS: Final = 120
# For the largest pack, its largest file with a base, and Python.
MEMORY_BYTES: Final = 1_500_000_000
_INDEX_MAGIC: Final = b"\xfftOc\x00\x00\x00\x02"


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """The sandbox for packs, with higher limits than the sandbox for files."""
    return Sandbox(SECONDS, MEMORY_BYTES)


def pack_index(pack: bytes) -> bytes:
    """Make the index of a pack, in the format of Git's `.idx` file.

    Raises RefusedError if the pack can't be unpacked; the message is the rest of a sentence.
    """
    begun = sandbox().begin(index_in_sandbox, pack, "", _checked_index)
    try:
        index = begun.result()
    except UnreadableError as error:
        raise RefusedError(f"sent a pack that {str(error).rstrip('.')}") from error
    if index[-2 * _TRAILER : -_TRAILER] != pack[-_TRAILER:]:
        raise RefusedError("sent a damaged pack")
    return index


def index_in_sandbox(content: bytes, _name: str) -> Parsed:
    """Unpack all objects of a pack and return its index in base 64; runs in the sandbox.

    Raises UnreadableError if the pack is too large when unpacked, or damaged.
    """
    from dulwich.object_format import SHA1
    from dulwich.pack import PackData, PackIndexer, PackInflater, write_pack_index_v2

    try:
        check_pack(io.BytesIO(content), len(content), PackLimits())
    except RefusedError as error:
        raise UnreadableError(str(error)) from error
    with PackData.from_file(io.BytesIO(content), SHA1) as data:
        data.check()
        # No base is in another pack, because the client asks for no thin packs.
        entries = sorted(PackIndexer.for_pack_data(data))
        # Unpack everything, so an unreadable folder or commit fails here, not in a listing.
        for _ in PackInflater.for_pack_data(data):
            pass
        written = io.BytesIO()
        write_pack_index_v2(written, entries, data.get_stored_checksum())
    return {}, base64.b64encode(written.getvalue()).decode()


def _checked_index(_values: dict[str, Any], text: str) -> bytes:
    """Check and decode the sandbox's answer, because a pack may have hijacked its process."""
    index = base64.b64decode(text, validate=True)
    if not index.startswith(_INDEX_MAGIC) or hashlib.sha1(index[:-20]).digest() != index[-20:]:  # noqa: S324 - Git's own
        raise ValueError
    return index
