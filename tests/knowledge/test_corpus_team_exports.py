"""Exports of Notion and Google Docs as folders: structured as theirs, read and cited."""

from pathlib import Path

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end, update
from knowledge import corpus
from knowledge.sources.addition import add_paths
from knowledge.values.documents import Document
from tests.fakes import WordEmbedder
from tests.knowledge.made_files import docx, paragraph

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
