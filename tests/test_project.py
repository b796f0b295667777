"""The project as a whole: promises beyond a single module."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import frontmatter
import pytest
import yaml

from bot.config import settings as config

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
SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "data", "__pycache__"}


def _project_files(*suffixes: str) -> Iterator[Path]:
    """Files to be committed."""
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


def test_no_init_module_holds_anything_but_a_docstring() -> None:
    for package in ("bot", "indexer", "knowledge"):
        for path in (ROOT / package).rglob("__init__.py"):
            statements = compile(_text(path), str(path), "exec", flags=0x400).body  # type: ignore[attr-defined]
            assert len(statements) <= 1, path


def test_no_ui_module_touches_the_index() -> None:
    """Its feature's service does; the contracts see imports only."""
    reached = re.compile(r"\bcore\.(?:index|retriever)\b")
    modules = (ROOT / "bot").glob("*/ui/*.py")
    assert [path for path in modules if reached.search(_text(path))] == []


MIRRORED = ("bot", "indexer", "knowledge")
# Promises about every feature at once, and about the tests' own Discord.
WITHOUT_A_MODULE = ("tests/bot/all_features/", "tests/bot/test_strictness.py")


def _modules() -> Iterator[Path]:
    for package in MIRRORED:
        yield from (path for path in (ROOT / package).rglob("*.py") if path.stem != "__init__")


def _mirror(module: Path) -> Path:
    """The test file of a module: `test_main.py` for `__main__.py`."""
    folder = ROOT / "tests" / module.parent.relative_to(ROOT)
    return folder / f"test_{module.stem.strip('_')}.py"


def test_no_folder_of_tests_shadows_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_each_test_file_is_named_after_a_module_in_the_mirrored_folder() -> None:
    """A suffix may name some of its promises: `test_main_eval.py`."""
    mirrors = [(path.parent, path.stem) for path in map(_mirror, _modules())]
    for package in MIRRORED:
        for path in (ROOT / "tests" / package).rglob("test_*.py"):
            if not str(path.relative_to(ROOT)).startswith(WITHOUT_A_MODULE):
                assert any(
                    path.parent == folder and f"{path.stem}_".startswith(f"{stem}_")
                    for folder, stem in mirrors
                ), path


# Settings.


def test_the_settings_file_has_every_setting_with_its_default_and_description() -> None:
    assert _text(ROOT / "config.toml") == config.template()
    assert tomllib.loads(config.template()) == config.Settings().model_dump(mode="json")
    assert all(description for _, _, description in config.table())


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


# In pieces, so this file doesn't match.
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


# Files for contributors.


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_what_ci_runs_is_there() -> None:
    jobs = _yaml(".github/workflows/tests.yml")["jobs"]
    targets = re.findall(r"^([a-z-]+):", _text(ROOT / "Makefile"), re.MULTILINE)
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    for target in re.findall(r"\bmake ([a-z-]+)", "\n".join(runs)):
        assert target in targets
    assert ".ci/run" in runs
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    supported = re.findall(r":: Python :: (3\.\d+)", _text(ROOT / "pyproject.toml"))
    assert jobs["quick"]["strategy"]["matrix"]["python"] == (supported or ["3.11", "3.12", "3.13"])


def test_hooks_are_of_this_checkout_and_use_tools_that_are_installed() -> None:
    [repository] = _yaml(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    makefile = _text(ROOT / "Makefile")
    for hook in repository["hooks"]:
        tool, *words = hook["entry"].split()
        program = tool.removeprefix(".venv/bin/")
        assert f"$(BIN)/{program}" in makefile, tool
        assert all((ROOT / word).exists() for word in words if word.endswith(".md"))
    generated = {word for word in repository["hooks"][-1]["entry"].split() if word.endswith(".md")}
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert generated == {
        str(path.relative_to(ROOT)) for path in documents if "[[[cog" in _text(path)
    }


def test_what_dependabot_looks_at_is_there() -> None:
    kinds = {
        "pip": "requirements*.txt",
        "docker": "Dockerfile",
        "github-actions": ".github/workflows/*",
    }
    for update in _yaml(".github/dependabot.yml")["updates"]:
        folder = ROOT / update["directory"].strip("/")
        assert [*folder.glob(kinds[update["package-ecosystem"]])]


def test_templates_name_commands_and_files_that_are_there() -> None:
    templates = [*(ROOT / ".github").rglob("*.yml"), *(ROOT / ".github").rglob("*.md")]
    targets = re.findall(r"^([a-z-]+):", _text(ROOT / "Makefile"), re.MULTILINE)
    root = [ROOT / name for name in ("SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md")]
    for path in (*templates, *root):
        text = _text(path)
        for file in re.findall(r"\b(?:docs/)?[\w-]+\.md\b", text):
            assert (ROOT / file).exists() or (ROOT / "docs" / file).exists(), (path, file)
        assert all(target in targets for target in re.findall(r"`make ([a-z-]+)", text)), path
        for command in re.findall(r"`commonplace (\w+)", text):
            assert f'"{command}"' in _text(ROOT / "bot" / "__main__.py"), (path, command)


def test_each_licence_that_the_notice_names_is_there_whole() -> None:
    for path, ending in (
        ("models/english/LICENSE", "limitations under the License."),
        ("LICENSES/CC-BY-4.0.txt", "Creative Commons may be contacted at creativecommons.org."),
    ):
        assert path.removesuffix("/LICENSE") in _text(ROOT / "NOTICE")
        assert ending in _text(ROOT / path)


def test_nothing_says_to_install_a_package_of_somebody_elses() -> None:
    """The package index has another `commonplace`; this one is installed from its checkout."""
    old = re.compile(r"pip install '?commonplace(?!-bot)\b")
    said = [path for path in _project_files() if path != Path(__file__) and old.search(_text(path))]
    assert said == []
    # A copy would go on running after `git pull`.
    copied = re.compile(r"pip install '?\.\[")
    assert [path for path in _project_files() if copied.search(_text(path))] == []
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))["project"]
    assert project["name"] == "commonplace-bot"
    assert list(project["scripts"]) == ["commonplace"]


# The length of documents.


def test_the_operators_guide_is_short_and_begins_each_task_with_its_command() -> None:
    text = re.sub(r"<!-- \[\[\[cog.*?\]\]\] -->", "", _text(ROOT / "docs/operating.md"), flags=re.S)
    assert len(text.split()) <= 3_500
    sections = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n)*)", text, re.MULTILINE))
    assert list(sections) == [
        "Install",
        "Back up",
        "Restore",
        "Upgrade",
        "Monitor",
        "Troubleshoot",
        "Tell your members",
    ]
    for name in ("Back up", "Restore", "Upgrade", "Monitor", "Troubleshoot"):
        assert sections[name].startswith("```sh\n"), name
    # Read at 230 words a minute, from the top.
    assert len(text[: text.index("commonplace backup")].split()) <= 230
    assert len(text[: text.index("commonplace restore")].split()) <= 460


def test_a_decision_is_read_in_half_a_minute() -> None:
    entries = re.split(r"\n(?=- \*\*|## )", _text(ROOT / "docs/decisions.md"))
    long = [entry[:60] for entry in entries if entry.startswith("- ") and len(entry.split()) > 120]
    assert long == []


def test_the_documents_can_be_read_in_an_afternoon() -> None:
    words = sum(len(_text(path).split()) for path in (ROOT / "docs").glob("*.md"))
    assert words <= 32_000
