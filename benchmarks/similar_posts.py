"""Similar posts: how often a forum post without a sure answer gets titles, and useful ones.

    python -m benchmarks.similar_posts KEEP CHECKOUTS SET…

A set of tests/judged/communities has pages, which stand for notes. A file FORUM/NAME of
tests/judged/similar-posts has posts of a public forum with the `similar` topics, or with none; the
solved topics in a range of ids are the documents. Pages and archives of Discourse are read from
CHECKOUTS/OWNER+NAME. For each least score, the table has the posts
with titles, the share of them with a similar one among the titles, and the share of the posts
without a similar one that got no titles. Indexes stay in KEEP.
"""

import json
import os
import re
import tomllib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from markdownify import markdownify

from benchmarks.calibrating import print_table
from benchmarks.following import open_model, page_options
from benchmarks.page_sets import page_set
from bot.answers.ask import Ask
from bot.answers.pipeline import AnswerPipeline
from bot.answers.search_tiers import BundledArticles
from bot.answers.similar_posts import closest_solutions
from bot.ask.question_rules import questions_of_post
from bot.ask.unasked import is_sure
from bot.core.index_updates import run_to_end
from bot.models.calibrations import chosen_calibration
from bot.storage.data_folder import open_index
from indexer.embedding.model_records import RecordedModel
from indexer.ingest.pipeline import update
from indexer.retrieval.retriever import Retriever
from knowledge.chat.conversations import Message, Reaction
from knowledge.chat.transcript import Channel, document
from knowledge.store.store import Store
from knowledge.values.documents import Document, Kind, channel_scope

_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
_LEAST_SCORES: Final = (0.78, 0.82, 0.86, 0.9, 0.94)
# The forum's channel, and its guild.
_FORUM: Final = 1
_POST: Final = re.compile(
    r"^## Post #\d+ by @(\S+) \(([\d-]+ [\d:]+) UTC\)\n(.*?)\n---$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Posts:
    """Documents, and the texts of posts with the ids of similar documents, by the post's name."""

    documents: Sequence[Document]
    texts: Mapping[str, Sequence[str]]
    similar: Mapping[str, Container[str]]


def read_pages(name: str, checkouts: Path) -> Posts:
    judged = page_set(_JUDGED / "communities" / name, checkouts)
    texts = {key: [text] for key, text in {**judged.queries, **judged.unanswerable}.items()}
    notes = [replace(page, kind=Kind.NOTE) for page in judged.documents]
    return Posts(notes, texts, judged.judgements)


def read_forum(name: str, checkouts: Path) -> Posts:
    path = _JUDGED / "similar-posts" / f"{name}.jsonl"
    told = tomllib.loads((path.parent / "set.toml").read_text("utf-8"))
    lines = path.read_text("utf-8").splitlines()
    similar = {post["post"]: post["similar"] for post in map(json.loads, lines)}
    ids = {*range(told["first"], told["last"] + 1), *similar}
    topics = read_topics(checkouts / told["repository"].replace("/", "+"), ids)
    documents = [
        solution
        for number, (title, messages) in topics.items()
        if number not in similar and (solution := solved_post(number, title, messages)) is not None
    ]
    names = {document.id.split(":")[2]: document.id for document in documents}
    return Posts(
        documents,
        {
            str(number): questions_of_post(topics[number][0], topics[number][1][0].text)
            for number in similar
        },
        {
            str(number): [names[str(other)] for other in others]
            for number, others in similar.items()
        },
    )


def solved_post(number: int, title: str, messages: Sequence[Message]) -> Document | None:
    """The document that the bot makes of a synced post; None if it has no accepted answer."""
    place = Channel(_FORUM, number, title, thread=True)
    made = document(place, messages, channel_scope(_FORUM))
    if made is None or not made.contributor:
        return None
    return replace(made, id=f"channel:{_FORUM}:{made.id}", kind=Kind.CHANNEL)


def read_topics(checkout: Path, ids: Container[int]) -> dict[int, tuple[str, list[Message]]]:
    """Titles and messages of topics: `posts/json` by scrape-discourse.py, or rendered Markdown."""
    topics: dict[int, tuple[str, list[Message]]] = {}
    for path in sorted([*checkout.glob("posts/json/*"), *checkout.glob("archive/*/*/*/*-id*")]):
        number = int(path.stem.replace("-id", ".").rpartition(".")[2])
        if number not in ids:
            continue
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n# ")[2].partition("\n")[0]
        posts: list[Sequence[Any]] = [(*post.groups(), False) for post in _POST.finditer(text)]
        if path.suffix == ".json":
            told = json.loads(text)
            title = told["title"]
            posts = [
                (post["username"], post["created_at"], post["cooked"], post.get("accepted_answer"))
                for post in told["post_stream"]["posts"]
            ]
        topics[number] = title, [message(number, *post) for post in enumerate(posts)]
    return topics


def message(topic: int, place: int, post: Sequence[Any]) -> Message:
    name, at, html, accepted = post
    return Message(
        topic * 1_000 + place + 1,
        crc32(name.encode()) + 1,
        name,
        datetime.fromisoformat(at).replace(tzinfo=UTC),
        markdownify(html).strip(),
        reactions=(Reaction("✅"),) if accepted else (),
    )


def measure(
    model: RecordedModel, name: str, posts: Posts, keep: Path
) -> dict[str, dict[str, float]]:
    """The figures of each least score, over the posts without a sure answer."""
    rows = []
    judge = chosen_calibration(keep, model.record).calibration
    with (
        open_index(keep, model.embedder, name.partition("/")[0]) as index,
        Store(keep / "questions.db") as store,
    ):
        run_to_end(update(index, model.embedder, posts.documents))
        retriever = Retriever(index, model.embedder, judge)
        articles = BundledArticles(store, index, "never")
        pipeline = AnswerPipeline(store, index, retriever, quotes=3, articles=articles)
        for key, texts in posts.texts.items():
            asks = [Ask(text, 1, _FORUM, _FORUM, channels=(_FORUM,)) for text in texts]
            if all(map(is_sure, pipeline.ask(asks, record=False))):
                continue
            hits = closest_solutions(retriever, asks[-1], 0)
            similar = posts.similar.get(key, ())
            useful = any(hit.passage.document_id in similar for hit in hits)
            rows.append((max([hit.score for hit in hits], default=0.0), bool(similar), useful))
    figures = {}
    for least in _LEAST_SCORES:
        spoken = [useful for score, _, useful in rows if score >= least]
        alone = [score < least for score, similar, _ in rows if not similar]
        figures[f"{name}, {least}"] = {
            "posts": len(rows),
            "without a similar one": len(alone),
            "with titles": len(spoken),
            "useful": sum(spoken) / max(1, len(spoken)),
            "silent without a similar one": sum(alone) / max(1, len(alone)),
        }
    return figures


def main() -> None:
    parser = page_options(__doc__)
    parser.add_argument("sets", nargs="+")
    options = parser.parse_args()
    model, keep = open_model(options)
    figures: dict[str, dict[str, float]] = {}
    for name in options.sets:
        posts = (read_forum if "/" in name else read_pages)(name, options.checkouts)
        figures |= measure(model, name, posts, keep)
    print_table(options.model, figures)


if __name__ == "__main__":
    main()
