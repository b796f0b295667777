"""Renderer of notes' Markdown to safe HTML.

HTML in a note is shown as text. Links have http, https or mailto addresses only. External pictures
become links, so pages request nothing from other hosts. Discord's markup (mentions, emoji, times)
becomes words, and no member's id is on a page. Passwords and tokens are removed.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from knowledge.page.site import publishable, without_member_ids

_SAFE_LINK: Final = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_DISCORD_MARK: Final = re.compile(
    r"<(?:(?P<member>@!?\d{1,20})|(?P<role>@&\d{1,20})|(?P<channel>\#\d{1,20})"
    r"|a?:(?P<emoji>\w{1,32}):\d{1,20}|/(?P<command>[\w -]{1,100}):\d{1,20}"
    r"|t:(?P<time>\d{1,11})(?::[a-zA-Z])?)>"
)
# Browsers take no longer address.
_ADDRESS_CHARACTERS: Final = 2_000
# The scheme before `://`; no other is linked.
_SCHEME: Final = re.compile(r"(?<![a-z0-9.+-])https?\Z", re.IGNORECASE)
_SCHEME_CHARACTERS: Final = len("-https")
_OUTSIDE: Final = "nofollow ugc noopener"
_LAST_HEADING: Final = 6


def to_html(text: str, *, line_breaks: bool = True) -> str:
    """The text as HTML; with `line_breaks`, line ends are kept, as in Discord."""
    parser = _BREAKING if line_breaks else _FLOWING
    return without_member_ids(parser.render(publishable(text)))


def to_plain(text: str) -> str:
    """The words of the text in one line, without markup."""
    words: list[str] = []
    for token in _FLOWING.parse(publishable(text)):
        if token.type == "inline":
            children = token.children or ()
            words += [" " if child.type.endswith("break") else child.content for child in children]
            words.append(" ")
        elif token.type in ("fence", "code_block"):
            words.append(f"{token.content} ")
    return without_member_ids(" ".join("".join(words).split()))


def _discord_mark(state: StateInline, silent: bool) -> bool:
    """Inline rule that replaces Discord's markup with words."""
    found = _DISCORD_MARK.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        kind, value = str(found.lastgroup), found[found.lastgroup or 0]
        if kind == "time":
            word = f"{datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M} UTC"
        else:
            words = {"emoji": f":{value}:", "command": f"/{value}", "channel": "#…"}
            word = words.get(kind, "@…")
        state.push("text", "", 0).content = word
    state.pos = found.end()
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:
    """Inline rule that links an address.

    linkify's own rule searches all the text before each `://` for a scheme, and all the text behind
    for the end. This one reads a few characters before, and as many as an address may have behind.
    """
    if state.linkLevel or state.md.linkify is None or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending[-_SCHEME_CHARACTERS:])
    if scheme is None:
        return False
    start = state.pos - len(scheme[0])
    link = state.md.linkify.match_at_start(state.src[start : start + _ADDRESS_CHARACTERS])
    if link is None:
        return False
    # A `*` at the end belongs to the emphasis.
    written = link.url.rstrip("*")
    address = state.md.normalizeLink(written)
    if not state.md.validateLink(address):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        opening = state.push("link_open", "a", 1)
        opening.attrs, opening.info = {"href": address}, "auto"
        state.push("text", "", 0).content = state.md.normalizeLinkText(written)
        state.push("link_close", "a", -1).info = "auto"
    state.pos = start + len(written)
    return True


def _headings_below_the_title(state: StateCore) -> None:
    """Renumber headings from level 2 without gaps, for screen readers; a rule of markdown-it."""
    last = 1
    for token in state.tokens:
        if token.type == "heading_open":
            last = min(int(token.tag[1]) + 1, last + 1, _LAST_HEADING)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{last}"


def _drop_empty_links(state: StateCore) -> None:
    """Keep the words of a link without an address; a rule of markdown-it."""
    for token in state.tokens:
        leads_somewhere, kept = True, []
        for child in token.children or []:
            if child.type == "link_open":
                leads_somewhere = bool(child.attrs["href"])
            if leads_somewhere or not child.type.startswith("link_"):
                kept.append(child)
        token.children = kept if token.children else token.children


def _link_open(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    tokens[index].attrSet("rel", _OUTSIDE)
    return renderer.renderToken(tokens, index, options, env)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Render a picture as a link, or inside a link as its name: links can't be nested."""
    token = tokens[index]
    address = str(token.attrs.get("src", ""))
    name = renderer.renderInlineAsText(token.children or [], options, env) or address
    depth = sum(before.nesting for before in tokens[:index] if before.type.startswith("link_"))
    if depth or not address:
        return escapeHtml(name)
    return f'<a href="{escapeHtml(address)}" rel="{_OUTSIDE}">{escapeHtml(name)}</a>'


def _cell(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Render a table cell with a class for its alignment, because inline styles are forbidden."""
    style = tokens[index].attrs.pop("style", "")
    if style:
        tokens[index].attrSet("class", str(style).removeprefix("text-align:"))
    return renderer.renderToken(tokens, index, options, env)


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return f'<pre tabindex="0"><code>{escapeHtml(tokens[index].content)}</code></pre>\n'


def _parser(*, line_breaks: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": line_breaks})
    parser.enable(["table", "strikethrough", "linkify"])
    if parser.linkify is not None:
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    parser.core.ruler.disable("linkify")
    parser.inline.ruler.at("linkify", _bare_address)
    parser.validateLink = lambda url: _SAFE_LINK.match(url.strip()) is not None  # type: ignore[method-assign]
    parser.inline.ruler.before("autolink", "discord_mark", _discord_mark)
    parser.core.ruler.push("headings_below_the_title", _headings_below_the_title)
    parser.core.ruler.push("empty_links", _drop_empty_links)
    rules: dict[str, Any] = {
        "link_open": _link_open,
        "image": _image,
        # Wide tables scroll, with the keyboard, too.
        "table_open": lambda *_: '<div class="wide" tabindex="0"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
        "th_open": _cell,
        "td_open": _cell,
        "fence": _code,
        "code_block": _code,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


_BREAKING: Final = _parser(line_breaks=True)
_FLOWING: Final = _parser(line_breaks=False)
