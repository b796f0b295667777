"""Addresses on documentation sites: a file's page, and the anchors of its headings.

The base URL of a source is an address, or a template such as
`https://docs.example.org/{stem}#{anchor}`. The name of a site generator can precede it, as in
`mkdocs:https://docs.example.org`. Each generator has a rule for pages and a rule for anchors.
"""

import html
import itertools
import os.path
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from knowledge.text import normal_form

# The rule for pages whose headings have only explicit ids.
OWN: Final = "own"
# The rule of a plain template: GitHub's anchors.
TEMPLATE: Final = "template"
# The rule for Outline's pages; no base URL can name it.
OUTLINE: Final = "outline"

ANCHOR: Final = "#{anchor}"
_PLACES: Final = ("{path}", "{stem}")
_RULE: Final = re.compile(r"#\{(?P<rule>[a-z-]+)\}\Z")
# An id at the end of a heading, as attribute lists write it: `{#id}` or `{: #id .class }`.
_OWN_ID: Final = re.compile(r"\{:?[ \t]{0,9}\#(?P<id>[^\s{}\#]{1,200})[^{}\n]{0,200}\}[ \t]*\Z")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_LINK: Final = re.compile(r"!?\[([^\[\]\n]{0,500})\]\((?:[^)\n\]]|\](?!\()){0,2000}\)")
_MARKS: Final = re.compile(r"(?<![\w\\])[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)")
_FOOTNOTE: Final = re.compile(r"\[\^[^\]\s]{1,50}\]")
_CODE: Final = re.compile(r"(?<!`)(?P<marks>`{1,3})(?!`)(?P<code>[^`]{1,500})(?P=marks)(?!`)")
# Characters of Unicode's private area replace code in a heading.
_PLACEHOLDERS: Final = range(0xE000, 0xF900)
# Two or three hyphens, shown as a dash.
_DASHES: Final = re.compile(r"(?<!-)-{2,3}(?!-)")
# Text in bold or italics; `first` ends where Hugo starts another part of the text.
_EMPHASIZED: Final = re.compile(
    r"(?<![\w*])(?P<marks>\*{1,3})(?P<first>[^*'\"\[<&\ue000-\uf8ff]{1,500})"
    r"(?:['\"\[<&\ue000-\uf8ff][^*]{0,500})?(?P=marks)"
)
# The target of a link; code is matched as a whole, so links inside it are skipped.
_TARGET: Final = re.compile(
    r"^[ \t]{0,99}(?P<fence>```|~~~).*?(?:^[ \t]{0,99}(?P=fence)|\Z)"
    r"|`[^`\n]{1,500}`|\]\((?P<target>[^\s()<>\\]{1,1000})(?=[\s)])",
    re.MULTILINE | re.DOTALL,
)
_SCHEME: Final = re.compile(r"[A-Za-z][\w+.-]{0,20}:")
_INDEX: Final = re.compile(r"(?:(?<=/)|\A)_?index\Z")
# A text with more links has the rest as written: each takes 25 µs, and all are one step.
_MOST_LINKS: Final = 10_000
_NOTION_ID: Final = re.compile(r" (?P<id>[0-9a-f]{32})(?:_all)?\Z")
_NUMBER: Final = re.compile(r"(?<!\d)\d++\s*+[-_.]++\s*+(?=[^-_.\s])")
_TEXTS: Final = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt"})


@dataclass(frozen=True, slots=True)
class Generator:
    """A site generator's rules for addresses of pages and anchors of headings.

    `page` takes the path of a text and the fields of its front matter, and returns the address of
    its page, relative to the site's; None if it has no page. `anchor` takes a heading's words;
    empty if the anchor is unknown. `repeated` is the pattern for a repeated heading, and `prose`
    converts a heading's Markdown, except code, before `anchor`.
    """

    page: Callable[[PurePosixPath, Mapping[str, str]], str | None]
    anchor: Callable[[str], str]
    repeated: str = "{anchor}-{number}"
    prose: Callable[[str], str] = str
    is_title_linked: bool = True
    keeps_files: bool = True


