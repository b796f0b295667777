"""CPU seconds of publishing a server's page: from nothing, after one decision, without a change.

    python -m benchmarks.pages --notes 10000

The notes are parts of the bundled articles.
"""

import argparse
import resource
import tempfile
from pathlib import Path

from bot.text.languages import translations
from knowledge import corpus
from knowledge.page.content import site_of_guild
from knowledge.page.publish import publish
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import Document
from knowledge.values.notes import Decision, Member
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission

GUILD = 10
_CHARACTERS = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=10_000)
    wanted: int = parser.parse_args().notes
    texts = [article.text for article in corpus.articles() if isinstance(article, Document)]
    with tempfile.TemporaryDirectory() as name, Store(Path(name, "community.db")) as store:
        store.guilds.save_settings(GuildSettings(GUILD, page=True, page_indexed=True), 9)
        for number in range(wanted):
            _approve(store, number, texts[number % len(texts)])
        print(f"| {wanted:,} notes | CPU s | files written |\n|---|---|---|")
        for what in ("from nothing", "nothing changed", "after one decision"):
            if what == "after one decision":
                _approve(store, wanted, texts[0])
            before = _cpu()
            site = site_of_guild(store, GUILD, "Harbour", base_url="https://notes.example.org/")
            done = publish(site, Path(name, "www"), translations(site.language), lambda _: b"")
            print(f"| {what} | {_cpu() - before:.2f} | {done.written:,} |", flush=True)


def _approve(store: Store, number: int, text: str) -> None:
    start = number * 97 % 3_000
    tags = (f"tag-{number % 40}", "common")
    said = Submission(f"Note {number}", text[start : start + _CHARACTERS], tags)
    note = store.contributions.propose(GUILD, Member(1, "Mira"), 5, said, for_page=True).note
    store.decisions.decide(GUILD, note.revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE))


def _cpu() -> float:
    """Of this process and its children."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    main()
