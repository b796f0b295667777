"""The files for containers and service managers agree with the program that they run.

Neither Docker nor systemd is needed here: docs/operating.md tells what was seen of them.
"""

import asyncio
import configparser
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import config
from bot.cli.console import UNUSABLE
from bot.client import CLOSING_SECONDS
from bot.config import HealthSettings
from bot.process.health import Health, serving
from bot.run import FINISHING_SECONDS

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["commonplace"]
CONTAINER = config.load(ROOT / "deploy" / "container.toml")
COMMAND = (ROOT / "deploy" / "commonplace.sh").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()


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
    same = ("DynamicUser", "StateDirectory", "StateDirectoryMode", "UMask", "EnvironmentFile")
    assert {key: given[key] for key in same} == {key: unit[key][0] for key in same}
    assert Path(given["WorkingDirectory"]) / config.CONFIG_FILE == Path(settings)
    for pair in " ".join(unit["Environment"]).split():
        key, value = pair.split("=")
        assert given[key] == value.replace("%S", "/var/lib")


def test_the_command_beside_the_service_is_a_program_that_is_told_of(
    unit: dict[str, list[str]],
) -> None:
    assert (ROOT / "deploy" / "commonplace.sh").stat().st_mode & 0o111
    for name in ("commonplace.sh", "commonplace.service"):
        assert f"deploy/{name}" in OPERATING
    assert unit["EnvironmentFile"][0] in OPERATING


def test_a_release_that_needs_nothing_new_is_a_small_layer() -> None:
    """All that the project's version or its code changes stands behind what it needs."""
    needed, program = DOCKERFILE.index("AS needed"), DOCKERFILE.index("AS program")
    copied = re.findall(r"^COPY (.*)$", DOCKERFILE[needed:program], re.MULTILINE)
    assert copied == ["--from=listed /needed.txt /"]
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
    assert all((ROOT / source).exists() for source in copied)


def test_no_address_of_a_registry_is_named() -> None:
    """PyTorch's index is an argument without a default, and building without it says so."""
    assert 'ARG TORCH_INDEX=""' in DOCKERFILE
    for name in ("Dockerfile", "compose.yaml", "deploy/container.toml"):
        addresses = re.findall(r"https?://[^/\s']+", (ROOT / name).read_text())
        assert addresses == [], name


def test_no_token_is_written_into_a_file() -> None:
    values: dict[str, Any] = COMPOSE["environment"]
    assert values == {"DISCORD_TOKEN": "${DISCORD_TOKEN:-}"}
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


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
    async with serving(HealthSettings(port=0), look, expose, "text/plain") as address:
        here = script.replace(f"127.0.0.1:{CONTAINER.health.port}", address.split("//")[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", here, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    assert process.returncode == code
    assert json.loads(said)["reasons"] == list(reasons)
