import os
from pathlib import Path

import pytest

from indexer.text.passages import sections
from knowledge import corpus
from knowledge.files.scan import files_of
from knowledge.sources.addition import MissingSourceError, add_paths
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, Document, Failure, Kind, Scope
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.knowledge.made_files import zipped

GUILD = Scope(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "handbook"
    made.mkdir()
    return made


def _names(folder: Path) -> list[str]:
    found = [entry for entry in files_of(folder) if not isinstance(entry, Failure)]
    return [path.relative_to(folder).as_posix() for path, _ in found]


def _imported(store: Store) -> list[Document | Failure]:
    found = corpus.documents(store)
    return [item for item in found if isinstance(item, Failure) or item.kind is not Kind.ARTICLE]


def test_missing_path_adds_no_source(store: Store, folder: Path) -> None:
    with pytest.raises(MissingSourceError, match="missing is not there: name a file or a folder"):
        add_paths(store, [folder, folder / "missing"])
    assert store.sources() == []


def test_other_format_is_refused_with_the_readable_ones(store: Store, folder: Path) -> None:
    path = folder / "program.exe"
    path.write_bytes(b"MZ\x00\x01")
    with pytest.raises(MissingSourceError, match=r"it is not text: .* Word, CSV, JSON and zip"):
        add_paths(store, [path])


def test_readable_file_of_any_name_is_a_source(store: Store, folder: Path) -> None:
    path = folder / "LICENSE"
    path.write_text("Do what you like.")
    add_paths(store, [path])
    [document] = _imported(store)
    assert isinstance(document, Document)
    assert (document.title, document.text) == ("LICENSE", "Do what you like.")


def test_a_file_that_can_not_be_read_fails_alone(store: Store, folder: Path) -> None:
    (folder / "a.md").write_bytes(b"\x00\x01")
    (folder / "b.md").write_text("Readable.")
    add_paths(store, [folder])
    failure, document = _imported(store)
    assert isinstance(failure, Failure)
    assert failure.source == str(folder / "a.md")
    assert failure.document_id == f"file:{folder / 'a.md'}"
    assert failure.reason.startswith("is not text")
    assert isinstance(document, Document)
    assert document.text == "Readable."


def test_the_files_of_a_zip_are_documents_of_their_own(store: Store, folder: Path) -> None:
    path = folder / "all.zip"
    path.write_bytes(zipped({"a.md": "# One", "b/c.md": b"\x00", "d.txt": "Three."}))
    add_paths(store, [folder])
    one, failure, three = _imported(store)
    assert isinstance(one, Document)
    assert (one.id, one.title) == (f"file:{path}!/a.md", "One")
    assert isinstance(failure, Failure)
    assert failure.source == f"{path}!/b/c.md"
    assert failure.document_id == f"file:{path}!/b/c.md"
    assert isinstance(three, Document)
    assert three.title == "D"


@pytest.mark.parametrize("name", ["", "a.md"])
def test_a_source_that_is_not_there_is_a_failure(store: Store, folder: Path, name: str) -> None:
    """An unmounted disk must not empty the index."""
    (folder / "a.md").write_text("Here.")
    add_paths(store, [folder / name])
    assert len(_imported(store)) == 1
    (folder / "a.md").unlink()
    folder.rmdir()
    [failure] = _imported(store)
    assert isinstance(failure, Failure)
    assert failure.source == str(folder / name)
    assert failure.reason.startswith("is not there.")


def test_a_file_that_has_vanished_from_a_folder_yields_nothing(store: Store, folder: Path) -> None:
    (folder / "a.md").write_text("Here.")
    add_paths(store, [folder])
    (folder / "a.md").unlink()
    assert _imported(store) == []


def test_folder_is_walked_in_order_of_paths(folder: Path) -> None:
    assert _names(folder) == []
    for name in ("z.md", "b/two.txt", "b/one.MD", "a.markdown", "b/c/deep.md", ".hidden.md",
                 ".git/config.md", "picture.png", "script.py"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert _names(folder) == ["a.markdown", "b/c/deep.md", "b/one.MD", "b/two.txt", "z.md"]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, folder: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.md").write_text("secret")
    (folder / "file.md").symlink_to(secret / "key.md")
    (folder / "inside").symlink_to(secret, target_is_directory=True)
    (folder / "broken.md").symlink_to(tmp_path / "nowhere.md")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "own.md").write_text("own")
    assert _names(folder) == ["own.md"]


def test_source_is_added_once(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert add_paths(store, [folder]) == [folder]
    assert add_paths(store, [Path("handbook"), folder / "..", folder]) == [folder / ".."]
    assert [location for location, _ in store.sources()] == [str(folder), str(folder.parent)]


def test_imported_file_is_cited_by_path_and_front_matter(store: Store, folder: Path) -> None:
    path = folder / "a.md"
    path.write_text("---\ntitle: T\ntags: [x]\nlink: https://a.org/\nverified: 2026-01-02\n---\nB.")
    add_paths(store, [path], GUILD)
    [document] = _imported(store)
    assert isinstance(document, Document)
    assert document.id == f"file:{path}"
    assert (document.scope, document.kind, document.title) == (GUILD, Kind.FILE, "T")
    assert (document.text, document.tags, document.link) == ("B.", ("x",), "https://a.org/")
    assert str(document.verified) == "2026-01-02"


@pytest.mark.parametrize("base_url", ["https://a.org/docs", "https://a.org/docs/"])
def test_files_are_cited_below_the_base_url(store: Store, folder: Path, base_url: str) -> None:
    (folder / "in use").mkdir()
    (folder / "in use" / "a.md").write_text("A.")
    (folder / "b.md").write_text("---\nlink: https://b.org/\n---\nB.")
    (folder / "c.zip").write_bytes(zipped({"d.md": "D.", "e.md": "E."}))
    add_paths(store, [folder], base_url=base_url)
    links = [item.link for item in _imported(store) if isinstance(item, Document)]
    c = "https://a.org/docs/c.zip"
    assert links == ["https://b.org/", c, c, "https://a.org/docs/in%20use/a.md"]


def test_file_is_cited_at_its_front_matters_page(store: Store, folder: Path) -> None:
    (folder / "a.md").write_text("---\nslug: moved\n---\n# A\n\nText.")
    (folder / "_part.md").write_text("Text of other pages.")
    add_paths(store, [folder], base_url="docusaurus:https://a.org/docs")
    links = [item.link for item in _imported(store) if isinstance(item, Document)]
    assert links == ["", "https://a.org/docs/moved"]


def test_single_file_is_cited_at_the_base_url(store: Store, folder: Path) -> None:
    (folder / "a.md").write_text("A.")
    add_paths(store, [folder / "a.md"], base_url="https://a.org")
    [document] = _imported(store)
    assert isinstance(document, Document)
    assert document.link == "https://a.org/a.md"


def test_checkout_is_cited_at_its_remote(store: Store, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text('[remote "origin"]\nurl = git@github.com:o/r.git\n')
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    add_paths(store, [folder])
    assert store.base_urls() == {str(folder): "https://github.com/o/r/blob/main"}
    # Adding it again keeps the choice.
    add_paths(store, [folder], base_url="")
    add_paths(store, [folder])
    assert store.base_urls() == {}


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("nonsense", "The base URL nonsense is no http or https address: name one as https://"),
        ("ftp://a.org", "is no http or https address"),
        ("https://", "names no host"),
        ("https://me:secret@a.org", "has a name or password in it"),
        ("https://a.org/?page=", "has a . or # in it, behind which no path can follow"),
    ],
)
def test_bad_base_url_adds_nothing(store: Store, folder: Path, base_url: str, told: str) -> None:
    with pytest.raises(MissingSourceError, match=told):
        add_paths(store, [folder], base_url=base_url)
    assert store.sources() == []


def test_only_an_approved_note_of_its_guild_is_quoted(store: Store) -> None:
    submission = Submission("T", "B", ("x",), "https://a.org/")
    note = store.contributions.propose(GUILD, Member(1, "Mira"), 5, submission).note
    assert _imported(store) == []
    store.decisions.decide(GUILD, note.revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE))
    [document] = _imported(store)
    assert isinstance(document, Document)
    assert (document.id, document.scope, document.kind) == (f"note:{note.id}", GUILD, Kind.NOTE)
    assert (document.title, document.text, document.contributor) == ("T", "B", "Mira")
    assert (document.approved_by, document.revision) == ("Ada", 1)
    assert document.verified is not None


