"""An example of a public page: this project's decisions as notes, and the bundled articles.

    python -m benchmarks.demo_page [FOLDER]

Each decision of `docs/decisions.md` becomes an approved note in a new data folder. Then
`commonplace publish` publishes it into FOLDER, by default `docs/page/demo`.
`commonplace dev serve --page FOLDER` shows the page.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.storage.data_folder import COMMUNITY
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission

DOCS: Final = Path(__file__).parents[1] / "docs"
GUILD: Final = 1
WRITER, MODERATOR = Member(2, "Commonplace"), Member(3, "Moderator")
WELCOME: Final = (
    "The decisions of the project *Commonplace*, each a note, and its articles on open-source AI. "
    "A server's page looks like this one."
)


def decisions() -> Iterator[Submission]:
    """Read the decisions as notes, each with its chapter as the tag."""
    for chapter in re.split(r"^## ", (DOCS / "decisions.md").read_text("utf-8"), flags=re.M)[1:]:
        tag = chapter.partition("\n")[0].lower()
        for title, text in re.findall(r"^- \*\*(.+?)\.\*\* ((?:.|\n  )+)", chapter, re.M):
            words = " ".join(text.split())
            # A note has no neighbouring documents to link to.
            plain = re.sub(r"\[([^]]+)\]\((?!https://)[^)]*\)", r"\1", words)
            # Each part of a decision, such as *Choice*, begins a paragraph.
            paragraphs = re.sub(r" (?=\*[A-Z][\w ]+\*)", "\n\n", plain)
            yield Submission(title, paragraphs, (tag,))


def build(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as data:
        with Store(Path(data, COMMUNITY)) as store:
            settings = GuildSettings(GUILD, page=True, page_welcome=WELCOME)
            store.guilds.save_settings(settings, MODERATOR.id)
            for decision in decisions():
                note = store.contributions.propose(GUILD, WRITER, 1, decision, for_page=True).note
                store.decisions.decide(GUILD, note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "bot", "publish", str(folder), "--articles"]
        subprocess.run([*command, "--data", data], check=True)  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS / "page" / "demo")
    build(parser.parse_args().folder)


if __name__ == "__main__":
    main()
