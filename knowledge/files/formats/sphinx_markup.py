"""Directives and roles of Sphinx projects, shared by the parsers of reStructuredText and MyST.

The tables have docutils' and Sphinx's own names, and those of widespread extensions. A name that is
in no table is decided by its argument and its body, and its body never has headings.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final


class Shown(Enum):
    """The shown parts of a directive.

    The body is code or prose. The argument is dropped, or it is a title, the signature of an
    object, or a version. Directives for building a page from other files have no shown part.
    """

    CODE = auto()
    PROSE = auto()
    TITLED = auto()
    SIGNATURE = auto()
    VERSION = auto()
    NOTHING = auto()


_CODE_NAMES: Final = """code code-block sourcecode testcode doctest testoutput prompt ipython
    code-cell jupyter-execute exec-code parsed-literal productionlist program-output
    command-output code-tab math tex latex terminal termynal console input output example-code
    myst-config r python bash sh sql julia"""
_PROSE_NAMES: Final = """seealso see-also note tip hint important attention caution danger error
    warning only ifconfig ifdef tab-set tabs md-tab-set grid grid-item grid-row container div hlist
    line-block glossary cssclass rst-class epigraph highlights pull-quote compound aside margin
    sidenote card-carousel figure-md gridtable content-tabs"""
_TITLED_NAMES: Final = """admonition dropdown details collapse card
    grid-item-card tab-item tab group-tab md-tab-item topic sidebar rubric centered todo-note
    table figure-caption theorem proof definition lemma exercise solution algorithm step"""
_OBJECT_NAMES: Final = """function class method classmethod staticmethod attribute property data
    exception decorator decoratormethod option cmdoption envvar confval setting describe object
    member var type struct union enum enumerator enum-class enum-struct macro concept event
    signal command role directive option-group constant typevar typealias alias-of"""
_NOTHING_NAMES: Final = """toctree index highlight currentmodule module namespace namespace-push
    namespace-pop alias include literalinclude autosummary automodsumm tabularcolumns meta
    sectionauthor codeauthor moduleauthor contents sectnum header footer raw role-definition
    default-domain default-role program todo todolist bibliography footbibliography graphviz
    digraph graph inheritance-diagram mermaid uml plantuml plot nbgallery gallery minigallery
    testsetup testcleanup towncrier-draft-entries youtube vimeo video audio iframe asciinema
    button-link button-ref tableofcontents listoffigures show-urls target-notes"""
_KINDS: Final = {
    name: shown
    for shown, names in (
        (Shown.CODE, _CODE_NAMES),
        (Shown.PROSE, _PROSE_NAMES),
        (Shown.TITLED, _TITLED_NAMES),
        (Shown.SIGNATURE, _OBJECT_NAMES),
        (Shown.NOTHING, _NOTHING_NAMES),
    )
    for name in names.split()
}
_VERSIONS: Final = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "versiondeprecated": "Deprecated since version",
    "deprecated": "Deprecated since version",
}
# The languages of directives without an argument for it.
_LANGUAGES: Final = {
    "testcode": "python",
    "doctest": "pycon",
    "ipython": "python",
    "jupyter-execute": "python",
    "math": "latex",
    **{name: name for name in ("latex", "tex", "r", "python", "bash", "sh", "sql", "julia")},
}
# The arguments of these directives aren't languages.
_OWN_ARGUMENT: Final = frozenset(
    {"testcode", "doctest", "testoutput", "parsed-literal", "productionlist", "math", "prompt"}
)
_LABELS: Final = {"seealso": "See also", "see-also": "See also"}
# Directives of which Sphinx makes a text from the source code.
_GENERATED: Final = ("auto", "doxygen", "click", "argparse")

# Roles of prose; all others name something in code.
_PROSE_ROLES_TEXT: Final = """ref doc term abbr guilabel menuselection download numref any dfn rfc
    pep issue pr user bpo gh cve cwe source index sub sup subscript superscript emphasis strong
    title-reference eq sub-ref commit ghissue ghpull external std-doc std-ref std-term span"""
_PROSE_ROLES: Final = frozenset(_PROSE_ROLES_TEXT.split())
_NO_TEXT_ROLES: Final = ("octicon", "material", "fa", "cite", "index-entry")
_NUMBERED: Final = {
    "rfc": "RFC ", "pep": "PEP ", "issue": "#", "pr": "#", "bpo": "bpo-", "gh": "#",
    "cve": "CVE-", "cwe": "CWE-", "ghissue": "#", "ghpull": "#",
}  # fmt: skip
_REFERENCES: Final = frozenset({"ref", "doc", "numref", "any", "download"})
_TARGET: Final = re.compile(r"(?<!\s)\s*<[^<>]*>\Z")

_CODE_LINE: Final = re.compile(
    r"\s{0,200}(?:>>> |\$ |#|//|@\w|[}\])]|<[\w/!]|(?:import|from|def|class|return|print|raise) ?\S"
    r"|[\w.\[\]\"']{1,80} ?= ?\S|[\w.]{1,80}\()|[^\n]{0,300}[;{]\Z"
)


def display(name: str, argument: str, body: Sequence[str]) -> Shown:
    """The shown parts of a directive; its name may have a domain (`py:function`)."""
    own = directive_name(name)
    # A class of a style sheet, not of Python's.
    is_style = not (argument[:1].isupper() or "(" in argument or "." in argument)
    if own == "class" and ":" not in name and is_style:
        return Shown.PROSE
    if own in _VERSIONS:
        return Shown.VERSION
    if (known := _KINDS.get(own)) is not None:
        return known
    lines = [line for line in body if line.strip()]
    code = [_CODE_LINE.match(line) is not None for line in lines]
    # A long docstring may stand below the first lines of code.
    if any(code) and sum(code) * (4 if code[0] else 2) >= len(lines):
        return Shown.CODE
    is_generated = own.startswith(_GENERATED)
    if (":" in name and not is_generated) or (is_generated and lines):
        return Shown.SIGNATURE
    # An argument alone is the name of a file, or of an object whose text Sphinx takes from code.
    return Shown.TITLED if lines else Shown.NOTHING


def directive_name(name: str) -> str:
    """The name of a directive without its domain, in Sphinx's older spelling."""
    own = name.lower().rpartition(":")[2].replace("_", "-")
    return own.replace("-", "") if own.replace("-", "") in _VERSIONS else own


