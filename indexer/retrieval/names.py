"""Names in a question, and those missing from a passage. Pure.

A passage about Lisbon, the PS4 or the general case is no sure answer about Porto, the PS5 or one
host, however near their vectors are. Proper names are words with a capital or a digit, and a word
in the place of a title's. Rare nouns are weaker: other words may mean the same. Verbs, typos and
slang are left out, because the bot says "I found nothing on X".
"""

import re
from collections.abc import Callable, Container, Sequence
from itertools import chain
from string import ascii_lowercase
from typing import Final

from indexer.text.analyzer import is_stop_word, names, query_words, stem, typed_words
from indexer.text.query_normalization import normalize
from knowledge.languages.detection import language_of_question
from knowledge.languages.vocabularies import ENGLISH

# A number with dots is a version, except before a unit: "python 3.7", but "4.5 amps".
_VERSION: Final = re.compile(
    r"(?<![\w.])(v?\d{1,3}(?:\.\d{1,4}){1,2})(?![\w.]|\s?[%€$£]|\s?(?:a|amps?|bytes?|cm|days?|euros?|fps|"
    r"g|gb|gbit|ghz|grams?|h|hours?|hz|inch(?:es)?|k|kb|kg|khz|km|l|liters?|m|ma|mb|mbit|mbps|mhz|min|"
    r"minutes?|ml|mm|ms|percent|s|sec|seconds?|stunden?|tb|times|v|volts?|w|watts?|weeks?|x|years?)\b)",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"[\d.,]+[a-zA-Z]{0,3}|\d+(?:st|nd|rd|th)")
_STRETCHED = re.compile(r"(.)\1\1")
# Endings of verbs, adverbs and adjectives.
_NO_NOUN = re.compile(r"\w{2}(?:ed|ing|ly|ish|able|ful|less)\Z")
_ENDINGS: Final = ("s", "es", "y", "ry", "d")

# Chat slang without a topic.
_NOISE_TEXT: Final = """abt af afaik aka allright alot altho any1 anyone1 anyways asap asf aswell
    atleast atm bc bcz boi bois brah brb brrr bruh bruv btw coz cus cuz dawg def defo defs dem
    digga dis doin dokie dont dude dudes dunno eig eigtl eli5 eta etc every1 ez fam ffs finna
    fr ftw fwiw fyi gg gimme goin gonna gotcha gotta guyz hafta haha halp hav havin hbu heelp
    helpp hey highkey hlp hmm hmu huh idek idk ig iirc ikr ima imho imma imo innit irl istg
    iwas iwie jk jmd kek kinda l8r lemme lil lmao lmfao lmk lol lotta lowkey lul m8 meh mfw
    nah ned ngl nix no1 noone nope nothin nvm obv obvs ofc oki okie okok omg oof oops ootl
    ouch outta owo peeps plox pls plss plz plzz pog poggers ppl ppls prolly rlly rly rn rofl
    smh smol smth some1 somebody someone somethin sorta srsly sth sus tbf tbh tbqh tfw thanx
    thnx tho thru thx tldr tmr tmrw tnx tryin tryna ty tyvm ugh urself uwu vllt vlt vs w8
    wanna wassup wbu welp whatcha whatevs whats wid wit wow wtf wut wuts wyd yall yay yeah
    yeet yep yes yo yolo yup"""
_NOISE: Final = frozenset(_NOISE_TEXT.split())
# A word after one of these is probably a verb or an adjective.
_BEFORE_VERBS_TEXT: Final = """i you it we they he she who that to can could will would shall
    should may might must dont doesnt didnt cant wont not so too very really how"""
_BEFORE_VERBS: Final = frozenset(_BEFORE_VERBS_TEXT.split())


# Languages that write every noun with a capital.
_CAPITAL_NOUNS: Final = frozenset({"de"})
# The fewest words that a question shares with a title when one word differs.
_SHARED_WORDS: Final = 3
# The fewest letters of a slip.
_LEAST_SLIP: Final = 4
# The fewest characters of a word to look for inside other words.
_COMPOUND_CHARACTERS: Final = 4
_WORD: Final = re.compile(r"\w+")
_BEFORE_NUMBER: Final = re.compile(r"^[^\W\d]{2,40}(?=\d{1,6}$)")


def missing_names(
    question: str, titles: Sequence[str], passage: str, *, language: str = ENGLISH
) -> tuple[str, ...]:
    """The proper names of a question, as typed and in order, without those in a passage.

    `titles` are the title, the last heading and the wordings. A passage in another language may
    have other words for the same: of such a passage, only names with digits are reported.
    """
    asked_in = language_of_question(question)
    reads_capitals = asked_in in ("", language) and asked_in not in _CAPITAL_NOUNS
    named, versions = set(names(question)), set(_VERSION.findall(question))
    swapped = _word_in_place_of_another(question, titles)

    def is_proper(word: str) -> bool:
        has_sign = reads_capitals or _has_digit(word)
        is_exact = word in versions or word.casefold() == swapped
        return is_exact or (has_sign and _is_name(word, named))

    return _lacking(question, passage, is_proper)


