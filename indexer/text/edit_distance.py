"""Edit distance of one: the words that differ from a word by a single typing slip. Pure."""

from functools import lru_cache
from typing import Final

# Longer words have no slips looked up; German has hardly any.
LONGEST_CORRECTED: Final = 40

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


# A word is looked up in the postings of every scope.
@lru_cache(maxsize=64)
def single_edits(word: str) -> frozenset[str]:
    """All words at Damerau distance 1: a letter added, missing or wrong, or two swapped.

    Empty for short words and words with digits, where a slip makes another word. Also empty for
    words above `LONGEST_CORRECTED`: a word of n letters has about 54 n neighbours of n letters, so
    the work grows with the square of n.

    Source:
        Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964;
        candidates are generated and looked up, as in Norvig's spelling corrector.
    """
    if not 5 <= len(word) <= LONGEST_CORRECTED or not word.isalpha():
        return frozenset()
    parts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    shorter = [(left, right[1:]) for left, right in parts[:-1]]
    found = {left + letter + right for left, right in parts + shorter for letter in _LETTERS}
    found.update([left + right for left, right in shorter])
    found.update([word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)])
    return frozenset(found)