def language_of(name: str, argument: str) -> str:
    """The language of a directive whose body is code; empty if unknown."""
    own = directive_name(name)
    given = "" if own in _OWN_ARGUMENT or own not in _KINDS else argument.split(" ")[0].strip("{}")
    language = given or _LANGUAGES.get(own, "")
    return language if re.fullmatch(r"[\w+#.-]{1,20}", language) else ""


def title_of(name: str, argument: str) -> str:
    """The title of a directive: its argument, or Sphinx's word for it."""
    return argument or _LABELS.get(directive_name(name), "")


def version_of(name: str, argument: str) -> str:
    """The sentence of a directive about versions; its argument is a version, then a sentence."""
    version, _, rest = argument.partition(" ")
    said = f"{_VERSIONS[directive_name(name)]} {version}"
    return f"{said}: {rest}" if rest else f"{said}."


def role_words(name: str, text: str, titles: Mapping[str, str]) -> tuple[str, bool]:
    """The words shown for a role, and whether they are code.

    The name may have a domain (`py:class`), and the text a target (`the plan <plan>`). `titles` are
    the page's headings by the labels above them.
    """
    own = name.lower().rpartition(":")[2]
    text = " ".join(text.split())
    if own.startswith(_NO_TEXT_ROLES):
        return "", False
    words = _TARGET.sub("", text) or text
    if own == "menuselection":
        return words.replace("-->", "›").replace("&", ""), False
    if own in _REFERENCES and words == text:
        return titles.get(text.casefold()) or label_words(text), False
    if own in _NUMBERED and words == text:
        return f"{_NUMBERED[own]}{words.partition('#')[0]}", False
    if own in _PROSE_ROLES or own.startswith("bdg"):
        return words, False
    words = words.rpartition(".")[2] if words.startswith("~") else words.lstrip("!")
    return words.lstrip("."), True


def label_words(label: str) -> str:
    """The words of a label or a path, such as `logging directory` for `logging-directory`."""
    last = label.rpartition(":")[2].strip("/#").rpartition("/")[2]
    stem = re.sub(r"\.(?:md|rst|txt|ipynb|html|py|zip)\Z", "", last)
    return " ".join(re.sub(r"[-_]", " ", stem).split()) or label
