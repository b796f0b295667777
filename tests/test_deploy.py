"""The files for containers and service managers agree with the program that they run.

`deploy/try_image.sh` runs the image. systemd is needed nowhere.
"""

import asyncio
import configparser
import importlib.metadata
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.cli.console import UNUSABLE
from bot.config import settings as config
from bot.config.settings import HealthSettings
from bot.process.client import CLOSING_SECONDS
from bot.process.health_server import Health, serving
from bot.process.run import FINISHING_SECONDS

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["commonplace"]
CLUSTER = yaml.safe_load((ROOT / "compose.cluster.yaml").read_text())
CONTAINER = config.load(ROOT / "deploy" / "container.toml")
COMMAND = (ROOT / "deploy" / "commonplace.sh").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LISTS = sorted((ROOT / "deploy").glob("requirements*.txt"))
# What the image can be built with.
EXTRAS = [
    path.stem.removeprefix("requirements-")
    for path in LISTS
    if path.stem not in ("requirements", "requirements-dev")
]
OPERATING = (ROOT / "docs" / "operating.md").read_text()

# The exit code of deploy/try_image.sh where no image can be built or run.
UNTRIED = 77
# On a busy machine it takes a sixth of that.
IMAGE_SECONDS = 1_800


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The [Service] section of the unit; a key may stand there more than once."""
    found: dict[str, list[str]] = {}
    lines = (ROOT / "deploy" / "commonplace.service").read_text().split("[Service]")[1]
    for line in lines.split("[Install]")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def _instructions(name: str) -> list[str]:
    """What follows each instruction of this name, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def test_a_unit_is_what_systemd_reads() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(ROOT / "deploy" / "commonplace.service")
    assert parser.sections() == ["Unit", "Service", "Install"]


def test_stopping_is_given_more_time_than_it_takes(unit: dict[str, list[str]]) -> None:
    longest = FINISHING_SECONDS + CLOSING_SECONDS
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) > longest
    assert int(unit["TimeoutStopSec"][0]) > longest


def test_settings_that_can_not_be_used_are_not_tried_again(unit: dict[str, list[str]]) -> None:
    assert unit["Restart"] == ["on-failure"]
    assert unit["RestartPreventExitStatus"] == [str(UNUSABLE)]


def test_nobody_is_root_and_only_the_data_folder_can_be_written(
    unit: dict[str, list[str]],
) -> None:
    assert not _instructions("USER")[-1].startswith(("root", "0"))
    assert COMPOSE["read_only"] is True
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert COMPOSE["volumes"] == ["data:/data"]
    assert unit["DynamicUser"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]


def test_a_command_beside_the_service_uses_its_program_user_data_and_settings(
    unit: dict[str, list[str]],
) -> None:
    [start] = unit["ExecStart"]
    program, _, _, settings = start.split()
    assert f'    {program} "$@"' in COMMAND
    given = dict(re.findall(r"(?:-p |-E |--)(\w+)=(\S+)", COMMAND))
    assert given["uid"] == unit["User"][0]
    same = ("DynamicUser", "StateDirectory", "StateDirectoryMode", "UMask", "LoadCredential")
    limits = ("MemoryMax", "TasksMax", "LimitNOFILE")
    assert {key: given[key] for key in same + limits} == {
        key: unit[key][0] for key in same + limits
    }
    assert Path(given["WorkingDirectory"]) / config.CONFIG_FILE == Path(settings)
    for pair in " ".join(unit["Environment"]).split():
        key, value = pair.split("=")
        # Where systemd puts credentials and state of a unit.
        there = value.replace("%S", "/var/lib").replace("%d", "/run/credentials/$unit")
        assert given[key].strip('"') == there


def test_the_command_beside_the_service_is_a_program_that_is_told_of(
    unit: dict[str, list[str]],
) -> None:
    assert (ROOT / "deploy" / "commonplace.sh").stat().st_mode & 0o111
    for name in ("commonplace.sh", "commonplace.service"):
        assert f"deploy/{name}" in OPERATING
    assert unit["LoadCredential"][0].removeprefix("token:") in OPERATING


