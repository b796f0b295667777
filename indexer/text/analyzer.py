"""Analyzer: tokens of passages and queries, stemmed, without stop words.

The same text always gives the same tokens. Code, versions and file names are kept whole *and* split
into parts. Scripts without spaces are split into pairs of characters. Queries have no syntax: every
character is text.

Stems follow the text's language. A query is analysed in its own language, in English, because a few
words are too short for detection, and in the languages of the searched passages.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Final

import Stemmer

from indexer.text.query_normalization import spelt_out
from indexer.text.symbols import symbols
from knowledge.languages.detection import language_of
from knowledge.languages.vocabularies import ENGLISH, values
from knowledge.text import normal_form

# Scripts written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han; and
# Korean, whose particles are glued to the word. Pairs of characters stand in for words.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff"
)
# Vowel signs of Hebrew, Arabic and the Indic scripts, missing from Python's `\w`.
_SIGNS: Final = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]+")
_CHUNK: Final = re.compile(r"[^\s\"“”„«»‚‘…,;!?()\[\]{}<>|`*=~^—–]+(?:\(\))?")
# In plain ASCII, delimiters are replaced by blanks and the text is split at blanks: a tenth of the
# patterns' time, with the same result.
_ENDS_OF_CHUNKS: Final = bytes(32 if chr(n) in '",;!?()[]{}<>|`*=~^' else n for n in range(256))
# Runs of one kind at a time: a run is one step of the pattern, not each of its letters.
_PART: Final = re.compile(rf"(?:[^\W_]+|[{_SIGNS}]+)+")
_TYPED: Final = re.compile(r"(?<![\w.+#-])[\w.+#-]*\w[+#]*")
_HYPHENATED: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_CODE_CHARACTERS: Final = frozenset("._/\\:#+@$%&")


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query, with its accepted forms.

    An `optional` word is ignored if no passage has it.
    """

    forms: tuple[str, ...]
    optional: bool = False


def words(text: str, language: str = "") -> list[str]:
    """The words of a text in reading order, as they are indexed.

    `language` is a code in `knowledge.languages`; by default it is detected.
    """
    return list(_words_in_order(text, language))


# Judging a question reads the same passages, windows and sentences as the one before it.
@lru_cache(maxsize=2_048)
def word_set(text: str, language: str = "") -> frozenset[str]:
    """The distinct words of a text; for `language` see `words`."""
    return frozenset(_words_in_order(text, language))


def _words_in_order(text: str, language: str) -> Iterable[str]:
    known = _words_by_chunk(language or language_of(text))
    # Each symbol once, so that code and tables don't make a passage longer than it reads.
    return chain(symbols(text), chain.from_iterable(map(known.__getitem__, _chunks(text))))


def language_mark(language: str) -> str:
    """The mark of passages in a language other than English, a word of no text."""
    return f"={language}"


def typed_words(text: str) -> list[str]:
    """The words of a text as they were typed, in order."""
    return _TYPED.findall(text)


def query_words(text: str, present: Iterable[str] = ()) -> list[QueryWord]:
    """The words to look up for a query: distinct, without stop words.

    A query of nothing but stop words keeps them. `present` are the languages of the searched
    passages: stems in these are looked up, too.
    """
    return list(_query_words(text, tuple(present)))


@lru_cache(maxsize=256)
def _query_words(text: str, present: tuple[str, ...]) -> tuple[QueryWord, ...]:
    text = spelt_out(text)
    own = list(dict.fromkeys([language_of(text), ENGLISH]))
    grammatical = list(map(_stop_words, own))
    # A word of grammar in a language of the passages may be a topic in the query's: "die".
    readings = [analyse(text, language) for language in dict.fromkeys([*own, *present])]
    # Every language cuts a text into the same words; only their stems differ.
    found: dict[tuple[tuple[str, ...], bool], bool] = {}
    for reading in zip(*readings, strict=True):
        forms = tuple([word for word, _ in reading])
        topical = not any(map(frozenset.__contains__, grammatical, forms))
        if all(forms):
            found[tuple(dict.fromkeys(forms)), reading[0][1]] = topical
    kept = [word for word, topical in found.items() if topical]
    # A symbol with a word in it stands for the word, too.
    signs = [QueryWord((sign,), optional=any(map(str.isalpha, sign))) for sign in symbols(text)]
    query = list(signs)
    for forms, optional in kept or ([] if signs else list(found)):
        meant = (_abbreviations(language).get(word, ()) for language in own for word in forms)
        query.append(QueryWord(tuple(dict.fromkeys(chain(forms, *meant))), optional))
    return tuple(query)


@cache
def _abbreviations(language: str) -> dict[str, tuple[str, ...]]:
    """The meanings of abbreviations, and the abbreviations of single words, as stems."""
    listed = values("abbreviations").get(language, {})
    found = {
        stem(short, language): tuple(words(meaning, language)) for short, meaning in listed.items()
    }
    # "Machine" alone does not mean ML.
    for short, meaning in list(found.items()):
        if len(meaning) == 1:
            found.setdefault(meaning[0], (short,))
    return found


