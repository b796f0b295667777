"""What `doctor` finds out before a member, or somebody else, does."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.cli import doctor
from bot.cli.doctor import EMPTY, Finding, _discord, _servers, _sources, examine
from bot.config.settings import ANYBODY, GuildsSettings, Settings
from bot.models.calibrations import CALIBRATION, save_calibration
from bot.models.serving_model import Served, open_serving, switch_to
from bot.storage.data_folder import COMMUNITY, data_folder, hold_bot_lock
from bot.text.languages import COMMAND_FOR_LANGUAGES
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.retrieval.evidence import FittedFor, default_calibration
from knowledge.dependencies import install_hint
from knowledge.store.erasure.tombstones import FILE
from knowledge.store.store import Store
from knowledge.values.documents import SHARED
from knowledge.values.guilds import Language
from knowledge.values.notes import Member
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

Examiner = Callable[[str], dict[str, Finding]]
pytestmark = pytest.mark.usefixtures("words")


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open word embedders in place of the models."""

    def open_words(record: ModelRecord) -> RecordedModel:
        return RecordedModel(WordEmbedder(model=record.name), replace(record, languages=("en",)))

    monkeypatch.setattr(doctor, "open_serving", partial(open_serving, opener=open_words))


@pytest.fixture
def examined(tmp_path: Path) -> Examiner:
    """Examine a new data folder with these lines under [model]; findings by subject."""
    data = data_folder(tmp_path / "data")

    def examine_with(lines: str) -> dict[str, Finding]:
        config = tmp_path / "config.toml"
        config.write_text(f"[model]\n{lines}\n")
        return {finding.subject: finding for finding in examine(config, data)}

    return examine_with


def test_a_public_bot_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    warning = Finding("servers", True, ANYBODY, warning=True)
    assert warning in _discord(Settings())
    named = GuildsSettings(allowed=[1])  # type: ignore[arg-type]
    assert warning not in _discord(Settings(guilds=named))
    assert list(_servers(Settings(), public=False)) == []


def test_parts_that_are_not_used_have_no_finding(examined: Examiner) -> None:
    found = examined("")
    unused = {"reranker", "language", "phrasing", "privacy", "notes", "copies of the database"}
    assert not (unused | {"text in pictures", "repositories"}) & found.keys()


