"""Parser of reStructuredText, with docutils; supports Sphinx's directives and roles.

Raw markup is dropped, and so are `include` directives, because the parser opens no file. All
directives but tables, pictures and the like are shown by the rules of `sphinx_markup`, because
docutils refuses a directive with an option of Sphinx's.
"""

import itertools
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.directives import body, images, tables
from docutils.readers import standalone
from docutils.statemachine import StringList
from docutils.transforms import Transform

from knowledge.dependencies import require
from knowledge.files.formats.html import fragment_to_markdown
from knowledge.files.formats.sphinx_markup import (
    Shown,
    display,
    language_of,
    role_words,
    title_of,
    version_of,
)
from knowledge.files.parsed_file import ParsedFile, UnreadableError, one_line

# Directives and roles known to docutils.
USED: Final = (
    "docutils.parsers.rst.directives:_directive_registry",
    "docutils.parsers.rst.directives:_fallback_language_module",
    "docutils.parsers.rst.roles:_role_registry",
)

require("docutils", USED)

_DIRECTIVE = re.compile(r"^[ \t]*\.\. (?:\|[^|\n]+\| )?(?P<name>[\w:.+-]+)::", re.MULTILINE)
_ROLE = re.compile(r"(?<![\w:.+-])[\w.+-]*+:(?P<name>[\w:.+-]+):`")
_ROLE_IN_TITLE: Final = re.compile(
    r"(?<![\w:.+-]):(?P<name>[\w:.+-]{1,60}):`(?P<text>[^`]{1,200})`"
)
_LABEL: Final = re.compile(r"\.\. _(?P<name>[^:\n]{1,200}):[ \t]*\Z")
_UNDERLINE: Final = re.compile(r"([=\-~^\"'*#+.:`_])\1{2,}[ \t]*\Z")
# Fields about the page, for Sphinx only.
_PAGE_FIELD: Final = re.compile(
    r"^:(?:orphan|tocdepth|nosearch|nocomments|no-search|html_\w{1,40}|keywords?|description):"
    r"[^\n]*$",
    re.MULTILINE,
)
# A reference or a substitution.
_BROKEN: Final = re.compile(
    r"(?P<mark>[`|]?)(?P<words>[^`|<>\n]{1,500}?)(?:\s{0,9}<[^<>]{0,500}>)?(?P=mark)_{0,2}"
)
# Fields of signatures, in words.
_FIELDS: Final = {
    **dict.fromkeys(("param", "parameter", "arg", "argument", "key", "keyword"), "Parameter"),
    **dict.fromkeys(("var", "ivar", "cvar"), "Variable"),
    **dict.fromkeys(("return", "returns"), "Returns"),
    **dict.fromkeys(("raise", "raises", "except", "exception"), "Raises"),
    "rtype": "Return type",
    "type": "Type",
}
# Directives shown by docutils, with any option.
_LENIENT: Final = {
    "image": images.Image,
    "figure": images.Figure,
    "list-table": tables.ListTable,
    "csv-table": tables.CSVTable,
    "table": tables.RSTTable,
    "topic": body.Topic,
    "sidebar": body.Sidebar,
    "rubric": body.Rubric,
    "container": body.Container,
    "math": body.MathBlock,
}
_EXECUTED: Final = frozenset(
    {
        *_LENIENT,
        "replace",
        "unicode",
        "date",
        "role",
        "default-role",
        "title",
        "parsed-literal",
        "raw",
    }
    | {"compound", "epigraph", "highlights", "pull-quote", "line-block", "meta"}
)
# Directives whose argument is a condition or a layout.
_SILENT: Final = frozenset(
    {"only", "ifconfig", "tab-set", "tabs", "grid", "grid-item", "hlist", "glossary"}
    | {"cssclass", "rst-class", "class", "div"}
)

_SETTINGS: Final = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "syntax_highlight": "none",
    "math_output": "latex",
    "embed_stylesheet": False,
    "stylesheet_path": None,
    "smart_quotes": False,
    "input_encoding": "unicode",
    # docutils' limit on the expansion of substitutions.
    "line_length_limit": 100_000,
}


class _AnyOption(dict[str, Any]):
    """Accepts every option of a directive as text, besides the directive's own."""

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> Any:
        return self.get(key, directives.unchanged)


for _name, _own in _LENIENT.items():
    _any = {"option_spec": _AnyOption(_own.option_spec or {})}
    directives.register_directive(_name, type(_own.__name__, (_own,), _any))


