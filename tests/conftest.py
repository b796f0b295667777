"""What is slow to make and the same for every test, and the tests' share of the machine."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder
from knowledge.files import picture_text
from knowledge.files.sandbox import Sandbox
from tests.fork_server import ForkServer, fork_server
from tests.models import save_cross_encoder
from tests.postgres import Cluster, running_cluster
from tests.shared_folders import shared_folder
from tests.stores import (
    EMPTY_DERIVED_TABLES,
    EMPTY_TABLES,
    make_derived_tables,
    make_tables,
)

# Timings of single examples say more of a busy machine than of the code; `benchmarks/` measure.
_UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", _UNHURRIED, max_examples=15)
# Of `make test-all`, by `--hypothesis-profile`.
settings.register_profile("thorough", _UNHURRIED, max_examples=50)
settings.load_profile("quick")


# What a run of the tests has of files at once, ten times over.
MEMORY_BYTES: Final = 2_000_000_000
# Reading the text of a picture on a busy machine.
PICTURE_SECONDS: Final = 240


def pytest_configure() -> None:
    gc.disable()  # until all is imported
    _keep_files_in_memory()
    _share_derived_models()


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def _share_derived_models() -> None:
    """Use one cache of derived models in all processes of a run, and leave the user's alone."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="commonplace-cache-")


def _keep_files_in_memory() -> None:
    """Keep the tests' files in memory where it has the room: half a run was waiting for a disk.

    What survives the end of a process survives it there as well; that a disk keeps what is written
    through to it, no test can tell. `TMPDIR` says otherwise.
    """
    memory = Path("/dev/shm")  # noqa: S108 - folders with random names are made in it
    if not memory.is_dir() or shutil.disk_usage(memory).free < MEMORY_BYTES:
        return
    # Some tests start what they have written; containers often forbid that there.
    if not os.statvfs(memory).f_flag & os.ST_NOEXEC:
        tempfile.tempdir = os.environ.setdefault("TMPDIR", str(memory))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow each test that needs what takes long to make; others say so themselves."""
    for item in items:
        if isinstance(item, pytest.Function) and _needs_slow_fixture(item):
            item.add_marker("slow")


# A server, models of PyTorch, and the preview in a browser.
SLOW_FIXTURES: Final = {"postgres", "cross_encoder", "reference", "page"}
# Those that a test can ask for by a parameter.
SLOW_PARAMETERS: Final = ("postgres", "reference")


def _needs_slow_fixture(item: pytest.Function) -> bool:
    chosen = [*item.callspec.params.values()] if hasattr(item, "callspec") else []
    asked = any(name in chosen for name in SLOW_PARAMETERS)
    return asked or not SLOW_FIXTURES.isdisjoint(item.fixturenames)


# How many modules were there when they were last kept from being searched for garbage.
_FROZEN = {"modules": 0}
# PyTorch, which some tests import, is more of them.
MANY_MODULES: Final = 500


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection, and collect less often.

    They are most of a process's memory: searching them took a seventh of a run. Python's own
    thresholds (700, 10, 10) took another twentieth.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()
    _FROZEN["modules"] = len(sys.modules)


def pytest_runtest_teardown() -> None:
    """Do so again where a test has imported a large library."""
    if len(sys.modules) > _FROZEN["modules"] + MANY_MODULES:
        gc.collect()
        gc.freeze()
        _FROZEN["modules"] = len(sys.modules)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Prepare the environment of the processes that run tests, and of those that tests start.

    Every core has tests of its own: PyTorch's threads would wait for one another, busily. And where
    no bytecode may be kept, each process would compile the whole program, and pytest every test.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def model() -> Embedder:
    """The default model."""
    return open_embedder(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cross-encoder, whose opinions are random and always the same."""
    return shared_folder(tmp_path_factory, "cross-encoder", save_cross_encoder)


@pytest.fixture
def rapidocr() -> None:
    pytest.importorskip("rapidocr", reason="the text in pictures needs the extra `ocr`")


@pytest.fixture
def picture_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox for pictures, with more time for each: the machine's speed isn't tested."""
    made = Sandbox(PICTURE_SECONDS, picture_text.MEMORY_BYTES)
    monkeypatch.setattr(picture_text, "sandbox", lambda: made)
    yield made
    made.close()


@pytest.fixture(scope="session")
def commands() -> Iterator[ForkServer]:
    """Runs commands as processes of their own, started when the first test wants one."""
    with fork_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL cluster of these tests' own, started when the first of them wants it."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The URL of an empty database."""
    url = postgres.empty()
    yield url
    postgres.drop(url)


@pytest.fixture
def derived_url(postgres: Cluster) -> Iterator[str]:
    """The URL of a database with the tables of derived data, which have no row."""
    url = postgres.shared("derived", make_derived_tables)
    yield url
    postgres.execute(EMPTY_DERIVED_TABLES, url)


@pytest.fixture(params=["sqlite", "postgres"])
def derived(request: pytest.FixtureRequest) -> str:
    """The URL of the database that derived data is in; none where it is in the data folder."""
    in_a_file = request.param == "sqlite"
    return "" if in_a_file else request.getfixturevalue("derived_url")


@pytest.fixture
def community_url(postgres: Cluster) -> Iterator[str]:
    """The URL of a community database without a row, which it has again afterwards."""
    url = postgres.shared("community", make_tables)
    yield url
    postgres.execute(EMPTY_TABLES, url)


@pytest.fixture(scope="session")
def started_folder(commands: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that commands with the real model begin with: the articles are indexed."""

    def index(data: Path) -> None:
        assert commands.run("index", "--data", data).returncode == 0

    return shared_folder(tmp_path_factory, "started", index)
