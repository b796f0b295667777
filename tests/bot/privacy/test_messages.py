"""Messages of `/privacy`."""

from pathlib import Path

import pytest

from bot.privacy.messages import KINDS, privacy
from knowledge.store.erasure.personal_data import Stored
from knowledge.store.store import Store
from tests.bot.spoken import english


def test_every_kind_of_stored_data_has_a_sentence(tmp_path: Path) -> None:
    with Store(tmp_path / "community.db") as store:
        stored = store.personal_data.summary(1, None)
    assert [*stored, "messages"] == [*KINDS]


def test_counts_are_aligned_without_empty_kinds() -> None:
    stored = {"notes": Stored(1, 1_200), "questions": Stored(12, 12), "reports": Stored(0, 0)}

    _, notes, questions, *rest = english(privacy, stored, quiet=False, withheld=False).splitlines()

    assert notes.startswith("`    1 / 1,200` Notes")
    assert questions.startswith("`   12 /    12` Questions")
    assert not any(line.startswith("`") for line in rest)


@pytest.mark.parametrize("host", ["", "model.example"])
def test_it_denies_sharing_only_without_a_public_page(host: str) -> None:
    said = privacy({}, quiet=False, withheld=False, model_host=host)
    assert "public page" not in said
    assert "I don't share this with anyone" in said

    said = privacy({}, quiet=False, withheld=False, published=2, model_host=host)
    assert "Your notes on public pages, for anyone on the web: **2**." in said
    assert "Apart from public pages, I don't share this with anyone" in said
    assert ("a language model at" in said) is bool(host)
