"""Discord's rules for messages, components and commands, as pure functions.

simcord checks fewer of them. Each function takes sent JSON and yields the violations as sentences.
Lengths are in UTF-16 code units: Discord's servers count code points and its clients count units,
and a text that fits in units fits in both.

Source:
    Discord's developer documentation: "Message", "Component reference", "Application commands",
    "Receiving and responding".
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import jsonschema_rs

DESCRIPTION: Final = Path(__file__).parents[3] / "shared" / "discord" / "openapi.json"

EPHEMERAL: Final = 1 << 6
SUPPRESS_EMBEDS: Final = 1 << 2
COMPONENTS_V2: Final = 1 << 15
SUPPRESS_NOTIFICATIONS: Final = 1 << 12

CONTENT: Final = 2_000
FILE_BYTES: Final = 10 * 1024 * 1024
REQUEST_BYTES: Final = 25 * 1024 * 1024

_SELECTS: Final = frozenset({3, 5, 6, 7, 8})
_COMMAND: Final = re.compile(r"[-_'\w]{1,32}")
# Of each kind of command that many are taken; discord.py itself refuses more menus than five.
_COMMANDS: Final = {1: 100, 2: 5, 3: 5}
_LOCALES: Final = frozenset(
    re.findall(
        r"\S+",
        "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el "
        "bg ru uk hi th zh-CN ja zh-TW ko",
    )
)


def units(text: str) -> int:
    """Length of a text in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _text(value: object, name: str, most: int, *, least: int = 0) -> Iterator[str]:
    """Violations of a text: wrong type, too long, nothing visible."""
    if value is None:
        if least:
            yield f"{name} is missing"
        return
    if not isinstance(value, str):
        yield f"{name} is no text but {value!r}"
        return
    if units(value) > most:
        yield f"{name} has {units(value)} characters, {most} is the most: {value[:60]!r}…"
    if least and units(value.strip()) < least:
        yield f"{name} is empty"


