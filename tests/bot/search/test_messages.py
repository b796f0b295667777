"""A search's pages: within Discord's limits, safe, and saying what was looked for."""

from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.answers.outcome import Citation, Quote
from bot.search import messages as search_messages
from bot.search.service import Found, Nothing
from bot.text.markdown import MESSAGE_CHARACTERS, size
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.values.documents import SHARED, Kind
from knowledge.values.guilds import Language
from tests.bot.spoken import english, said_in

HOSTILE = "@everyone <@1> ](https://evil.example) ``` **\n> \\ " * 60


def quote(number: int, text: str, title: str = "Title") -> Quote:
    passage = StoredPassage(
        number,
        f"note:{number}",
        SHARED,
        Kind.NOTE,
        0,
        title,
        title,
        text,
        "",
        (),
        title,
        None,
        1,
        "",
    )
    link = f"https://example.org/{'x' * 470}"
    cited = Citation(
        f"note:{number}", Kind.NOTE, title, title, link, title, date(2026, 1, 1), 1, "", due=True
    )
    return Quote(text, cited, Hit(passage, 1.0, 1.0, 1.0, 1.0, ("words",)))


@given(st.text(max_size=search_messages.QUERY_CHARACTERS))
def test_a_page_repeats_its_query_exactly(typed: str) -> None:
    query = search_messages.query_of(typed)
    if english(search_messages.problem_with, query):
        return

    page = english(search_messages.page, query, [], Found((quote(1, "Text."),), (["Text."],)), 0)

    assert search_messages.query_in(page.content) == query


# Each example has up to twelve texts, and each of its pages is made of all of them.
@settings(max_examples=10)
@given(
    st.lists(
        st.one_of(st.text(max_size=600), st.just(HOSTILE)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(Language),
)
@example(["\\" * 3_000], Language.ENGLISH)
def test_pages_fit_with_every_passage(texts: list[str], language: Language) -> None:
    query = "*" * (search_messages.QUERY_CHARACTERS - 1) + "a"
    quotes = tuple(quote(n, text, f"{n}#{'#' * 95}") for n, text in enumerate(texts))
    about = search_messages.filter_labels("_" * 30, f"<@{'9' * 19}>")
    found = Found(quotes, tuple([text] for text in texts), only_near=True)

    first = said_in(language, search_messages.page, query, about, found, 0)
    others = range(1, first.count)
    pages = [
        first,
        *(said_in(language, search_messages.page, query, about, found, n) for n in others),
    ]

    assert all(size(page.content) <= MESSAGE_CHARACTERS for page in pages)
    text = "\n".join(page.content for page in pages)
    assert [f"[{n}\\#" in text for n in range(len(quotes))] == [True] * len(quotes)


def test_a_page_beyond_the_end_is_the_last() -> None:
    found = Found(
        tuple(quote(n, f"Text {n}.") for n in range(7)), tuple([f"Text {n}."] for n in range(7))
    )

    page = english(search_messages.page, "text", [], found, 99)

    assert page.number == page.count - 1
    assert "Text 6." in page.content


def test_what_no_search_is_gives_no_query() -> None:
    for content in ("", "Hello", "****", "I said **this** and\n**that**"):
        assert search_messages.query_in(content) == ""


def test_odd_queries_get_a_sentence() -> None:
    for language in Language:
        assert said_in(language, search_messages.problem_with, "?! -") == said_in(
            language, search_messages.NO_QUERY
        )
        assert "201" in said_in(language, search_messages.problem_with, "a" * 201)
        assert said_in(language, search_messages.problem_with, "a" * 200) == ""


def test_every_empty_search_has_a_reason() -> None:
    said = {
        said_in(language, search_messages.nothing, why, "t", "<@1>")
        for why in Nothing
        for language in Language
    }

    assert len(said) == len(Nothing) * len(Language)
