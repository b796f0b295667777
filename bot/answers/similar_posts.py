"""Similar posts: the titles of solved posts and live notes that may answer a forum post.

They are offered where the evidence doesn't suffice for an answer. A title takes less than an
answer, because nothing is quoted and members choose. The documents are searched apart from all
others, since the pages of a site would leave them no place among the best hits.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from bot.answers.ask import HITS, Ask
from bot.answers.outcome import Citation, citation
from indexer.embedding.embedder import fit_to_model
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.discord_archive.documents import thread_of
from knowledge.values.documents import Kind, channel_of

MOST_SIMILAR: Final = 3
# Fitted by `benchmarks.similar_posts`.
LEAST_SCORE: Final = 0.5

_SEARCHED: Final = Selection(kinds=frozenset({Kind.CHANNEL, Kind.NOTE}))


def similar_posts(retriever: Retriever, asks: Sequence[Ask], post_id: int = 0) -> list[Citation]:
    """At most `MOST_SIMILAR` solved posts and live notes about the same as a post, best first.

    Args:
        retriever: searches the notes and the synced channels.
        asks: the questions of the post (`questions_of_post`), all with the same readers. Every
            reader can read the documents returned.
        post_id: the post, which isn't similar to itself.
    """
    scopes = asks[0].scopes
    among = retriever.index.selected_passages(_SEARCHED, scopes)
    if not len(among):
        return []
    texts = [retriever.respell(fit_to_model(retriever.embedder, ask.text), scopes) for ask in asks]
    ranked = retriever.rank_together(texts, retriever.embed(texts), scopes, HITS, among=among)
    best: dict[str, Hit] = {}
    for hit in sorted(chain.from_iterable(ranked), key=lambda hit: -hit.score):
        if hit.score >= LEAST_SCORE and _is_solution(hit.passage, post_id):
            best.setdefault(hit.passage.document_id, hit)
    return [citation(hit.passage) for hit in [*best.values()][:MOST_SIMILAR]]


def _is_solution(passage: StoredPassage, post_id: int) -> bool:
    """Whether this is a note, or another thread with an accepted answer.

    The document of a thread names the writer of the accepted answer as its contributor.
    """
    if passage.kind is Kind.NOTE:
        return True
    elsewhere = thread_of(passage.document_id) not in (post_id, channel_of(passage.scope))
    return elsewhere and bool(passage.contributor)
