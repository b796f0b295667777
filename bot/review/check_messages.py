"""Sentences about the automatic checks of a note: similar documents, risk flags, impact. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.review.impact import Effect, Impact
from bot.review.similar_notes import Closeness, SimilarDocument
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened, size
from indexer.contradictions.detector import Statement
from knowledge.review.risk_flags import Flag, Risk
from knowledge.values.guilds import Language

_NEAR: Final = Sentence("Similar: {places}")
_DISAGREES: Final = Sentence("⚠ Disagrees with {place}: here “{here}”, there “{there}”")
_SAME_TEXT: Final = Sentence(" (**nearly the same text**)")
_PENDING: Final = Sentence(", pending")
# Longest sentence with its differing words in bold.
_STATEMENT_CHARACTERS: Final = 240


def similar_lines(
    near: Sequence[SimilarDocument], language: Language = Language.ENGLISH
) -> list[str]:
    """List similar documents, and their contradictions with the submission."""
    if not near:
        return []
    places = [
        _place(one, language) + (_SAME_TEXT(language) if one.closeness is Closeness.SAME else "")
        for one in near
    ]
    lines = [_NEAR(language, places=" · ".join(places))]
    disagreeing = [(one, one.contradictions[0]) for one in near if one.contradictions]
    return lines + [
        _DISAGREES(
            language,
            place=_place(one, language),
            here=_statement(found.left),
            there=_statement(found.right),
        )
        for one, found in disagreeing
    ]


def _place(near: SimilarDocument, language: Language) -> str:
    title = plain(shortened(near.title, 60)) or near.document_id
    pending = _PENDING(language) if near.pending else ""
    named = f"[{title}](<{near.link}>)" if near.link.startswith("http") else f"“{title}”"
    return f"{named}{pending}"


def _statement(statement: Statement) -> str:
    parts, position = [], 0
    for start, end in statement.differing:
        parts += [plain(statement.text[position:start]), f"**{plain(statement.text[start:end])}**"]
        position = end
    parts.append(plain(statement.text[position:]))
    whole = " ".join(part for part in parts if part)
    return whole if size(whole) <= _STATEMENT_CHARACTERS else plain(shortened(statement.text, 120))


_EFFECTS: Final[Mapping[Effect, Plural]] = {
    Effect.MORE_SURE: Plural("{number:,} more sure answer", "{number:,} more sure answers"),
    Effect.FEWER_SURE: Plural("{number:,} fewer sure answer", "{number:,} fewer sure answers"),
    Effect.MORE_UNSURE: Plural("{number:,} more unsure answer", "{number:,} more unsure answers"),
    Effect.FEWER_UNSURE: Plural(
        "{number:,} fewer unsure answer", "{number:,} fewer unsure answers"
    ),
    Effect.OTHER_QUOTE: Plural(
        "{number:,} answer with a different first quote",
        "{number:,} answers with a different first quote",
    ),
}
_OF_THE_LAST: Final = Plural(
    "{changes} for the last question.", "{changes} for the last {number:,} questions."
)
_LESS_OF_ARTICLES: Final = Sentence("Once you have notes, I'll quote the bundled articles less.")
_NO_CHANGE: Final = Sentence("no change")


def impact_sentence(impact: Impact, language: Language = Language.ENGLISH) -> str:
    counts = ((impact.count(effect), phrase) for effect, phrase in _EFFECTS.items())
    parts = [phrase(count, language) for count, phrase in counts if count]
    changes = ", ".join(parts) or _NO_CHANGE(language)
    told = _OF_THE_LAST(impact.total, language, changes=changes)
    return f"{told} {_LESS_OF_ARTICLES(language)}" if impact.loses_article_answers else told


_RISKS: Final[Mapping[Risk, Sentence]] = {
    Risk.UNLISTED_HOST: Sentence("Links to hosts that aren't trusted"),
    Risk.DISGUISED_HOST: Sentence("A deceptive address"),
    Risk.MASKED_LINK: Sentence("A link labelled with another address"),
    Risk.IP_ADDRESS: Sentence("A link to a bare IP address"),
    Risk.INVISIBLE: Sentence("Invisible characters"),
    Risk.BIDIRECTIONAL: Sentence("Characters that reverse the direction of text"),
    Risk.INSTRUCTION: Sentence("Text that reads like an instruction to a language model"),
    Risk.MASS_MENTION: Sentence("Mentions of many people"),
    Risk.UNBROKEN_TEXT: Sentence("Very long text without spaces"),
    Risk.SECRET: Sentence("Secrets, hidden wherever the text is shown"),
    Risk.CONTACT: Sentence("Personal contact details"),
    Risk.STACKED_MARKS: Sentence("Many accents stacked on one letter"),
}
_MORE_EXAMPLES: Final = Sentence(" and {number} more")


def flag_lines(flags: Sequence[Flag], language: Language = Language.ENGLISH) -> list[str]:
    """The risks in a submission. Each kind of risk gets a line, with examples."""
    examples: dict[Risk, list[str]] = {}
    for flag in flags:
        examples.setdefault(flag.risk, []).append(plain(shortened(flag.detail, 40)))
    return [
        f"⚠ {_RISKS[risk](language)}: {', '.join(found[:3])}"
        + (_MORE_EXAMPLES(language, number=len(found) - 3) if len(found) > 3 else "")
        for risk, found in examples.items()
    ]
