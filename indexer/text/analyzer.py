"""What counts as a word, so that a question and a passage meet.

Promises that the same text always gives the same words, that code, versions and file names
survive whole *and* match by their parts, and that text in a script without spaces is matched
by pairs of characters. Knows no index and no query syntax: every character is only text.

Stems follow the language of the text, which is told by its grammatical words. A query is read in
its own language and in English, because a few words are too short to tell.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

import Stemmer

# Scripts written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han; and
# Korean, whose particles are glued to the word. Pairs of characters stand in for words.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff"
)
# Vowel signs of Hebrew, Arabic and the Indic scripts, which Python's `\w` leaves out.
_SIGNS: Final = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]+")
_CHUNK: Final = re.compile(r"[^\s\"“”„«»‚‘…,;!?()\[\]{}<>|`*=~^—–]+(?:\(\))?")
# In plain ASCII, what ends a chunk and what ends a part becomes a blank, and blanks are split at: a
# tenth of what the patterns take, with the same result.
_ENDS_OF_CHUNKS: Final = bytes(32 if chr(n) in '",;!?()[]{}<>|`*=~^' else n for n in range(256))
_ENDS_OF_PARTS: Final = bytes(n if chr(n).isalnum() else 32 for n in range(256))
# Runs of one kind at a time: a run is one step of the pattern, not each of its letters.
_PART: Final = re.compile(rf"(?:[^\W_]+|[{_SIGNS}]+)+")
_HYPHENATED: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_CODE_CHARACTERS: Final = frozenset("._/\\:#+@$%&")

_STEMMERS: Final = {"en": "english", "de": "german", "es": "spanish", "fr": "french",
                    "it": "italian", "nl": "dutch", "pt": "portuguese", "ru": "russian",
                    "sv": "swedish"}  # fmt: skip

# Words that carry grammar and no topic. They are left out of queries only: a passage keeps
# them, so that changing this list never asks for a new index.
_STOP_TEXT: Final = {
    "en": """a about above after again all am an and any are as at be because been before being
        below between both but by can could d did do does doing don down during each few for from
        further had has have having he her here hers him his how i if in into is it its itself
        just ll m me more most my myself no nor not now of off on once only or other our ours out
        over own pls please re s same she should so some such t than thank thanks that the their
        theirs them then there these they this those through to too under until up ve very was we
        were what when where which while who whom whose why will with would you your yours""",
    "de": """aber alle als also am an auch auf aus bei bin bis bist bitte da damit dann das dass
        dein deine dem den denn der des die dies diese dieser dieses doch dort du durch ein eine
        einem einen einer eines er es euer eure für gibt hab habe haben hat hatte hier ich ihm ihn
        ihr ihre im in ist ja kann kein keine können man mein meine mich mir mit muss müssen nach
        nicht noch nun nur ob oder ohne sehr sein seine sich sie sind so soll sollte über um und
        uns unser unter vom von vor wann war waren warum was weil welche welcher welches wem wen
        wenn wer werden wie wir wird wo wurde wurden zu zum zur""",
    "es": """al como con cuál cuándo de del dónde el en es esta este hay la las lo los más me mi
        no o para pero por puedo que qué quién se si sin son su sus un una y ya yo""",
    "fr": """au aux avec ce ces cette comment dans de des du elle en est et il ils je la le les
        leur ma mes mon ne nous où ou par pas peut pour pourquoi quand que quel quelle qui quoi
        sa se ses son sont sur un une vous""",
    "it": """al alla che chi ci come con cosa da dei del della di dove e gli il in io la le lo ma
        mi non o per perché più posso quale quando quanto se si sono su un una""",
    "nl": """aan dat de die dit een en er gaat heb het hoe ik in is kan maar met mijn moet naar
        niet of om ook op te tot uit van voor waar waarom wanneer wat we wie wordt zijn""",
    "pt": """ao as com como da das de do dos e em eu isso mais mas meu minha não na no nas nos o
        onde os ou para por porque posso qual quando que quem se seu sua um uma""",
}

# What is left of grammar where an apostrophe parts it ("doesn't") or is not typed ("dont"), and how
# it is typed in chats. Left out of queries like the words above, but a language is not told by it.
# Not "won" and "haven", which are words, too.
_SHORT_TEXT: Final = {
    "en": """ain aren arent cannot cant couldn couldnt didn didnt doesn doesnt dont gonna gotta hadn
        hadnt hasn hasnt havent hows im isn isnt ive plz shouldn shouldnt thats theres theyre thx u
        ur wanna wasn wasnt weren werent whats wheres whos wont wouldn wouldnt youre""",
}

# What people type for a word that documents spell out, and notes for one that people do; each is
# looked for beside what was typed.
_ABBREVIATIONS: Final = {
    "admin": "administrator",
    "ai": "artificial intelligence",
    "app": "application",
    "auth": "authentication",
    "config": "configuration",
    "db": "database",
    "dev": "developer",
    "docs": "documentation",
    "env": "environment",
    "info": "information",
    "js": "javascript",
    "k8s": "kubernetes",
    "licence": "license",
    "license": "licence",
    "llm": "language model",
    "ml": "machine learning",
    "msg": "message",
    "os": "operating system",
    "perms": "permissions",
    "prod": "production",
    "py": "python",
    "pw": "password",
    "repo": "repository",
    "spec": "specification",
    "ts": "typescript",
}

# Letters that English has only in foreign words.
_LETTERS: Final = {"de": "äöüß", "es": "ñ¿¡", "fr": "çœèêà", "pt": "ãõ", "sv": "å"}

# A language that has a script to itself, or nearly.
_SCRIPTS: Final = {
    "ja": "\u3040-\u30ff",
    "ko": "\uac00-\ud7af",
    "zh": "\u4e00-\u9fff",
    "ru": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "hi": "\u0900-\u097f",
    "th": "\u0e00-\u0e7f",
    "el": "\u0370-\u03ff",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word of a query, by the forms that count as it; an optional one may be missing anywhere."""

    forms: tuple[str, ...]
    optional: bool = False