def test_a_release_that_needs_nothing_new_is_a_small_layer() -> None:
    """All that the project's version or its code changes stands behind what it needs."""
    needed, program = DOCKERFILE.index("AS needed"), DOCKERFILE.index("AS program")
    copied = re.findall(r"^COPY (.*)$", DOCKERFILE[needed:program], re.MULTILINE)
    assert copied == ["deploy/requirements*.txt /"]
    assert "--no-deps" in DOCKERFILE[program:]


def test_the_image_is_made_of_what_docker_is_given_and_of_all_packages() -> None:
    given = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in _instructions("COPY")
        if not line.startswith("--from")
        for source in shlex.split(line)[:-1]
    }
    assert copied == given
    assert {"bot", "indexer", "knowledge"} < copied
    assert all([*ROOT.glob(source)] for source in copied)


def test_no_address_of_a_registry_is_named() -> None:
    """PyTorch's index, for the extra `models`, is an argument without a default."""
    assert 'ARG TORCH_INDEX=""' in DOCKERFILE
    files = ("Dockerfile", "compose.yaml", "compose.cluster.yaml", "deploy/container.toml")
    for name in (*files, *(f"deploy/{path.name}" for path in LISTS)):
        addresses = re.findall(r"https?://[^/\s']+", (ROOT / name).read_text())
        assert addresses == [], name


def test_the_token_is_a_file_that_the_bot_alone_is_shown(unit: dict[str, list[str]]) -> None:
    assert COMPOSE["environment"] == {config.TOKEN_FILE_VARIABLE: "/run/secrets/token"}
    assert COMPOSE["secrets"] == ["token"]
    secrets = yaml.safe_load((ROOT / "compose.yaml").read_text())["secrets"]
    assert secrets == {"token": {"file": "./token"}}
    assert {"/token", ".env"} < set((ROOT / ".gitignore").read_text().splitlines())
    assert f"{config.TOKEN_FILE_VARIABLE}=%d/token" in unit["Environment"]
    for text in (COMMAND, *unit["Environment"], *unit.get("EnvironmentFile", ())):
        assert f"{config.TOKEN_VARIABLE}=" not in text


def test_memory_processes_and_open_files_have_an_end(unit: dict[str, list[str]]) -> None:
    assert (COMPOSE["mem_limit"], unit["MemoryMax"]) == ("2g", ["2G"])
    assert [str(COMPOSE["pids_limit"])] == unit["TasksMax"]
    assert [str(COMPOSE["ulimits"]["nofile"])] == unit["LimitNOFILE"]
    # A dump of the process would hold the token.
    assert [str(COMPOSE["ulimits"]["core"])] == unit["LimitCORE"]


def test_the_image_installs_nothing_whose_digest_is_not_in_the_repository() -> None:
    """PyTorch (extra `models`) is the exception: its digest is the operator's, with its index."""
    installs = re.findall(r"pip install (.*?)(?= &&|$)", "\n".join(_instructions("RUN")), re.M)
    assert [line.split()[0] for line in installs] == ["--no-deps"] * 3
    needed, pytorch, program = installs
    assert '*" models "*) ;; *) exit 0' in DOCKERFILE
    assert '--index-url "${TORCH_INDEX}"' in pytorch
    assert "${TORCH_SHA256:+ --hash=sha256:${TORCH_SHA256}}" in DOCKERFILE
    assert '--require-hashes --requirement /requirements.txt "$@"' in needed
    assert program.endswith(' . "$@"')


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / "deploy" / name).read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    return dict(line.split()[0].split("==") for line in lines)


