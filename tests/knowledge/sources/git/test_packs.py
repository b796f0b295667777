"""Packs that a host makes to be costly, and what the bot's own process keeps of them."""

import io
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Blob, ShaFile, Tree
from dulwich.pack import Pack, write_pack_objects

from knowledge.files.sandbox import Sandbox
from knowledge.sources.git import packs
from knowledge.sources.git.packs import PackLimits, check_pack, largest_unpacked, pack_index
from knowledge.sources.net.safe_network import RefusedError
from tests.knowledge.files import hostile_code

BLOB, OFFSET_DELTA, REFERENCE_DELTA = 3, 6, 7


def _number(value: int, first_bits: int = 7, mark: int = 0) -> bytes:
    written = bytearray([mark | (value & ((1 << first_bits) - 1))])
    value >>= first_bits
    while value:
        written[-1] |= 0x80
        written.append(value & 0x7F)
        value >>= 7
    return bytes(written)


def _entry(kind: int, content: bytes, claimed: int | None = None, base: bytes = b"") -> bytes:
    size = len(content) if claimed is None else claimed
    return _number(size, 4, kind << 4) + base + zlib.compress(content)


def _pack(*entries: bytes, count: int | None = None, magic: bytes = b"PACK") -> bytes:
    number = len(entries) if count is None else count
    head = magic + (2).to_bytes(4, "big") + number.to_bytes(4, "big")
    return head + b"".join(entries) + b"d" * 20


def _check(pack: bytes, **limits: int) -> None:
    check_pack(io.BytesIO(pack), len(pack), PackLimits(**limits))


def test_a_pack_of_files_and_changes_passes() -> None:
    change = _number(5) + _number(9) + b"\x05rest!"
    _check(
        _pack(
            _entry(BLOB, b""),
            _entry(BLOB, b"x" * 100_000),
            _entry(BLOB, bytes(range(256)) * 300),
            _entry(OFFSET_DELTA, change, base=b"\x81\x01"),
            _entry(REFERENCE_DELTA, change, base=b"b" * 20),
        )
    )


def test_too_many_objects_are_refused_unread() -> None:
    with pytest.raises(RefusedError, match="has 4,000,000 files and folders; 10 are read"):
        _check(_pack(count=4_000_000), objects=10)


def test_claimed_size_is_refused_true_or_not() -> None:
    with pytest.raises(RefusedError, match="has a file of 5 MB; the limit is 1 MB"):
        _check(_pack(_entry(BLOB, b"x", claimed=5_000_000)), object_bytes=1_000_000)
    change = _number(5) + _number(5_000_000) + b"\x80"
    with pytest.raises(RefusedError, match="has a file of 5 MB"):
        _check(_pack(_entry(REFERENCE_DELTA, change, base=b"b" * 20)), object_bytes=1_000_000)


def test_many_that_are_large_together_are_refused() -> None:
    entries = [_entry(BLOB, bytes(400_000)) for _ in range(5)]
    with pytest.raises(RefusedError, match="has more than 1 MB when it is unpacked"):
        _check(_pack(*entries), all_bytes=1_000_000)


@pytest.mark.parametrize(
    "pack",
    [
        b"",
        b"<html>",
        _pack(_entry(BLOB, b"hello"), magic=b"KCAP"),
        _pack(_entry(BLOB, b"hello"), count=2),
        _pack(_entry(BLOB, b"hello", claimed=4)),
        _pack(_entry(BLOB, b"hello", claimed=6)),
        _pack(b"\x35not zlib"),
        _pack(b"\xb5" + b"\xff" * 20),
        _pack(_entry(REFERENCE_DELTA, b"\x80\x80", base=b"b" * 20)),
        _pack(_entry(BLOB, b"hello"))[:-22],
    ],
)
def test_what_is_no_sound_pack_is_refused(pack: bytes) -> None:
    with pytest.raises(RefusedError, match=r"sent (a damaged pack|what is no pack)"):
        _check(pack)


# One object.


