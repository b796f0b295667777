"""Every sentence the bot says in Discord, the format of citations, Discord's limits. Pure.

Quoted text is Markdown that somebody else wrote: here it is made safe to show. It pings nobody,
its masked links show where they lead, and no part of it is cut inside a code fence, a link or a
surrogate pair.

Source:
    Limits: Discord's developer documentation, "Message" and "Component reference".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.conversation import Answer, Citation, Clarification, Quote, Refusal, Reply
from indexer.passages import sentences
from knowledge.model import (
    Decision,
    Evidence,
    Kind,
    Note,
    Question,
    State,
)

MESSAGE_CHARACTERS: Final = 2_000
BUTTON_CHARACTERS: Final = 80

# The first passage is shown whole where it fits; further ones by the sentences around the one
# that answers, so that an answer is one message and one screen of a phone.
FIRST_QUOTE_CHARACTERS: Final = 1_100
FURTHER_QUOTE_CHARACTERS: Final = 280

# A custom_id says what a button does and to what, so that it works after a restart.
ANSWER_BUTTON: Final = r"answer:(?P<question>\d+):(?P<action>helpful|unhelpful|more|why|share)"
CARD_BUTTON: Final = r"card:(?P<revision>\d+):(?P<action>approve|reject)"
GAP_BUTTON: Final = r"gap:(?P<question>\d+):(?P<action>write)"

_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(<?(https?://[^\s)>]+)>?(?:\s+\"[^\"\n]*\")?\)")
_BARE_LINK = re.compile(r"(?<![<(\w])(https?://[^\s<>)\]]+)")
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|/|id:|a?:|t:)")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_LINE_START = re.compile(r"^(?P<mark>#{1,3} |-# |>>> ?|> ?)", re.MULTILINE)
_FENCE_LINE = re.compile(r"^(`{3,}|~{3,})(\w*)", re.MULTILINE)


# Making text safe to show.


def plain(text: str) -> str:
    """One line of somebody's text with nothing in it that Discord would interpret."""
    line = " ".join(_INVISIBLE.sub("", text).split())
    return re.sub(r"([\\*_~`|>\[\]()#@:-])", r"\\\1", line).replace("<", "\\<")


def shown(text: str) -> str:
    """Somebody's Markdown as it may be shown: mentions are text, links say where they lead."""
    text = _INVISIBLE.sub("", text)
    parts: list[str] = []
    position = 0
    for start, end in _fences(text):
        parts += [_shown_prose(text[position:start]), text[start:end]]
        position = end
    parts.append(_shown_prose(text[position:]))
    return "".join(parts)


def _shown_prose(text: str) -> str:
    text = _tables_fenced(text)
    text = _MENTION.sub(lambda match: f"{match[0]}\u200b", text)
    text = _LINK.sub(_honest_link, text)
    return _BARE_LINK.sub(r"<\1>", text)


def _honest_link(match: re.Match[str]) -> str:
    """A masked link that can't pretend: a label that looks like another address is set apart."""
    label, address = match[2].strip(), match[3]
    looks_like_address = re.search(r"\w\.\w{2,}|://", label)
    if not label or looks_like_address or match[1]:
        return f"{label} (<{address}>)".strip()
    return f"[{label}](<{address}>)"


def _tables_fenced(text: str) -> str:
    """Tables in code fences: Discord has no tables, and only a fence keeps their columns."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        row = line.lstrip().startswith("|") and line.rstrip().endswith("|")
        if row != inside:
            lines.append("```")
            inside = row
        lines.append(line)
    if inside:
        lines.append("```")
    return "\n".join(lines)


def _fences(text: str) -> list[tuple[int, int]]:
    """The spans of code fences, from the opening line to the end of the closing one."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for match in _FENCE_LINE.finditer(text):
        if opened is None:
            opened = match
        elif match[1].startswith(opened[1]) and not match[2]:
            spans.append((opened.start(), match.end()))
            opened = None
    if opened is not None:
        spans.append((opened.start(), len(text)))
    return spans


