"""The project as a whole: what no test of a module would notice."""

import ast
import inspect
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import frontmatter
import pytest
import yaml

from bot import config

ROOT = Path(__file__).parents[1]
RAW_ARTICLE = ROOT.parent / "shared" / "article"
ARTICLES = sorted((ROOT / "knowledge" / "articles").glob("*.md"))
NAMES = {
    "benefits",
    "business-models",
    "challenges",
    "community",
    "conclusion",
    "early-closed-days",
    "economic-impact",
    "enterprise-adoption",
    "how-ai-became-open",
    "milestones",
    "open-versus-proprietary",
    "popular-models-and-frameworks",
    "rise-of-open-source-software",
    "security-and-ethics",
    "trends-to-2030",
    "what-is-open-source-ai",
}
SKIPPED_FOLDERS = {".git", ".venv", "build", "data", "__pycache__"}


def _project_files(*suffixes: str) -> Iterator[Path]:
    """What is, or would be, committed."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        derived = any(part in SKIPPED_FOLDERS or part.endswith(".egg-info") for part in parts)
        if (
            not hidden
            and not derived
            and path.is_file()
            and (not suffixes or path.suffix in suffixes)
        ):
            yield path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


# Architecture.


def test_imports_obey_the_contracts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_init_module_holds_anything_but_a_docstring() -> None:
    for package in ("bot", "indexer", "knowledge"):
        for path in (ROOT / package).rglob("__init__.py"):
            statements = compile(_text(path), str(path), "exec", flags=0x400).body  # type: ignore[attr-defined]
            assert len(statements) <= 1, path


MOST_MODULES, MOST_LINES, MOST_LINES_OF_PROSE, MOST_LINES_OF_A_FUNCTION = 20, 450, 350, 40
# Sentences and what puts them together.
PROSE = re.compile(r"(.*_)?(messages|output)\.py|cards\.py")
# Functions that are longer, without their docstrings, because they are one list.
LONG_FUNCTIONS = {
    "bot/cli/sources.py": ["add_sources"],
    "bot/client.py": ["__init__"],
    "bot/engine/core.py": ["__init__"],
    "bot/notes/ui/form.py": ["__init__"],
    "bot/process/metrics.py": ["__init__"],
    "bot/programs/mcp_server.py": ["mcp_server"],
    "knowledge/store/migrations.py": ["_chain_by_guild"],
}


def test_no_folder_has_more_modules_than_one_takes_in_at_a_glance() -> None:
    for package in MIRRORED:
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert len([*folder.glob("*.py")]) - 1 <= MOST_MODULES, folder


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    for path in _modules():
        is_prose = PROSE.fullmatch(path.name) and "ui" not in path.parts
        most = MOST_LINES_OF_PROSE if is_prose else MOST_LINES
        assert _text(path).count("\n") <= most, path


def _long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_text(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.lineno + 1 - len(said.splitlines())
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield node.name


def test_only_functions_that_are_one_list_are_long() -> None:
    long = {str(path.relative_to(ROOT)): [*_long_functions(path)] for path in _modules()}
    assert {path: names for path, names in long.items() if names} == LONG_FUNCTIONS


# Modules without a test file of their name: what covers them instead.
COVERED_BY = {
    "bot/process/file_follower.py": "tests/bot/engine/test_machines.py",
    "bot/engine/json_file.py": "tests/bot/engine/test_serving_model.py",
    "bot/phrasing/candidate.py": "tests/bot/phrasing/test_dispatcher.py",
    "bot/command_tree.py": "tests/bot/interactions/test_errors_wire.py",
    "bot/config_sections.py": "tests/bot/test_config.py",
    "bot/sources/addresses.py": "tests/bot/sources/ui/test_cog.py",
    "indexer/text/edit_distance.py": "tests/indexer/index/test_postings.py",
    "indexer/index/sqlite_file.py": "tests/indexer/index/test_database.py",
    "indexer/index/snapshots.py": "tests/indexer/index/test_index_snapshots.py",
    "indexer/index/written_documents.py": "tests/indexer/index/test_tables.py",
    "indexer/index/bound_values.py": "tests/indexer/index/test_tables.py",
    "indexer/index/scope_changes.py": "tests/indexer/index/test_resident_scopes.py",
    "bot/cli/named_sources.py": "tests/bot/cli/test_sources_web_and_exports.py",
    "indexer/index/added_symbols.py": "tests/indexer/index/test_database.py",
    "knowledge/git/http_client.py": "tests/knowledge/git/test_repository.py",
    "knowledge/web/connections.py": "tests/knowledge/web/test_fetcher.py",
    "knowledge/store/database.py": "tests/knowledge/store/test_sqlite_database.py",
    "knowledge/store/moved.py": "tests/knowledge/backup/test_move.py",
    "knowledge/store/insertions.py": "tests/knowledge/store/postgres/test_connection.py",
    "knowledge/store/postgres/placeholders.py": "tests/knowledge/store/postgres/test_connection.py",
    "knowledge/store/postgres/problems.py": "tests/knowledge/store/postgres/test_connection.py",
    "knowledge/store/postgres/values.py": "tests/knowledge/store/postgres/test_connection.py",
    "knowledge/store/notes/review_cards.py": "tests/knowledge/store/notes/test_note_records.py",
    "indexer/embedding/derivation.py": "tests/indexer/embedding/test_onnx_export.py",
    "indexer/embedding/derivation_process.py": "tests/indexer/embedding/test_onnx_export.py",
    "indexer/embedding/onnx_reranker.py": "tests/indexer/embedding/test_reranker_export.py",
    "knowledge/backup/export_files.py": "tests/knowledge/backup/test_importer.py",
    "knowledge/backup/row_transfer.py": "tests/knowledge/backup/test_importer_postgres.py",
    "bot/cli/programs.py": "tests/bot/programs/test_mcp_server.py",
    "bot/programs/reader.py": "tests/bot/programs/test_reader_scopes.py",
    "bot/programs/service.py": "tests/bot/programs/test_reader_scopes.py",
    "bot/version.py": "tests/bot/test_main.py",
    "knowledge/files/text_recognition.py": "tests/knowledge/files/test_picture_text.py",
    "bot/ask/ui/answer_deferred.py": "tests/bot/ask/ui/test_cog.py",
    "bot/ask/button_messages.py": "tests/bot/ask/ui/test_answer_message.py",
    "bot/ask/disagreement.py": "tests/bot/ask/test_messages.py",
    "bot/ask/pictures.py": "tests/bot/notes/ui/test_submission_pictures.py",
    "bot/ask/share.py": "tests/bot/interactions/test_channel_access.py",
    "bot/cli/evaluation.py": "tests/bot/test_main_eval.py",
    "bot/cli/evaluation_output.py": "tests/bot/cli/test_output.py",
    "bot/cli/model_output.py": "tests/bot/cli/test_models.py",
    "bot/cli/plots.py": "tests/bot/test_main_eval.py",
    "bot/cli/source_output.py": "tests/bot/cli/test_output.py",
    "bot/channels/messages.py": "tests/bot/channels/ui/test_cog.py",
    "bot/channels/service.py": "tests/bot/channels/ui/test_cog.py",
    "bot/community/messages.py": "tests/bot/community/ui/test_cog.py",
    "bot/digest/service.py": "tests/bot/digest/ui/test_poster.py",
    "bot/digest/ui/buttons.py": "tests/bot/digest/ui/test_poster.py",
    "bot/gaps/existing_answer.py": "tests/bot/gaps/ui/test_existing_answer.py",
    "bot/gaps/ui/buttons.py": "tests/bot/gaps/ui/test_cog.py",
    "bot/handover/service.py": "tests/bot/handover/ui/test_posts.py",
    "bot/helper/service.py": "tests/bot/helper/ui/test_cog.py",
    "bot/helper/ui/later_messages.py": "tests/bot/helper/ui/test_cog.py",
    "bot/phrasing/sentence_choice.py": "tests/bot/phrasing/test_phraser.py",
    "bot/phrasing/circuit.py": "tests/bot/phrasing/test_endpoint.py",
    "bot/phrasing/form_check.py": "tests/bot/phrasing/test_written_sentences.py",
    "bot/phrasing/passage_order.py": "tests/bot/phrasing/test_phraser.py",
    "bot/phrasing/parsed_sentence.py": "tests/bot/phrasing/test_strict_check.py",
    "bot/phrasing/replies.py": "tests/bot/phrasing/test_phraser.py",
    "bot/notes/form_messages.py": "tests/bot/notes/ui/test_saved_messages.py",
    "bot/limits/messages.py": "tests/bot/limits/ui/test_cog.py",
    "bot/notes/list_messages.py": "tests/bot/notes/ui/test_lists.py",
    "bot/notes/messages.py": "tests/bot/notes/ui/test_cog.py",
    "bot/notes/service.py": "tests/bot/notes/ui/test_submission.py",
    "bot/preview/pages.py": "tests/bot/preview/test_server.py",
    "bot/preview/shell.py": "tests/bot/preview/test_server.py",
    "bot/preview/town.py": "tests/bot/preview/test_server.py",
    "bot/phrasing/messages.py": "tests/bot/setup/ui/test_panel_phrasing.py",
    "bot/phrasing/service.py": "tests/bot/phrasing/test_dispatcher.py",
    "bot/privacy/guild_removal.py": "tests/bot/privacy/ui/test_guild_removal.py",
    "bot/privacy/messages.py": "tests/bot/privacy/ui/test_cog.py",
    "bot/process/leader.py": "tests/bot/interactions/test_localisation.py",
    "bot/review/findings.py": "tests/bot/review/ui/test_cog.py",
    "bot/review/messages.py": "tests/bot/review/ui/test_cog.py",
    "bot/search/service.py": "tests/bot/search/ui/test_cog.py",
    "bot/setup/messages.py": "tests/bot/setup/ui/test_cog.py",
    "bot/setup/panel_messages.py": "tests/bot/setup/ui/test_panel.py",
    "bot/setup/service.py": "tests/bot/setup/ui/test_panel.py",
    "bot/setup/settings.py": "tests/bot/setup/ui/test_panel.py",
    "bot/setup/ui/checks.py": "tests/bot/setup/ui/test_panel.py",
    "bot/setup/ui/controls.py": "tests/bot/setup/ui/test_panel.py",
    "bot/sources/ui/discord_messages.py": "tests/bot/sources/ui/test_channel_sync.py",
    "bot/text/error_messages.py": "tests/bot/interactions/test_unknown_components.py",
    "bot/text/permission_names.py": "tests/bot/setup/ui/test_cog.py",
    "indexer/contradictions/claims.py": "tests/indexer/contradictions/test_detector.py",
    "indexer/index/stored_passage.py": "tests/indexer/index/test_tables.py",
    "indexer/ingest/channels.py": "tests/bot/sources/ui/test_channel_sync.py",
    "knowledge/backup/export_format.py": "tests/knowledge/backup/test_importer.py",
    "knowledge/channels/documents.py": "tests/bot/sources/test_channels.py",
    "knowledge/channels/messages.py": "tests/knowledge/channels/test_archive.py",
    "knowledge/channels/sync_state.py": "tests/bot/sources/test_messages.py",
    "knowledge/channels/threads.py": "tests/bot/sources/test_channels.py",
    "knowledge/files/confinement.py": "tests/knowledge/files/test_sandbox.py",
    "knowledge/files/document.py": "tests/knowledge/files/test_reader.py",
    "knowledge/files/robots_meta.py": "tests/knowledge/web/test_crawl.py",
    "knowledge/files/sandbox_process.py": "tests/knowledge/files/test_sandbox.py",
    "knowledge/model/handovers.py": "tests/knowledge/store/questions/test_handovers.py",
    "knowledge/model/phrasings.py": "tests/knowledge/store/questions/test_phrasings.py",
    "knowledge/model/notes.py": "tests/knowledge/store/notes/test_note_records.py",
    "knowledge/review/prompt_injection.py": "tests/knowledge/review/test_risk_flags.py",
    "knowledge/store/notes/note_states.py": "tests/knowledge/store/notes/test_decisions.py",
    "knowledge/store/guilds/synced_channels.py": "tests/bot/sources/test_channels.py",
    "knowledge/web/safe_network.py": "tests/knowledge/web/test_fetcher.py",
}
MIRRORED = ("bot", "indexer", "knowledge")
# Promises about every feature at once, and those about the tests' own Discord.
WITHOUT_A_MODULE = ("tests/bot/all_features/", "tests/bot/test_strictness.py")


def _modules() -> Iterator[Path]:
    for package in MIRRORED:
        yield from (path for path in (ROOT / package).rglob("*.py") if path.stem != "__init__")


def _decides(module: Path) -> bool:
    """Whether a module can take more than one way, so that a test can find it on the wrong one."""
    ways = (ast.If, ast.IfExp, ast.For, ast.While, ast.Match, ast.Try, ast.BoolOp)
    text = _text(module).replace("\nif TYPE_CHECKING:", "\nwith TYPE_CHECKING:")
    return any(
        isinstance(node, ways) or (isinstance(node, ast.comprehension) and bool(node.ifs))
        for node in ast.walk(ast.parse(text))
    )


def _mirror(module: Path) -> Path:
    """The test file of a module: `test_main.py` is that of `__main__.py`."""
    folder = ROOT / "tests" / module.parent.relative_to(ROOT)
    return folder / f"test_{module.stem.strip('_')}.py"


def test_no_folder_of_tests_shadows_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_each_module_that_decides_something_has_a_test_file_of_its_name() -> None:
    without = {
        str(module.relative_to(ROOT))
        for module in _modules()
        if _decides(module) and not _mirror(module).exists()
    }
    assert without == set(COVERED_BY)
    for covering in COVERED_BY.values():
        assert (ROOT / covering).exists(), covering


def test_each_test_file_is_named_after_a_module_in_the_mirrored_folder() -> None:
    """After the module's name may follow which of its promises: `test_main_eval.py`."""
    mirrors = [(path.parent, path.stem) for path in map(_mirror, _modules())]
    for package in MIRRORED:
        for path in (ROOT / "tests" / package).rglob("test_*.py"):
            if not str(path.relative_to(ROOT)).startswith(WITHOUT_A_MODULE):
                assert any(
                    path.parent == folder and f"{path.stem}_".startswith(f"{stem}_")
                    for folder, stem in mirrors
                ), path