def test_articles_come_first_in_a_scope_of_their_own(store: Store) -> None:
    documents = [item for item in corpus.documents(store) if isinstance(item, Document)]
    assert len(documents) == 16
    assert {document.scope for document in documents} == {ARTICLES}
    assert [document.id for document in documents] == sorted(document.id for document in documents)


def test_impossible_source_is_refused(store: Store, folder: Path) -> None:
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    os.mkfifo(folder / "pipe")
    for name, told in (
        ("one", "is not there|can't be looked at"),
        ("pipe", "is neither a file nor a folder"),
        ("bad\udcff.md", "has a name that is not UTF-8: rename it"),
        ("x" * 300, "is not there|can't be looked at: File name too long"),
    ):
        with pytest.raises(MissingSourceError, match=told):
            add_paths(store, [folder / name])
    assert store.sources() == []


# The bundled articles. `test_project.py` checks their files.


BUNDLED = [item for item in corpus.articles() if isinstance(item, Document)]


def test_every_article_can_be_read_and_has_what_a_citation_needs() -> None:
    assert [item for item in corpus.articles() if not isinstance(item, Document)] == []
    assert len(BUNDLED) == 16
    assert len({article.title for article in BUNDLED}) == 16
    for article in BUNDLED:
        assert article.kind is Kind.ARTICLE, article.id
        # A footnote's address is not the article's.
        assert article.link == "", article.id
        assert article.verified is not None, article.id
        assert article.tags, article.id


def test_an_article_has_sections_each_with_a_text_of_its_own() -> None:
    for article in BUNDLED:
        headed = [heading for heading, _ in sections(article.text, article.title) if heading]
        assert len(headed) >= 3, article.id
        assert len(set(headed)) == len(headed), article.id
