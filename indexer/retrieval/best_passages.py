"""Grouping of ranked passages by document.

A search has one hit for each document, with the document's best passage. The other found passages
of the document are kept with the hit, because the answer may be in the section before or after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from indexer.index.stored_passage import StoredPassage

# How many others of a document are kept.
ALSO: Final = 4


@dataclass(frozen=True, slots=True)
class BestPassage:
    """The best passage of a document, with its rank among all passages, from 0.

    `also` are the document's other found passages, the best first.
    """

    rank: int
    passage: StoredPassage
    also: tuple["BestPassage", ...] = ()

    def with_also(self, *others: "BestPassage") -> "BestPassage":
        """A copy with more passages of the same document appended to `also`."""
        new = [replace(other, also=()) for other in others if other.passage.id != self.passage.id]
        return replace(self, also=(*self.also, *new)[:ALSO])


def best_of_each(
    read: Callable[[Sequence[int]], Mapping[int, StoredPassage]], ids: Sequence[int], k: int
) -> list[BestPassage]:
    """The best passage of each of the `k` best documents, best first, as the ids are.

    `read` returns passages by id, without missing ones. It is called for no more than needed.
    """
    best: dict[str, BestPassage] = {}
    step = k + 2
    for start in range(0, len(ids), step):
        stored = read(ids[start : start + step])
        for rank, passage_id in enumerate(ids[start : start + step], start):
            passage = stored.get(passage_id)
            if passage is None:
                continue
            known, found = best.get(passage.document_id), BestPassage(rank, passage)
            if known is None:
                if len(best) < k:
                    best[passage.document_id] = found
            else:
                best[passage.document_id] = known.with_also(found)
        if len(best) >= k:
            break
    return list(best.values())


def with_first(best: Sequence[BestPassage], passage: StoredPassage, rank: int) -> list[BestPassage]:
    """Move the document of `passage` to the first place, and make `passage` its best passage."""
    first = BestPassage(rank, passage)
    others = []
    for found in best:
        if found.passage.document_id == passage.document_id:
            first = first.with_also(found, *found.also)
        else:
            others.append(found)
    return [first, *others]
