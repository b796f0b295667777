"""Every command in README.md, CONTRIBUTING.md and docs/ runs, or stands in `NOT_RUN`.

Blocks of code run in order, a document at a time, in folders like a host's: `/var/lib/commonplace`,
`/etc`, `/srv` and so on. `NOT_RUN` has the reason for each exception; the command line still parses
those commands. Nothing reaches the network.
"""

import itertools
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bot.__main__ import app
from bot.cli.sources import UNREAD
from bot.storage.data_folder import COMMUNITY
from knowledge.store.store import Store
from knowledge.values.submissions import Submission
from tests.fork_server import ENVIRONMENT, ForkServer
from tests.knowledge.decided_notes import MIRA, decided

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Commands that don't run, by their beginning, with the reason.
NOT_RUN: Final = {
    "make ": "installs packages, or runs the tests that this is one of; CI runs both",
    "sudo make ": "installs packages; CI runs `make`",
    "docker ": "no Docker in the tests; tests/test_deploy.py reads the files",
    "sudo systemctl ": "no systemd in the tests; tests/test_deploy.py reads the unit",
    "journalctl ": "reads the log of a unit",
    "sudo git ": "fetches this repository",
    "git pull": "fetches this repository",
    "git clone": "fetches this repository",
    "sudo install -m 400 -o ": "gives a file to a user of the image, which takes root",
    "createdb ": "needs PostgreSQL; tests/bot/cli/test_cluster_migrate.py makes a database",
    "llama-server ": "needs a language model; tests/bot/phrasing/test_phraser_llama.py starts one",
    "curl ": "needs what serves; tests/bot/programs and tests/bot/phrasing ask the same",
    "python -m benchmarks": "measures for minutes",
    "commonplace run": "needs Discord; tests/bot/wire starts it",
    "commonplace preview": "serves until it is stopped; tests/bot/preview starts it",
    "commonplace dev mcp": "serves until it is stopped; tests/bot/programs starts it",
    "commonplace dev serve": "serves until it is stopped; tests/bot/programs starts it",
    "commonplace publish": "no server there has a page; bot/cli/test_publish.py makes one",
    "commonplace cluster worker": "needs PostgreSQL; bot/cli/test_cluster_worker.py starts it",
    "commonplace cluster migrate": "needs PostgreSQL; tests/bot/cli/test_cluster_migrate.py",
    "commonplace model use": "downloads or measures for minutes; tests/bot/cli/test_models.py",
    "commonplace model back": "nothing was chosen before; tests/bot/cli/test_models.py",
}
# Placeholders for a reader's own values.
# The server of the host's note.
GUILD: Final = 4242
PLACEHOLDERS: Final = {"NUMBER": "1", "WORDS": "ferry", "NAME": "name", "DIR": ".", "FILE": "file"}
# Folders of a host.
HOST: Final = (
    "/opt/commonplace",
    "/var/lib/commonplace",
    "/usr/local/bin",
    "/etc",
    "/srv",
    "/mnt/other",
)
BASH: Final = shutil.which("bash") or "bash"
# Where `git init` makes another branch unless it is told, and nobody has set a name.
GIT: Final = {
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "master",
    "GIT_CONFIG_KEY_1": "user.name",
    "GIT_CONFIG_VALUE_1": "Mira",
    "GIT_CONFIG_KEY_2": "user.email",
    "GIT_CONFIG_VALUE_2": "mira@harbour.example",
}


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


def _text(document: Path) -> str:
    return re.sub(r"<!-- \[\[\[cog.*?\]\]\] -->", "", document.read_text(), flags=re.DOTALL)


def _printed(document: Path) -> list[str]:
    """The commands in a document's blocks of code, in order, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", _text(document), re.DOTALL)
    return [line for block in blocks for line in _commands_of(block)]


def _commands_of(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    stripped = (re.sub(r"\s{2,}# .*", "", line).strip() for line in lines)
    return [line for line in stripped if line]


def _outputs(document: Path) -> dict[int, str]:
    """The printed output in a document, by its command's place."""
    outputs, count = {}, 0
    for language, block in re.findall(r"```(sh|text)\n(.*?)```", _text(document), re.DOTALL):
        if language == "sh":
            count += len(_commands_of(block))
        elif count:
            outputs[count - 1] = block
    return outputs


def _compared(text: str) -> list[str]:
    """Lines without blanks at their ends, empty ones, and ids of commits."""
    lines = (line.rstrip() for line in re.sub(r"[0-9a-f]{40}", "COMMIT", text).splitlines())
    return [line for line in lines if line]


