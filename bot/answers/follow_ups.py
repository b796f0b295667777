"""Detection of questions that depend on the question before, in English and German.

"and for players?" is too short to be looked up alone. "how do i turn it off" refers to the question
before. A question that doesn't depend on another is looked up alone, even in reply to an answer.
"""

import re
from typing import Final

from indexer.text.analyzer import topic
from indexer.text.query_normalization import spelt_out
from knowledge.languages.detection import language_of

# A question with more topic words than this contains the antecedent of "it".
TOPIC_WORDS: Final = 3

_OPENING: Final = re.compile(
    r"\W*(?:(?:ok|okay|thanks?|thx|danke)\b\W*)?"
    r"(?P<connects>(?:(?:and|but|or|also|then|und|aber|oder|auch|dann)\b\W*)*)",
    re.IGNORECASE,
)
# Asks the previous question again with another detail: "what about windows", "on a phone?".
_REMARK: Final = re.compile(
    r"(?:(?:what|how) (?:about|if)|same (?:for|with|on|in|thing)"
    r"|even (?:if|when|for|with|without|on)|was ist mit|wie (?:ist|sieht) es mit|gilt das"
    r"|geht das)\b|any \w+$"
    r"|(?:for|on|in|with|without|from|at|via|under|für|bei|mit|ohne|unter|auf|im)(?: \S+){1,3}$",
    re.IGNORECASE,
)
# The first word of a whole question or statement.
_CLAUSE: Final = re.compile(
    r"(?:(?:how|what|where|when|why|who|which|can|could|is|are|was|were|do|does|did|will|would|should"
    r"|has|have|i|im|my|we|you|it|there|if)(?:s|nt)?"
    r"|wie|wo|wohin|woher|wann|warum|wieso|wer|wen|wem|welche[mnrs]?|kann|kannst|können|ist|sind|hat"
    r"|habe|haben|muss|müssen|darf|soll|sollte|wird|werden|gibt|geht|ich|wir|man|es|wenn)\b",
    re.IGNORECASE,
)
# A reference to the question before, in a question of any length.
_POINTS_BACK: Final = re.compile(r"\b(?:that|those|das)\W*$", re.IGNORECASE)
# A pronoun after another clause refers to that clause: "i installed it, how do i start it".
_NEXT_CLAUSE: Final = re.compile(
    r"[,;.?!:(]\s|.\b(?:when|while|if|because|so|and|or|but|though|since|until|unless|before|after"
    r"|how|what|where|why|who|which|(?:can|do|should) (?:i|you|we)|is (?:it|there)"
    r"|wenn|weil|dass|ob|und|oder|aber|wie|warum)\b",
    re.IGNORECASE,
)
# The first words, within which no clause ends: "which file do i need".
_BEGINNING: Final = re.compile(r"(?:\S+\s+){0,3}")
_REFERS: Final = re.compile(
    r"\b(?:(?<!is )(?<!worth )it|(?:its|theirs?|his|hers?)(?! own)|them|they|he|him|she|ones"
    r"|(?:that|those|there|das|(?:my|our|your) own)(?=\W*$)|(?:some|any)thing (?:more|else)"
    r"|(?<!into )one(?=\W*$| (?:in|inside|on|with|from|to|for) )"
    r"|(?<!gibt )(?<!geht )(?<!ist )es|ihn|ihm|ihnen|(?-i:sie)"
    r"|davon|dazu|dafür|darin|daran|dabei|danach|damit|dort)\b"
    r"|^(?:(?:wh\w+|how) )?(?:is|are|was|does|do|will|can)"
    r" (?:that|those|it(?! \w+ (?:to|that|if)\b))\b",
    re.IGNORECASE,
)


def stands_alone(text: str) -> bool:
    """Whether a question can be understood without the question before it."""
    read = spelt_out(text)
    opening = _OPENING.match(read)
    rest = read[opening.end() :] if opening is not None else read
    connects = opening is not None and bool(opening["connects"])
    if _REMARK.match(rest.rstrip(" ?!.")) or (connects and not _CLAUSE.match(rest)):
        return False
    count = _topic_words(_REFERS.sub(" ", rest))
    if count <= int(connects):
        return False
    return not _refers_back(rest, _REFERS if count <= TOPIC_WORDS else _POINTS_BACK)


def _refers_back(text: str, references: re.Pattern[str]) -> bool:
    """Whether the first clause has a reference. Later clauses may refer to the first clause."""
    found, beginning = references.search(text), _BEGINNING.match(text)
    clause = _NEXT_CLAUSE.search(text, beginning.end() if beginning is not None else 0)
    return found is not None and (clause is None or clause.start() >= found.start())


def _topic_words(text: str) -> int:
    """The number of topic words in a question."""
    return len(topic(text, {"en", language_of(text)}))