# Settings.


def test_every_setting_is_in_the_settings_file_with_its_default_and_the_reverse() -> None:
    written = tomllib.loads(_text(ROOT / "config.toml"))
    flat = {
        f"{section}.{key}": value
        for section, keys in written.items()
        for key, value in keys.items()
    }
    settings = config.Settings().model_dump(mode="json")
    defaults = {
        f"{section}.{key}": value
        for section, keys in settings.items()
        for key, value in keys.items()
    }
    assert flat == defaults
    assert list(flat) == config.keys()


def test_every_setting_in_the_settings_file_is_explained_above_it() -> None:
    lines = _text(ROOT / "config.toml").splitlines()
    for above, line in itertools.pairwise(lines):
        if re.match(r"\w+ =", line):
            assert above.startswith("# "), line


# Articles.


def _sections(path: Path) -> tuple[dict[str, Any], str]:
    post = frontmatter.loads(_text(path))
    return dict(post.metadata), post.content


def test_all_sixteen_articles_are_there() -> None:
    assert {path.stem for path in ARTICLES} == NAMES


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_an_article_has_the_front_matter_it_should_and_no_more(path: Path) -> None:
    matter, _ = _sections(path)
    assert list(matter) == ["title", "summary", "tags", "sources", "licence", "verified"]
    assert all(isinstance(matter[key], str) and matter[key] for key in ("title", "summary"))
    assert matter["licence"] == "CC-BY-4.0"
    assert isinstance(matter["verified"], date)
    assert matter["tags"]
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in matter["tags"])


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_an_articles_sources_are_named_and_can_be_followed(path: Path) -> None:
    matter, _ = _sections(path)
    assert matter["sources"]
    for source in matter["sources"]:
        assert set(source) == {"name", "url"}
        assert source["name"]
        assert re.fullmatch(r"https?://[^\s<>]+", source["url"])


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_an_article_is_worth_reading(path: Path) -> None:
    _, text = _sections(path)
    assert len(text.split()) >= 300


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_every_link_in_an_article_is_one_of_its_sources(path: Path) -> None:
    matter, text = _sections(path)
    linked = set(re.findall(r"\]\(<?(https?://[^\s)>]+)>?\)", text))
    assert linked <= {source["url"] for source in matter["sources"]}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + 8]) for start in range(len(words) - 7)}


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_an_article_takes_no_sentence_from_the_raw_text(path: Path) -> None:
    if not RAW_ARTICLE.is_dir():
        pytest.skip("the raw text is not beside this checkout (../shared/article)")
    raw = set().union(*(_runs(_text(file)) for file in RAW_ARTICLE.iterdir()))
    assert len(raw) > 100
    assert _runs(_text(path)) & raw == set()


