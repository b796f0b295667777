"""Unmatched query terms: names and rare nouns without a hit, listed above a partial answer. Pure.

The answer says "I found nothing on X", so X has to be a topic. Words that may be verbs, typos or
slang are left out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from indexer.text.analyzer import names, typed_words, words
from indexer.text.query_normalization import normalized
from knowledge.languages.detection import language_of, language_of_question

MOST: Final = 2

_QUANTITY = re.compile(r"[\d.,]+[a-zA-Z]{0,3}|\d+(?:st|nd|rd|th)")
_STRETCHED = re.compile(r"(.)\1\1")
# Endings of verbs, adverbs and adjectives.
_NO_NOUN = re.compile(r"\w{2}(?:ed|ing|ly|ish|able|ful|less)\Z")
_ENDINGS: Final = ("s", "es", "y", "ry", "d")

# Chat slang without a topic.
_NOISE_TEXT: Final = """abt af afaik aka allright alot any1 anyone1 anyways asap asf aswell
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


def unmatched_terms(
    question: str,
    unknown: frozenset[str],
    quoted: Sequence[str],
    is_common: Callable[[str], bool],
) -> tuple[str, ...]:
    """Names and rare nouns of a question that no passage has, in order, at most `MOST`.

    Args:
        question: the question, with its spelling corrected.
        unknown: forms of the question's words that no passage has, even after spelling correction.
        quoted: the quoted passages, with titles and headings.
        is_common: whether a word in lower case is in common use.
    """
    language = language_of_question(question)
    # Texts in another language may treat the topic without these words.
    if not unknown or (language and all(language != language_of(text) for text in quoted)):
        return ()
    said = " ".join(quoted).casefold()
    squeezed = re.sub(r"[\W_]", "", said)
    found = (
        word
        for word in _names_and_nouns(question, is_common)
        if unknown.issuperset(words(normalized(word)))
        and not _occurs(word.casefold(), said, squeezed)
    )
    return tuple(dict.fromkeys(found))[:MOST]


def _names_and_nouns(question: str, is_common: Callable[[str], bool]) -> Iterator[str]:
    typed = typed_words(question)
    named = set(names(question))
    reads_nouns = language_of_question(question) in ("", "en")
    for before, word in zip(["", *typed], typed, strict=False):
        lowered = word.casefold()
        if _QUANTITY.fullmatch(word) or _STRETCHED.search(lowered) or lowered in _NOISE:
            continue
        is_name = word in named and len(word) > 1
        if is_name or (
            reads_nouns
            and len(word) > 2
            and before.casefold().replace("'", "") not in _BEFORE_VERBS
            and _is_rare_noun(lowered, is_common)
        ):
            yield word


def _is_rare_noun(word: str, is_common: Callable[[str], bool]) -> bool:
    if is_common(word) or _NO_NOUN.search(word) is not None:
        return False
    bases = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
    return not any(
        len(base) > 2 and (is_common(base) or (base[-1:] == base[-2:-1] and is_common(base[:-1])))
        for base in bases
    )


def _occurs(word: str, text: str, squeezed: str) -> bool:
    """Whether a text contains a word, its stem, or a compound with the word.

    `squeezed` is the text without blanks and punctuation, so that "back up" contains "backup".
    """
    stem = word[: max(5, -(-len(word) * 4 // 5))]
    return (
        re.sub(r"[\W_]", "", word) in squeezed
        or re.search(rf"\b{re.escape(stem)}", text) is not None
    )
