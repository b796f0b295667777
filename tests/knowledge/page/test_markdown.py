"""A note's Markdown as HTML: nothing runs, leads to unsafe places, or gets lost."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.page.markdown import to_html, to_plain
from knowledge.page.site import printable
from tests.knowledge.page.hostile_notes import TEXTS

# The allowed elements and attributes.
_ALLOWED = {
    "a": {"href", "title", "rel"},
    "div": {"class", "tabindex"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "td": {"class"},
    "th": {"class"},
}
_PLAIN = {"blockquote", "br", "code", "em", "hr", "li", "p", "s", "strong", "ul"}
_PLAIN |= {"h2", "h3", "h4", "h5", "h6", "table", "tbody", "thead", "tr"}
_VOID = {"br", "hr"}


class Reader(HTMLParser):
    """Parser of well-formed HTML with allowed elements only."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _PLAIN or dict(attrs).keys() <= _ALLOWED[tag], (tag, attrs)
        assert tag in _ALLOWED or not attrs
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl}")


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(to_html(text))
    reader.close()
    assert reader.open == []
    for link in reader.links:
        assert re.match(r"https?://|mailto:", link, re.IGNORECASE), link
    return reader


def test_hostile_texts_stay_text() -> None:
    for text in TEXTS:
        read(text)


@given(st.text(alphabet=st.sampled_from("<>\"'&[]()!`*_|-#:/\\ \n\tajx=@1~"), max_size=120))
def test_any_markdown_stays_safe(text: str) -> None:
    read(text)


def test_links_without_an_address_become_words() -> None:
    for text in ("[a map]()", "![a map]()", "[![a map]()]()"):
        assert to_html(text) == "<p>a map</p>\n"
    assert read("[a]() [b](https://x.example/)").links == ["https://x.example/"]


def test_external_pictures_become_links() -> None:
    assert to_html("![a map](https://x.example/map.png)") == (
        '<p><a href="https://x.example/map.png" rel="nofollow ugc noopener">a map</a></p>\n'
    )
    nested = read("[![a map](https://x.example/map.png)](https://x.example/)")
    assert nested.links == ["https://x.example/"]
    assert nested.text.strip() == "a map"


def test_addresses_are_linked_as_in_discord() -> None:
    assert read("see https://x.example/a, and y.example").links == ["https://x.example/a"]
    assert read("<https://x.example/a>").links == ["https://x.example/a"]


def test_no_id_of_a_member_is_on_a_page() -> None:
    said = read("<@123456789> <@!5> <@&6> <#7> <:wave:8> <a:dance:9> </ask:10> <t:1700000000:R>")
    words = said.text.split()
    assert words[:7] == ["@…", "@…", "@…", "#…", ":wave:", ":dance:", "/ask"]
    assert words[7:] == ["2023-11-14", "22:13", "UTC"]
    member = "123456789012345678"
    for text in (
        f"<@{member}>",
        f"@{member}",
        f"\\<@!{member}>",
        f"&#64;{member}",
        f"@**{member}**",
        f"`<@{member}>`",
        f"```\n@{member}\n```",
        f"https://discord.com/users/{member}",
        f"[profile](https://discordapp.com/users/{member})",
        f"![@{member}](https://discord.com/users/{member})",
    ):
        assert member not in to_html(text), text
        assert member not in to_plain(text), text
        assert member not in printable(text.replace("*", "").replace("&#64;", "@")), text
    # An account of a bank isn't an account of Discord.
    assert "DE89370400440532013000" in to_html("DE89370400440532013000")


def test_line_breaks_are_kept_unless_lines_flow() -> None:
    assert "<br" in to_html("one\ntwo")
    assert "<br" not in to_html("one\ntwo", line_breaks=False)


def test_headings_start_at_level_two_without_gaps() -> None:
    levels = re.findall(r"<h(\d)>", to_html("### a\n# b\n#### c\n###### d\n## e"))
    assert levels == ["2", "2", "3", "4", "3"]


def test_cells_are_aligned_by_class() -> None:
    shown = to_html("|a|b|\n|:-:|-:|\n|1|2|")
    assert 'class="center"' in shown
    assert 'class="right"' in shown
    assert "style" not in shown


def test_invisible_characters_are_removed() -> None:
    assert read("a\u202eb\u2066c\u200bd\x07e").text.strip() == "abcde"


def test_plain_text_has_only_words() -> None:
    text = "# Head\n\n*One* [two](https://x.example) `three`\nfour\n\n```\nfive\n```\n\n|six|\n|-|"
    assert to_plain(text) == "Head One two three four five six"


@pytest.mark.parametrize("before", ["", "(", "see:", "ä", "<code>", "a" * 9_000 + " "])
@pytest.mark.parametrize("address", ["https://a.org/b?c=d", "HTTP://a.org", "http://a.org/(b)"])
def test_address_is_linked_after_any_text(before: str, address: str) -> None:
    assert read(f"{before}{address} is it.").links == [address]


@pytest.mark.parametrize("text", ["xhttps://a.org", "ftp://a.org", "a+http://a.org", "1http://b.c"])
def test_other_schemes_stay_text(text: str) -> None:
    assert "<a" not in to_html(text)


def test_repeated_addresses_take_linear_time() -> None:
    begun = time.thread_time()
    for opening in ("<code>http://", "<http://", "http://", "http://(", "a://"):
        to_html(f"<p>{opening * (100_000 // len(opening))}")
        to_plain(f"<p>{opening * (100_000 // len(opening))}")
    # With a search through all the text before each, some minutes.
    assert time.thread_time() - begun < 10
