"""Grouping of ranked passages by document: the best of each, and what else of it was found.

An answer is judged and shown by one passage of a document. What else was found of that document is
kept beside it, for the answer may stand in the section before or after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.index.stored_passage import StoredPassage
from indexer.text.sentences import only_points


@dataclass(frozen=True, slots=True)
class BestPassage:
    """The best passage of a document with its rank, from 0, and others of it, the best first."""

    rank: int
    passage: StoredPassage
    also: tuple[StoredPassage, ...] = ()

    def before(self, other: "BestPassage") -> "BestPassage":
        """This one, and behind it another of the same document and what that has beside it."""
        others = [one for one in (other.passage, *other.also) if one.id != self.passage.id]
        return replace(self, also=(*self.also, *others))


def best_of_each(
    read: Callable[[Sequence[int]], Mapping[int, StoredPassage]], ids: Sequence[int], k: int
) -> list[BestPassage]:
    """The best passage of each of the `k` best documents, best first.

    One that only points elsewhere is not the best while its document has one that says more.

    Args:
        read: gives passages by id; those that are gone are left out. No more is read than it takes.
        ids: of passages, best first.
        k: at most so many documents.
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
            elif _only_points(known.passage) and not _only_points(passage):
                best[passage.document_id] = found.before(known)
            else:
                best[passage.document_id] = replace(known, also=(*known.also, passage))
        if len(best) >= k and not any(_only_points(one.passage) for one in best.values()):
            break
    return sorted(best.values(), key=lambda one: one.rank)


def with_first(best: Sequence[BestPassage], passage: StoredPassage, rank: int) -> list[BestPassage]:
    """The same with one passage as the best of its document, and that document before all."""
    first = BestPassage(rank, passage)
    others = []
    for one in best:
        if one.passage.document_id == passage.document_id:
            first = first.before(one)
        else:
            others.append(one)
    return [first, *others]


def _only_points(passage: StoredPassage) -> bool:
    return only_points(passage.text, passage.heading)
