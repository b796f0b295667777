"""One passage a document, and what else of it was found: the best, in order, and each once."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.best_passages import ALSO, BestPassage, best_of_each, with_first
from indexer.text.passages import Passage
from knowledge.values.documents import SHARED, Document, Kind

SAYS = "Otters sleep on their backs."


def _passage(number: int, name: str) -> StoredPassage:
    document = Document(name, SHARED, Kind.FILE, "", SAYS)
    return StoredPassage.of(number, document, Passage(name, number, "", "", SAYS))


def _best(passages: Sequence[StoredPassage], k: int) -> list[BestPassage]:
    stored = {one.id: one for one in passages}

    def read(ids: Sequence[int]) -> Mapping[int, StoredPassage]:
        return {key: stored[key] for key in ids if key in stored}

    return best_of_each(read, [one.id for one in passages], k)


def _told(best: Sequence[BestPassage]) -> list[tuple[int, list[int]]]:
    return [(one.passage.id, [other.passage.id for other in one.also]) for one in best]


def test_other_passages_stand_beside_the_best() -> None:
    found = [_passage(number, name) for number, name in enumerate("abaca")]
    assert _told(_best(found, 3)) == [(0, [2, 4]), (1, []), (3, [])]
    assert [one.rank for one in _best(found, 3)] == [0, 1, 3]


def test_one_that_is_wanted_first_brings_what_its_document_has() -> None:
    best = _best([_passage(number, name) for number, name in enumerate("abab")], 2)
    wanted = best[1].also[0].passage
    assert _told(with_first(best, wanted, 3)) == [(3, [1]), (0, [2])]
    assert _told(with_first(best, best[0].passage, 0)) == [(0, [2]), (1, [3])]
    other = _passage(9, "c")
    assert _told(with_first(best, other, 8))[0] == (9, [])


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(1, 6))
def test_each_document_has_its_first_and_nothing_is_there_twice(names: list[str], k: int) -> None:
    found = [_passage(number, name) for number, name in enumerate(names)]
    best = _best(found, k)
    firsts = list(dict.fromkeys(names))[:k]
    assert [one.passage.document_id for one in best] == firsts
    assert [one.passage.id for one in best] == [names.index(name) for name in firsts]
    shown = [other.passage.id for one in best for other in (one, *one.also)]
    assert len(shown) == len(set(shown))
    assert all(len(one.also) <= ALSO for one in best)