def analyse(text: str, language: str) -> Iterable[tuple[str, bool]]:
    """The words of a text in reading order, each with whether the word is an extra.

    An extra is the whole form of a word with several parts. The text `v2.7.1` has the words `v2`,
    `7` and `1`, and the extra `v2.7.1`. The text `open-source` has the words `open` and `source`,
    and the extra `opensource`. A query's extras are ignored if no passage has them.
    """
    return chain.from_iterable(_words_of_chunk(chunk, language) for chunk in _chunks(text))


def _chunks(text: str) -> list[str]:
    """The parts of a text between spaces and punctuation, in reading order."""
    if not text.isascii():
        return _CHUNK.findall(normal_form("NFKC", text))
    # A pair of brackets behind a name belongs to it.
    if "()" in text:
        return _CHUNK.findall(text)
    return text.encode("ascii").translate(_ENDS_OF_CHUNKS).decode("ascii").split()


class _WordsByChunk(dict[str, tuple[str, ...]]):
    """Cache of the words of chunks in one language."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        if len(self) >= _CHUNKS_KEPT:
            self.clear()
        found = _words_of_chunk(chunk, self._language)
        self[chunk] = plain = tuple(word for word, _ in found if word)
        return plain


# Of each language: about 10 MB.
_CHUNKS_KEPT: Final = 65_536


@lru_cache
def _words_by_chunk(language: str) -> _WordsByChunk:
    return _WordsByChunk(language)


# Few chunks make up most of a text, and passages are analysed again whenever they are judged.
@lru_cache(maxsize=4_096)
def _words_of_chunk(chunk: str, language: str) -> tuple[tuple[str, bool], ...]:
    """The words of one chunk, in the form that `analyse` returns."""
    found: list[tuple[str, bool]] = []
    if not chunk.isascii():
        for run in _UNSPACED_RUN.findall(chunk):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
            found.extend((pair, False) for pair in pairs)
        chunk = _UNSPACED_RUN.sub(" ", chunk).strip()
    parts = _PART.findall(chunk)
    found.extend((stem(part.lower(), language), False) for part in parts)
    if parts and chunk != parts[0] and not any(letter.isspace() for letter in chunk):
        found.extend((form, True) for form in _whole_forms(chunk, language))
    return tuple(found)


def _whole_forms(chunk: str, language: str) -> Iterator[str]:
    """Yield the whole forms of a chunk that has punctuation inside, such as `v2.7.1`."""
    whole = chunk.removesuffix("()").strip(".:'’/\\%&").lower()
    whole = whole.rstrip("-") if not whole.endswith("--") else whole
    letters = re.sub(r"[\W_]", "", whole)
    if not letters or whole == letters:
        return
    if _HYPHENATED.fullmatch(whole):
        yield stem(letters, language)
    digits = sum(character.isdigit() for character in letters)
    is_code = whole.startswith("-") or 0 < digits < len(letters)
    if is_code or not _CODE_CHARACTERS.isdisjoint(whole):
        yield _fold(whole)


def is_stop_word(word: str, language: str) -> bool:
    """Whether an analysed word is a stop word. Unknown languages have none."""
    return word in _stop_words(language)


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    listed = [values(key, "words").get(language, "") for key in ("grammar", "contractions")]
    joined = values("contractions").get(language, {})
    return frozenset(stem(word, language) for word in (*" ".join(listed).split(), *joined))


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    name = values("stemmer").get(language)
    return Stemmer.Stemmer(name) if name else None


@lru_cache(maxsize=65_536)
def stem(word: str, language: str) -> str:
    """Return the stem of a lower-case word, without diacritics."""
    return stem_of_rare(word, language)


def stem_of_rare(word: str, language: str) -> str:
    """`stem` without the cache, for spellings that are tried once.

    Accents are removed after stemming, because the rules of German and French need them.
    """
    stemmer = _stemmer(language)
    return _fold(stemmer.stemWord(word) if stemmer else word)


def _fold(word: str) -> str:
    if word.isascii():
        return word
    decomposed = normal_form("NFD", word.replace("ß", "ss"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def topic(text: str, languages: Iterable[str] = ("en",)) -> tuple[tuple[str, ...], ...]:
    """The content words of a question, without the stop words of these languages.

    Each word is given as its forms; see `QueryWord`.
    """
    languages = tuple(languages)
    return tuple(
        [
            word.forms
            for word in query_words(text)
            if not word.optional
            and not any(is_stop_word(form, code) for form in word.forms for code in languages)
        ]
    )


_NAMED: Final = re.compile(r"\w[\w.'’-]*")


def names(question: str) -> list[str]:
    """The names in a question: capitalised words except the first, and words with digits.

    In a question in capitals or title case, only words with digits count.
    """
    tokens = _NAMED.findall(question)
    capitals = sum(token[0].isupper() for token in tokens)
    telling = capitals <= 0.7 * len(tokens)
    return [
        name
        for i, name in enumerate(tokens)
        if any(character.isdigit() for character in name)
        or (telling and i > 0 and name[0].isupper() and name != "I")
    ]
