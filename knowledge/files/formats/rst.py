"""Parser of reStructuredText, with docutils; supports Sphinx's directives and roles in part.

Raw markup is dropped, and so are `include` directives, because the parser opens no file. Directives
and roles unknown to docutils are reduced to their text.
"""

import re
from typing import Any, ClassVar, Final

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles

from knowledge.dependencies import require
from knowledge.files.formats.html import fragment_to_markdown
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
_TARGET = re.compile(r"(?<!\s)\s*<[^<>]*>$", re.DOTALL)

# Directives that only list other pages.
_DROPPED: Final = frozenset({"toctree", "index", "highlight", "currentmodule", "include"})
# Directives whose argument is not part of the text.
_SILENT: Final = frozenset({"only", "ifconfig", "module", "tab-set", "grid", "grid-item"})
_CODE: Final = frozenset({"code-block", "sourcecode", "code", "prompt", "ipython", "doctest"})
_VERSIONS: Final = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
# Roles of prose; all others name something in code.
_PROSE: Final = frozenset(
    {
        "ref",
        "doc",
        "term",
        "abbr",
        "guilabel",
        "menuselection",
        "download",
        "numref",
        "any",
        "dfn",
        "rfc",
        "pep",
        "issue",
        "pr",
        "user",
        "bpo",
        "gh",
    }
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
    """Accepts every option of a directive as text."""

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> Any:
        return directives.unchanged


# docutils is not typed.
class _UnknownDirective(Directive):  # type: ignore[misc]
    """Directive unknown to docutils; keeps its argument and its content."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = _AnyOption()

    def run(self) -> list[nodes.Node]:
        argument = one_line(self.arguments[0]) if self.arguments else ""
        name = self.name.rpartition(":")[2]
        if name in _DROPPED:
            return []
        if name in _CODE:
            text = "\n".join(self.content)
            classes = ["code", f"language-{argument}"] if argument else ["code"]
            return [nodes.literal_block(text, text, classes=classes)] if text else []
        found: list[nodes.Node] = []
        if name in _VERSIONS:
            version, _, rest = argument.partition(" ")
            text = f"{_VERSIONS[name]} {version}" + (f": {rest}" if rest else ".")
            found.append(nodes.paragraph(text, text))
        elif argument and name not in _SILENT:
            kind = nodes.literal if "(" in argument or ":" in self.name else nodes.strong
            found.append(nodes.paragraph("", "", kind(argument, argument)))
        holder = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, holder)
        return [*found, *holder.children]


def _unknown_role(
    name: str, rawtext: str, text: str, *_rest: object, **_options: object
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Role unknown to docutils; keeps its text, without the target in angle brackets."""
    words = _TARGET.sub("", nodes.unescape(text)) or text
    if name.rpartition(":")[2] in _PROSE:
        return [nodes.inline(rawtext, words)], []
    words = words.rpartition(".")[2] if words.startswith("~") else words.lstrip("!")
    return [nodes.literal(rawtext, words)], []


def parse_rst(text: str, name: str) -> ParsedFile:
    """Parse a reStructuredText document.

    Raises:
        UnreadableError: if the document has no text.
    """
    _register_unknown(text)
    parts = publish_parts(text, writer="html5", settings_overrides=_SETTINGS)
    markdown = fragment_to_markdown(parts["html_body"], code="span.literal")
    if not markdown:
        raise UnreadableError("has no text once its directives are understood.")
    title = fragment_to_markdown(parts["title"]) if parts["title"] else ""
    return ParsedFile(one_line(title) or name, markdown)


def _register_unknown(text: str) -> None:
    """Register this text's directives and roles unknown to docutils."""
    english: Any = directives._fallback_language_module
    own = {*directives._directive_registry, *english.directives}
    for match in _DIRECTIVE.finditer(text):
        key = match["name"].lower()
        if key not in own or key in _CODE or key in _DROPPED:
            directives.register_directive(key, _UnknownDirective)
    own_roles = {*roles._role_registry, *english.roles}
    for match in _ROLE.finditer(text):
        if match["name"].lower() not in own_roles:
            roles.register_local_role(match["name"].lower(), _unknown_role)
