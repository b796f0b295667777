"""Similar posts: the titles of solved posts and live notes that may answer a forum post.

They are offered where the evidence doesn't suffice for an answer. A title takes less than an
answer, because nothing is quoted and members choose. The documents are searched apart from all
others, since the pages of a site would leave them no place among the best hits.
"""

from typing import Final

from bot.answers.ask import HITS, Ask
from bot.answers.outcome import Citation, citation, near_best
from indexer.embedding.embedder import fit_to_model
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.discord_archive.archive import thread_of
from knowledge.values.documents import Kind, channel_of

MOST_SIMILAR: Final = 3
# The least score of the best document; see docs/benchmarks.md, "Similar posts".
LEAST_SCORE: Final = 0.9

_SEARCHED: Final = Selection(kinds=frozenset({Kind.CHANNEL, Kind.NOTE}))


def similar_posts(retriever: Retriever, ask: Ask, post_id: int = 0) -> list[Citation]:
    """At most `MOST_SIMILAR` solved posts and live notes about the same as a post, best first.

    Args:
        retriever: searches the notes and the synced channels.
        ask: the title and first message of the post. All its readers can read the documents
            returned.
        post_id: the post, which isn't similar to itself.
    """
    hits = closest_solutions(retriever, ask, post_id)
    is_near = bool(hits) and hits[0].score >= LEAST_SCORE
    return [citation(hit.passage) for hit in hits] if is_near else []


def closest_solutions(retriever: Retriever, ask: Ask, post_id: int) -> list[Hit]:
    """The solutions closest to a post, whatever their scores."""
    among = retriever.index.selected_passages(_SEARCHED, ask.scopes)
    if not len(among):
        return []
    text = retriever.respell(fit_to_model(retriever.embedder, ask.text), ask.scopes)
    [vector] = retriever.embed([text])
    ranked = retriever.rank(text, vector, ask.scopes, HITS, among=among)
    return near_best([hit for hit in ranked if _is_solution(hit.passage, post_id)], MOST_SIMILAR)


def _is_solution(passage: StoredPassage, post_id: int) -> bool:
    """Whether this is a note, or another thread with an accepted answer.

    The document of a thread names the writer of the accepted answer as its contributor.
    """
    if passage.kind is Kind.NOTE:
        return True
    elsewhere = thread_of(passage.document_id) not in (post_id, channel_of(passage.scope))
    return elsewhere and bool(passage.contributor)
