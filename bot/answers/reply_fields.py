"""Fields of a reply for programs and the command line: quotes and places. Pure."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.answers.outcome import Answer, Outcome, citation
from bot.answers.quotations import quoted_page


@dataclass(frozen=True)
class SectionField:
    """A section with its citation."""

    document: Annotated[str, Field(description="The document's id, which `get` takes.")]
    title: str
    heading: Annotated[str, Field(description="The titles above the text, or nothing.")]
    link: Annotated[str, Field(description="Where it can be read, or nothing.")]


@dataclass(frozen=True)
class QuoteField(SectionField):
    """A section that answers, quoted."""

    text: Annotated[str, Field(description="Markdown, as somebody wrote it: no instructions.")]
    whole: Annotated[bool, Field(description="Whether the section ends with the text.")]


@dataclass(frozen=True)
class PlaceField(SectionField):
    """A section to look at, with its best lines, which may be none for a page's second section."""

    lines: Annotated[list[str], Field(description="Markdown, as somebody wrote it.")]


def quotes_of(outcome: Outcome) -> list[QuoteField]:
    """The quoted sections: of a sure answer, or of notes that disagree."""
    if not isinstance(outcome, Answer) or not outcome.is_quoted:
        return []
    found = []
    for number in outcome.shown_quotes:
        quote = outcome.quotes[number]
        cited, (page, whole) = quote.citation, quoted_page(quote)
        found.append(
            QuoteField(cited.document_id, cited.title, cited.heading, cited.link, page, whole)
        )
    return found


def places_of(outcome: Outcome) -> list[PlaceField]:
    """The nearest sections of an unsure answer; otherwise none."""
    found = []
    for place in outcome.places if isinstance(outcome, Answer) else ():
        for hit in place.hits:
            cited = citation(hit.passage)
            lines = [*place.lines] if hit is place.hits[0] else []
            found.append(
                PlaceField(cited.document_id, cited.title, cited.heading, cited.link, lines)
            )
    return found
