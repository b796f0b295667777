"""Private names are found at every possible place, and missed elsewhere."""

import re
import tomllib
from datetime import date
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from knowledge.dependencies import missing, own_version, require

THERE = (
    "json.encoder:c_make_encoder",
    # Set in `__init__`.
    "json.encoder:JSONEncoder.sort_keys",
    "email.message:Message._headers",
)
GONE = ("json:nothing", "json.encoder:JSONEncoder._gone", "json.gone:x", "gone:x")


def test_what_is_there_is_found_also_what_only_an_instance_has() -> None:
    assert missing(THERE) == []


def test_what_is_gone_is_named_with_the_release_that_lacks_it() -> None:
    assert missing([*THERE, *GONE]) == [*GONE]
    with pytest.raises(ImportError, match=r"pytest \d.* lacks json:nothing, "):
        require("pytest", GONE)
    require("pytest", THERE)


ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RELEASES = re.findall(r"^## \[(.+)\](?: - (.+))?$", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_the_installed_version_is_that_of_the_checkout() -> None:
    """`commonplace --version` says it; where this fails, install the checkout again."""
    assert own_version() == PROJECT["version"]


def test_the_changelog_begins_with_this_version_and_its_date() -> None:
    version, day = next(release for release in RELEASES if release[0] != "Unreleased")
    assert version == PROJECT["version"]
    assert date.fromisoformat(day) >= date(2026, 11, 29)


def test_the_package_tells_who_made_it_for_whom() -> None:
    told = metadata(PROJECT["name"])
    assert [author["name"] for author in PROJECT["authors"]] == told.get_all("Author")
    assert ",".join(PROJECT["keywords"]) == told["Keywords"]
    assert PROJECT["classifiers"] == told.get_all("Classifier")


def test_oldest_classified_python_is_required() -> None:
    named = [said for said in PROJECT["classifiers"] if re.fullmatch(r".*Python :: 3\.\d+", said)]
    assert PROJECT["requires-python"] == f">={named[0].rpartition(' ')[2]}"
