"""What those who decide see of a note besides its text: what is near, differs, is risky. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.display import plain, shortened, size
from bot.impact import Impact
from bot.nearby import Closeness, Near
from indexer.contradictions import Statement
from knowledge.differences import Change, compact, differences
from knowledge.model import Note
from knowledge.risks import Flag, Risk


def near_lines(near: Sequence[Near]) -> list[str]:
    """What is on record already that is like a submission, and where the two disagree."""
    if not near:
        return []
    places = [f"{_place(one)}{_CLOSENESS[one.closeness]}" for one in near]
    lines = [f"Near it: {' · '.join(places)}"]
    disagreeing = [(one, one.contradictions[0]) for one in near if one.contradictions]
    return lines + [
        f"⚠ Disagrees with {_place(one)}: here “{_statement(found.left)}”, there "
        f"“{_statement(found.right)}”"
        for one, found in disagreeing
    ]


_CLOSENESS: Final[Mapping[Closeness, str]] = {
    Closeness.SAME: " (**nearly the same text**)",
    Closeness.CLOSE: "",
}


def _place(near: Near) -> str:
    title = plain(shortened(near.title, 60)) or near.document_id
    pending = ", pending" if near.pending else ""
    named = f"[{title}](<{near.link}>)" if near.link.startswith("http") else f"“{title}”"
    return f"{named}{pending}"


def _statement(statement: Statement) -> str:
    """A sentence on one line, with what differs in bold."""
    parts, position = [], 0
    for start, end in statement.differing:
        parts += [plain(statement.text[position:start]), f"**{plain(statement.text[start:end])}**"]
        position = end
    parts.append(plain(statement.text[position:]))
    whole = " ".join(part for part in parts if part)
    return whole if size(whole) <= STATEMENT_CHARACTERS else plain(shortened(statement.text, 120))


STATEMENT_CHARACTERS: Final = 240


def impact_sentence(impact: Impact) -> str:
    """What publishing a revision would change, of the questions that were asked last."""
    parts = [
        f"{count:,} {one if count == 1 else many}"
        for count, one, many in (
            (impact.answered, "refusal becomes an answer", "refusals become answers"),
            (impact.refused, "answer becomes a refusal", "answers become refusals"),
            (impact.replaced, "answer begins elsewhere", "answers begin elsewhere"),
        )
        if count
    ]
    asked = "the last question" if impact.total == 1 else f"the last {impact.total:,} questions"
    return f"of {asked}, {', '.join(parts)}." if parts else f"of {asked}, none is affected."


def difference(old: Note, new: Note) -> str:
    """How one revision differs from another: what went is struck out, what came is bold."""
    before, after = old.revision.submission, new.revision.submission
    lines = [
        f"{name}: {_marked(Change.REMOVED, was)} {_marked(Change.ADDED, became)}".replace("  ", " ")
        for name, was, became in (
            ("Title", before.title, after.title),
            ("Tags", ", ".join(before.tags), ", ".join(after.tags)),
            ("Source", before.link, after.link),
        )
        if was != became
    ]
    pieces = compact(differences(before.text, after.text))
    if pieces:
        lines.append("".join(_marked(piece.change, piece.text) for piece in pieces))
    return "\n".join(lines) or "Nothing is different."


_MARKS: Final = {Change.KEPT: "", Change.REMOVED: "~~", Change.ADDED: "**"}


def _marked(change: Change, text: str) -> str:
    """A piece of text with its marks on every line, blanks outside of them: inside they mark not.

    It is shown as it was typed: Markdown that is half old and half new would mark anything.
    """
    mark = _MARKS[change]
    lines = []
    for line in text.split("\n"):
        inner = line.strip()
        start = len(line) - len(line.lstrip())
        marked = f"{mark}{plain(inner)}{mark}" if inner else ""
        lines.append(f"{line[:start]}{marked}{line[start + len(inner) :]}")
    return "\n".join(lines)


_RISKS: Final[Mapping[Risk, str]] = {
    Risk.FOREIGN_LINK: "links to hosts that are not on the list",
    Risk.DISGUISED_HOST: "an address that does not read as what it is",
    Risk.MASKED_LINK: "a link whose label is another address",
    Risk.IP_ADDRESS: "a link to a bare IP address",
    Risk.INVISIBLE: "signs that can't be seen",
    Risk.BIDIRECTIONAL: "signs that turn text round",
    Risk.INSTRUCTION: "words that look like an instruction to a model",
    Risk.MASS_MENTION: "mentions of many people",
    Risk.UNBROKEN_TEXT: "very long text without a blank",
    Risk.STACKED_MARKS: "signs heaped upon each other",
}


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    """What to look out for in a submission: a line for each kind of risk, with examples."""
    examples: dict[Risk, list[str]] = {}
    for flag in flags:
        examples.setdefault(flag.risk, []).append(plain(shortened(flag.detail, 40)))
    return [
        f"⚠ {_RISKS[risk][:1].upper()}{_RISKS[risk][1:]}: {', '.join(found[:3])}"
        + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        for risk, found in examples.items()
    ]
