"""Analyzer: tokens of passages and queries, stemmed, with stop words and language detection.

The same text always gives the same tokens. Code, versions and file names are kept whole *and* split
into parts. Scripts without spaces are split into pairs of characters. Queries have no syntax: every
character is text.

Stems follow the text's language, detected by its stop words. A query is analysed in its own
language and in English, because a few words are too short for detection.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Final

import Stemmer

from indexer.text.query_normalization import spelt_out
from indexer.text.symbols import symbols
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
_ENDS_OF_PARTS: Final = bytes(n if chr(n).isalnum() else 32 for n in range(256))
# Runs of one kind at a time: a run is one step of the pattern, not each of its letters.
_PART: Final = re.compile(rf"(?:[^\W_]+|[{_SIGNS}]+)+")
_TYPED: Final = re.compile(r"(?<![\w.+#-])[\w.+#-]*\w[+#]*")
_HYPHENATED: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_CODE_CHARACTERS: Final = frozenset("._/\\:#+@$%&")

_DATA: Final = files("indexer.text")

_STEMMERS: Final = {"en": "english", "de": "german", "es": "spanish", "fr": "french",
                    "it": "italian", "nl": "dutch", "pt": "portuguese", "ru": "russian",
                    "sv": "swedish"}  # fmt: skip

# Letters that English has only in foreign words.
_LETTERS: Final = {"de": "äöüß", "es": "ñ¿¡", "fr": "çœèêà", "pt": "ãõ", "sv": "å"}

# Languages with a script of their own, or nearly.
_SCRIPTS: Final = {
    language: re.compile(f"[{letters}]")
    for language, letters in {
        "ja": "\u3040-\u30ff",
        "ko": "\uac00-\ud7af",
        "zh": "\u4e00-\u9fff",
        "ru": "\u0400-\u04ff",
        "ar": "\u0600-\u06ff",
        "he": "\u0590-\u05ff",
        "hi": "\u0900-\u097f",
        "th": "\u0e00-\u0e7f",
        "el": "\u0370-\u03ff",
    }.items()
}


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query, with its accepted forms.

    An `optional` word is ignored if no passage has it.
    """

    forms: tuple[str, ...]
    optional: bool = False


def words(text: str, language: str = "") -> list[str]:
    """The words of a text in reading order, as they are indexed.

    Args:
        text: a text in any language.
        language: a two-letter code; by default it is detected.
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


def typed_words(text: str) -> list[str]:
    """The words of a text as they were typed, in order."""
    return _TYPED.findall(text)


def query_words(text: str) -> list[QueryWord]:
    """The words to look up for a query: distinct, without stop words.

    A query of nothing but stop words keeps them.
    """
    return list(_query_words(text))


@lru_cache(maxsize=256)
def _query_words(text: str) -> tuple[QueryWord, ...]:
    text = spelt_out(text)
    languages = list(dict.fromkeys([language_of(text), "en"]))
    readings = [analysed(text, language) for language in languages]
    grammatical = [_stop_words(language) for language in languages]
    # Every language cuts a text into the same words; only their stems differ.
    found: dict[tuple[tuple[str, ...], bool], bool] = {}
    for reading in zip(*readings, strict=True):
        forms = tuple([word for word, _ in reading])
        topical = not any(map(frozenset.__contains__, grammatical, forms))
        if all(forms):
            found[tuple(dict.fromkeys(forms)), reading[0][1]] = topical
    kept = [word for word, topical in found.items() if topical]
    # A symbol with a word in it stands for the word, too.
    signs = [QueryWord((one,), optional=any(map(str.isalpha, one))) for one in symbols(text)]
    worded = kept or ([] if signs else list(found))
    return (
        *signs,
        *[QueryWord(_with_abbreviation(forms), optional) for forms, optional in worded],
    )


def _with_abbreviation(forms: tuple[str, ...]) -> tuple[str, ...]:
    spelt_out = _spelt_out()
    return (*forms, *(form for word in forms for form in spelt_out.get(word, ())))


@lru_cache
def _spelt_out() -> dict[str, tuple[str, ...]]:
    listed = tomllib.loads(_DATA.joinpath("abbreviations.toml").read_text(encoding="utf-8"))
    found = {stem(short, "en"): tuple(words(meaning, "en")) for short, meaning in listed.items()}
    # "Machine" alone does not mean ML.
    for short, meaning in list(found.items()):
        if len(meaning) == 1:
            found.setdefault(meaning[0], (short,))
    return found


# Every step of answering a question calls this for it.
@lru_cache(maxsize=256)
def language_of_question(text: str) -> str:
    """The language of a question if it is certain; empty if the question is too short to tell.

    A script such as Arabic or Thai makes the language certain. So do at least two stop words of the
    language, if the question has fewer stop words of every other language.
    """
    letters = sum(character.isalpha() for character in text)
    for language, script in () if text.isascii() else _SCRIPTS.items():
        # Many an English formula has a few Greek letters.
        if len(script.findall(text)) >= max(2, 0.3 * letters):
            return language
    counts = sorted(
        (count, language) for language, count in _counts_of_grammar(text.lower()).items()
    )
    (second, _), (first, language) = counts[-2:]
    return language if first >= 2 and first > second else ""


def language_of(text: str) -> str:
    """The language with the most stop words and special letters (such as `ß`) in a text.

    In a tie with English, English is chosen, so a text without any of these counts as English.
    """
    beginning = text[:2_000].lower()
    shares = _counts_of_grammar(beginning)
    if not beginning.isascii():
        for language in shares:
            shares[language] += 2 * sum(
                letter in beginning for letter in _LETTERS.get(language, "")
            )
    most = max(shares.values())
    if shares["en"] == most:
        return "en"
    return next(language for language, share in shares.items() if share == most)


def _counts_of_grammar(lowered: str) -> dict[str, int]:
    """For each language the number of its grammatical words in a lower-case text."""
    parts = _split_ascii(lowered, _ENDS_OF_PARTS) if lowered.isascii() else _PART.findall(lowered)
    counts = dict.fromkeys(_stop_texts()["grammar"], 0)
    for languages in filter(None, map(_languages_by_word().get, parts)):
        for language in languages:
            counts[language] += 1
    return counts


@lru_cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """The languages of each stop word."""
    found: dict[str, tuple[str, ...]] = {}
    for language, text in _stop_texts()["grammar"].items():
        for word in set(text.split()):
            found[word] = (*found.get(word, ()), language)
    return found


@lru_cache
def _stop_texts() -> dict[str, dict[str, str]]:
    """The tables of `stop_words.toml`: for each language its words, separated by spaces."""
    return tomllib.loads(_DATA.joinpath("stop_words.toml").read_text(encoding="utf-8"))


def _split_ascii(text: str, ends: bytes) -> list[str]:
    return text.encode("ascii").translate(ends).decode("ascii").split()


def analysed(text: str, language: str) -> Iterable[tuple[str, bool]]:
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
    return _CHUNK.findall(text) if "()" in text else _split_ascii(text, _ENDS_OF_CHUNKS)


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
    """The words of one chunk, in the form that `analysed` returns."""
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
    texts = [table.get(language, "") for table in _stop_texts().values()]
    return frozenset(stem(word, language) for text in texts for word in text.split())


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    name = _STEMMERS.get(language)
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
            and not any(is_stop_word(form, one) for form in word.forms for one in languages)
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