# docutils is not typed.
class _SphinxDirective(Directive):  # type: ignore[misc]
    """Directive shown by the rules of `sphinx_markup`."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = _AnyOption()

    def run(self) -> list[nodes.Node]:
        given, content = self.arguments[0] if self.arguments else "", self.content
        is_beside = not self.block_text.split("\n", 1)[0].rstrip().endswith("::")
        argument = one_line(given) if is_beside else ""
        above = [] if is_beside else given.split("\n")
        shown = display(self.name, argument, [*above, *content])
        if is_beside and self.name in _SILENT:
            argument = ""
        elif shown is Shown.PROSE or not is_beside:
            # docutils takes a first paragraph as the argument.
            argument, content = "", StringList([*given.split("\n"), "", *content], "")
        elif shown is Shown.CODE:
            argument, *first = given.split("\n")
            content = StringList([*first, *content], "")
        if shown is Shown.NOTHING:
            return []
        if shown is Shown.CODE:
            return _code("\n".join(content).strip("\n"), language_of(self.name, argument))
        found: list[nodes.Node] = []
        if shown is Shown.VERSION:
            found.append(self._paragraph(version_of(self.name, argument)))
        elif shown is Shown.SIGNATURE:
            signatures = filter(None, map(str.strip, given.replace("\\\n", " ").split("\n")))
            found += [nodes.paragraph("", "", nodes.literal(line, line)) for line in signatures]
        elif title := title_of(self.name, argument):
            found.append(self._paragraph(title, "admonition-title"))
        holder = nodes.container()
        self.state.nested_parse(content, self.content_offset, holder)
        for fields in [*holder.findall(nodes.field_list)]:
            fields.replace_self(_field_list(fields))
        return [*found, *holder.children]

    def _paragraph(self, text: str, *classes: str) -> nodes.Node:
        children, _ = self.state.inline_text(text, self.lineno)
        return nodes.paragraph(text, "", *children, classes=[*classes])


def _code(text: str, language: str) -> list[nodes.Node]:
    classes = ["code", f"language-{language}"] if language else ["code"]
    return [nodes.literal_block(text, text, classes=classes)] if text.strip() else []


def _field_list(fields: nodes.Node) -> nodes.Node:
    """A signature's fields as a list, with their names in words."""
    items = nodes.bullet_list()
    for name, explained in fields.children:
        kind, _, rest = name.astext().partition(" ")
        # The type stands before the parameter's name.
        said = f"{_FIELDS[kind]} {rest.split(' ')[-1]}" if kind in _FIELDS else name.astext()
        is_plain = isinstance(explained.next_node(), nodes.paragraph)
        first = explained.children[:1] if is_plain else []
        inline = [child for paragraph in first for child in paragraph.children]
        top = nodes.paragraph("", "", nodes.Text(f"{said.strip()}: "), *inline)
        items += nodes.list_item("", top, *explained.children[len(first) :])
    return items


class _Mended(Transform):  # type: ignore[misc]
    """Reduces references to other pages to their words."""

    # Before docutils shows them as written.
    default_priority = 860

    def apply(self) -> None:
        for broken in [*self.document.findall(nodes.problematic)]:
            found = _BROKEN.fullmatch(broken.rawsource or broken.astext())
            if found is not None:
                broken.parent.replace(broken, nodes.Text(found["words"]))


class _Reader(standalone.Reader):  # type: ignore[misc]
    def get_transforms(self) -> list[Any]:
        return [*super().get_transforms(), _Mended]


def _sphinx_role(
    titles: Mapping[str, str],
    name: str,
    rawtext: str,
    text: str,
    *_rest: object,
    **_options: object,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Role shown by the rules of `sphinx_markup`."""
    words, is_code = role_words(name, nodes.unescape(text), titles)
    kind = nodes.literal if is_code else nodes.inline
    return [kind(rawtext, words)], []


def parse_rst(text: str, name: str) -> ParsedFile:
    """Parse a reStructuredText document; UnreadableError if it has no text."""
    title, markdown = rst_to_markdown(text)
    if not markdown:
        raise UnreadableError("has no text once its directives are understood.")
    return ParsedFile(title or name, markdown)


def rst_to_markdown(text: str) -> tuple[str, str]:
    """The title and the Markdown of a document, or of a part of one."""
    parts = _publish(text)
    heading = fragment_to_markdown(f"<h1>{parts['title']}</h1>", code="span.literal")
    markdown = fragment_to_markdown(parts["html_body"], code="span.literal")
    return one_line(heading.removeprefix("#")), markdown


def _publish(text: str) -> Any:
    text = _PAGE_FIELD.sub("", text)
    # Register this text's directives and roles, except docutils' own.
    for match in _DIRECTIVE.finditer(text):
        if (name := match["name"].lower()) not in _EXECUTED:
            directives.register_directive(name, _SphinxDirective)
    english: Any = directives._fallback_language_module
    role = partial(_sphinx_role, _titles(text))
    for match in _ROLE.finditer(text):
        if (name := match["name"].lower()) not in english.roles:
            roles.register_local_role(name, role)
    return publish_parts(text, reader=_Reader(), writer="html5", settings_overrides=_SETTINGS)


def _titles(text: str) -> dict[str, str]:
    """The headings of a text, by the labels above them."""
    titles: dict[str, str] = {}
    waiting: list[str] = []
    lines = [line for line in text.split("\n") if line.strip()]
    for line, below in itertools.pairwise(lines):
        if (label := _LABEL.match(line)) is not None:
            waiting.append(label["name"].strip("` ").casefold())
        elif not _UNDERLINE.match(line):
            if _UNDERLINE.match(below):
                words = _ROLE_IN_TITLE.sub(
                    lambda role: role_words(role["name"], role["text"], {})[0], line
                )
                titles |= dict.fromkeys(waiting, one_line(re.sub("[`*]", "", words)))
            waiting = []
    return titles
