"""Packs that a host makes to be costly, and what the bot's own process keeps of them."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Blob, ShaFile, Tree
from dulwich.pack import Pack, write_pack_objects

from knowledge.files.sandbox import Sandbox
from knowledge.git.pack_index import pack_index
from knowledge.web.safe_network import RefusedError
from tests.knowledge.files import hostile_code


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def _pack(*objects: ShaFile) -> bytes:
    written = io.BytesIO()
    write_pack_objects(written, [(one, None) for one in objects], SHA1)
    return written.getvalue()


def _address_space(sandbox: Sandbox) -> int:
    assert sandbox._process is not None
    pages = Path(f"/proc/{sandbox._process.pid}/statm").read_text().split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_every_object_of_a_pack_is_found_by_its_index(sandbox: Sandbox, tmp_path: Path) -> None:
    objects = [Blob.from_string(f"File {n}.".encode()) for n in range(50)]
    content = _pack(*objects)
    (tmp_path / "pack-x.pack").write_bytes(content)
    (tmp_path / "pack-x.idx").write_bytes(pack_index(content, within=sandbox))
    with Pack(str(tmp_path / "pack-x"), object_format=SHA1) as pack:
        pack.check()
        assert {pack[one.id].as_raw_string() for one in objects} == {
            one.as_raw_string() for one in objects
        }


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_pack_that_unpacks_to_too_much_memory_is_refused() -> None:
    bomb = _pack(Blob.from_string(bytes(90_000_000)))
    assert len(bomb) < 200_000
    small = Sandbox()
    pack_index(_pack(Blob.from_string(b"small")), within=small)
    tight = Sandbox(memory_bytes=_address_space(small) + 50_000_000)
    small.close()
    with pytest.raises(RefusedError, match=r"sent a pack that .* needs more than \d+ MB of memory"):
        pack_index(bomb, within=tight)
    tight.close()


def test_a_pack_that_takes_too_long_is_refused() -> None:
    many = _pack(*(Blob.from_string(str(n).encode()) for n in range(20_000)))
    slow = Sandbox(seconds=0.01)
    with pytest.raises(RefusedError, match="sent a pack that takes longer than"):
        pack_index(many, within=slow)
    slow.close()


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_a_damaged_pack_is_refused(sandbox: Sandbox, cut: int) -> None:
    with pytest.raises(RefusedError, match="sent a"):
        pack_index(_pack(Blob.from_string(b"Some text."))[:cut], within=sandbox)


def test_a_pack_of_another_digest_than_its_own_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(RefusedError, match="sent a pack that"):
        pack_index(_pack(Blob.from_string(b"Some text."))[:-20] + bytes(20), within=sandbox)


def test_a_folder_that_can_not_be_read_is_found_before_it_is_listed(sandbox: Sandbox) -> None:
    class Torn(Blob):
        type_num = Tree.type_num

    with pytest.raises(RefusedError, match="sent a pack that"):
        pack_index(_pack(Torn.from_string(b"100644 no end")), within=sandbox)


def test_what_is_no_index_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Sandbox(readable=[Path(__file__).parents[3]])
    monkeypatch.setattr("knowledge.git.pack_index.index_apart", hostile_code.lying)
    with pytest.raises(RefusedError, match="sent a pack that"):
        pack_index(_pack(Blob.from_string(b"Some text.")), within=own)
    own.close()
