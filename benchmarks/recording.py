"""Bytes that a recorded question takes in the community database.

    python benchmarks/recording.py [QUESTIONS]

The judged questions of `tests/judged` are asked over and over of the articles that come with the
program, one at a time, as members ask. Printed are bytes a question in `community.db`, once
everything is in the one file.
"""

import itertools
import json
import sys
import tempfile
from pathlib import Path

from bot.answers.lookup import Ask
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.storage.data_folder import COMMUNITY

GUILD = 10
JUDGED = Path(__file__).parents[1] / "tests" / "judged" / "queries.jsonl"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    texts = [json.loads(line)["text"] for line in JUDGED.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=DataSettings(folder=Path(folder)))
        with Core(settings) as core:
            index_updates.run_to_end(index_updates.update_own(core))
            path = core.store.database.folder / COMMUNITY

            def size() -> int:
                core.store.database.rows("pragma wal_checkpoint(truncate)")
                return path.stat().st_size

            before = size()
            for text in itertools.islice(itertools.cycle(texts), count):
                core.answer_pipeline.ask([Ask(text, 1, GUILD, 5)])
            print(f"{count} questions, {len(texts)} of them different")
            print(f"bytes a question: {(size() - before) / count:,.0f}")


if __name__ == "__main__":
    main()