def test_libraries_of_other_models_are_named(
    examined: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examined("")["libraries of other models"]
    assert re.fullmatch(r"sentence-transformers \S+, torch \S+", found.details)
    for name in ("sentence_transformers", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    found = examined("")["libraries of other models"]
    assert found.passed
    assert install_hint("models") in found.details


def test_a_reranker_is_opened_and_timed(examined: Examiner, cross_encoder: Path) -> None:
    found = examined(f'reranker = "{cross_encoder}"\nreranker_ms = 60000')["reranker"]
    assert found.passed
    assert "reads 32 passages in 60000 ms" in found.details


def test_a_missing_reranker_is_wrong(examined: Examiner) -> None:
    found = examined('reranker = "no/such-model"')
    assert not found["reranker"].passed
    assert "There is no reranker" in found["reranker"].details
    assert "index" in found


def test_by_what_evidence_is_judged_is_told_and_what_is_not_applied(
    examined: Examiner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shipped calibration is the real model's.
    monkeypatch.setattr(doctor, "open_serving", open_serving)
    assert examined("")["evidence"].details == "judged by the shipped calibration of this model"
    data = tmp_path / "data"
    own = default_calibration()
    save_calibration(data, replace(own, model=FittedFor("owner/other", "0" * 16)))
    found = examined("")["evidence"].details
    assert "was fitted for owner/other and is not applied" in found
    assert "run `python -m benchmarks.fitting`" in found
    save_calibration(data, own)
    assert examined("")["evidence"].details.endswith("calibration.toml, fitted for this model")
    (data / CALIBRATION).write_text("bias = 1")
    assert not examined("")["evidence"].passed


def test_an_unusable_configured_model_is_a_warning(examined: Examiner, tmp_path: Path) -> None:
    examined("")
    # A bot's start writes the pointer; another model is configured later.
    switch_to(tmp_path / "data", DEFAULT_MODEL, Served(ModelRecord(DEFAULT_MODEL)))
    found = examined('name = "no/such-model"')
    assert (found["next model"].passed, found["next model"].warning) == (True, True)
    assert "The model 'no/such-model' isn't on this machine." in found["next model"].details
    assert found["model"].details.startswith(DEFAULT_MODEL)


def test_an_unread_chosen_language_is_a_warning(examined: Examiner, tmp_path: Path) -> None:
    examined("")
    with Store(tmp_path / "data" / COMMUNITY) as store:
        store.guilds.change(10, {"language": Language.GERMAN}, 1)
        store.channel_settings.change(5, 11, {"language": Language.GERMAN}, 1)
    found = examined("")["language"]
    assert (found.passed, found.warning) == (True, True)
    assert found.details.startswith("2 servers chose German")
    assert COMMAND_FOR_LANGUAGES in found.details


def test_an_empty_index_needs_a_running_bot(examined: Examiner, tmp_path: Path) -> None:
    """As in the folder of a database that was moved."""
    assert examined("")["index"] == Finding("index", False, EMPTY)
    with hold_bot_lock(tmp_path / "data"):
        assert examined("")["index"].passed


def test_the_endpoint_that_phrases_is_asked(examined: Examiner) -> None:
    lines = '[phrasing]\nmode = "choose"\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"'
    found = examined(lines)["phrasing"]
    assert not found.passed
    assert "can't be connected to" in found.details


def test_unkept_opt_outs_are_counted(examined: Examiner, tmp_path: Path) -> None:
    examined("")
    with Store(tmp_path / "data" / COMMUNITY) as store:
        store.quote_opt_outs.withhold(12)
    assert "privacy" not in examined("")
    (tmp_path / "data" / FILE).unlink()
    found = examined("")["privacy"]
    assert not found.passed
    assert found.details.startswith("1 member or name")


def test_notes_that_contradict_the_log_are_named(examined: Examiner, tmp_path: Path) -> None:
    examined("")
    with Store(tmp_path / "data" / COMMUNITY) as store:
        note = store.contributions.propose(10, Member(1, "Mira"), 5, Submission("T", "Text.")).note
    assert "notes" not in examined("")
    with Store(tmp_path / "data" / COMMUNITY) as store, store.database.writing():
        store.database.run("update revisions set state = 'approved'")
    found = examined("")["notes"]
    assert not found.passed
    assert f"({note.id})" in found.details


def test_copies_from_upgrades_are_no_fault(examined: Examiner, tmp_path: Path) -> None:
    examined("")
    (tmp_path / "data" / "community.m001_first_tables.db").write_bytes(b"x" * 300_000)
    found = examined("")["copies of the database"]
    assert found.passed
    assert "community.m001_first_tables.db (0.3 MB)" in found.details


@pytest.mark.usefixtures("rapidocr", "picture_sandbox")
def test_text_recognition_is_reported_where_wanted(examined: Examiner) -> None:
    found = examined("[pictures]\nread_text = true")["text in pictures"]
    assert found == Finding("text in pictures", True, "can be read")


def test_repositories_are_counted_and_what_reads_them_is_looked_for(
    examined: Examiner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined("")
    with Store(tmp_path / "data" / COMMUNITY) as store:
        store.add_source("git+https://github.com/owner/name", SHARED)
        store.add_source("https://a.org/", SHARED)
    found = examined("")["repositories"]
    assert (found.passed, found.details) == (True, "1 followed by commit")
    # As where the extra was not installed.
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "dulwich", raising=False)
    with Store(tmp_path / "data" / COMMUNITY) as store:
        found = next(_sources(store, tmp_path / "data", ""))
    assert not found.passed
    assert install_hint("git") in found.details