def split(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """A text in pieces of at most `limit` characters, cut at the best places.

    A fence that is cut is closed and opened again in the next piece with its language. Between
    fences the cut is made at a blank line, else at a line's end, else at a blank; a link is only
    cut where it alone is longer than a piece. Without its fences' marks, the pieces joined are
    the text without the white space at the cuts.
    """
    pieces: list[str] = []
    fence = ""
    rest = text
    while rest:
        opening = f"{fence}\n" if fence else ""
        if len(opening) + len(rest) <= limit:
            pieces.append(opening + rest)
            break
        # Room for a closing fence is kept whether or not it turns out to be needed.
        cut = _cut(rest, limit - len(opening) - 4, inside=bool(fence))
        piece, rest = rest[:cut], rest[cut:]
        still_open = _open_fence(piece, fence)
        pieces.append(opening + piece.rstrip() + ("\n```" if still_open else ""))
        fence = still_open
        rest = rest.removeprefix("\n") if fence else rest.lstrip()
    return pieces


def _cut(text: str, limit: int, *, inside: bool) -> int:
    """Where to cut `text`, at most at `limit`, which is below its length."""
    window = text[:limit]
    for separator in ("\n\n", "\n", " "):
        cut = window.rfind(separator)
        while cut > limit // 3:
            crosses = not inside and any(
                start < cut < end for start, end in _unbreakable(text, limit)
            )
            if not crosses:
                return cut + (0 if separator == " " else 1)
            cut = window.rfind(separator, 0, cut)
    before_link = [start for start, end in _unbreakable(text, limit) if start < limit < end]
    if not inside and before_link and before_link[0] > 0:
        return before_link[0]
    return limit


def _unbreakable(text: str, limit: int) -> list[tuple[int, int]]:
    """The spans of links that could be cut at `limit`."""
    reach = text[: limit + 2_000]
    return [m.span() for m in re.finditer(r"\[[^\]\n]*\]\([^)\n]*\)|<?https?://\S+", reach)]


def _open_fence(piece: str, fence: str) -> str:
    """The opening line of the fence that is open at the end of `piece`, or nothing."""
    for match in _FENCE_LINE.finditer(piece):
        if not fence:
            fence = match[1][:3] + match[2]
        elif not match[2]:
            fence = ""
    return fence


def quoted(text: str) -> str:
    """A text as a Discord quotation; every line of it, so that none can leave the quotation."""
    return "\n".join(f"> {line}" for line in text.split("\n"))


def excerpt(text: str, limit: int, deciding: tuple[int, int] | None) -> tuple[str, bool]:
    """As much of a passage as fits, around the sentence that answers, that one in bold.

    Returns:
        The excerpt, with … where something was left out, and whether anything was.
    """
    spans = sentences(text)
    if not spans:
        return text[:limit], len(text) > limit
    centre = next((i for i, span in enumerate(spans) if span == deciding), 0)
    first = last = centre
    while True:
        grown = False
        for candidate in ((first, last + 1), (first - 1, last)):
            if candidate[0] >= 0 and candidate[1] < len(spans):
                start, end = spans[candidate[0]][0], spans[candidate[1]][1]
                if end - start <= limit:
                    first, last = candidate
                    grown = True
        if not grown:
            break
    start, end = spans[first][0], spans[last][1]
    if first == 0 and last == len(spans) - 1:
        start, end = 0, len(text)
    body = _emphasised(text[start:end], start, deciding)
    if len(body) > limit + 8:
        body = body[: limit - 1].rstrip() + "…"
    before, after = "… " if start > 0 else "", " …" if end < len(text.rstrip()) else ""
    return f"{before}{body}{after}", bool(before or after)


def _emphasised(text: str, offset: int, deciding: tuple[int, int] | None) -> str:
    """The text with the deciding sentence in bold, if that is not broken by what it contains."""
    if deciding is None:
        return text
    start, end = deciding[0] - offset, deciding[1] - offset
    if start < 0 or end > len(text):
        return text
    sentence = text[start:end]
    if sentence.startswith(("```", "~~~", "|")) or "\n\n" in sentence:
        return text
    mark = re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+", sentence)
    lead = mark[0] if mark else ""
    inner = sentence[len(lead) :].replace("**", "")
    return f"{text[:start]}{lead}**{inner}**{text[end:]}"


# Answers.


def answer(reply: Reply) -> str:
    """What is shown for a reply: one message."""
    if isinstance(reply.outcome, Clarification):
        return reply.outcome.problem
    if isinstance(reply.outcome, Refusal):
        return refusal(reply.question)
    return _answer(reply.question, reply.outcome)


def _answer(question: str, outcome: Answer) -> str:
    lines = [f"**{plain(_shortened(question, 200))}**"]
    if outcome.evidence is Evidence.PARTIAL:
        missing = ", ".join(f"“{plain(word)}”" for word in outcome.missing)
        lines.append(
            "This may answer only a part of it."
            + (f" I found nothing on {missing}." if missing else "")
        )
    limits = [FIRST_QUOTE_CHARACTERS, *([FURTHER_QUOTE_CHARACTERS] * len(outcome.quotes))]
    room = MESSAGE_CHARACTERS - len("\n".join(lines))
    for number, (quote, limit) in enumerate(zip(outcome.quotes, limits, strict=False)):
        part = _quote(quote, limit)
        if len(part) + 1 > room:
            part = _quote(quote, max(room - 700, 200)) if number == 0 else ""
        if not part or len(part) + 1 > room:
            continue
        room -= len(part) + 1
        lines.append(part)
    return "\n".join(lines)


def _quote(quote: Quote, limit: int) -> str:
    text, _ = excerpt(quote.text, limit, quote.deciding)
    return f"{quoted(shown(text))}\n{citation(quote.citation)}"


def citation(cited: Citation) -> str:
    """Where a passage is from: title and heading, link, contributor, when it was last verified."""
    where = " › ".join(plain(part) for part in (cited.title, cited.heading) if part)
    parts = [f"[{where}](<{cited.link}>)" if cited.link else f"**{where}**"]
    if cited.kind is Kind.NOTE and cited.contributor:
        parts.append(f"by {plain(cited.contributor)}")
    if cited.verified:
        moment = datetime(cited.verified.year, cited.verified.month, cited.verified.day)  # noqa: DTZ001
        parts.append(f"verified {moment:%d %b %Y}")
    return "-# " + " · ".join(parts)


def refusal(question: str) -> str:
    """An honest no."""
    return (
        f"**{plain(_shortened(question, 200))}**\n"
        "I don't know: nothing I may quote answers this. I've noted the question for the "
        "moderators. If you know the answer, write it down with `/note add`."
    )


def why(question: Question) -> list[str]:
    """Why an answer was given, from what was recorded: one text, in messages."""
    lines = [
        f"**{plain(_shortened(question.text, 200))}**",
        f"Evidence: {question.evidence.value}. Index generation {question.generation}. "
        f"Asked <t:{int(question.asked_at.timestamp())}:f>.",
    ]
    for rank, hit in enumerate(question.hits[:5], start=1):
        where = " › ".join(plain(part) for part in (hit.title, hit.heading) if part)
        lines.append(
            f"{rank}. **{where}** – score {hit.score:.2f}, found by {' and '.join(hit.legs)}."
        )
    if not question.hits:
        lines.append("No passage came near it.")
    return split("\n".join(lines))


def more(question: Question) -> list[str]:
    """Every passage that was found for a question, whole, in messages."""
    parts = []
    for hit in question.hits[:5]:
        where = " › ".join(plain(part) for part in (hit.title, hit.heading) if part)
        cited = f"[{where}](<{hit.link}>)" if hit.link else f"**{where}**"
        parts.append(f"{shown(hit.passage)}\n-# {cited}")
    return split("\n\n".join(parts)) if parts else ["No passage came near this question."]


FEEDBACK_HELPFUL: Final = "Thank you. That helps to rank it."
FEEDBACK_UNHELPFUL: Final = "Thank you. I've noted that this didn't help."
FEEDBACK_GONE: Final = "That answer is no longer on record."
ASK_ME: Final = "Ask me something: mention me with a question, or use `/ask`."


def _shortened(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


# Notes and reviews.


def note_taken(note: Note) -> str:
    """To the contributor, when a note has been taken."""
    title = plain(note.revision.submission.title)
    return f"Thank you. “{title}” is with the moderators; I'll tell you what they decide."


NO_REVIEW_CHANNEL: Final = (
    "Notes can't be taken here yet: an administrator has to run `/setup` first and choose the "
    "channel where they are reviewed."
)
NOTES_NEED_A_SERVER: Final = "Notes belong to a server: propose this one there."
CARD_NOT_POSTED: Final = (
    "Your note is kept, but I can't post it in the review channel. Please tell a moderator that I "
    "may not send messages there."
)
NOT_A_MODERATOR: Final = "Only moderators can decide on notes."
OWN_NOTE: Final = "You proposed this note: another moderator has to decide on it."
CARD_GONE: Final = "That note is no longer on record."


def card(note: Note) -> list[str]:
    """A review card: the revision whole, who proposed it, and where it stands; in messages.

    The last message carries the buttons.
    """
    submission = note.revision.submission
    lines = [
        f"**{plain(submission.title)}**",
        f"-# Note {note.id}, proposed by {plain(note.contributor)} "
        f"<t:{int(note.revision.created_at.timestamp())}:R>",
        quoted(shown(submission.text)),
    ]
    if submission.tags:
        lines.append("Tags: " + ", ".join(plain(tag) for tag in submission.tags))
    if submission.link:
        lines.append(f"Source: <{submission.link}>")
    lines.append(standing(note))
    return split("\n".join(lines))


def standing(note: Note) -> str:
    """Where a note stands, in one line."""
    if note.review is None:
        return "**Pending**"
    name = {State.APPROVED: "Approved", State.REJECTED: "Rejected"}.get(
        note.revision.state, "Decided"
    )
    when = f"<t:{int(note.review.created_at.timestamp())}:R>"
    reason = f": {plain(note.review.reason)}" if note.review.reason else ""
    return f"**{name}** by {plain(note.review.moderator)} {when}{reason}"


def already_decided(note: Note) -> str:
    """To the second of two moderators."""
    return f"This note has been decided already. {standing(note)}"


def decided(note: Note) -> str:
    """To the moderator who decided."""
    title = plain(note.revision.submission.title)
    if note.revision.state is State.APPROVED:
        return f"“{title}” is live: questions are answered from it now."
    return f"“{title}” is rejected. I'm telling {plain(note.contributor)}."


def outcome_for_contributor(note: Note) -> str:
    """To the contributor, when a moderator has decided."""
    title = plain(note.revision.submission.title)
    if note.revision.state is State.APPROVED:
        return f"Your note “{title}” was approved: questions are answered from it now. Thank you!"
    review = note.review
    reason = f"\nThe reason: {plain(review.reason)}" if review and review.reason else ""
    return (
        f"Your note “{title}” was not accepted.{reason}\n"
        "You can propose it again with `/note add`. This is what you wrote:\n"
        + quoted(shown(_shortened_text(note.revision.submission.text)))
    )


def _shortened_text(text: str, limit: int = 1_400) -> str:
    return text if len(text) <= limit else text[:limit].rstrip() + " …"


# Setting up, and about.

PERMISSION_NAMES: Final[Mapping[str, str]] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "read_message_history": "Read Message History",
    "embed_links": "Embed Links",
}


def set_up(channel: str, role: str, missing: Sequence[str]) -> str:
    """To the administrator, when `/setup` is done. `channel` and `role` are mentions."""
    lines = [f"Notes are reviewed in {channel}, by {role} and by administrators."]
    if missing:
        names = ", ".join(f"**{PERMISSION_NAMES.get(name, name)}**" for name in missing)
        lines.append(f"I still lack permissions in {channel}: {names}. Grant me these there.")
    else:
        lines.append("I have every permission I need there.")
    return "\n".join(lines)


SETUP_NEEDS_ADMIN: Final = "Only somebody who may manage the server can run `/setup`."


def about(version: str, counts: Mapping[str, int], model: str) -> str:
    """What this is and how much it knows."""
    lines = [
        f"**Commonplace {version}** answers from what this community knows, in quotations.",
        f"{counts['documents']:,} documents in {counts['passages']:,} passages; index generation "
        f"{counts['generation']:,}; model {plain(model)}.",
    ]
    if "live" in counts:
        lines.append(
            f"Here: {counts['live']:,} notes live, {counts['pending']:,} waiting for review, "
            f"{counts['questions']:,} questions asked."
        )
    lines.append("Ask with `/ask`, add what you know with `/note add`.")
    return "\n".join(lines)


def failed(error_id: str) -> str:
    """When something went wrong that nobody foresaw."""
    return (
        "Something went wrong on my side, and nothing was lost that had been confirmed. "
        f"Please tell an administrator this number: `{error_id}`."
    )


def decision_label(decision: Decision) -> str:
    """The button for a decision."""
    return {Decision.APPROVE: "Approve", Decision.REJECT: "Reject"}[decision]