def test_the_locked_list_has_each_dependency_in_a_release_that_is_allowed() -> None:
    locked = _locked("requirements.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for needed in map(Requirement, project["dependencies"]):
        assert locked[canonicalize_name(needed.name)] in needed.specifier, needed.name
    heavy = {"torch", "transformers", "scipy", "sympy", "scikit-learn", "onnx"}
    assert not heavy & locked.keys()


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_an_extra_needs_besides_is_locked_in_releases_that_are_allowed(extra: str) -> None:
    besides, needed = _locked(f"requirements-{extra}.txt"), _locked("requirements.txt")
    pytorch = dict(re.findall(r"^ARG (TORCH)=(.*)$", DOCKERFILE, re.M))
    assert not besides.keys() & needed.keys()
    for one in _required(extra):
        for name in (one.name, *(f"{one.name}-{part}" for part in one.extras)):
            known = besides | needed | {"torch": pytorch["TORCH"]}
            release = known[canonicalize_name(name)]
            assert release in one.specifier or name != one.name


def _required(extra: str) -> list[Requirement]:
    """The requirements of an extra; in place of a model's package, those of the package."""
    own = [*map(Requirement, PROJECT["optional-dependencies"][extra])]
    if own[0].name != f"commonplace-model-{extra}":
        return own
    model = tomllib.loads((ROOT / "models" / extra / "pyproject.toml").read_text())
    return [*map(Requirement, model["project"]["dependencies"])]


def test_extras_that_are_installed_together_agree_on_each_release() -> None:
    together = [_locked(f"requirements-{extra}.txt").items() for extra in EXTRAS]
    assert len({name for name, _ in set().union(*together)}) == len(set().union(*together))


def test_the_image_can_be_built_with_each_extra_that_a_document_names() -> None:
    """Those for development alone need no image."""
    assert 'ARG EXTRAS="preview"' in DOCKERFILE
    assert '"/requirements-${extra}.txt"' in DOCKERFILE
    assert COMPOSE["build"]["args"]["EXTRAS"] == "${EXTRAS:-}"
    table = OPERATING.split("### Extras")[1].split("\n## ")[0].split("\n### ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(EXTRAS)
    documents = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    named = {
        extra
        for path in documents
        for said in re.findall(r"\bEXTRAS=(\w+(?: \w+)*)|'\.\[([\w,-]+)\]'", path.read_text())
        for extra in re.split("[ ,]", "".join(said))
    }
    assert named - {*EXTRAS, "dev", "llm-test", "fuzz"} == set()
    assert named >= {"git", "ocr", "mcp", "serve", "postgres", "page", "plot"}


def test_the_list_of_development_has_each_tool_in_a_release_that_is_allowed() -> None:
    """By the name and the release; which platform a line is for stands behind it."""
    name_of_list = "requirements-dev.txt"
    assert _locked(name_of_list)
    text = (ROOT / "deploy" / name_of_list).read_text()
    locked: dict[str, list[str]] = {}
    for name, release in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        locked.setdefault(name, []).append(release)
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for one in map(Requirement, needed):
        releases = locked.get(canonicalize_name(one.name), [])
        assert releases or one.name == "torch"
        assert all(release in one.specifier for release in releases), one.name
    assert name_of_list in (ROOT / "deploy" / "install.py").read_text()


def test_tests_run_with_locked_releases() -> None:
    """Those of the image's base and of the extra `models`, too. `make test` installs them."""
    lists = [_locked(name) for name in ("requirements.txt", "requirements-models.txt")]
    releases = set(
        re.findall(
            r"^([\w.-]+)==([^\s;]+)",
            (ROOT / "deploy" / "requirements-dev.txt").read_text(),
            re.MULTILINE,
        )
    )
    assert set().union(*(locked.items() for locked in lists)) <= releases
    locked_names = {name for name, _ in releases}
    here = {
        (canonicalize_name(package.name), package.version)
        for package in importlib.metadata.distributions()
    }
    assert {package for package in here if package[0] in locked_names} <= releases


def test_the_services_of_a_cluster_are_the_one_of_a_bot_several_times() -> None:
    services = CLUSTER["services"]
    same = ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit", "ulimits", "init")
    for name in ("bot-1", "bot-2", "worker"):
        for key in (*same, "stop_grace_period", "restart", "tmpfs"):
            assert services[name][key] == COMPOSE[key], (name, key)
        assert services[name]["build"]["args"] == {
            **COMPOSE["build"]["args"],
            "EXTRAS": "postgres ${EXTRAS:-}",
        }
        assert services[name]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["bot-1"] == services["bot-2"]
    assert "pg_isready" in services["database"]["healthcheck"]["test"]
    used = {one.split(":")[0] for each in services.values() for one in each["volumes"]}
    assert {name for name in used if not name.startswith(".")} == set(CLUSTER["volumes"])


def test_secrets_of_a_cluster_are_files_and_the_worker_has_no_token() -> None:
    services = CLUSTER["services"]
    assert services["bot-1"]["environment"] == {
        config.TOKEN_FILE_VARIABLE: "/run/secrets/token",
        "PGPASSFILE": "/run/secrets/pgpass",
    }
    assert services["bot-1"]["secrets"] == ["token", "pgpass"]
    assert services["worker"]["environment"] == {"PGPASSFILE": "/run/secrets/pgpass"}
    assert services["worker"]["secrets"] == ["pgpass"]
    assert services["database"]["secrets"] == ["database-password"]
    ignored = set((ROOT / ".gitignore").read_text().splitlines())
    for name, secret in CLUSTER["secrets"].items():
        assert secret == {"file": f"./{name}"}
        assert f"/{name}" in ignored


def test_the_settings_of_a_cluster_are_the_containers_and_a_database_without_a_password() -> None:
    settings = config.load(ROOT / "deploy" / "cluster.toml")
    database = CLUSTER["services"]["database"]["environment"]
    user, name = database["POSTGRES_USER"], database["POSTGRES_DB"]
    assert settings.data.database == f"postgresql://{user}@database/{name}"
    assert (settings.health, settings.log) == (CONTAINER.health, CONTAINER.log)
    mounted = "./deploy/cluster.toml:/etc/commonplace/config.toml:ro"
    for service in ("bot-1", "bot-2", "worker"):
        assert mounted in CLUSTER["services"][service]["volumes"]


def test_every_stage_of_the_image_is_of_the_base_that_an_operator_can_name() -> None:
    bases = {base.split()[0] for base in _instructions("FROM")} - {"needed"}
    assert bases == {"${PYTHON_IMAGE}"}
    assert "PYTHON_IMAGE" in OPERATING


def test_the_container_serves_health_where_it_is_asked() -> None:
    assert CONTAINER.health.port == int(_instructions("EXPOSE")[0])
    assert f"'127.0.0.1:{CONTAINER.health.port}'" in _instructions("HEALTHCHECK")[0]
    assert "'/healthz'" in _instructions("HEALTHCHECK")[0]
    assert CONTAINER.log.format == "json"


@pytest.mark.parametrize(("reasons", "code"), [((), 0), (("Discord is not connected.",), 1)])
async def test_the_healthcheck_tells_well_from_unwell_and_why(
    reasons: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An engine may name its proxy in every container.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async def look() -> Health:
        return Health(reasons)

    async def expose() -> bytes:
        return b""

    [script] = re.findall(r'"-c", "(.*)"\]', _instructions("HEALTHCHECK")[0])
    async with serving(HealthSettings(port=0), look, expose) as address:
        here = script.replace(f"127.0.0.1:{CONTAINER.health.port}", address.split("//")[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", here, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    assert process.returncode == code
    assert json.loads(said)["reasons"] == list(reasons)


@pytest.mark.slow
def test_the_image_answers_stops_and_refuses_as_it_should() -> None:
    tried = subprocess.run(
        [ROOT / "deploy" / "try_image.sh"],
        capture_output=True,
        text=True,
        check=False,
        timeout=IMAGE_SECONDS,
    )
    said = f"{tried.stdout}\n{tried.stderr}"
    if tried.returncode == UNTRIED:
        pytest.skip(said)
    assert tried.returncode == 0, said


def test_workflows_are_safe_and_actions_pinned_by_digest() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", ".github"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_compose_files_are_valid_by_the_compose_specification(name: str) -> None:
    schema = json.loads((ROOT / "tests" / "compose-spec.json").read_text())
    jsonschema_rs.validate(schema, yaml.safe_load((ROOT / name).read_text()))
