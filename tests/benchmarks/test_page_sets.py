"""Page sets: what is read of a set and a checkout of its repository, and what is refused."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import knowledge.articles
from benchmarks.page_sets import digest, page_set, page_source
from indexer.evaluation.judged_sets import JudgedSetError, read_rows

SETS = Path(__file__).parents[1] / "judged" / "communities"
FOLDERS = sorted(path.parent for path in SETS.glob("*/set.toml"))

REPOSITORY = "bees/hive"
PAGE = "---\ntitle: Keeping bees\n---\n\nBees need hives.\n\n## `Winter` feed {#winter}\n\nSugar.\n"


def _git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    command = ["git", *named, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    """A checkout of a repository with two pages, one of them outside the folder that is read."""
    checkout = tmp_path / "checkouts" / REPOSITORY.replace("/", "+")
    (checkout / "docs").mkdir(parents=True)
    (checkout / "docs" / "keeping.md").write_text(PAGE)
    (checkout / "README.md").write_text("How to build this site.\n")
    _git(checkout, "init", "--quiet")
    _git(checkout, "add", ".")
    _git(checkout, "commit", "--quiet", "-m", "Say how bees are kept")
    return checkout.parent


@pytest.fixture
def folder(tmp_path: Path, checkouts: Path) -> Path:
    """A set over it, with one question that a section answers, and one that nothing does."""
    folder = tmp_path / "set"
    folder.mkdir()
    commit = _git(checkouts / "bees+hive", "rev-parse", "HEAD").strip()
    (folder / "set.toml").write_text(
        f'repository = "{REPOSITORY}"\ncommit = "{commit}"\nfolders = ["docs"]\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "what do they eat when cold"}\n')
    (folder / "unanswerable.jsonl").write_text(
        '{"_id": "u1", "text": "price of honey", "kind": "near miss"}\n'
    )
    _judge(folder, f"q1\tdocs/keeping.md\t1\t{digest('Winter feed')}")
    return folder


def _judge(folder: Path, line: str) -> None:
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\theading\n{line}\n")


def test_pages_are_read_as_an_import_reads_them(folder: Path, checkouts: Path) -> None:
    found = page_set(folder, checkouts)
    (page,) = found.documents
    assert (page.id, page.title) == ("docs/keeping.md", "Keeping bees")
    assert "---" not in page.text
    assert found.judgements == {"q1": {"docs/keeping.md": 1}}
    assert found.headings == {"q1": {"docs/keeping.md": "`Winter` feed"}}
    assert found.unanswerable == {"u1": "price of honey"}
    assert not found.foreign


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("q1\tdocs/keeping.md\t1\t0badcafe", "no heading with the digest 0badcafe, which .* q1"),
        ("q1\tREADME.md\t1\t", r"bees\+hive does not have: 'README.md'"),
    ],
)
def test_an_answer_that_is_not_there_is_named(
    folder: Path, checkouts: Path, line: str, problem: str
) -> None:
    _judge(folder, line)
    with pytest.raises(JudgedSetError, match=problem):
        page_set(folder, checkouts)


def test_a_checkout_at_another_commit_is_refused(folder: Path, checkouts: Path) -> None:
    _git(checkouts / "bees+hive", "commit", "--quiet", "--allow-empty", "-m", "Say no more")
    with pytest.raises(JudgedSetError, match=r"is not bees/hive at \w{40}: clone it there"):
        page_set(folder, checkouts)


def test_a_checkout_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgedSetError, match="clone it there"):
        page_set(folder, tmp_path)


def test_questions_of_a_published_set_are_read_from_the_checkout(
    folder: Path, checkouts: Path
) -> None:
    data = checkouts / "bees+hive" / "data" / "CovidFAQ"
    data.mkdir(parents=True)
    item = {"id": "7", "query_type": "faq", "question": "Do bees sleep?", "answer": "At night."}
    asked = {"id": "7", "query_type": "user_query", "question": "when do they rest", "answer": ""}
    (data / "query_answer_pairs.json").write_text(json.dumps([item, asked]))
    settings = (folder / "set.toml").read_text()
    (folder / "set.toml").write_text(settings.replace('folders = ["docs"]', 'faq = "covid-faq"'))
    (folder / "queries.jsonl").write_text('{"_id": "1"}\n')
    (folder / "qrels.tsv").write_text("1\t7\t1\n")
    found = page_set(folder, checkouts)
    assert [(item.id, item.title, item.text) for item in found.documents] == [
        ("7", "Do bees sleep?", "At night.")
    ]
    assert found.queries == {"1": "when do they rest"}
    (folder / "queries.jsonl").write_text('{"_id": "2"}\n')
    with pytest.raises(JudgedSetError, match="has no row '2'"):
        page_set(folder, checkouts)


def test_messages_to_a_bot_are_read_without_their_marks(folder: Path, checkouts: Path) -> None:
    data = checkouts / "bees+hive" / "data" / "nlu"
    (data / "responses").mkdir(parents=True)
    (data / "responses" / "responses.yml").write_text(
        "responses:\n  utter_faq/bee_food:\n  - text: Nectar.\n  utter_bye:\n  - text: Bye.\n"
    )
    (data / "faq.yml").write_text(
        "nlu:\n- intent: faq/bee_food\n  examples: |\n"
        '    - what do [bees](animal) eat\n    - [bees]{"entity": "animal"} food\n'
    )
    settings = (folder / "set.toml").read_text()
    (folder / "set.toml").write_text(settings.replace('folders = ["docs"]', 'faq = "rasa-demo"'))
    (folder / "queries.jsonl").write_text('{"_id": "faq/bee_food:0"}\n{"_id": "faq/bee_food:1"}\n')
    (folder / "qrels.tsv").write_text(
        "".join(f"faq/bee_food:{row}\tutter_faq/bee_food\t1\n" for row in (0, 1))
    )
    found = page_set(folder, checkouts)
    assert [(item.id, item.title, item.text) for item in found.documents] == [
        ("utter_faq/bee_food", "bee food", "Nectar.")
    ]
    assert list(found.queries.values()) == ["what do bees eat", "bees food"]


def test_what_no_set_says_is_refused(folder: Path) -> None:
    (folder / "set.toml").write_text('repo = "bees/hive"\n')
    with pytest.raises(JudgedSetError, match=r"set\.toml can't be read"):
        page_source(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_each_set_has_its_questions_and_says_what_it_is_for(folder: Path) -> None:
    def lines(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]

    kinds = [row["kind"] for row in lines("unanswerable.jsonl")]
    sizes = len(lines("queries.jsonl")), kinds.count("near miss"), kinds.count("foreign")
    assert sizes in {(20, 6, 0), (20, 8, 4), (25, 8, 4), (30, 9, 5), (40, 12, 6)}
    readme = " ".join((folder / "README.md").read_text("utf-8").split())
    assert ("For reporting only" in readme) == page_source(folder).for_reporting


def test_twelve_sets_are_for_reporting() -> None:
    assert sum(page_source(folder).for_reporting for folder in FOLDERS) == 12


def test_pairs_are_over_page_sets() -> None:
    pairs = read_rows(SETS / "pairs.jsonl").values()
    kinds = Counter(pair["kind"] for pair in pairs)
    assert kinds == {"two parts": 52, "difference": 15, "list": 30, "follow-up": 30}
    assert {str(pair["set"]) for pair in pairs} <= {folder.name for folder in FOLDERS}


def test_judged_headings_are_in_the_articles() -> None:
    articles = Path(knowledge.articles.__file__).parent
    for line in (SETS / "headings.jsonl").read_text("utf-8").splitlines():
        for article, heading in json.loads(line)["answers"]:
            assert f"# {heading}\n" in (articles / f"{article}.md").read_text("utf-8")
