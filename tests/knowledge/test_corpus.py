import os
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end, update
from indexer.text.passages import sections
from knowledge import corpus
from knowledge.files.scan import files_of
from knowledge.sources.addition import MissingSourceError, add_paths
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, Document, Failure, Kind, Scope
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.knowledge.made_files import docx, paragraph, zipped

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


# Exports of Notion and Google Docs as folders: structured as theirs, read and cited.

HANDBOOK = "1f0c2a3b4d5e6f708192a3b4c5d6e7f8"
FERRY = "2a1b3c4d5e6f708192a3b4c5d6e7f809"
PIERS = "3b2c4d5e6f708192a3b4c5d6e7f8091a"
PIER = "4c3d5e6f708192a3b4c5d6e7f8091a2b"
NOTION = {
    f"Harbour Handbook {HANDBOOK}.md": "# Harbour Handbook\n\nHow the harbour works.\n\n"
    f"[Ferry & fares](Harbour%20Handbook%20{HANDBOOK}/Ferry%20&%20fares%20{FERRY}.md)\n\n"
    f"[Piers](Harbour%20Handbook%20{HANDBOOK}/Piers%20{PIERS}.csv)\n\n"
    f"![map.png](Harbour%20Handbook%20{HANDBOOK}/map.png)\n",
    f"Harbour Handbook {HANDBOOK}/Ferry & fares {FERRY}.md": "# Ferry & fares\n\nOwner: Mira\n"
    "Last edited: March 3, 2026\n\n## At night\n\n<aside>\n💡 The ferry costs three coins.\n\n"
    "</aside>\n\n- [x]  Ask the office\n",
    f"Harbour Handbook {HANDBOOK}/Piers {PIERS}.csv": "\ufeffName,Depth\nPier 1,7 m\n",
    f"Harbour Handbook {HANDBOOK}/Piers {PIERS}_all.csv": "\ufeffName,Depth\nPier 1,7 m\n",
    f"Harbour Handbook {HANDBOOK}/Piers/Pier 1 {PIER}.md": "# Pier 1\n\nDepth: 7 m\n\nIt is old.\n",
}


def _documents(tmp_path: Path, folder: Path, base_url: str = "") -> list[Document]:
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    with Core(settings, WordEmbedder()) as core:
        add_paths(core.store, [folder], base_url=base_url)
        run_to_end(update(core))
        found = corpus.documents(core.store, core.pages)
        return [one for one in found if isinstance(one, Document) and one.kind == "file"]


def test_an_export_of_notion_is_cited_at_its_pages(tmp_path: Path) -> None:
    folder = tmp_path / "Export"
    for name, text in NOTION.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = _documents(tmp_path, folder, "notion:https://www.notion.so")
    assert sorted((one.title, one.link) for one in found) == [
        ("Ferry & fares", f"https://www.notion.so/{FERRY}"),
        ("Harbour Handbook", f"https://www.notion.so/{HANDBOOK}"),
        ("Pier 1", f"https://www.notion.so/{PIER}"),
        ("Piers", f"https://www.notion.so/{PIERS}"),
        ("Piers", f"https://www.notion.so/{PIERS}"),
    ]
    texts = {one.title: one.text for one in found}
    assert f"[Ferry & fares](https://www.notion.so/{FERRY})" in texts["Harbour Handbook"]
    assert f"[Piers](https://www.notion.so/{PIERS})" in texts["Harbour Handbook"]
    assert "**Depth**: 7 m" in texts["Piers"]


def test_a_download_of_google_docs_is_read_in_each_format(tmp_path: Path) -> None:
    folder = tmp_path / "Takeout" / "Drive" / "Harbour"
    folder.mkdir(parents=True)
    body = paragraph("Ferry fares", "Title") + paragraph("Fares", "Heading1")
    (folder / "Ferry fares.docx").write_bytes(docx(body + paragraph("Two coins.")))
    (folder / "Piers.html").write_text(
        '<html><head><meta content="text/html; charset=UTF-8" http-equiv="content-type">'
        '<style type="text/css">.c1{font-weight:700}</style></head><body class="c4 doc-content">'
        '<h1 class="c0" id="h.abc123"><span class="c1">Old piers</span></h1><p class="c2"><span>'
        'It is </span><span class="c1"><a class="c5" href="https://harbour.example/pier">closed</a>'
        "</span><span>.</span></p></body></html>"
    )
    (folder / "Market days.md").write_text("# **Market days** {#market-days}\n\nOn Mondays.\n")
    found = {one.title: one for one in _documents(tmp_path, tmp_path / "Takeout")}
    assert sorted(found) == ["Ferry fares", "Market days", "Old piers"]
    assert found["Ferry fares"].text.endswith("# Fares\n\nTwo coins.")
    assert found["Old piers"].text.endswith("It is [closed](https://harbour.example/pier).")
