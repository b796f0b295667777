"""Hostile files through the real process, with a token in the environment of this one."""

import os
import sys

import pytest

from knowledge.files import reader
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes
from knowledge.files.sandbox import Sandbox
from tests.knowledge.hostile_files import NAMES, holds, hostile_files


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows memory")
def test_the_process_that_reads_hostile_files_never_has_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A small form of `benchmarks.hostile_files`, which takes 500 files of each format."""
    # Put together, for the sake of whoever looks for it here.
    token = os.urandom(16).hex()
    monkeypatch.setenv("DISCORD_TOKEN", token)
    monkeypatch.setattr(reader, "sandbox", Sandbox())
    refusals: set[str] = set()
    for kind, name in NAMES.items():
        for content in hostile_files(kind, 6):
            try:
                assert parse_bytes(content, name=name).text.strip()
            except UnreadableError as error:
                refusals.add(str(error))
        process = reader.sandbox._process
        if process is not None and process.poll() is None:
            assert not holds(process.pid, token.encode())
    reader.sandbox.close()
    # The search itself works: this process has the token.
    assert holds(os.getpid(), token.encode())
    assert all(sentence.endswith(".") for sentence in refusals)
