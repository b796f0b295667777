"""Private names are found at every possible place, and missed elsewhere."""

import pytest

from knowledge.dependencies import missing, require

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