def _distance(value: int) -> bytes:
    """How far before a change its base begins, as a pack has it."""
    written = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        written.append(0x80 | (value & 0x7F))
    return bytes(reversed(written))


def test_largest_part_of_an_object_counts() -> None:
    base = _entry(BLOB, bytes(range(256)) * 300)
    small = _number(76_800) + _number(9) + b"\x05rest!"
    by_offset = _entry(OFFSET_DELTA, small, base=_distance(len(base)))
    grown = _number(9) + _number(5_000_000) + b"\x80"
    by_id = _entry(REFERENCE_DELTA, grown, base=b"b" * 20)
    pack = io.BytesIO(_pack(base, by_offset, by_id))
    offsets = [12, 12 + len(base), 12 + len(base) + len(by_offset)]
    ids = {b"b" * 20: offsets[1]}
    found = [largest_unpacked(pack, offset, ids.__getitem__) for offset in offsets]
    assert found == [76_800, 76_800, 5_000_000]
    with pytest.raises(RefusedError, match="damaged"):
        largest_unpacked(pack, offsets[2], {b"c" * 20: offsets[1]}.__getitem__)
    with pytest.raises(RefusedError, match="damaged"):
        largest_unpacked(pack, offsets[2], {b"b" * 20: offsets[2]}.__getitem__)


# The index.


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(readable=[Path(__file__).parents[3]])
    yield made
    made.close()


@pytest.fixture(autouse=True)
def use_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "sandbox", lambda: sandbox)


def _packed(*objects: ShaFile) -> bytes:
    written = io.BytesIO()
    write_pack_objects(written, [(one, None) for one in objects], SHA1)
    return written.getvalue()


def _address_space(sandbox: Sandbox) -> int:
    assert sandbox._process is not None
    pages = Path(f"/proc/{sandbox._process.pid}/statm").read_text().split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_every_object_of_a_pack_is_found_by_its_index(tmp_path: Path) -> None:
    objects = [Blob.from_string(f"File {n}.".encode()) for n in range(50)]
    content = _packed(*objects)
    (tmp_path / "pack-x.pack").write_bytes(content)
    (tmp_path / "pack-x.idx").write_bytes(pack_index(content))
    with Pack(str(tmp_path / "pack-x"), object_format=SHA1) as pack:
        pack.check()
        assert {pack[one.id].as_raw_string() for one in objects} == {
            one.as_raw_string() for one in objects
        }


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_pack_needing_memory_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = _packed(Blob.from_string(bytes(90_000_000)))
    assert len(bomb) < 200_000
    pack_index(_packed(Blob.from_string(b"small")))
    tight = Sandbox(memory_bytes=_address_space(sandbox) + 50_000_000)
    monkeypatch.setattr(packs, "sandbox", lambda: tight)
    with pytest.raises(RefusedError, match=r"sent a pack that .* needs more than \d+ MB of memory"):
        pack_index(bomb)
    tight.close()


def test_slow_pack_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    many = _packed(*(Blob.from_string(str(n).encode()) for n in range(5_000)))
    monkeypatch.setattr(sandbox, "_seconds", 0.01)
    with pytest.raises(RefusedError, match="sent a pack that takes longer than"):
        pack_index(many)


class _TornTree(Blob):
    type_num = Tree.type_num


SOUND = _packed(Blob.from_string(b"Some text."))


@pytest.mark.parametrize(
    "pack",
    [
        *(SOUND[:cut] for cut in (0, 5, 40, -1)),
        pytest.param(SOUND[:-20] + bytes(20), id="another digest"),
        pytest.param(_packed(_TornTree.from_string(b"100644 no end")), id="torn folder"),
    ],
)
def test_a_damaged_pack_is_refused(pack: bytes) -> None:
    with pytest.raises(RefusedError, match="sent a"):
        pack_index(pack)


def test_what_is_no_index_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "index_in_sandbox", hostile_code.lying)
    with pytest.raises(RefusedError, match="sent a pack that"):
        pack_index(_packed(Blob.from_string(b"Some text.")))