def words(text: str, language: str = "") -> list[str]:
    """The words of a text in reading order, as an index should hold them.

    Args:
        text: in any language.
        language: a two-letter code; told from the text if it is not given.
    """
    return list(_words_in_order(text, language))


def word_set(text: str, language: str = "") -> frozenset[str]:
    """The words of a text, each once, in no order; for the language see `words`."""
    return _word_set(text, language)


# Judging a question reads the same passages, windows and sentences as the one before it.
@lru_cache(maxsize=2_048)
def _word_set(text: str, language: str) -> frozenset[str]:
    return frozenset(_words_in_order(text, language))


def _words_in_order(text: str, language: str) -> Iterable[str]:
    known = _words_by_chunk(language or language_of(text))
    return chain.from_iterable(map(known.__getitem__, _chunks(text)))


def query_words(text: str) -> list[Wanted]:
    """What a query looks for: its words without repeats and without those of mere grammar.

    A query of nothing but such words keeps them.
    """
    return list(_query_words(text))


@lru_cache(maxsize=256)
def _query_words(text: str) -> tuple[Wanted, ...]:
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
    kept = [word for word, topical in found.items() if topical] or list(found)
    return tuple([Wanted(_with_abbreviation(forms), optional) for forms, optional in kept])


def _with_abbreviation(forms: tuple[str, ...]) -> tuple[str, ...]:
    spelt_out = _spelt_out()
    return (*forms, *(form for word in forms for form in spelt_out.get(word, ())))


@lru_cache
def _spelt_out() -> dict[str, tuple[str, ...]]:
    found = {
        _stem(short, "en"): tuple(words(meaning, "en")) for short, meaning in _ABBREVIATIONS.items()
    }
    # "Machine" alone does not mean ML.
    for short, meaning in list(found.items()):
        if len(meaning) == 1:
            found.setdefault(meaning[0], (short,))
    return found


# Every step of answering a question asks this of it.
@lru_cache(maxsize=256)
def language_of_question(text: str) -> str:
    """The language that a question is surely in, or nothing where it is too short to tell.

    A script decides; else at least two words of grammar, and more than in any other language.
    """
    letters = sum(character.isalpha() for character in text)
    for language, script in () if text.isascii() else _SCRIPTS.items():
        # A few Greek letters stand in many an English formula.
        if len(re.findall(f"[{script}]", text)) >= max(2, 0.3 * letters):
            return language
    counts = sorted(
        (count, language) for language, count in _counts_of_grammar(text.lower()).items()
    )
    (second, _), (first, language) = counts[-2:]
    return language if first >= 2 and first > second else ""


