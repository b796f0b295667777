"""Posts of public forums: what is read of an archive, and which posts are held out."""

import json
from pathlib import Path

import pytest

from benchmarks.similar_posts import read_topics, solved_post

SETS = Path(__file__).parents[1] / "judged" / "similar-posts"
QUESTION = "How do I keep the bees of my hive alive during a very cold winter in the mountains?"
ANSWER = "Wrap the hive in straw, and feed sugar from October on."

SCRAPED = json.dumps(
    {
        "id": 7,
        "title": "Bees in winter",
        "post_stream": {
            "posts": [
                {
                    "username": name,
                    "created_at": f"2026-01-0{day}T10:00:00.000Z",
                    "cooked": f"<p>{text}</p>",
                    "accepted_answer": day == 2,
                }
                for day, (name, text) in enumerate([("mia", QUESTION), ("noah", ANSWER)], 1)
            ]
        },
    }
)
RENDERED = f"""---
topic_id: 7
---

# Bees in winter

---

## Post #1 by @mia (2026-01-01 10:00 UTC)

<p>{QUESTION}</p>

---

## Post #2 by @noah (2026-01-02 10:00 UTC)

<p>{ANSWER}</p>

---

## Post #3 by @mia (2026-01-03 10:00 UTC)

<p>Thanks, that worked!</p>

---
"""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("posts/json/bees-in-winter.7.json", SCRAPED),
        ("archive/rendered-topics/2026/2026-01/2026-01-01-bees-in-winter-id7.md", RENDERED),
    ],
)
def test_archived_topic_becomes_the_document_of_a_solved_post(
    tmp_path: Path, path: str, text: str
) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)

    title, messages = read_topics(tmp_path, {7})[7]
    made = solved_post(7, title, messages)

    assert made is not None
    assert (made.title, made.contributor) == ("Bees in winter", "noah")
    assert made.text.index(QUESTION) < made.text.index(ANSWER)
    assert solved_post(7, title, messages[:1]) is None
    assert read_topics(tmp_path, {8}) == {}


@pytest.mark.parametrize("forum", ["game-engine", "imaging"])
def test_held_out_posts_are_no_working_ones(forum: str) -> None:
    working, held_out = (
        {json.loads(line)["post"] for line in (SETS / forum / name).read_text().splitlines()}
        for name in ("working.jsonl", "held_out.jsonl")
    )
    assert working
    assert held_out
    assert working.isdisjoint(held_out)