def cited_address(
    base_url: str, path: PurePosixPath, fields: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The address of a file on the web; empty if the generator makes no page of it.

    If the file's headings have anchors, the address ends in a placeholder for an anchor, such as
    `#{mkdocs}`. `without_rule` removes the placeholder, which names the rule for `anchors`.
    `base_url` has a form accepted by `split_base_url`, and `path` is the path in the source.
    """
    name, address = split_base_url(base_url)
    if any(map(address.__contains__, _PLACES)):
        given, anchored, _ = address.partition(ANCHOR)
        rule = name if name != TEMPLATE or anchored else ""
        stem = path.with_suffix("").as_posix()
        if _INDEX.search(stem) and "{stem}." not in given:
            # An index page has the address of its folder.
            given = given.replace("{stem}/", "{stem}")
            stem = _INDEX.sub("", stem)
        for place, filled in (("{path}", path.as_posix()), ("{stem}", stem)):
            given = given.replace(place, quote(filled))
        return f"{given}#{{{rule}}}" if rule else given
    page: str | None = path.as_posix()
    if name and (path.suffix.lower() in _TEXTS or not GENERATORS[name].keeps_files):
        page = GENERATORS[name].page(path, fields)
    if page is None:
        return ""
    # Front matter may name the page from the site's root, with the base URL's path.
    page = page.removeprefix(f"{urlsplit(address).path}/").lstrip("/")
    return f"{address}/{quote(page)}" + (f"#{{{name}}}" if name else "")


def has_rule(base_url: str) -> bool:
    """Whether a base URL leads to pages made from the files, not to the files themselves."""
    name, address = split_base_url(base_url)
    return bool(name) and (name != TEMPLATE or "{stem}" in address or ANCHOR in address)


def with_absolute_links(text: str, base_url: str, path: PurePosixPath) -> str:
    """Make relative links in a Markdown text absolute; the arguments are those of `cited_address`.

    Links that begin with `/` are converted only if `has_rule(base_url)`. Links behind the first
    10,000 stay as they are.
    """
    remaining = iter(range(_MOST_LINKS))

    def absolute(found: re.Match[str]) -> str:
        if found["target"] is None or next(remaining, None) is None:
            return found[0]
        target, _, fragment = found["target"].partition("#")
        if not target or target.startswith("//") or _SCHEME.match(target):
            return found[0]
        if target.startswith("/"):
            return f"]({root}{found['target']}" if root else found[0]
        file = os.path.normpath((path.parent / unquote(target)).as_posix())
        if file.startswith(".."):
            return found[0]
        address, _ = without_rule(cited_address(base_url, PurePosixPath(file)))
        if not address:
            return found[0]
        return f"]({address}#{fragment}" if fragment else f"]({address}"

    host = urlsplit(split_base_url(base_url)[1])
    # Below a code host, only the host knows where a repository begins.
    root = f"{host.scheme}://{host.netloc}" if has_rule(base_url) else ""
    return _TARGET.sub(absolute, text) if "](" in text else text


def split_base_url(base_url: str) -> tuple[str, str]:
    """Split a base URL into the rule's name and the address; the name is empty without a rule."""
    name, colon, address = base_url.partition(":")
    if colon and name in GENERATORS and name != TEMPLATE:
        return name, address
    return (TEMPLATE if any(map(base_url.__contains__, _PLACES)) else ""), base_url


def without_rule(link: str) -> tuple[str, str]:
    """Split a result of `cited_address` into the address and the anchor rule."""
    found = _RULE.search(link)
    return (link[: found.start()], found["rule"]) if found else (link, "")


def own_id(heading: str) -> str:
    """The id at the end of a heading; empty if there is none."""
    found = _own_id(heading)
    return found["id"] if found is not None else ""


def without_own_id(heading: str) -> str:
    found = _own_id(heading)
    return heading if found is None else heading[: found.start()].rstrip(" \t")


def _own_id(heading: str) -> re.Match[str] | None:
    return _OWN_ID.match(heading, heading.rfind("{")) if "{" in heading else None


def with_own_id(heading: str, new_id: str) -> str:
    """Add an id at the end of a heading, if the syntax allows that id."""
    marked = f"{heading} {{#{new_id}}}"
    return marked if new_id and own_id(marked) == new_id else heading


def anchors(
    rule: str, headings: Iterable[str], levels: Iterable[int] = itertools.repeat(2)
) -> Iterator[str]:
    """The anchor of each heading of a page, in order; empty if a heading has no known anchor."""
    generator = _OUTLINE if rule == OUTLINE else GENERATORS.get(rule)
    taken: Counter[str] = Counter()
    for heading, level in zip(headings, levels, strict=False):
        anchor = own_id(heading)
        if generator is not None and not anchor:
            anchor = first = generator.anchor(_words(heading, generator.prose))
            if taken[first]:
                anchor = generator.repeated.format(anchor=first, number=taken[first])
            taken[first] += bool(first)
            anchor = anchor if level > 1 or generator.is_title_linked else ""
        yield quote(anchor, safe="!$&'()*+,;=:@/?~")


def _words(heading: str, prose: Callable[[str], str]) -> str:
    """The words of a heading, without HTML tags, link targets, footnote and emphasis marks."""
    codes: dict[int, str] = {}

    def set_aside(found: re.Match[str]) -> str:
        place = _PLACEHOLDERS[len(codes) % len(_PLACEHOLDERS)]
        codes[place] = found["code"].strip()
        return chr(place)

    text = _FOOTNOTE.sub("", prose(_CODE.sub(set_aside, heading)))
    text = html.unescape(_TAG.sub("", _MARKS.sub("", _LINK.sub(r"\1", text))))
    return text.translate(codes).strip()


def _without_dashes(prose: str) -> str:
    """Remove `--` and `---`. Generators convert them to dashes, and anchors have no dashes."""
    return _DASHES.sub("", prose)


def _hugo_prose(prose: str) -> str:
    """Shorten bold and italic text, and remove dashes.

    Of bold and italic text, Hugo's anchors have only the beginning, such as up to an apostrophe.
    """
    return _without_dashes(_EMPHASIZED.sub(lambda found: found["first"], prose))


# Anchors. Each docstring names the function in the generator's own code.


def _github_anchor(words: str) -> str:
    """The anchor by GitHub's html-pipeline, which keeps Ruby's word characters.

    kramdown's GFM and github-slugger make the same anchors.
    """
    kept = (
        sign
        for sign in words.lower()
        if sign in " -"
        or (kind := unicodedata.category(sign))[0] in "LM"
        or kind in ("Nd", "Nl", "Pc")
        # Ruby counts circled letters among its word characters, too.
        or _is_circled(sign)
    )
    return "".join(kept).replace(" ", "-")


def _is_circled(sign: str) -> bool:
    return "\u24b6" <= sign <= "\u24e9"


def _hugo_anchor(words: str) -> str:
    """The anchor by Hugo's `github` rule, which lowers `İ` to `i`; Python would add a dot."""
    kept = (
        sign
        for sign in words.replace("\u0130", "i").lower()
        if sign in " -_" or unicodedata.category(sign)[0] == "L" or sign.isdecimal()
    )
    return "".join(kept).replace(" ", "-")


def _gitlab_anchor(words: str) -> str:
    """The anchor by Comrak's `Anchorizer`, in GitLab since 17.0.

    Earlier versions of GitLab merged repeated hyphens.
    """
    kept = (
        sign
        for sign in words.lower()
        if sign in " -"
        or unicodedata.category(sign)[0] in "LMN"
        or unicodedata.category(sign) == "Pc"
    )
    return "".join(kept).replace(" ", "-")


def _python_markdown_anchor(words: str) -> str:
    """The anchor by `markdown.extensions.toc.slugify`."""
    plain = normal_form("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def _mdbook_anchor(words: str) -> str:
    """The anchor by `mdbook::utils::normalize_id`, which lowers only ASCII letters.

    It keeps alphanumeric characters. Rust counts vowel signs among them, but not accents.
    """
    anchor = ""
    for sign in words:
        is_vowel = unicodedata.category(sign) in ("Mc", "Mn") and not unicodedata.combining(sign)
        is_selector = "\ufe00" <= sign <= "\ufe0f"
        if sign.isspace():
            anchor += "-"
        elif sign.isalnum() or (is_vowel and not is_selector) or _is_circled(sign) or sign in "_-":
            anchor += sign.lower() if sign.isascii() else sign
    return anchor


# The spellings in `docutils.nodes.make_id` of letters that Unicode doesn't decompose.
_DOCUTILS_LETTERS: Final = str.maketrans({"ß": "sz", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"})


def _docutils_anchor(words: str) -> str:
    """The anchor by `docutils.nodes.make_id`; anchors of repeated titles can't be predicted."""
    spelled = words.lower().translate(_DOCUTILS_LETTERS)
    plain = normal_form("NFKD", spelled).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain).lstrip("-0123456789").rstrip("-")


def _outline_anchor(words: str) -> str:
    """The anchor by Outline's `headingToSlug`; empty if Outline would transliterate a character."""
    if not words.isascii() or not _SPELLED.isdisjoint(words):
        return ""
    kept = re.sub(r"[^A-Za-z0-9\s-]", "", words).lower().replace("-", " ").split()
    return "-".join(("h", *kept)) if kept else ""


_SPELLED: Final = frozenset("$%&<>|")


# Pages.


def _folder(path: PurePosixPath) -> str:
    """A folder in an address: empty for the root, else with a slash at its end."""
    return "" if path == PurePosixPath() else f"{path}/"


def _of_path(
    page: Callable[[PurePosixPath], str],
) -> Callable[[PurePosixPath, Mapping[str, str]], str]:
    return lambda path, fields: page(path)


def _folder_page(path: PurePosixPath) -> str:
    """MkDocs: each page has its own folder; an index page has the address of its folder."""
    is_index = path.stem.lower() in ("index", "readme")
    return _folder(path.parent) if is_index else _folder(path.with_suffix(""))


def _join_address(*parts: str) -> str:
    return posixpath.normpath("/" + posixpath.join(*parts).lstrip("/"))


def _docusaurus_page(path: PurePosixPath, fields: Mapping[str, str]) -> str | None:
    """Docusaurus: a `slug` is relative to the folder, or to the site's root if it begins with `/`.

    Without a `slug`, an index page has its folder's address, whatever its `id` is.
    """
    if any(part.startswith("_") for part in path.parts):
        return None
    *folders, name = (_NUMBER.sub("", part, count=1) for part in path.with_suffix("").parts)
    is_index = name.lower() in ("index", "readme") or [name] == folders[-1:]
    slug = fields.get("slug") or ("" if is_index else fields.get("id", name))
    return _join_address(*folders, slug).strip("/")


def _hugo_page(path: PurePosixPath, fields: Mapping[str, str]) -> str:
    """Hugo: a `url` is relative to the site's root; a `slug` replaces the path's last part."""
    if url := fields.get("url"):
        return _join_address(url) + ("" if PurePosixPath(url).suffix else "/")
    folder = PurePosixPath(_hugo_name(path.parent.as_posix()))
    name = _hugo_name(path.stem)
    if path.stem in ("index", "_index"):
        folder, name = folder.parent, folder.name
    if slug := fields.get("slug", "").strip("/"):
        name = re.sub("-{2,}", "-", _hugo_name(slug))
    return _folder(folder / name)


def _hugo_name(name: str) -> str:
    """A path as Hugo writes it: lower case, with few punctuation marks."""
    kept = (
        sign
        for sign in name.lower()
        if sign in " ./_#+~-@" or unicodedata.category(sign)[0] in "LMN"
    )
    return "".join(kept).replace(" ", "-")


def _jekyll_page(path: PurePosixPath, fields: Mapping[str, str]) -> str | None:
    """Jekyll: a `permalink` is relative to the site's root."""
    if any(part.startswith("_") for part in path.parts):
        return None
    if not (permalink := fields.get("permalink")):
        name = "" if path.stem == "index" else f"{path.stem}.html"
        return f"{_folder(path.parent)}{name}"
    places = {":path": path.parent.as_posix(), ":basename": path.stem, ":output_ext": ".html"}
    for place, filled in places.items():
        permalink = permalink.replace(place, filled)
    address = _join_address(permalink)
    if permalink.endswith("/"):
        return _folder(PurePosixPath(address))
    return address if PurePosixPath(address).suffix else f"{address}.html"


def _mdbook_page(path: PurePosixPath) -> str:
    name = "index" if path.stem.lower() == "readme" else path.stem
    return path.with_name(f"{name}.html").as_posix()


def _notion_page(path: PurePosixPath, fields: Mapping[str, str]) -> str | None:
    """Notion: an exported file's name ends in the page's id, which is the page's address."""
    found = _NOTION_ID.search(path.stem)
    return found["id"] if found else None


GENERATORS: Final = {
    "mkdocs": Generator(_of_path(_folder_page), _python_markdown_anchor, "{anchor}_{number}"),
    "docusaurus": Generator(_docusaurus_page, _github_anchor, is_title_linked=False),
    "mdbook": Generator(_of_path(_mdbook_page), _mdbook_anchor),
    "hugo": Generator(_hugo_page, _hugo_anchor, prose=_hugo_prose),
    "jekyll": Generator(_jekyll_page, _github_anchor, prose=_without_dashes),
    "sphinx": Generator(lambda path, _: path.with_suffix(".html").as_posix(), _docutils_anchor, ""),
    # A page's address doesn't contain its folders.
    "github-wiki": Generator(
        lambda path, _: "" if path.stem == "Home" else path.stem.replace(" ", "-"), _github_anchor
    ),
    "gitlab-wiki": Generator(
        lambda path, _: path.with_suffix("").as_posix().replace(" ", "-"), _gitlab_anchor
    ),
    # Exports don't contain anchors, so a heading's anchor is unknown.
    "notion": Generator(_notion_page, lambda _: "", keeps_files=False),
    TEMPLATE: Generator(_of_path(str), _github_anchor),
}
_OUTLINE: Final = Generator(_of_path(str), _outline_anchor)