def language_of(text: str) -> str:
    """The language that most of a text's grammatical words and letters belong to, else English."""
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
    """How many grammatical words of each language a text in lower case has."""
    counted_as = _counts_in_one_number()
    parts = _split_ascii(lowered, _ENDS_OF_PARTS) if lowered.isascii() else _PART.findall(lowered)
    total = sum(filter(None, map(counted_as.get, parts)))
    return {
        language: total >> _COUNT_BITS * place & _COUNT_MASK
        for place, language in enumerate(_STOP_TEXT)
    }


# The counts of all languages are one number, so many bits a language: Python's own `sum` adds them.
_COUNT_BITS: Final = 32
_COUNT_MASK: Final = 2**_COUNT_BITS - 1


@lru_cache
def _counts_in_one_number() -> dict[str, int]:
    """For each grammatical word a one in the place of each language that it belongs to."""
    found: dict[str, int] = {}
    for place, text in enumerate(_STOP_TEXT.values()):
        for word in set(text.split()):
            found[word] = found.get(word, 0) + (1 << _COUNT_BITS * place)
    return found


def _split_ascii(text: str, ends: bytes) -> list[str]:
    return text.encode("ascii").translate(ends).decode("ascii").split()


def analysed(text: str, language: str) -> Iterable[tuple[str, bool]]:
    """The words of a text as (word, extra), in reading order.

    `extra` marks a form that stands for words that are yielded as well: `v2.7.1` beside `v2`,
    `7`, `1`; `opensource` beside `open`, `source`. A question may do without extras that the
    index does not know.
    """
    return chain.from_iterable(_words_of_chunk(chunk, language) for chunk in _chunks(text))


def _chunks(text: str) -> list[str]:
    """What stands between blanks and punctuation, in reading order."""
    if not text.isascii():
        return _CHUNK.findall(unicodedata.normalize("NFKC", text))
    # A pair of brackets behind a name belongs to it.
    return _CHUNK.findall(text) if "()" in text else _split_ascii(text, _ENDS_OF_CHUNKS)


class _WordsByChunk(dict[str, tuple[str, ...]]):
    """What chunks give in one language, worked out when it is first asked for."""

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
    """What a chunk without blanks gives, as `analysed` does."""
    found: list[tuple[str, bool]] = []
    if not chunk.isascii():
        for run in _UNSPACED_RUN.findall(chunk):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
            found.extend((pair, False) for pair in pairs)
        chunk = _UNSPACED_RUN.sub(" ", chunk).strip()
    parts = _PART.findall(chunk)
    found.extend((_stem(part.lower(), language), False) for part in parts)
    if parts and chunk != parts[0] and not any(letter.isspace() for letter in chunk):
        found.extend((form, True) for form in _whole_forms(chunk, language))
    return tuple(found)


def _whole_forms(chunk: str, language: str) -> Iterator[str]:
    """Yield the forms under which a chunk with punctuation inside is known as a whole."""
    whole = chunk.removesuffix("()").strip(".:'’/\\%&").lower()
    whole = whole.rstrip("-") if not whole.endswith("--") else whole
    letters = re.sub(r"[\W_]", "", whole)
    if not letters or whole == letters:
        return
    if _HYPHENATED.fullmatch(whole):
        yield _stem(letters, language)
    digits = sum(character.isdigit() for character in letters)
    is_code = whole.startswith("-") or 0 < digits < len(letters)
    if is_code or not _CODE_CHARACTERS.isdisjoint(whole):
        yield _fold(whole)


def is_stop_word(word: str, language: str) -> bool:
    """Say whether an analysed word is left out of queries. Unknown languages have none."""
    return word in _stop_words(language)


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    text = f"{_STOP_TEXT.get(language, '')} {_SHORT_TEXT.get(language, '')}"
    return frozenset(_stem(word, language) for word in text.split())


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    name = _STEMMERS.get(language)
    return Stemmer.Stemmer(name) if name else None


@lru_cache(maxsize=65_536)
def _stem(word: str, language: str) -> str:
    """Return the stem of a lower-case word, without diacritics.

    Stemming comes first: the rules of German and French need the accents.
    """
    stemmer = _stemmer(language)
    return _fold(stemmer.stemWord(word) if stemmer else word)


def _fold(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word.replace("ß", "ss"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