def _spans(document: Path) -> list[str]:
    """The commands in a document's sentences with more than a name."""
    text = re.sub(r"```.*?```", "", _text(document), flags=re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", text)
    return [span for span in spans if re.match(r"(sudo )?(commonplace|python -m benchmarks)", span)]


def _bare(line: str) -> str:
    """A command without its user and its program's folder."""
    line = re.sub(r"^(sudo |/usr/local/bin/|\.venv/bin/)+(?=commonplace)", "", line)
    return re.sub(r"^\w+=\S+ (?=commonplace|\.venv|make )", "", line)


def _reason(line: str) -> str:
    """Why a command is not run; nothing if it is."""
    found = (NOT_RUN[key] for key in NOT_RUN if _bare(line).startswith(key))
    return next(found, "")


class Host:
    """Folders like a host's, and a shell in one of them."""

    def __init__(self, root: Path, data: Path, commands: ForkServer) -> None:
        self.root = root
        self.environment: dict[str, str] = {}
        self._commands = commands
        for folder in HOST[1:]:
            (root / folder[1:]).mkdir(parents=True)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "opt").mkdir()
        (root / "opt/commonplace").symlink_to(ROOT)
        (root / "srv/handbook").mkdir()
        (root / "srv/handbook/ferry.md").write_text("# Ferry\n\nIt leaves for Lisbon at nine.\n")
        (root / "srv/faq.md").write_text("# Questions\n\nThe office opens at ten.\n")
        self.data = root / "var/lib/commonplace"
        shutil.copytree(data, self.data, dirs_exist_ok=True)
        with Store(self.data / COMMUNITY) as store:
            text = Submission("When do we meet?", "We meet on Tuesdays.")
            decided(store, store.contributions.propose(GUILD, MIRA, 5, text).note)
        self.folder = root / "home"
        for exported in ("Export", "Takeout/Drive/Harbour"):
            (self.folder / exported).mkdir(parents=True)
            (self.folder / exported / "Ferry.md").write_text("# Ferry\n\nIt leaves at nine.\n")

    def run(self, line: str) -> tuple[int, str]:
        """Run one command; returns its exit code and output."""
        if line.startswith("cd "):
            self.folder = Path(self._here(line.removeprefix("cd ")))
            return 0, ""
        said = ""
        for part in re.split(r" && (?=\S*(?:sudo|commonplace) )|(?<=backup) && ", line):
            code, told = self._run(part)
            said += told
            if code:
                return code, said
        return 0, said

    def _run(self, line: str) -> tuple[int, str]:
        shown = self._here(_bare(line))
        if shown.startswith("commonplace "):
            where = self.root / "etc/commonplace" if line.startswith("sudo") else self.folder
            where.mkdir(exist_ok=True)
            if "source add https://" in shown:
                return self._visited(shlex.split(shown)[1:])
            done = self._commands.run(
                *shlex.split(shown)[1:],
                cwd=where,
                environment={"COMMONPLACE_DATA": str(self.data), **self.environment},
            )
        else:
            done = subprocess.run(
                [BASH, "-c", shown.removeprefix("sudo ")],
                cwd=self.folder,
                env={**ENVIRONMENT, **GIT},
                input="a token\n",
                capture_output=True,
                text=True,
                check=False,
            )
        return done.returncode, done.stdout + done.stderr

    def _visited(self, arguments: list[str]) -> tuple[int, str]:
        """Run a command that needs the network in this process, where no name resolves."""
        done = CliRunner().invoke(app, arguments, env={"COMMONPLACE_DATA": str(self.data)})
        assert done.exit_code == UNREAD, done.output
        return 0, done.output

    def _here(self, line: str) -> str:
        for folder in HOST:
            line = line.replace(folder, str(self.root / folder[1:]))
        line = line.replace("--guild ID", f"--guild {GUILD}")
        backups = sorted((self.data / "backups").glob("*.db"))
        return line.replace("community-TIME.db", backups[-1].name) if backups else line


@pytest.fixture
def host(
    tmp_path: Path, started_folder: Path, commands: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> Host:
    def nowhere(*_: Any, **__: Any) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    return Host(tmp_path, started_folder, commands)


@pytest.mark.parametrize("document", [*filter(_printed, DOCUMENTS)], ids=_name)
def test_what_a_document_prints_works_as_it_is_printed(document: Path, host: Host) -> None:
    outputs = _outputs(document)
    for place, line in enumerate(_printed(document)):
        if line.startswith(("export ", "echo ")):
            assert subprocess.run([BASH, "-nc", line], check=False).returncode == 0, line
        elif not _reason(line):
            code, said = host.run(line)
            assert code == 0, f"{line}\n{said}"
            assert _compared(said) == _compared(outputs.get(place, said)), line


def _parse(line: str) -> None:
    """Parse a command; raises the command line's error."""
    command: Any = get_command(app)
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(_bare(line))[1:]]
    names: list[str] = []
    while hasattr(command, "commands") and words:
        names.append(words.pop(0))
        command = command.commands[names[-1]]
    # In a sentence, a command may lack its arguments.
    if words and words != ["--reranker"]:
        command.make_context(" ".join(names), words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_the_command_line_reads_what_a_document_prints(document: Path) -> None:
    for line in [*_printed(document), *_spans(document)]:
        if _bare(line).startswith("commonplace "):
            _parse(line.partition(" && ")[0])


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_each_option_of_a_benchmark_that_a_document_prints_is_there(document: Path) -> None:
    for line in [*_printed(document), *_spans(document)]:
        if match := re.match(r"python -m (benchmarks\.\w+)(.*)", line):
            source = (ROOT / f"{match[1].replace('.', '/')}.py").read_text()
            for option in re.findall(r"--[\w-]+", match[2]):
                assert f'"{option}"' in source, line


def test_nothing_is_named_as_not_run_that_no_document_prints() -> None:
    lines = [[*_printed(document), *_spans(document)] for document in DOCUMENTS]
    printed = [_bare(line) for line in itertools.chain.from_iterable(lines)]
    for beginning in NOT_RUN:
        assert any(line.startswith(beginning) for line in printed), beginning