def wrong_signs(value: object) -> Iterator[str]:
    """Invalid characters: halves of surrogate pairs, and zero bytes."""
    if isinstance(value, str):
        if re.search("[\ud800-\udfff]", value):
            yield f"half of a surrogate pair in {value[:60]!r}"
        if "\0" in value:
            yield f"a zero byte in {value[:60]!r}"
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from wrong_signs(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from wrong_signs(inner)


# By the type of what they are in: what layouts are made of.
_INSIDE: Final = {
    None: {1, 9, 10, 12, 13, 14, 17},
    1: {2, 3, 5, 6, 7, 8},
    9: {10},
    17: {1, 9, 10, 12, 13, 14},
}
_ACCESSORIES: Final = {2, 11}


def message(
    body: Mapping[str, Any], *, edits: bool, files: int = 0, before: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Violations of a sent or edited message.

    Args:
        body: what is sent.
        edits: whether it edits a message.
        files: how many files are sent along.
        before: the message that is edited, as far as it is known.
    """
    flags = int(body.get("flags") or 0)
    if before is not None:
        yield from _changed(body, before)
        flags |= int(before["flags"]) & COMPONENTS_V2
    content, embeds, components = (body.get(key) for key in ("content", "embeds", "components"))
    yield from _text(content, "content", CONTENT)
    yield from mentions(body)
    if isinstance(content, str) and content and not content.strip():
        yield "content has nothing but blanks"
    if not edits and not any(((content or "").strip(), embeds, components, files)):
        yield "an empty message"
    if edits and "content" in body and not content and not (embeds or components or files):
        yield "a message is edited to be empty"
    if flags & COMPONENTS_V2 and "components" in body and not components:
        yield "a layout without components"
    if body.get("poll") is not None or body.get("sticker_ids") or body.get("tts"):
        yield "a poll, a sticker or speech, which this bot never sends"
    if flags & COMPONENTS_V2 and (content or embeds):
        yield "components of the second kind beside content or embeds"
    yield from _embeds(embeds or [])
    yield from layout(components or [], v2=bool(flags & COMPONENTS_V2))
    for key in ("nonce",):
        yield from _text(body.get(key), key, 25)
    yield from _files(body, files)


def _files(body: Mapping[str, Any], files: int) -> Iterator[str]:
    """Violations of a message's files and of their descriptions in its layout."""
    attached = body.get("attachments") or []
    if len(attached) > 10 or files > 10:
        yield "more than ten files"
    parts = everything_in(body.get("components") or [])
    shown = [item for one in parts for item in one.get("items") or []]
    for one in (*attached, *shown):
        yield from _text(one.get("description"), "description of a file", 1_024)


def _changed(body: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """Violations of an edit, given the message: a layout stays a layout."""
    is_layout = int(before["flags"]) & COMPONENTS_V2
    becomes = int(body.get("flags") or 0) & COMPONENTS_V2
    if is_layout and "flags" in body and not becomes:
        yield "a layout is to be one no more"
    if becomes and not is_layout:
        for key in ("content", "embeds"):
            if before.get(key) and key not in body:
                yield f"a message becomes a layout and keeps its {key}"
    if is_layout and not becomes and body.get("components"):
        # What discord.py sends for a `View`; Discord would take it, and show buttons alone.
        yield "rows without a layout take the place of one"


def mentions(body: Mapping[str, Any]) -> Iterator[str]:
    """Violations of pings: only one member or one role may be pinged, by id."""
    if not any(body.get(key) for key in ("content", "embeds", "components")):
        return
    allowed = body.get("allowed_mentions")
    if not isinstance(allowed, Mapping):
        yield "it is not said whom the message may ping"
        return
    if allowed.get("parse"):
        yield f"whoever is mentioned may be pinged: {allowed['parse']}"
    if "parse" not in allowed:
        yield "allowed_mentions has no empty parse"
    if len([*(allowed.get("roles") or []), *(allowed.get("users") or [])]) > 1:
        yield "more than one member or role may be pinged"


def _embeds(embeds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    total = 0
    if len(embeds) > 10:
        yield "more than ten embeds"
    for embed in embeds:
        parts = [
            ("title", embed.get("title"), 256, 0),
            ("description", embed.get("description"), 4_096, 0),
            ("footer", (embed.get("footer") or {}).get("text"), 2_048, 0),
            ("author", (embed.get("author") or {}).get("name"), 256, 0),
        ]
        fields = embed.get("fields") or []
        if len(fields) > 25:
            yield "more than 25 fields in an embed"
        for one in fields:
            parts += [("field", one.get("name"), 256, 1), ("value", one.get("value"), 1_024, 1)]
        for name, value, most, least in parts:
            yield from _text(value, f"embed {name}", most, least=least)
            total += units(value) if isinstance(value, str) else 0
    if total > 6_000:
        yield f"{total} characters in embeds, 6000 is the most"


# Components.


def everything_in(components: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All components, nested ones included."""
    for one in components:
        yield one
        yield from everything_in(one.get("components") or [])
        yield from everything_in([one[key] for key in ("accessory", "component") if one.get(key)])


def layout(components: Sequence[Mapping[str, Any]], *, v2: bool) -> Iterator[str]:
    found = list(everything_in(components))
    if v2:
        if len(found) > 40:
            yield f"{len(found)} components, 40 is the most"
        shown = sum(units(one.get("content") or "") for one in found if one.get("type") == 10)
        if shown > 4_000:
            yield f"{shown} characters in text displays, 4000 is the most"
        yield from _misplaced(components, None)
    else:
        if len(components) > 5:
            yield f"{len(components)} rows of components, five is the most"
        if any(one.get("type") != 1 for one in components):
            yield "a component that is in no row"
    yield from ids(found)
    for one in found:
        yield from component(one)


def _misplaced(components: Sequence[Mapping[str, Any]], outer: int | None) -> Iterator[str]:
    """Components of a layout in places where Discord refuses their kind."""
    for one in components:
        kind = one.get("type")
        if kind not in _INSIDE[outer]:
            yield f"a component of type {kind} in one of type {outer}"
        elif kind in _INSIDE:
            yield from _misplaced(one.get("components") or [], kind)


def ids(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The custom ids of one message or form: texts of 1 to 100 characters, each only once."""
    known = [one["custom_id"] for one in components if "custom_id" in one]
    for custom_id in known:
        yield from _text(custom_id, "custom_id", 100, least=1)
    if len(set(known)) < len(known):
        yield f"a custom_id twice: {sorted(map(str, known))}"


def component(one: Mapping[str, Any]) -> Iterator[str]:
    """Violations of one component, whatever contains it."""
    yield from _of_layout(one)
    kind = one.get("type")
    if kind == 1:
        yield from _row(one.get("components") or [])
    elif kind == 2:
        yield from _button(one)
    elif kind in _SELECTS:
        yield from _select(one)
    elif kind == 4:
        yield from _input(one)
    elif kind == 10:
        yield from _text(one.get("content"), "text display", 4_000, least=1)
    elif kind == 18:
        yield from _text(one.get("label"), "label", 45, least=1)
        yield from _text(one.get("description"), "description of a label", 100)
        if "description" in one and one["description"] is not None and not one["description"]:
            yield "a label's description is empty"


def _of_layout(one: Mapping[str, Any]) -> Iterator[str]:
    """Violations of a section, a file or a container."""
    kind = one.get("type")
    if kind == 9:
        if not 1 <= len(one.get("components") or []) <= 3:
            yield "a section that has not one to three texts"
        if (one.get("accessory") or {}).get("type") not in _ACCESSORIES:
            yield "a section without a button or picture beside its texts"
    elif kind == 13:
        if not str((one.get("file") or {}).get("url")).startswith("attachment://"):
            yield "a file that is not attached to the message"
    elif kind == 17:
        if not one.get("components"):
            yield "an empty container"
        if not 0 <= (one.get("accent_color") or 0) <= 0xFFFFFF:
            yield "a colour that is none"


def _row(inside: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    selects = sum(one.get("type") in _SELECTS for one in inside)
    if not 1 <= len(inside) <= 5 or (selects and len(inside) > 1):
        yield f"a row with {len(inside)} components, {selects} of them lists"


def _button(one: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(one.get("label"), "button label", 80)
    if not (one.get("label") or "").strip() and not one.get("emoji"):
        yield "a button with neither label nor emoji"
    if one.get("style") == 5:
        yield from _text(one.get("url"), "button url", 512, least=1)
        if one.get("custom_id"):
            yield "a link button with a custom_id"
    elif not one.get("custom_id"):
        yield "a button without custom_id"


def _select(one: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(one.get("placeholder"), "placeholder", 150)
    if one.get("placeholder") == "":
        yield "an empty placeholder"
    options = one.get("options") or []
    least, most = one.get("min_values", 1), one.get("max_values", 1)
    if one.get("type") == 3:
        if not 1 <= len(options) <= 25:
            yield f"a list with {len(options)} options"
        if most > len(options):
            yield f"{most} of {len(options)} options may be chosen"
    if not 0 <= least <= most <= 25:
        yield f"at least {least} and at most {most} to choose"
    if len({option["value"] for option in options}) < len(options):
        yield "a value twice in a list"
    if sum(bool(option.get("default")) for option in options) > most:
        yield "more chosen beforehand than may be"
    if one.get("required") is True and least == 0:
        yield "a list that is required, of which nothing need be chosen"
    for option in options:
        yield from _text(option.get("label"), "option label", 100, least=1)
        yield from _text(option.get("value"), "option value", 100, least=1)
        yield from _text(option.get("description"), "option description", 100)


def _input(one: Mapping[str, Any]) -> Iterator[str]:
    least, most = one.get("min_length") or 0, one.get("max_length") or 4_000
    if not 0 <= least <= most <= 4_000 or most < 1:
        yield f"an input of {least} to {most} characters"
    yield from _text(one.get("value"), "value of an input", most)
    yield from _text(one.get("placeholder"), "placeholder of an input", 100)
    yield from _text(one.get("label"), "label of an input", 45)
    if one.get("value") and units(one["value"]) < least:
        yield "an input is filled with less than it takes"


def form(data: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(data.get("title"), "title", 45, least=1)
    yield from _text(data.get("custom_id"), "custom_id of a form", 100, least=1)
    rows = data.get("components") or []
    if not 1 <= len(rows) <= 5:
        yield f"a form with {len(rows)} fields"
    if any(row.get("type") not in (10, 18) for row in rows):
        yield "a field of a form that has no label around it"
    found = list(everything_in(rows))
    yield from ids(found)
    for one in found:
        yield from component(one)


# Commands, and what is offered while typing.


def choices(offered: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(offered) > 25:
        yield f"{len(offered)} choices, 25 is the most"
    for choice in offered:
        yield from _text(choice.get("name"), "choice", 100, least=1)
        if isinstance(choice.get("value"), str):
            yield from _text(choice["value"], "value of a choice", 100, least=1)


def commands(listed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for kind, most in _COMMANDS.items():
        names = [one["name"] for one in listed if one.get("type", 1) == kind]
        if len(names) > most or len(set(names)) < len(names):
            yield f"{len(names)} commands of type {kind}, {most} is the most: {names}"
    for one in listed:
        yield from (f"/{one['name']}: {problem}" for problem in _command(one))


def _command(one: Mapping[str, Any]) -> Iterator[str]:
    if one.get("type", 1) == 1:
        yield from _named(one)
    else:
        yield from _text(one["name"], "name", 32, least=1)
        if one.get("description"):
            yield "a menu with a description"
    size = _size(one)
    if size > 8_000:
        yield f"{size} characters, 8000 is the most"
    yield from _options(one.get("options") or [])


def _named(one: Mapping[str, Any]) -> Iterator[str]:
    for name in (one["name"], *(one.get("name_localizations") or {}).values()):
        if not _COMMAND.fullmatch(name) or name != name.lower():
            yield f"the name {name!r}"
    for said in (one.get("description"), *(one.get("description_localizations") or {}).values()):
        yield from _text(said, f"description of {one['name']}", 100, least=1)
    for key in ("name_localizations", "description_localizations"):
        unknown = set(one.get(key) or {}) - _LOCALES
        if unknown:
            yield f"languages that Discord does not have: {unknown}"


def _options(options: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(options) > 25 or len({one["name"] for one in options}) < len(options):
        yield f"{len(options)} options, or two of one name"
    required = [bool(one.get("required")) for one in options]
    if required != sorted(required, reverse=True):
        yield "a required option behind one that is not"
    for one in options:
        yield from _named(one)
        yield from _option_choices(one)
        if one["type"] == 3 and (one.get("max_length") or 1) > 6_000:
            yield f"{one['name']} takes more than 6000 characters"
        yield from _options(one.get("options") or [])


def _option_choices(one: Mapping[str, Any]) -> Iterator[str]:
    offered = one.get("choices") or []
    yield from choices(offered)
    if offered and one.get("autocomplete"):
        yield f"{one['name']} has both choices and autocomplete"
    for key in ("name", "value"):
        if len({choice[key] for choice in offered}) < len(offered):
            yield f"{one['name']} offers a {key} twice"


def _size(one: Mapping[str, Any]) -> int:
    """The characters that count: names, descriptions, values, the longest of each language."""

    def longest(key: str) -> int:
        said = [one.get(key) or "", *(one.get(f"{key}_localizations") or {}).values()]
        return max(units(text) for text in said)

    own = longest("name") + longest("description")
    offered = sum(
        units(choice["name"]) + units(str(choice["value"])) for choice in one.get("choices") or []
    )
    return own + offered + sum(_size(option) for option in one.get("options") or [])


# Comparing with Discord's own description.


def disagreements(method: str, path: str, body: Any) -> Iterator[str]:
    """Differences between a request and the description of its route, if that is there."""
    if not DESCRIPTION.exists():
        return
    operation = _operation(method, path)
    if operation is None:
        yield "Discord describes no such route"
        return
    schema = _schema(operation)
    if schema is None:
        if body:
            yield "a body that the route does not take"
        return
    if body is not None:
        yield from _compared(schema, json.dumps(body))


def _compared(schema: str, body: str) -> Iterator[str]:
    """Differences between a body and a schema; both are JSON."""
    for error in _validator(schema).iter_errors(json.loads(body)):
        worst = _nearest(error)
        where = "/".join(map(str, worst.instance_path))
        yield f"described otherwise at {where or 'the top'}: {worst.message[:300]}"


def _nearest(error: "jsonschema_rs.ValidationError") -> "jsonschema_rs.ValidationError":
    """Errors of the alternative schema that a value matches best."""
    alternatives = [cause for cause in getattr(error.kind, "context", []) if cause]
    if not alternatives:
        return error
    fewest = min(map(len, alternatives))
    found = [_nearest(errors[0]) for errors in alternatives if len(errors) == fewest]
    return min(found, key=_distance)


def _distance(error: "jsonschema_rs.ValidationError") -> tuple[bool, int]:
    """Distance of an error: an earlier error, or another type, is farther."""
    return error.instance_path[-1:] == ["type"], -len(error.instance_path)


@functools.cache
def _description() -> Any:
    described = json.loads(DESCRIPTION.read_text())
    # Discord takes ids as numbers as well as it takes texts ("Snowflakes"); discord.py sends both.
    described["components"]["schemas"]["SnowflakeType"]["type"] = ["string", "integer"]
    return described


@functools.cache
def _routes() -> list[tuple[re.Pattern[str], int, str]]:
    """Each path's regular expression, its number of fixed parts, and its description."""
    found = []
    for path in _description()["paths"]:
        fixed = len([part for part in path.split("/") if not part.startswith("{")])
        found.append((re.compile(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(path))), fixed, path))
    return found


def _operation(method: str, path: str) -> str | None:
    """Keys of the operation in the description; the path with the most fixed parts wins."""
    fitting = [
        (fixed, described)
        for pattern, fixed, described in _routes()
        if pattern.fullmatch(path) and method.lower() in _description()["paths"][described]
    ]
    return f"{method.lower()} {max(fitting)[1]}" if fitting else None


@functools.cache
def _schema(operation: str) -> str | None:
    """The schema of an operation's body as JSON text, which is hashable."""
    method, path = operation.split(" ", 1)
    content = _description()["paths"][path][method].get("requestBody", {}).get("content", {})
    body = content.get("application/json") or next(iter(content.values()), None)
    return json.dumps(body["schema"]) if body else None


@functools.cache
def _validator(schema: str) -> "jsonschema_rs.Draft202012Validator":
    # A tool of developers, which the image has not.
    import jsonschema_rs

    whole = {**json.loads(schema), "components": _description()["components"]}
    return jsonschema_rs.Draft202012Validator(whole)
