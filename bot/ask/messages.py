"""Messages with answers, refusals and whole passages; words of buttons, lists and forms. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final, NamedTuple

from bot.answers.outcome import CLOSE_ENOUGH, Answer, Clarification, Quote, Refusal, Reply, citation
from bot.answers.phrased import Phrased
from bot.answers.places import Place
from bot.answers.question_checks import response_without_lookup
from bot.answers.quotations import (
    ADDRESS,
    citation_line,
    other_language,
    place,
    quoted_page,
    shown_lines,
)
from bot.answers.sections import passage_markdown
from bot.ask.phrased_text import cited_places, phrased_text
from bot.ask.service import OpenedSection, Shared
from bot.text.languages import Sentence, language_name
from bot.text.markdown import (
    LAYOUT_CHARACTERS,
    plain,
    quoted_parts,
    safe_markdown,
    shorten,
    size,
    split,
)
from bot.text.place_names import as_seen, heading_name, place_name
from indexer.contradictions.detector import Contradiction, Statement
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.passages import HEADING_SEPARATOR
from knowledge.values.documents import channel_mention

SOURCE: Final = Sentence("Source")
# Leads to a page that the quoted text names, but not to the text.
REFERENCE: Final = Sentence("Reference")
OTHER_PASSAGES: Final = Sentence("Other passages")
# Below an answer, with its actions.
MORE: Final = Sentence("More about this answer…")
QUOTED_ABOVE: Final = Sentence("Quoted above; here from its beginning")
ON_THIS_PAGE: Final = Sentence("On the same page")
READ_ON: Final = Sentence("Read on")
PICK_LABELS: Final[Mapping[str, Sentence]] = {"answers": Sentence("This answers it")}
PICKED: Final = Sentence("Thank you. I've counted your vote for this passage.")
CONFIRMED: Final = Sentence("Thank you. This passage now comes first for questions like yours.")
REPLACED: Final = Sentence(
    "Thank you. The answer now quotes this passage, which will come first for questions like yours."
)


def share_result(found: Shared) -> str:
    """The response to *Share*: whether everybody now sees the whole answer, a part or nothing."""
    if found.reply is None:
        return (NOT_SHARED if found.complete else NOT_FOR_EVERYBODY)()
    return (SHARED if found.complete else SHARED_IN_PART)()


SHARED: Final = Sentence("Shared. Everybody here can see the answer now.")
SHARED_IN_PART: Final = Sentence(
    "Shared in part: I left out quotes from a channel that not everybody here can read."
)
NOT_FOR_EVERYBODY: Final = Sentence(
    "Not shared: your answer is from a channel that not everybody here can read."
)
NOT_SHARED: Final = Sentence("Not shared: I can't find an answer to this question any more.")

FOR_YOU_ALONE: Final = Sentence(
    "Only you can see this: it's from a channel that not everybody here can read."
)
ASK_ALONE: Final = Sentence(
    "I can only answer this privately. Ask again with `/ask`, and only you will see the answer."
)

FEEDBACK_HELPFUL: Final = Sentence("Thank you. I've noted that this helped.")
FEEDBACK_UNHELPFUL: Final = Sentence("Thank you. I've noted that this didn't help.")
FEEDBACK_GONE: Final = Sentence("That answer is no longer on record.")
ASK_ME: Final = Sentence("Ask me something: mention me with a question, or use `/ask`.")
ANSWER_LABELS: Final[Mapping[str, Sentence]] = {
    "helpful": Sentence("Helpful"),
    "unhelpful": Sentence("Not helpful"),
    "why": Sentence("Why this answer?"),
    "share": Sentence("Share"),
}


MENU_LABELS: Final[Mapping[str, Sentence]] = {
    "why": ANSWER_LABELS["why"],
    "report": Sentence("Report"),
    "share": Sentence("Share with everyone here"),
    "correct": Sentence("Correct this note"),
}
CORRECT: Final = Sentence("Correct “{title}”")
FOR_MODERATORS: Final = Sentence("For moderators")


CAN_NOT_WRITE: Final = Sentence(
    "You asked me something in {channel}, but I can't write there. Use `/ask` instead, or have an "
    "administrator give me *Send Messages*."
)


CAN_NOT_SHARE: Final = Sentence("Not shared: you can't write in this channel.")


WHAT_WAS_WRONG: Final = Sentence("What was wrong with it?")

REASON: Final = Sentence("Reason")

ASKS_WHY: Final = Sentence(
    "What was wrong with it? Moderators will see the reason, but not your name."
)

REASON_KEPT: Final = Sentence("Thank you. I've noted the reason.")


# In place of text no longer in the index: a deleted message or withdrawn note is never shown.
NO_LONGER_THERE: Final = Sentence("A message that was changed or deleted")
NO_LONGER_QUOTED: Final = Sentence("A passage that was changed or withdrawn")


class SectionPage(NamedTuple):
    """A page of a section, in the parts that fit into messages; the section has `pages`."""

    parts: tuple[str, ...]
    pages: int


def section_page(opened: OpenedSection, number: int, *, from_passage: bool = False) -> SectionPage:
    """The page `number` of an opened section, from 0, or else the last; with its citation.

    `from_passage` counts the pages as below an answer (`bot.answers.sections`).
    """
    pages = opened.section.pages(from_passage=from_passage)
    page = pages[min(number, len(pages) - 1)]
    cited = citation_line(citation(opened.passage))
    most = LAYOUT_CHARACTERS - size(cited) - 1
    first, *rest = quoted_parts(safe_markdown(page), most) or [""]
    parts = [f"{first}\n{cited}"]
    for part in rest:
        parts += split(part)
    return SectionPage(tuple(parts), len(pages))


# Discord's limit for the label of an option.
OPTION_CHARACTERS: Final = 100


def option(passage: StoredPassage) -> str:
    """The label of a passage in the menu, without Markdown."""
    named = place_name(passage.title, passage.heading, OPTION_CHARACTERS)
    return named or passage.document_id[:OPTION_CHARACTERS]


def options(passages: Sequence[StoredPassage]) -> list[str]:
    """The labels of passages in the menu; repeated labels get a number."""
    labels: list[str] = []
    times: Counter[str] = Counter()
    for label in map(option, passages):
        times[label] += 1
        number = f" ({times[label]})" if times[label] > 1 else ""
        labels.append(shorten(label, OPTION_CHARACTERS - len(number)) + number)
    return labels


# Discord's limit for the label of a button.
_BUTTON_CHARACTERS: Final = 80


def heading_label(passage: StoredPassage) -> str:
    """The label of a section on the page of another: its last headings."""
    name = heading_name(as_seen(passage.heading), _BUTTON_CHARACTERS)
    return name or shorten(as_seen(passage.title), _BUTTON_CHARACTERS)


class Quotation(NamedTuple):
    """A section in an answer, or a page of it.

    Attributes:
        link: the address of the section.
        reference: the address of a page that it refers to.
        whole: whether the section ends there.
    """

    text: str
    cited: str
    link: str
    reference: str = ""
    whole: bool = True


class AnswerText(NamedTuple):
    """The text of an answer message.

    Attributes:
        head: the question and the state.
        quotations: the sections of a sure answer, or those that a model's lines cite.
        phrased: a model's lines.
        places: the places of an unsure answer.
    """

    head: str
    quotations: tuple[Quotation, ...] = ()
    phrased: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def answer(
    reply: Reply,
    lead: str = "",
    *,
    repeats_question: bool = True,
    phrased: Phrased | None = None,
    hands_on: bool = False,
) -> AnswerText:
    """The text of a reply, below `lead`.

    `hands_on` says that *Ask the moderators* is below a refusal. Without `repeats_question`,
    Discord already shows the question above.
    """
    if isinstance(reply.outcome, Clarification):
        return AnswerText(response_without_lookup(reply.question))
    asked = [question_line(reply.question)] if repeats_question else []
    if reply.foreign:
        asked.append(not_my_language(reply.foreign))
    if isinstance(reply.outcome, Refusal):
        no = refusal(reply.hits, reply.outcome.unknown, hands_on=hands_on)
        return AnswerText("\n".join([*asked, no, *page_before(reply.outcome)]))
    lines = [*filter(None, [lead]), *asked]
    return _answer(reply.outcome, lines, phrased, question=reply.question)


def question_line(text: str) -> str:
    return f"**{plain(shorten(text, 200))}**"


_FOREIGN: Final = Sentence(
    "-# I don't read {name} well yet, so I looked mainly for your exact words. Others may find "
    "more."
)
_SURE: Final = Sentence("-# Evidence: strong")
_CONFIRMED: Final = Sentence("-# Confirmed for nearly the same question")
_UNSURE: Final = Sentence("I'm not sure. These come nearest:")
_UNSURE_WITHOUT: Final = Sentence("I found nothing on {missing}. These come nearest:")


def not_my_language(foreign: str) -> str:
    return _FOREIGN(name=language_name(foreign))


def unsure(missing: Sequence[str]) -> str:
    """The line above the nearest places, which names the `missing` words."""
    return _UNSURE_WITHOUT(missing=_in_quotes(missing)) if missing else _UNSURE()


def _answer(
    outcome: Answer, lines: list[str], phrased: Phrased | None, *, question: str
) -> AnswerText:
    if outcome.confirmed:
        lines.append(_CONFIRMED())
    else:
        lines.append(_SURE() if outcome.is_sure else unsure(outcome.missing))
    head = "\n".join(lines)
    said_above = _model_lines(phrased, len(outcome.quotes))
    if phrased is not None and said_above:
        shown = sorted({0, *cited_places(phrased)})
    elif outcome.is_quoted:
        shown = [*outcome.shown_quotes]
    else:
        return AnswerText(head, places=_places(outcome.places, LAYOUT_CHARACTERS - size(head)))
    room = LAYOUT_CHARACTERS - size("\n".join([head, *said_above]))
    quotations = _quotations(outcome, shown, room, question, is_numbered=bool(said_above))
    # Phrased lines are shown only with all their quotations.
    return AnswerText(head, quotations, said_above if len(quotations) == len(shown) else ())


def _quotations(
    outcome: Answer, shown: Sequence[int], room: int, question: str, *, is_numbered: bool
) -> tuple[Quotation, ...]:
    """The quotes to show, as far as there is room for them as a whole."""
    quotations: list[Quotation] = []
    # Several quotations are numbered, so that members can refer to one.
    is_numbered = is_numbered or len(shown) > 1
    for number in shown:
        quote = outcome.quotes[number]
        page, whole = quoted_page(quote)
        most = max(room - CITED_CHARACTERS, CITED_CHARACTERS)
        text, *rest = quoted_parts(safe_markdown(page), most) or [""]
        warnings = [
            disagreement(found.contradiction)
            for found in outcome.conflicts
            if found.right == number and found.left in shown
        ]
        text = "\n".join([*warnings[:1], text])
        written_in = other_language(question, quote.text)
        cited = citation_line(replace(quote.citation, link=""), written_in)
        if is_numbered:
            cited = cited.replace("-# ", f"-# {len(quotations) + 1} · ", 1)
        room -= size(text) + size(cited)
        if room < 0 and quotations:
            break
        source, reference = (
            address if ADDRESS.fullmatch(address) else ""
            for address in (quote.citation.link, quote.citation.reference)
        )
        quotations.append(Quotation(text, cited, source, reference, whole and not rest))
    return tuple(quotations)


# Room for a citation, and the least for a quotation.
CITED_CHARACTERS: Final = 500


def _places(places: Sequence[Place], room: int) -> tuple[str, ...]:
    """The places to look at; those too long for their share of the room have no links or lines."""
    numbers = accumulate((len(found.hits) for found in places), initial=1)
    said = []
    for number, found in zip(numbers, places, strict=False):
        text = place_lines(number, found)
        if size(text) + 2 > room // len(places):
            plainer = [replace(hit, passage=replace(hit.passage, link="")) for hit in found.hits]
            text = place_lines(number, Place(tuple(plainer), ()))
        said.append(text)
    return tuple(said)


def place_lines(number: int, found: Place) -> str:
    """A place to look at: its linked title and headings, numbered, and its best lines."""
    best, *others = (citation(hit.passage) for hit in found.hits)
    named = channel_mention(best.document_id) or place(best.title, best.heading, best.link)
    # The second heading without those that the first names above it.
    above = f"{best.heading.rpartition(HEADING_SEPARATOR)[0]}{HEADING_SEPARATOR}"
    also = (
        place("", other.heading.removeprefix(above) or other.title, other.link) for other in others
    )
    numbered = (f"**{n}** · {name}" for n, name in enumerate([named, *also], number))
    return "\n".join(["\n".join(numbered), *shown_lines(found.lines)])


def _model_lines(phrased: Phrased | None, quotes: int) -> tuple[str, ...]:
    """A model's lines as text; empty if the lines cite no quote, or a quote that doesn't exist."""
    cited = cited_places(phrased) if phrased is not None else []
    if phrased is None or not cited or max(cited) >= quotes:
        return ()
    numbers = {place + 1: number for number, place in enumerate(sorted({0, *cited}), 1)}
    return phrased_text(phrased, numbers)


def whole_note(quote: Quote, lead: str) -> AnswerText:
    """A note quoted whole below the line `lead`, as far as a message has room."""
    cited = citation_line(replace(quote.citation, link=""))
    short = Sentence("-# Shortened. `/note show` shows the whole note.")()
    room = LAYOUT_CHARACTERS - size(lead) - size(cited) - size(short) - 1
    markdown = safe_markdown(passage_markdown(quote.citation.kind, quote.text))
    first, *rest = quoted_parts(markdown, room)
    text = f"{first}\n{short}" if rest else first
    link = quote.citation.link if ADDRESS.fullmatch(quote.citation.link) else ""
    return AnswerText(lead, (Quotation(text, cited, link),))


_REFUSAL: Final = Sentence(
    "I don't know: I found nothing that clearly answers this. It's now on the moderators' list of "
    "unanswered questions."
)
_UNKNOWN: Final = Sentence(
    "I don't know: I found nothing on {words}. It's now on the moderators' list of unanswered "
    "questions."
)
_ASK_NOW: Final = Sentence(
    "-# *Ask the moderators* sends it to them now, and I'll bring you their answer."
)

_NEAREST_TITLES: Final = Sentence("-# Closest titles: {titles}")

# As many as fit on two lines of a phone.
NEAREST_TITLES: Final = 3


def refusal(
    nearest: Sequence[Hit] = (), unknown: Sequence[str] = (), *, hands_on: bool = False
) -> str:
    """A refusal that names the unknown words or, if there are none, the nearest titles."""
    lines = [_UNKNOWN(words=_in_quotes(unknown)) if unknown else _REFUSAL()]
    if nearest and not unknown:
        lines.append(nearest_titles(nearest))
    if hands_on:
        lines.append(_ASK_NOW())
    return "\n".join(filter(None, lines))


_PAGE_BEFORE: Final = Sentence("-# The answer before was from {place}; it may say more.")


def page_before(refused: Refusal) -> list[str]:
    """A line with the page of the answer before a refused follow-up, if there was one."""
    cited = refused.before
    if cited is None:
        return []
    return [_PAGE_BEFORE(place=place(cited.title, cited.heading, cited.link))]


def _in_quotes(words: Sequence[str]) -> str:
    return ", ".join(f"“{plain(shorten(word, 20))}”" for word in words)


def nearest_titles(nearest: Sequence[Hit]) -> str:
    """A line with the nearest titles and headings; empty if nothing is near."""
    near = (hit.passage for hit in nearest if hit.window_cosine >= CLOSE_ENOUGH)
    titles = dict.fromkeys(
        place_name(passage.title, passage.heading.rpartition(HEADING_SEPARATOR)[2], 60)
        for passage in near
        if passage.title
    )
    named = " · ".join(f"**{plain(title)}**" for title in [*titles][:NEAREST_TITLES])
    return _NEAREST_TITLES(titles=named) if named else ""


# Disagreement between two quoted notes.

# Characters shown of each contradictory sentence, around the difference.
DISAGREEMENT_CHARACTERS: Final = 140


_DISAGREE: Final = Sentence("⚠ These two notes disagree: {left} and {right}")


def disagreement(found: Contradiction) -> str:
    """The line between two contradictory notes, with differences in bold."""
    return _DISAGREE(left=_differing(found.left), right=_differing(found.right))


def _differing(statement: Statement) -> str:
    """A sentence on one line, with differences in bold. Long sentences are cut around these."""
    text, spans = statement.text, statement.differing
    first, last = spans[0][0], spans[-1][1]
    spare = max(DISAGREEMENT_CHARACTERS - (last - first), 0) // 2
    start = first - spare if first > spare else 0
    end = min(max(last + spare, start + DISAGREEMENT_CHARACTERS), len(text))
    parts: list[str] = ["… " if start else ""]
    position = start
    for a, b in spans:
        parts += [_escape(text[position:a]), f"**{_escape(text[a:b]).strip()}**"]
        position = b
    parts += [_escape(text[position:end]), " …" if end < len(text) else ""]
    return f"“{''.join(parts).strip()}”"


def _escape(text: str) -> str:
    """Escape a part of a line, and keep a blank at either end."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{plain(text)}{after}"