def missing_nouns(
    question: str, passage: str, is_common: Callable[[str], bool], *, language: str = ENGLISH
) -> tuple[str, ...]:
    """Capitalised words and rare nouns of a question, without those in a passage.

    Empty for a passage in another language. `is_common` tells a word in common use, in lower case.
    """
    asked_in = language_of_question(question)
    if asked_in not in ("", language):
        return ()
    named, typed = set(names(question)), typed_words(question)
    # A word typed twice counts at its first place.
    before = dict(reversed([*zip(typed, ["", *typed], strict=False)]))

    def is_noun(word: str) -> bool:
        return _is_name(word, named) or (
            asked_in in ("", ENGLISH)
            and before[word].casefold().replace("'", "") not in _BEFORE_VERBS
            and _is_rare_noun(word.casefold(), is_common)
        )

    return _lacking(question, passage, is_noun)


def _lacking(question: str, passage: str, is_wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """The wanted words of a question with a topic, without those in a passage in any form."""
    text = passage.casefold()
    letters = "".join(filter(str.isalnum, text))
    found = []
    for word in filter(is_wanted, dict.fromkeys(typed_words(question))):
        lowered = word.casefold()
        is_grammar = lowered in _NOISE or is_stop_word(stem(lowered, ENGLISH), ENGLISH)
        if not (is_grammar or _has(text, letters, lowered) or _means(word, text)):
            found.append(word)
    return tuple(found)


def _has(text: str, letters: str, word: str) -> bool:
    """Whether a text has a word, a word that begins alike, or a compound with it.

    Both are in lower case. `letters` are the text's letters and digits: "back up" has "backup".
    """
    bare = "".join(filter(str.isalnum, word))
    if len(bare) >= _COMPOUND_CHARACTERS and bare in letters:
        return True
    # Versions differ in their last digit. "Pi4" is also written "Pi 4".
    cut = len(word) if _has_digit(word) else max(5, -(-len(word) * 4 // 5))
    apart = word.removeprefix("v") if _VERSION.match(word) else _BEFORE_NUMBER.sub(r"\g<0> ", word)
    return _begins_word(text, word[:cut]) or (apart != word and _begins_word(text, apart))


def _begins_word(text: str, beginning: str) -> bool:
    place = text.find(beginning)
    while place > 0 and text[place - 1].isalnum():
        place = text.find(beginning, place + 1)
    return place >= 0


def _means(word: str, text: str) -> bool:
    """Whether a text in lower case has the meaning of an abbreviation, or the abbreviation."""
    lowered = word.casefold()
    forms = (form for found in query_words(word) for form in found.forms if form not in lowered)
    return any(_begins_word(text, form) for form in forms)


def _word_in_place_of_another(question: str, titles: Sequence[str]) -> str:
    """The word of a question in the place of a title's ("porto" for "Lisbon"), or empty."""
    asked: list[str] = _WORD.findall(normalize(question).casefold())
    for title in titles:
        told: list[str] = _WORD.findall(title.casefold())
        if len(told) == len(asked) > _SHARED_WORDS:
            differing = [word for word, other in zip(asked, told, strict=True) if word != other]
            if len(differing) == 1:
                return differing[0]
    return ""


def _is_name(word: str, named: Container[str]) -> bool:
    return word in named and len(word) > 1 and not _is_quantity(word.casefold())


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_quantity(word: str) -> bool:
    return bool(_QUANTITY.fullmatch(word) or _STRETCHED.search(word))


def _is_rare_noun(word: str, is_common: Callable[[str], bool]) -> bool:
    if len(word) < 3 or _is_quantity(word) or is_common(word) or _NO_NOUN.search(word) is not None:
        return False
    bases = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
    return not _is_slip(word, is_common) and not any(
        len(base) > 2 and (is_common(base) or (base[-1:] == base[-2:-1] and is_common(base[:-1])))
        for base in bases
    )


def _is_slip(word: str, is_common: Callable[[str], bool]) -> bool:
    """Whether a word is a common one with a letter left out, or with two letters swapped.

    Other slips make names of common words: "docker" of "docked", "skype" of "skye".
    """
    if len(word) < _LEAST_SLIP or not word.isalpha():
        return False
    places = range(1, len(word))
    lacking = (word[:i] + letter + word[i:] for i in places for letter in ascii_lowercase)
    swapped = (f"{word[:i]}{word[i + 1]}{word[i]}{word[i + 2 :]}" for i in places[:-1])
    return any(map(is_common, chain(lacking, swapped)))