def test_the_raw_text_itself_is_not_committed() -> None:
    if not RAW_ARTICLE.is_dir():
        pytest.skip("the raw text is not beside this checkout (../shared/article)")
    raw = set().union(*(_runs(_text(file)) for file in RAW_ARTICLE.iterdir()))
    for path in _project_files():
        assert len(_runs(_text(path)) & raw) < 5, path


def test_every_folder_of_modules_is_installed_with_its_data() -> None:
    setuptools = tomllib.loads(_text(ROOT / "pyproject.toml"))["tool"]["setuptools"]
    installed = setuptools["packages"]["find"]["include"]
    for package in ("bot", "indexer", "knowledge"):
        assert {package, f"{package}.*"} <= set(installed)
        # A folder without one is not found.
        for module in (ROOT / package).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module
    patterns = {
        (ROOT / package.replace(".", "/"), pattern)
        for package, given in setuptools["package-data"].items()
        for pattern in given
    }
    data = {path for folder, pattern in patterns for path in folder.glob(pattern)}
    assert not [
        path
        for package in ("bot", "indexer", "knowledge")
        for path in (ROOT / package).rglob("*.*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".pot"} and path not in data
    ]


# Tests.


def test_every_test_says_in_its_name_what_it_promises() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^(?:async )?def (test_\w+)", _text(path), re.MULTILINE):
            assert name.count("_") >= 3, (path.name, name)


# Hygiene.


# Put together so that this file does not say them itself.
MACHINE_PATHS = re.compile("/" + r"(?:work|root|home/\w+|Users/\w+)/|/" + r"tmp/\w")
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|X" + "XX")


def test_no_file_says_a_machines_path() -> None:
    for path in _project_files():
        found = MACHINE_PATHS.search(_text(path))
        assert found is None, (path, found)


def test_nothing_is_left_unfinished() -> None:
    for path in _project_files(".py", ".toml", ".md", ".yml", ""):
        found = UNFINISHED.search(_text(path))
        assert found is None, (path, found)


def test_no_function_of_ours_is_patched_in_a_test() -> None:
    patched = re.compile(
        r"mo" + r"ck\.|Magic" + r"Mock|monkeypatch\.setattr\(\s*(?:bot|indexer|know)"
    )
    for path in (ROOT / "tests").rglob("*.py"):
        assert not patched.search(_text(path)), path


def test_every_module_says_what_it_is_for() -> None:
    for package in ("bot", "indexer", "knowledge"):
        for path in (ROOT / package).rglob("*.py"):
            assert inspect.cleandoc(_text(path)).startswith('"""'), path


def test_yaml_is_read_safely() -> None:
    with pytest.raises(yaml.YAMLError):
        frontmatter.loads("---\na: !!python/object/apply:os.getcwd []\n---\nText.")


def test_each_module_docstring_begins_with_the_noun_of_what_it_is() -> None:
    clause = re.compile(r"(?:What|How|Which|Who|Whose|Whom|Whether|Where|When|Why)\b(?!-)")
    for package in ("bot", "indexer", "knowledge", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            first = ast.get_docstring(ast.parse(_text(path))) or ""
            assert not clause.match(first), f"{path}: {first.splitlines()[0]}"
