import pytest

from indexer.text.synonyms import synonym_variants

PAIRS = [("perm", "permission"), ("battle pass", "season ticket"), ("vip", "rank")]


@pytest.mark.parametrize(
    ("question", "others"),
    [
        ("How do I give perms?", ["How do I give permission?"]),
        ("how do i get a permission", ["how do i get a perm"]),
        ("(vip) or not", ["(rank) or not"]),
        ("whats in the Battle Pass, and vip", ["whats in the season ticket, and rank"]),
        ("vip rank", ["rank rank", "vip vip"]),
        ("the battle of the pass", []),
        ("/lp perm.vip https://vip.example vipers", []),
        ("", []),
    ],
)
def test_a_question_is_read_with_either_word(question: str, others: list[str]) -> None:
    assert synonym_variants(question, PAIRS) == (question, *others)
